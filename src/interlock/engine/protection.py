"""Protection: whether a change leaves a position less protected than it was.

Decides that for one stop. Invariant: what can't be compared is taken for weaker.
"""

from interlock.engine import prices
from interlock.engine.order import Order
from interlock.orders.terms import LegTerms, Span


def weaker(order: Order, number: int, after: LegTerms) -> bool:
    """Whether a stop would trade later than now, for less, or only on a condition."""
    before = order.legs[number].terms
    if after.quantity < before.quantity or (after.when is not None and after.when != before.when):
        return True
    if _width(after.trail) > _width(before.trail):
        return True
    old = prices.resolve(order, number, before.trigger_price)
    new = prices.resolve(order, number, after.trigger_price)
    if old is None or new is None:
        return _away(before.trigger_price, after.trigger_price)
    return (old - new) * -before.side > 0


def _width(trail: Span | None) -> int:
    return 0 if trail is None else abs(trail.ticks) + abs(trail.bps)


def _away(before: object, after: object) -> bool:
    """Of two distances from an entry that has no price yet; anything else is taken for weaker."""
    if isinstance(before, Span) and isinstance(after, Span):
        return _width(after) > _width(before)
    return before != after
