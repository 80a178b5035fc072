"""Evolve: state is a fold over facts. Nothing else writes to it.

Decides what each fact changes. Invariant: no fact is ever refused here; what could be refused was
refused before the fact was made.
"""

from collections.abc import Callable
from typing import Any

from interlock.engine import arming
from interlock.engine.leg import LIVE, LegState, moved
from interlock.engine.numbers import signal_units
from interlock.engine.state import (
    FOR_WANT_OF_QUANTITY,
    Booked,
    Leg,
    MarketView,
    Order,
    State,
    VenueOrder,
)
from interlock.orders import facts as f
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Grid
from interlock.orders.reports import VenueStatus
from interlock.orders.terms import LegTerms

PLAIN = Capabilities()


def evolve(state: State, fact: f.Fact) -> None:
    """Fold one fact into the state."""
    state.seq += 1
    if fact.at > state.now:
        state.now = fact.at
    _FOLDS[type(fact)](state, fact)


def _of(state: State, fact: Any) -> tuple[Order, Leg]:
    order = state.orders[fact.order_id]
    return order, order.legs[fact.leg]


def _instrument_defined(state: State, fact: f.InstrumentDefined) -> None:
    if fact.instrument.symbol not in state.markets:
        state.markets[fact.instrument.symbol] = MarketView(Grid(fact.instrument))


def _venue_defined(state: State, fact: f.VenueDefined) -> None:
    state.capabilities[fact.venue] = fact.capabilities


def _halted(state: State, fact: f.InstrumentHalted) -> None:
    state.markets[fact.instrument].halted = True


def _resumed(state: State, fact: f.InstrumentResumed) -> None:
    view = state.markets[fact.instrument]
    view.halted = False
    view.fresh = True


def _venue_down(state: State, fact: f.VenueDisconnected) -> None:
    state.down[fact.venue] = True


def _venue_up(state: State, fact: f.VenueConnected) -> None:
    state.down[fact.venue] = False
    for view in state.markets.values():
        view.fresh = view.fresh or view.grid.venue == fact.venue


def _started(state: State, fact: f.EngineStarted) -> None:
    state.epoch = fact.epoch
    for view in state.markets.values():
        view.fresh = True


def _signal(state: State, fact: f.SignalReceived) -> None:
    value = signal_units(fact.value)
    assert isinstance(value, int), "checked before the fact was made"
    state.signals[fact.name] = value


def _watermark(state: State, fact: f.WatermarkMoved) -> None:
    state.channel(fact.instrument, fact.channel).ratchet(fact.price)


def _volume(state: State, fact: f.VolumeCounted) -> None:
    view = state.markets[fact.instrument]
    view.counted = fact.quantity
    view.volume = max(view.volume, fact.quantity)


def _nothing(state: State, fact: f.Fact) -> None:
    """Facts that are for reading only."""


def _accepted(state: State, fact: f.OrderAccepted) -> None:
    terms = fact.terms
    order = Order(terms=terms, legs=[Leg(terms=leg) for leg in terms.legs], at=fact.at)
    state.orders[terms.id] = order
    state.by_client_id[(terms.account, terms.client_order_id)] = (terms.id, terms.digest)


def _amended(state: State, fact: f.OrderAmended) -> None:
    order = state.orders[fact.order_id]
    order.version = fact.version
    for change in fact.changes:
        leg = order.legs[change.leg]
        if leg.armed:
            arming.disarm(state, order, change.leg)
            leg.armed = False
        if leg.terms.trail != change.terms.trail or leg.terms.when != change.terms.when:
            leg.holds, leg.atoms = False, 0
        leg.terms = change.terms
        leg.suspended = False
        leg.retries = 0


def _rule_fired(state: State, fact: f.RuleFired) -> None:
    state.orders[fact.order_id].fired |= 1 << fact.rule


def _canceling(state: State, fact: f.OrderCanceling) -> None:
    order = state.orders[fact.order_id]
    if fact.exposure == "expire":
        order.expiring = True
        return
    order.winding = fact.exposure
    order.winding_reason = fact.reason


def _done(state: State, fact: f.OrderDone) -> None:
    order = state.orders[fact.order_id]
    order.done = fact.status
    order.done_at = fact.at


def _forgotten(state: State, fact: f.OrderForgotten) -> None:
    del state.orders[fact.order_id]


def _adjusted(state: State, fact: f.ExposureAdjusted) -> None:
    order = state.orders[fact.order_id]
    order.adjusted += fact.quantity
    entry = order.legs[0].terms
    if not entry.exits:  # what we opened is no longer there; a base we only exit never was ours
        _add_net(state, order, entry, -entry.side * fact.quantity)


def _armed(state: State, fact: f.LegArmed) -> None:
    order, leg = _of(state, fact)
    if leg.terms.when is not None and not leg.armed:
        leg.volume_base = _volume_base(state, leg)
    leg.armed = True
    leg.triggered = False
    leg.armed_level = fact.trigger_price
    leg.watermark = fact.watermark
    arming.arm(state, order, fact.leg)


def _volume_base(state: State, leg: Leg) -> int:
    assert leg.terms.when is not None
    for atom in leg.terms.when.atoms:
        if atom.kind.value == "volume":
            return state.markets[atom.instrument].counted
    return 0


def _disarmed(state: State, fact: f.LegDisarmed) -> None:
    order, leg = _of(state, fact)
    arming.disarm(state, order, fact.leg)
    leg.armed = False
    leg.holds, leg.atoms = False, 0
    if fact.reason == "gap":
        leg.suspended = True
    if fact.reason == "nothing to exit":
        leg.triggered = leg.escalated = leg.active = False
        leg.watermark = leg.trigger_level = None


def _activated(state: State, fact: f.TrailActivated) -> None:
    order, leg = _of(state, fact)
    arming.disarm(state, order, fact.leg)
    leg.active = True
    leg.armed_level = None
    leg.watermark = fact.price
    arming.arm(state, order, fact.leg)


def _condition(state: State, fact: f.ConditionChanged) -> None:
    order, leg = _of(state, fact)
    leg.atoms = fact.atoms
    leg.holds = fact.holds
    arming.arm(state, order, fact.leg)


def _leg_canceling(state: State, fact: f.LegCanceling) -> None:
    _, leg = _of(state, fact)
    leg.canceling = True
    leg.end_reason = fact.reason


def _triggered(state: State, fact: f.LegTriggered) -> None:
    order, leg = _of(state, fact)
    arming.disarm(state, order, fact.leg)
    leg.armed = False
    leg.triggered = True
    leg.triggered_at = fact.at
    level = fact.trigger_price if fact.trigger_price is not None else fact.price
    if fact.source == f.Channel.MID:  # half increments; rounded towards protection
        level = -(-level // 2) if leg.terms.side < 0 else level // 2
    leg.trigger_level = level


def _claimed(state: State, fact: f.LegClaimed) -> None:
    state.orders[fact.order_id].claims[fact.oco] = fact.leg


def _released(state: State, fact: f.ClaimReleased) -> None:
    state.orders[fact.order_id].claims.pop(fact.oco, None)


def _escalated(state: State, fact: f.LegEscalated) -> None:
    _, leg = _of(state, fact)
    leg.escalated = True
    leg.triggered = True


def _added(state: State, fact: f.LegAdded) -> None:
    order = state.orders[fact.order_id]
    assert fact.leg == len(order.legs), "legs are added at the end"
    order.legs.append(Leg(terms=fact.terms))
    order.done = ""


def _retrying(state: State, fact: f.LegRetrying) -> None:
    _, leg = _of(state, fact)
    leg.not_before = fact.not_before
    if fact.reason == "restore":
        leg.restores += 1
    else:
        leg.retries += 1


def _leg_done(state: State, fact: f.LegDone) -> None:
    order, leg = _of(state, fact)
    arming.disarm(state, order, fact.leg)
    leg.armed = False
    leg.state = LegState(fact.status)
    leg.end_reason = fact.reason
    leg.canceling = False


def _sending(state: State, fact: f.VenueOrderSending) -> None:
    order, leg = _of(state, fact)
    if leg.armed:
        arming.disarm(state, order, fact.leg)
        leg.armed = False
    venue = state.markets[leg.terms.instrument].grid.venue
    leg.state = moved(leg.state, fact)
    leg.attempts = fact.attempt
    leg.venue = VenueOrder(
        attempt=fact.attempt,
        order_type=fact.order_type,
        quantity=fact.quantity,
        valid_until=fact.valid_until,
        deadline=fact.at + state.capabilities.get(venue, PLAIN).reply_timeout_ns,
        price=fact.price,
        trigger_price=fact.trigger_price,
        time_in_force=fact.time_in_force,
        reduce_only=fact.reduce_only,
        list_id=fact.list_id,
        sent_at=fact.at,
    )


def _acknowledged(state: State, fact: f.VenueOrderAcknowledged) -> None:
    _, leg = _of(state, fact)
    assert leg.venue is not None
    leg.state = moved(leg.state, fact)
    leg.venue.acknowledged = True


def _add_net(state: State, order: Order, terms: LegTerms, signed: int) -> None:
    key = (order.terms.account, terms.instrument, str(terms.position_side or ""))
    state.net[key] = state.net.get(key, 0) + signed


def _revive(order: Order) -> None:
    """Quantities have changed after the fact: what ended for want of them lives again."""
    order.done = ""
    for leg in order.legs:
        if leg.ended and leg.end_reason in FOR_WANT_OF_QUANTITY:
            leg.state = LegState.HELD
            leg.end_reason = ""
            leg.triggered = leg.escalated = leg.active = False
            leg.watermark = leg.trigger_level = None


def _filled(state: State, fact: f.VenueOrderFilled) -> None:
    order, leg = _of(state, fact)
    _add_net(state, order, leg.terms, leg.terms.side * fact.quantity)
    leg.cum += fact.quantity
    leg.value += fact.quantity * fact.price
    leg.fees += fact.fee
    confirm_by = 0 if fact.confirmed else fact.at + order.terms.policy.confirm_ns
    leg.fills[fact.exec_id] = Booked(
        fact.quantity, fact.price, fact.attempt, fact.fee, confirm_by, fact.at
    )
    venue = leg.venue
    if venue is None or venue.attempt != fact.attempt:
        _revive(order)  # a late fill of an earlier attempt moves quantities, not the leg
        return
    leg.state = moved(leg.state, fact)
    venue.cum += fact.quantity
    venue.acknowledged = True
    if venue.cum >= venue.quantity and leg.state is not LegState.PENDING_REPLACE:
        leg.venue = None
        leg.state = LegState.HELD


def _confirmed(state: State, fact: f.FillConfirmed) -> None:
    _, leg = _of(state, fact)
    leg.fills[fact.exec_id].confirm_by = 0


def _refuted(state: State, fact: f.FillRefuted) -> None:
    order, leg = _of(state, fact)
    booked = leg.fills.pop(fact.exec_id)
    _add_net(state, order, leg.terms, -leg.terms.side * booked.quantity)
    leg.cum -= booked.quantity
    leg.value -= booked.quantity * booked.price
    leg.fees -= booked.fee
    if leg.venue is None:
        leg.state = moved(leg.state, fact)
    if leg.venue is not None and leg.venue.attempt == booked.attempt:
        leg.venue.cum -= booked.quantity
    _revive(order)


def _ask(state: State, leg: Leg, at: int, request: int) -> VenueOrder:
    venue = leg.venue
    assert venue is not None
    place = state.markets[leg.terms.instrument].grid.venue
    capabilities = state.capabilities.get(place, PLAIN)
    venue.request = venue.acted = request
    venue.deadline = at + capabilities.reply_timeout_ns
    venue.valid_until = max(venue.valid_until, at + capabilities.request_validity_ns)
    return venue


def _amending(state: State, fact: f.VenueOrderAmending) -> None:
    _, leg = _of(state, fact)
    leg.state = moved(leg.state, fact)
    venue = _ask(state, leg, fact.at, fact.request)
    venue.amending_until = venue.valid_until


def _venue_amended(state: State, fact: f.VenueOrderAmended) -> None:
    _, leg = _of(state, fact)
    venue = leg.venue
    assert venue is not None
    leg.state = moved(leg.state, fact)
    venue.quantity = fact.quantity
    venue.price = fact.price
    venue.trigger_price = fact.trigger_price
    venue.amending_until = 0
    leg.refused = 0
    if venue.cum >= venue.quantity and leg.state is LegState.WORKING:
        leg.venue = None
        leg.state = LegState.HELD


def _amend_refused(state: State, fact: f.VenueOrderAmendRefused) -> None:
    _, leg = _of(state, fact)
    leg.state = moved(leg.state, fact)
    leg.refused += 1
    assert leg.venue is not None
    leg.venue.amending_until = 0


def _recalling(state: State, fact: f.VenueOrderCanceling) -> None:
    _, leg = _of(state, fact)
    leg.state = moved(leg.state, fact)
    valid_until = leg.venue.valid_until if leg.venue else 0
    venue = _ask(state, leg, fact.at, fact.request)
    venue.valid_until = valid_until  # a late cancel can do no harm
    venue.recalled = True
    venue.recall_reason = fact.reason


def _gone(state: State, fact: f.Fact) -> None:
    _, leg = _of(state, fact)
    leg.gone_at = fact.at
    leg.state = moved(leg.state, fact)
    leg.venue = None


def _unknown(state: State, fact: f.VenueOrderUnknown) -> None:
    _, leg = _of(state, fact)
    assert leg.venue is not None
    leg.state = moved(leg.state, fact)
    leg.venue.querying = False
    leg.venue.deadline = fact.at


def _querying(state: State, fact: f.VenueOrderQuerying) -> None:
    _, leg = _of(state, fact)
    for booked in leg.fills.values():
        if booked.attempt == fact.attempt and 0 < booked.confirm_by <= fact.at:
            booked.confirm_by = fact.at + state.settings.query_after_ns
    venue = leg.venue
    if venue is None or venue.attempt != fact.attempt:
        return
    venue.request = fact.request
    venue.querying = True
    venue.queries += 1
    backoff = state.settings.query_after_ns << min(venue.queries - 1, 5)
    venue.deadline = fact.not_before if fact.not_before > fact.at else fact.at + backoff


def _found(state: State, fact: f.VenueOrderFound) -> None:
    _, leg = _of(state, fact)
    venue = leg.venue
    assert venue is not None
    venue.querying = False
    if fact.status is VenueStatus.WORKING:
        if leg.state is LegState.UNCONFIRMED:
            leg.state = moved(leg.state, fact)
        venue.acknowledged = True
        venue.queries = 0
        venue.amending_until = 0
        venue.quantity = fact.quantity
        venue.price = fact.price
        venue.trigger_price = fact.trigger_price
        return
    assert leg.state in LIVE
    leg.gone_at = fact.at
    leg.venue = None
    leg.state = LegState.HELD


def _position_seen(state: State, fact: f.PositionSeen) -> None:
    key = (fact.account, fact.instrument, str(fact.position_side or ""))
    if fact.doubted:
        state.positions_seen[key] = fact.quantity
    else:
        state.positions_seen.pop(key, None)


def _incident(state: State, fact: f.IncidentOpened) -> None:
    order = state.orders.get(fact.order_id)
    if order is not None:
        key = f"{fact.kind}:{fact.leg}"
        order.incidents[key] = order.incidents.get(key, 0) + fact.quantity


def _incident_closed(state: State, fact: f.IncidentClosed) -> None:
    order = state.orders.get(fact.order_id)
    if order is not None:
        order.incidents.pop(f"{fact.kind}:{fact.leg}", None)


_FOLDS: dict[type, Callable[[State, Any], None]] = {
    f.InstrumentDefined: _instrument_defined,
    f.VenueDefined: _venue_defined,
    f.InstrumentHalted: _halted,
    f.InstrumentResumed: _resumed,
    f.VenueDisconnected: _venue_down,
    f.VenueConnected: _venue_up,
    f.SignalReceived: _signal,
    f.WatermarkMoved: _watermark,
    f.VolumeCounted: _volume,
    f.EngineStarted: _started,
    f.CommandRefused: _nothing,
    f.OrderAccepted: _accepted,
    f.OrderAmended: _amended,
    f.RuleFired: _rule_fired,
    f.OrderCanceling: _canceling,
    f.OrderDone: _done,
    f.OrderForgotten: _forgotten,
    f.ExposureAdjusted: _adjusted,
    f.LegArmed: _armed,
    f.LegDisarmed: _disarmed,
    f.TrailActivated: _activated,
    f.ConditionChanged: _condition,
    f.LegCanceling: _leg_canceling,
    f.LegTriggered: _triggered,
    f.LegClaimed: _claimed,
    f.ClaimReleased: _released,
    f.LegEscalated: _escalated,
    f.LegAdded: _added,
    f.LegRetrying: _retrying,
    f.LegDone: _leg_done,
    f.VenueOrderSending: _sending,
    f.VenueOrderAcknowledged: _acknowledged,
    f.VenueOrderFilled: _filled,
    f.FillConfirmed: _confirmed,
    f.FillRefuted: _refuted,
    f.VenueOrderAmending: _amending,
    f.VenueOrderAmended: _venue_amended,
    f.VenueOrderAmendRefused: _amend_refused,
    f.VenueOrderCanceling: _recalling,
    f.VenueOrderCanceled: _gone,
    f.VenueOrderExpired: _gone,
    f.VenueOrderRejected: _gone,
    f.VenueOrderUnknown: _unknown,
    f.VenueOrderQuerying: _querying,
    f.VenueOrderFound: _found,
    f.ReportIgnored: _nothing,
    f.StrayRecalled: _nothing,
    f.PositionSeen: _position_seen,
    f.IncidentOpened: _incident,
    f.IncidentClosed: _incident_closed,
}
