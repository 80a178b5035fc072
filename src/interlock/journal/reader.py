"""Reading a journal in SQLite: by its writer, and by other processes while it is being written.

Decides what may be read without the lock. Invariant: a frame is handed out only if it still matches
its checksum, and reading holds no transaction open between batches.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from interlock.journal import database
from interlock.journal.errors import JournalDamaged
from interlock.journal.frames import Frame
from interlock.journal.port import Tail
from interlock.journal.recovery import EMPTY
from interlock.journal.sealing import SealBroken, Sealer, is_sealed


class SqliteReader:
    """Read-only access to the journal of a folder; needs no lock and takes none."""

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection | None = None,
        sealer: Sealer | None = None,
        key: bytes | None = None,
    ) -> None:
        """``key`` opens an encrypted journal; a writer gives its own connection and sealer."""
        self.folder = folder
        self.sealer = sealer
        self._lock = Lock()
        with database.plain_errors(folder):
            if connection is None:
                connection = database.connect(folder / database.NAME, read_only=True)
                self.sealer = database.check_format(connection, folder, key)
            self._connection = connection

    def read(self, from_n: int) -> Iterator[Frame]:
        """Frames from number ``from_n`` on, as far as the journal reached at each batch read."""
        while True:
            with self._lock, database.plain_errors(self.folder):
                batch = database.one_batch(self._connection, from_n)
            for found in batch:
                if not found.whole:
                    raise _rotten(self.folder, found.frame.n)
                yield self._opened(found.frame)
            if not batch:
                return
            from_n = batch[-1].frame.n + 1

    def tail(self) -> Tail:
        """The end of the journal as the file has it now."""
        with self._lock, database.plain_errors(self.folder):
            last = database.last_row(self._connection)
        if last is None:
            return EMPTY
        if not last.whole:
            raise _rotten(self.folder, last.frame.n)
        return Tail(last.frame.n, last.hash, last.frame.next_seq)

    def epoch(self) -> int:
        """The epoch of the last frame; 0 before the first."""
        with self._lock, database.plain_errors(self.folder):
            last = database.last_row(self._connection)
        return 0 if last is None else last.frame.epoch

    def snapshots(self) -> list[tuple[int, bytes, object]]:
        """Every snapshot kept, latest first: number, seal, data, all unchecked."""
        with self._lock, database.plain_errors(self.folder):
            rows = self._connection.execute("SELECT n, seal, data FROM snapshots ORDER BY n DESC")
            return rows.fetchall()

    def close(self) -> None:
        self._connection.close()

    def _opened(self, frame: Frame) -> Frame:
        """As its facts can be read. In a journal that is encrypted, every frame is."""
        if self.sealer is None:
            if is_sealed(frame.payload):
                raise _unsealable(self.folder, frame.n, "it is sealed, and the journal is plain")
            return frame
        try:
            return self.sealer.opened(frame)
        except SealBroken as broken:
            raise _unsealable(self.folder, frame.n, str(broken)) from None


def _unsealable(folder: Path, n: int, why: str) -> JournalDamaged:
    """Its checksum is right and its seal is not: no accident does that."""
    return JournalDamaged(
        f"the journal in {folder}: frame {n} cannot be opened: {why}. Its checksum matches, so "
        f"this was done by somebody, not by the disk. Restore the folder from a backup.",
        n,
    )


def _rotten(folder: Path, n: int) -> JournalDamaged:
    """A frame that was whole on opening is not any more."""
    return JournalDamaged(
        f"the journal in {folder}: frame {n} no longer matches its checksum. Stop, check the disk "
        f"and start again: opening verifies every frame and says what can be kept.",
        n,
    )
