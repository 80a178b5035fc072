"""Second thoughts: a person who takes protection away is asked again; nobody else is."""

from typing import Any

import pytest

from interlock.orders import facts as f
from interlock.orders.commands import Accepted
from interlock.orders.rejects import Reject, RejectCode
from tests.scenarios.orders import bracket
from tests.tape import SECOND, Tape

C = RejectCode


def held(tape: Tape, **policy: Any):
    order = tape.place(bracket("10"), policy={"cooling_off_s": 30, **policy})
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    return order


def asks(tape: Tape, kind: str, key: str, token: str = "", person: bool = True, **body: Any) -> Any:
    return tape.command(
        "keyed",
        caller="anna",
        key=key,
        digest="d",
        person=person,
        second_thought=token,
        why="the news is out" if token else "",
        command={"type": kind, **body},
    )


def amend(order: Any, **change: Any) -> dict[str, Any]:
    return {"order_id": order.id, "legs": {"stop": change}}


WEAKER: list[tuple[str, dict[str, Any]]] = [
    ("amend", {"legs": {"stop": {"trigger_price": "90.00"}}}),
    ("amend", {"legs": {"stop": {"quantity": "5"}}}),
    ("cancel_leg", {"leg": "stop"}),
    ("cancel", {"exposure": "release"}),
]


@pytest.mark.parametrize(("kind", "body"), WEAKER)
def test_what_takes_protection_away_waits_and_is_carried_out_when_asked_again(kind, body):
    tape = Tape()
    tape.trade("100.00")
    order = held(tape)
    first = asks(tape, kind, "k1", order_id=order.id, **body)
    assert isinstance(first, Reject)
    assert (first.code, first.code.transient) == (C.COOLING_OFF, True)
    (weakened,) = first.thought.weakened
    assert (weakened.leg, weakened.stop, weakened.quantity) == ("stop", "95", "10")
    assert tape.armed(order) == ["stop"]
    tape.wait(29 * SECOND)
    token = first.thought.token
    early = asks(tape, kind, "k1", token, order_id=order.id, **body)
    assert (early.code, early.thought.token) == (C.COOLING_OFF, token)
    tape.wait(2 * SECOND)
    without = asks(tape, kind, "k1", "another", order_id=order.id, **body)
    assert without.code is C.COOLING_OFF
    assert isinstance(asks(tape, kind, "k1", token, order_id=order.id, **body), Accepted)
    taken = next(x for x in tape.facts if isinstance(x, f.SecondThoughtTaken))
    assert (taken.by, taken.why) == ("anna", "the news is out")
    assert asks(tape, kind, "k1", token, order_id=order.id, **body).replayed


def test_the_token_of_one_request_is_good_for_no_other():
    tape = Tape()
    order = held(tape)
    first = asks(tape, "amend", "k1", **amend(order, trigger_price="94.00"))
    tape.wait(31 * SECOND)
    other = asks(tape, "amend", "k2", first.thought.token, **amend(order, trigger_price="80.00"))
    assert other.code is C.COOLING_OFF
    assert other.thought.token != first.thought.token


def test_the_market_moving_through_the_stop_meanwhile_acts_as_ever():
    tape = Tape()
    tape.trade("100.00")
    order = held(tape)
    asks(tape, "cancel_leg", "k1", order_id=order.id, leg="stop")
    tape.trade("94.00")
    tape.canceled(order, "target")
    assert [one.quantity for one in tape.submits("stop")] == [10]


def test_what_reduces_risk_is_never_delayed():
    tape = Tape()
    tape.trade("100.00")
    order = held(tape)
    for key, change in (("k1", {"trigger_price": "97.00"}), ("k2", {"trigger_price": "98.00"})):
        assert isinstance(asks(tape, "amend", key, **amend(order, **change)), Accepted)
    gone = asks(tape, "cancel_leg", "k3", order_id=order.id, leg="target")
    assert isinstance(gone, Accepted)
    assert isinstance(asks(tape, "cancel", "k4", order_id=order.id, exposure="flatten"), Accepted)


def test_a_program_is_not_asked_twice_nor_is_an_order_without_the_setting():
    tape = Tape()
    tape.trade("100.00")
    order = held(tape)
    asked = asks(tape, "amend", "k1", person=False, **amend(order, trigger_price="90.00"))
    assert isinstance(asked, Accepted)
    plain = tape.place(bracket())
    assert isinstance(asks(tape, "cancel_leg", "k2", order_id=plain.id, leg="stop"), Accepted)


def test_a_token_is_good_for_ten_minutes_and_over_a_restart():
    tape = Tape()
    order = held(tape)
    change = amend(order, trigger_price="90.00")
    token = asks(tape, "amend", "k1", **change).thought.token
    tape.wait(40 * SECOND)
    tape.restart()
    tape.trade("100.00")
    assert isinstance(asks(tape, "amend", "k1", token, **change), Accepted)
    order = held(tape)
    change = amend(order, trigger_price="90.00")
    token = asks(tape, "amend", "k2", **change).thought.token
    tape.wait(631 * SECOND)
    tape.trade("100.00")
    again = asks(tape, "amend", "k2", token, **change)
    assert again.thought.token != token


def test_two_tokens_of_one_request_are_one():
    tape = Tape()
    order = held(tape)
    change = amend(order, trigger_price="90.00")
    first, second = (asks(tape, "amend", key, **change) for key in ("k1", "k2"))
    assert first.thought.token == second.thought.token
    assert sum(isinstance(x, f.SecondThoughtAsked) for x in tape.facts) == 1
