"""Evolve: state is a fold over facts. Nothing else writes to it.

Decides what each fact changes. Invariant: no fact is ever refused here; what could be refused was
refused before the fact was made.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import astuple

from interlock.engine import arming, feedwatch, riskfold, signalbook, tally, venuefold
from interlock.engine.book import acceptance
from interlock.engine.leg import LegState
from interlock.engine.numbers import signal_units
from interlock.engine.order import Leg, Order
from interlock.engine.state import MarketView, State
from interlock.orders import facts as f
from interlock.orders.grid import Grid
from interlock.orders.sessions import ALWAYS
from interlock.risk.limited import Bounds


def evolve(state: State, fact: f.Fact) -> None:
    """Fold one fact into the state."""
    state.seq += 1
    if fact.at > state.now:
        state.now = fact.at
    kind = type(fact)
    _FOLDS[kind](state, fact)
    if state.risk.limited and kind in tally.MOVES:
        state.risk.dirty[getattr(fact, "order_id")] = None  # noqa: B009


def keep(
    state: State,
    fact: f.OrderAccepted,
    data: bytes,
    waits: list[arming.Wait],
    scopes: tuple[Bounds, ...],
    buys: int,
    sells: int,
) -> str:
    """``evolve`` for an order that only waits, with what was worked out on the way to the fact:
    its encoding, where its legs wait, and what it adds to which scopes. The order's id.
    """
    state.seq += 1
    at, terms, _ = astuple(fact)
    if at > state.now:
        state.now = at
    order_id: str = terms.id
    state.orders.keep(terms, state.seq, arming.entered(waits, order_id), data)
    if scopes:
        for bounds in scopes:
            limited = bounds.limited
            limited.open += 1
            limited.placed.add(at)
            limited.breakers.refused = 0
            if limited.breaks:
                state.risk.look_at = 1
            bounds.line.buys += buys
            bounds.line.sells += sells
    elif not state.risk.quiet:
        riskfold.accepted(state, terms, at)
    return order_id


def _instrument_defined(state: State, fact: f.InstrumentDefined) -> None:
    if fact.instrument.symbol not in state.markets:
        state.markets[fact.instrument.symbol] = MarketView(Grid(fact.instrument))
        feedwatch.watch_all(state, fact.at)
        if fact.instrument.session != ALWAYS:
            state.risk.look_at = 1


def _venue_defined(state: State, fact: f.VenueDefined) -> None:
    state.capabilities[fact.venue] = fact.capabilities


def _halted(state: State, fact: f.InstrumentHalted) -> None:
    state.markets[fact.instrument].halted = True


def _delisted(state: State, fact: f.InstrumentDelisted) -> None:
    view = state.markets[fact.instrument]
    view.halted = view.delisted = True


def _resumed(state: State, fact: f.InstrumentResumed) -> None:
    view = state.markets[fact.instrument]
    view.halted = view.delisted = False
    view.fresh = True


def _venue_down(state: State, fact: f.VenueDisconnected) -> None:
    state.down[fact.venue] = True
    state.risk.gone.setdefault(fact.venue, fact.at)
    state.risk.look_at = 1


def _venue_up(state: State, fact: f.VenueConnected) -> None:
    state.down[fact.venue] = False
    state.risk.gone.pop(fact.venue, None)
    state.risk.look_at = 1
    for view in state.markets.values():
        view.fresh = view.fresh or view.grid.venue == fact.venue


def _started(state: State, fact: f.EngineStarted) -> None:
    state.epoch = fact.epoch
    state.started_at = fact.at
    feedwatch.watch_all(state, fact.at)
    for view in state.markets.values():
        view.fresh = True


def _signal(state: State, fact: f.SignalReceived) -> None:
    value = signal_units(fact.value)
    assert isinstance(value, int), "checked before the fact was made"
    state.signals[fact.name] = value
    if state.signal_book:
        signalbook.received(state.signal_book, fact)
        state.risk.look_at = 1


def _watermark(state: State, fact: f.WatermarkMoved) -> None:
    state.channel(fact.instrument, fact.channel).ratchet(fact.price)


def _volume(state: State, fact: f.VolumeCounted) -> None:
    view = state.markets[fact.instrument]
    view.counted = fact.quantity
    view.volume = max(view.volume, fact.quantity)


def _answered(state: State, fact: f.RequestAnswered) -> None:
    """Remember it, and forget those whose time is over: they come in the order of their time."""
    known = state.answered
    known.pop((fact.caller, fact.key), None)
    known[(fact.caller, fact.key)] = fact
    oldest = fact.at - state.settings.keys_kept_ns
    while known[first := next(iter(known))].at <= oldest:
        del known[first]


def _nothing(state: State, fact: f.Fact) -> None:
    """Facts that are for reading only."""


def _accepted(state: State, fact: f.OrderAccepted) -> None:
    if not state.risk.quiet:
        riskfold.accepted(state, fact.terms, fact.at)
    if fact.armed:
        state.orders.keep(fact.terms, state.seq, arming.at_once(state, fact), acceptance(fact))
        return
    terms = fact.terms
    state.orders.add(Order(terms, [Leg(leg) for leg in terms.legs], fact.at))


def _amended(state: State, fact: f.OrderAmended) -> None:
    order = state.orders[fact.order_id]
    order.version = fact.version
    if fact.by == "trader":
        riskfold.amended(state, order, fact.at)
    for change in fact.changes:
        leg = order.legs[change.leg]
        if leg.armed:
            arming.disarm(state, order, change.leg)
            leg.armed = False
        if leg.terms.trail != change.terms.trail or leg.terms.when != change.terms.when:
            leg.holds, leg.atoms = False, 0
        if leg.terms.when != change.terms.when:
            leg.volume_base = -1
        leg.terms = change.terms
        leg.suspended = False
        leg.retries = 0


def _rule_fired(state: State, fact: f.RuleFired) -> None:
    state.orders[fact.order_id].fired |= 1 << fact.rule


def _canceling(state: State, fact: f.OrderCanceling) -> None:
    order = state.orders[fact.order_id]
    riskfold.canceled(state, order, fact.at)
    if fact.exposure == "expire":
        order.expiring = True
        return
    order.winding = fact.exposure
    order.winding_reason = fact.reason


def _done(state: State, fact: f.OrderDone) -> None:
    order = state.orders[fact.order_id]
    order.done = fact.status
    order.done_at = fact.at
    if not state.risk.quiet:
        riskfold.ended(state, order)


def _forgotten(state: State, fact: f.OrderForgotten) -> None:
    if state.risk.limited:
        tally.forgotten(state, state.orders[fact.order_id])
    state.orders.drop(fact.order_id)


def _adjusted(state: State, fact: f.ExposureAdjusted) -> None:
    venuefold.close_by_others(state, state.orders[fact.order_id], fact.quantity)


def _armed(state: State, fact: f.LegArmed) -> None:
    order, leg = venuefold.of(state, fact)
    leg.armed_quantity = fact.quantity
    if leg.armed and leg.armed_level == fact.trigger_price:
        return  # only what it covers has changed: it waits on, touches counted and all
    if leg.terms.when is not None and not leg.armed and leg.volume_base < 0:
        leg.volume_base = _volume_base(state, leg)  # a leg that was frozen counts on
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
    order, leg = venuefold.of(state, fact)
    arming.disarm(state, order, fact.leg)
    leg.armed = False
    leg.holds, leg.atoms = False, 0
    if fact.reason == "gap":
        leg.suspended = True
    if fact.reason == "nothing to exit":
        leg.triggered = leg.escalated = leg.active = False
        leg.watermark = leg.trigger_level = None
        leg.volume_base = -1


def _activated(state: State, fact: f.TrailActivated) -> None:
    order, leg = venuefold.of(state, fact)
    arming.disarm(state, order, fact.leg)
    leg.active = True
    leg.armed_level = None
    leg.watermark = fact.price
    arming.arm(state, order, fact.leg)


def _condition(state: State, fact: f.ConditionChanged) -> None:
    order, leg = venuefold.of(state, fact)
    leg.atoms = fact.atoms
    leg.holds = fact.holds
    if fact.watermark is not None:
        leg.watermark = fact.watermark
    arming.arm(state, order, fact.leg)


def _leg_canceling(state: State, fact: f.LegCanceling) -> None:
    order, leg = venuefold.of(state, fact)
    riskfold.canceled(state, order, fact.at)
    leg.canceling = True
    leg.end_reason = fact.reason


def _triggered(state: State, fact: f.LegTriggered) -> None:
    order, leg = venuefold.of(state, fact)
    arming.disarm(state, order, fact.leg)
    leg.armed = False
    leg.triggered = True
    leg.triggered_at = fact.at
    level = fact.trigger_price if fact.trigger_price is not None else fact.price
    if fact.source == f.Channel.MID:  # half increments; rounded towards protection
        level = -(-level // 2) if leg.terms.side < 0 else level // 2
    leg.trigger_level = level


def _claimed(state: State, fact: f.LegClaimed) -> None:
    order = state.orders[fact.order_id]
    order.claims = order.claims | {fact.oco: fact.leg}


def _released(state: State, fact: f.ClaimReleased) -> None:
    order = state.orders[fact.order_id]
    order.claims = {oco: leg for oco, leg in order.claims.items() if oco != fact.oco}


def _escalated(state: State, fact: f.LegEscalated) -> None:
    _, leg = venuefold.of(state, fact)
    leg.escalated = True
    leg.triggered = True


def _added(state: State, fact: f.LegAdded) -> None:
    order = state.orders[fact.order_id]
    assert fact.leg == len(order.legs), "legs are added at the end"
    order.legs.append(Leg(terms=fact.terms))
    order.done = ""


def _retrying(state: State, fact: f.LegRetrying) -> None:
    _, leg = venuefold.of(state, fact)
    leg.not_before = fact.not_before
    if fact.reason == "restore":
        leg.restores += 1
    else:
        leg.retries += 1


def _leg_done(state: State, fact: f.LegDone) -> None:
    order, leg = venuefold.of(state, fact)
    arming.disarm(state, order, fact.leg)
    leg.armed = False
    leg.state = LegState(fact.status)
    leg.end_reason = fact.reason
    leg.canceling = False


def _position_seen(state: State, fact: f.PositionSeen) -> None:
    key = (fact.account, fact.instrument, str(fact.position_side or ""))
    if fact.doubted:
        state.positions_seen[key] = fact
    else:
        state.positions_seen.pop(key, None)


def _incident(state: State, fact: f.IncidentOpened) -> None:
    order = state.orders.get(fact.order_id)
    if order is not None:
        key = f"{fact.kind}:{fact.leg}"
        order.incidents = order.incidents | {key: order.incidents.get(key, 0) + fact.quantity}


def _incident_closed(state: State, fact: f.IncidentClosed) -> None:
    order = state.orders.get(fact.order_id)
    if order is not None:
        gone = f"{fact.kind}:{fact.leg}"
        order.incidents = {key: size for key, size in order.incidents.items() if key != gone}


_FOLDS: dict[type, Callable[[State, Any], None]] = {
    **riskfold.FOLDS,
    **venuefold.FOLDS,
    f.InstrumentDefined: _instrument_defined,
    f.VenueDefined: _venue_defined,
    f.InstrumentHalted: _halted,
    f.InstrumentDelisted: _delisted,
    f.InstrumentResumed: _resumed,
    f.VenueDisconnected: _venue_down,
    f.VenueConnected: _venue_up,
    f.SignalReceived: _signal,
    f.WatermarkMoved: _watermark,
    f.VolumeCounted: _volume,
    f.EngineStarted: _started,
    f.CommandRefused: riskfold.refused,
    f.RequestAnswered: _answered,
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
    f.ReportIgnored: _nothing,
    f.StrayRecalled: _nothing,
    f.PositionSeen: _position_seen,
    f.IncidentOpened: _incident,
    f.IncidentClosed: _incident_closed,
}
