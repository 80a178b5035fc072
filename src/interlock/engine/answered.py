"""Requests under idempotency keys: what was answered, for as long as it is remembered.

Decides when a repeated request is a replay and when it is another request under a used key.
Invariant: within ``Settings.keys_kept_ns`` a key's command is carried out at most once.
"""

from interlock.engine.state import State
from interlock.engine.turn import Turn
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.rejects import Reject, RejectCode


def before(state: State, keyed: c.Keyed, at: int) -> c.Answer | None:
    """The answer that this request had before, if it is remembered."""
    known = state.answered.get((keyed.caller, keyed.key))
    if known is None or known.at + state.settings.keys_kept_ns <= at:
        return None
    if known.digest != keyed.digest:
        return Reject(
            RejectCode.KEY_REUSED,
            "",
            f"The idempotency key {keyed.key!r} was used for another request.",
            "Send a new key with a new request, and the same key only with the very same one.",
        )
    if known.refused is not None:
        return known.refused
    assert known.accepted is not None
    return c.Accepted(known.accepted.order_id, known.accepted.version, True, known.accepted.orders)


def remember(turn: Turn, keyed: c.Keyed) -> None:
    """Keep what the turn answers; a refusal that waiting may cure is decided on anew."""
    answer = turn.answer
    if isinstance(answer, c.Accepted):
        turn.emit(f.RequestAnswered(turn.at, keyed.caller, keyed.key, keyed.digest, answer))
    elif answer is not None and not answer.code.transient:
        turn.emit(f.RequestAnswered(turn.at, keyed.caller, keyed.key, keyed.digest, None, answer))
