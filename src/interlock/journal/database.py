"""The journal's SQLite file: its tables, its settings and the words for its errors.

Decides how a database error is named to a person. Invariant: an error is called "nothing written"
only where SQLite says so; an I/O error during a commit is not such a case.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from interlock.journal.errors import (
    JournalDamaged,
    JournalError,
    JournalFormatUnknown,
    JournalPlain,
    JournalSealed,
    JournalUnavailable,
)
from interlock.journal.frames import FORMAT, Frame
from interlock.journal.recovery import Stored
from interlock.journal.sealing import SealBroken, Sealer

NAME = "journal.db"
BATCH = 256
"""Frames read at a time, so that a slow reader never holds the write-ahead log."""
BUSY_MS = 5_000
PLAIN, ENCRYPTED = f"{FORMAT}", f"{FORMAT} encrypted"
_CHECK, _ABOUT = b"interlock journal", b"key check"
"""What an encrypted journal keeps sealed, to know its key by."""

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE frames (n INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, previous BLOB NOT NULL, "
    "at INTEGER NOT NULL, first_seq INTEGER NOT NULL, hash BLOB NOT NULL, payload BLOB NOT NULL)",
    "CREATE TABLE snapshots (n INTEGER PRIMARY KEY, seal BLOB NOT NULL, data BLOB NOT NULL)",
)
_FRAMES = "SELECT n, epoch, previous, at, first_seq, payload, hash FROM frames"

Row = tuple[int, int, bytes, int, int, bytes, bytes]


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the journal's settings, usable from any one thread at a time."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    if not read_only:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        # The automatic checkpoint would run inside a commit, and costs 8 ms there at p99.
        connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def prepare(
    connection: sqlite3.Connection, folder: Path, key: bytes | None = None
) -> Sealer | None:
    """Make the tables of a new file, encrypted if there is a key; refuse a format this version does
    not know, and a file that the key is not for. What seals the file's frames, if anything does.
    """
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    # One changed letter in a column's type can make SQLite see no frames at all.
    if found == [(table,) for table in _TABLES]:
        return check_format(connection, folder, key)
    # Making tables in a file that only seems empty would bury what is in it.
    if found or connection.execute("PRAGMA page_count").fetchone()[0] > 1:
        raise file_damaged(folder, "its tables are not a journal's")
    rows = [("format", PLAIN)]
    if key is not None:
        check = Sealer(key).seal(_CHECK, _ABOUT)
        rows = [("format", ENCRYPTED), ("check", check.hex())]
    values = ", ".join(f"('{name}', '{value}')" for name, value in rows)
    script = "; ".join(("BEGIN", *_TABLES, f"INSERT INTO meta VALUES {values}"))
    connection.executescript(f"{script}; COMMIT;")
    return None if key is None else Sealer(key)


def encrypted(folder: Path) -> bool:
    """Whether the journal of a folder is encrypted; one that is not there is not."""
    if not (folder / NAME).is_file():
        return False
    with plain_errors(folder), closing(connect(folder / NAME, read_only=True)) as connection:
        return _format(connection, folder) == ENCRYPTED


def check_format(connection: sqlite3.Connection, folder: Path, key: bytes | None) -> Sealer | None:
    """What seals the file's frames; refuses a key where none was used, none where one was, and
    another one.
    """
    if _format(connection, folder) == PLAIN:
        if key is None:
            return None
        raise JournalPlain(
            f"the journal in {folder} is not encrypted, and it was to be. Encrypt what it holds "
            f"with: interlock encrypt {folder}. Or leave it plain: journal.encrypt = false. "
            f"Nothing was changed."
        )
    if key is None:
        raise JournalSealed(
            f"the journal in {folder} is encrypted. Set journal.encrypt = true to go on with it, "
            f"or make it plain with: interlock decrypt {folder}. Nothing was changed."
        )
    sealer = Sealer(key)
    row = connection.execute("SELECT value FROM meta WHERE key='check'").fetchone()
    try:
        sound = row is not None and sealer.open(bytes.fromhex(row[0]), _ABOUT) == _CHECK
    except (SealBroken, ValueError):
        sound = False
    if not sound:
        raise JournalSealed(
            f"the master key is not the one that the journal in {folder} was encrypted with. Give "
            f"the right one (INTERLOCK_MASTER_KEY, the key file, or the OS keyring). Nothing was "
            f"changed."
        )
    return sealer


def check_known(connection: sqlite3.Connection, folder: Path) -> None:
    """Refuse a format this version does not know."""
    _format(connection, folder)


def _format(connection: sqlite3.Connection, folder: Path) -> str:
    row = connection.execute("SELECT value FROM meta WHERE key='format'").fetchone()
    if row is None:
        # Format and tables are made in one transaction: one without the other was lost.
        raise file_damaged(folder, "its format is not in it any more")
    (found,) = row
    if found not in (PLAIN, ENCRYPTED):
        raise JournalFormatUnknown(
            f"the journal in {folder} has format {found}; this version reads format {FORMAT}. "
            f"Start it with the version of Interlock that wrote it, or give this one an empty "
            f"folder. Nothing was changed."
        )
    return str(found)


def one_batch(connection: sqlite3.Connection, from_n: int, limit: int = BATCH) -> list[Stored]:
    """Up to ``limit`` frames as they lie there, unchecked."""
    rows = connection.execute(f"{_FRAMES} WHERE n >= ? ORDER BY n LIMIT ?", (from_n, limit))
    return [_stored(row) for row in rows.fetchall()]


def stored_rows(connection: sqlite3.Connection, from_n: int) -> Iterator[Stored]:
    """Frames as they lie there, unchecked, read in batches."""
    while batch := one_batch(connection, from_n):
        yield from batch
        from_n = batch[-1].frame.n + 1


def last_row(connection: sqlite3.Connection) -> Stored | None:
    row = connection.execute(f"{_FRAMES} ORDER BY n DESC LIMIT 1").fetchone()
    return None if row is None else _stored(row)


def _stored(row: Row) -> Stored:
    n, epoch, previous, at, first_seq, payload, stored_hash = row
    sound = (
        isinstance(epoch, int)
        and isinstance(previous, bytes)
        and isinstance(at, int)
        and isinstance(first_seq, int)
        and isinstance(payload, bytes)
        and isinstance(stored_hash, bytes)
    )
    if not sound or min(epoch, at, first_seq) < 0:
        # A damaged record can hold anything; keep it readable so that it counts as damaged.
        return Stored(Frame(n, 0, b"", 0, 0, b""), b"")
    return Stored(Frame(n, epoch, previous, at, first_seq, payload), stored_hash)


@contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Turn SQLite's errors into the journal's own."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise explained(error, folder) from error
    except UnicodeDecodeError as error:
        # SQLite quotes a damaged schema in its message, which Python then cannot read.
        raise file_damaged(folder, "its schema is not text") from error


def explained(error: sqlite3.DatabaseError, folder: Path) -> JournalError:
    """What a database error means for a person."""
    assert not isinstance(error, sqlite3.ProgrammingError), error
    name = _error_name(error)
    where = f"the journal in {folder}"
    if name.startswith("SQLITE_FULL"):
        return JournalUnavailable(f"{where}: the disk is full. Nothing was written; free space.")
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN", "SQLITE_AUTH")):
        return JournalUnavailable(
            f"{where} cannot be opened or written ({error}). Nothing was written; check that it "
            f"exists, belongs to this user and is not on a read-only disk."
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return JournalUnavailable(
            f"{where} is held by another program ({error}). Nothing was written; close it."
        )
    if name.startswith("SQLITE_IOERR"):
        return JournalUnavailable(f"{where}: the disk failed ({error}). Check the disk.")
    return file_damaged(folder, str(error))


def outcome_unknown(error: sqlite3.DatabaseError) -> bool:
    """Whether a write may have reached the disk all the same: it failed while being synced."""
    return _error_name(error).startswith("SQLITE_IOERR")


def _error_name(error: sqlite3.DatabaseError) -> str:
    return getattr(error, "sqlite_errorname", None) or ""


def file_damaged(folder: Path, detail: str) -> JournalDamaged:
    """The database file itself is not sound, so no single frame can be named."""
    return JournalDamaged(
        f"the journal in {folder}: the file {NAME} itself is damaged ({detail}), so no frame of it "
        f"can be trusted. Restore the folder from a backup. The file was left as it is."
    )
