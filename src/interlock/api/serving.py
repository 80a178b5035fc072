"""Serving: one process with its journal, its venues, its line and its doors.

Decides the order in which things begin and end. Invariant: nobody is let in before the line has
recovered, and at the end nobody is let in any more before the last commit is made.
"""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import uvicorn

from interlock import __version__
from interlock.api import credentials, openapi, table, venues
from interlock.api.access.errors import AccessError
from interlock.api.access.opening import JOURNAL, Access
from interlock.api.alerting import alerts
from interlock.api.alerting.alerts import Alerts
from interlock.api.alerting.channels import Channel
from interlock.api.alerting.events import Events
from interlock.api.alerting.outbox import Outbox
from interlock.api.app import application, from_seq, wanted
from interlock.api.batch import Batches
from interlock.api.config import AlertsPart
from interlock.api.credentials import Credentials
from interlock.api.desk import Desk
from interlock.api.door import Door, Entrance
from interlock.api.killing import Killing
from interlock.api.limiting import Limiting
from interlock.api.logs import Log
from interlock.api.metrics import Health, Metrics
from interlock.api.orders import Orders
from interlock.api.pages import Pages
from interlock.api.problems import Problem
from interlock.api.queries import Queries
from interlock.api.reconciling import Reconciling
from interlock.api.risks import Risks
from interlock.api.route import Asked, Reply, Route
from interlock.api.signals import Signals
from interlock.api.streams import Facts, Streams, sse
from interlock.journal.errors import JournalUnavailable
from interlock.journal.sealed_projection import tables_of
from interlock.journal.sealing import Sealer
from interlock.journal.sqlite import SqliteJournal
from interlock.market.course import Course
from interlock.orders.capabilities import Capabilities
from interlock.runtime.calendars import Calendars
from interlock.runtime.clock import SteadyClock
from interlock.runtime.collector import calm, give_way
from interlock.runtime.embedded import Embedded
from interlock.runtime.emptying import Emptying
from interlock.runtime.errors import RuntimeTrouble
from interlock.runtime.fanout import Fanout
from interlock.runtime.line import Line
from interlock.runtime.linked import open_to, reached
from interlock.runtime.live import SLICE, Live
from interlock.runtime.prices import Prices
from interlock.runtime.reconciling import Reconciling as Venues
from interlock.venues.binance.settings import BinanceSettings
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.link import Link
from interlock.venues.paper.memory import PaperMemory
from interlock.venues.port import RemoteVenue

PAPER = Capabilities(native_oco=True, native_stop=True, native_amend=True)
"""What the paper exchange of a server can."""
KEEP_S = 0.2
GRACE_S = 10.0
"""Requests that were let in have this long to be answered at the end."""


@dataclass(slots=True)
class Settings:
    """What one server is made of."""

    folder: Path
    market: Course
    host: str = "127.0.0.1"
    port: int = 8460
    speed: float = 1.0
    environment: str = "paper"
    tls: tuple[Path, Path] | None = None
    """Certificate and key."""
    venue: tuple[str, int] | None = None
    """Where a paper venue in a process of its own listens; None for one in this process."""
    binance: BinanceSettings | None = None
    """The account at Binance that is traded; None for the paper exchange."""
    calendars: dict[str, str] = field(default_factory=dict)
    """Calendars by instrument or venue."""
    alerts: AlertsPart = field(default_factory=AlertsPart)
    channels: list[Channel] = field(default_factory=list)
    """Where a person is told."""
    slice: int = SLICE
    """Inputs decided on in one turn of the loop."""
    calm: bool = True
    """Whether garbage collector and threads are told that orders live long and reports hurry."""
    encrypt: bool = False
    """Whether journal, tables and paper orders lie on the disk under the master key."""
    cooling_off: str = "people"
    """Who is held to ``cooling_off_s``: people, or everybody."""
    log: Log = field(default_factory=lambda: Log(None))

    def told(self, what: str) -> None:
        self.log.told(what)


class Server:
    """One life of it."""

    def __init__(
        self, settings: Settings, access: Access, entrance: Entrance | None = None
    ) -> None:
        """``entrance`` lets people in instead of ``access``, where a test wants that."""
        self.settings = settings
        self.access = access
        told = settings.told
        self.calendars = Calendars(settings.calendars)
        settings.folder.mkdir(parents=True, exist_ok=True)
        folder = settings.folder / "journal"
        key = access.vault.derive(JOURNAL) if settings.encrypt else None
        self.journal = SqliteJournal(folder, verify="tail", warn=told, key=key)
        self.exchange: PaperExchange | None = None
        self.memory: PaperMemory | None = None
        self.venue = self._made()
        self.fanout = Fanout()
        venues = {self.venue.name: self.venue}
        self.alerts = self._telling()
        listeners = [self.fanout.listen, self.alerts.listen]
        self.line = Line(self.journal, venues, frame_listeners=listeners)
        self.line.recover()
        self.clock = SteadyClock(self.line.now, told=told)
        self.projection = tables_of(folder, self.journal.sealer, told)
        self.entrance: Entrance = entrance or access
        self.metrics = Metrics()
        self.pages = Pages()
        self.port = settings.port
        self._asked_to_stop = asyncio.Event()
        self.hears_signals = True
        """Only a process's main thread can."""

    def _made(self) -> Embedded | RemoteVenue:
        settings = self.settings
        if settings.binance is not None:
            return venues.binance(settings.binance, self.access, self.now, settings.told)
        if settings.venue is not None:
            return self._linked(settings.venue)
        return self._embedded()

    def _telling(self) -> Alerts:
        settings, asked = self.settings, self.settings.alerts
        events = Events(asked.events, asked.templates, settings.environment)
        rates = asked.per_minute, asked.reserve, asked.dedupe_s * 1_000_000_000
        file = settings.folder / alerts.NAME
        return Alerts(events, settings.channels, lambda: Outbox(*rates), file, settings.told)

    def _linked(self, address: tuple[str, int]) -> Link:
        return Link("PAPER", address, PAPER, self.now, self.settings.told)

    def _embedded(self) -> Embedded:
        """The venue in this process, as it was left."""
        self.exchange = PaperExchange("PAPER", self.settings.market.instruments, PAPER)
        paper = Sealer(self.access.vault.derive("paper")), self.settings.encrypt
        self.memory = PaperMemory(self.settings.folder / "paper.db", *paper)
        self.course = self.memory.recall(self.exchange)
        return Embedded(self.exchange, self.now, self.memory)

    def now(self) -> int:
        return self.clock.now()

    async def run(self, ready: Callable[["Server"], None] = lambda _: None) -> None:
        """Serve until SIGTERM or Ctrl-C, or until something goes wrong."""
        listening, settings = self._listen(), self.settings
        work = (self.journal.checkpoint,)
        self.live = Live(
            *(self.line, self.clock, work),
            told=settings.told,
            alone=False,
            most=settings.slice,
        )
        tail = self.line.commits.tail
        self.alerts.begin(self.line.state, self.journal, self.line.state.seq, tail.n)
        market = asyncio.create_task(self._market())
        await self._open_venue()
        self.desk = Desk(self.live, self.journal, self.projection)
        self.venues = Venues(self.live)
        self.emptying = Emptying(self.live)
        self.door = Door(self.entrance, self.metrics, settings.log, settings.environment)
        self.prices = Prices(lambda symbol: self.line.state.markets[symbol].grid)
        self.live.on_tick.append(self.prices.hear)
        self.streams = Streams(self.desk, self.fanout, self.entrance.alive, self.prices)
        self._cut_when_ended()
        if settings.calm:
            calm()
            give_way()
        web = _Web(self._web())
        begin = asyncio.create_task
        serving = begin(web.serve(sockets=[listening]))
        sessions = self.calendars.keep(self._symbols, self.now, self.live.tell, settings.told)
        tasks = [begin(self.live.run()), serving, market, begin(self._keep()), begin(sessions)]
        for number in (signal.SIGTERM, signal.SIGINT) if self.hears_signals else ():
            asyncio.get_running_loop().add_signal_handler(number, self.stop)
        for beside in tasks[2:]:
            beside.add_done_callback(self._ended)
        stopping = begin(self._asked_to_stop.wait())
        try:
            while not web.started and not serving.done():
                await asyncio.sleep(0.005)
            ready(self)
            await asyncio.wait([stopping, *tasks[:2]], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._last_answers()
            self.emptying.end()
            if stopping.done() and not any(map(failed, tasks)):
                await self._part()
            self.live.stop()
            for task in (stopping, *tasks[2:]):
                task.cancel()
            web.should_exit = web.force_exit = True
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            self.desk.close()
            lost = [one for one in ended if isinstance(one, JournalUnavailable)]
            if lost:
                self.alerts.last_words(*self._lost(lost[0]))
            self.close()
        for fault in ended:
            if isinstance(fault, BaseException) and not isinstance(fault, asyncio.CancelledError):
                raise fault

    def _lost(self, trouble: JournalUnavailable) -> tuple[str, str]:
        where = f"{self.settings.environment}: the journal cannot be written, and the server stops"
        left = "Entries are recalled, exits stay. Nothing is triggered here until it runs again."
        return where, f"{trouble}. {left}"

    def _listen(self) -> socket.socket:
        """The port, before anything else: a second server on it must end without a trace."""
        host, port = self.settings.host, self.settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
            found.listen(1_024)
        except OSError as error:
            found.close()
            raise RuntimeTrouble(
                f"cannot listen on {host} port {port}: {error.strerror}. Is another server there? "
                f"Choose a port with --port, or 0 for any free one."
            ) from error
        found.setblocking(False)
        self.port = found.getsockname()[1]
        return found

    def _web(self) -> uvicorn.Config:
        events, metrics = table.stream_routes(self._events, self._metrics)
        routes = [*self._routes(), events, metrics]
        self.pages.document = openapi.document(routes, __version__)
        stream = replace(events, path="/v1/stream")
        app = application(routes, stream, self.door, self.streams, self.settings.log)
        certificate, key = self.settings.tls or (None, None)
        return uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            server_header=False,
            proxy_headers=False,  # an address that anybody can claim is no address
            date_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )

    async def _open_venue(self) -> None:
        if isinstance(self.venue, Embedded):
            self.live.start(self.settings.market.instruments)
            self.venue.open(self.live)
            return
        await reached(self.venue)
        self.live.start(self.venue.instruments)
        open_to(self.venue, self.live)

    async def _part(self) -> None:
        """Such an end was asked for: the venue is not to act on it. On a fault it is."""
        if not isinstance(self.venue, Embedded):
            await self.venue.part()

    def _symbols(self) -> list[str]:
        return list(self.line.state.markets)

    async def _market(self) -> None:
        if not isinstance(self.venue, Embedded):
            await self.venue.run()
            return
        at = self.course
        ticks = self.settings.market.ticks(at.round, at.played, at.price, self.venue.note)
        await self.venue.market(ticks, self.settings.speed)

    async def _last_answers(self) -> None:
        """Nobody new is let in; who was, is answered."""
        self.door.closing = True
        if not self.live.over:
            try:
                await asyncio.wait_for(self.door.empty.wait(), GRACE_S)
            except TimeoutError:
                self.settings.told("some requests were still open")

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Market and upkeep may end, but not with a fault."""
        if failed(task):
            self.stop()

    def stop(self) -> None:
        """End as asked: who was let in is answered, and what was decided is kept."""
        self._asked_to_stop.set()

    def close(self) -> None:
        # The tables are not brought up to date first: after a burst that takes tens of seconds, and
        # whoever reads them does it anyway.
        self.alerts.close()
        self.projection.close()
        self.journal.close()
        if self.memory is not None:
            self.memory.close()

    def _routes(self) -> list[Route]:
        halted = self.access.halts.refusal
        everybody = self.settings.cooling_off == "everybody"
        orders, queries = Orders(self.desk, halted, everybody), Queries(self.desk)
        health = Health(self.desk, self.settings.environment)
        return [
            *table.placing_routes(orders, Batches(self.desk, halted, self.entrance.take)),
            *table.changing_routes(orders),
            *table.sweeping_routes(orders),
            *table.query_routes(queries),
            *table.world_routes(queries),
            *table.health_routes(health),
            *Risks(self.desk).routes(),
            *Limiting(self.desk).routes(),
            *Signals(self.desk).routes(),
            *Reconciling(self.venues).routes(),
            *credentials.routes(Credentials(self.access)),
            *Killing(self.desk, self.access, self.emptying).routes(),
            *self.pages.routes(),
        ]

    async def _metrics(self, asked: Asked) -> Reply:
        page = self.metrics.page(self.desk, self.streams.count)
        return Reply(page, media_type="text/plain; version=0.0.4")

    async def _events(self, asked: Asked) -> Reply | Problem:
        what = wanted(asked, self.streams)
        if isinstance(what, Problem):
            return what
        first = from_seq(asked.query, asked.headers)
        events = self.streams.follow(asked.caller, asked.address, what, first)

        async def lines() -> AsyncIterator[bytes]:
            async for event in events:
                if isinstance(event, Facts):
                    yield event.sse
                else:
                    yield sse(event.kind, event.seq, event.data)

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Reply(stream=lines(), media_type="text/event-stream", headers=headers)

    def _cut_when_ended(self) -> None:
        """Whoever ends a key, a session or everything may be on another thread."""
        loop = asyncio.get_running_loop()

        def look_again(*_: object) -> None:
            loop.call_soon_threadsafe(self.streams.look_again)

        self.access.keys.on_revoked.append(look_again)
        self.access.sessions.on_ended.append(look_again)
        self.access.halts.on_halted.append(look_again)

    async def _keep(self) -> None:
        """Beside the line, now and then: what access has to write and hear."""
        run = asyncio.get_running_loop().run_in_executor
        while True:
            await asyncio.sleep(KEEP_S)
            try:
                await run(None, self.access.flush)
            except AccessError as trouble:  # it is tried again: no reason to leave the market
                self.settings.told(str(trouble))


def failed(task: "asyncio.Task[None]") -> bool:
    """Whether a task has ended with a fault."""
    return task.done() and not task.cancelled() and task.exception() is not None


class _Web(uvicorn.Server):
    """Uvicorn without its own signals: the process ends in its own order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
