"""The process's end of the venue's socket: the venue port over a connection that comes and goes.

Decides what is known of a request when the connection is not there: nothing, so its outcome is
unknown. Invariant: the venue's clock is not ours; what it stamps is read in our time, and what it
must obey (validity, expiry) is written in its own.
"""

import asyncio
from collections.abc import Callable

import msgspec

from chaos import wire
from interlock.orders.capabilities import Capabilities
from interlock.orders.reports import (
    Connection,
    OpenOrders,
    OrderStatus,
    OutcomeUnknown,
    Position,
    Report,
)
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    Request,
    SubmitVenueList,
    SubmitVenueOrder,
)
from interlock.orders.ticks import Depth, Index, Mark, Quote, Tick, Trade

AGREE_NS = 500_000_000
"""Clocks that differ by less are taken for one; what is left is the wire."""
RETRY_S = 0.05
ASK_TIME_S = 0.5


class Link:
    """One venue over TCP. Implements ``venues.port.Venue``; ``news`` is called when it has any."""

    def __init__(
        self,
        name: str,
        port: int,
        capabilities: Capabilities,
        now: Callable[[], int],
    ) -> None:
        self._name = name
        self._port = port
        self._capabilities = capabilities
        self._now = now
        self._writer: asyncio.StreamWriter | None = None
        self._heard: list[Report] = []
        self._ours_ahead = 0
        """By how much our clock is ahead of the venue's, beyond what the wire explains."""
        self.joined = asyncio.Event()
        self.news: Callable[[], None] = lambda: None
        self.tick: Callable[[Tick], None] = lambda _: None

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def send(self, request: Request, at: int) -> None:
        if self._writer is not None:
            wire.say_packed(self._writer, self._in_their_time(request))
            return
        orders = request.orders if isinstance(request, SubmitVenueList) else (request,)
        for order in orders:
            if isinstance(order, SubmitVenueOrder | CancelVenueOrder | AmendVenueOrder):
                self._heard.append(OutcomeUnknown(at, order.client_id, "not connected"))
        asyncio.get_running_loop().call_soon(self.news)

    def poll(self, at: int) -> list[Report]:
        heard, self._heard = self._heard, []
        return heard

    def next_at(self) -> int | None:
        return None

    async def run(self) -> None:
        """Stay connected for as long as this is not canceled."""
        while True:
            try:
                reader, writer = await asyncio.open_connection(wire.HOST, self._port)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            asking = asyncio.create_task(self._ask_time(writer))
            try:
                wire.say_packed(writer, wire.Join())
                await self._listen(reader, writer)
            finally:
                asking.cancel()
                writer.close()
            await asyncio.sleep(RETRY_S)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (message := await wire.hear(reader, wire.FROM_VENUE)) is not None:
            if isinstance(message, wire.Time):
                apart = self._now() - message.at
                self._ours_ahead = apart if abs(apart) > AGREE_NS else 0
                if self._writer is None:
                    # Only now: a tick or a request in the wrong time would do harm.
                    self._writer = writer
                    self._tell(Connection(self._now(), self._name, True))
                    self.joined.set()
            elif self._writer is None:
                continue
            elif isinstance(message, Trade | Quote | Mark | Index | Depth):
                self.tick(msgspec.structs.replace(message, at=message.at + self._ours_ahead))
            else:
                self._tell(self._in_our_time(message))
        self._writer = None
        self._tell(Connection(self._now(), self._name, False))

    async def _ask_time(self, writer: asyncio.StreamWriter) -> None:
        while True:
            wire.say_packed(writer, wire.Clock())
            await asyncio.sleep(ASK_TIME_S)

    def _tell(self, report: Report) -> None:
        self._heard.append(report)
        self.news()

    def _in_our_time(self, report: Report) -> Report:
        if isinstance(report, OrderStatus | OpenOrders | Position):
            as_of = report.as_of + self._ours_ahead
            return msgspec.structs.replace(report, at=self._now(), as_of=as_of)
        return msgspec.structs.replace(report, at=self._now())

    def _in_their_time(self, request: Request) -> Request:
        apart = self._ours_ahead
        if not apart:
            return request
        if isinstance(request, SubmitVenueList):
            orders = tuple(self._submit_in_their_time(order) for order in request.orders)
            return msgspec.structs.replace(request, orders=orders)
        if isinstance(request, SubmitVenueOrder):
            return self._submit_in_their_time(request)
        if isinstance(request, AmendVenueOrder) and request.valid_until:
            return msgspec.structs.replace(request, valid_until=request.valid_until - apart)
        return request

    def _submit_in_their_time(self, order: SubmitVenueOrder) -> SubmitVenueOrder:
        apart = self._ours_ahead
        expire_at = None if order.expire_at is None else order.expire_at - apart
        return msgspec.structs.replace(
            order, valid_until=order.valid_until - apart, expire_at=expire_at
        )
