"""The paper exchange inside this process, in real time, with its market.

Decides when the exchange is asked for its reports and when a tick of a made-up or recorded market
happens now. Invariant: the exchange has seen a tick before the line does, and what it says of it
reaches the line first.
"""

import asyncio
from collections.abc import Callable, Iterator

import msgspec

from interlock.orders.capabilities import Capabilities
from interlock.orders.reports import Report
from interlock.orders.requests import Request
from interlock.orders.ticks import Tick
from interlock.runtime.live import Live
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.memory import Course, PaperMemory
from interlock.venues.paper.pacing import paced
from interlock.venues.port import VenueHealth

WAIT_S_MIN = 0.0002


class Embedded:
    """One paper exchange. Implements ``venues.port.Venue`` for a line in this process."""

    def __init__(
        self, exchange: PaperExchange, now: Callable[[], int], memory: PaperMemory | None = None
    ) -> None:
        self.exchange = exchange
        self._memory = memory
        self._now = now
        self._live: Live | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._course: Course | None = None

    @property
    def name(self) -> str:
        return self.exchange.name

    @property
    def capabilities(self) -> Capabilities:
        return self.exchange.capabilities

    def send(self, request: Request, at: int) -> None:
        self.exchange.send(request, at)
        asyncio.get_running_loop().call_soon(self._pump)

    def poll(self, at: int) -> list[Report]:
        return self.exchange.poll(at)

    def next_at(self) -> int | None:
        return self.exchange.next_at()

    def health(self) -> VenueHealth:
        return self.exchange.health()

    def open(self, live: Live) -> None:
        """From here on reports go to this line."""
        self._live = live
        self._pump()

    def note(self, number: int, played: int, price: str) -> None:
        """Where the market is: kept with what the exchange made of it."""
        self._course = Course(number, played, price)

    async def market(self, ticks: Iterator[Tick], speed: float) -> None:
        """Let the ticks happen, ``speed`` times as fast as they did, as if it were now."""
        async for tick in paced(ticks, speed):
            self.happen(msgspec.structs.replace(tick, at=self._now()))

    def happen(self, tick: Tick) -> None:
        """A tick of this very moment."""
        assert self._live is not None
        self.exchange.on_tick(tick)
        self._pump()
        self._live.tick(tick)

    def _pump(self) -> None:
        if self._live is not None:
            self._live.guarded(self._hand_over)

    def _hand_over(self) -> None:
        """Hand over what has arrived, and come back for the rest."""
        if self._live is None or self._live.over:
            return
        reports = self.exchange.poll(self._now())
        if self._memory is not None:
            self._memory.save(self.exchange.ledger, self._course)
            self._course = None
        if reports:
            self._live.hear(reports)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.exchange.next_at()
        if due is not None:
            wait = min(1.0, max(WAIT_S_MIN, (due - self._now()) / 1e9))
            self._timer = asyncio.get_running_loop().call_later(wait, self._pump)
