"""The folds of facts about risk, and what other facts mean for breakers.

Decides how limits, blocks and counts follow from facts. Invariant: what is due because of a count
is found by the guard's next look, at once; nothing is decided here.
"""

from collections.abc import Callable
from typing import Any

from interlock.engine import feedwatch, signalbook, tally
from interlock.engine.order import Order
from interlock.engine.state import State
from interlock.orders import facts as f
from interlock.orders.limits import BlockCause
from interlock.orders.rejects import RejectCode
from interlock.orders.terms import LegTerms, OrderTerms
from interlock.risk.limited import Limited


def _limits_set(state: State, fact: f.LimitsSet) -> None:
    tally.refresh(state)  # before the scope is there: it is to count no change of before
    if fact.limits is None:
        state.risk.unlimit(fact.scope)
    elif state.risk.limit(fact.scope, fact.limits):
        tally.begin(state, fact.scope)
    feedwatch.watch_all(state, fact.at)
    state.risk.look_at = 1


def _loss_day(state: State, fact: f.LossDayBegan) -> None:
    state.risk.limited[fact.scope].begin_day(fact.equity, fact.until)
    state.risk.days()


def _block_set(state: State, fact: f.BlockSet) -> None:
    block, risk = fact.block, state.risk
    key = (block.cause, block.name)
    risk.blocks[key] = block
    risk.probes.pop(key, None)
    risk.look_at = 1
    if block.cause is BlockCause.BREAKER:
        for limited in risk.limited.values():
            if limited.scope == block.scope:
                limited.breakers.begin()
    if block.cause is BlockCause.FEED:
        feedwatch.said_unfit(state, block.name, True)


def _block_lifted(state: State, fact: f.BlockLifted) -> None:
    risk = state.risk
    risk.blocks.pop((fact.cause, fact.name), None)
    risk.probes.pop((fact.cause, fact.name), None)
    risk.look_at = 1
    if fact.cause is BlockCause.FEED:
        feedwatch.said_unfit(state, fact.name, False)


def _countdown_armed(state: State, fact: f.CountdownArmed) -> None:
    state.risk.countdowns[fact.countdown.name] = fact.countdown
    state.risk.look_at = 1


def _countdown_disarmed(state: State, fact: f.CountdownDisarmed) -> None:
    state.risk.countdowns.pop(fact.name, None)


def _sessions_set(state: State, fact: f.SessionsSet) -> None:
    view = state.markets[fact.instrument]
    view.calendar, view.hours = fact.calendar, fact.hours
    state.risk.look_at = 1


def _margin_seen(state: State, fact: f.MarginSeen) -> None:
    limited = state.risk.limited.get(fact.scope)
    if limited is not None:
        limited.margin_low = fact.low


def accepted(state: State, terms: OrderTerms, at: int) -> None:
    """Count an order that has just been accepted."""
    risk = state.risk
    if risk.blocks and tally.at_first(terms):  # what only exits tries nothing
        risk.probing(terms.account, terms.tag, tally.instruments_of(terms), terms.id)
    if risk.limited:
        tally.accepted(state, terms, at)
        for limited in tally.scopes_of(state, terms):
            limited.breakers.refused = 0
            _look(state, limited)


def amended(state: State, order: Order, at: int) -> None:
    for limited in tally.scopes_of(state, order.terms):
        limited.placed.add(at)
        limited.breakers.amends.add(at)
        _look(state, limited)


def canceled(state: State, order: Order, at: int) -> None:
    for limited in tally.scopes_of(state, order.terms):
        limited.canceled.add(at)


def ended(state: State, order: Order) -> None:
    """An order is done: what it earned counts, where it is known."""
    if order.id in state.risk.probes.values():
        state.risk.look_at = 1
    scopes = tally.scopes_of(state, order.terms)
    if not scopes:
        return
    made = earned(order)
    for limited in scopes:
        if made is None or not limited.breaks:
            continue
        limited.breakers.losses = limited.breakers.losses + 1 if made < 0 else 0
        _look(state, limited)


def earned(order: Order) -> int | None:
    """What an order made, in money units; nothing for one that still holds something, traded
    nothing, or traded several instruments."""
    net = value = fees = 0
    for leg in order.legs:
        net += leg.terms.side * leg.cum
        value -= leg.terms.side * leg.value
        fees += leg.fees
    one = len({leg.terms.instrument for leg in order.legs}) == 1
    if net or order.adjusted or not one or not any(leg.cum for leg in order.legs):
        return None
    return value - fees


def refused(state: State, fact: f.CommandRefused) -> None:
    """A request was refused here."""
    if not state.risk.limited or not fact.account:
        return
    if fact.reject.code is RejectCode.RISK_BLOCKED:
        return  # it is stopped already; that it still asks makes nothing worse
    for limited in state.risk.matching(fact.account, fact.strategy, (fact.symbol,)):
        limited.breakers.refused += 1
        _look(state, limited)


def leg_refused(state: State, fact: f.LegRefused) -> None:
    order = state.orders[fact.order_id]
    for limited in tally.scopes_of(state, order.terms):
        limited.breakers.rejected += 1
        _look(state, limited)


def at_venue(state: State, order: Order, terms: LegTerms, taken: bool) -> None:
    """A venue took or refused an entry."""
    if not state.risk.limited or terms.exits or terms.reduce_only or terms.system:
        return
    for limited in tally.scopes_of(state, order.terms):
        limited.breakers.rejected = 0 if taken else limited.breakers.rejected + 1
        if not taken:
            _look(state, limited)


def _look(state: State, limited: Limited) -> None:
    if limited.breaks:
        state.risk.look_at = 1


def _thought_asked(state: State, fact: f.SecondThoughtAsked) -> None:
    for token in [one for one, asked in state.thoughts.items() if asked.until < fact.at]:
        del state.thoughts[token]
    state.thoughts[fact.token] = fact


def _thought_taken(state: State, fact: f.SecondThoughtTaken) -> None:
    state.thoughts.pop(fact.token, None)


def _of_signal(state: State, fact: Any) -> None:
    signalbook.FOLDS[type(fact)](state.signal_book, fact)
    state.risk.look_at = 1
    if isinstance(fact, f.SignalDefined):
        feedwatch.watch_all(state, fact.at)


FOLDS: dict[type, Callable[[State, Any], None]] = {
    f.LimitsSet: _limits_set,
    f.LossDayBegan: _loss_day,
    f.BlockSet: _block_set,
    f.BlockLifted: _block_lifted,
    f.CountdownArmed: _countdown_armed,
    f.CountdownDisarmed: _countdown_disarmed,
    f.MarginSeen: _margin_seen,
    f.LegRefused: leg_refused,
    f.SessionsSet: _sessions_set,
    f.SecondThoughtAsked: _thought_asked,
    f.SecondThoughtTaken: _thought_taken,
    **dict.fromkeys(signalbook.FOLDS, _of_signal),
}
