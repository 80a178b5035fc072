"""Nesting, conditions, rules and confirmation: trees that traders really place."""

import pytest

from interlock.orders.instruments import Instrument
from interlock.orders.rejects import Reject, RejectCode
from tests.scenarios.orders import bracket, limit, market, stop
from tests.tape import SECOND, Tape


def two_brackets() -> dict:
    return {
        "type": "oco",
        "legs": [
            {
                "type": "bracket",
                "entry": stop("buy", "105.00", "10", id="buy"),
                "take_profit": limit("sell", "115.00", id="buy_target"),
                "stop_loss": stop("sell", "100.00", id="buy_stop"),
            },
            {
                "type": "bracket",
                "entry": stop("sell", "95.00", "10", id="sell"),
                "take_profit": limit("buy", "85.00", id="sell_target"),
                "stop_loss": stop("buy", "100.00", id="sell_stop"),
            },
        ],
    }


def test_an_oco_of_two_entries_each_with_its_own_bracket():
    tape = Tape()
    order = tape.place(two_brackets())
    tape.trade("100.00")
    tape.trade("105.00")
    assert tape.armed(order) == []
    tape.fill(order, "buy", 10, "105.10")
    tape.ack(order, "buy_target")
    assert tape.leg(order, "sell").state == "canceled"
    assert tape.armed(order) == ["buy_stop"]
    tape.trade("115.00")
    tape.fill(order, "buy_target", 10, "115.00")
    assert order.done == "filled"
    assert tape.held(order) == 0


@pytest.mark.parametrize("policy", ["flatten", "keep"])
def test_two_resting_entries_that_both_fill_are_flattened_or_protected_by_policy(policy):
    tape = Tape()
    order = tape.place(
        {
            "type": "oco",
            "legs": [
                {
                    "type": "bracket",
                    "entry": limit("buy", "95.00", "10", id="low"),
                    "stop_loss": stop("sell", "90.00", id="low_stop"),
                },
                {
                    "type": "bracket",
                    "entry": limit("sell", "105.00", "10", id="high"),
                    "stop_loss": stop("buy", "110.00", id="high_stop"),
                },
            ],
        },
        policy={"on_overfill": policy},
    )
    tape.trade("100.00")
    tape.ack(order, "low", "high")
    said = tape.fill(order, "low", 10, "95.00")
    assert "< Cancel high.1" in said
    tape.fill(order, "high", 4, "105.00")
    tape.canceled(order, "high")
    assert "double_fill" in tape.incidents()
    if policy == "flatten":
        assert tape.submits("flatten_1")[0].quantity == 4
        tape.fill(order, "flatten_1", 4, "105.00")
        assert tape.armed(order) == ["low_stop"]
        assert tape.held(order) == 10
    else:
        assert tape.armed(order) == ["low_stop", "high_stop"]


def test_a_chain_of_three_each_waits_for_the_one_before():
    tape = Tape()
    order = tape.place(
        {
            "type": "oto",
            "first": limit("buy", "100.00", "10", id="a"),
            "then": {
                "type": "oto",
                "first": limit("sell", "110.00", id="b"),
                "then": limit("buy", "100.00", "10", id="c"),
            },
        }
    )
    tape.ack(order, "a")
    assert tape.working(order) == {"a": 10}
    tape.fill(order, "a", 10, "100.00")
    tape.ack(order, "b")
    assert tape.working(order) == {"b": 10}
    tape.fill(order, "b", 10, "110.00")
    assert tape.working(order) == {"c": 10}


def test_an_oca_of_three_entries_one_wins():
    tape = Tape()
    order = tape.place(
        {
            "type": "oco",
            "legs": [limit("buy", f"{90 + n}.00", "10", id=f"e{n}") for n in range(3)],
        }
    )
    tape.ack(order, "e0", "e1", "e2")
    tape.fill(order, "e2", 1, "92.00")
    tape.canceled(order, "e0")
    tape.canceled(order, "e1")
    assert tape.working(order) == {"e2": 9}


def test_a_condition_on_another_instrument_lets_a_market_leg_go():
    tape = Tape()
    order = tape.place(
        market(
            "buy",
            "10",
            id="go",
            when={
                "all": [
                    {"price": {"instrument": "ETH.PAPER", "at_or_above": "50.00"}},
                    {"not": {"signal": {"name": "panic", "at_or_above": "1"}}},
                ]
            },
        )
    )
    tape.trade("100.00")
    tape.command("signal", name="panic", value="2.5")
    tape.trade("51.00", symbol="ETH.PAPER")
    assert not tape.submits()
    tape.trade("49.00", symbol="ETH.PAPER")
    tape.command("signal", name="panic", value="0")
    assert not tape.submits()
    tape.trade("50.00", symbol="ETH.PAPER")
    assert len(tape.submits("go")) == 1
    assert order.legs[0].triggered


def test_a_stop_with_a_condition_fires_only_while_it_holds():
    tape = Tape()
    tape.place(
        stop(
            "sell",
            "95.00",
            "10",
            id="stop",
            when={"signal": {"name": "armed", "at_or_above": "1"}},
        )
    )
    tape.trade("94.00")
    tape.trade("96.00")
    tape.command("signal", name="armed", value="1")
    assert not tape.submits()
    tape.command("signal", name="armed", value="0")
    tape.trade("94.00")
    assert not tape.submits()
    tape.command("signal", name="armed", value="1")
    assert len(tape.submits()) == 1, "the price is still through when the condition comes"


def test_conditions_on_time_volume_and_legs():
    tape = Tape()
    later = tape.at + 10 * SECOND
    order = tape.place(
        {
            "type": "all",
            "legs": [
                market("buy", "1", id="clock", when={"time": {"at_or_after": later}}),
                market("buy", "2", id="tape", when={"volume": {"at_least": "100"}}),
                market("buy", "3", id="after", when={"leg_filled": "clock"}),
            ],
        }
    )
    tape.trade("100.00", 60)
    tape.trade("100.00", 39)
    assert not tape.submits()
    tape.trade("100.00", 1)
    assert [s.quantity for s in tape.submits()] == [2]
    tape.wait(11 * SECOND)
    assert [s.quantity for s in tape.submits()] == [2, 1]
    tape.fill(order, "clock", 1, "100.00")
    assert [s.quantity for s in tape.submits()] == [2, 1, 3]


def test_a_single_wick_does_not_fire_a_confirmed_trigger():
    tape = Tape()
    tape.place(stop("sell", "95.00", "10", id="stop", trigger_confirm={"ticks": 3}))
    for price in ("94.00", "94.00", "96.00", "94.00", "94.50"):
        tape.trade(price)
    assert not tape.submits()
    tape.trade("94.00")
    assert len(tape.submits()) == 1


def test_a_trigger_confirmed_by_time_needs_no_further_tick():
    tape = Tape()
    tape.place(stop("sell", "95.00", "10", id="stop", trigger_confirm={"ms": 500}))
    tape.trade("94.00")
    tape.wait(400_000_000)
    assert not tape.submits()
    tape.wait(200_000_000)
    assert len(tape.submits()) == 1


def test_targets_relative_to_the_average_fill_follow_it():
    tape = Tape(native_amend=True)
    order = tape.place(bracket("10", target={"from_entry": {"bps": 200}}))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 5, "100.00")
    tape.ack(order, "target")
    assert tape.submits("target")[0].price == 10200
    tape.fill(order, "entry", 5, "98.00")
    tape.amended(order, "target")
    venue = tape.leg(order, "target").venue
    assert venue is not None
    assert (venue.quantity, venue.price) == (10, 10098)


def test_hold_engine_shows_the_venue_one_leg_at_most():
    tape = Tape()
    order = tape.place(bracket(), policy={"hold": "engine"})
    assert not tape.submits()
    tape.trade("101.00")
    tape.trade("100.00")
    assert [tape._leg_of(s) for s in tape.submits()] == ["entry"]
    tape.fill(order, "entry", 10, "100.00")
    assert tape.working(order) == {}
    assert tape.armed(order) == ["target", "stop"]
    tape.trade("110.00")
    assert [s.quantity for s in tape.submits("target")] == [10]
    tape.ack(order, "target")
    assert tape.armed(order) == ["stop"], "a resting target does not disarm the stop"
    said = tape.trade("95.00")
    assert "< Cancel target.1" in said
    said = tape.canceled(order, "target")
    assert "< Submit stop.1 sell 10 market" in said


def test_a_leg_that_waits_for_itself_is_refused():
    tape = Tape()
    order = {
        "type": "all",
        "legs": [
            market("buy", "1", id="a", when={"leg_filled": "b"}),
            market("buy", "1", id="b", when={"leg_filled": "a"}),
        ],
    }
    reject = tape.refuse(order)
    assert reject.code is RejectCode.RULE_CYCLE
    assert "a -> b -> a" in reject.rule


def test_expire_ends_entries_and_leaves_exits():
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.fill(order, "entry", 4, "100.00")
    tape.ack(order, "target")
    tape.command("expire", order_id=order.id)
    tape.canceled(order, "entry")
    assert tape.leg(order, "entry").state == "expired"
    assert tape.working(order) == {"target": 4}


def test_cancel_keeps_exits_unless_told_otherwise():
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.fill(order, "entry", 4, "100.00")
    tape.ack(order, "target")
    tape.command("cancel", order_id=order.id)
    tape.canceled(order, "entry")
    assert tape.armed(order) == ["stop"]
    tape.command("cancel", order_id=order.id, exposure="release")
    tape.canceled(order, "target")
    assert order.done == "filled"
    assert tape.held(order) == 4


def test_legs_without_ids_get_ids_out_of_each_others_way():
    tape = Tape()
    pair = two_brackets()
    for one in pair["legs"]:
        for part in ("entry", "take_profit", "stop_loss"):
            one[part].pop("id")
    order = tape.place(pair)
    ids = [leg.terms.id for leg in order.legs]
    assert ids[0] == "entry"
    assert len(set(ids)) == 6
    order = tape.place(
        {
            "type": "all",
            "legs": [limit("buy", "90.00", "1", id="leg_2"), limit("buy", "91.00", "1")],
        }
    )
    assert [leg.terms.id for leg in order.legs] == ["leg_2", "leg_2_2"]


def test_a_rule_may_not_price_from_an_entry_that_is_not_there():
    tape = Tape()
    reject = tape.refuse(
        {
            "type": "all",
            "legs": [limit("buy", "90.00", "1", id="a"), limit("buy", "89.00", "1", id="b")],
        },
        rules=[
            {
                "when": {"leg_filled": "a"},
                "amend": {"b": {"price": {"from_entry": {"ticks": 1}}}},
            }
        ],
    )
    assert reject.code is RejectCode.NOTHING_TO_EXIT


def test_an_amended_condition_may_not_close_a_cycle():
    tape = Tape()
    order = tape.place(
        {
            "type": "all",
            "legs": [
                market("buy", "1", id="a", when={"leg_filled": "b"}),
                market("buy", "1", id="b", when={"signal": {"name": "s", "at_or_above": "31.5"}}),
            ],
        }
    )
    answer = tape.command("amend", order_id=order.id, legs={"b": {"when": {"leg_filled": "a"}}})
    assert isinstance(answer, Reject)
    assert answer.code is RejectCode.RULE_CYCLE


def test_an_amend_keeps_to_the_minimum_value():
    tape = Tape(Instrument("BTC.PAPER", "0.01", "1", min_notional="500"))
    order = tape.place(limit("buy", "100.00", "10", id="entry"))
    answer = tape.command("amend", order_id=order.id, legs={"entry": {"price": "1.00"}})
    assert isinstance(answer, Reject)
    assert answer.code is RejectCode.NOTIONAL_BELOW_MINIMUM


def test_numbers_no_market_knows_are_refused_and_large_signals_are_not():
    tape = Tape()
    huge = "9" * 25
    assert tape.refuse(limit("buy", huge, "1")).code is RejectCode.BAD_NUMBER
    assert tape.refuse(limit("buy", "100.00", huge)).code is RejectCode.BAD_NUMBER
    late = {"flatten_at": "9999-01-01T00:00:00Z"}
    assert tape.refuse(limit("buy", "100.00", "1"), policy=late).code is RejectCode.BAD_NUMBER
    tape.command("signal", name="vix", value="31.5")
    assert tape.state.signals["vix"] == 31_500_000_000
