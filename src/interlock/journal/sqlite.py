"""The journal in SQLite, the embedded default: one row, one transaction, one fsync per frame.

Decides when a frame is durable and what opening a folder may repair. Invariant: ``append`` answers
``ok`` only after SQLite synced the write-ahead log, and nothing that was whole is removed on open.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Literal

import msgspec

from interlock.journal import database, repair
from interlock.journal.errors import JournalUnavailable
from interlock.journal.frames import GENESIS, Frame, digest
from interlock.journal.lock import FolderLock
from interlock.journal.mark import Mark
from interlock.journal.port import AppendResult, Damage, Snapshot, Tail
from interlock.journal.reader import SqliteReader
from interlock.journal.recovery import (
    EMPTY,
    SNAPSHOTS_KEPT,
    chained,
    damaged_snapshot,
    seal,
    verify,
)
from interlock.journal.sealing import SealBroken, Sealer

Verify = Literal["all", "tail"]
WAL_BYTES_MAX = 64 * 1024 * 1024
"""Beyond this a checkpoint waits for the writer and empties the write-ahead log."""


class SqliteJournal:
    """The journal of one folder, for one process.

    ``verify`` is ``all`` (every frame from the first) or ``tail`` (from the latest whole snapshot
    on, which is all that recovery reads). ``warn`` hears what was repaired or passed over. With a
    ``key`` of 32 bytes the journal is encrypted, from its first frame on.
    """

    def __init__(
        self,
        folder: Path,
        verify: Verify = "all",
        warn: Callable[[str], None] | None = None,
        key: bytes | None = None,
    ) -> None:
        self._folder = folder
        self._key = key
        self._warn = warn or _unheard
        self._open_connections: list[sqlite3.Connection] = []
        self._checkpointing = Lock()
        self._in_doubt = False
        self._tail = EMPTY
        self._epoch = 0
        self.recovered: Damage | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalUnavailable(
                f"cannot make the journal's folder {folder}: {error.strerror}"
            ) from error
        self._lock = FolderLock(folder)
        self._mark: Mark | None = None
        self.sealer: Sealer | None = None
        """What encrypts what lies in this folder; nothing in a plain journal."""
        try:
            self._mark = Mark(folder)
            with database.plain_errors(folder):
                self._open(verify, self._mark)
        except BaseException:
            self.close()
            raise

    def append(self, expected_n: int, frame: Frame) -> AppendResult:
        if self._in_doubt:
            self._look_again()
        last = self._tail
        if expected_n != last.n or not chained(last, frame) or frame.epoch < self._epoch:
            return AppendResult.REFUSED
        kept = frame if self.sealer is None else self.sealer.sealed(frame)
        stored_hash = digest(kept)
        row = (frame.n, frame.epoch, frame.previous, frame.at, frame.first_seq, stored_hash)
        try:
            self._writer.execute(
                "INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, kept.sealed or kept.payload),
            )
        except sqlite3.IntegrityError:
            self._in_doubt = True
            return AppendResult.REFUSED
        except sqlite3.DatabaseError as error:
            if database.outcome_unknown(error):
                self._in_doubt = True
                return AppendResult.AMBIGUOUS
            raise database.explained(error, self._folder) from error
        self._tail = Tail(frame.n, stored_hash, frame.next_seq)
        self._epoch = frame.epoch
        if self._mark is not None:
            self._mark.move(frame.n)
        return AppendResult.OK

    def fill(self, frames: Iterable[Frame]) -> None:
        """Append the frames of another journal, chained anew, in one transaction."""
        with database.plain_errors(self._folder), self._writer:
            self._writer.execute("BEGIN")
            for frame in frames:
                tail = self._tail
                fresh = msgspec.structs.replace(frame, previous=tail.hash, sealed=b"")
                result = self.append(tail.n, fresh)
                assert result is AppendResult.OK, f"frame {frame.n}: {result}"

    def read(self, from_n: int) -> Iterator[Frame]:
        return self._reader.read(from_n)

    def tail(self) -> Tail:
        if self._in_doubt:
            self._look_again()
        return self._tail

    def save_snapshot(self, n: int, data: bytes) -> None:
        assert n <= self._tail.n, "a snapshot of frames that are not in the journal"
        if self.sealer is not None:
            data = self.sealer.seal(data, self._after(n))
        with database.plain_errors(self._folder), self._writer:
            self._writer.execute("BEGIN")
            self._writer.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (n, seal(n, data), data)
            )
            self._writer.execute(
                "DELETE FROM snapshots WHERE n NOT IN "
                f"(SELECT n FROM snapshots ORDER BY n DESC LIMIT {SNAPSHOTS_KEPT})"
            )

    def latest_snapshot(self) -> Snapshot | None:
        for n, stored_seal, data in self._reader.snapshots():
            if isinstance(data, bytes) and seal(n, data) == stored_seal:
                if self.sealer is None:
                    return Snapshot(n, data)
                with suppress(SealBroken):
                    return Snapshot(n, self.sealer.open(data, self._after(n)))
            self._warn(damaged_snapshot(n))
        return None

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database file. Call it from another thread, often.

        It has a connection of its own and does not hold up ``append``, except for a moment when
        the log has grown beyond ``WAL_BYTES_MAX`` and is emptied.
        """
        log = self._folder / repair.LOG_NAME
        with self._checkpointing, database.plain_errors(self._folder):
            self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            # Under constant writing the log never begins anew by itself; by now little is left.
            if log.exists() and log.stat().st_size > WAL_BYTES_MAX:
                self._checkpointer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        for connection in self._open_connections:
            connection.close()
        self._open_connections.clear()
        if self._mark is not None:
            self._mark.close()
        self._lock.release()

    def _open(self, depth: Verify, mark: Mark) -> None:
        path = self._folder / database.NAME
        torn_log = repair.inspect_log(self._folder)
        self._writer = self._connect(path)
        self.sealer = database.prepare(self._writer, self._folder, self._key)
        self._reader = SqliteReader(self._folder, self._connect(path), self.sealer)
        self._checkpointer = self._connect(path)
        if depth == "all":
            repair.check_pages(self._writer, self._folder)
        start = self._trusted_start() if depth == "tail" else EMPTY
        verdict = verify(database.stored_rows(self._writer, start.n + 1), start)
        self._tail = verdict.tail
        if mark.n > verdict.tail.n:
            raise repair.became_shorter(self._folder, verdict.tail, mark.n, torn_log)
        if verdict.damage is not None:
            aside = repair.cut(self._writer, self._folder, verdict)
            self.recovered = msgspec.structs.replace(verdict.damage, aside=aside.name)
        elif torn_log is not None:
            self.recovered = repair.torn_commit(torn_log, verdict.tail)
        if self.recovered is not None:
            self._warn(str(self.recovered))
        self._epoch = self._reader.epoch()
        mark.move(self._tail.n)

    def _connect(self, path: Path) -> sqlite3.Connection:
        connection = database.connect(path)
        self._open_connections.append(connection)
        return connection

    def _trusted_start(self) -> Tail:
        """The frame of the latest whole snapshot, if that frame is whole too."""
        snapshot = self.latest_snapshot()
        if snapshot is None or snapshot.n == 0:
            return EMPTY
        for found in database.one_batch(self._writer, snapshot.n, 1):
            if found.frame.n == snapshot.n and found.whole:
                return Tail(snapshot.n, found.hash, found.frame.next_seq)
        return EMPTY

    def _after(self, n: int) -> bytes:
        """What a snapshot is bound to: the frame that it is the state after."""
        with database.plain_errors(self._folder):
            found = database.one_batch(self._writer, n, 1) if n else []
        return b"snapshot %d %s" % (n, found[0].hash if found else GENESIS)

    def _look_again(self) -> None:
        """Learn from the file itself where the journal ends."""
        self._tail = self._reader.tail()
        self._epoch = self._reader.epoch()
        self._in_doubt = False


def _unheard(_: str) -> None:
    """Warnings go nowhere unless somebody listens."""
