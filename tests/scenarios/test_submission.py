"""SCENARIOS 16, 19 to 22, 29 and D4, D5, D11, D24: what is sent, once, and what is refused."""

import pytest

from interlock.orders import facts as f
from interlock.orders import requests as q
from interlock.orders.commands import Accepted
from interlock.orders.instruments import Instrument, PriceBand
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.reports import (
    Acknowledged,
    Balance,
    BalancesTold,
    OpenOrders,
    VenueReject,
    VenueStatus,
)
from tests.scenarios.orders import bracket, exits, limit, market, stop
from tests.tape import BTC, MS, SECOND, Tape


def test_scenario_16_nothing_is_concluded_from_an_incomplete_or_stale_read():
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.give(OpenOrders(tape.at, "PAPER", tape.at, (), complete=False))
    tape.give(OpenOrders(tape.at, "PAPER", tape.at, ()))
    assert tape.working(order) == {"entry": 10}
    assert not order.done


def test_scenario_16_not_found_is_no_proof_while_the_request_may_still_arrive():
    tape = Tape()
    order = tape.place(bracket())
    tape.wait(4 * SECOND)
    tape.status(order, "entry", VenueStatus.NOT_FOUND)
    assert len(tape.submits("entry")) == 1
    venue = tape.leg(order, "entry").venue
    assert venue is not None
    tape.at = venue.valid_until + 1
    tape.status(order, "entry", VenueStatus.NOT_FOUND)
    assert [s.client_id for s in tape.submits("entry")] == [
        tape.id(order, "entry", 1),
        tape.id(order, "entry", 2),
    ]


def test_scenario_19_a_lost_reply_is_found_by_its_id_and_not_sent_again():
    tape = Tape()
    order = tape.place(bracket())
    said = tape.wait(4 * SECOND)
    assert "< Query entry.1" in said
    tape.status(order, "entry", VenueStatus.WORKING)
    assert len(tape.submits("entry")) == 1
    assert tape.leg(order, "entry").state == "working"


def test_scenario_19_a_duplicate_id_means_that_the_first_send_arrived():
    tape = Tape()
    order = tape.place(bracket())
    said = tape.rejected(order, "entry", VenueReject.DUPLICATE_CLIENT_ID)
    assert "< Query entry.1" in said
    assert tape.leg(order, "entry").venue is not None


def test_scenario_19_a_venue_that_promises_nothing_about_ids_is_never_resent_to():
    tape = Tape(id_promise="none")
    order = tape.place(bracket())
    tape.wait(4 * SECOND)
    venue = tape.leg(order, "entry").venue
    assert venue is not None
    tape.at = venue.valid_until + SECOND
    tape.status(order, "entry", VenueStatus.NOT_FOUND)
    assert len(tape.submits("entry")) == 1
    assert "in_doubt" in tape.incidents()


def test_scenario_20_the_same_request_again_gets_the_same_answer():
    tape = Tape()
    first = tape.place(bracket(), client_order_id="mine")
    sent = len(tape.requests)
    answer = tape.refused_or_placed(bracket(), client_order_id="mine")
    assert answer == Accepted(first.id, 1, replayed=True)
    assert len(tape.requests) == sent
    reject = tape.refuse(bracket("11"), client_order_id="mine")
    assert reject.code is RejectCode.DUPLICATE_ID
    tape.restart()
    again = tape.refused_or_placed(bracket(), client_order_id="mine")
    assert again == Accepted(first.id, 1, replayed=True)


def test_scenario_20_a_request_older_than_its_limit_is_refused():
    tape = Tape()
    made = tape.at - 2 * SECOND
    reject = tape.refuse(bracket(), made_at=made, max_age_ms=1000)
    assert reject.code is RejectCode.SIGNAL_TOO_OLD
    tape.place(bracket(), made_at=made, max_age_ms=3000)


@pytest.mark.parametrize(
    ("instrument", "order", "code", "path"),
    [
        (
            Instrument("BTC.PAPER", "0.01", "1", price_band=PriceBand(500, 500)),
            bracket(target="150.00"),
            RejectCode.PRICE_OUTSIDE_BAND,
            "order.take_profit.price",
        ),
        (
            Instrument("BTC.PAPER", "0.01", "1", min_notional="960"),
            bracket(),
            RejectCode.NOTIONAL_BELOW_MINIMUM,
            "order.stop_loss.quantity",
        ),
    ],
)
def test_scenario_21_what_cannot_work_at_the_venue_is_refused_naming_the_leg(
    instrument, order, code, path
):
    tape = Tape(instrument)
    tape.trade("100.00")
    reject = tape.refuse(order)
    assert (reject.code, reject.path) == (code, path)
    assert reject.rule
    assert reject.way_out


def test_scenario_21_a_leg_the_venue_cannot_hold_is_refused_before_anything_is_sent():
    tape = Tape()
    reject = tape.refuse(exits(), policy={"hold": "venue"})
    assert (reject.code, reject.path) == (RejectCode.NOT_SUPPORTED, "policy.hold")


def test_scenario_21_a_halted_instrument_is_refused():
    from interlock.orders.reports import InstrumentStatus

    tape = Tape()
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", trading=False))
    assert tape.refuse(bracket()).code is RejectCode.INSTRUMENT_HALTED
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", trading=True))
    tape.place(bracket())


def test_scenario_22_and_d4_a_refused_target_leaves_the_stop_where_it_is():
    tape = Tape()
    order = tape.place(bracket())
    tape.fill(order, "entry", 10, "100.00")
    for _ in range(6):
        if tape.leg(order, "target").venue is None:
            break
        tape.rejected(order, "target", VenueReject.POST_ONLY_WOULD_CROSS)
        tape.wait(2 * SECOND)
    assert tape.leg(order, "target").state == "rejected"
    assert tape.armed(order) == ["stop"]
    assert "exit_rejected" in tape.incidents()
    assert "naked_position" not in tape.incidents(), "the stop protects it"
    tape.trade("95.00")
    assert tape.submits("stop")[-1].quantity == 10


@pytest.mark.parametrize(
    ("policy", "sends"), [("retry_then_market", 4), ("market", 1), ("alert", 1)]
)
def test_scenario_22_a_stop_limit_refused_goes_on_as_its_policy_says(policy, sends):
    tape = Tape()
    order = tape.place(
        {
            "type": "bracket",
            "entry": limit("buy", "100.00", "10", id="entry"),
            "stop_loss": {
                "type": "stop_limit",
                "id": "stop",
                "side": "sell",
                "trigger_price": "95.00",
                "price": "94.00",
            },
        },
        policy={"on_exit_reject": policy},
    )
    tape.fill(order, "entry", 10, "100.00")
    tape.trade("95.00")
    for _ in range(sends):
        tape.rejected(order, "stop", VenueReject.PRICE_BAND)
        tape.wait(SECOND * 2)
    kinds = [str(s.order_type) for s in tape.submits("stop")]
    if policy == "alert":
        assert kinds == ["limit"]
        assert "naked_position" in tape.incidents()
    else:
        assert kinds == ["limit"] * sends + ["market"]
        tape.fill(order, "stop", 10, "93.00")
        assert order.done == "filled"


def test_d5_a_fired_stop_the_venue_refuses_is_sent_again_and_its_sibling_not_thrown_away():
    tape = Tape()
    order = tape.place(bracket())
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.trade("94.00")
    tape.canceled(order, "target")
    tape.rejected(order, "stop", VenueReject.INSUFFICIENT_MARGIN)
    tape.wait(SECOND)
    assert len(tape.submits("stop")) == 2
    for _ in range(10):
        if tape.leg(order, "stop").ended:
            break
        tape.rejected(order, "stop", VenueReject.INSUFFICIENT_MARGIN)
        tape.wait(30 * SECOND)
    assert tape.leg(order, "stop").state == "rejected"
    assert "naked_position" in tape.incidents(), "a person is told"
    assert tape.submits("target")[-1].quantity == 10, "the sibling is back at work"


def test_scenario_29_a_stop_limit_unfilled_escalates_without_two_live_exits():
    tape = Tape()
    order = tape.place(
        {
            "type": "bracket",
            "entry": limit("buy", "100.00", "10", id="entry"),
            "take_profit": limit("sell", "110.00", id="target"),
            "stop_loss": {
                "type": "stop_limit",
                "id": "stop",
                "side": "sell",
                "trigger_price": "95.00",
                "price": "94.90",
                "escalate": {"after_ms": 3000, "to": "market"},
            },
        }
    )
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.trade("95.00")
    tape.canceled(order, "target")
    tape.ack(order, "stop")
    tape.fill(order, "stop", 4, "94.90")
    said = tape.wait(3 * SECOND)
    assert "< Cancel stop.1" in said
    assert len(tape.submits("stop")) == 1, "the limit is still live"
    said = tape.canceled(order, "stop")
    assert "< Submit stop.2 sell 6 market" in said
    tape.fill(order, "stop", 6, "93.00")
    assert tape.held(order) == 0
    assert order.done == "filled"


def test_d11_a_crash_between_the_decision_and_the_send_is_settled_on_start():
    tape = Tape()
    order = tape.place(bracket())
    said = tape.restart()
    order = tape.state.orders[order.id]
    assert "< Query entry.1" in said
    venue = tape.leg(order, "entry").venue
    assert venue is not None
    tape.at = venue.valid_until + 1
    tape.status(order, "entry", VenueStatus.NOT_FOUND)
    assert tape.submits("entry")[-1].client_id == tape.id(order, "entry", 2)


def test_d24_children_acknowledged_late_and_in_any_order_are_matched_by_id():
    tape = Tape(native_stop=True)
    order = tape.place(exits(), policy={"hold": "venue"})
    for leg in ("stop", "target"):
        tape.give(Acknowledged(tape.at, tape.id(order, leg), ""))
    assert tape.leg(order, "stop").state == tape.leg(order, "target").state == "working"
    tape.fill(order, "target", 100, "110.00")
    tape.give(Acknowledged(tape.at, tape.id(order, "target"), "late"))
    assert tape.leg(order, "target").cum == 100


def test_rate_limits_are_waited_out_as_the_venue_says():
    tape = Tape()
    order = tape.place(bracket())
    tape.rejected(order, "entry", VenueReject.RATE_LIMITED, retry_at=tape.at + 7 * SECOND)
    tape.wait(6 * SECOND)
    assert len(tape.submits("entry")) == 1
    tape.wait(2 * SECOND)
    assert len(tape.submits("entry")) == 2


def test_an_immediate_entry_that_finds_nothing_ends_and_leaves_nothing():
    from interlock.orders.reports import CancelReason

    tape = Tape()
    order = tape.place(
        {
            "type": "bracket",
            "entry": limit("buy", "100.00", "10", id="entry", time_in_force="ioc"),
            "stop_loss": stop("sell", "95.00", id="stop"),
        }
    )
    tape.canceled(order, "entry", CancelReason.IMMEDIATE)
    assert order.done == "canceled"


def test_every_request_names_its_validity_and_no_id_is_ever_used_twice():
    tape = Tape()
    order = tape.place(
        {
            "type": "bracket",
            "entry": market("buy", "10", id="entry"),
            "stop_loss": stop("sell", "95.00", id="stop"),
        }
    )
    tape.rejected(order, "entry", VenueReject.RATE_LIMITED)
    tape.wait(SECOND)
    ids = [s.client_id for s in tape.submits()]
    assert len(ids) == len(set(ids)) == 2
    assert all(s.valid_until > tape.at - 10 * SECOND for s in tape.submits())
    assert any(isinstance(x, f.LegRetrying) for x in tape.facts)
    assert not any(isinstance(x, q.CancelVenueOrder) for x in tape.requests)
    assert isinstance(tape.answer, Accepted | None)
    assert BTC.min_quantity == "1"


def test_unknown_orders_and_legs_are_named_in_the_refusal():
    tape = Tape()
    order = tape.place(bracket())
    answer = tape.command("cancel", order_id="o0zzzzz")
    assert isinstance(answer, Reject)
    assert answer.code is RejectCode.ORDER_UNKNOWN
    answer = tape.command("cancel_leg", order_id=order.id, leg="nope")
    assert isinstance(answer, Reject)
    assert answer.code is RejectCode.LEG_UNKNOWN
    assert "entry, target, stop" in answer.way_out


def test_a_venue_that_may_take_fills_back_is_asked_again_whatever_the_order_says():
    tape = Tape(final_after_ns=500 * MS)
    order = tape.place(exits("10"))
    tape.ack(order, "target")
    tape.trade("100.00")
    said = tape.fill(order, "target", 10, "110.00", "one")
    assert tape.armed(order) == [], "frozen at once"
    assert not [line for line in said if line.startswith("<")], "and nothing is believed yet"
    assert "< Query target.1" in tape.wait(500 * MS)
    tape.status(order, "target", VenueStatus.FILLED, ("one", 10, "110.00"))
    assert order.done == "filled"


def test_balances_decide_nothing_by_themselves():
    tape = Tape()
    order = tape.place(bracket())
    before = len(tape.facts)
    tape.give(BalancesTold(tape.at, "PAPER", "main", tape.at, (Balance("USDT", "0", "0"),)))
    assert (len(tape.facts), order.done) == (before, "")
