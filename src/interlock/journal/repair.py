"""What may be cut from a journal in SQLite, and where it is kept.

Decides how a torn tail is set aside and what a person can order with ``--cut-at``. Invariant:
nothing is removed from a journal before a copy of it lies beside it, and no copy is overwritten.
"""

import errno
import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from interlock.journal import database, mark
from interlock.journal.errors import JournalDamaged, JournalUnavailable
from interlock.journal.lock import FolderLock
from interlock.journal.port import Damage, Tail
from interlock.journal.recovery import Stored, Verdict
from interlock.journal.wal import inspect

LOG_NAME = f"{database.NAME}-wal"


def cut(connection: sqlite3.Connection, folder: Path, verdict: Verdict) -> Path:
    """Cut back a torn tail; answers the file it was kept in."""
    aside = _free_name(folder, verdict.tail.n + 1, "bin")
    _remove(connection, aside, verdict.tail.n + 1, verdict.cut)
    return aside


def cut_at(folder: Path, first_n: int) -> Path:
    """Set aside every frame from ``first_n`` on, whole or not: a person's decision, never ours.

    Answers the file they were kept in. The write-ahead log is copied too if it is not whole.
    """
    lock = FolderLock(folder)
    try:
        state = inspect(folder / LOG_NAME)
        if state.damaged or state.torn:
            _keep(folder / LOG_NAME, _free_name(folder, first_n, "wal"))
        with database.plain_errors(folder):
            connection = database.connect(folder / database.NAME)
            try:
                database.check_known(connection, folder)
                aside = _free_name(folder, first_n, "bin")
                found = tuple(database.stored_rows(connection, first_n))
                _remove(connection, aside, first_n, found)
            finally:
                connection.close()
        mark.forget(folder)
    finally:
        lock.release()
    return aside


def inspect_log(folder: Path) -> Path | None:
    """Look at the write-ahead log before SQLite cuts it back in silence.

    Answers a copy of a log with a torn end, nothing for a whole one, and raises for damage.
    """
    log = folder / LOG_NAME
    state = inspect(log)
    if state.damaged:
        first_bad = _last_reachable(folder) + 1
        what = (
            f"{state.commits_beyond} commits follow its first bad page"
            if state.readable
            else "its header cannot be read"
        )
        raise JournalDamaged(
            f"the journal in {folder}: the write-ahead log {LOG_NAME} is damaged: {what}, so this "
            f"is not a torn write. Known good: frames 1 to {first_bad - 1}. Restore the folder "
            f"from a backup; or, to go on without what came later, run: interlock repair DIR "
            f"--cut-at {first_bad}: the log is set aside in a file, and open orders are asked for "
            f"at their venues.",
            first_bad,
        )
    if log.exists() and log.stat().st_size and not (folder / database.NAME).exists():
        raise JournalDamaged(
            f"the journal in {folder}: {LOG_NAME} is there but {database.NAME} is not. Restore the "
            f"folder from a backup, or move what is left of it away to begin a new journal."
        )
    if not state.torn:
        return None
    copy = folder / f"{LOG_NAME}.torn"
    _keep(log, copy)
    return copy


def torn_commit(copy: Path, tail: Tail) -> Damage:
    """The damage of a commit whose write never ended; ``copy`` gets its final name."""
    aside = copy.rename(_free_name(copy.parent, tail.n + 1, "wal"))
    return Damage(
        first_n=tail.n + 1,
        last_n=tail.n + 1,
        first_seq=tail.next_seq,
        facts=-1,
        reason="its write had not ended when the process or the machine stopped, so it was never "
        "acknowledged",
        aside=aside.name,
    )


def became_shorter(
    folder: Path, tail: Tail, marked_n: int, torn_log: Path | None
) -> JournalDamaged:
    """The error for a journal that ends before a frame known to have been durable."""
    first_bad = tail.n + 1
    lost = f"frame {marked_n}" if marked_n == first_bad else f"frames {first_bad} to {marked_n}"
    kept = ""
    if torn_log is not None:
        aside = torn_log.rename(_free_name(folder, first_bad, "wal"))
        kept = f" What the write-ahead log held is kept in {aside.name}."
    return JournalDamaged(
        f"the journal in {folder} has lost its end: {lost} had been made durable, and cannot be "
        f"read any more.{kept} Known good: frames 1 to {tail.n} (event_seq below {tail.next_seq}). "
        f"Restore the folder from a backup; or, to go on without what came later, run: interlock "
        f"repair DIR --cut-at {first_bad}: what is left of it is set aside in a file, and open "
        f"orders are asked for at their venues.",
        first_bad,
    )


def check_pages(connection: sqlite3.Connection, folder: Path) -> None:
    """Raise if the file's own structure is damaged: a lost page can hide whole frames."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise database.file_damaged(folder, found)


def _remove(
    connection: sqlite3.Connection, aside: Path, first_n: int, found: tuple[Stored, ...]
) -> None:
    aside.write_bytes(msgspec.msgpack.encode(found))
    with connection:
        connection.execute("BEGIN")
        connection.execute("DELETE FROM frames WHERE n >= ?", (first_n,))
        # A snapshot of what was cut would bring it back.
        connection.execute("DELETE FROM snapshots WHERE n >= ?", (first_n,))


def _keep(log: Path, copy: Path) -> None:
    """Copy a damaged log, wholly or not at all."""
    try:
        shutil.copyfile(log, copy)
    except OSError as error:
        copy.unlink(missing_ok=True)  # half a copy helps nobody, and takes room
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise JournalUnavailable(
            f"the journal in {log.parent}: its write-ahead log has a torn end, of which a copy "
            f"must be kept first, and "
            + ("the disk is full. Free space." if full else f"that failed: {error.strerror}.")
            + " Nothing was changed."
        ) from error


def _last_reachable(folder: Path) -> int:
    """The last frame SQLite can still reach, found on a copy so that nothing is changed."""
    with TemporaryDirectory(prefix="journal.look-", dir=folder) as copy:
        for name in (database.NAME, LOG_NAME):
            if (folder / name).exists():
                shutil.copyfile(folder / name, Path(copy, name))
        connection = database.connect(Path(copy, database.NAME))
        try:
            row = connection.execute("SELECT max(n) FROM frames").fetchone()
        except sqlite3.OperationalError:
            return 0  # The tables themselves were in the log.
        finally:
            connection.close()
    return int(row[0] or 0)


def _free_name(folder: Path, first_n: int, kind: str) -> Path:
    path = folder / f"journal.cut-{first_n}.{kind}"
    copy = 1
    while path.exists():
        copy += 1
        path = folder / f"journal.cut-{first_n}.{copy}.{kind}"
    return path
