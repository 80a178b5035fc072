"""The lookout: what time and counts make due - a day, a loss, a countdown, a feed, a breaker.

Decides when the server stops a scope by itself, and when it lets it go on. Invariants: whatever it
does is a fact with figure and limit; every opening is an incident; what would remove protection is
never done here.
"""

from typing import Final

from msgspec.structs import replace

from interlock.engine import feeds, guard, margin, riskfold, sessions, signals
from interlock.engine.order import Order
from interlock.engine.state import State
from interlock.engine.turn import Turn
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.limits import Block, BlockCause, BlockLevel, RiskScope
from interlock.risk.limited import NEVER, NONE, Limited
from interlock.risk.money import amount_text

LOOK_NS: Final = 1_000_000_000
"""Between two looks at the losses of scopes that hold something."""
SECOND_NS: Final = 1_000_000_000
UNTRIED: Final = "did not trade"
TIMES_MAX: Final = 6
"""A breaker that opens again and again stays open at most 32 times as long."""


def look(turn: Turn) -> None:
    """Do whatever is due, and ask to be woken for the next."""
    risk = turn.state.risk
    risk.look_at = 0
    for limited in list(risk.limited.values()):
        if limited.loss_max != NONE:
            _loss(turn, limited)
        if limited.breaks:
            _trip(turn, limited)
    for countdown in list(risk.countdowns.values()):
        if countdown.until <= turn.at:
            _ran_out(turn, countdown.name)
    for block in list(risk.blocks.values()):
        if block.cause is BlockCause.BREAKER:
            _breaker(turn, block)
    _stale(turn)
    _venues(turn)
    sessions.look(turn)
    margin.ask(turn)
    signals.look(turn)
    risk.look_at = next_look(turn.state, turn.at)


def next_look(state: State, at: int) -> int:
    """When something will be due by time alone; 0 for never. What is due is done by then."""
    risk = state.risk
    moments = [one.until for one in risk.countdowns.values()]
    moments.append(sessions.next_look(state, at))
    for limited in risk.limited.values():
        if limited.loss_max != NONE and limited.holds():
            moments.append(at + LOOK_NS)
        seconds = limited.limits.venue_gone_s
        if seconds is not None:
            moments += [since + seconds * SECOND_NS for since in risk.gone.values()]
    moments += [block.until for block in risk.blocks.values() if not block.half_open]
    moments += [signals.stale_at(state, *one) for one in state.signal_book.items()]
    if margin.limited_by_margin(state):
        moments.append(risk.balances_at)
    for view in state.markets.values():
        if view.feed is not None:
            moments.append(view.feed.stale_at())
    due = min([moment for moment in moments if moment > at], default=NEVER)
    return 0 if due == NEVER else due


def _loss(turn: Turn, limited: Limited) -> None:
    """Begin a day that is due, and stop a scope that has lost too much."""
    name = str(limited.scope)
    blocked = (BlockCause.LOSS, name) in turn.state.risk.blocks
    if limited.day_ends <= turn.at:
        until = limited.next_day(turn.at)
        turn.emit(f.LossDayBegan(turn.at, limited.scope, limited.equity(), until))
        if blocked:
            guard.lift(turn, BlockCause.LOSS, name, guard.ITSELF, "a new day has begun")
        return
    loss = limited.loss()
    if blocked or loss < limited.loss_max:
        return
    most = amount_text(limited.loss_max)
    why = f"{amount_text(loss)} lost today; max_daily_loss is {most}"
    level = BlockLevel.RECALL_ENTRIES
    block = Block(BlockCause.LOSS, name, limited.scope, level, turn.at, guard.ITSELF, why)
    guard.raise_block(turn, block)
    guard.incident(turn, f.IncidentKind.LOSS_LIMIT, f"{name}: {why}", "max_daily_loss")


def _trip(turn: Turn, limited: Limited) -> None:
    """Open the breaker of a scope that goes wrong; one that was half open opens for longer."""
    key = (BlockCause.BREAKER, str(limited.scope))
    known = turn.state.risk.blocks.get(key)
    if known is not None and not known.half_open:
        return
    tripped = limited.breakers.tripped(limited.limits, limited.placed.at(turn.at), turn.at)
    if tripped is None:
        return
    setting, figure, limit = tripped
    opened(turn, limited, f"{setting} is {limit}, and this was {figure}", setting)


def opened(turn: Turn, limited: Limited, why: str, setting: str) -> None:
    """A breaker opens, or opens again."""
    scope, limits = limited.scope, limited.limits
    known = turn.state.risk.blocks.get((BlockCause.BREAKER, str(scope)))
    times = 1 if known is None else min(known.times + 1, TIMES_MAX)
    until = turn.at + (limits.breaker_cool_s * SECOND_NS << times - 1)
    cause, level = BlockCause.BREAKER, limits.breaker_level
    block = Block(cause, str(scope), scope, level, turn.at, guard.ITSELF, why, False, until)
    block = replace(block, times=times)
    turn.emit(f.BlockSet(turn.at, block))
    guard.carry_out(turn, block)
    guard.incident(turn, f.IncidentKind.BREAKER_OPENED, f"{scope}: {why}", setting)


def _breaker(turn: Turn, block: Block) -> None:
    """Half open after its time; closed once the order that tried has ended well."""
    key = (block.cause, block.name)
    if not block.half_open:
        if block.until and block.until <= turn.at:
            turn.emit(f.BlockSet(turn.at, replace(block, half_open=True)))
        return
    probe = turn.state.risk.probes.get(key)
    if probe is None:
        return
    order = turn.state.orders.get(probe)
    if order is not None and not order.done:
        return
    limited = turn.state.risk.limited.get(block.scope)
    failed = "" if order is None else _failed(order)
    if failed == UNTRIED:
        turn.emit(f.BlockSet(turn.at, block))  # another may try
    elif failed and limited is not None:
        opened(turn, limited, f"the order that tried {failed}", "half_open")
    else:
        guard.lift(turn, block.cause, block.name, guard.ITSELF, "one order tried, and ended well")


def _failed(order: Order) -> str:
    """What went wrong with the order that tried; nothing when it ended well."""
    if order.done == "rejected":
        return "was refused"
    if not any(leg.cum for leg in order.legs):
        return UNTRIED
    earned = riskfold.earned(order)
    return "ended with a loss" if earned is not None and earned < 0 else ""


def halted(turn: Turn, instrument: str, detail: str) -> None:
    """A halt opens the breakers that ask for it."""
    for limited in list(turn.state.risk.limited.values()):
        scope = limited.scope
        if limited.limits.breaker_on_halt and scope.instrument in (None, instrument):
            only = RiskScope(scope.account, instrument, scope.tag, scope.venue)
            key = (BlockCause.BREAKER, str(scope))
            if only == scope and key not in turn.state.risk.blocks:
                opened(turn, limited, f"{instrument} was halted: {detail}", "breaker_on_halt")


def _ran_out(turn: Turn, name: str) -> None:
    """A client has been silent for too long."""
    countdown = turn.state.risk.countdowns[name]
    seconds = countdown.after_ns // 1_000_000
    why = f"{countdown.by or name} was silent for {seconds} ms"
    turn.emit(f.CountdownDisarmed(turn.at, name, guard.ITSELF, why))
    cause, scope = BlockCause.COUNTDOWN, countdown.scope
    block = Block(cause, name, scope, countdown.level, turn.at, guard.ITSELF, why)
    guard.raise_block(turn, block)
    guard.incident(turn, f.IncidentKind.COUNTDOWN_RAN_OUT, f"{name}: {why}", "after_ms")


def _stale(turn: Turn) -> None:
    for view in list(turn.state.markets.values()):
        feed = view.feed
        if feed is not None and 0 < feed.stale_at() <= turn.at:
            milliseconds = (turn.at - feed.seen_at) // 1_000_000
            feeds.declare(turn, view, f"silent for {milliseconds} ms")


def _venues(turn: Turn) -> None:
    """A venue that has been gone for too long: its entries are pulled as soon as it can be told."""
    risk = turn.state.risk
    for venue, since in list(risk.gone.items()):
        for limited in list(risk.limited.values()):
            seconds, scope = limited.limits.venue_gone_s, limited.scope
            if seconds is None or turn.at < since + seconds * SECOND_NS:
                continue
            if scope.venue not in (None, venue) or scope.instrument is not None:
                continue
            only = RiskScope(scope.account, None, scope.tag, venue)
            name, level = f"stream of {only}", BlockLevel.RECALL_ENTRIES
            if (BlockCause.OUTAGE, name) in risk.blocks:
                continue
            why = f"no stream of {venue} for {seconds} s"
            block = Block(BlockCause.OUTAGE, name, only, level, turn.at, guard.ITSELF, why)
            guard.raise_block(turn, block)
            guard.incident(turn, f.IncidentKind.VENUE_GONE, f"{name}: {why}", "venue_gone_s")
    for block in list(risk.blocks.values()):
        back = block.scope.venue is not None and block.scope.venue not in risk.gone
        if block.cause is BlockCause.OUTAGE and block.name.startswith("stream of ") and back:
            guard.lift(turn, block.cause, block.name, guard.ITSELF, "its stream is back")


def clock_stepped(turn: Turn, by_ms: int) -> None:
    """A clock that was set that far is not to be traded by."""
    for limited in list(turn.state.risk.limited.values()):
        most, scope = limited.limits.clock_step_ms, limited.scope
        name = f"clock of {scope}"
        known = (BlockCause.OUTAGE, name) in turn.state.risk.blocks
        if most is None or abs(by_ms) < most or known:
            continue
        why = f"the clock was set by {by_ms} ms; clock_step_ms is {most}"
        level = BlockLevel.RECALL_ENTRIES
        block = Block(BlockCause.OUTAGE, name, scope, level, turn.at, guard.ITSELF, why)
        guard.raise_block(turn, block)
        guard.incident(turn, f.IncidentKind.CLOCK_STEPPED, f"{name}: {why}", "clock_step_ms")
    turn.answer = c.Accepted()
