"""Rewriting a journal: plain to encrypted, encrypted to plain, or under another key.

Decides how a whole journal changes its seal at once. Invariant: the journal as it was is the one in
the folder until the new one is whole and on the disk; facts, numbers and event_seqs stay.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from interlock.journal import database, projection, repair, sealed_projection
from interlock.journal.errors import JournalUnavailable
from interlock.journal.lock import FolderLock
from interlock.journal.port import Snapshot
from interlock.journal.reader import SqliteReader
from interlock.journal.sqlite import SqliteJournal


def rewrite(folder: Path, old: bytes | None, new: bytes | None) -> int:
    """The journal of a folder under another key, or none; answers how many frames it has.

    Raises what opening the journal raises; until this returns nothing has changed.
    """
    opened = SqliteJournal(folder, key=old)
    snapshot = opened.latest_snapshot()
    opened.close()  # which empties the write-ahead log
    lock = FolderLock(folder)
    try:
        log = folder / repair.LOG_NAME
        if log.exists() and log.stat().st_size:
            raise JournalUnavailable(
                f"the journal in {folder} is open elsewhere: {log.name} is not empty. Stop what "
                f"reads it. Nothing was changed."
            )
        with TemporaryDirectory(prefix="journal.rewrite-", dir=folder) as name:
            beside = Path(name)
            frames = _copied(folder, old, beside, new, snapshot)
            _sync(beside / database.NAME)
            (beside / database.NAME).replace(folder / database.NAME)
        _sync(folder)
        projection.remove(folder / projection.NAME)
        (folder / sealed_projection.NAME).unlink(missing_ok=True)
    finally:
        lock.release()
    return frames


def _copied(
    folder: Path, old: bytes | None, beside: Path, new: bytes | None, snapshot: Snapshot | None
) -> int:
    reader, made = SqliteReader(folder, key=old), SqliteJournal(beside, key=new)
    try:
        made.fill(reader.read(1))
        if snapshot is not None:
            made.save_snapshot(snapshot.n, snapshot.data)
        return made.tail().n
    finally:
        made.close()
        reader.close()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
