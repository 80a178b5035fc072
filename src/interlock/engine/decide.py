"""Decide: one input, and the facts and requests that follow from it.

Decides which part of the engine an input concerns, and closes every turn the same way: orders
touched are reconciled until they rest, rules fire, wake-ups are asked for. Invariant: everything
that changed is in the facts; the same state and input always give the same facts.
"""

from typing import Any, Final, cast, get_args

from interlock.engine import (
    accept,
    answered,
    booking,
    changes,
    deadlines,
    firing,
    flat,
    guard,
    lookout,
    margin,
    outside,
    reconcile,
    rules,
    signals,
    strays,
    tally,
    thoughts,
    trading,
    watching,
    winding,
)
from interlock.engine.book import TERMS_MARK, acceptance
from interlock.engine.evolve import evolve, keep
from interlock.engine.inputs import Decision, Define, Input, SetSessions, Start, Wakeup
from interlock.engine.leg import LegState
from interlock.engine.order import Order
from interlock.engine.state import MarketView, State
from interlock.engine.turn import Turn
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.facts import Channel
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.requests import QueryOpenOrders, Request
from interlock.orders.terms import OrderTerms
from interlock.orders.ticks import Quote, Tick, Trade

NOTHING: Final = Decision([], [])
NO_REQUESTS: Final[list[Request]] = []
SORTS: Final[dict[type, int]] = {
    **dict.fromkeys(get_args(c.Command), 0),
    **dict.fromkeys(get_args(r.Report), 1),
    **dict.fromkeys(get_args(Tick), 2),
    Start: 3,
    Define: 4,
    Wakeup: 5,
    SetSessions: 6,
}
"""What an input is, by its type: one look instead of thirty."""
AT_ONCE: Final = 1
COMMAND: Final = 0
REPORT: Final = 1
TICK: Final = 2
START: Final = 3
DEFINE: Final = 4
SESSIONS: Final = 6


def decide(state: State, item: Input, at: int) -> Decision:
    """Take in one input at ``at`` (ns UTC; never earlier than the last)."""
    at = max(at, state.now)
    due = (state.timers and state.timers[0][0] <= at) or 0 < state.risk.look_at <= at
    if type(item) is c.PlaceOrder and not due:
        decision = _place_flat(state, item, at)
        if decision is not None:
            return decision
    turn = Turn(state, at)
    sort = SORTS[type(item)]
    if sort == REPORT:  # what was heard comes before what is overdue
        _report(turn, cast(r.Report, item))
        settle(turn)
    if 0 < state.risk.look_at <= at:  # what stops a scope by now comes before what is due in it
        lookout.look(turn)
        settle(turn)
    if state.timers and state.timers[0][0] <= at:
        for order in deadlines.due_orders(state, at):
            _deadline(turn, order)
        settle(turn)
    if sort == COMMAND:
        _command(turn, cast(c.Command, item))
    elif sort == TICK:
        watching.watch(turn, cast(Tick, item))
    elif sort == START:
        _start(turn, cast(Start, item))
    elif sort == DEFINE:
        _define(turn, cast(Define, item))
    elif sort == SESSIONS:
        _sessions(turn, cast(SetSessions, item))
    if turn.touched:
        settle(turn)
    while state.risk.look_at == AT_ONCE:
        lookout.look(turn)
        settle(turn)
    if not turn.facts and turn.answer is None and not turn.requests:
        return NOTHING
    return Decision(turn.facts, turn.requests, turn.answer)


def decide_tick(state: State, tick: Tick, at: int) -> Decision:
    """``decide`` for a tick, its first lines the whole of a trade that fires nothing."""
    if type(tick) is Trade and not (state.timers and state.timers[0][0] <= at):
        view = state.markets.get(tick.instrument)
        if view is not None and view.feed is None:
            price = tick.price
            channel = view.last_channel
            volume = view.volume + tick.quantity
            if (
                channel.fire_low < price < channel.fire_high
                and price > 0
                and volume < view.volume_next
                and view.last_at <= tick.at
                and at - tick.at <= state.settings.stale_after_ns
            ):
                view.last = price
                view.last_at = tick.at
                view.volume = volume
                view.fresh = False
                if channel.low < price < channel.high:
                    return NOTHING
                moved = f.WatermarkMoved(max(at, state.now), tick.instrument, Channel.LAST, price)
                evolve(state, moved)
                return Decision([moved], [])
    elif type(tick) is Quote and not (state.timers and state.timers[0][0] <= at):
        view = state.markets.get(tick.instrument)
        if (
            view is not None
            and view.feed is None
            and _quiet_quote(view, tick, at - state.settings.stale_after_ns)
        ):
            view.quote_at = tick.at
            view.bid, view.ask = tick.bid, tick.ask
            view.fresh = False
            return NOTHING
    return decide(state, tick, at)


def _quiet_quote(view: MarketView, quote: Quote, oldest: int) -> bool:
    """Whether nothing waits for what this quote shows; an unsound one fires nothing."""
    at, bid, ask = quote.at, quote.bid, quote.ask
    if at < view.quote_at or at < oldest:
        return False
    if len(view.channels) == 1 or not 0 < bid < ask:
        return True
    channels = view.channels
    channel = channels.get(Channel.BID)
    if channel is not None and not channel.low < bid < channel.high:
        return False
    channel = channels.get(Channel.ASK)
    if channel is not None and not channel.low < ask < channel.high:
        return False
    channel = channels.get(Channel.MID)
    return channel is None or channel.low < bid + ask < channel.high


def next_wakeup(state: State) -> int | None:
    """When to come back even if nothing happens."""
    due = state.timers[0][0] if state.timers else None
    look = state.risk.look_at
    return due if not look or (due is not None and due < look) else look


def settle(turn: Turn) -> None:
    """Reconcile every touched order until it rests."""
    while turn.touched:
        order_id = next(iter(turn.touched))
        turn.touched.pop(order_id)
        order = turn.state.orders.get(order_id)
        if order is None:
            continue
        reconcile.reconcile(turn, order)
        if rules.fire_due(turn, order):
            turn.touch(order)
            continue
        if refresh_conditions(turn, order):
            turn.touch(order)
            continue
        deadlines.schedule(turn.state, order, turn.at)


def refresh_conditions(turn: Turn, order: Order) -> bool:
    """Conditions on legs of the same order, after its fills changed."""
    before = len(turn.facts)
    firing.refresh_together(turn, order, range(len(order.legs)))
    return len(turn.facts) > before


def _deadline(turn: Turn, order: Order) -> None:
    """Something of the order is due."""
    state, at = turn.state, turn.at
    for number, leg in enumerate(order.legs):
        for attempt, due, _ in leg.late_looks:
            if due <= at:
                turn.query(order, number, attempt)
    if order.done:
        open_looks = any(leg.late_looks for leg in order.legs)
        if order.done_at + state.settings.forget_after_ns <= at and not open_looks:
            turn.emit(f.OrderForgotten(at, order.id))
        else:
            deadlines.schedule(state, order, at)
        return
    turn.touch(order)
    flatten_at = order.terms.policy.flatten_at
    if flatten_at is not None and flatten_at <= at and order.winding != "flatten":
        turn.emit(f.OrderCanceling(at, order.id, "flatten", "policy flatten_at"))
    watching.confirm_by_time(turn, order)
    for number, leg in enumerate(order.legs):
        if leg.venue is None:
            continue
        venue = leg.venue
        if venue.deadline <= at:
            if leg.state in (
                LegState.PENDING_NEW,
                LegState.PENDING_CANCEL,
                LegState.PENDING_REPLACE,
            ):
                booking.ask(turn, order, number, "no answer in time")
            elif leg.state is LegState.UNCONFIRMED or venue.querying:
                booking.ask_again(turn, order, number)
        escalates = leg.terms.escalate_ns
        if (
            escalates is not None
            and leg.triggered
            and not leg.escalated
            and leg.triggered_at + escalates <= at
        ):
            turn.emit(f.LegEscalated(at, order.id, number, "unfilled after escalate.after_ms"))
    for number, leg in enumerate(order.legs):
        for exec_id, booked in leg.fills.items():
            if booked.confirm_by and booked.confirm_by <= at:
                booking.check_fill(turn, order, number, exec_id)


def _report(turn: Turn, report: r.Report) -> None:
    state = turn.state
    match report:
        case r.OpenOrders():
            strays.open_orders(turn, report)
        case r.Position():
            if report.instrument in state.markets:
                outside.position(turn, report)
        case r.InstrumentStatus():
            if report.instrument in state.markets:
                trading.told(turn, report)
        case r.Connection():
            _connection(turn, report)
        case r.BalancesTold():
            margin.told(turn, report)
        case r.FillsTold():
            outside.fills_told(turn, report)  # the fills themselves were reports of their own
        case _:
            booking.book(turn, report)


def _connection(turn: Turn, report: r.Connection) -> None:
    """Back again, everything live there is asked about: fills may have passed us by."""
    down = turn.state.down.get(report.venue, False)
    if not report.up:
        if not down:
            turn.emit(f.VenueDisconnected(turn.at, report.venue, report.detail))
        return
    if down:
        turn.emit(f.VenueConnected(turn.at, report.venue))
    _ask_all(turn, report.venue)
    _touch_all(turn)


def _start(turn: Turn, start: Start) -> None:
    turn.emit(f.EngineStarted(turn.at, start.epoch))
    for venue in turn.state.capabilities:
        _ask_all(turn, venue)
    # What came due while no process was there has no wake-up any more: those are for the future.
    for order in turn.state.orders.living():
        _deadline(turn, order)
    _touch_all(turn)


def _ask_all(turn: Turn, venue: str) -> None:
    """Every venue order at ``venue`` that may be live, and the list of all that are."""
    state = turn.state
    for order in state.orders.living():
        for number, leg in enumerate(order.legs):
            if state.markets[leg.terms.instrument].grid.venue != venue:
                continue
            unanswered = [attempt for attempt, _, asked in leg.late_looks if asked]
            recent: range | tuple[()] = ()
            if leg.gone_at and turn.at - leg.gone_at < state.settings.late_fill_ns:
                recent = range(max(1, leg.attempts - 3), leg.attempts + 1)
            for attempt in dict.fromkeys([*unanswered, *recent]):
                if leg.venue is None or leg.venue.attempt != attempt:
                    turn.query(order, number, attempt)
            if leg.venue is None:
                continue
            if leg.state is LegState.WORKING:
                turn.query(order, number, leg.venue.attempt)
            else:
                booking.ask(turn, order, number, "the connection was lost")
    turn.requests.append(QueryOpenOrders(venue))


def _touch_all(turn: Turn) -> None:
    """Orders that only wait have nothing at a venue: whatever has changed there is not theirs."""
    for order in turn.state.orders.living():
        turn.touch(order)


def _sessions(turn: Turn, item: SetSessions) -> None:
    view = turn.state.markets.get(item.instrument)
    if view is not None and (view.calendar, view.hours) != (item.calendar, item.hours):
        turn.emit(f.SessionsSet(turn.at, item.instrument, item.calendar, item.hours))


def _define(turn: Turn, item: Define) -> None:
    for venue, capabilities in item.venues:
        if turn.state.capabilities.get(venue) != capabilities:
            turn.emit(f.VenueDefined(turn.at, venue, capabilities))
    for instrument in item.instruments:
        if instrument.symbol not in turn.state.markets:
            turn.emit(f.InstrumentDefined(turn.at, instrument))


def _command(turn: Turn, command: c.Command) -> None:
    match command:
        case c.Keyed():
            turn.answer = answered.before(turn.state, command, turn.at)
            if turn.answer is None:
                turn.answer = thoughts.hold_back(turn, command)
                if turn.answer is None:
                    _command(turn, command.command)
                    answered.remember(turn, command)
            return
        case c.PlaceOrder():
            _place(turn, command)
        case c.PlaceOrders():
            _place_all(turn, command)
        case c.CancelOrders():
            winding.cancel_many(turn, command)
        case c.ClosePosition():
            winding.close(turn, command)
        case c.Signal():
            signals.receive(turn, command)
        case c.ClockStepped():
            lookout.clock_stepped(turn, command.by_ms)
        case c.DefineSignal():
            signals.define(turn, command)
        case c.SetLimits() | c.Kill() | c.Lift() | c.ArmCountdown() | c.DisarmCountdown():
            guard.command(turn, command)
        case _:
            _about_order(turn, command)
    if isinstance(turn.answer, Reject):
        name = getattr(command, "client_order_id", None) or getattr(command, "order_id", "") or ""
        kind = str(command.__struct_config__.tag)
        whose = _whose(command)
        turn.emit(f.CommandRefused(turn.at, name, kind, turn.answer, *whose))


def _whose(command: c.Command) -> tuple[str, str, str]:
    """Account, first instrument and strategy of a placement: whose breaker a refusal counts for."""
    if not isinstance(command, c.PlaceOrder):
        return "", "", ""
    node: Any = command.order
    while node is not None and getattr(node, "instrument", None) is None:
        inner = getattr(node, "first", None) or getattr(node, "entry", None)
        legs = getattr(node, "legs", ())
        node = inner if inner is not None else legs[0] if legs else None
    return command.account, getattr(node, "instrument", None) or "", command.tag


def _about_order(
    turn: Turn, command: c.AmendOrder | c.CancelOrder | c.CancelLeg | c.ExpireOrder
) -> None:
    order = winding.named(turn.state, command)
    if isinstance(order, Reject):
        turn.answer = order
        return
    match command:
        case c.AmendOrder():
            changes.amend(turn, order, command)
        case c.CancelOrder():
            winding.cancel(turn, order, command)
        case c.CancelLeg():
            winding.cancel_leg(turn, order, command)
        case c.ExpireOrder():
            winding.expire(turn, order)


def _place_flat(state: State, place: c.PlaceOrder, at: int) -> Decision | None:
    """An order that is flat and new needs no turn: one fact is all there is to say."""
    if state.risk.next_day <= at or AT_ONCE < state.risk.look_at <= at:
        return None
    plain = flat.accept(state, place, at)
    if plain is None:
        return None
    fact, waits, scopes, buys, sells = plain
    data = acceptance(fact)
    order_id = keep(state, fact, data, waits, scopes, buys, sells)
    return Decision([fact], NO_REQUESTS, c.Accepted(order_id, 1), data)


def _same_body(state: State, known: str, place: c.PlaceOrder) -> bool:
    """Whether the order was placed with this very body."""
    stored = state.orders.body_digest(known)
    if stored.startswith(TERMS_MARK):
        return flat.body_digest(state, place) == stored
    return accept.digest(place) == stored


def _place(turn: Turn, place: c.PlaceOrder) -> None:
    if turn.state.risk.next_day <= turn.at:
        lookout.look(turn)
    found = _considered(turn.state, place, turn.at)
    if not isinstance(found, OrderTerms):
        turn.answer = found
        return
    turn.emit(f.OrderAccepted(turn.at, found))
    turn.answer = c.Accepted(found.id, 1)
    turn.touch(turn.state.orders[found.id])


def _place_all(turn: Turn, command: c.PlaceOrders) -> None:
    """Each is looked at before any is placed; what one would make of the next counts for nothing,
    but that no two may have one id.
    """
    risk = turn.state.risk
    if risk.next_day <= turn.at:
        lookout.look(turn)
    seen: set[tuple[str, str]] = set()
    lent: list[OrderTerms] = []
    spent = dict(risk.spent)
    for number, place in enumerate(command.orders):
        found = _considered(turn.state, place, turn.at)
        if isinstance(found, OrderTerms) and risk.limited:
            tally.lend(turn.state, found, 1)  # limits see the orders before it as placed
            lent.append(found)
        if (place.account, place.client_order_id) in seen:
            rule = f"{place.client_order_id!r} is the id of another order of this request."
            found = Reject(RejectCode.DUPLICATE_ID, "client_order_id", rule, "Send another id.")
        seen.add((place.account, place.client_order_id))
        if isinstance(found, Reject):
            path = f"orders[{number}].{found.path}".removesuffix(".")
            turn.answer = Reject(found.code, path, found.rule, found.way_out, found.breach)
            break
    for terms in lent:
        tally.lend(turn.state, terms, -1)
    risk.spent = spent
    if turn.answer is not None:
        return
    ids: list[str] = []
    replayed = bool(command.orders)
    for place in command.orders:
        _place(turn, place)
        settle(turn)
        assert isinstance(turn.answer, c.Accepted)
        ids.append(turn.answer.order_id)
        replayed = replayed and turn.answer.replayed
    turn.answer = c.Accepted(replayed=replayed, orders=tuple(ids))


def _considered(state: State, place: c.PlaceOrder, at: int) -> OrderTerms | c.Answer:
    """The terms of a new order, or the answer to one that was placed before or cannot be."""
    known = state.orders.named(place.account, place.client_order_id)
    if known is None:
        return accept.accept(state, place, at)
    if _same_body(state, known, place):
        return c.Accepted(known, 1, replayed=True)
    return Reject(
        RejectCode.DUPLICATE_ID,
        "client_order_id",
        f"{place.client_order_id!r} is the id of order {known} with another body.",
        "Amend that order, or send a new id.",
    )
