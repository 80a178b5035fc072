"""SCENARIOS 1 to 4 and D2: what happens when two things happen at once."""

from interlock.orders import facts as f
from interlock.orders import requests as q
from interlock.orders.reports import CancelReason, VenueReject, VenueStatus
from tests.scenarios.orders import bracket, exits, straddle
from tests.tape import Tape


def open_position(tape: Tape, quantity: int = 100, **more: object):
    order = tape.place(bracket(str(quantity)), **more)
    tape.ack(order, "entry")
    tape.fill(order, "entry", quantity, "100.00")
    tape.ack(order, "target")
    return order


def test_scenario_01_both_exits_fill_and_the_excess_is_closed_exactly_once():
    tape = Tape()
    order = open_position(tape, policy={"on_recall": "race"})
    said = tape.trade("94.00")
    assert "< Submit stop.1 sell 100 market reduce-only" in said, "race sends at once"
    tape.fill(order, "target", 100, "110.00")
    said = tape.fill(order, "stop", 100, "94.00")
    assert tape.incidents() == ["double_fill"]
    assert "< Submit flatten_1.1 buy 100 market" in said
    tape.fill(order, "flatten_1", 100, "94.10")
    assert tape.held(order) == 0
    assert order.done
    assert len(tape.submits("flatten_1")) == 1, "undone at most once"


def test_scenario_01_keep_and_alert_record_the_excess_and_leave_it():
    for policy in ("keep", "alert"):
        tape = Tape()
        order = open_position(tape, policy={"on_recall": "race", "on_overfill": policy})
        tape.trade("94.00")
        tape.fill(order, "target", 100, "110.00")
        tape.fill(order, "stop", 100, "94.00")
        assert tape.incidents() == ["double_fill"]
        assert tape.held(order) == -100
        assert not tape.submits("flatten_1")


def test_scenario_02_a_refused_cancel_is_asked_about_before_anything_is_sent():
    tape = Tape()
    order = open_position(tape)
    tape.trade("94.00")
    said = tape.cancel_refused(order, "target", VenueReject.ALREADY_DONE)
    assert "< Query target.1" in said
    assert not tape.submits("stop"), "nothing is sent while the sibling's fate is unknown"
    assert not order.done
    said = tape.status(order, "target", VenueStatus.FILLED, ("t1", 100, "110.00"))
    assert not tape.submits("stop"), "the target's fill won"
    assert order.done == "filled"
    assert tape.held(order) == 0


def test_scenario_02_a_cancel_refused_as_unknown_is_no_proof_either():
    tape = Tape()
    order = open_position(tape)
    tape.trade("94.00")
    tape.cancel_refused(order, "target", VenueReject.UNKNOWN_ORDER)
    assert not tape.submits("stop")
    tape.status(order, "target", VenueStatus.CANCELED, ("t1", 30, "110.00"))
    assert [s.quantity for s in tape.submits("stop")] == [70]


def test_scenario_03_a_fill_after_the_cancel_is_counted_and_the_exits_resized():
    tape = Tape()
    order = open_position(tape)
    tape.trade("94.00")
    tape.canceled(order, "target")
    said = tape.fill(order, "target", 40, "110.00", "late")
    assert tape.leg(order, "target").cum == 40
    assert "late_fill" in tape.incidents()
    tape.fill(order, "target", 40, "110.00", "late")
    assert tape.leg(order, "target").cum == 40, "told twice, counted once"
    assert said
    tape.fill(order, "stop", 100, "94.00")
    assert "double_fill" in tape.incidents()
    tape.fill(order, "flatten_1", 40, "94.00")
    assert tape.held(order) == 0


def test_d2_one_wide_quote_over_both_sides_of_a_straddle_sends_one_leg():
    tape = Tape()
    order = tape.place(straddle())
    tape.quote("99.00", "101.00")
    tape.quote("94.00", "106.00")
    assert len(tape.submits()) == 1
    tape.quote("104.00", "106.00")
    tape.quote("94.00", "96.00")
    assert len(tape.submits()) == 1, "a bounce does not wake the frozen leg"
    assert tape.armed(order) == []
    assert sum(isinstance(x, f.LegTriggered) for x in tape.facts) == 1


def test_d2_two_held_exits_both_through_when_armed_only_the_stop_fires():
    """An entry fills in a gap: target and stop are both behind the market when they are armed."""
    tape = Tape()
    order = tape.place(
        {
            "type": "oto",
            "first": {
                "type": "limit",
                "instrument": "BTC.PAPER",
                "side": "buy",
                "quantity": "10",
                "price": "100.00",
                "id": "entry",
            },
            "then": {
                "type": "oco",
                "legs": [
                    {"type": "market_if_touched", "trigger_price": "101.00", "id": "target"},
                    {
                        "type": "trailing_stop",
                        "trail": {"ticks": 1},
                        "id": "stop",
                        "activation_price": "101.00",
                    },
                    {"type": "stop", "trigger_price": {"from_entry": {"bps": -1}}, "id": "floor"},
                ],
            },
        }
    )
    tape.ack(order, "entry")
    tape.trade("102.00")
    tape.fill(order, "entry", 10, "103.00")
    fired = [order.legs[x.leg].terms.id for x in tape.facts if isinstance(x, f.LegTriggered)]
    assert fired == ["floor"]
    assert [tape._leg_of(s) for s in tape.submits() if s.side < 0] == ["floor"]


def test_d2_on_one_quote_the_leg_listed_first_wins_whichever_side_of_the_quote_it_watches():
    for first in ("up", "down"):
        tape = Tape()
        pair = straddle()
        pair["legs"].sort(key=lambda leg: leg["id"] != first)
        tape.place(pair)
        tape.quote("99.00", "101.00")
        tape.quote("94.00", "106.00")
        assert [tape._leg_of(s) for s in tape.submits()] == [first]


def test_d2_a_bounce_through_target_and_stop_sends_one_of_two_held_exits():
    tape = Tape()
    order = tape.place(exits(), policy={"hold": "engine"})
    tape.trade("100.00")
    tape.trade("94.00")
    tape.trade("111.00")
    assert [tape._leg_of(s) for s in tape.submits()] == ["stop"]
    assert order.claims == {0: 1}


def test_two_legs_due_on_one_price_the_stop_wins_over_the_target():
    tape = Tape()
    order = tape.place(
        {
            "type": "oco",
            "on_partial_fill": "reduce",
            "legs": [
                {
                    "type": "market_if_touched",
                    "instrument": "BTC.PAPER",
                    "side": "sell",
                    "quantity": "10",
                    "trigger_price": "94.00",
                    "id": "target",
                    "reduce_only": True,
                },
                {
                    "type": "stop",
                    "instrument": "BTC.PAPER",
                    "side": "sell",
                    "quantity": "10",
                    "trigger_price": "96.00",
                    "id": "stop",
                    "reduce_only": True,
                },
            ],
        }
    )
    tape.trade("95.00")
    assert [tape._leg_of(s) for s in tape.submits()] == ["stop"]
    assert order.claims == {0: 1}


def test_the_siblings_fill_wins_and_the_claim_passes_to_it():
    """3.1 step 3: an entry straddle of a resting limit and a held stop."""
    tape = Tape()
    order = tape.place(
        {
            "type": "oco",
            "legs": [
                {
                    "type": "limit",
                    "instrument": "BTC.PAPER",
                    "side": "sell",
                    "quantity": "10",
                    "price": "110.00",
                    "id": "fade",
                },
                {
                    "type": "stop",
                    "instrument": "BTC.PAPER",
                    "side": "buy",
                    "quantity": "10",
                    "trigger_price": "111.00",
                    "id": "follow",
                },
            ],
        }
    )
    tape.ack(order, "fade")
    said = tape.trade("112.00")
    assert "< Cancel fade.1" in said
    said = tape.fill(order, "fade", 10, "110.00")
    assert "> LegClaimed fade" in said
    assert not tape.submits("follow")
    assert order.done == "filled"


def test_a_partly_filled_sibling_shrinks_the_claimed_leg():
    tape = Tape()
    order = open_position(tape)
    tape.trade("94.00")
    tape.fill(order, "target", 40, "110.00")
    tape.canceled(order, "target", cum=40)
    assert [s.quantity for s in tape.submits("stop")] == [60]


def test_a_cancel_told_with_more_filled_than_we_know_is_asked_about():
    tape = Tape()
    order = open_position(tape)
    tape.trade("94.00")
    said = tape.canceled(order, "target", CancelReason.REQUESTED, cum=25)
    assert "< Query target.1" in said
    assert not tape.submits("stop")
    tape.status(order, "target", VenueStatus.CANCELED, ("t9", 25, "110.00"))
    assert [s.quantity for s in tape.submits("stop")] == [75]


def test_unanswered_recalls_are_asked_for_until_known():
    tape = Tape()
    order = open_position(tape)
    tape.trade("94.00")
    said = tape.wait(60_000_000_000)
    assert said.count("< Query target.1") >= 4
    assert "in_doubt" in tape.incidents()
    assert not tape.submits("stop")
    tape.status(order, "target", VenueStatus.CANCELED)
    assert [s.quantity for s in tape.submits("stop")] == [100]


def test_a_claim_is_released_when_its_leg_ends_unfilled_and_siblings_thaw():
    tape = Tape()
    order = tape.place(straddle())
    tape.quote("99.00", "101.00")
    tape.quote("104.50", "105.00")
    tape.rejected(order, "up", VenueReject.INSUFFICIENT_MARGIN)
    assert order.claims == {}
    assert tape.armed(order) == ["down"]
    tape.quote("95.00", "95.10")
    assert [tape._leg_of(s) for s in tape.submits()] == ["up", "down"]


def test_no_request_overtakes_one_in_flight():
    tape = Tape()
    order = open_position(tape)
    tape.command("cancel", order_id=order.id, exposure="flatten")
    tape.command("cancel", order_id=order.id, exposure="flatten")
    cancels = [x for x in tape.requests if isinstance(x, q.CancelVenueOrder)]
    assert len(cancels) == 1
    assert sum(isinstance(x, f.OrderCanceling) for x in tape.facts) == 1


def test_scenario_03_a_late_fill_told_to_nobody_is_found_by_a_second_look():
    tape = Tape()
    order = open_position(tape)
    tape.trade("94.00")
    tape.canceled(order, "target")
    tape.fill(order, "stop", 100, "94.00")
    assert order.done == "filled"
    said = tape.wait(6_000_000_000)
    assert "< Query target.1" in said
    tape.status(order, "target", VenueStatus.CANCELED, ("late", 40, "110.00"), attempt=1)
    assert tape.leg(order, "target").cum == 40
    assert tape.submits("flatten_1")[0].quantity == 40
