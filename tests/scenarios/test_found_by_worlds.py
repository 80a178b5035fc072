"""What simulated worlds broke, each told by hand: the seed is gone, the story stays."""

import pytest

from interlock.engine.order import Order
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.instruments import Instrument
from interlock.orders.reports import CancelReason, VenueStatus
from interlock.orders.requests import QueryVenueOrder
from tests.scenarios.orders import bracket, exits
from tests.tape import Tape

SECOND = 1_000_000_000


def with_hedge() -> dict:
    """An entry with a stop, and beside it a leg that exits nothing."""
    entry = bracket()["entry"]
    return {
        "type": "oto",
        "first": entry,
        "then": {
            "type": "all",
            "legs": [
                {"id": "stop", "type": "stop", "side": "sell", "trigger_price": "95.00"},
                {
                    "id": "hedge",
                    "type": "limit",
                    "instrument": entry["instrument"],
                    "side": "buy",
                    "quantity": "2",
                    "price": "90.00",
                },
            ],
        },
    }


def test_a_stop_beside_a_leg_that_exits_nothing_is_capped_by_what_has_filled():
    tape = Tape()
    order = tape.place(with_hedge())
    tape.ack(order, "entry")
    tape.fill(order, "entry", 3, "100.00")
    armed = [x for x in tape.facts if isinstance(x, f.LegArmed)]
    assert armed[-1].quantity == 3
    tape.trade("94.00")
    assert tape.submits("stop")[-1].quantity == 3


def test_exits_keep_their_share_of_an_entry_that_is_amended():
    for wanted in ("4", "30"):
        tape = Tape()
        order = tape.place(bracket())
        tape.ack(order, "entry")
        tape.command("amend", order_id=order.id, legs={"entry": {"quantity": wanted}})
        assert tape.leg(order, "target").terms.quantity == int(wanted)
        assert tape.leg(order, "stop").terms.quantity == int(wanted)


def test_a_change_by_others_before_the_acknowledgement_proves_the_order_arrived():
    tape = Tape()
    order = tape.place(bracket())
    name = tape.id(order, "entry")
    tape.give(r.Amended(tape.at, name, 12, 10_000))
    assert tape.leg(order, "entry").terms.quantity == 12
    assert tape.leg(order, "target").terms.quantity == 12


def test_a_fill_left_out_once_is_doubted_and_confirmed_when_it_is_listed_again():
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.fill(order, "entry", 4, "100.00", "one")
    tape.give(r.Connection(tape.at, "PAPER", False))
    tape.give(r.Connection(tape.at, "PAPER", True))
    tape.status(order, "entry", VenueStatus.WORKING)
    assert tape.leg(order, "entry").cum == 4
    assert any(isinstance(x, f.FillDoubted) for x in tape.facts)
    tape.wait(SECOND)
    tape.status(order, "entry", VenueStatus.WORKING, ("one", 4, "100.00"))
    assert tape.leg(order, "entry").fills["one"].doubted == 0
    assert not any(isinstance(x, f.FillRefuted) for x in tape.facts)


def test_the_venues_own_record_of_a_fill_corrects_the_report():
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.fill(order, "entry", 4, "100.00", "one")
    said = tape.fill(order, "entry", 5, "100.00", "one")
    assert "< Query entry.1" in said
    tape.status(order, "entry", VenueStatus.WORKING, ("one", 5, "100.00"))
    assert tape.leg(order, "entry").cum == 5


def taken_away() -> tuple[Tape, Order]:
    """A target that somebody is said to have canceled, and the look at it five seconds later."""
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.canceled(order, "target", CancelReason.OUTSIDE)
    assert "< Query target.1" in tape.wait(5 * SECOND)
    return tape, order


def questions(tape: Tape, name: str) -> int:
    return sum(isinstance(x, QueryVenueOrder) and x.client_id == name for x in tape.requests)


def test_a_late_look_whose_answer_is_lost_is_asked_again_less_and_less_often():
    tape, order = taken_away()
    name = tape.id(order, "target")
    gaps = []
    for _ in range(9):
        began, asked = tape.at, questions(tape, name)
        while questions(tape, name) == asked:
            tape.wait(SECOND)
        gaps.append((tape.at - began) // SECOND)
    assert gaps == [1, 2, 4, 8, 16, 32, 32, 32, 32]
    tape.status(order, "target", VenueStatus.CANCELED, ("late", 4, "110.00"), attempt=1)
    assert tape.leg(order, "target").cum == 4
    asked = questions(tape, name)
    tape.status(order, "target", VenueStatus.CANCELED, ("late", 4, "110.00"), attempt=1)
    tape.wait(600 * SECOND)
    assert questions(tape, name) <= asked + 1  # the late fill itself is asked about, once


def test_an_open_look_is_asked_again_when_the_connection_is_back():
    tape, order = taken_away()
    tape.wait(200 * SECOND)
    tape.give(r.Connection(tape.at, "PAPER", False))
    assert "< Query target.1" not in tape.said
    tape.give(r.Connection(tape.at, "PAPER", True))
    assert tape.said.count("< Query target.1") == 1
    tape.status(order, "target", VenueStatus.CANCELED, attempt=1)
    tape.give(r.Connection(tape.at, "PAPER", True))
    assert "< Query target.1" not in tape.said


@pytest.mark.parametrize("answer", [VenueStatus.CANCELED, VenueStatus.NOT_FOUND])
def test_a_late_look_ends_with_the_venues_answer(answer):
    tape, order = taken_away()
    tape.status(order, "target", answer, attempt=1)
    asked = questions(tape, tape.id(order, "target"))
    tape.wait(600 * SECOND)
    assert questions(tape, tape.id(order, "target")) == asked


def test_a_recall_of_a_stray_that_nobody_answers_is_asked_about():
    tape, order = taken_away()
    said = tape.status(order, "target", VenueStatus.WORKING, attempt=1)
    assert "< Cancel target.1" in said
    tape.give(r.OutcomeUnknown(tape.at, tape.id(order, "target"), "timed out"))
    assert "< Query target.1" in tape.wait(SECOND)
    tape.status(order, "target", VenueStatus.CANCELED, ("late", 4, "110.00"), attempt=1)
    assert tape.leg(order, "target").cum == 4


def test_an_order_with_an_open_look_is_forgotten_only_after_the_answer():
    tape, order = taken_away()
    tape.trade("94.00")
    tape.fill(order, "stop", 10, "94.00")
    assert order.done
    tape.wait(2000 * SECOND)
    assert order.id in tape.state.orders
    tape.status(order, "target", VenueStatus.CANCELED, attempt=1)
    tape.wait(SECOND)
    assert order.id not in tape.state.orders


def double_filled() -> tuple[Tape, Order]:
    """Two buys of 10, each cancels the other; both filled, and the excess of 10 is being sold."""
    tape = Tape()
    legs = [dict(bracket()["entry"], id=name) for name in ("one", "two")]
    order = tape.place({"type": "oco", "on_partial_fill": "cancel", "legs": legs})
    tape.ack(order, "one", "two")
    tape.fill(order, "one", 10, "100.00")
    tape.fill(order, "two", 10, "100.00")
    tape.ack(order, "flatten_1")
    assert tape.working(order) == {"flatten_1": 10}
    return tape, order


def changed_by_others(tape: Tape, order: Order, quantity: int) -> list[str]:
    tape.give(r.Amended(tape.at, tape.id(order, "flatten_1"), quantity))
    assert "outside_change" in tape.incidents()
    assert tape.leg(order, "flatten_1").terms.quantity == 10
    return tape.said


def test_a_flattening_that_somebody_made_larger_is_sent_anew_for_what_there_is_to_undo():
    tape, order = double_filled()
    assert "< Cancel flatten_1.1" in changed_by_others(tape, order, 25)
    assert "< Submit flatten_1.2 sell 10 market" in tape.canceled(order, "flatten_1")
    tape.fill(order, "flatten_1", 10, "100.00")
    assert (order.done, tape.held(order)) == ("filled", 10)


def test_what_a_flattening_made_larger_has_filled_beyond_its_size_is_an_excess():
    tape, order = double_filled()
    changed_by_others(tape, order, 25)
    said = tape.fill(order, "flatten_1", 25, "100.00")
    assert "< Submit flatten_2.1 buy 15 market" in said
    assert tape.incidents().count("double_fill") == 2
    tape.fill(order, "flatten_2", 15, "100.00")
    assert (order.done, tape.held(order)) == ("filled", 10)


def test_a_flattening_that_somebody_made_smaller_is_sent_again_for_the_rest():
    tape, order = double_filled()
    changed_by_others(tape, order, 4)
    assert tape.working(order) == {"flatten_1": 4}
    assert "< Submit flatten_1.2 sell 6 market" in tape.fill(order, "flatten_1", 4, "100.00")


def test_a_stop_below_the_venues_minimum_is_not_handed_to_the_hedge_beside_it():
    tape = Tape(Instrument("BTC.PAPER", "0.01", "1", min_quantity="3"))
    body = with_hedge()
    body["then"]["legs"][1]["quantity"] = "4"
    order = tape.place(body, policy={"dust": "market_with_last"})
    tape.ack(order, "entry")
    tape.give(r.Amended(tape.at, tape.id(order, "entry"), 2, 10_000))  # by somebody else
    tape.fill(order, "entry", 2, "100.00")
    assert tape.armed(order) == ["stop"]
    assert tape.leg(order, "stop").armed_quantity == 2
    assert tape.leg(order, "hedge").terms.quantity == 4
    assert sum(one.quantity for one in tape.submits("hedge")) <= 4


def test_a_trail_that_its_condition_activates_does_not_fire_on_the_same_tick():
    """The tick that ends one side of its condition reaches its activation price as well."""
    tape = Tape()
    body = bracket()
    del body["take_profit"]
    either = {"price": {"instrument": "BTC.PAPER", "at_or_above": "100.50"}}
    other = {"price": {"instrument": "BTC.PAPER", "at_or_below": "101.50"}}
    body["stop_loss"] = {
        "type": "trailing_stop",
        "id": "stop",
        "side": "sell",
        "trail": {"ticks": 7},
        "activation_price": "101.00",
        "when": {"any": [either, other]},
    }
    order = tape.place(body)
    tape.trade("100.20")
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.trade("102.00")
    assert any(isinstance(x, f.TrailActivated) for x in tape.facts)
    assert not any(isinstance(x, f.LegTriggered) for x in tape.facts)
    tape.trade("101.93")
    assert tape.submits("stop")[-1].quantity == 10


@pytest.mark.parametrize("native_amend", [False, True])
def test_an_exit_rounded_up_to_the_venues_minimum_is_left_where_it_is(native_amend):
    btc = Instrument("BTC.PAPER", "0.01", "1", min_quantity="3")
    tape = Tape(btc, native_amend=native_amend, native_stop=True)
    body = exits("10")
    body["legs"][1]["hold"] = "venue"
    order = tape.place(body, policy={"dust": "round_up_reduce_only"})
    tape.ack(order, "target", "stop")
    tape.fill(order, "target", 8, "110.00")
    assert "< Submit stop.2 sell 3 stop at 95.00 reduce-only" in tape.canceled(order, "stop")
    tape.ack(order, "stop")
    assert not any(line.startswith("<") for line in tape.said)
    assert tape.working(order)["stop"] == 3
