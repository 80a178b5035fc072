"""The paper exchange's memory: its orders and executions in a file, so that it outlives a process.

Decides what is written and when. Invariant: what a report says was written before the report left,
so a process that is killed comes back to the venue that it was told of. Written without waiting for
the disk: a killed process loses nothing, a machine that loses its power may lose the last moments
of what is only paper.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from interlock.orders.reports import Execution, VenueStatus
from interlock.orders.requests import SubmitVenueOrder
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.ledger import Ledger, PaperExecution
from interlock.venues.paper.resting import PaperOrder

TABLES = """
CREATE TABLE IF NOT EXISTS orders (client_id TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (client_id TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS executions (n INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS course (one INTEGER PRIMARY KEY CHECK (one = 1), data BLOB NOT NULL);
"""
_TABLE_NAMES = ("orders", "refused", "executions", "course")


class _Kept(Struct, array_like=True):
    """One order as it stands."""

    submit: SubmitVenueOrder
    venue_id: str
    seq: int
    quantity: int
    price: int | None
    trigger_price: int | None
    triggered: bool
    cum: int
    fills: list[Execution]
    fill_times: list[int]
    accepted_at: int
    ended_at: int
    status: VenueStatus
    queue_ahead: int
    sibling: str
    waits_for: str = ""


class Course(Struct, array_like=True):
    """How far the market has come: which round of it, how many ticks of the round have happened,
    and the price that the round began with, where rounds go on from each other.
    """

    round: int = 0
    played: int = 0
    price: str = ""


_ENCODER = msgspec.msgpack.Encoder()
_ORDER = msgspec.msgpack.Decoder(_Kept)
_SUBMIT = msgspec.msgpack.Decoder(SubmitVenueOrder)
_EXECUTION = msgspec.msgpack.Decoder(PaperExecution)
_COURSE = msgspec.msgpack.Decoder(Course)


class Seals(Protocol):
    """Encrypts one row, bound to its place in the file."""

    def seal(self, plain: bytes, about: bytes) -> bytes: ...

    def open(self, sealed: bytes, about: bytes) -> bytes: ...


SEALED = b"\xc1"
"""What a sealed row begins with, and no plain one."""


class PaperMemory:
    """One exchange's file; its rows are ``sealed`` or not, and rows from before are made so."""

    def __init__(self, path: Path, seals: Seals | None = None, sealed: bool = False) -> None:
        assert seals is not None or not sealed
        self._seals = seals
        self._sealed = sealed
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(TABLES)
        self._executions = 0
        self._make_alike()

    def recall(self, exchange: PaperExchange) -> Course:
        """Put everything back into an exchange that has lived through nothing yet."""
        ledger = exchange.ledger
        kept = sorted((_ORDER.decode(data) for _, data in self._rows("orders")), key=_number)
        for one in kept:
            exchange.put_back(_order(one, exchange))
        for one in kept:
            order = ledger.by_client[one.submit.client_id]
            if one.sibling:
                order.sibling = ledger.by_client[one.sibling]
            if one.waits_for:
                entry = order.waits_for = ledger.by_client[one.waits_for]
                entry.releases = (*entry.releases, order)
        for client_id, data in self._rows("refused"):
            ledger.refused[str(client_id)] = _SUBMIT.decode(data)
        for _, data in self._rows("executions"):
            ledger.put_back(_EXECUTION.decode(data))
        ledger.changed.clear()
        ledger.newly_refused.clear()
        self._executions = len(ledger.executions)
        course = [_COURSE.decode(data) for _, data in self._rows("course")]
        return course[0] if course else Course()

    def save(self, ledger: Ledger, course: Course | None = None) -> None:
        """Write what has changed since the last time."""
        fresh = ledger.executions[self._executions :]
        if not (ledger.changed or ledger.newly_refused or fresh or course):
            return
        with self._db as db:
            db.execute("BEGIN")
            for name, order in ledger.changed.items():
                self._put("orders", name, _kept(order))
            for name in ledger.newly_refused:
                if name in ledger.refused:
                    self._put("refused", name, _ENCODER.encode(ledger.refused[name]))
            for number, execution in enumerate(fresh, self._executions + 1):
                self._put("executions", number, _ENCODER.encode(execution))
            if course is not None:
                self._put("course", 1, _ENCODER.encode(course))
        ledger.changed.clear()
        ledger.newly_refused.clear()
        self._executions = len(ledger.executions)

    def close(self) -> None:
        self._db.close()

    def _put(self, table: str, key: str | int, data: bytes) -> None:
        if self._sealed and self._seals is not None:
            data = self._seals.seal(data, _about(table, key))
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, data))

    def _rows(self, table: str) -> Iterator[tuple[str | int, bytes]]:
        """Keys and plain data of a table, in the order of its keys."""
        for key, data in self._db.execute(f"SELECT * FROM {table} ORDER BY 1"):
            if self._seals is not None and data[:1] == SEALED:
                data = self._seals.open(data, _about(table, key))
            yield key, data

    def _make_alike(self) -> None:
        """Rows of a time when it was otherwise; their old form leaves no trace in the file."""
        other = "!=" if self._sealed else "="
        where = f"WHERE substr(data, 1, 1) {other} x'{SEALED.hex()}'"
        if not any(
            self._db.execute(f"SELECT 1 FROM {table} {where} LIMIT 1").fetchone()
            for table in _TABLE_NAMES
        ):
            return
        with self._db as db:
            db.execute("BEGIN")
            for table in _TABLE_NAMES:
                for key, data in list(self._rows(table)):
                    self._put(table, key, data)
        self._db.execute("VACUUM")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _about(table: str, key: str | int) -> bytes:
    return f"{table} {key}".encode()


def _number(one: _Kept) -> int:
    """Venue ids are given in the order in which orders came to be open."""
    return int(one.venue_id.rpartition("-")[2][1:])


def _kept(order: PaperOrder) -> bytes:
    return _ENCODER.encode(
        _Kept(
            *(order.submit, order.venue_id, order.seq, order.quantity, order.price),
            *(order.trigger_price, order.triggered, order.cum, order.fills, order.fill_times),
            *(order.accepted_at, order.ended_at, order.status, order.queue_ahead),
            "" if order.sibling is None else order.sibling.client_id,
            "" if order.waits_for is None else order.waits_for.client_id,
        )
    )


def _order(one: _Kept, exchange: PaperExchange) -> PaperOrder:
    market = exchange.market(one.submit.instrument)
    order = PaperOrder(one.submit, market, one.venue_id, one.seq, one.accepted_at)
    order.quantity, order.price, order.trigger_price = one.quantity, one.price, one.trigger_price
    order.triggered, order.cum = one.triggered, one.cum
    order.pending = bool(one.waits_for)
    order.fills, order.fill_times = one.fills, one.fill_times
    order.ended_at, order.status, order.queue_ahead = one.ended_at, one.status, one.queue_ahead
    return order
