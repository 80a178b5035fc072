"""Conditions that come to hold: what a trail starts from then, and who of two is due first."""

import pytest

from interlock.orders import facts as f
from tests.scenarios.orders import BTC, exits, limit, market, stop, trailing
from tests.tape import SECOND, START, Tape

AT_110 = {"price": {"instrument": BTC, "at_or_above": "110.00"}}
IN_A_SECOND = {"time": {"at_or_after": START + SECOND}}


def fired(tape: Tape) -> list[tuple[int, int, int | None]]:
    """Leg, price and trigger price of each."""
    said = [x for x in tape.facts if isinstance(x, f.LegTriggered)]
    return [(x.leg, x.price, x.trigger_price) for x in said]


def test_a_trail_starts_from_the_price_at_which_its_condition_comes_to_hold():
    """World 421631: it waited for the next price, and a gap right after passed unseen."""
    tape = Tape()
    order = tape.place(trailing("sell", "5.00", "10", id="trail", when=AT_110))
    tape.trade("100.00")
    tape.trade("110.00")
    assert tape.leg(order, "trail").watermark == 11000
    tape.trade("120.00")
    tape.trade("105.00")
    assert not fired(tape), "at 105.00 the condition does not hold"
    tape.trade("112.00")
    assert fired(tape) == [(0, 11200, 11500)]


def test_a_trail_whose_time_has_come_starts_from_the_price_there_is():
    """World 436862: the price fell from 29.00 to 28.59 with nothing in between."""
    tape = Tape()
    order = tape.place(trailing("sell", "5.00", "10", id="trail", when=IN_A_SECOND))
    tape.trade("100.00")
    tape.wait(SECOND)
    assert tape.leg(order, "trail").watermark == 10000
    tape.trade("90.00")
    assert fired(tape) == [(0, 9000, 9500)]


def test_a_trail_sees_nothing_while_its_condition_does_not_hold():
    """Worlds 419636, 449790: one watermark for all moved, and this trail was not among them."""
    tape = Tape()
    when = {"not": {"price": {"instrument": BTC, "at_or_above": "110.00"}}}
    tape.place(trailing("sell", "2.00", "1", id="trail"))
    order = tape.place(trailing("sell", "5.00", "10", id="trail", when=when))
    for price in ("100.00", "105.00", "111.00", "130.00", "109.00"):
        tape.trade(price)
    trail = tape.leg(order, "trail")
    assert trail.holds
    assert trail.watermark == 11100, "what ended the condition was seen, what came after was not"
    assert fired(tape)[-1:] == [(0, 10900, 12800)]
    tape.trade("106.00")
    assert fired(tape)[-1:] == [(0, 10600, 10600)]


def test_a_trail_whose_condition_holds_again_goes_on_from_the_better_of_then_and_now():
    tape = Tape()
    when = {"price": {"instrument": "ETH.PAPER", "at_or_above": "50.00"}}
    order = tape.place(trailing("sell", "5.00", "10", id="trail", when=when))
    trail = tape.leg(order, "trail")
    tape.trade("100.00")
    tape.trade("50.00", symbol="ETH.PAPER")
    assert trail.watermark == 10000
    tape.trade("40.00", symbol="ETH.PAPER")
    tape.trade("98.00")
    tape.trade("50.00", symbol="ETH.PAPER")
    assert trail.watermark == 10000, "it never loosens"
    tape.trade("40.00", symbol="ETH.PAPER")
    tape.trade("130.00")
    tape.trade("50.00", symbol="ETH.PAPER")
    assert trail.watermark == 13000


@pytest.mark.parametrize("first", ["limit", "stop"])
def test_of_two_entries_due_on_one_tick_the_first_listed_fires_though_the_other_was_conditioned(
    first,
):
    """Worlds 424158 and 440010: a tick makes a condition hold, and the price is there as well."""
    tape = Tape()
    plain = {
        "limit": limit("buy", "95.00", "3", id="plain", hold="engine"),
        "stop": stop("sell", "95.00", "3", id="plain"),
    }
    when = {"not": {"price": {"instrument": BTC, "at_or_above": "96.00"}}}
    other = stop("sell", "94.00", "5", id="other", when=when)
    order = tape.place({"type": "oco", "legs": [plain[first], other]})
    tape.trade("100.00")
    tape.trade("90.00")
    assert [leg for leg, _, _ in fired(tape)] == [0]
    assert tape.leg(order, "other").holds is False, "frozen, it looks at nothing"
    assert len(tape.submits()) == 1


def test_a_conditioned_entry_listed_first_fires_before_a_plain_one():
    tape = Tape()
    first = market("buy", "3", id="first", when=AT_110)
    tape.place({"type": "oco", "legs": [first, stop("buy", "105.00", "5", id="second")]})
    tape.trade("100.00")
    tape.trade("111.00")
    assert [leg for leg, _, _ in fired(tape)] == [0]


def test_a_volume_reached_on_a_tick_counts_on_that_tick():
    tape = Tape()
    first = market("buy", "3", id="first", when={"volume": {"at_least": "10"}})
    tape.place({"type": "oco", "legs": [first, stop("buy", "105.00", "5", id="second")]})
    tape.trade("100.00")
    tape.trade("106.00", 20)
    assert [leg for leg, _, _ in fired(tape)] == [0]


def test_two_conditions_that_come_to_hold_at_one_time_let_the_stop_go_first():
    tape = Tape()
    pair = exits()
    pair["legs"] = [
        {**pair["legs"][0], "type": "market_if_touched", "trigger_price": "101.00"},
        {**pair["legs"][1], "trigger_price": "102.00"},
    ]
    for leg in pair["legs"]:
        leg.pop("price", None)
        leg["when"] = IN_A_SECOND
    order = tape.place(pair)
    tape.trade("101.50")
    tape.wait(SECOND)
    assert [order.legs[leg].terms.id for leg, _, _ in fired(tape)] == ["stop"]


def test_what_one_tick_makes_due_is_sent_as_it_was_accepted():
    """Orders touched by their price and by their condition, nearest level last."""
    tape = Tape()
    when = {"price": {"instrument": BTC, "at_or_below": "99.00"}}
    orders = [
        tape.place(stop("sell", "90.00", "1", id="far")),
        tape.place(stop("sell", "93.00", "1", id="conditioned", when=when)),
        tape.place(stop("sell", "95.00", "1", id="near")),
    ]
    tape.trade("100.00")
    tape.trade("85.00")
    assert [r.client_id.partition(".")[0] for r in tape.submits()] == [one.id for one in orders]
