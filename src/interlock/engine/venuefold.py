"""The folds of facts about venue orders and their fills.

Decides how a leg's quantities and its one venue order follow from what was sent and told.
Invariant: fills are counted on the leg whichever attempt they belong to; a leg's state moves only
by the table in ``engine.leg``.
"""

from collections.abc import Callable
from typing import Any

from interlock.engine import arming, riskfold, scope
from interlock.engine.leg import LIVE, LegState, moved
from interlock.engine.order import FOR_WANT_OF_QUANTITY, Booked, Leg, Order, VenueOrder
from interlock.engine.state import State
from interlock.orders import facts as f
from interlock.orders.reports import VenueStatus
from interlock.orders.terms import LegTerms


def of(state: State, fact: Any) -> tuple[Order, Leg]:
    """The order and the leg that a fact is about."""
    order = state.orders[fact.order_id]
    return order, order.legs[fact.leg]


def _sending(state: State, fact: f.VenueOrderSending) -> None:
    order, leg = of(state, fact)
    if leg.armed:
        arming.disarm(state, order, fact.leg)
        leg.armed = False
    risk = state.risk
    if not risk.quiet and not (leg.terms.exits or leg.terms.reduce_only or leg.terms.system):
        terms = order.terms
        for limited in risk.matching(terms.account, terms.tag, (leg.terms.instrument,)):
            limited.sent.add(fact.at)
        if risk.blocks:  # an order from before may be the one that tries
            risk.probing(terms.account, terms.tag, (leg.terms.instrument,), order.id)
    leg.state = moved(leg.state, fact)
    leg.attempts = fact.attempt
    leg.venue = VenueOrder(
        attempt=fact.attempt,
        order_type=fact.order_type,
        quantity=fact.quantity,
        valid_until=fact.valid_until,
        deadline=fact.at + state.capabilities_of(leg.terms.instrument).reply_timeout_ns,
        price=fact.price,
        trigger_price=fact.trigger_price,
        time_in_force=fact.time_in_force,
        reduce_only=fact.reduce_only,
        list_id=fact.list_id,
        pending=fact.pending,
        sent_at=fact.at,
    )


def _acknowledged(state: State, fact: f.VenueOrderAcknowledged) -> None:
    order, leg = of(state, fact)
    assert leg.venue is not None
    leg.state = moved(leg.state, fact)
    leg.venue.acknowledged = True
    riskfold.at_venue(state, order, leg.terms, True)


def add_net(state: State, order: Order, terms: LegTerms, signed: int) -> tuple[str, str, str]:
    key = (order.terms.account, terms.instrument, str(terms.position_side or ""))
    state.net[key] = state.net.get(key, 0) + signed
    return key


def _traded(state: State, order: Order, leg: Leg, quantity: int, price: int, fee: int) -> None:
    """Count on the leg, and in the account's net position what the order then holds."""
    terms = leg.terms
    key = (terms.instrument, str(terms.position_side or ""))
    before = _holds(order, key) if order.adjusted else 0
    leg.cum += quantity
    signed = _holds(order, key) - before if order.adjusted else terms.side * quantity
    where = add_net(state, order, terms, signed)
    state.risk.traded((*where, order.terms.tag), signed, price, fee)


def close_by_others(state: State, order: Order, quantity: int) -> None:
    """What the order holds comes nearer to nothing, whichever way it lies: exits that traded too
    much have turned it round. Of a straddle it is the side that was entered; a base that we only
    exit never was ours."""
    opened = (leg.terms for leg in order.legs if leg.cum and not leg.terms.exits)
    terms = next(opened, order.legs[0].terms)
    key = (terms.instrument, str(terms.position_side or ""))
    before = _holds(order, key)
    order.adjusted += quantity
    change = _holds(order, key) - before
    if change:
        where = add_net(state, order, terms, change)
        state.risk.changed((*where, order.terms.tag), change)


def _holds(order: Order, key: tuple[str, str]) -> int:
    """What an order holds after others closed a part of it: never less than nothing. An exit of
    ours that fills after all may have been that part, or came too late for it."""
    net = scope.net(order).get(key, 0)
    opened = [leg.terms for leg in order.legs if leg.cum and not leg.terms.exits]
    here = bool(opened) and key == (opened[0].instrument, str(opened[0].position_side or ""))
    adjusted = order.adjusted if here and not order.legs[0].terms.exits else 0
    return max(0, net - adjusted) if net > 0 else min(0, net + adjusted)


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
    order, leg = of(state, fact)
    _traded(state, order, leg, fact.quantity, fact.price, fact.fee)
    leg.fees += fact.fee
    waits_ns = state.confirm_ns(order, leg.terms.instrument)
    confirm_by = 0 if fact.confirmed else fact.at + waits_ns
    if not leg.fills:
        leg.fills = {}
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
        if venue.recalled:  # the recall may have come first, and the fill be a phantom
            _look(leg, venue.attempt, fact.at + state.settings.late_look_ns, 0)
        leg.venue = None
        leg.state = LegState.HELD


def _confirmed(state: State, fact: f.FillConfirmed) -> None:
    _, leg = of(state, fact)
    booked = leg.fills[fact.exec_id]
    booked.confirm_by = booked.doubted = 0


def _doubted(state: State, fact: f.FillDoubted) -> None:
    _, leg = of(state, fact)
    leg.fills[fact.exec_id].doubted = fact.at
    _look_again(state, leg, fact.attempt, fact.at)


def _look_again(state: State, leg: Leg, attempt: int, at: int) -> None:
    """Ask about an attempt once more, soon."""
    _look(leg, attempt, at + state.settings.query_after_ns, 0)


def _look(leg: Leg, attempt: int, due: int, asked: int) -> None:
    """One look is open for an attempt at a time."""
    others = tuple(look for look in leg.late_looks if look[0] != attempt)
    leg.late_looks = (*others, (attempt, due, asked))


def _refuted(state: State, fact: f.FillRefuted) -> None:
    order, leg = of(state, fact)
    booked = leg.fills.pop(fact.exec_id)
    _traded(state, order, leg, -booked.quantity, booked.price, -booked.fee)
    leg.fees -= booked.fee
    if leg.venue is None:
        leg.state = moved(leg.state, fact)
    if leg.venue is not None and leg.venue.attempt == booked.attempt:
        leg.venue.cum -= booked.quantity
    _revive(order)


def _ask(state: State, leg: Leg, at: int, request: int) -> VenueOrder:
    venue = leg.venue
    assert venue is not None
    capabilities = state.capabilities_of(leg.terms.instrument)
    venue.request = venue.acted = request
    venue.deadline = at + capabilities.reply_timeout_ns
    venue.valid_until = max(venue.valid_until, at + capabilities.request_validity_ns)
    return venue


def _amending(state: State, fact: f.VenueOrderAmending) -> None:
    _, leg = of(state, fact)
    leg.state = moved(leg.state, fact)
    venue = _ask(state, leg, fact.at, fact.request)
    venue.amending_until = venue.valid_until


def _venue_amended(state: State, fact: f.VenueOrderAmended) -> None:
    _, leg = of(state, fact)
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
    _, leg = of(state, fact)
    leg.state = moved(leg.state, fact)
    leg.refused += 1
    assert leg.venue is not None
    leg.venue.amending_until = 0


def _recalling(state: State, fact: f.VenueOrderCanceling) -> None:
    _, leg = of(state, fact)
    leg.state = moved(leg.state, fact)
    valid_until = leg.venue.valid_until if leg.venue else 0
    venue = _ask(state, leg, fact.at, fact.request)
    venue.valid_until = valid_until  # a late cancel can do no harm
    venue.recalled = True


def _gone(state: State, fact: f.Fact) -> None:
    order, leg = of(state, fact)
    if isinstance(fact, f.VenueOrderRejected):
        riskfold.at_venue(state, order, leg.terms, False)
    leg.gone_at = fact.at
    leg.state = moved(leg.state, fact)
    if leg.venue is not None and not isinstance(fact, f.VenueOrderRejected):
        due = fact.at + state.settings.late_look_ns
        _look(leg, leg.venue.attempt, due, 0)
    leg.venue = None


def _unknown(state: State, fact: f.VenueOrderUnknown) -> None:
    _, leg = of(state, fact)
    assert leg.venue is not None
    leg.state = moved(leg.state, fact)
    leg.venue.querying = False
    leg.venue.deadline = fact.at


def _querying(state: State, fact: f.VenueOrderQuerying) -> None:
    _, leg = of(state, fact)
    for booked in leg.fills.values():
        if booked.attempt == fact.attempt and 0 < booked.confirm_by <= fact.at:
            booked.confirm_by = fact.at + state.settings.query_after_ns
    venue = leg.venue
    if venue is None or venue.attempt != fact.attempt:
        _asked_late(state, leg, fact)
        return
    if leg.late_looks:
        leg.late_looks = tuple(look for look in leg.late_looks if look[0] != fact.attempt)
    if _doubts(leg, fact.attempt):
        _look_again(state, leg, fact.attempt, fact.at)
    venue.request = fact.request
    venue.querying = True
    venue.queries += 1
    backoff = state.settings.query_after_ns << min(venue.queries - 1, 5)
    venue.deadline = fact.not_before if fact.not_before > fact.at else fact.at + backoff


def _doubts(leg: Leg, attempt: int) -> bool:
    return any(b.doubted and b.attempt == attempt for b in leg.fills.values())


def _asked_late(state: State, leg: Leg, fact: f.VenueOrderQuerying) -> None:
    """The look stays open until it is answered: the question, or its answer, may be lost."""
    if fact.not_before > fact.at:
        _look(leg, fact.attempt, fact.not_before, 0)
        return
    asked = next((look[2] for look in leg.late_looks if look[0] == fact.attempt), 0)
    pause = state.settings.query_after_ns
    pause = pause if _doubts(leg, fact.attempt) else pause << min(asked, 5)
    _look(leg, fact.attempt, fact.at + pause, asked + 1)


def _found(state: State, fact: f.VenueOrderFound) -> None:
    _, leg = of(state, fact)
    venue = leg.venue
    if venue is None or venue.attempt != fact.attempt:  # the answer to a late look
        leg.late_looks = tuple(look for look in leg.late_looks if look[0] != fact.attempt)
        if _doubts(leg, fact.attempt):
            _look_again(state, leg, fact.attempt, fact.at)
        return
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


FOLDS: dict[type, Callable[[State, Any], None]] = {
    f.VenueOrderSending: _sending,
    f.VenueOrderAcknowledged: _acknowledged,
    f.VenueOrderFilled: _filled,
    f.FillConfirmed: _confirmed,
    f.FillDoubted: _doubted,
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
}
