"""The database of access: keys, the admin's password, halts; one file, one connection.

Decides the tables and how SQLite's errors are told. Invariant: what ``write`` returned from is on
the disk, and the file belongs to one master key, which is checked before anything is read.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final

from interlock.api.access.errors import (
    AccessDamaged,
    AccessUnavailable,
    MasterKeyWrong,
    SealBroken,
)
from interlock.api.access.vault import Vault

NAME: Final = "access.db"
FORMAT: Final = 1
BUSY_MS: Final = 5_000
_CHECK, _ABOUT = b"interlock", b"master check"

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE keys (id TEXT PRIMARY KEY, terms TEXT NOT NULL, sealed BLOB NOT NULL, "
    "revoked_at INTEGER NOT NULL, last_used_at INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE halts (n INTEGER PRIMARY KEY, account TEXT, at INTEGER NOT NULL, "
    "by TEXT NOT NULL, why TEXT NOT NULL, resumed_at INTEGER NOT NULL DEFAULT 0, "
    "resumed_by TEXT NOT NULL DEFAULT '')",
)
_LATER = (
    "CREATE TABLE IF NOT EXISTS credentials (venue TEXT NOT NULL, environment TEXT NOT NULL, "
    "set_at INTEGER NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (venue, environment)) "
    "WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS alert_channels (name TEXT PRIMARY KEY, set_at INTEGER NOT NULL, "
    "sealed BLOB NOT NULL) WITHOUT ROWID",
)
"""Tables that came later: an earlier version does not look at them."""
_UNAVAILABLE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN", "SQLITE_IOERR")


class Database:
    """Open from construction to ``close``; usable from any thread."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self.path = path
        self.lock = RLock()
        with self._plain_errors():
            # Before SQLite does, so that its file and the log beside it are 0600.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # A damaged text must be seen as one, not keep its whole table from being read.
        self._connection.text_factory = lambda text: text.decode("utf-8", "replace")
        try:
            with self._plain_errors():
                self._connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=FULL")
                self._prepare(vault)
                self._version = self._data_version()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, vault: Vault) -> None:
        with self.write() as db:
            if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                for table in _TABLES:
                    db.execute(table)
                db.execute("INSERT INTO meta VALUES ('format', ?)", (FORMAT,))
                sealed = vault.seal(_CHECK, _ABOUT)
                db.execute("INSERT INTO meta VALUES ('master_check', ?)", (sealed,))
            for table in _LATER:
                db.execute(table)
        if (found := self.meta("format")) != FORMAT:
            raise AccessDamaged(
                f"{self.path} has format {found!r}; this version knows {FORMAT}. Start it with the "
                f"version of Interlock that wrote it. Nothing was changed."
            )
        sealed = self.meta("master_check")
        try:
            sound = isinstance(sealed, bytes) and vault.open(sealed, _ABOUT) == _CHECK
        except SealBroken:
            sound = False
        if not sound:
            raise MasterKeyWrong(
                f"the master key is not the one that the secrets in {self.path} were sealed with. "
                f"Give the right one (INTERLOCK_MASTER_KEY, the key file, or the OS keyring). If "
                f"it is lost, so are these secrets: move {self.path.name} away and make new keys."
            )

    def meta(self, key: str) -> Any:
        rows = self.rows("SELECT value FROM meta WHERE key=?", key)
        return rows[0][0] if rows else None

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.lock, self._plain_errors():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable when it is left, undone when it is left by an error."""
        with self.lock, self._plain_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def changed_elsewhere(self) -> bool:
        """Whether another process wrote since this was last asked; costs microseconds."""
        with self.lock, self._plain_errors():
            version = self._data_version()
            changed, self._version = version != self._version, version
            return changed

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        with self.lock:
            self._connection.close()

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from error
        except UnicodeDecodeError as error:
            raise self._damaged("its schema is not text") from error
        except AccessUnavailable:
            raise
        except OSError as error:
            raise AccessUnavailable(f"{self.path} cannot be opened: {error.strerror}.") from error

    def _explained(self, error: sqlite3.DatabaseError) -> AccessDamaged | AccessUnavailable:
        name = getattr(error, "sqlite_errorname", None) or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return AccessUnavailable(f"{self.path} is held by another program. Close that one.")
        if name.startswith(_UNAVAILABLE):
            return AccessUnavailable(
                f"{self.path} cannot be read or written ({error}). Check that the disk has space, "
                f"and that the file belongs to this user."
            )
        return self._damaged(str(error))

    def _damaged(self, detail: str) -> AccessDamaged:
        return AccessDamaged(
            f"{self.path} is damaged ({detail}). Restore it from a backup, or move it away and "
            f"make new keys. The file was left as it is."
        )
