"""Winding down: cancel an order or a leg, cancel many, close a position, expire.

Decides which orders a command means and how they wind down. Invariants: a mass cancel takes
exactly the orders that match; an exposure keeps its exits unless the trader says otherwise.
"""

from interlock.engine.order import Order
from interlock.engine.state import State
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.commands import (
    Accepted,
    AmendOrder,
    CancelLeg,
    CancelMode,
    CancelOrder,
    CancelOrders,
    ClosePosition,
    ExpireOrder,
)
from interlock.orders.rejects import Reject, RejectCode

Named = AmendOrder | CancelOrder | CancelLeg | ExpireOrder


def named(state: State, command: Named) -> Order | Reject:
    """The live order a command names."""
    order_id = command.order_id
    shown = command.order_id or command.client_order_id or ""
    if order_id is None and command.client_order_id is not None:
        order_id = state.orders.named(command.account, command.client_order_id)
    if not shown:
        return Reject(
            RejectCode.MISSING_FIELD,
            "order_id",
            "Name the order.",
            "Send order_id, or account and client_order_id.",
        )
    order = state.orders.get(order_id or "")
    if order is None and command.order_id is None and order_id is not None:
        return Reject(
            RejectCode.ORDER_DONE, "client_order_id", f"Order {shown!r} is done, long ago."
        )
    if order is None or (command.account and order.terms.account != command.account):
        return Reject(
            RejectCode.ORDER_UNKNOWN,
            "order_id" if command.order_id else "client_order_id",
            f"No order {shown!r} is known here.",
            "Check the id and the account.",
        )
    if order.done:
        return Reject(RejectCode.ORDER_DONE, "", f"Order {shown!r} is done already: {order.done}.")
    return order


def cancel(turn: Turn, order: Order, command: CancelOrder) -> None:
    wind(turn, order, command.exposure, "canceled by the trader")
    turn.answer = Accepted(order.id, order.version)


def wind(turn: Turn, order: Order, mode: CancelMode, reason: str) -> None:
    """Begin to wind an order down; asking twice changes nothing, a stronger mode prevails."""
    strength = {"": 0, "protect": 1, "release": 2, "flatten": 3}
    if strength[mode] > strength[order.winding]:
        turn.emit(f.OrderCanceling(turn.at, order.id, str(mode), reason))
    turn.touch(order)


def cancel_leg(turn: Turn, order: Order, command: CancelLeg) -> None:
    numbers = [n for n, leg in enumerate(order.legs) if leg.terms.id == command.leg]
    if not numbers:
        ids = ", ".join(leg.terms.id for leg in order.legs)
        turn.answer = Reject(
            RejectCode.LEG_UNKNOWN,
            "leg",
            f"The order has no leg {command.leg!r}.",
            f"Its legs are {ids}.",
        )
        return
    leg = order.legs[numbers[0]]
    if leg.ended:
        turn.answer = Reject(RejectCode.LEG_DONE, "leg", f"{command.leg} is {leg.state} already.")
        return
    turn.emit(f.LegCanceling(turn.at, order.id, numbers[0], "canceled by the trader"))
    turn.answer = Accepted(order.id, order.version)
    turn.touch(order)


def expire(turn: Turn, order: Order) -> None:
    if not order.expiring:
        turn.emit(f.OrderCanceling(turn.at, order.id, "expire", "expired by command"))
    turn.touch(order)
    turn.answer = Accepted(order.id, order.version)


def cancel_many(turn: Turn, command: CancelOrders) -> None:
    """Exactly the orders that match every filter given."""
    matched = [
        turn.state.orders[order.id]
        for order in turn.state.orders.sketches()
        if not order.done and matches(order, command)
    ]
    for order in matched:
        wind(turn, order, command.exposure, "canceled with others by the trader")
    turn.answer = Accepted(orders=tuple(order.id for order in matched))


def matches(order: Order, command: CancelOrders) -> bool:
    first = order.legs[0].terms
    return (
        order.terms.account == command.account
        and (command.tag is None or order.terms.tag == command.tag)
        and (command.side is None or first.side == command.side.sign)
        and (
            command.instrument is None
            or any(leg.terms.instrument == command.instrument for leg in order.legs)
        )
    )


def close(turn: Turn, command: ClosePosition) -> None:
    """Every order of the account that holds or may open something here is flattened."""
    if command.instrument not in turn.state.markets:
        turn.answer = Reject(
            RejectCode.INSTRUMENT_UNKNOWN,
            "instrument",
            f"No instrument {command.instrument!r} is known here.",
        )
        return
    side = str(command.position_side or "")
    matched = []
    for order in turn.state.orders.sketches():
        if order.done or order.terms.account != command.account:
            continue
        here = [
            leg
            for leg in order.legs
            if leg.terms.instrument == command.instrument
            and side in ("", str(leg.terms.position_side or ""))
        ]
        if here:
            matched.append(turn.state.orders[order.id])
    for order in matched:
        wind(turn, order, CancelMode.FLATTEN, "position closed by the trader")
    turn.answer = Accepted(orders=tuple(order.id for order in matched))
