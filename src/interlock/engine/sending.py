"""Sending: from "this leg should be working" to one request at the venue.

Decides order type, quantity and flags of what is sent, when it must wait, and how a working order
is changed. Invariants: the intent is a fact before the request exists; never two live venue orders
for one leg; a claimed leg is not sent while a sibling may still trade, unless the policy races.
"""

from interlock.engine import gating, listing, prices, scope
from interlock.engine.order import Leg, Order
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.capabilities import Capabilities
from interlock.orders.ids import client_id
from interlock.orders.legs import TimeInForce
from interlock.orders.limits import Block, Gate
from interlock.orders.requests import (
    AmendVenueOrder,
    SubmitVenueList,
    SubmitVenueOrder,
    VenueOrderType,
)
from interlock.orders.tree import Dust, OnOverfill, OnPartialFill, OnRecall

AMENDS_REFUSED_MAX = 2
"""Refused amends in a row before the order is recalled and sent anew."""

RATE_PAUSE_NS = 100_000_000
"""An entry that would go over ``max_orders_per_s`` is tried again after this long."""

Shape = tuple[VenueOrderType, int | None, int | None]


def work(turn: Turn, order: Order, number: int, left: int) -> None:
    """Have ``left`` of the leg working at the venue."""
    leg = order.legs[number]
    if leg.venue is not None:
        if leg.at_rest:
            _adjust(turn, order, number, left)
        return
    view = turn.state.markets[leg.terms.instrument]
    if leg.not_before > turn.at or view.halted or turn.venue_down(leg):
        return
    racing = recalls_open(order, number)
    if racing and not may_race(turn, order, leg):
        return
    if _old_pair_live(order, number) or listing.still_there(order, number):
        return
    capabilities = turn.capabilities(leg)
    shape = prices.sent_as(order, number, capabilities.native_stop)
    if shape[0] is not VenueOrderType.MARKET and shape[1] is None and shape[2] is None:
        return
    quantity, rounded = _sendable(turn, order, number, left, capabilities)
    if not quantity:
        return
    if not turn.state.risk.quiet and _held_back(turn, order, number, quantity, shape):
        return
    exits = listing.exits_with(turn, order, number, quantity, capabilities)
    if exits:
        _send_list(turn, order, (number, *exits), quantity, releases=True)
        return
    partner = _list_partner(turn, order, number, capabilities)
    if partner is not None:
        _send_list(turn, order, (number, partner), quantity)
        return
    reduce_only = leg.terms.reduce_only or racing or rounded or beside_safety_stop(order, leg)
    turn.requests.append(_send(turn, order, number, shape, quantity, reduce_only, ""))


def _held_back(turn: Turn, order: Order, number: int, quantity: int, shape: Shape) -> bool:
    """Whether a risk gate keeps an entry from going now: it waits, or it ends refused."""
    at = turn.at
    levels = (shape[1] or 0, shape[2] or 0)
    found = gating.at_send(turn.state, order, number, quantity, levels, at)
    if found is None:
        return False
    if isinstance(found, Block):
        return True  # its end is a fact, and wakes the order
    if found.gate is Gate.RATE:
        turn.wake_at(order, at + RATE_PAUSE_NS)
        return True
    leg = order.legs[number]
    refused = gating.reject(found, f"legs.{leg.terms.id}")
    turn.emit(f.LegRefused(at, order.id, number, refused))
    turn.emit(f.LegDone(at, order.id, number, "rejected", leg.cum, str(refused.code)))
    return True


def recalls_open(order: Order, number: int) -> bool:
    """Whether a frozen sibling of the leg may still trade at the venue, or may have traded: a fill
    that is not believed yet takes the claim over once it is."""
    for relation, child in scope.chain(order, number):
        holder = order.claims.get(relation)
        if holder is None or holder not in scope.legs_under(order, child):
            continue
        for other in order.relations[relation].children:
            if other != child and any(
                order.legs[n].venue is not None
                or (order.legs[n].fills and order.legs[n].unconfirmed)
                for n in scope.legs_under(order, other)
                if not _covers_a_fill(order, n, other)
            ):
                return True
    return False


def _covers_a_fill(order: Order, number: int, node: int) -> bool:
    """Whether a leg of a losing node is there for what that node has filled all the same and keeps,
    as ``on_overfill`` says: it is not recalled, and waiting for it might have no end."""
    if order.terms.policy.on_overfill is OnOverfill.FLATTEN:
        return False
    entry = scope.entry_of(order, number)
    if entry is None or scope.fill(order, entry) <= 0:
        return False
    return set(scope.legs_under(order, entry)) <= set(scope.legs_under(order, node))


def _old_pair_live(order: Order, number: int) -> bool:
    """Whether the leg's partner in a venue's list is still on its way out of it."""
    chain = scope.chain(order, number)
    if not chain or order.claims:
        return False
    return any(
        child >= 0
        and child != number
        and (venue := order.legs[child].venue) is not None
        and bool(venue.list_id)
        for child in order.relations[chain[0][0]].children
    )


def beside_safety_stop(order: Order, leg: Leg) -> bool:
    """Exits of an order with a safety stop are reduce-only: in a gap both may trade at once, and
    only the venue can see to it that together they close no more than there is."""
    guarded = order.terms.policy.safety_stop is not None
    return guarded and leg.terms.exits and not leg.terms.system and leg.terms.position_side is None


def may_race(turn: Turn, order: Order, leg: Leg) -> bool:
    return (
        order.terms.policy.on_recall is OnRecall.RACE
        and leg.terms.exits
        and turn.capabilities(leg).reduce_only
        and leg.terms.position_side is None
    )


def _sendable(
    turn: Turn, order: Order, number: int, left: int, capabilities: Capabilities
) -> tuple[int, bool]:
    """How much to send now, and whether it was rounded up; 0 is dust or nothing."""
    leg = order.legs[number]
    quantity = left
    display = leg.terms.display_quantity
    if display is not None and not capabilities.iceberg:
        quantity = min(left, display)
    grid = turn.state.markets[leg.terms.instrument].grid
    if quantity >= grid.min_quantity:
        return quantity, False
    if left >= grid.min_quantity:
        return grid.min_quantity, False
    entry = scope.entry_of(order, number)
    if entry is not None and not scope.settled(order, entry):
        return 0, False  # more may fill and carry it
    policy = order.terms.policy.dust
    if policy is Dust.ROUND_UP_REDUCE_ONLY and capabilities.reduce_only and leg.terms.exits:
        return grid.min_quantity, True
    text = grid.quantity_text(left)
    least = grid.quantity_text(grid.min_quantity)
    turn.incident(
        order,
        f.IncidentKind.DUST_LEFT,
        number,
        f"{text} is below the venue's minimum of {least} and stays",
        f"dust={policy}",
        left,
    )
    turn.emit(f.LegDone(turn.at, order.id, number, _dust_end(leg), leg.cum, "dust"))
    return 0, False


def _dust_end(leg: Leg) -> str:
    return "filled" if leg.cum else "canceled"


def _list_partner(turn: Turn, order: Order, number: int, capabilities: Capabilities) -> int | None:
    """The other leg of a pair that the venue can hold as its own list."""
    if not capabilities.native_oco:
        return None
    chain = scope.chain(order, number)
    if not chain:
        return None
    relation = order.relations[chain[0][0]]
    if relation.kind != "oco" or relation.on_partial_fill is not OnPartialFill.CANCEL:
        return None
    others = [c for c in relation.children if c != number]
    if len(others) != 1 or others[0] < 0 or order.claims:
        return None
    this, other = order.legs[number], order.legs[others[0]]
    ready = other.venue is None and not other.ended and not this.cum and not other.cum
    same = (this.terms.instrument, this.terms.side, this.terms.quantity) == (
        other.terms.instrument,
        other.terms.side,
        other.terms.quantity,
    )
    same = same and listing.may_pair(order, (number, others[0]), capabilities)
    both_rest = this.terms.hold.value == other.terms.hold.value == "venue"
    return others[0] if ready and same and both_rest and not this.triggered else None


def _send_list(
    turn: Turn, order: Order, legs: tuple[int, ...], quantity: int, releases: bool = False
) -> None:
    """A pair of exits, or with ``releases`` an entry and the exits that wait for it."""
    kind = "oto" if releases else "list"
    list_id = f"{order.id}.{kind}.{order.legs[legs[0]].attempts + 1}"
    submits = []
    for place, number in enumerate(legs if releases else sorted(legs)):
        shape = prices.sent_as(order, number, True)
        flag, waits = order.legs[number].terms.reduce_only, releases and place > 0
        submits.append(_send(turn, order, number, shape, quantity, flag, list_id, waits))
    turn.requests.append(SubmitVenueList(list_id, tuple(submits), releases))


def _send(
    turn: Turn,
    order: Order,
    number: int,
    shape: Shape,
    quantity: int,
    reduce_only: bool,
    list_id: str,
    pending: bool = False,
) -> SubmitVenueOrder:
    leg = order.legs[number]
    terms = leg.terms
    kind, price, trigger = shape
    capabilities = turn.capabilities(leg)
    attempt = leg.attempts + 1
    valid_until = turn.at + capabilities.request_validity_ns
    tif = TimeInForce.GTC if kind is VenueOrderType.MARKET else terms.time_in_force
    turn.emit(
        f.VenueOrderSending(
            turn.at,
            order.id,
            number,
            attempt,
            kind,
            terms.side,
            quantity,
            valid_until,
            price,
            trigger,
            tif,
            terms.expire_at,
            reduce_only,
            list_id,
            pending,
        )
    )
    return SubmitVenueOrder(
        client_id=client_id(order.id, number, attempt),
        account=order.terms.account,
        instrument=terms.instrument,
        side=terms.side,
        order_type=kind,
        quantity=quantity,
        valid_until=valid_until,
        price=price,
        trigger_price=trigger,
        trigger_by=terms.trigger_by,
        time_in_force=tif,
        expire_at=terms.expire_at,
        post_only=terms.post_only and kind is VenueOrderType.LIMIT and not leg.triggered,
        reduce_only=reduce_only,
        position_side=terms.position_side,
        display_quantity=terms.display_quantity if capabilities.iceberg else None,
        protective=terms.exits or bool(terms.system),
    )


def _adjust(turn: Turn, order: Order, number: int, left: int) -> None:
    """Bring a working order to the wanted quantity and price, natively or by replacing it."""
    leg = order.legs[number]
    venue = leg.venue
    assert venue is not None
    if venue.order_type is VenueOrderType.MARKET:
        if leg.undoes and venue.quantity - venue.cum > left:
            turn.recall(order, number, "made larger by somebody else")
        return
    capabilities = turn.capabilities(leg)
    kind, price, trigger = prices.sent_as(order, number, capabilities.native_stop)
    if kind is VenueOrderType.MARKET:
        turn.recall(order, number, "goes on as a market order")
        return
    minimum = turn.state.markets[leg.terms.instrument].grid.min_quantity
    total = _wanted_total(leg, left, minimum, capabilities, order.terms.policy.dust)
    if price is None and trigger is None:
        return
    if total > venue.quantity and gating.held_to(turn.state, order, number):
        total = venue.quantity  # its end wakes the order
    if (total, price, trigger) == (venue.quantity, venue.price, venue.trigger_price):
        return
    waiting = capabilities.conditional_ids and venue.trigger_price is not None
    smaller = capabilities.native_reduce and total < venue.quantity
    smaller = smaller and (price, trigger) == (venue.price, venue.trigger_price)
    native = (capabilities.native_amend or smaller) and not venue.list_id and not waiting
    if native and left >= minimum and leg.refused < AMENDS_REFUSED_MAX:
        request = venue.request + 1
        attempt = venue.attempt
        turn.emit(
            f.VenueOrderAmending(turn.at, order.id, number, attempt, request, total, price, trigger)
        )
        turn.requests.append(
            AmendVenueOrder(
                client_id(order.id, number, attempt),
                order.terms.account,
                leg.terms.instrument,
                request,
                total,
                price,
                trigger,
                turn.at + capabilities.request_validity_ns,
            )
        )
        return
    turn.recall(order, number, "replace")


def _wanted_total(
    leg: Leg, left: int, minimum: int, capabilities: Capabilities, policy: Dust
) -> int:
    venue = leg.venue
    assert venue is not None
    display = leg.terms.display_quantity
    if display is not None and not capabilities.iceberg:
        return min(venue.quantity, venue.cum + left)  # the next slice carries any growth
    excess = venue.quantity - venue.cum - left
    rounded = policy is Dust.ROUND_UP_REDUCE_ONLY and left + excess == minimum
    kept = rounded or not leg.terms.reduce_only
    if venue.reduce_only and kept and 0 < excess < minimum:
        return venue.quantity  # rounded up on purpose; the venue clips it
    return venue.cum + left
