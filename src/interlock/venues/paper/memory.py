"""The paper exchange's memory: its orders and executions in a file, so that it outlives a process.

Decides what is written and when. Invariant: what a report says was written before the report left,
so a process that is killed comes back to the venue that it was told of. Written without waiting for
the disk: a killed process loses nothing, a machine that loses its power may lose the last moments
of what is only paper.
"""

import sqlite3
from pathlib import Path

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


class PaperMemory:
    """One exchange's file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(TABLES)
        self._executions = 0

    def recall(self, exchange: PaperExchange) -> Course:
        """Put everything back into an exchange that has lived through nothing yet."""
        ledger = exchange.ledger
        rows = self._db.execute("SELECT data FROM orders")
        kept = sorted((_ORDER.decode(row[0]) for row in rows), key=_number)
        for one in kept:
            exchange.put_back(_order(one, exchange))
        for one in kept:
            if one.sibling:
                ledger.by_client[one.submit.client_id].sibling = ledger.by_client[one.sibling]
        for client_id, data in self._db.execute("SELECT client_id, data FROM refused"):
            ledger.refused[client_id] = _SUBMIT.decode(data)
        for (data,) in self._db.execute("SELECT data FROM executions ORDER BY n"):
            ledger.put_back(_EXECUTION.decode(data))
        ledger.changed.clear()
        ledger.newly_refused.clear()
        self._executions = len(ledger.executions)
        row = self._db.execute("SELECT data FROM course").fetchone()
        return Course() if row is None else _COURSE.decode(row[0])

    def save(self, ledger: Ledger, course: Course | None = None) -> None:
        """Write what has changed since the last time."""
        fresh = ledger.executions[self._executions :]
        if not (ledger.changed or ledger.newly_refused or fresh or course):
            return
        with self._db as db:
            db.execute("BEGIN")
            orders = ((name, _kept(order)) for name, order in ledger.changed.items())
            db.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?)", orders)
            refused = (
                (name, _ENCODER.encode(ledger.refused[name]))
                for name in ledger.newly_refused
                if name in ledger.refused
            )
            db.executemany("INSERT OR REPLACE INTO refused VALUES (?, ?)", refused)
            numbered = enumerate(map(_ENCODER.encode, fresh), self._executions + 1)
            db.executemany("INSERT INTO executions VALUES (?, ?)", numbered)
            if course is not None:
                row = (_ENCODER.encode(course),)
                db.execute("INSERT OR REPLACE INTO course VALUES (1, ?)", row)
        ledger.changed.clear()
        ledger.newly_refused.clear()
        self._executions = len(ledger.executions)

    def close(self) -> None:
        self._db.close()


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
        )
    )


def _order(one: _Kept, exchange: PaperExchange) -> PaperOrder:
    market = exchange.market(one.submit.instrument)
    order = PaperOrder(one.submit, market, one.venue_id, one.seq, one.accepted_at)
    order.quantity, order.price, order.trigger_price = one.quantity, one.price, one.trigger_price
    order.triggered, order.cum = one.triggered, one.cum
    order.fills, order.fill_times = one.fills, one.fill_times
    order.ended_at, order.status, order.queue_ahead = one.ended_at, one.status, one.queue_ahead
    return order
