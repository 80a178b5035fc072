"""Corrections: what Interlock does on its own when the promise was broken from outside.

Decides when more was exited than held, or two sides of an ``oco`` both traded, and undoes it as
``on_overfill`` says; closes what a winding order still holds; tells a person when a position has
lost its protection; and says when an order is done. Invariant: every excess is recorded exactly
once and undone at most once.
"""

from interlock.engine import scope
from interlock.engine.leg import LegState
from interlock.engine.order import Leg, Order
from interlock.engine.turn import Turn
from interlock.engine.want import WHOLE
from interlock.engine.wants import Walk, exits_of, open_quantity, shrinks
from interlock.orders import facts as f
from interlock.orders.legs import Hold, LegType
from interlock.orders.terms import LegTerms
from interlock.orders.tree import OnOverfill, OnPartialFill


def correct(turn: Turn, order: Order) -> None:
    """Undo any excess not yet undone, and close what a winding order holds."""
    for number, quantity in excess(order, turn.at).items():
        seen = order.incidents.get(f"{f.IncidentKind.DOUBLE_FILL}:{number}", 0)
        if quantity <= seen:
            continue
        leg = order.legs[number]
        policy = order.terms.policy.on_overfill
        text = turn.state.markets[leg.terms.instrument].grid.quantity_text(quantity - seen)
        turn.incident(
            order,
            f.IncidentKind.DOUBLE_FILL,
            number,
            f"{text} more traded than the order may; {leg.terms.id} filled as well",
            f"on_overfill={policy}",
            quantity - seen,
        )
        if policy is OnOverfill.FLATTEN:
            _add(turn, order, leg, -leg.terms.side, "flatten", quantity - seen, number)
    if order.winding == "flatten":
        _close(turn, order)


def excess(order: Order, at: int) -> dict[int, int]:
    """What traded beyond the order's right, by the leg that stands for it."""
    out: dict[int, int] = {}
    if not any(leg.cum for leg in order.legs):
        return out
    for number, leg in enumerate(order.legs):  # made larger by somebody else, and filled so
        if leg.terms.system == "flatten" and leg.cum > leg.terms.quantity:
            out[number] = leg.cum - leg.terms.quantity
    walk = Walk(order, at, {})
    inside: dict[int, int] = {}
    for number, relation in enumerate(order.relations):
        if relation.kind != "oco":
            continue
        over = _oco_excess(order, number, walk, out)
        above = number
        while over and above != -1:
            inside[above] = inside.get(above, 0) + over
            above = scope.parents(order)[1][above]
    for number, relation in enumerate(order.relations):
        if relation.kind != "oto":
            continue
        exits = exits_of(order, number)
        sold = sum(order.legs[n].cum for n in exits)
        if any(order.legs[n].cum and scope.listed_entry(order, n) >= 0 for n in exits):
            continue  # released by a complete fill that we have not heard of yet, and ask for
        then = relation.children[1]
        known = inside.get(~then, 0) if then < 0 else 0
        over = sold - scope.fill(order, relation.children[0]) - known
        if over > 0 and exits:
            last = max((n for n in exits if order.legs[n].cum), default=exits[0])
            out[last] = out.get(last, 0) + over
    return out


def _oco_excess(order: Order, number: int, walk: Walk, out: dict[int, int]) -> int:
    relation = order.relations[number]
    filled = {c: scope.fill(order, c, confirmed=True) for c in relation.children}
    traded = [c for c in relation.children if filled[c]]
    if len(traded) < 2:
        return 0
    if relation.on_partial_fill is OnPartialFill.REDUCE or shrinks(order, number):
        entry = _scope_fill(order, number)
        limit = entry if entry is not None else walk.live(~number, WHOLE)
        over = sum(filled.values()) - limit
        if over <= 0:
            return 0
        loser = _loser(order, number, traded)
        leg = next(n for n in scope.legs_under(order, loser) if order.legs[n].cum)
        out[leg] = out.get(leg, 0) + over
        return over
    total = 0
    winner = _winner(order, number, traded)
    for child in traded:
        if child == winner:
            continue
        leg = next(n for n in scope.legs_under(order, child) if order.legs[n].cum)
        over = filled[child]
        if over:
            out[leg] = out.get(leg, 0) + over
            total += over
    return total


def _scope_fill(order: Order, number: int) -> int | None:
    """What the entry above an exit ``oco`` has filled; nothing at the root."""
    for leg in scope.legs_under(order, ~number):
        entry = scope.entry_of(order, leg)
        if entry is None:
            return None
        inner = set(scope.legs_under(order, ~number)) & set(scope.legs_under(order, entry))
        return None if inner else scope.fill(order, entry)
    return None


def _winner(order: Order, number: int, traded: list[int]) -> int:
    holder = order.claims.get(number)
    for child in traded:
        if holder is not None and holder in scope.legs_under(order, child):
            return child
    return traded[0]


def _loser(order: Order, number: int, traded: list[int]) -> int:
    winner = _winner(order, number, traded)
    return next(child for child in traded if child != winner)


def _add(
    turn: Turn, order: Order, like: Leg, side: int, why: str, quantity: int, where: int
) -> None:
    """A market order for ``quantity`` where ``like`` traded."""
    number = len(order.legs)
    count = sum(leg.terms.system == why for leg in order.legs) + 1
    terms = LegTerms(
        id=f"{why}_{count}",
        type=LegType.MARKET,
        instrument=like.terms.instrument,
        side=side,
        quantity=quantity,
        position_side=like.terms.position_side,
        hold=Hold.VENUE,
        exits=True,
        system=why,
        scope=where,
        reduce_only=why == "close" and like.terms.reduce_only,
    )
    turn.emit(f.LegAdded(turn.at, order.id, number, terms))


def _close(turn: Turn, order: Order) -> None:
    """Once nothing of a winding order is at the venue, close what it still holds."""
    if any(leg.venue is not None or not leg.ended for leg in order.legs):
        return
    for key, held in sorted(open_quantity(order, turn.at).items()):
        if not held:
            continue
        gave_up = any(
            leg.terms.system == "close" and leg.ended and leg.cum < leg.terms.quantity
            for leg in order.legs
        )
        if gave_up:
            return
        like = next(
            leg
            for leg in order.legs
            if (leg.terms.instrument, str(leg.terms.position_side or "")) == key
        )
        _add(turn, order, like, -1 if held > 0 else 1, "close", abs(held), -1)


def finish(turn: Turn, order: Order) -> None:
    """Tell of a position without protection, and say when the order is done."""
    _tell_if_naked(turn, order)
    if order.done or any(leg.venue is not None or not leg.ended for leg in order.legs):
        return
    if any(leg.unconfirmed for leg in order.legs):
        return
    turn.emit(f.OrderDone(turn.at, order.id, done_status(order)))


def _tell_if_naked(turn: Turn, order: Order) -> None:
    if order.winding in ("release", "flatten"):
        return
    for number, relation in enumerate(order.relations):
        if relation.kind != "oto":
            continue
        exits = [order.legs[n] for n in exits_of(order, number)]
        stops = [leg for leg in exits if leg.protective and not leg.terms.system]
        guards = stops or exits
        if not guards or not all(leg.ended for leg in guards):
            continue
        has = scope.fill(order, relation.children[0]) - sum(leg.cum for leg in exits)
        has -= order.adjusted
        dust = any(leg.end_reason == "dust" for leg in exits)
        key = f"{f.IncidentKind.NAKED_POSITION}:{number}"
        if has > 0 and not dust and key not in order.incidents and not _filled_up(guards):
            grid = turn.state.markets[guards[0].terms.instrument].grid
            turn.incident(
                order,
                f.IncidentKind.NAKED_POSITION,
                number,
                f"{grid.quantity_text(has)} is held without a stop; place one or close it",
                f"on_exit_reject={order.terms.policy.on_exit_reject}",
                has,
            )


def _filled_up(guards: list[Leg]) -> bool:
    """Exits for only a part of the position leave the rest bare by the trader's own wish."""
    return all(leg.state is LegState.FILLED for leg in guards)


def done_status(order: Order) -> str:
    """The order's status from its legs: what a trader would call how it ended."""
    if order.winding == "flatten" and any(leg.terms.system == "close" for leg in order.legs):
        return "closed"
    if any(leg.cum for leg in order.legs if not leg.terms.system):
        return "filled"
    states = [leg.state for leg in order.legs if not leg.terms.system]
    for state in (LegState.REJECTED, LegState.EXPIRED):
        if state in states:
            return str(state)
    return "canceled"
