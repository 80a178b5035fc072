"""The trader's end of a paper venue's socket: the venue port over a connection that comes and goes.

Decides what is known of a request when the connection is not there: nothing, so its outcome is
unknown and the engine asks by id. Invariants: nothing here waits for the other end; the venue's
clock is not ours, so what it stamps is read in our time, and what it must obey (validity, expiry)
is written in its own.

The socket is written to at once, not at the end of the loop's turn: a recall must not wait for what
else the turn has to do.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

import msgspec

from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.reports import (
    BalancesTold,
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
from interlock.venues.paper import wire
from interlock.venues.port import VenueHealth

AGREE_NS: Final = 500_000_000
"""Clocks that differ by less are taken for one; what is left is the wire."""
RETRY_S: Final = 0.05
ASK_TIME_S: Final = 0.5
SILENT_S_MAX: Final = 5.0
"""A venue that does not even say what time it is for so long is taken for gone."""
READ_BYTES: Final = 16 * 1024
"""Read in one turn of the loop: some hundred reports, and then others have theirs."""
UNSENT_MAX: Final = 16 * 1024 * 1024
"""Bytes the venue has not read; beyond it is taken for gone."""


class Link:
    """One venue over TCP. Implements ``venues.port.Venue``.

    ``news`` is called when ``poll`` has something, ``tick`` with every tick of the market,
    ``welcomed`` with what can be traded, on every connection; ``told`` hears of outages.
    """

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        capabilities: Capabilities,
        now: Callable[[], int],
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._name = name
        self._address = address
        self._capabilities = capabilities
        self._now = now
        self._told = told
        self._socket: socket.socket | None = None
        self._cutter = wire.Cutter()
        self._unsent = bytearray()
        self._over: asyncio.Future[str] | None = None
        """Done with the reason when the connection is of no more use."""
        self._heard: list[Report] = []
        self._heard_at = 0.0
        self._since = 0
        """When the connection came or went, ns UTC."""
        self._heard_ns = 0
        self._ours_ahead = 0
        """By how much our clock is ahead of the venue's, beyond what the wire explains."""
        self.instruments: tuple[Instrument, ...] = ()
        self.joined = asyncio.Event()
        """Set while there is a connection that has been welcomed."""
        self.news: Callable[[], None] = lambda: None
        self.tick: Callable[[Tick], None] = lambda _: None
        self.welcomed: Callable[[], None] = lambda: None
        self.counted: Callable[[], frozenset[str] | None] = lambda: None

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """As the venue told them when it was last there."""
        return self._capabilities

    def send(self, request: Request, at: int) -> None:
        if self.joined.is_set():
            self._write(wire.packed(self._in_their_time(request)))
            return
        orders = request.orders if isinstance(request, SubmitVenueList) else (request,)
        for order in orders:
            if isinstance(order, SubmitVenueOrder | CancelVenueOrder | AmendVenueOrder):
                self._heard.append(OutcomeUnknown(at, order.client_id, "not connected"))
        asyncio.get_running_loop().call_soon(lambda: self.news())

    def poll(self, at: int) -> list[Report]:
        heard, self._heard = self._heard, []
        return heard

    def next_at(self) -> int | None:
        return None

    def health(self) -> VenueHealth:
        ahead_ms = -self._ours_ahead // 1_000_000 if self._heard_ns else None
        return VenueHealth(self.joined.is_set(), self._since, self._heard_ns, ahead_ms)

    async def part(self) -> None:
        """It has no countdown."""

    def missing(self) -> None:
        """Say that there is no connection: at a start nobody has heard so."""
        self._heard.append(Connection(self._now(), self._name, False))

    async def run(self) -> None:
        """Stay connected for as long as this is not canceled."""
        said, self._since = "", self._now()
        host, port = self._address
        while True:
            why = await self._once()
            if why != said:
                self._told(f"{self._name} at {host}:{port} {why}; it is tried again and again")
            said = why
            await asyncio.sleep(RETRY_S)

    async def _once(self) -> str:
        """One connection from its beginning to its end, and what ended it."""
        loop = asyncio.get_running_loop()
        host, port = self._address
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
            found.setblocking(False)
            try:
                await asyncio.wait_for(loop.sock_connect(found, (host, port)), SILENT_S_MAX)
            except OSError as error:  # a timeout is one
                return f"cannot be reached ({error.strerror or 'no answer'})"
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket, self._over = found, loop.create_future()
            self._cutter, self._unsent = wire.Cutter(), bytearray()
            loop.add_reader(found, self._read)
            self._heard_at = loop.time()
            asking = asyncio.create_task(self._ask_time())
            try:
                self._write(wire.packed(wire.Join()))
                return await self._over
            finally:
                asking.cancel()
                loop.remove_reader(found)
                loop.remove_writer(found)
                self._socket = None
                if self.joined.is_set():
                    self.joined.clear()
                    self._since = self._now()
                    self.missing()
                    self.news()

    async def _ask_time(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._write(wire.packed(wire.Clock()))
            await asyncio.sleep(ASK_TIME_S)
            if loop.time() - self._heard_at > SILENT_S_MAX:
                self._end("says nothing any more")

    def _end(self, why: str) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(why)

    # The socket.

    def look(self) -> None:
        """Hear what has arrived by now, without waiting for the loop to say so."""
        if self.joined.is_set():
            self._read()

    def _read(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(f"broke the connection ({error.strerror})")
            return
        if not data:
            self._end("closed the connection")
            return
        self._heard_at, self._heard_ns = asyncio.get_running_loop().time(), self._now()
        try:
            for body in self._cutter.cut(data):
                self._hear(wire.read(body, wire.FROM_VENUE))
        except wire.Garbled as error:
            self._end(str(error))
        if self._heard:
            self.news()

    def _write(self, data: bytes) -> None:
        if self._socket is None:
            return
        if not self._unsent:
            data = data[self._sent(self._socket, data) :]
            if not data:
                return
            asyncio.get_running_loop().add_writer(self._socket, self._write_more)
        self._unsent += data
        if len(self._unsent) > UNSENT_MAX:
            self._end("reads nothing any more")

    def _write_more(self) -> None:
        if self._socket is None:
            return
        del self._unsent[: self._sent(self._socket, self._unsent)]
        if not self._unsent:
            asyncio.get_running_loop().remove_writer(self._socket)

    def _sent(self, to: socket.socket, data: bytes | bytearray) -> int:
        """How much of it the other end's buffer has taken."""
        try:
            return to.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._end(f"broke the connection ({error.strerror})")
            return len(data)  # what was sent before is in doubt as well

    # What is heard.

    def _hear(self, message: Any) -> None:
        match message:
            case wire.Time():
                self._read_clock(message.at)
            case wire.Welcome():
                self._read_clock(message.at)
                self.instruments, self._capabilities = message.instruments, message.capabilities
                self._since = self._now()
                self.joined.set()
                self.welcomed()
                self._heard.append(Connection(self._now(), self._name, True))
            case _ if not self.joined.is_set():
                pass  # it would be in the wrong time; everything is asked about in a moment
            case Trade() | Quote() | Mark() | Index() | Depth():
                if self._heard:
                    self.news()  # what the venue says of a tick comes before the tick
                self.tick(msgspec.structs.replace(message, at=message.at + self._ours_ahead))
            case _:
                self._heard.append(self._in_our_time(message))

    def _read_clock(self, at: int) -> None:
        apart = self._now() - at
        self._ours_ahead = apart if abs(apart) > AGREE_NS else 0

    def _in_our_time(self, report: Report) -> Report:
        if isinstance(report, OrderStatus | OpenOrders | Position | BalancesTold):
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
