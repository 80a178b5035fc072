"""What simulated worlds broke, each told by hand: the seed is gone, the story stays."""

import pytest

from interlock.engine.order import Order
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.reports import CancelReason, VenueStatus
from interlock.orders.requests import QueryVenueOrder
from tests.scenarios.orders import bracket
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
