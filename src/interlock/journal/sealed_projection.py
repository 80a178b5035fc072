"""The projection of an encrypted journal: its tables in memory, and one sealed file to begin from.

Decides when that file is written. Invariant: nothing of it is readable on the disk, and a file that
does not open, is of another time or is missing costs only the time to read the journal again.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from interlock.journal import projection
from interlock.journal.errors import JournalUnavailable
from interlock.journal.projection import IN_MEMORY, Projection, Readable
from interlock.journal.projection_rules import FORMAT
from interlock.journal.sealing import SealBroken, Sealer

NAME: Final = "projection.sealed"
SAVE_EVERY: Final = 100_000
"""Facts between two files while the process runs; a graceful end writes one as well."""
BYTES_MAX: Final = 1 << 30
"""Larger tables are not written: they are made anew from the journal at each start."""
_ABOUT: Final = b"projection %d" % FORMAT


def tables_of(
    folder: Path, sealer: Sealer | None, warn: Callable[[str], None] = lambda _: None
) -> Projection:
    """The projection of a folder, as its journal is: plain, or encrypted."""
    if sealer is None:
        return Projection(folder / projection.NAME, warn=warn)
    return SealedProjection(folder, sealer, warn)


class SealedProjection(Projection):
    """The projection beside one encrypted journal. ``saves`` False: only looked at."""

    def __init__(
        self,
        folder: Path,
        sealer: Sealer,
        warn: Callable[[str], None] = lambda _: None,
        saves: bool = True,
    ) -> None:
        self._file = folder / NAME
        self._sealer = sealer
        self._saves = saves
        if saves:
            projection.remove(folder / projection.NAME)
        super().__init__(IN_MEMORY, warn=warn)
        self._recall()
        self._saved_seq = self.tail.next_seq

    def catch_up(self, journal: Readable) -> int:
        applied = super().catch_up(journal)
        if self.tail.next_seq - self._saved_seq >= SAVE_EVERY:
            self.save()
        return applied

    def rebuild(self, journal: Readable) -> int:
        self._begin_anew("it was asked for")
        applied = self.catch_up(journal)
        self.save()
        return applied

    def save(self) -> None:
        """Write the sealed file; a disk that says no leaves the one before."""
        if not self._saves:
            return
        with self._lock:
            data, self._saved_seq = self._db.serialize(), self.tail.next_seq
        beside = self._file.with_name(f"{NAME}.new")
        try:
            if len(data) > BYTES_MAX:
                self._file.unlink(missing_ok=True)
                return
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(self._sealer.seal(data, _ABOUT))
            beside.replace(self._file)
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise JournalUnavailable(
                f"{self._file} cannot be written: {error.strerror}. Nothing is lost by that: these "
                f"tables are made anew from the journal."
            ) from error

    def close(self) -> None:
        try:
            if self.tail.next_seq != self._saved_seq:
                self.save()
        finally:
            super().close()

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA temp_store=MEMORY")  # nor on the disk while it sorts
        return connection

    def _begin_anew(self, reason: str) -> None:
        super()._begin_anew(reason)
        self._saved_seq = 0

    def _recall(self) -> None:
        try:
            sealed = self._file.read_bytes()
        except OSError:
            return
        try:
            data = self._sealer.open(sealed, _ABOUT)
        except SealBroken as broken:
            self._warn(f"{NAME}: {broken}; the tables are made anew from the journal")
            return
        with self._lock:
            self._db.deserialize(data)
            self._wire = self._remembered()
