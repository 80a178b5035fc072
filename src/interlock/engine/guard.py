"""The guard: limits, blocks and countdowns, set and lifted.

Decides what a block does to the orders it covers. Invariants: every change is a fact; a protective
stop goes last, and only with the flattening that replaces it.
"""

from typing import Final

from interlock.engine import flattening, tally, winding
from interlock.engine.order import Order
from interlock.engine.turn import Turn
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.commands import CancelMode
from interlock.orders.limits import (
    Block,
    BlockCause,
    BlockLevel,
    Countdown,
    limits_problem,
)
from interlock.orders.rejects import Reject, RejectCode

COUNTDOWN_MS_MIN: Final = 500
COUNTDOWN_MS_MAX: Final = 86_400_000
"""A countdown shorter than that would run out between two packets; a longer one guards nothing."""
MS_NS: Final = 1_000_000
CLOSES: Final = {
    BlockCause.KILL: f.IncidentKind.KILLED,
    BlockCause.BREAKER: f.IncidentKind.BREAKER_OPENED,
    BlockCause.COUNTDOWN: f.IncidentKind.COUNTDOWN_RAN_OUT,
    BlockCause.LOSS: f.IncidentKind.LOSS_LIMIT,
}
"""The incidents that end with a block."""
ITSELF: Final = "interlock"


def command(turn: Turn, asked: c.RiskControl) -> None:
    """Carry out what was said about risk."""
    match asked:
        case c.SetLimits():
            _set_limits(turn, asked)
        case c.Kill():
            _kill(turn, asked)
        case c.Lift():
            _lift(turn, asked)
        case c.ArmCountdown():
            _arm(turn, asked)
        case c.DisarmCountdown():
            _disarm(turn, asked)


def _set_limits(turn: Turn, asked: c.SetLimits) -> None:
    limits = asked.limits
    known = turn.state.risk.limited.get(asked.scope)
    if limits is None:
        if known is None:
            rule = f"There are no limits for {asked.scope}."
            turn.answer = Reject(RejectCode.LIMITS_INVALID, "scope", rule)
            return
    else:
        problem = limits_problem(limits)
        if problem is not None:
            field, rule = problem
            turn.answer = Reject(RejectCode.LIMITS_INVALID, f"limits.{field}", rule)
            return
        if limits.min_free_margin is not None and asked.scope.account is None:
            rule = "A margin is one account's: name it in the scope."
            turn.answer = Reject(RejectCode.LIMITS_INVALID, "scope.account", rule)
            return
        if asked.scope.key is not None:
            rule = "A position has no key, so limits are of accounts, instruments, tags and venues."
            turn.answer = Reject(RejectCode.LIMITS_INVALID, "scope.key", rule, "Use a tag.")
            return
        name = asked.scope.instrument
        if name is not None and name not in turn.state.markets:
            rule = f"No instrument {name!r} is known here."
            turn.answer = Reject(RejectCode.INSTRUMENT_UNKNOWN, "scope.instrument", rule)
            return
    turn.answer = c.Accepted()
    if known is None or known.limits != limits:
        turn.emit(f.LimitsSet(turn.at, asked.scope, limits, asked.by, asked.why))


def _kill(turn: Turn, asked: c.Kill) -> None:
    name = str(asked.scope)
    block = Block(
        *(BlockCause.KILL, name, asked.scope, asked.level, turn.at),
        by=asked.by,
        why=asked.why,
    )
    before = turn.state.risk.blocks.get((BlockCause.KILL, name))
    if before is not None and before.level.strength > asked.level.strength:
        block = before
    elif before is None or before.level is not asked.level:
        turn.emit(f.BlockSet(turn.at, block))
        incident(turn, f.IncidentKind.KILLED, f"{name}: {asked.why or 'asked for'}", "kill")
    turn.answer = c.Accepted(orders=carry_out(turn, block))


def _lift(turn: Turn, asked: c.Lift) -> None:
    if (asked.cause, asked.name) not in turn.state.risk.blocks:
        standing = ", ".join(f"{cause}:{name}" for cause, name in turn.state.risk.blocks) or "none"
        turn.answer = Reject(
            RejectCode.ORDER_UNKNOWN,
            "name",
            f"There is no block {asked.cause}:{asked.name}.",
            f"In force: {standing}.",
        )
        return
    lift(turn, asked.cause, asked.name, asked.by, asked.why)
    turn.answer = c.Accepted()


def _arm(turn: Turn, asked: c.ArmCountdown) -> None:
    if not COUNTDOWN_MS_MIN <= asked.after_ms <= COUNTDOWN_MS_MAX:
        rule = f"{COUNTDOWN_MS_MIN} to {COUNTDOWN_MS_MAX} milliseconds."
        turn.answer = Reject(RejectCode.LIMITS_INVALID, "after_ms", rule)
        return
    whose = _key_of(turn, asked.name)
    if whose is not None and whose != asked.scope.key:
        rule = f"{asked.name!r} is the countdown of another key."
        turn.answer = Reject(RejectCode.LIMITS_INVALID, "name", rule, "Use another name.")
        return
    after = asked.after_ms * MS_NS
    until = turn.at + after
    turn.emit(
        f.CountdownArmed(
            turn.at,
            Countdown(asked.name, asked.scope, after, until, asked.level, asked.by),
        )
    )
    if (BlockCause.COUNTDOWN, asked.name) in turn.state.risk.blocks:
        lift(turn, BlockCause.COUNTDOWN, asked.name, asked.by, "its client is back")
    turn.answer = c.Accepted()


def _key_of(turn: Turn, name: str) -> str | None:
    """The key that a countdown of this name is for, whether it is armed or has run out."""
    risk = turn.state.risk
    known = risk.countdowns.get(name) or risk.blocks.get((BlockCause.COUNTDOWN, name))
    return None if known is None else known.scope.key


def _disarm(turn: Turn, asked: c.DisarmCountdown) -> None:
    if asked.name not in turn.state.risk.countdowns:
        rule = f"No countdown {asked.name!r} is armed."
        turn.answer = Reject(RejectCode.LIMITS_INVALID, "name", rule)
        return
    turn.emit(f.CountdownDisarmed(turn.at, asked.name, asked.by, "asked for"))
    turn.answer = c.Accepted()


def raise_block(turn: Turn, block: Block) -> None:
    """Put a block in force, unless it is already, and do to live orders what it says."""
    if (block.cause, block.name) not in turn.state.risk.blocks:
        turn.emit(f.BlockSet(turn.at, block))
        carry_out(turn, block)


def incident(turn: Turn, kind: f.IncidentKind, detail: str, setting: str) -> None:
    """One that is about no single order."""
    turn.emit(f.IncidentOpened(turn.at, "", kind, -1, detail, setting))


def settled(turn: Turn, kind: f.IncidentKind, name: str, how: str) -> None:
    """Incidents of a kind that began with a name are over."""
    turn.emit(f.IncidentClosed(turn.at, "", kind, -1, f"{name}: {how}"))


def lift(turn: Turn, cause: BlockCause, name: str, by: str, why: str) -> None:
    """End a block; what it kept from going is looked at again."""
    block = turn.state.risk.blocks[(cause, name)]
    turn.emit(f.BlockLifted(turn.at, cause, name, by, why))
    kind = CLOSES.get(cause)
    if cause is BlockCause.OUTAGE:
        kind = f.IncidentKind.VENUE_GONE if block.scope.venue else f.IncidentKind.CLOCK_STEPPED
    if kind is not None:
        settled(turn, kind, name, f"lifted by {by or 'nobody named'}{f', {why}' if why else ''}")
    for order in turn.state.orders.living():
        if not order.done and tally.covered(block.scope, order.terms):
            turn.touch(order)


def carry_out(turn: Turn, block: Block) -> tuple[str, ...]:
    """Do to every live order in a block's scope what its level says; which orders those were."""
    if block.level is BlockLevel.BLOCK_NEW:
        return ()
    orders = turn.state.orders
    scope = block.scope
    found = [o.id for o in orders.sketches() if not o.done and tally.covered(scope, o.terms)]
    mode = CancelMode.FLATTEN if block.level is BlockLevel.FLATTEN else CancelMode.PROTECT
    reason = f"{block.cause} {block.name}"
    for order_id in found:
        order = orders[order_id]
        winding.wind(turn, order, mode, reason)
        if block.level is BlockLevel.RECALL_ALL:
            _recall_targets(turn, order, reason)
    if block.level is BlockLevel.FLATTEN:
        found += flattening.close(turn, block)
    return tuple(found)


def _recall_targets(turn: Turn, order: Order, reason: str) -> None:
    """Targets go where a protective stop stays; the last exit of a position is never taken."""
    guarded = any(leg.protective and not leg.ended for leg in order.legs)
    for number, leg in enumerate(order.legs):
        target = leg.terms.exits and not leg.protective and not leg.terms.system
        if guarded and target and not leg.ended and not leg.canceling:
            turn.emit(f.LegCanceling(turn.at, order.id, number, reason))
