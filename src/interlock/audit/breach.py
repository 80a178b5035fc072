"""A breach: one broken guarantee."""

from collections.abc import Callable

from msgspec import Struct


class Breach(Struct, frozen=True):
    """Which rule was broken, at which fact, and what was seen."""

    rule: str
    seq: int
    detail: str

    def __str__(self) -> str:
        return f"{self.rule} broken at event_seq {self.seq}: {self.detail}"


Tell = Callable[[str, str], None]
"""Writes a breach down: its rule, and what was seen."""
