"""All planted bugs, in the order in which they are tried and told."""

from mutants import claims, crashes, market, risk, sessions, sizing
from mutants.bug import Bug

BUGS: tuple[Bug, ...] = (
    *claims.CLAIMS,
    *claims.RECALLS,
    *claims.CONFIRMATION,
    *sizing.SIZING,
    *sizing.LADDERS,
    *sizing.EXCESS,
    *sizing.AMENDS,
    *market.TRAILING,
    *market.TRIGGERS,
    *crashes.IDEMPOTENCY,
    *crashes.DURABILITY,
    *crashes.RECOVERY,
    *crashes.OUTSIDE,
    *risk.RISK,
    *sessions.SESSIONS,
    *sessions.THOUGHTS,
    *sessions.SIGNALS,
    *sessions.WORTH,
)
