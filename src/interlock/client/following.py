"""Following the log: from bytes of ``/v1/events`` to facts, and back to where one left off.

Decides what is told and when a stream is over for good. Invariant: every fact is told once and in
order: a stream that broke goes on after the last one told, or begins anew with a snapshot.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from interlock.client.errors import Unreachable
from interlock.client.retrying import (
    AGAIN,
    Call,
    Retry,
    Sign,
    of_problem,
    proved,
    reason,
    refused,
    told_s,
)
from interlock.client.views import OrderLine, Position

SILENCE_S = 40.0
"""The server says something every 15 s; after more than two of these it is gone."""
DECIMALS = frozenset(("price", "trigger_price", "quantity", "cum_quantity", "watermark", "fee"))


class Snapshot(Struct, frozen=True):
    """Everything live as of ``event_seq``. Whatever was known before it is out of date."""

    event_seq: int
    orders: tuple[OrderLine, ...] = ()
    positions: tuple[Position, ...] = ()


class Fact(Struct, frozen=True):
    """One fact. ``fields`` has all of it, prices and quantities as ``Decimal``."""

    event_seq: int
    at: int
    type: str
    order_id: str
    client_order_id: str
    leg: str
    fields: dict[str, Any]

    def get(self, name: str) -> Any:
        return self.fields.get(name)


class Price(Struct, frozen=True):
    """The latest of one instrument, as of ``at``; nothing where its market has not said any."""

    instrument: str
    at: int
    last: Decimal | None = None
    last_quantity: Decimal | None = None
    bid: Decimal | None = None
    bid_quantity: Decimal | None = None
    ask: Decimal | None = None
    ask_quantity: Decimal | None = None
    mark: Decimal | None = None
    index: Decimal | None = None


Message = Snapshot | Fact


class Broken(Exception):
    """This connection is over; the stream goes on with another one."""


class Follower:
    """One stream over however many connections."""

    def __init__(self, query: dict[str, str], from_seq: int | None, retry: Retry) -> None:
        self._query = query
        self._next = from_seq
        self._retry = retry
        self._failures = 0
        self._told_s = 0.0
        self._rest = bytearray()

    def request(self, build: Callable[..., httpx.Request], sign: Sign) -> httpx.Request:
        self._rest.clear()
        query = dict(self._query)
        if self._next is not None:
            query["from_seq"] = str(self._next)
        call = Call[None]("GET", "/v1/events", None, query)
        timeout = httpx.Timeout(10.0, read=SILENCE_S)
        return proved(call, build, sign, timeout=timeout)

    def answered(self, response: httpx.Response) -> None:
        """An answer that is no stream: raises what it says, unless coming back can help."""
        if response.status_code not in AGAIN:
            raise refused(response)
        self._told_s = told_s(response)
        self.lost(refused(response), response.request)

    def lost(self, why: object, request: httpx.Request) -> None:
        """The connection failed or ended; raises when that was once too often in a row."""
        self._failures += 1
        if self._failures >= self._retry.attempts:
            raise Unreachable(str(request.url.copy_with(query=None)), reason(why))

    def pause_s(self) -> float:
        told, self._told_s = self._told_s, 0.0
        return max(told, self._retry.pause_s(max(1, self._failures)))

    def feed(self, chunk: bytes) -> Iterator[Message | Price]:
        """What has arrived whole. Raises ``Broken`` when the server ends this connection."""
        # Not by lines as Python knows them: a name may hold U+2028, which is none on this wire.
        searched = max(0, len(self._rest) - 1)
        self._rest += chunk
        begin = 0
        while (end := self._rest.find(b"\n\n", max(begin, searched))) >= 0:
            event = bytes(self._rest[begin:end])
            begin = end + 2
            message = self._hear(event)
            if message is not None:
                yield message
        del self._rest[:begin]

    def _hear(self, event: bytes) -> Message | Price | None:
        fields = dict(line.partition(b": ")[::2] for line in event.split(b"\n"))
        kind, data = fields.get(b"event", b""), fields.get(b"data", b"")
        if not kind:
            self._failures = 0  # a heartbeat
            return None
        if kind == b"cut":
            why = of_problem(msgspec.json.decode(data))
            if why.code != "TOO_SLOW":
                raise why
            raise Broken
        self._failures = 0
        if kind == b"snapshot":
            snapshot = msgspec.json.decode(data, type=Snapshot)
            self._next = snapshot.event_seq + 1
            return snapshot
        if kind == b"market":
            return msgspec.json.decode(data, type=Price)
        fact = fact_of(msgspec.json.decode(data))
        if self._next is not None and fact.event_seq < self._next:
            return None
        self._next = fact.event_seq + 1
        return fact


def fact_of(document: dict[str, Any]) -> Fact:
    for name in DECIMALS.intersection(document):
        value = document[name]
        if isinstance(value, str):
            try:
                document[name] = Decimal(value)
            except InvalidOperation:
                continue  # a share, such as 50%
    return Fact(
        document["event_seq"],
        document["at"],
        document["type"],
        document.get("order_id", ""),
        document.get("client_order_id", ""),
        str(document.get("leg", "")),
        document,
    )
