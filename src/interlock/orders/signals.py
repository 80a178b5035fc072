"""Signals with a schema: what an outside number may be before it may trigger anything.

Decides the words and checks that a schema makes sense. Invariant: a number that its schema does
not allow changes nothing but what is known of the number itself.
"""

from msgspec import Struct

from interlock.orders.numbers import NumberProblem, parse_decimal

SOURCES_MAX = 16
CORROBORATION_S_MAX = 600


class Corroboration(Struct, frozen=True, forbid_unknown_fields=True):
    """A price that must have moved as well: by ``move_bps`` either way within ``within_s``."""

    instrument: str
    move_bps: int
    within_s: int


class SignalRules(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The schema of one signal. Values are decimal text in ``unit``."""

    unit: str = ""
    sources: tuple[str, ...] = ()
    """Who may give it; anybody when empty."""
    low: str | None = None
    high: str | None = None
    max_step: str | None = None
    """How far a value may lie from the last one that counted."""
    max_age_ms: int | None = None
    """Of a value when it comes (by its ``made_at``), and of the last one that counted."""
    quorum: int = 1
    """How many sources must have given a value within ``max_age_ms``; their median counts."""
    corroborated_by: Corroboration | None = None
    cool_s: int = 60
    """A frozen signal listens again after this long ..."""
    calm_values: int = 3
    """... and counts again after so many sound values in a row."""


def signal_rules_problem(rules: SignalRules) -> tuple[str, str] | None:
    """The field that makes no sense, and the rule it breaks."""
    for field in ("low", "high", "max_step"):
        text = getattr(rules, field)
        value = None if text is None else parse_decimal(text)
        if isinstance(value, NumberProblem):
            return field, value.detail
    for field in ("max_age_ms", "cool_s", "calm_values", "quorum"):
        count = getattr(rules, field)
        if count is not None and not (field == "cool_s" and count == 0) and count < 1:
            return field, "At least 1."
    if len(rules.sources) > SOURCES_MAX or len(set(rules.sources)) < len(rules.sources):
        return "sources", f"At most {SOURCES_MAX}, each once."
    if rules.quorum > 1 and (rules.quorum > len(rules.sources) or rules.max_age_ms is None):
        return "quorum", "A quorum is of the sources that are named, within max_age_ms."
    move = rules.corroborated_by
    if move is not None and not (1 <= move.within_s <= CORROBORATION_S_MAX and move.move_bps > 0):
        return "corroborated_by", f"A move above 0 bps within 1 to {CORROBORATION_S_MAX} s."
    return None
