"""The paper exchange in a process of its own: its market and its orders behind a local socket.

Decides what becomes of requests and reports when a connection dies: reports on their way are lost,
requests that were not read are too, orders and executions never are. Invariant: what a report says
was written down before the report left, and a tick reaches the other end after everything that the
exchange says of it.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from interlock.orders.instruments import Instrument
from interlock.orders.reports import Connection, Report
from interlock.orders.requests import Request
from interlock.orders.ticks import Tick
from interlock.venues.paper import wire
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.memory import Course, PaperMemory
from interlock.venues.paper.pacing import paced

WAIT_S_MIN = 0.0002
UNREAD_MAX = 64 * 1024 * 1024
"""Bytes that the other end has not read; beyond it is taken for dead."""


class PaperServer:
    """One exchange, one market, one trading connection at a time."""

    decoder: Any = wire.TO_VENUE

    def __init__(
        self,
        exchange: PaperExchange,
        instruments: tuple[Instrument, ...],
        clock: Callable[[], int],
        memory: PaperMemory | None = None,
    ) -> None:
        exchange.disconnect(exchange.now)  # nobody is there yet
        self.exchange = exchange
        self.trading: asyncio.StreamWriter | None = None
        self._instruments = instruments
        self._clock = clock
        self._memory = memory
        self._course: Course | None = None
        self._poll: asyncio.TimerHandle | None = None

    def now(self) -> int:
        return max(self._clock(), self.exchange.now)

    def note(self, number: int, played: int, price: str) -> None:
        """Where the market is: kept with what the exchange made of it."""
        self._course = Course(number, played, price)

    async def market(self, ticks: Iterator[Tick], speed: float) -> None:
        """Let the ticks happen, as if it were now."""
        async for tick in paced(ticks, speed):
            self.happen(msgspec.structs.replace(tick, at=self.now()))

    def happen(self, tick: Tick) -> None:
        """A tick of this very moment."""
        self.exchange.on_tick(tick)
        self.pump()
        if self.trading is not None:
            wire.say(self.trading, tick)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends. Whoever talks nonsense is hung up on."""
        try:
            while (message := await wire.hear(reader, self.decoder)) is not None:
                self.hear(writer, message)
        except wire.Garbled:
            pass
        finally:
            if writer is self.trading:
                self.leave()
            writer.close()

    def hear(self, writer: asyncio.StreamWriter, message: Any) -> None:
        match message:
            case wire.Join():
                self._join(writer)
            case wire.Clock():
                wire.say(writer, wire.Time(self.now()))
            case _:
                if writer is self.trading:
                    self.receive(message)

    def leave(self) -> None:
        """The trading connection ends."""
        writer, self.trading = self.trading, None
        if writer is not None:
            self.exchange.disconnect(self.now())
            writer.close()

    def receive(self, request: Request) -> None:
        self.exchange.send(request, self.now())
        self.pump()

    def pump(self) -> None:
        """Send what has arrived at our end of the wire, and come back for the rest."""
        reports = self.exchange.poll(self.now())
        if self._memory is not None:
            self._memory.save(self.exchange.ledger, self._course)
            self._course = None
        for report in reports:
            # The other end notices by itself when it is connected.
            if self.trading is not None and not isinstance(report, Connection):
                self.tell(self.trading, report)
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None
        due = self.exchange.next_at()
        if due is not None:
            wait = min(1.0, max(WAIT_S_MIN, (due - self.now()) / 1e9))
            self._poll = asyncio.get_running_loop().call_later(wait, self.pump)

    def tell(self, writer: asyncio.StreamWriter, report: Report) -> None:
        wire.say(writer, report)
        if writer.transport.get_write_buffer_size() > UNREAD_MAX:
            self.leave()

    def _join(self, writer: asyncio.StreamWriter) -> None:
        self.leave()
        self.trading = writer
        capabilities = self.exchange.capabilities
        wire.say(writer, wire.Welcome(self.now(), self._instruments, capabilities))
        self.exchange.reconnect(self.now())
        self.pump()
