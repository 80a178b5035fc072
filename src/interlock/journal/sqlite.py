"""The journal in SQLite, the embedded default: one row, one transaction, one fsync per frame.

Decides when a frame is durable and what opening a folder may repair. Invariant: ``append`` answers
``ok`` only after SQLite synced the write-ahead log, and nothing that was whole is removed on open.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Literal

import msgspec

from interlock.journal import database
from interlock.journal.errors import JournalDamaged, JournalUnavailable
from interlock.journal.frames import Frame, digest
from interlock.journal.lock import FolderLock
from interlock.journal.port import AppendResult, Damage, Snapshot, Tail
from interlock.journal.recovery import (
    EMPTY,
    SNAPSHOTS_KEPT,
    Stored,
    Verdict,
    chained,
    damaged_snapshot,
    seal,
    verify,
)

Verify = Literal["all", "tail"]
WAL_BYTES_MAX = 256 * 1024 * 1024
"""Beyond this a checkpoint waits for the writer and empties the write-ahead log."""


class SqliteJournal:
    """The journal of one folder, for one process.

    ``verify`` is ``all`` (every frame from the first) or ``tail`` (from the latest whole snapshot
    on, which is all that recovery reads). ``warn`` hears what was repaired or passed over.
    """

    def __init__(
        self,
        folder: Path,
        verify: Verify = "all",
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = folder
        self._warn = warn or _unheard
        self._open_connections: list[sqlite3.Connection] = []
        self._reading = Lock()
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
        try:
            with database.plain_errors(folder):
                self._open(verify)
        except BaseException:
            self.close()
            raise

    def append(self, expected_n: int, frame: Frame) -> AppendResult:
        if self._in_doubt:
            self._look_again()
        last = self._tail
        if expected_n != last.n or not chained(last, frame) or frame.epoch < self._epoch:
            return AppendResult.REFUSED
        stored_hash = digest(frame)
        row = (frame.n, frame.epoch, frame.previous, frame.at, frame.first_seq, stored_hash)
        try:
            self._writer.execute(
                "INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, frame.payload)
            )
        except sqlite3.IntegrityError:
            self._in_doubt = True
            return AppendResult.REFUSED
        except sqlite3.DatabaseError as error:
            if (error.sqlite_errorname or "").startswith("SQLITE_IOERR"):
                # The write may have reached the disk before its sync failed. Nobody knows.
                self._in_doubt = True
                return AppendResult.AMBIGUOUS
            raise database.explained(error, self._folder) from error
        self._tail = Tail(frame.n, stored_hash, frame.next_seq)
        self._epoch = frame.epoch
        return AppendResult.OK

    def read(self, from_n: int) -> Iterator[Frame]:
        while True:
            with self._reading, database.plain_errors(self._folder):
                batch = database.one_batch(self._reader, from_n)
            for found in batch:
                if not found.whole:
                    raise _rotten(self._folder, found.frame.n)
                yield found.frame
            if not batch:
                return
            from_n = batch[-1].frame.n + 1

    def tail(self) -> Tail:
        if self._in_doubt:
            self._look_again()
        return self._tail

    def save_snapshot(self, n: int, data: bytes) -> None:
        assert n <= self._tail.n, "a snapshot of frames that are not in the journal"
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
        with self._reading, database.plain_errors(self._folder):
            rows = self._reader.execute("SELECT n, seal, data FROM snapshots ORDER BY n DESC")
            for n, stored_seal, data in rows.fetchall():
                if isinstance(data, bytes) and seal(n, data) == stored_seal:
                    return Snapshot(n, data)
                self._warn(damaged_snapshot(n))
        return None

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database file. Call it from another thread, often.

        It has a connection of its own, and does not hold up ``append`` unless the log has grown
        beyond ``WAL_BYTES_MAX``.
        """
        wal = self._folder / f"{database.NAME}-wal"
        size = wal.stat().st_size if wal.exists() else 0
        mode = "TRUNCATE" if size > WAL_BYTES_MAX else "PASSIVE"
        with self._checkpointing, database.plain_errors(self._folder):
            self._checkpointer.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()

    def close(self) -> None:
        for connection in self._open_connections:
            connection.close()
        self._open_connections.clear()
        self._lock.release()

    def _open(self, depth: Verify) -> None:
        path = self._folder / database.NAME
        self._writer = self._connect(path)
        database.prepare(self._writer, self._folder)
        self._reader = self._connect(path)
        self._checkpointer = self._connect(path)
        start = self._trusted_start() if depth == "tail" else EMPTY
        verdict = verify(database.stored_rows(self._writer, start.n + 1), start)
        if verdict.damage is not None:
            self._cut(verdict, verdict.damage)
        self._tail = verdict.tail
        last = database.last_row(self._writer)
        self._epoch = last.frame.epoch if last else 0

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

    def _cut(self, verdict: Verdict, damage: Damage) -> None:
        aside = set_aside(self._folder, verdict.cut)
        with self._writer:
            self._writer.execute("BEGIN")
            self._writer.execute("DELETE FROM frames WHERE n > ?", (verdict.tail.n,))
            self._writer.execute("DELETE FROM snapshots WHERE n > ?", (verdict.tail.n,))
        self.recovered = msgspec.structs.replace(damage, aside=aside.name)
        self._warn(str(self.recovered))

    def _look_again(self) -> None:
        """Learn from the file itself where the journal ends."""
        with database.plain_errors(self._folder):
            last = database.last_row(self._writer)
        if last is not None and not last.whole:
            raise _rotten(self._folder, last.frame.n)
        self._tail = EMPTY if last is None else Tail(last.frame.n, last.hash, last.frame.next_seq)
        self._epoch = last.frame.epoch if last else 0
        self._in_doubt = False


def cut_at(folder: Path, first_n: int) -> Path:
    """Set aside every frame from ``first_n`` on, whole or not: a person's decision, never ours.

    Answers the file they were kept in.
    """
    lock = FolderLock(folder)
    try:
        with database.plain_errors(folder):
            connection = database.connect(folder / database.NAME)
            try:
                database.check_format(connection, folder)
                aside = set_aside(folder, tuple(database.stored_rows(connection, first_n)))
                with connection:
                    connection.execute("BEGIN")
                    connection.execute("DELETE FROM frames WHERE n >= ?", (first_n,))
                    connection.execute("DELETE FROM snapshots WHERE n >= ?", (first_n,))
            finally:
                connection.close()
    finally:
        lock.release()
    return aside


def set_aside(folder: Path, cut: tuple[Stored, ...]) -> Path:
    """Keep what is about to be cut in a file of its own; nothing set aside is ever overwritten."""
    first = cut[0].frame.n if cut else 0
    path = folder / f"journal.cut-{first}.bin"
    copy = 1
    while path.exists():
        copy += 1
        path = folder / f"journal.cut-{first}.{copy}.bin"
    path.write_bytes(msgspec.msgpack.encode(cut))
    return path


def _rotten(folder: Path, n: int) -> JournalDamaged:
    return JournalDamaged(
        f"the journal in {folder}: frame {n} no longer matches its checksum. Stop, check the disk "
        f"and start again: opening verifies every frame and says what can be kept.",
        n,
    )


def _unheard(_: str) -> None:
    """Warnings go nowhere unless somebody listens."""
