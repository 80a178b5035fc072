"""Deadlines: when an order must be looked at again even if nothing happens.

Decides the next wake-up of each order from its state, so that timers need no facts of their own
and a recovery asks for the same wake-ups. Invariant: only moments still to come are asked for;
what is already due was handled in the turn that saw it.
"""

from heapq import heappop, heappush

from interlock.engine.leg import LegState
from interlock.engine.order import NEVER, Leg, Order
from interlock.engine.state import State


def next_deadline(order: Order, at: int, forget_after_ns: int) -> int:
    """The order's next moment after ``at``."""
    looks = [due for leg in order.legs for _, due, _ in leg.late_looks if due > at]
    if order.done:  # while a look is open it is not forgotten
        return min(looks, default=order.done_at + forget_after_ns)
    moments = looks + [m for leg in order.legs for m in leg_moments(leg) if m > at]
    flatten_at = order.terms.policy.flatten_at
    if flatten_at is not None and not order.winding and flatten_at > at:
        moments.append(flatten_at)
    return min(moments, default=NEVER)


def leg_moments(leg: Leg) -> list[int]:
    """An answer due, a retry, an expiry, an escalation, a condition's time."""
    out = [booked.confirm_by for booked in leg.fills.values() if booked.confirm_by]
    if leg.venue is not None:
        if leg.state is not LegState.WORKING or leg.venue.querying:
            out.append(leg.venue.deadline)
        if leg.terms.escalate_ns is not None and leg.triggered and not leg.escalated:
            out.append(leg.triggered_at + leg.terms.escalate_ns)
    if leg.ended:
        return out
    if leg.terms.expire_at is not None:
        out.append(leg.terms.expire_at)
    if leg.not_before and leg.venue is None:
        out.append(leg.not_before)
    if leg.armed and leg.terms.when is not None:
        out.extend(atom.level for atom in leg.terms.when.atoms if atom.kind.value == "time")
    return out


def schedule(state: State, order: Order, at: int) -> None:
    """Ask for the order's next wake-up, unless an earlier one is already asked for."""
    due = next_deadline(order, at, state.settings.forget_after_ns)
    if due < order.wake:
        order.wake = due
        heappush(state.timers, (due, order.id))


def due_orders(state: State, at: int) -> list[Order]:
    """Take the orders whose wake-up has come."""
    out: list[Order] = []
    while state.timers and state.timers[0][0] <= at:
        due, order_id = heappop(state.timers)
        order = state.orders.get(order_id)
        if order is not None and order.wake == due:
            order.wake = NEVER
            out.append(order)
    return out
