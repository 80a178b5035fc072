"""Entries of the trigger index: one leg (or one part of its condition) waiting for a price.

Decides how small a waiting leg is kept: there may be millions, so an entry is its own heap item.
Invariant: entries of one heap compare by how soon they are due, then by who came first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from interlock.engine.trailing import TrailGroup
    from interlock.engine.triggers import TriggerChannel

Key = tuple[str, int]
"""Order id and leg; for a condition's atom the leg is ``-1 - (leg * 64 + atom)``."""


class LevelEntry(Struct, order=True, gc=False):
    """One level waiting to be reached."""

    rank: int
    """The level; negative for a fall, so that the nearest compares as the least."""
    seq: int
    order_id: str
    leg: int
    channel: TriggerChannel
    live: bool = True

    @property
    def rising(self) -> bool:
        return self.rank > 0

    @property
    def level(self) -> int:
        return abs(self.rank)

    @property
    def key(self) -> Key:
        return (self.order_id, self.leg)


class TrailEntry(Struct, order=True, gc=False):
    """One armed trailing stop: its distance, where it stands, and whom it belongs to."""

    distance: int
    seq: int
    order_id: str
    leg: int
    channel: TriggerChannel
    selling: bool
    in_bps: bool
    """Whether the distance is in basis points of the watermark, else in increments."""
    live: bool = True
    group: TrailGroup | None = None
    wm: int = 0
    """The watermark when it left its group."""

    @property
    def key(self) -> Key:
        return (self.order_id, self.leg)


Entry = LevelEntry | TrailEntry


class Kept(Struct, gc=False):
    """An order that only waits: its acceptance, as journaled, and its entries, one per leg.

    Most have one leg or two; a tuple for them would cost as much again.
    """

    data: bytes
    first: Entry
    second: Entry | None = None
    others: tuple[Entry, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        return (self.first, *self.others) if self.second is None else (self.first, self.second)


class Touched(Struct, gc=False):
    """An entry the market has reached, but not often or long enough yet."""

    entry: Entry
    since: int
    times: int = 1
