"""What only the longest runs of made-up worlds found, each told by hand."""

import pytest

from interlock.engine.order import Order
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.instruments import Instrument
from interlock.orders.reports import CancelReason, VenueReject, VenueStatus
from tests.scenarios.orders import bracket, limit, stop
from tests.tape import Tape

SECOND = 1_000_000_000


def two_ways(first: dict) -> dict:
    """One of two brackets: buy 10 as ``first`` says, or sell 10 at 105."""
    exits = {"take_profit": limit("buy", "90.00", id="low"), "stop_loss": stop("buy", "110.00")}
    other = {"type": "bracket", "entry": limit("sell", "105.00", "10", id="short"), **exits}
    one = bracket() | {"entry": first}
    return {"type": "oco", "on_partial_fill": "cancel", "legs": [one, other]}


def late_fill_of_the_other_side(first: dict) -> tuple[Tape, Order]:
    """The first entry fires, the other is recalled, and 4 of that are told of afterwards."""
    tape = Tape()
    order = tape.place(two_ways(first))
    tape.ack(order, "short")
    tape.trade("100.00")
    tape.canceled(order, "short")
    tape.ack(order, "entry")
    tape.fill(order, "short", 4, "105.00", attempt=1)
    return tape, order


def test_an_entry_that_only_rests_gives_way_to_what_its_sibling_has_filled_late():
    touched = {"type": "limit_if_touched", "trigger_price": "100.00", "id": "entry"}
    touched |= limit("buy", "99.00", "10") | {"type": "limit_if_touched"}
    tape, order = late_fill_of_the_other_side(touched)
    assert "> LegClaimed short" in tape.said
    assert "< Cancel entry.1" in tape.said
    assert [leg.terms.id for leg in order.legs if leg.armed] == ["stop_loss"]
    tape.fill(order, "entry", 10, "99.00")  # on its way out: the other had won
    assert tape.submits("flatten_1")[-1].quantity == 10


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "market_if_touched"},
        {"type": "limit_if_touched", "price": "101.00", "time_in_force": "ioc"},
    ],
)
def test_an_entry_that_fills_at_once_keeps_the_claim_and_the_late_fill_is_flattened(kind):
    touched = {"instrument": "BTC.PAPER", "side": "buy", "quantity": "10", "id": "entry"}
    tape, order = late_fill_of_the_other_side(touched | {"trigger_price": "100.00"} | kind)
    assert "> LegClaimed short" not in tape.said
    tape.fill(order, "entry", 10, "100.00")
    assert [(one.side, one.quantity) for one in tape.submits("flatten_1")] == [(1, 4)]


def test_an_entry_whose_fill_never_happened_is_not_sent_again_once_its_sibling_had_filled():
    tape = Tape()
    order = tape.place(two_ways(limit("buy", "99.00", "10", id="entry")))
    tape.ack(order, "entry", "short")
    tape.fill(order, "entry", 10, "99.00", "phantom")
    tape.canceled(order, "short")
    tape.fill(order, "short", 10, "105.00", attempt=1)
    tape.fill(order, "flatten_1", 10, "105.00")
    for _ in range(2):
        tape.status(order, "entry", VenueStatus.CANCELED, attempt=1)
        tape.wait(SECOND)
    tape.status(order, "entry", VenueStatus.CANCELED, attempt=1)
    assert any(isinstance(x, f.FillRefuted) for x in tape.facts)
    assert len(tape.submits("entry")) == 1


def test_what_closes_a_position_gets_no_safety_stop_of_its_own():
    tape = Tape(native_stop=True)
    again = {"type": "oto", "first": limit("sell", "110.00", id="target")}
    again["then"] = limit("buy", "100.00", id="again")
    body = {"type": "oto", "first": bracket()["entry"], "then": again}
    order = tape.place(body, policy={"safety_stop": {"bps": 2000}})
    assert [leg.terms.id for leg in order.legs] == ["entry", "target", "again", "safety_stop"]


def test_a_fill_told_while_its_order_is_recalled_is_looked_at_once_more():
    """The recall came first, its answer was lost, and the fill had never happened."""
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.trade("94.00")
    tape.fill(order, "target", 10, "110.00", "phantom")
    tape.give(r.OutcomeUnknown(tape.at, tape.id(order, "target"), "timed out"))
    assert order.done
    assert "< Query target.1" in tape.wait(5 * SECOND)
    for _ in range(2):
        tape.status(order, "target", VenueStatus.CANCELED, attempt=1)
        tape.wait(SECOND)
    assert tape.leg(order, "target").cum == 0
    assert tape.submits("stop")[-1].quantity == 10


def test_a_stop_that_the_venue_takes_for_due_waits_for_its_target_to_be_gone():
    tape = Tape(native_stop=True)
    body = bracket()
    body["stop_loss"]["hold"] = "venue"
    order = tape.place(body)
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    said = tape.rejected(order, "stop", VenueReject.WOULD_TRIGGER)
    assert "> LegClaimed stop" in said
    assert "< Cancel target.1" in said
    assert len(tape.submits("stop")) == 1
    assert "< Submit stop.2 sell 10 market" in tape.canceled(order, "target")


def test_what_moves_from_one_target_to_another_is_taken_back_before_it_is_sent():
    """Targets too small for the venue are folded into one; which one changes as the entry fills."""
    tape = Tape(Instrument("BTC.PAPER", "0.01", "1", min_quantity="3"))
    shares = (("near", "50%", "105.00"), ("middle", "25%", "110.00"), ("far", "25%", "115.00"))
    targets = [limit("sell", price, share, id=name) for name, share, price in shares]
    body = bracket("24") | {"take_profit": targets}
    order = tape.place(body, policy={"dust": "market_with_last"})
    tape.ack(order, "entry")
    tape.fill(order, "entry", 6, "100.00")
    assert tape.working(order) == {"entry": 18, "near": 6}
    tape.fill(order, "entry", 3, "100.00")
    assert sum(n for leg, n in tape.working(order).items() if leg != "entry") <= 9
    tape.ack(order, "near", "far")
    tape.canceled(order, "near")
    tape.ack(order, "near")
    tape.canceled(order, "far")
    assert tape.working(order) == {"entry": 15, "near": 4, "far": 5}


def test_a_fill_of_ours_told_late_was_not_a_close_by_others():
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.canceled(order, "target", CancelReason.OUTSIDE)
    for _ in range(2):
        tape.at += SECOND
        tape.give(r.Position(tape.at, "main", "BTC.PAPER", 0, as_of=tape.at))
    assert (order.done, order.adjusted) == ("filled", 10)
    tape.fill(order, "target", 10, "110.00", attempt=1)
    assert tape.state.net["main", "BTC.PAPER", ""] == 0
    other = tape.place(bracket())
    tape.ack(other, "entry")
    tape.fill(other, "entry", 10, "100.00")
    tape.ack(other, "target")
    for _ in range(2):
        tape.at += SECOND
        tape.give(r.Position(tape.at, "main", "BTC.PAPER", 0, as_of=tape.at))
    assert tape.incidents().count("outside_close") == 2
    assert "< Cancel target.1" in tape.said


def test_what_others_close_of_an_excess_is_counted_the_way_it_lies():
    tape = Tape()
    order = tape.place(bracket())
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.canceled(order, "target", CancelReason.OUTSIDE)
    tape.trade("95.00")
    tape.fill(order, "stop", 10, "95.00")
    tape.fill(order, "target", 2, "110.00", attempt=1)
    tape.ack(order, "flatten_1")
    assert tape.state.net["main", "BTC.PAPER", ""] == -2
    nothing_is_there(tape)
    assert (order.adjusted, tape.state.net["main", "BTC.PAPER", ""]) == (2, 0)
    tape.fill(order, "flatten_1", 2, "96.00")
    tape.trade("100.00")
    other = tape.place(bracket())
    tape.fill(other, "entry", 10, "100.00")
    tape.ack(other, "target")
    nothing_is_there(tape)
    assert other.adjusted == 10, "its exits would open what nobody ordered"
    assert "< Cancel target.1" in tape.said


def nothing_is_there(tape: Tape) -> None:
    """The venue says so twice, and is believed."""
    for _ in range(2):
        tape.at += SECOND
        tape.give(r.Position(tape.at, "main", "BTC.PAPER", 0, as_of=tape.at))


def both_sides_filled(on_overfill: str) -> tuple[Tape, Order]:
    """4 of the long are bought; the short, thought gone, has sold 6; each has a target working."""
    tape = Tape()
    body = two_ways(limit("buy", "100.00", "10", id="entry"))
    order = tape.place(body, policy={"on_overfill": on_overfill})
    tape.ack(order, "entry", "short")
    tape.fill(order, "entry", 4, "100.00")
    tape.canceled(order, "short")
    tape.ack(order, "target")
    tape.fill(order, "short", 6, "105.00", attempt=1)
    return tape, order


@pytest.mark.parametrize("on_overfill", ["alert", "keep"])
def test_a_stop_does_not_wait_for_the_target_of_a_late_fill_that_is_kept(on_overfill):
    tape, order = both_sides_filled(on_overfill)
    tape.ack(order, "low")
    assert tape.working(order) == {"entry": 6, "target": 4, "low": 6}
    said = tape.trade("94.00")
    assert "< Cancel target.1" in said
    assert "< Cancel low.1" not in said
    assert not tape.submits("stop")  # its own target may still fill
    assert "< Submit stop.1 sell 4 market" in tape.canceled(order, "target")


def test_a_target_that_is_replaced_comes_back_beside_the_target_of_a_late_fill():
    tape, order = both_sides_filled("alert")
    tape.ack(order, "low")
    assert "< Cancel target.1" in tape.fill(order, "entry", 6, "100.00")
    assert "< Submit target.2 sell 10 limit @ 110.00" in tape.canceled(order, "target")


def test_a_late_fill_that_is_flattened_gets_no_target_to_wait_for():
    tape, order = both_sides_filled("flatten")
    assert tape.submits("flatten_1")[-1].quantity == 6
    assert not tape.submits("low")
    tape.trade("94.00")
    assert "< Submit stop.1 sell 4 market" in tape.canceled(order, "target")


def test_a_stop_does_not_wait_for_the_re_entry_behind_a_target_that_filled_in_part():
    tape = Tape()
    again = {"type": "oto", "first": limit("sell", "110.00", id="target")}
    again["then"] = limit("buy", "100.00", id="again")
    exits = {"type": "oco", "on_partial_fill": "reduce", "legs": [again, bracket()["stop_loss"]]}
    body = {"type": "oto", "first": bracket()["entry"], "then": exits}
    order = tape.place(body, policy={"on_overfill": "alert"})
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.fill(order, "target", 4, "110.00")
    tape.ack(order, "again")
    tape.trade("94.00")
    assert "< Submit stop.1 sell 6 market" in tape.canceled(order, "target")
