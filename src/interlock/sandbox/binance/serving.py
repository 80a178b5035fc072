"""The sandbox as a process: exchanges on ports of loopback, one market for all of them.

Decides when a tick happens. Invariant: it listens on loopback and nowhere else.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from litestar import Litestar
from msgspec import structs

from interlock.market.course import Course
from interlock.orders.grid import Grid
from interlock.orders.ticks import Tick
from interlock.sandbox.binance.app import HangingUp, application
from interlock.sandbox.binance.controls import Controls
from interlock.sandbox.binance.futures.control import FuturesControl
from interlock.sandbox.binance.futures.exchange import Futures
from interlock.sandbox.binance.futures.market import MarketViews
from interlock.sandbox.binance.futures.routes import FuturesRoutes
from interlock.sandbox.binance.gate import Gate
from interlock.sandbox.binance.hub import Hub
from interlock.sandbox.binance.limits import DAY_MS, MINUTE_MS, TEN_SECONDS_MS, Limits, Window
from interlock.sandbox.binance.spot.control import SpotControl
from interlock.sandbox.binance.spot.exchange import Spot
from interlock.sandbox.binance.spot.market import SpotViews
from interlock.sandbox.binance.spot.routes import SpotRoutes
from interlock.sandbox.binance.spot.socket import SpotSocket

HOST = "127.0.0.1"
KEY, SECRET = "sandbox-key", "sandbox-secret"
FUTURES_WEIGHT = 2_400
SPOT_WEIGHT = 6_000
COUNT_DOWN_S = 0.01
"""How often countdowns are looked at (VENUES 2.5)."""


class FuturesSandbox:
    """USD-M Futures. ``happen`` is a tick of this very moment."""

    def __init__(self, course: Course, hedge: bool, clock: Callable[[], int]) -> None:
        def now() -> int:
            """Never behind what the exchange has seen, whatever is done to the machine's clock."""
            return max(clock(), self.futures.exchange.now)

        self.hub = Hub(self._now_ms)
        self.futures = Futures(course.instruments, self.hub.tell_user, hedge)
        self.views = MarketViews(self.futures, self.hub)
        self.routes = FuturesRoutes(self.futures, self.hub, self.views)
        limits = Limits(
            FUTURES_WEIGHT,
            (Window(TEN_SECONDS_MS, 300), Window(MINUTE_MS, 1_200)),
            self._now_ms,
        )
        self.gate = Gate(self.routes.table(), {KEY: SECRET}, limits, now)
        counting = self.routes.countdowns
        acts = FuturesControl(self.futures, self.gate, self.hub, now, counting).acts()
        self.control = Controls(self.gate, self.hub, self._grid, self.happen, now, acts)

    def _grid(self, symbol: str) -> Grid:
        return self.futures.market(symbol).grid

    def _now_ms(self) -> int:
        return self.gate.now_ms()

    def happen(self, tick: Tick) -> None:
        self.futures.on_tick(tick)
        self.views.stream(tick)

    def pass_time(self, at: int) -> None:
        self.routes.count_down(at)

    def application(self) -> Litestar:
        return application(self.gate, self.hub, self.control)


class SpotSandbox:
    """Spot. ``happen`` is a tick of this very moment."""

    def __init__(self, course: Course, clock: Callable[[], int]) -> None:
        def now() -> int:
            """Never behind what the exchange has seen, whatever is done to the machine's clock."""
            return max(clock(), self.spot.exchange.now)

        self.hub = Hub(self._now_ms)
        self.spot = Spot(course.instruments, self.hub.tell_user)
        self.views = SpotViews(self.spot, self.hub)
        limits = Limits(
            SPOT_WEIGHT, (Window(TEN_SECONDS_MS, 100), Window(DAY_MS, 200_000)), self._now_ms
        )
        keys = {KEY: SECRET}
        self.gate = Gate(SpotRoutes(self.spot, self.views).table(), keys, limits, now)
        self.socket = SpotSocket(self.gate, self.hub, keys)
        acts = SpotControl(self.spot, self.gate, self.hub, now).acts()
        self.control = Controls(self.gate, self.hub, self._grid, self.happen, now, acts)

    def _grid(self, symbol: str) -> Grid:
        return self.spot.market(symbol).grid

    def _now_ms(self) -> int:
        return self.gate.now_ms()

    def happen(self, tick: Tick) -> None:
        self.spot.on_tick(tick)
        self.views.stream(tick)

    def pass_time(self, at: int) -> None:
        """Nothing here goes by the clock."""

    def application(self) -> Litestar:
        return application(self.gate, self.hub, self.control, self.socket.handlers())


Exchange = FuturesSandbox | SpotSandbox


class Sandbox:
    """The exchanges that were asked for, with a market that goes on by itself or by hand."""

    def __init__(
        self,
        course: Course,
        futures_port: int | None = None,
        hedge: bool = False,
        speed: float = 1.0,
        by_hand: bool = False,
        spot_port: int | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """A port of 0 is any free one. ``by_hand``: prices move through ``/sandbox/price``."""
        self._now = now
        self._course = course
        self._speed = speed
        self._by_hand = by_hand
        self.futures: FuturesSandbox | None = None
        self.futures_port = 0
        self.spot: SpotSandbox | None = None
        self.spot_port = 0
        self._sockets: list[tuple[socket.socket, Exchange]] = []
        if futures_port is not None:
            self.futures = FuturesSandbox(course, hedge, now)
            listening = listen(futures_port)
            self.futures_port = listening.getsockname()[1]
            self._sockets.append((listening, self.futures))
        if spot_port is not None:
            self.spot = SpotSandbox(course, now)
            listening = listen(spot_port)
            self.spot_port = listening.getsockname()[1]
            self._sockets.append((listening, self.spot))
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self, ready: Callable[["Sandbox"], None] = lambda _: None) -> None:
        """Until ``stop``."""
        servers = [_Web(web(exchange)) for _, exchange in self._sockets]
        tasks = [
            asyncio.create_task(server.serve(sockets=[listening]))
            for server, (listening, _) in zip(servers, self._sockets, strict=True)
        ]
        beside = [asyncio.create_task(self._count_down())]
        if not self._by_hand:
            beside.append(asyncio.create_task(self._market()))
        while not all(server.started for server in servers):
            await asyncio.sleep(0.005)
        ready(self)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait(
                [stopping, *tasks, *beside], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (stopping, *beside):
                task.cancel()
            for server in servers:
                server.should_exit = server.force_exit = True
            await asyncio.gather(stopping, *tasks, *beside, return_exceptions=True)
        for task in done:
            task.result()

    async def _market(self) -> None:
        loop = asyncio.get_running_loop()
        due, before = loop.time(), 0
        for tick in self._course.ticks(0, 0, "", lambda *_: None):
            due += max(0, tick.at - before) / 1e9 / self._speed if before else 0
            before = tick.at
            due = max(due, loop.time() - 1.0)
            await asyncio.sleep(max(0.0, due - loop.time()))
            for _, exchange in self._sockets:
                exchange.happen(structs.replace(tick, at=self._now()))

    async def _count_down(self) -> None:
        while True:
            await asyncio.sleep(COUNT_DOWN_S)
            for _, exchange in self._sockets:
                exchange.pass_time(self._now())


class _Web(uvicorn.Server):
    """Uvicorn without its own signals: the process ends in its own order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def web(exchange: Exchange) -> uvicorn.Config:
    return uvicorn.Config(
        exchange.application(),
        http=HangingUp,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
    )


def listen(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted ones inherit it
    found.bind((HOST, port))
    found.listen(256)
    found.setblocking(False)
    return found
