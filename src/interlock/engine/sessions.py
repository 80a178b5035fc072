"""Sessions: whether a market is open, and what is stopped before it closes.

Decides the blocks of cause ``session`` from hours, limits and the time alone. Invariants: every
change is a fact; outside a session entries wait and exits pass; hours that are not known are not
guessed: nothing new goes until they are.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from interlock.engine import flattening, guard
from interlock.engine.refusal import refuse
from interlock.engine.state import MarketView, State
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.instruments import Session
from interlock.orders.limits import Block, BlockCause, BlockLevel, RiskScope
from interlock.orders.rejects import RejectCode
from interlock.orders.sessions import ALWAYS, Hours, daily, moment
from interlock.risk.limited import NEVER, Limited

CAUSE: Final = BlockCause.SESSION
STAGES: Final = (
    ("no_new_after", BlockLevel.BLOCK_NEW),
    ("reduce_before_close", BlockLevel.RECALL_ENTRIES),
    ("flatten_at", BlockLevel.FLATTEN),
)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def timed(view: MarketView) -> bool:
    """Whether the instrument's market ever closes, as far as we were told."""
    return bool(view.calendar) or view.grid.instrument.session != ALWAYS


def any_timed(state: State) -> bool:
    return any(timed(view) for view in state.markets.values())


def around(view: MarketView, at: int) -> tuple[Hours | None, Hours | None]:
    """The session that ``at`` lies in, and the next one; nothing where none is known."""
    session: Session = view.grid.instrument.session
    now: Hours | None = None
    for hours in view.hours if view.calendar else daily(session, at):
        if hours.open <= at < hours.close:
            now = hours
        elif hours.open > at:
            return now, hours
    return now, None


def day_end(state: State, symbol: str, at: int, path: str) -> int:
    """When a ``day`` leg placed at ``at`` ends: the close of the session it falls in or before."""
    now, after = around(state.markets[symbol], at)
    hours = now or after
    if hours is None:
        calendar = state.markets[symbol].calendar
        rule = f"No session of {symbol} is known to come in its calendar {calendar}."
        refuse(RejectCode.SESSION_UNKNOWN, path, rule, "Send it as gtc, or wait for the calendar.")
    return hours.close


def look(turn: Turn) -> None:
    """Bring the blocks to what hours and limits ask for now."""
    state, at = turn.state, turn.at
    wanted: dict[str, Block] = {}
    for symbol, view in state.markets.items():
        policies = _policies(state, symbol)
        if not (policies or timed(view)):
            continue
        for block in _wanted(view, policies, at):
            known = wanted.get(block.name)
            if known is None or known.level.strength < block.level.strength:
                wanted[block.name] = block
            before = state.risk.blocks.get((CAUSE, block.name))
            if block.waits and (before is None or not before.waits):
                _closed_on(turn, symbol, policies)
    for name, block in wanted.items():
        _set(turn, state.risk.blocks.get((CAUSE, name)), block)
    for cause, name in list(state.risk.blocks):
        if cause is CAUSE and name not in wanted:
            _end(turn, state.risk.blocks[(cause, name)], wanted)


def _wanted(view: MarketView, policies: list[Limited], at: int) -> Iterator[Block]:
    symbol = view.grid.symbol
    now, after = around(view, at)
    if now is None:
        opens = f"until {_text(after.open)}" if after is not None else "and no opening is known"
        scope = RiskScope(instrument=symbol)
        why = f"the market is closed {opens}"
        yield Block(CAUSE, str(scope), scope, BlockLevel.BLOCK_NEW, at, guard.ITSELF, why, True)
        return
    for limited in policies:
        for setting, level in STAGES:
            text = getattr(limited.limits, setting)
            if text is not None and moment(text, now) <= at:
                scope = RiskScope(limited.scope.account, symbol, limited.scope.tag)
                why = f"{setting} is {text}, and the market closes at {_text(now.close)}"
                yield Block(CAUSE, str(scope), scope, level, at, guard.ITSELF, why)


def _policies(state: State, symbol: str) -> list[Limited]:
    """Limits with anything to say about the end of this instrument's session."""
    venue = symbol.rpartition(".")[2]
    return [
        one
        for one in state.risk.limited.values()
        if any(getattr(one.limits, setting) is not None for setting, _ in STAGES)
        and one.scope.instrument in (None, symbol)
        and one.scope.venue in (None, venue)
    ]


def _set(turn: Turn, known: Block | None, block: Block) -> None:
    same = block.level, block.waits, block.why
    if known is not None and (known.level, known.waits, known.why) == same:
        return
    turn.emit(f.BlockSet(turn.at, block))
    if known is None or known.level.strength < block.level.strength:
        guard.carry_out(turn, block)


def _end(turn: Turn, block: Block, wanted: dict[str, Block]) -> None:
    closed = wanted.get(str(RiskScope(instrument=block.scope.instrument)))
    if block.level is BlockLevel.FLATTEN and (closed is None or not closed.waits):
        _tell_held(turn, block.scope)  # a market that goes on at once has no close to be told at
    guard.lift(turn, CAUSE, block.name, guard.ITSELF, "its session is over")


def _closed_on(turn: Turn, symbol: str, policies: list[Limited]) -> None:
    """The market has closed, perhaps while no process was there to flatten anything before."""
    for limited in policies:
        if limited.limits.flatten_at is not None:
            _tell_held(turn, RiskScope(limited.scope.account, symbol, limited.scope.tag))


def _tell_held(turn: Turn, scope: RiskScope) -> None:
    for key, units in flattening.held(turn.state, scope).items():
        account, symbol, _, _ = key
        text = turn.state.markets[symbol].grid.quantity_text(abs(units))
        detail = f"{account} still holds {text} {symbol} after the close"
        guard.incident(turn, f.IncidentKind.FLATTEN_MISSED, detail, "flatten_at")


def next_look(state: State, at: int) -> int:
    """The next moment at which a block is to come or go by time; ``NEVER`` for none."""
    due = NEVER
    for symbol, view in state.markets.items():
        policies = _policies(state, symbol)
        if not (policies or timed(view)):
            continue
        now, after = around(view, at)
        moments = [after.open] if after is not None else []
        for hours in (now, after):
            if hours is None:
                continue
            moments.append(hours.close)
            for one in policies:
                texts = [getattr(one.limits, setting) for setting, _ in STAGES]
                moments += [moment(text, hours) for text in texts if text is not None]
        due = min([due, *[one for one in moments if one > at]])
    return due


def _text(at: int) -> str:
    return f"{EPOCH + timedelta(microseconds=at // 1000):%Y-%m-%d %H:%M} UTC"
