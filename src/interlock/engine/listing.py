"""Listing: an entry and its exits as one list of the venue's (OTO, OTOCO).

Decides which orders may go as such a list, and what becomes of exits that wait in one. The trader
accepts the venue's rule by asking for it: ``hold: venue`` on every leg, ``activate_on: full_fill``,
and of two exits ``on_partial_fill: cancel``. Invariants: an exit waits in its entry's list and
nowhere else, for no more than the entry; a list that is changed is taken back as a whole before
anything of it is sent again.
"""

from interlock.engine import prices, scope
from interlock.engine.order import Leg, Order
from interlock.engine.turn import Turn
from interlock.orders.capabilities import Capabilities
from interlock.orders.legs import Hold, LegType, TimeInForce
from interlock.orders.tree import ActivateOn, OnPartialFill

STOPS = (LegType.STOP, LegType.STOP_LIMIT)
AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


def exits_with(
    turn: Turn, order: Order, number: int, quantity: int, capabilities: Capabilities
) -> tuple[int, ...]:
    """The exits that can wait at the venue for this entry; none where it is sent alone."""
    if not capabilities.native_oto or order.winding or order.adjusted or order.claims:
        return ()
    chain = scope.chain(order, number)
    if len(chain) != 1:
        return ()
    relation = order.relations[chain[0][0]]
    entry = order.legs[number]
    whole = quantity == entry.terms.quantity and not entry.cum
    if (
        relation.kind != "oto"
        or relation.children[0] != number
        or relation.activate_on is not ActivateOn.FULL_FILL
        or not whole
        or not _plain(entry)
        or entry.terms.type is not LegType.LIMIT
        or entry.terms.time_in_force in AT_ONCE
        or order.terms.policy.safety_stop is not None
        or turn.state.confirm_ns(order, entry.terms.instrument)
    ):
        return ()
    exits = _together(order, relation.children[1], capabilities)
    return exits if all(_may_wait(order, entry, n) for n in exits) else ()


def _together(order: Order, node: int, capabilities: Capabilities) -> tuple[int, ...]:
    """One exit, or two of which one cancels the other."""
    if node >= 0:
        return (node,)
    relation = order.relations[~node]
    pair = tuple(child for child in relation.children if child < 0 or not order.legs[child].ended)
    if relation.kind != "oco" or relation.on_partial_fill is not OnPartialFill.CANCEL:
        return ()
    if len(relation.children) != 2 or any(child < 0 for child in pair):
        return ()
    if len(pair) < 2:
        return pair
    return pair if may_pair(order, pair, capabilities) else ()


def may_pair(order: Order, pair: tuple[int, ...], capabilities: Capabilities) -> bool:
    """Whether the venue takes two such exits as one that cancels the other."""
    kinds = {order.legs[n].terms.type in STOPS for n in pair}
    return len(kinds) > 1 or not capabilities.oco_needs_stop


def _may_wait(order: Order, entry: Leg, number: int) -> bool:
    """A plain exit of the whole entry, with a price that is known before the entry has filled."""
    leg = order.legs[number]
    terms = leg.terms
    if leg.venue is not None or leg.ended or leg.canceling or leg.cum or leg.triggered:
        return False
    alike = (terms.instrument, terms.side, terms.quantity) == (
        entry.terms.instrument,
        -entry.terms.side,
        entry.terms.quantity,
    )
    _, price, trigger = prices.sent_as(order, number, True)
    priced = (price is not None or terms.type is LegType.STOP) and (
        trigger is not None or terms.type is LegType.LIMIT
    )
    kinds = (LegType.LIMIT, *STOPS)
    until = terms.time_in_force is TimeInForce.GTC
    return alike and priced and until and terms.exits and terms.type in kinds and _plain(leg)


def _plain(leg: Leg) -> bool:
    terms = leg.terms
    rests = terms.hold is Hold.VENUE and terms.when is None and terms.display_quantity is None
    return rests and not terms.reduce_only and terms.position_side is None


def still_there(order: Order, number: int) -> bool:
    """Whether exits of an entry's last list may be there: it is not sent beside them."""
    return any(
        leg.venue is not None and leg.venue.pending and scope.entry_of(order, n) == number
        for n, leg in enumerate(order.legs)
    )


def keep(turn: Turn, order: Order, number: int) -> None:
    """Let an exit wait for its entry; one that was changed takes the list back, to go anew."""
    leg = order.legs[number]
    venue = leg.venue
    assert venue is not None
    _, price, trigger = prices.sent_as(order, number, True)
    wanted = (leg.terms.quantity, price, trigger)
    if leg.at_rest and wanted != (venue.quantity, venue.price, venue.trigger_price):
        take_back(turn, order, number)


def take_back(turn: Turn, order: Order, number: int) -> None:
    """End the list that an exit waits in, by its entry: whatever of it goes on is sent anew."""
    entry = scope.listed_entry(order, number)
    if order.legs[entry].at_rest:
        turn.recall(order, entry, "replace")


def ended(turn: Turn, order: Order, number: int) -> None:
    """A venue order is over. The exits that waited for it are so too, by the venue's rule: that is
    told in a moment, or asked about after it."""
    if order.legs[number].venue is not None or order.legs[number].terms.exits:
        return
    for n, leg in enumerate(order.legs):
        venue = leg.venue
        if venue is None or venue.querying or not leg.at_rest or not scope.waited(order, n):
            continue
        if scope.entry_of(order, n) == number:
            after = turn.at + turn.state.settings.query_after_ns
            turn.query(order, n, venue.attempt, after)


def pair_ended(turn: Turn, order: Order, number: int, list_id: str) -> None:
    """A released exit went for the other one. That may have traded, or been refused when it was
    released: what is wanted of the two follows once it is known which."""
    for n, leg in enumerate(order.legs):
        venue = leg.venue
        other = n != number and leg.terms.exits and leg.at_rest
        if other and venue is not None and venue.list_id == list_id:
            after = turn.at + turn.state.settings.query_after_ns
            turn.query(order, n, venue.attempt, after)
