"""A connection to the exchange: it comes and goes, and everything is asked again when it comes.

Decides when the exchange is trusted. Invariants: nothing is believed of it before a connection has
everything asked again; a stream that is silent although something must have been told is dead.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from interlock.orders.capabilities import Capabilities
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.reports import (
    Acknowledged,
    AmendRefused,
    Canceled,
    Connection,
    Expired,
    InstrumentStatus,
    OutcomeUnknown,
    Rejected,
    Report,
    VenueReject,
)
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    Request,
    SubmitVenueList,
    SubmitVenueOrder,
)
from interlock.orders.ticks import Mark, Quote, Tick, Trade
from interlock.venues.binance import events, listing
from interlock.venues.binance.account import Account, Known
from interlock.venues.binance.answers import Failure
from interlock.venues.binance.budget import Budget
from interlock.venues.binance.calls import Calls, StreamLost
from interlock.venues.binance.countdown import Countdown
from interlock.venues.binance.desk import Desk, Doing
from interlock.venues.binance.ids import ClientIds
from interlock.venues.binance.questions import Questions
from interlock.venues.binance.settings import BinanceSettings
from interlock.venues.binance.wording import Wording
from interlock.venues.port import VenueHealth

CLOCK_S: Final = 600.0
LISTING_S: Final = 60.0
TRADING: Final = "TRADING"
UNLISTED: Final = "not listed"
OVER: Final = frozenset((UNLISTED, "CLOSE", "DELIVERED"))
"""Statuses of symbols that are delisted; the others that are not ``TRADING`` are halts."""
LIFE_S: Final = 23 * 3_600.0
"""The exchange ends a stream after 24 hours; we choose the moment."""
TOLD_S_MAX: Final = 10.0
"""The user stream tells of an accepted order within this, or it is dead."""
BACKOFF_S, BACKOFF_S_MAX = 0.5, 30.0
LEAVE_S_MAX: Final = 1.0
"""What is being asked has this long to end with its connection; a new one does not wait longer."""
LIMITED: Final = (418, 429)
RETRY_NS: Final = 1_000_000_000


class BinanceLink(ABC):
    """One account. Implements ``venues.port.RemoteVenue`` but for what a market says and how."""

    def __init__(
        self,
        settings: BinanceSettings,
        key: str,
        secret: str,
        now: Callable[[], int],
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._can, self._wording = self.of_market()
        self._settings = settings
        self._credentials = key, secret
        self._now = now
        self._told = told
        self._ids = ClientIds(settings.prefix, self._wording.dot)
        self._heard: list[Report] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._account: Account | None = None
        self._lost: asyncio.Future[str] | None = None
        self._unheard: dict[str, float] = {}
        """Accepted orders that the user stream has not told of, and since when."""
        self._status: dict[str, str] = {}
        """Of each symbol, as the exchange last listed it."""
        self._stray: set[str] = set()
        """Symbols in which somebody else traded."""
        self._since = 0
        """When the connection came or went, ns UTC."""
        self._heard_at = 0
        self._ahead_ms: int | None = None
        self._budget: Budget | None = None
        self.instruments: tuple[Instrument, ...] = ()
        self.joined = asyncio.Event()
        self.news: Callable[[], None] = lambda: None
        self.tick: Callable[[Tick], None] = lambda _: None
        self.welcomed: Callable[[], None] = lambda: None
        self.counted: Callable[[], frozenset[str] | None] = lambda: None
        self._countdown = Countdown(settings.countdown_ms, settings.countdown_file, self._say)

    # What a market is

    @abstractmethod
    def of_market(self) -> tuple[Capabilities, Wording]:
        """What it can, and its words."""

    def desk(self, account: Account) -> Desk:
        return Desk(account)

    def questions(self, account: Account) -> Questions:
        return Questions(account)

    @abstractmethod
    async def prepared(self, calls: Calls, account: Account) -> str:
        """Learn its instruments; why not, if not."""

    @abstractmethod
    async def streams(self, calls: Calls) -> list[Any]:
        """Open them; gives what is done when one has ended. Raises ``StreamLost``."""

    def upkeep(self, calls: Calls) -> tuple[Coroutine[Any, Any, None], ...]:
        """What has to go on beside a connection."""
        return ()

    @abstractmethod
    def hear(self, event: dict[str, Any]) -> None:
        """One message of any stream."""

    # The venue port

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def capabilities(self) -> Capabilities:
        return self._can

    def send(self, request: Request, at: int) -> None:
        account = self._account
        if account is not None and self.joined.is_set():
            if isinstance(request, Doing):
                self._begin(self.desk(account).carry_out(request))
            else:
                self._begin(self.questions(account).ask(request))
            return
        orders = request.orders if isinstance(request, SubmitVenueList) else (request,)
        for order in orders:
            if isinstance(order, SubmitVenueOrder):
                # It was never sent, so nothing of it can be there.
                code = VenueReject.RATE_LIMITED
                again = at + RETRY_NS
                self._heard.append(Rejected(at, order.client_id, code, "not connected", again))
            elif isinstance(order, CancelVenueOrder):
                self._heard.append(OutcomeUnknown(at, order.client_id, "not connected"))
            elif isinstance(order, AmendVenueOrder):
                refused = VenueReject.RATE_LIMITED
                self._heard.append(
                    AmendRefused(at, order.client_id, order.request, refused, "not connected")
                )
        asyncio.get_running_loop().call_soon(lambda: self.news())

    def poll(self, at: int) -> list[Report]:
        heard, self._heard = self._heard, []
        return heard

    def next_at(self) -> int | None:
        return None

    def health(self) -> VenueHealth:
        """Weight and blocks are those of the connection that is, or of the last one."""
        used: tuple[int | None, int | None] = (None, None)
        blocked_until, budget = 0, self._budget
        if budget is not None:
            used = budget.weight
            if budget.blocked_s:
                blocked_until = self._now() + int(budget.blocked_s * 1e9)
        up = self.joined.is_set()
        heard = up, self._since, self._heard_at, self._ahead_ms
        counting = self._countdown.armed(self._now() // 1_000_000 + (self._ahead_ms or 0))
        return VenueHealth(*heard, *used, blocked_until, counting)

    async def part(self) -> None:
        """The server ends as asked."""
        if self._account is not None and self.joined.is_set() and self._settings.countdown_ms:
            await self._countdown.part(self._account)

    def _say(self, what: str) -> None:
        self._told(f"{self.name}: {what}")

    def missing(self) -> None:
        """Say that there is no connection: at a start nobody has heard so."""
        self._heard.append(Connection(self._now(), self.name, False))

    # The connection

    async def run(self) -> None:
        """Stay connected for as long as this is not canceled."""
        failures, said, self._since = 0, "", self._now()
        while True:
            calls = Calls(self._settings, *self._credentials, self._now)
            try:
                why = await self._once(calls)
                failures = 0 if self.joined.is_set() else failures + 1
            finally:
                self._leave()
                await calls.hang_up()
                if self._tasks:
                    await asyncio.wait(self._tasks, timeout=LEAVE_S_MAX)
            if why != said:
                self._told(f"{self.name}: {why}; it is tried again and again")
            said = why
            most = min(BACKOFF_S_MAX, BACKOFF_S * 2**failures)
            blocked_s = self._budget.blocked_s if self._budget is not None else 0.0
            await asyncio.sleep(max(blocked_s, most * (0.5 + random.random() / 2)))

    def _refused(self, failure: Failure) -> None:
        """Before there is an account to heed it, a limit or a ban is heeded here."""
        if not self.joined.is_set() and self._budget is not None and failure.status in LIMITED:
            self._budget.block(failure.retry_after_s)

    def _leave(self) -> None:
        if self.joined.is_set():
            self.joined.clear()
            self._since = self._now()
            self.missing()
            self.news()

    async def _once(self, calls: Calls) -> str:
        """One connection from its beginning to its end, and what ended it."""
        loop = asyncio.get_running_loop()
        self._lost = loop.create_future()
        if self._budget is None:
            self._budget = Budget(loop.time, dict(self._wording.limits))
        budget = self._budget

        def answered(headers: Mapping[str, str]) -> None:
            self._heard_at = self._now()
            budget.heard(headers)

        calls.on_headers(answered)
        calls.on_refused(self._refused)
        calls.on_message(self._message)
        account = Account(
            *(self.name, self._settings.account, calls, budget, self._ids, self._now),
            *(self._answered, self._wording),
        )
        account.fired = self._countdown.fired
        account.clock_is_off = lambda: self._begin(self._set_clock(calls))
        why = await self._prepared(calls, account)
        if why:
            return why
        try:
            ends = await self.streams(calls)
        except StreamLost as lost:
            return f"its streams cannot be opened ({lost})"
        self._account = account
        self._unheard.clear()
        self._since = self._now()
        self.joined.set()
        self.welcomed()
        self.report(Connection(self._now(), self.name, True))
        for symbol, status in self._status.items():
            self._tell_status(symbol, status)
        beside = [asyncio.create_task(work) for work in (*self._upkeep(calls), *self.upkeep(calls))]
        try:
            waited = [asyncio.ensure_future(end) for end in ends]
            done, _ = await asyncio.wait(
                [self._lost, *waited, *beside],
                timeout=LIFE_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if self._lost.done():
                return self._lost.result()
            for task in beside:
                if task in done:
                    task.result()
            return "a stream has ended" if done else "its streams are renewed once a day"
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _prepared(self, calls: Calls, account: Account) -> str:
        return await self._set_clock(calls) or await self.prepared(calls, account)

    def listed(self, account: Account, info: dict[str, Any], hedge: bool) -> None:
        """Take the instruments that are traded from what the exchange lists."""
        self._status = self._statuses(info)
        listed = listing.instruments(info, self._settings.symbols, self.name, hedge)
        missing = set(self._settings.symbols) - {one.symbol for one in listed}
        if missing:
            self._told(f"{self.name} does not list {', '.join(sorted(missing))}")
        self.instruments = tuple(one.instrument for one in listed)
        account.grids = {one.symbol: Grid(one.instrument) for one in listed}
        account.quotes = {one.symbol: one.quote for one in listed}

    async def _set_clock(self, calls: Calls) -> str:
        before = self._now()
        told = await calls.ask("GET", "time", {}, self._wording.public)
        if isinstance(told, Failure):
            return f"it cannot be reached ({told.detail})"
        middle = (before + self._now()) // 2
        self._ahead_ms = int(told["serverTime"]) - middle // 1_000_000
        calls.set_clock(self._ahead_ms)
        return ""

    def _upkeep(self, calls: Calls) -> tuple[Coroutine[Any, Any, None], ...]:
        async def keep_clock() -> None:
            while True:
                await asyncio.sleep(CLOCK_S)
                await self._set_clock(calls)

        async def watch() -> None:
            """Traffic that is due and does not come: the socket may be open and dead."""
            while True:
                await asyncio.sleep(TOLD_S_MAX / 4)
                now = asyncio.get_running_loop().time()
                if any(now - since > TOLD_S_MAX for since in self._unheard.values()):
                    self.end("its user stream is silent")

        async def keep_listing() -> None:
            while True:
                await asyncio.sleep(LISTING_S)
                await self._look_at_listing(calls)

        return keep_clock(), watch(), keep_listing()

    async def _look_at_listing(self, calls: Calls) -> None:
        """Which symbols trade: halts, settlements and delistings are told nowhere else."""
        info = await calls.ask("GET", "exchangeInfo", {}, self._wording.public)
        if isinstance(info, Failure):
            return
        for symbol, status in self._statuses(info).items():
            if self._status.get(symbol) != status:
                self._status[symbol] = status
                self._tell_status(symbol, status)

    def _statuses(self, info: dict[str, Any]) -> dict[str, str]:
        """Of every symbol that is traded here, whether it is listed or not."""
        listed = {one["symbol"]: one["status"] for one in info["symbols"]}
        return {symbol: listed.get(symbol, UNLISTED) for symbol in self._settings.symbols}

    def _tell_status(self, symbol: str, status: str) -> None:
        name, trading = f"{symbol}.{self.name}", status == TRADING
        detail = "" if trading else status
        self.report(InstrumentStatus(self._now(), name, trading, detail, status in OVER))

    def end(self, why: str) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(why)

    def _begin(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._told(f"{self.name}: a bug while asking: {task.exception()!r}")
            self.end("a bug while asking; everything is asked again")

    # What is heard

    def _answered(self, report: Report) -> None:
        """A report from an answer: the stream must tell of an accepted order as well."""
        account = self._account
        halted = isinstance(report, Rejected) and report.code is VenueReject.HALTED
        if halted and account is not None:
            self._begin(self._look_at_listing(account.calls))
        if isinstance(report, Acknowledged) and account is not None:
            known = account.known.get(report.client_id)
            if known is not None and not known.told:
                self._unheard[report.client_id] = asyncio.get_running_loop().time()
        self.report(report)

    def report(self, report: Report) -> None:
        account = self._account
        if isinstance(report, Canceled | Expired | Rejected) and account is not None:
            account.known.pop(report.client_id, None)
        self._heard.append(report)
        self.news()

    def told_of(self, client_id: str) -> Known | None:
        """The stream tells of an order: it is alive."""
        self._unheard.pop(client_id, None)
        known = self._account.known.get(client_id) if self._account is not None else None
        if known is not None:
            known.told = True
        return known

    def _message(self, url: str, message: Any) -> None:
        self._heard_at = self._now()
        if isinstance(message, dict):
            self.hear(message)

    def market_event(self, event: dict[str, Any]) -> None:
        """A trade, a quote or a mark, as every market tells them; spot's quotes have no name."""
        grid = self._account.grids.get(event["s"]) if self._account is not None else None
        if grid is None:
            return
        name, now = f"{event['s']}.{self.name}", self._now()
        if event.get("e") == "aggTrade":
            quantity = events.units(grid, event["q"])
            aggressor = -1 if event["m"] else 1
            self.tick(Trade(name, now, events.price(grid, event["p"]), quantity, aggressor))
        elif event.get("e", "bookTicker") == "bookTicker":
            sizes = events.units(grid, event["B"]), events.units(grid, event["A"])
            best = events.price(grid, event["b"]), events.price(grid, event["a"])
            self.tick(Quote(name, now, best[0], sizes[0], best[1], sizes[1]))
        else:
            self.tick(Mark(name, now, events.rounded(grid, event["p"])))
