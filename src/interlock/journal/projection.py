"""The queryable projection: plain SQL tables kept up behind the journal, for people and tools.

Decides when rows follow facts: after the commit, in batches, never in its way. Invariant: applying
a frame twice changes nothing, and everything here can be thrown away and rebuilt from the journal.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Literal, Protocol

import msgspec

from interlock.journal.database import BUSY_MS
from interlock.journal.errors import JournalError, JournalUnavailable
from interlock.journal.frames import GENESIS, Frame, decode_facts, digest
from interlock.journal.port import Tail
from interlock.journal.projection_rules import FORMAT, ORDER_LIVES, TABLES, write
from interlock.journal.recovery import chained
from interlock.orders.instruments import Instrument
from interlock.orders.terms import LegTerms, OrderTerms
from interlock.orders.wire import FactWire

NAME = "projection.db"
IN_MEMORY = Path(":memory:")
"""Gone with the process: for comparisons."""
BATCH = 256
"""Frames applied in one transaction while catching up."""

UNWRITABLE = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_BUSY")
"""The disk or another program said no; anything else means that the tables are damaged."""

_ORDER = (
    "order_id, client_order_id, account, tag, instrument, status, version, accepted_at, "
    "accepted_seq, updated_at, done_at, reason, document"
)

Row = dict[str, str | int | None]


class Readable(Protocol):
    """As much of a journal as tables are made of."""

    def tail(self) -> Tail: ...

    def read(self, from_n: int) -> Iterator[Frame]: ...


class ProjectionMismatch(JournalError):
    """A frame that does not follow what was applied: the projection is of another journal."""


class Projection:
    """The projection in one file, or in memory. ``warn`` hears why it began anew."""

    def __init__(
        self, path: Path, read_only: bool = False, warn: Callable[[str], None] | None = None
    ) -> None:
        self._path = path
        self._read_only = read_only
        self._warn = warn or _unheard
        self._lock = RLock()
        try:
            with self._plain_errors():
                self._open()
        except (sqlite3.DatabaseError, msgspec.MsgspecError) as error:
            if read_only:
                raise JournalError(
                    f"the projection {path} cannot be read ({error}); rebuild it from the journal"
                ) from error
            self._begin_anew(f"it could not be read ({error})")

    @property
    def tail(self) -> Tail:
        """The last frame applied."""
        with self._lock:
            n, last, next_seq = self._db.execute("SELECT n, hash, next_seq FROM meta").fetchone()
        return Tail(n, last, next_seq)

    def apply(self, frame: Frame) -> bool:
        """Change the rows by one frame; ``False`` if that had been done before."""
        return self.apply_all([frame]) == 1

    def apply_all(self, frames: Iterable[Frame]) -> int:
        """Change the rows by frames in order, in one transaction; how many were new."""
        with self._lock:
            try:
                with self._plain_errors():
                    return self._apply_all(frames)
            except BaseException:
                # The rows were rolled back; what the wire learned from them must be as well.
                self._wire = self._remembered()
                raise

    def catch_up(self, journal: Readable) -> int:
        """Apply what the journal has and the rows have not. Begins anew if they cannot belong."""
        theirs, ours = journal.tail(), self.tail
        if ours.n > theirs.n:
            self._begin_anew(
                f"it knew frames up to {ours.n}, but the journal ends at {theirs.n}: commits were "
                f"lost or cut from the journal"
            )
        elif ours.n and self._last_applied(journal) != ours.hash:
            self._begin_anew(f"its frame {ours.n} is not the journal's: it was of another journal")
        frames = journal.read(self.tail.n + 1)
        applied = 0
        while batch := list(islice(frames, BATCH)):
            applied += self.apply_all(batch)
        return applied

    def rebuild(self, journal: Readable) -> int:
        """Build a new file from the journal beside the old one, then put it in its place."""
        beside = self._path.with_name(f"{self._path.name}.new")
        remove(beside)
        new = Projection(beside)
        applied = new.catch_up(journal)
        new.close()
        with self._lock:
            self._db.close()
            remove(self._path)
            beside.replace(self._path)
            self._open()
        return applied

    def names(self) -> tuple[FactWire, dict[str, tuple[str, str]], int]:
        """What is needed to tell the facts that come next: a wire that knows the names, account and
        first instrument of each order it knows, and the ``event_seq`` of the next fact.
        """
        with self._lock:
            known = "SELECT order_id, account, instrument FROM orders WHERE terms IS NOT NULL"
            orders = {row[0]: (row[1], row[2]) for row in self._db.execute(known)}
            return self._remembered(), orders, self.tail.next_seq

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def orders(
        self,
        accounts: tuple[str, ...] | None = None,
        filters: Mapping[str, str] | None = None,
        live_only: bool = False,
        before: str | None = None,
        limit: int = 1_000,
    ) -> list[Row]:
        """Orders, latest first; those accepted before the one with the id ``before``, if given.

        ``filters`` are columns and their values: instrument, status, tag.
        """
        given = filters or {}
        chosen, values = _among("account", accounts)
        where = [chosen] if chosen else []
        where += [f"{name} = ?" for name in given]
        where += [f"status IN {ORDER_LIVES}"] if live_only else []
        where += ["order_id < ?"] if before is not None else []
        return self._rows(
            f"SELECT {_ORDER} FROM orders{' WHERE ' if where else ''}{' AND '.join(where)} "
            f"ORDER BY order_id DESC LIMIT ?",
            (*values, *given.values(), *([] if before is None else [before]), limit),
        )

    def order(self, text: str, accounts: tuple[str, ...] | None = None) -> Row | None:
        """One order by its id, or by its client order id: the latest over those accounts."""
        chosen, values = _among("account", accounts)
        found = self._rows(
            f"SELECT {_ORDER} FROM orders WHERE (order_id = ? OR client_order_id = ?)"
            f"{chosen and ' AND '}{chosen} ORDER BY order_id DESC LIMIT 1",
            (text, text, *values),
        )
        return found[0] if found else None

    def event_page(
        self,
        table: Literal["fills", "incidents"],
        accounts: tuple[str, ...] | None,
        order_id: str | None,
        open_only: bool,
        before: str | None,
        limit: int,
    ) -> list[Row]:
        """Fills or incidents before the ``event_seq`` ``before``, latest first. Incidents that are
        about no single order are for those who see all accounts."""
        chosen, values = _among("o.account", accounts)
        where, given = ([chosen] if chosen else []), list(values)
        if order_id is not None:
            where.append("t.order_id = ?")
            given.append(order_id)
        if open_only and table == "incidents":
            where.append("t.closed_at IS NULL")
        if before is not None:
            where.append("t.event_seq < CAST(? AS INTEGER)")
            given.append(before)
        return self._rows(
            f"SELECT t.* FROM {table} t LEFT JOIN orders o USING (order_id)"
            f"{' WHERE ' if where else ''}{' AND '.join(where)} ORDER BY t.event_seq DESC LIMIT ?",
            (*given, limit),
        )

    def legs(self, order_id: str) -> list[Row]:
        return self._rows(
            "SELECT order_id, number, leg, type, instrument, side, quantity, cum_quantity, "
            "status, price, trigger_price, system, reason, updated_at, document FROM legs "
            "WHERE order_id = ? ORDER BY number",
            (order_id,),
        )

    def venue_orders(self, order_id: str) -> list[Row]:
        return self._rows(
            "SELECT venue_order_id, order_id, leg, instrument, side, order_type, quantity, "
            "cum_quantity, price, trigger_price, status, venue_id, reason, sent_at, updated_at "
            "FROM venue_orders WHERE order_id = ? ORDER BY sent_at, venue_order_id",
            (order_id,),
        )

    def fills(self, order_id: str | None = None, limit: int = 1_000) -> list[Row]:
        """Fills in the order they were booked; of one order, or the latest of all."""
        chosen = "WHERE order_id = ?" if order_id is not None else ""
        latest = f"SELECT * FROM fills {chosen} ORDER BY event_seq DESC LIMIT ?"
        values = (limit,) if order_id is None else (order_id, limit)
        return self._rows(f"SELECT * FROM ({latest}) ORDER BY event_seq", values)

    def incidents(self, open_only: bool = False, order_id: str | None = None) -> list[Row]:
        where = ["closed_at IS NULL"] if open_only else []
        where += ["order_id = ?"] if order_id is not None else []
        return self._rows(
            f"SELECT * FROM incidents{' WHERE ' if where else ''}{' AND '.join(where)} "
            f"ORDER BY event_seq",
            () if order_id is None else (order_id,),
        )

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """A disk that says no is not the tables' fault: nothing is thrown away for it."""
        try:
            yield
        except sqlite3.OperationalError as error:
            name = getattr(error, "sqlite_errorname", None) or ""
            if not name.startswith(UNWRITABLE) or self._read_only:
                raise
            what = "the disk is full" if name == "SQLITE_FULL" else str(error)
            raise JournalUnavailable(
                f"the projection {self._path} cannot be written: {what}. Nothing is lost by that: "
                f"it is caught up from the journal once it can be written again."
            ) from error

    def _apply_all(self, frames: Iterable[Frame]) -> int:
        with self._db as db:
            db.execute("BEGIN IMMEDIATE")
            before = tail = self.tail
            for frame in frames:
                if frame.n <= tail.n:
                    continue
                if not chained(tail, frame):
                    raise ProjectionMismatch(
                        f"frame {frame.n} does not follow frame {tail.n} of the projection "
                        f"{self._path.name}: it is of another journal. Rebuild it."
                    )
                for offset, fact in enumerate(decode_facts(frame.payload)):
                    write(db, self._wire, frame.first_seq + offset, fact)
                tail = Tail(frame.n, digest(frame), frame.next_seq)
            db.execute(
                "UPDATE meta SET n=?, hash=?, next_seq=?", (tail.n, tail.hash, tail.next_seq)
            )
        return tail.n - before.n

    def _rows(self, statement: str, values: tuple[str | int, ...]) -> list[Row]:
        with self._lock:
            cursor = self._db.execute(statement, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _open(self) -> None:
        self._db = self._connect()
        self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        if not self._read_only:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA cache_size=-16384")
        found = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not found:
            values = f"({FORMAT}, 0, x'{GENESIS.hex()}', 1)"
            self._db.executescript(f"BEGIN; {TABLES} INSERT INTO meta VALUES {values}; COMMIT;")
        self._wire = self._remembered()

    def _connect(self) -> sqlite3.Connection:
        if self._path == IN_MEMORY:
            return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        mode = "ro" if self._read_only else "rwc"
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        try:
            return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise JournalUnavailable(
                f"the projection {self._path} cannot be opened ({error}); if it was never made, "
                f"start the server once or rebuild it from the journal"
            ) from error

    def _remembered(self) -> FactWire:
        """The names and increments of everything live, from our own rows."""
        found = self._db.execute("SELECT format FROM meta").fetchone()
        if found != (FORMAT,):
            raise sqlite3.DatabaseError(f"its format is not {FORMAT}")
        wire = FactWire()
        for (definition,) in self._db.execute("SELECT definition FROM instruments"):
            wire.define(msgspec.msgpack.decode(definition, type=Instrument))
        for (terms,) in self._db.execute("SELECT terms FROM orders WHERE terms IS NOT NULL"):
            wire.accept(msgspec.msgpack.decode(terms, type=OrderTerms))
        added = "SELECT order_id, number, terms FROM legs WHERE terms IS NOT NULL"
        for order_id, number, terms in self._db.execute(added):
            wire.add_leg(order_id, number, msgspec.msgpack.decode(terms, type=LegTerms))
        return wire

    def _last_applied(self, journal: Readable) -> bytes:
        for frame in journal.read(self.tail.n):
            return digest(frame)
        return b""

    def _begin_anew(self, reason: str) -> None:
        self._warn(f"the projection {self._path.name} is rebuilt from the journal: {reason}")
        with self._lock:
            self._db.close()
            if self._path != IN_MEMORY:
                remove(self._path)
            self._open()


def _among(column: str, values: tuple[str, ...] | None) -> tuple[str, tuple[str, ...]]:
    if values is None:
        return "", ()
    return f"{column} IN ({', '.join('?' * len(values))})", values


def remove(path: Path) -> None:
    """The file of a projection, and what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _unheard(_: str) -> None:
    """Warnings go nowhere unless somebody listens."""
