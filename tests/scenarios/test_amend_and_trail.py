"""SCENARIOS 10 to 13 and D10, D16, D20, D23: moving a stop, and letting it move itself."""

import pytest

from interlock.orders import facts as f
from interlock.orders.commands import Accepted
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.reports import AmendRefused, CancelReason, VenueReject, VenueStatus
from tests.scenarios.orders import bracket, exits, limit, stop, trailing
from tests.tape import SECOND, Tape


def protected(tape: Tape, **more: object):
    order = tape.place(bracket(), **more)
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    return order


def test_scenario_10_a_held_stop_moves_without_venue_traffic():
    tape = Tape()
    order = protected(tape)
    before = len(tape.requests)
    answer = tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": "97.00"}})
    assert answer == Accepted(order.id, 2)
    assert len(tape.requests) == before
    tape.trade("97.00")
    assert "stop" in [tape._leg_of(s) for s in tape.submits()] or order.claims


def test_scenario_10_a_stop_at_the_venue_is_amended_in_place_where_it_can_be():
    tape = Tape(native_stop=True, native_amend=True)
    order = tape.place(exits(), policy={"hold": "venue"})
    tape.ack(order, "target", "stop")
    tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": "97.00"}})
    tape.amended(order, "stop")
    venue = tape.leg(order, "stop").venue
    assert venue is not None
    assert venue.trigger_price == 9700


def test_scenario_10_a_replacement_the_venue_refuses_is_market_closed_not_left_naked():
    tape = Tape(native_stop=True)
    order = tape.place(exits(), policy={"hold": "venue"})
    tape.ack(order, "target", "stop")
    tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": "97.00"}})
    tape.canceled(order, "stop")
    for _ in range(4):
        tape.rejected(order, "stop", VenueReject.PRICE_BAND)
        tape.wait(10 * SECOND)
        if order.claims:
            break
    assert "target" in tape.working(order)  # never two exits at the venue for one quantity
    tape.status(order, "target", VenueStatus.CANCELED)
    assert tape.submits("stop")[-1].order_type == "market"
    assert "exit_rejected" in tape.incidents()


def test_scenario_10_a_refused_native_amend_falls_back_to_replacing():
    tape = Tape(native_stop=True, native_amend=True)
    order = tape.place(exits(), policy={"hold": "venue"})
    tape.ack(order, "target", "stop")
    tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": "97.00"}})
    for _ in range(2):
        venue = tape.leg(order, "stop").venue
        assert venue is not None
        tape.give(
            AmendRefused(tape.at, tape.id(order, "stop"), venue.request, VenueReject.UNSUPPORTED)
        )
        tape.at += 10 * SECOND
        tape.status(order, "stop", VenueStatus.WORKING)
    said = tape.canceled(order, "stop")
    assert "< Submit stop.2 sell 100 stop at 97.00 reduce-only" in said


def test_scenario_11_changing_one_leg_of_a_venue_list_sends_the_pair_anew():
    tape = Tape(native_stop=True, native_oco=True)
    pair = exits() | {"on_partial_fill": "cancel"}
    order = tape.place(pair, policy={"hold": "venue"})
    tape.ack(order, "target", "stop")
    tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": "97.00"}})
    tape.canceled(order, "stop")
    tape.canceled(order, "target", CancelReason.OCO)
    assert len(tape.working(order)) == 2
    tape.ack(order, "target", "stop")
    tape.fill(order, "stop", 100, "97.00")
    tape.canceled(order, "target")
    assert order.done == "filled"


def test_scenario_12_a_trailing_stop_never_loosens():
    tape = Tape()
    order = tape.place(trailing("sell", "5.00", "10", id="trail"))
    for price in ("100.00", "104.00", "102.00", "106.00", "103.00"):
        tape.trade(price)
        tape.check()
    said = tape.trade("101.00")
    assert "< Submit trail.1 sell 10 market" in said
    (fired,) = [x for x in tape.facts if isinstance(x, f.LegTriggered)]
    assert fired.trigger_price == 10100
    assert order.legs[0].triggered


def test_scenario_12_and_d10_a_restart_keeps_the_watermark_and_the_activation():
    tape = Tape()
    order = tape.place(trailing("sell", "5.00", "10", id="trail", activation_price="110.00"))
    tape.trade("100.00")
    tape.trade("111.00")
    tape.trade("120.00")
    tape.restart()
    order = tape.state.orders[order.id]
    assert order.legs[0].active
    tape.trade("116.00")
    assert not tape.submits()
    tape.trade("115.00")
    assert len(tape.submits("trail")) == 1


def test_scenario_12_one_fact_for_all_trailing_stops_of_an_instrument():
    tape = Tape()
    for n in range(20):
        tape.place(trailing("sell", f"{5 + n}.00", "1", id="trail"))
    tape.trade("100.00")
    said = tape.trade("101.00")
    assert said == ["> WatermarkMoved @ 101.00"]


def test_scenario_12_a_new_position_starts_its_trail_afresh():
    tape = Tape()
    order = tape.place(
        {
            "type": "oto",
            "first": limit("buy", "100.00", "10", id="entry"),
            "then": trailing("sell", "5.00", id="trail"),
        }
    )
    tape.ack(order, "entry")
    tape.trade("130.00")
    tape.trade("100.00")
    tape.fill(order, "entry", 5, "100.00")
    assert not tape.submits("trail"), "the 130 was before there was a position"
    tape.trade("95.00")
    tape.fill(order, "trail", 5, "95.00")
    tape.trade("120.00")
    tape.trade("100.00")
    tape.fill(order, "entry", 5, "100.00")
    assert len(tape.submits("trail")) == 1, "120 was between two positions"


@pytest.mark.parametrize("moved", ["100.00", "101.00"])
def test_scenario_13_a_stop_moved_through_the_market_is_refused_and_stays(moved):
    tape = Tape()
    order = protected(tape)
    tape.trade("100.00")
    answer = tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": moved}})
    assert isinstance(answer, Reject)
    assert answer.code is RejectCode.STOP_THROUGH_MARKET
    assert tape.leg(order, "stop").armed_level == 9500


def test_scenario_13_a_stop_placed_through_the_market_is_refused_naming_it():
    tape = Tape()
    tape.trade("90.00")
    reject = tape.refuse(stop("sell", "95.00", "10", id="stop"))
    assert reject.code is RejectCode.STOP_THROUGH_MARKET
    assert reject.path == "order.trigger_price"
    assert reject.code.transient


def test_scenario_13_a_child_stop_already_through_when_its_entry_fills_exits_now():
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.trade("94.00")
    said = tape.fill(order, "entry", 10, "94.00")
    assert "> LegTriggered stop @ 94.00" in said
    assert "target" not in tape.working(order)
    assert tape.submits("stop")[-1].quantity == 10


def test_on_gap_hold_and_alert_waits_for_a_person():
    tape = Tape()
    order = tape.place(exits(), policy={"on_gap": "hold_and_alert"})
    tape.ack(order, "target")
    tape.trade("100.00")
    tape.restart()
    order = tape.state.orders[order.id]
    tape.status(order, "target", VenueStatus.WORKING)
    tape.trade("90.00")
    assert not tape.submits("stop")
    assert "gap" in tape.incidents()
    tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": "85.00"}})
    tape.trade("85.00")
    tape.canceled(order, "target")
    assert len(tape.submits("stop")) == 1


def test_d16_a_trailing_stop_placed_before_the_first_tick_waits_for_it():
    tape = Tape()
    order = tape.place(trailing("sell", "5.00", "10", id="trail"))
    assert order.legs[0].watermark is None
    tape.trade("100.00")
    tape.trade("95.01")
    assert not tape.submits()
    tape.trade("95.00")
    assert len(tape.submits()) == 1


@pytest.mark.parametrize(("side", "level"), [("sell", 9951), ("buy", 10051)])
def test_d20_trailing_prices_are_on_the_increment_and_tightened(side, level):
    """50 bps of 100.01 is 0.50005: rounded towards the market."""
    tape = Tape()
    tape.place(
        {
            "type": "trailing_stop",
            "instrument": "BTC.PAPER",
            "side": side,
            "quantity": "1",
            "trail": {"bps": 50},
            "id": "trail",
        }
    )
    tape.trade("100.01")
    tape.trade("90.00" if side == "sell" else "110.00")
    (fired,) = [x for x in tape.facts if isinstance(x, f.LegTriggered)]
    assert fired.trigger_price == level


def test_d23_amends_before_arming_and_in_flight_are_applied_in_order():
    tape = Tape(native_amend=True)
    order = tape.place(bracket())
    tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": "96.00"}})
    tape.command("amend", order_id=order.id, legs={"entry": {"price": "99.00"}})
    assert len([x for x in tape.facts if isinstance(x, f.VenueOrderAmending)]) == 0
    tape.ack(order, "entry")
    tape.amended(order, "entry")
    venue = tape.leg(order, "entry").venue
    assert venue is not None
    assert venue.price == 9900
    tape.fill(order, "entry", 10, "99.00")
    assert tape.leg(order, "stop").armed_level == 9600


def test_d23_amending_claimed_and_frozen_legs_is_refused_with_the_reason():
    tape = Tape()
    order = protected(tape)
    tape.trade("94.00")
    for leg, code in (("stop", RejectCode.LEG_CLAIMED), ("target", RejectCode.LEG_FROZEN)):
        field = "trigger_price" if leg == "stop" else "price"
        answer = tape.command("amend", order_id=order.id, legs={leg: {field: "93.00"}})
        assert isinstance(answer, Reject)
        assert answer.code is code


def test_an_amend_at_another_version_is_refused():
    tape = Tape()
    order = protected(tape)
    body = {"order_id": order.id, "if_version": 1}
    assert isinstance(
        tape.command("amend", legs={"stop": {"trigger_price": "96.00"}}, **body), Accepted
    )
    answer = tape.command("amend", legs={"stop": {"trigger_price": "97.00"}}, **body)
    assert isinstance(answer, Reject)
    assert answer.code is RejectCode.VERSION_MISMATCH
