"""The tally: what live orders could add to positions, counted in every scope with limits.

Decides what an order contributes to the figures that gates read. Invariant: a contribution follows
from the order alone, so that counting late, or all anew, gives the same figures.
"""

from typing import Final

from interlock.engine.exposure import entries
from interlock.engine.order import Leg, Order
from interlock.engine.state import State
from interlock.orders import facts as f
from interlock.orders.limits import RiskScope
from interlock.orders.terms import LegTerms, OrderTerms
from interlock.risk.book import NO_PARTS
from interlock.risk.limited import Limited, Part

Parts = tuple[Part, ...]

MOVES: Final = frozenset(
    {
        *(f.VenueOrderFilled, f.FillRefuted, f.ExposureAdjusted, f.LegAdded, f.LegDone),
        *(f.OrderAmended, f.OrderCanceling, f.OrderDone),
        *(f.VenueOrderAmended, f.VenueOrderCanceled, f.VenueOrderExpired, f.VenueOrderFound),
        f.VenueOrderRejected,
    }
)
"""Facts after which an order may contribute something else."""


def instruments_of(terms: OrderTerms) -> tuple[str, ...]:
    legs = terms.legs
    first = legs[0].instrument
    for leg in legs:
        if leg.instrument != first:
            return tuple(dict.fromkeys([leg.instrument for leg in legs]))
    return (first,)


def covered(scope: RiskScope, terms: OrderTerms) -> bool:
    """Whether a scope covers an order."""
    return scope.covers(terms.account, instruments_of(terms), terms.tag, terms.key)


def scopes_of(state: State, terms: OrderTerms) -> tuple[Limited, ...]:
    return state.risk.matching(terms.account, terms.tag, instruments_of(terms))


def at_first(terms: OrderTerms) -> Parts:
    """What an order contributes when it is accepted."""
    root = terms.root
    if root >= 0:
        return _alone(terms.legs[root])
    relation = terms.relations[~root]
    children = relation.children
    if relation.kind == "oco" and len(children) == 2 and len(terms.legs) == 2:
        one, other = terms.legs[0], terms.legs[1]
        if one.instrument == other.instrument and one.position_side is other.position_side:
            return _either(one, other)
    return parts_of(Order(terms, [Leg(leg) for leg in terms.legs], 0))


def _alone(leg: LegTerms) -> Parts:
    if leg.exits or leg.reduce_only:
        return NO_PARTS
    buys, sells = (leg.quantity, 0) if leg.side > 0 else (0, leg.quantity)
    return ((leg.instrument, str(leg.position_side or ""), buys, sells),)


def _either(one: LegTerms, other: LegTerms) -> Parts:
    """Of two of which one trades, each way the larger."""
    buys = sells = 0
    for leg in (one, other):
        if leg.exits or leg.reduce_only:
            continue
        if leg.side > 0:
            buys = max(buys, leg.quantity)
        else:
            sells = max(sells, leg.quantity)
    if not buys and not sells:
        return NO_PARTS
    return ((one.instrument, str(one.position_side or ""), buys, sells),)


def parts_of(order: Order) -> Parts:
    """What an order contributes as it stands."""
    if order.done:
        return NO_PARTS
    buys, sells = entries(order, order.terms.root)
    return tuple(
        [(*key, buys.get(key, 0), sells.get(key, 0)) for key in dict.fromkeys([*buys, *sells])]
    )


def accepted(state: State, terms: OrderTerms, at: int) -> None:
    """Count an order that has just been accepted."""
    scopes = scopes_of(state, terms)
    if not scopes:
        return
    for one in scopes:
        one.placed.add(at)
    state.risk.count(scopes, at_first(terms), NO_PARTS, 1)


def lend(state: State, terms: OrderTerms, sign: int) -> None:
    """Count an order as if it were placed, and with -1 take that back."""
    parts = at_first(terms)
    for one in scopes_of(state, terms):
        one.open += sign
        one.count(parts, sign)
        one.placed.count += sign


def refresh(state: State) -> None:
    """Count anew every order that something has happened to; then figures may be read."""
    dirty = state.risk.dirty
    while dirty:
        order_id = next(iter(dirty))
        dirty.pop(order_id)
        order = state.orders.get(order_id)
        if order is not None:
            recount(state, order)


def recount(state: State, order: Order) -> None:
    known = state.risk.counted
    before = known.get(order.id)
    if before is None:
        before = (at_first(order.terms), True)
    now = (parts_of(order), not order.done)
    if now == before:
        return
    known[order.id] = now
    opened = int(now[1]) - int(before[1])
    state.risk.count(scopes_of(state, order.terms), now[0], before[0], opened)


def forgotten(state: State, order: Order) -> None:
    """An order leaves memory: it has ended, and is counted as such for the last time."""
    state.risk.dirty.pop(order.id, None)
    recount(state, order)
    state.risk.counted.pop(order.id, None)


def begin(state: State, scope: RiskScope) -> None:
    """Count every live order in a scope that is newly limited; what had changed was counted."""
    assert not state.risk.dirty
    new = (state.risk.limited[scope],)
    for order in state.orders.sketches():
        parts, live = parts_of(order), not order.done
        if (parts, live) != (at_first(order.terms), True):
            state.risk.counted[order.id] = (parts, live)
        if live and covered(scope, order.terms):
            state.risk.count(new, parts, NO_PARTS, 1)
