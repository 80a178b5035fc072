"""Where coins are held: a fee is taken from what was bought, and a balance is no position."""

from typing import Any

import pytest

from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.rejects import RejectCode
from tests.scenarios.orders import bracket
from tests.tape import SECOND, Tape

MARKET = {"type": "market", "instrument": "BTC.PAPER"}


def bought(tape: Tape, order: Any, quantity: int, fee: int, exec_id: str) -> list[str]:
    execution = r.Execution(exec_id, quantity, 10_000, fee_quantity=fee)
    tape.give(r.Filled(tape.at, tape.id(order, "entry"), execution))
    return tape.said


def test_exits_are_sent_for_what_has_come() -> None:
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    bought(tape, order, 10, 1, "x1")
    assert tape.working(order) == {"target": 9}
    bought(tape, order, 10, 1, "x1")
    assert tape.working(order) == {"target": 9}, "told twice, it is one fee"
    tape.check()
    tape.ack(order, "target")
    tape.trade("95.00")
    tape.canceled(order, "target")
    assert tape.submits("stop")[-1].quantity == 9
    tape.ack(order, "stop")
    tape.fill(order, "stop", 9, "95.00")
    assert isinstance(tape.facts[-1], f.OrderDone)
    assert tape.incidents() == []


def test_fees_of_several_fills_add_up() -> None:
    tape = Tape(native_amend=True)
    order = tape.place(bracket())
    tape.ack(order, "entry")
    bought(tape, order, 4, 1, "x1")
    tape.ack(order, "target")
    assert tape.working(order)["target"] == 3
    bought(tape, order, 6, 1, "x2")
    tape.amended(order, "target")
    assert tape.working(order) == {"target": 8}


def test_a_fee_of_an_exit_takes_nothing_from_the_rest() -> None:
    tape = Tape()
    order = tape.place(bracket())
    tape.ack(order, "entry")
    bought(tape, order, 10, 0, "x1")
    tape.ack(order, "target")
    execution = r.Execution("x2", 4, 11_000, fee_quantity=1)
    tape.give(r.Filled(tape.at, tape.id(order, "target"), execution))
    assert tape.working(order) == {"target": 6}


RESTS: dict[str, Any] = {"native_oco": True, "oco_needs_stop": True, "one_exit_rests": True}


@pytest.mark.parametrize(
    ("mode", "hold", "accepted"),
    [("cancel", "venue", True), ("reduce", "venue", False), ("reduce", "engine", True)],
)
def test_exits_for_the_same_coins_rest_as_a_pair_or_not_at_all(
    mode: str, hold: str, accepted: bool
) -> None:
    tape = Tape(native_stop=True, **RESTS)
    order = bracket(on_partial_fill=mode)
    order["stop_loss"]["hold"] = hold
    if accepted:
        tape.place(order)
    else:
        assert tape.refuse(order).code is RejectCode.NOT_SUPPORTED


def test_a_resting_order_is_made_smaller_in_place_and_anything_else_is_sent_anew() -> None:
    tape = Tape(native_reduce=True)
    order = tape.place(bracket())
    tape.ack(order, "entry")
    tape.command("amend", order_id=order.id, account="main", legs={"entry": {"quantity": "8"}})
    assert tape.said[-1] == "< Amend entry.1 to 8", tape.said
    tape.amended(order, "entry")
    tape.command("amend", order_id=order.id, account="main", legs={"entry": {"price": "99.00"}})
    assert tape.said[-1] == "< Cancel entry.1", tape.said


@pytest.mark.parametrize("positions", [True, False])
def test_a_balance_says_nothing_of_what_was_sold_to_be_bought_back(positions: bool) -> None:
    """It is never below zero, and other people's coins are in it."""
    tape = Tape(positions=positions)
    order = tape.place(
        {
            "type": "oto",
            "first": {**MARKET, "id": "entry", "side": "sell", "quantity": "10"},
            "then": {"type": "stop", "id": "stop", "side": "buy", "trigger_price": "110.00"},
        }
    )
    tape.fill(order, "entry", 10, "100.00")
    for _ in range(2):
        tape.wait(SECOND)
        tape.give(r.Position(tape.at, "main", "BTC.PAPER", 990, tape.at))
    assert tape.armed(order) == ([] if positions else ["stop"])
    assert bool(tape.incidents()) is positions
