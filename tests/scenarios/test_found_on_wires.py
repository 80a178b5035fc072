"""Found by worlds over a real wire, each as a story of its own."""

from interlock.engine.order import Order
from interlock.orders.reports import Position, VenueReject
from tests.scenarios.orders import bracket
from tests.tape import SECOND, Tape


def held(tape: Tape) -> Order:
    """Ten held, with a target that works."""
    order = tape.place(bracket("10"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    return order


def test_a_close_that_finds_the_position_gone_is_over_and_not_tried_again():
    """Somebody closed first: the venue refuses, says twice that nothing is held, and that is it."""
    tape = Tape()
    order = held(tape)
    tape.command("cancel", order_id=order.id, exposure="flatten")
    tape.canceled(order, "target")
    tape.rejected(order, "close_1", VenueReject.REDUCE_ONLY)
    for _ in range(2):
        tape.give(Position(tape.at, "main", "BTC.PAPER", 0, tape.at))
    assert order.done
    assert "flatten_failed" not in tape.incidents()
    before = len(tape.submits("close_1"))
    tape.wait(60 * SECOND)
    assert len(tape.submits("close_1")) == before


def test_a_close_shrinks_to_what_others_have_left():
    tape = Tape()
    order = held(tape)
    tape.command("cancel", order_id=order.id, exposure="flatten")
    tape.canceled(order, "target")
    tape.rejected(order, "close_1", VenueReject.INSUFFICIENT_MARGIN)
    for _ in range(2):
        tape.give(Position(tape.at, "main", "BTC.PAPER", 4, tape.at))
    tape.wait(60 * SECOND)
    assert tape.submits("close_1")[-1].quantity == 4
