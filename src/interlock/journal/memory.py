"""A journal in memory, for simulations and tests, with faults on demand.

Decides nothing of its own: it passes the same contract suite as SQLite. Invariant: what was synced
survives a crash, and a crash is recovered from by the same verification as a real journal.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from msgspec import structs

from interlock.journal.errors import JournalUnavailable
from interlock.journal.frames import Frame, digest
from interlock.journal.port import AppendResult, Damage, Snapshot, Tail
from interlock.journal.recovery import (
    SNAPSHOTS_KEPT,
    Stored,
    chained,
    damaged_snapshot,
    seal,
    verify,
)


class AppendFault(StrEnum):
    """What goes wrong with one append. ``landed`` and ``lost`` both answer ``ambiguous``."""

    ERROR = "error"
    LANDED = "landed"
    LOST = "lost"


class MemoryJournal:
    """Frames in a list. ``faults`` maps the ordinal of an append, from 1, to what befalls it."""

    def __init__(
        self,
        faults: Mapping[int, AppendFault] | None = None,
        auto_sync: bool = True,
        warn: Callable[[str], None] | None = None,
        _stored: tuple[Stored, ...] = (),
        _snapshots: tuple[tuple[Snapshot, bytes], ...] = (),
    ) -> None:
        self._faults = dict(faults or {})
        self._auto_sync = auto_sync
        self._warn = warn or _unheard
        self._stored = list(_stored)
        self._snapshots = list(_snapshots)
        self._synced = len(_stored)
        self.appends = 0
        """Appends tried so far, refused ones included."""
        verdict = verify(self._stored)
        self._tail = verdict.tail
        self.recovered: Damage | None = verdict.damage
        if verdict.damage is not None:
            del self._stored[len(self._stored) - len(verdict.cut) :]
            self._synced = len(self._stored)
            self._snapshots = [s for s in self._snapshots if s[0].n <= self._tail.n]
            self._warn(str(verdict.damage))

    def append(self, expected_n: int, frame: Frame) -> AppendResult:
        self.appends += 1
        epoch = self._stored[-1].frame.epoch if self._stored else 0
        if expected_n != self._tail.n or not chained(self._tail, frame) or frame.epoch < epoch:
            return AppendResult.REFUSED
        fault = self._faults.get(self.appends)
        if fault is AppendFault.ERROR:
            raise JournalUnavailable("the journal's disk is full (a fault asked for)")
        if fault is AppendFault.LOST:
            return AppendResult.AMBIGUOUS
        stored = Stored(frame, digest(frame))
        self._stored.append(stored)
        self._tail = Tail(frame.n, stored.hash, frame.next_seq)
        if self._auto_sync:
            self.sync()
        return AppendResult.AMBIGUOUS if fault is AppendFault.LANDED else AppendResult.OK

    def sync(self) -> None:
        """What was appended so far survives a crash."""
        self._synced = len(self._stored)

    @property
    def unsynced(self) -> int:
        """How many frames a crash may lose."""
        return len(self._stored) - self._synced

    def crash(self, keep: int = 0, tear: bool = False) -> "MemoryJournal":
        """What a new process finds after a power cut.

        ``keep`` of the frames not yet synced reached the disk all the same; with ``tear`` the next
        of them reached it in part, which is found and cut back on opening.
        """
        end = min(self._synced + keep, len(self._stored))
        survived = self._stored[:end]
        if tear and end < len(self._stored):
            torn = self._stored[end]
            half = torn.frame.payload[: len(torn.frame.payload) // 2]
            survived.append(Stored(structs.replace(torn.frame, payload=half), torn.hash))
        return MemoryJournal(
            auto_sync=self._auto_sync,
            warn=self._warn,
            _stored=tuple(survived),
            _snapshots=tuple(s for s in self._snapshots if s[0].n <= end),
        )

    def read(self, from_n: int) -> Iterator[Frame]:
        n = max(from_n, 1)
        while n <= len(self._stored):
            yield self._stored[n - 1].frame
            n += 1

    def tail(self) -> Tail:
        return self._tail

    def save_snapshot(self, n: int, data: bytes) -> None:
        assert n <= self._tail.n, "a snapshot of frames that are not in the journal"
        kept = [s for s in self._snapshots if s[0].n != n]
        kept.append((Snapshot(n, data), seal(n, data)))
        kept.sort(key=lambda s: s[0].n)
        self._snapshots = kept[-SNAPSHOTS_KEPT:]

    def latest_snapshot(self) -> Snapshot | None:
        for snapshot, sealed in reversed(self._snapshots):
            if seal(snapshot.n, snapshot.data) == sealed:
                return snapshot
            self._warn(damaged_snapshot(snapshot.n))
        return None

    def close(self) -> None:
        """Nothing is held."""

    def damage_frame(self, n: int, change: Callable[[bytes], bytes]) -> None:
        """Change a stored payload behind the journal's back; ``crash`` then finds it."""
        found = self._stored[n - 1]
        payload = change(found.frame.payload)
        self._stored[n - 1] = Stored(structs.replace(found.frame, payload=payload), found.hash)

    def damage_snapshot(self, n: int, change: Callable[[bytes], bytes]) -> None:
        self._snapshots = [
            (Snapshot(n, change(s.data)), sealed) if s.n == n else (s, sealed)
            for s, sealed in self._snapshots
        ]


def _unheard(_: str) -> None:
    """Warnings go nowhere unless somebody listens."""
