"""Reconcile: compare what each leg should be doing with what it does, and close the gap.

Decides the one next request per leg: submit, amend, recall or nothing. A request in flight means
nothing more until its report comes back. Run until nothing changes; a second look then asks for
nothing. Invariants: never two live venue orders for one leg; a frozen leg sends nothing; a claimed
leg waits for its siblings' recalls unless the policy says ``race``.
"""

from interlock.engine import arming, corrections, firing, listing, prices, scope, sending
from interlock.engine.leg import LegState
from interlock.engine.order import ALL_EXITED, NOTHING_LEFT, TRAILS, Leg, Order, VenueOrder
from interlock.engine.turn import Turn
from interlock.engine.want import PAUSED, Kind, Want
from interlock.engine.wants import held_for, shrinks, wants
from interlock.orders import facts as f
from interlock.orders.legs import LegType, TimeInForce
from interlock.orders.requests import VenueOrderType
from interlock.orders.tree import OnPartialFill

ROUNDS_MAX = 64
"""Looks at one order in one turn. More means two rules that undo each other: a bug."""


def reconcile(turn: Turn, order: Order) -> None:
    """Bring one order's legs to what they should be doing."""
    if order.done:
        return
    for _ in range(ROUNDS_MAX):
        before = len(turn.facts)
        claim_fills(turn, order)
        minimums = {
            leg.terms.instrument: turn.state.markets[leg.terms.instrument].grid.min_quantity
            for leg in order.legs
        }
        plan = wants(order, turn.at, minimums)
        claims = dict(order.claims)
        for number in _waiting_order(order, plan):
            if scope.waits_in_list(order, number) and plan[number].kind is not Kind.HOLD:
                _leave_list(turn, order, plan, number)
                continue
            _close_gap(turn, order, number, plan[number])
            if order.claims != claims:
                break  # what was armed fired at once: the rest of the plan is out of date
        if order.claims != claims:
            continue
        release_claims(turn, order, plan)
        corrections.correct(turn, order)
        if len(turn.facts) > before:
            continue  # what was armed may have fired and claimed: look again before sending
        for number, want in enumerate(plan):
            if want.kind is Kind.WORK:
                _close_gap(turn, order, number, _beside_others(turn, order, plan, number))
        if len(turn.facts) == before:
            break
    else:
        raise AssertionError(f"order {order.id} does not come to rest")
    corrections.finish(turn, order)


def _waiting_order(order: Order, plan: list[Want]) -> list[int]:
    """Legs that are not to work: what goes first, then what waits, stops before targets."""
    numbers = [n for n, want in enumerate(plan) if want.kind < Kind.WORK]
    return sorted(
        numbers,
        key=lambda n: (plan[n].kind is Kind.HOLD, not order.legs[n].protective, n),
    )


def _leave_list(turn: Turn, order: Order, plan: list[Want], number: int) -> None:
    """An exit that is to wait at the venue no more: it ends there with its entry."""
    entry = plan[scope.listed_entry(order, number)]
    if entry.kind is not Kind.GONE and plan[number].kind is not Kind.PAUSED:
        listing.take_back(turn, order, number)


def _close_gap(turn: Turn, order: Order, number: int, want: Want) -> None:
    leg = order.legs[number]
    if leg.ended and leg.venue is None:
        return
    match want.kind:
        case Kind.GONE:
            _remove(turn, order, number)
        case Kind.FROZEN:
            _come_back(turn, order, number, "a sibling holds the claim", "frozen")
        case Kind.PAUSED:
            if leg.armed:
                turn.emit(f.LegDisarmed(turn.at, order.id, number, "a fill is being confirmed"))
        case Kind.HOLD if want.quantity == 0 and scope.waits_in_list(order, number):
            listing.keep(turn, order, number)
        case Kind.HOLD if want.quantity == 0:
            if leg.triggered and leg.venue is None:
                turn.emit(f.LegDisarmed(turn.at, order.id, number, "nothing to exit"))
            _come_back(turn, order, number, "nothing to exit", "nothing to exit")
        case Kind.HOLD:
            _hold(turn, order, number, want.quantity)
        case Kind.WORK:
            sending.work(turn, order, number, want.quantity)


def _beside_others(turn: Turn, order: Order, plan: list[Want], number: int) -> Want:
    """What a leg may work while others side by side with it still work more than their part: what
    moves from one to another is taken back there before it is sent here. Reduce-only orders are
    left out: the venue clips them."""
    want, leg = plan[number], order.legs[number]
    if not leg.terms.exits or leg.terms.system:
        return want
    above = next((r for r in order.relations if r.kind == "all" and number in r.children), None)
    if above is None:
        return want
    market = leg.terms.instrument
    others = [(n, order.legs[n].terms) for n in above.children if n >= 0]
    exits = [n for n, terms in others if terms.exits and terms.instrument == market]
    beyond = sum(
        max(0, _leaves(other) - plan[n].quantity)
        for n in exits
        if n != number and (other := order.legs[n]).venue and not other.venue.reduce_only
    )
    if not beyond:
        return want
    own = _leaves(leg)
    free = held_for(order, number, turn.at) - sum(plan[n].quantity for n in exits)
    least = turn.state.markets[leg.terms.instrument].grid.min_quantity
    room = want.quantity - max(0, beyond - max(0, free))
    if want.quantity <= own or room >= want.quantity:
        return want
    if room > own and room >= least:
        return Want(Kind.WORK, room)
    return PAUSED if leg.venue is None else Want(Kind.WORK, own)


def _leaves(leg: Leg) -> int:
    venue = leg.venue
    return venue.quantity - venue.cum if venue is not None else 0


def _remove(turn: Turn, order: Order, number: int) -> None:
    leg = order.legs[number]
    if leg.venue is not None:
        if leg.at_rest:
            turn.recall(order, number, _why_gone(order, leg, turn.at)[1])
        return
    if not leg.ended:
        status, reason = _why_gone(order, leg, turn.at)
        turn.emit(f.LegDone(turn.at, order.id, number, status, leg.cum, reason))


def _why_gone(order: Order, leg: Leg, at: int) -> tuple[str, str]:
    """The end a leg comes to when nothing more is wanted of it, and why."""
    if leg.cum >= leg.terms.quantity:
        return "filled", ""
    if leg.canceling:
        return "canceled", leg.end_reason or "canceled by the trader"
    if leg.terms.expire_at is not None and leg.terms.expire_at <= at:
        return "expired", f"time in force {leg.terms.time_in_force} is over"
    if order.winding and (order.winding != "protect" or not leg.terms.exits):
        return "canceled", order.winding_reason
    if order.expiring and not leg.terms.exits:
        return "expired", "expired by command"
    if leg.cum and not leg.terms.system:
        return "filled", ALL_EXITED
    return "canceled", NOTHING_LEFT


def _come_back(turn: Turn, order: Order, number: int, recall: str, disarm: str) -> None:
    leg = order.legs[number]
    if leg.venue is not None:
        if leg.at_rest:
            turn.recall(order, number, recall)
    elif leg.armed:
        turn.emit(f.LegDisarmed(turn.at, order.id, number, disarm))


def _hold(turn: Turn, order: Order, number: int, quantity: int) -> None:
    leg = order.legs[number]
    if leg.venue is not None:
        if leg.at_rest:
            turn.recall(order, number, "held by the engine from now on")
        return
    if leg.suspended:
        return
    level = prices.level_of(order, number)
    if level is None and _needs_level(leg):
        return
    if leg.armed and leg.armed_level == level and leg.armed_quantity == quantity:
        return
    _arm(turn, order, number, quantity, level)


def _needs_level(leg: Leg) -> bool:
    if leg.terms.type in TRAILS:
        return leg.terms.activation_price is not None and not leg.active
    return arming.waits_for_price(leg)


def _arm(turn: Turn, order: Order, number: int, quantity: int, level: int | None) -> None:
    leg = order.legs[number]
    view = turn.state.markets[leg.terms.instrument]
    watermark = leg.watermark
    if leg.terms.type in TRAILS and level is None:
        if leg.armed:
            arming.keep_watermark(turn.state, order, number)
            watermark = leg.watermark  # it goes on from there, even from no price at all
        elif watermark is None and (leg.terms.when is None or leg.holds):
            watermark = view.price(prices.channels_of(leg)[0])
    if leg.terms.when is not None and leg.volume_base < 0:
        firing.from_volume(turn, leg)
    turn.emit(f.LegArmed(turn.at, order.id, number, quantity, level, watermark))
    if leg.terms.when is not None:
        firing.refresh(turn, order, number)
    else:
        firing.check_through(turn, order, number)


def claim_fills(turn: Turn, order: Order) -> None:
    """In a canceling ``oco`` the first confirmed fill claims; a claim unused passes to it."""
    if not any(leg.cum for leg in order.legs):
        return
    for number, relation in enumerate(order.relations):
        if relation.kind != "oco" or relation.on_partial_fill is OnPartialFill.REDUCE:
            continue
        holder = order.claims.get(number)
        for child in relation.children:
            if scope.fill(order, child, confirmed=True) <= 0:
                continue
            if holder is None:
                winner = next(n for n in scope.legs_under(order, child) if order.legs[n].cum)
                turn.emit(f.LegClaimed(turn.at, order.id, winner, number))
                break
            if holder in scope.legs_under(order, child) or not _yields(order, number, holder):
                continue
            turn.emit(f.ClaimReleased(turn.at, order.id, holder, number, "a sibling filled first"))
            winner = next(n for n in scope.legs_under(order, child) if order.legs[n].cum)
            turn.emit(f.LegClaimed(turn.at, order.id, winner, number))
            break


def _yields(order: Order, number: int, holder: int) -> bool:
    """Whether the claim's holder has opened nothing and is not about to, and does not share one
    quantity. An entry that only rests may do so for ever, and what its sibling has filled late
    would be bare as long; an order that fills at once or never is as good as filled."""
    if shrinks(order, number):
        return False
    child = scope.child_with(order, number, holder)
    legs = [order.legs[n] for n in scope.legs_under(order, child)]
    entries = [leg for leg in legs if not leg.terms.exits]
    return all(
        leg.cum == 0 and (leg.venue is None or (bool(entries) and _may_rest(leg.venue)))
        for leg in entries or legs
    )


def _may_rest(venue: VenueOrder) -> bool:
    at_once = venue.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    return venue.order_type is not VenueOrderType.MARKET and not at_once


def release_claims(turn: Turn, order: Order, plan: list[Want]) -> None:
    """A claim whose leg has ended, or rests as a target, frees its siblings."""
    for number, holder in list(order.claims.items()):
        relation = order.relations[number]
        leg = order.legs[holder]
        free = leg.ended or _rests_as_target(leg) or _too_small(turn, leg, plan[holder])
        if relation.on_partial_fill is OnPartialFill.CANCEL:
            child = scope.child_with(order, number, holder)
            if not (free and not scope.fill(order, child)):
                continue
        elif not (free or _idle(leg)):
            continue
        waiting = [
            n
            for n in scope.legs_under(order, ~number)
            if n != holder and not order.legs[n].ended and plan[n].kind is not Kind.GONE
        ]
        if waiting:
            reason = f"{leg.terms.id} is {leg.state}" if not _rests_as_target(leg) else "resting"
            turn.emit(f.ClaimReleased(turn.at, order.id, holder, number, reason))


def _rests_as_target(leg: Leg) -> bool:
    """A target that rests must not keep the stop from firing: it claims nothing by resting."""
    return (
        leg.terms.exits
        and not leg.protective
        and leg.state is LegState.WORKING
        and leg.terms.type in (LegType.LIMIT, LegType.LIMIT_IF_TOUCHED)
        and leg.venue is not None
        and leg.venue.acknowledged
    )


def _too_small(turn: Turn, leg: Leg, want: Want) -> bool:
    """Due, but below the venue's minimum until its entry fills on: meanwhile nothing of it trades,
    and what protects the rest must not be frozen for it."""
    minimum = turn.state.markets[leg.terms.instrument].grid.min_quantity
    return leg.venue is None and want.kind is Kind.WORK and 0 < want.quantity < minimum


def _idle(leg: Leg) -> bool:
    """A leg that has traded all there was, and waits for more to exit."""
    return not leg.triggered and leg.venue is None and leg.cum > 0
