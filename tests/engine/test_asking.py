"""Questions to a venue that does not know: one at a time, later and later, until it does."""

from itertools import pairwise

from interlock.orders.reports import FillsTold, OutcomeUnknown, Position, VenueStatus
from interlock.orders.requests import QueryFills, QueryPosition, QueryVenueOrder
from tests.scenarios.orders import bracket
from tests.tape import SECOND, START, Tape

CALM_S = 600


def questions(tape: Tape) -> list[QueryVenueOrder]:
    return [one for one in tape.requests if isinstance(one, QueryVenueOrder)]


def unknowing(tape: Tape, seconds: int) -> list[int]:
    """A venue that answers every question at once with *unknown*: when it was asked, in seconds."""
    asked, answered = [], len(questions(tape))
    for _ in range(seconds):
        tape.wait(SECOND)
        while answered < len(questions(tape)):
            asked.append((tape.at - START) // SECOND)
            tape.give(OutcomeUnknown(tape.at, questions(tape)[answered].client_id, "busy"))
            answered += 1
            assert answered < seconds, "it is asked without end"
    return asked


def test_unknown_in_answer_to_a_question_is_no_reason_to_ask_at_once():
    tape = Tape()
    order = tape.place(bracket())
    tape.give(OutcomeUnknown(tape.at, tape.id(order, "entry"), "no answer"))
    assert len(questions(tape)) == 1
    asked = unknowing(tape, CALM_S)
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses[:5] == [2, 4, 8, 16, 32], "each pause is twice the last"
    assert set(pauses[5:]) == {32}
    assert tape.incidents() == ["in_doubt"], "a person is told, once"


def test_the_venue_that_knows_at_last_is_believed_at_once():
    tape = Tape()
    order = tape.place(bracket())
    tape.give(OutcomeUnknown(tape.at, tape.id(order, "entry"), "no answer"))
    unknowing(tape, 60)
    tape.status(order, "entry", VenueStatus.WORKING)
    assert tape.leg(order, "entry").state == "working"
    assert len(tape.submits("entry")) == 1
    before = len(questions(tape))
    tape.wait(CALM_S * SECOND)
    assert len(questions(tape)) == before


def test_unknown_of_something_new_is_asked_about_at_once():
    """The order is known to work; then its recall has an unknown outcome, twice told."""
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.command("cancel", order_id=order.id)
    for _ in range(2):
        tape.give(OutcomeUnknown(tape.at, tape.id(order, "entry"), "no answer"))
    assert len(questions(tape)) == 1
    tape.status(order, "entry", VenueStatus.CANCELED)
    assert order.done


def test_a_position_that_seems_closed_is_asked_about_again_only_after_the_fills():
    """A balance read before our own stop's fill was told looked like somebody else's close."""
    for told, next_question in ((True, QueryFills), (False, QueryPosition)):
        tape = Tape(fills_since=told)
        order = tape.place(bracket("10"))
        tape.ack(order, "entry")
        tape.fill(order, "entry", 10, "100.00")
        tape.ack(order, "target")
        tape.at += SECOND
        tape.give(Position(tape.at, "main", "BTC.PAPER", 0, tape.at))
        assert isinstance(tape.requests[-1], next_question)


def held(**capabilities: bool) -> Tape:
    """Ten of them, bought, with a target at the venue."""
    tape = Tape(**capabilities)
    order = tape.place(bracket("10"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.at += SECOND
    return tape


def seems_closed(tape: Tape, as_of: int) -> bool:
    """Nothing is there, says the venue; whether that was believed."""
    tape.give(Position(tape.at, "main", "BTC.PAPER", 0, as_of))
    return any(type(fact).__name__ == "ExposureAdjusted" for fact in tape.facts)


def test_two_questions_that_were_open_together_are_one_witness():
    """Both balances were read between our stop's fill and the word of it: nobody else sold."""
    tape = held(fills_since=True)
    asked = tape.at
    assert not seems_closed(tape, asked)
    tape.at += 1_000_000
    assert not seems_closed(tape, asked + 1), "the answer to a question that was open already"
    tape.give(FillsTold(tape.at, "PAPER", asked - 1))
    assert not seems_closed(tape, tape.at), "those fills were read before the first word"
    tape.give(FillsTold(tape.at, "PAPER", tape.at))
    assert not seems_closed(tape, tape.at - 1), "looked up before the fills were told"
    assert seems_closed(tape, tape.at)


def test_a_fill_that_explains_the_position_ends_the_doubt():
    tape = held(fills_since=True)
    (order,) = tape.state.orders.living()
    assert not seems_closed(tape, tape.at)
    tape.at += SECOND
    tape.fill(order, "target", 10, "110.00")
    tape.give(FillsTold(tape.at, "PAPER", tape.at))
    tape.at += SECOND
    assert not seems_closed(tape, tape.at)
    assert order.done


def test_where_fills_are_not_told_the_second_word_is_believed():
    tape = held(fills_since=False)
    assert not seems_closed(tape, tape.at)
    assert seems_closed(tape, tape.at)
