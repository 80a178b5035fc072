"""Binance USD-M Futures as a venue: one account, two order families, three streams.

Decides when the exchange is trusted. Invariants: nothing is believed of it before a connection has
everything asked again; a stream that is silent although something must have been told is dead.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

from interlock.orders.capabilities import Capabilities, IdPromise
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
    Position,
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
from interlock.venues.binance.desk import Desk, Doing
from interlock.venues.binance.ids import ClientIds
from interlock.venues.binance.questions import Questions
from interlock.venues.binance.settings import BinanceSettings

CAPABILITIES: Final = Capabilities(
    native_stop=True,
    native_amend=True,
    conditional_ids=True,
    fills_since=True,
    id_promise=IdPromise.UNIQUE_WHILE_OPEN,
    request_validity_ns=5_000_000_000,
    reply_timeout_ns=12_000_000_000,
)
"""The reply timeout is beyond the exchange's own ten seconds and the library's."""
KEEP_S: Final = 1_800.0
"""Between two extensions of the listen key, which lives for an hour."""
CLOCK_S: Final = 600.0
LISTING_S: Final = 60.0
TRADING: Final = "TRADING"
LIFE_S: Final = 23 * 3_600.0
"""The exchange ends a stream after 24 hours; we choose the moment."""
TOLD_S_MAX: Final = 10.0
"""The user stream tells of an accepted order within this, or it is dead."""
BACKOFF_S, BACKOFF_S_MAX = 0.5, 30.0
FINISHED_S: Final = 2.0
"""The event of an order and that of the algo order which became it come in either order."""
LEAVE_S_MAX: Final = 1.0
"""What is being asked has this long to end with its connection; a new one does not wait longer."""
RETRY_NS: Final = 1_000_000_000


class BinanceFutures:
    """One account. Implements ``venues.port.RemoteVenue``."""

    def __init__(
        self,
        settings: BinanceSettings,
        key: str,
        secret: str,
        now: Callable[[], int],
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._credentials = key, secret
        self._now = now
        self._told = told
        self._ids = ClientIds(settings.prefix)
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
        self.instruments: tuple[Instrument, ...] = ()
        self.joined = asyncio.Event()
        self.news: Callable[[], None] = lambda: None
        self.tick: Callable[[Tick], None] = lambda _: None
        self.welcomed: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def send(self, request: Request, at: int) -> None:
        account = self._account
        if account is not None and self.joined.is_set():
            if isinstance(request, Doing):
                self._begin(Desk(account).carry_out(request))
            else:
                self._begin(Questions(account).ask(request))
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

    def missing(self) -> None:
        """Say that there is no connection: at a start nobody has heard so."""
        self._heard.append(Connection(self._now(), self.name, False))

    # The connection

    async def run(self) -> None:
        """Stay connected for as long as this is not canceled."""
        failures, said = 0, ""
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
            await asyncio.sleep(most * (0.5 + random.random() / 2))

    def _leave(self) -> None:
        if self.joined.is_set():
            self.joined.clear()
            self.missing()
            self.news()

    async def _once(self, calls: Calls) -> str:
        """One connection from its beginning to its end, and what ended it."""
        loop = asyncio.get_running_loop()
        self._lost = loop.create_future()
        budget = Budget(loop.time)
        calls.on_headers(budget.heard)
        calls.on_message(self._message)
        account = Account(
            *(self.name, self._settings.account, calls, budget, self._ids, self._now),
            self._answered,
        )
        account.clock_is_off = lambda: self._begin(self._set_clock(calls))
        why = await self._prepared(calls, account)
        if why:
            return why
        try:
            ends = await self._streams(calls)
        except StreamLost as lost:
            return f"its streams cannot be opened ({lost})"
        self._account = account
        self._unheard.clear()
        self.joined.set()
        self.welcomed()
        self._tell(Connection(self._now(), self.name, True))
        for symbol, status in self._status.items():
            self._tell_status(symbol, status)
        beside = [asyncio.create_task(work) for work in self._upkeep(calls)]
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
        """Clock, instruments and position mode; why not, if not."""
        why = await self._set_clock(calls)
        if why:
            return why
        info = await calls.ask("GET", "exchangeInfo", {}, "fapiPublic")
        if isinstance(info, Failure):
            return f"its instruments cannot be read ({info.detail})"
        mode = await calls.ask("GET", "positionSide/dual", {})
        if isinstance(mode, Failure):
            return f"its position mode cannot be read ({mode.detail})"
        hedge = str(mode["dualSidePosition"]).lower() == "true"
        self._status = {
            one["symbol"]: one["status"]
            for one in info["symbols"]
            if one["symbol"] in self._settings.symbols
        }
        listed = listing.instruments(info, self._settings.symbols, self.name, hedge)
        missing = set(self._settings.symbols) - {one.symbol for one in listed}
        if missing:
            self._told(f"{self.name} does not list {', '.join(sorted(missing))}")
        self.instruments = tuple(one.instrument for one in listed)
        account.grids = {one.symbol: Grid(one.instrument) for one in listed}
        account.quotes = {one.symbol: one.quote for one in listed}
        return ""

    async def _set_clock(self, calls: Calls) -> str:
        before = self._now()
        told = await calls.ask("GET", "time", {}, "fapiPublic")
        if isinstance(told, Failure):
            return f"it cannot be reached ({told.detail})"
        middle = (before + self._now()) // 2
        calls.set_clock(int(told["serverTime"]) - middle // 1_000_000)
        return ""

    async def _streams(self, calls: Calls) -> list[Any]:
        key = await calls.ask("POST", "listenKey", {})
        if isinstance(key, Failure):
            raise StreamLost(key.detail)
        low = [symbol.lower() for symbol in self._settings.symbols]
        trades = "/".join(f"{one}@aggTrade/{one}@markPrice@1s" for one in low)
        quotes = "/".join(f"{one}@bookTicker" for one in low)
        return [
            await calls.follow(f"/private/ws?listenKey={key['listenKey']}"),
            await calls.follow(f"/market/stream?streams={trades}"),
            await calls.follow(f"/public/stream?streams={quotes}"),
        ]

    def _upkeep(self, calls: Calls) -> tuple[Coroutine[Any, Any, None], ...]:
        async def keep_key() -> None:
            while True:
                await asyncio.sleep(KEEP_S)
                kept = await calls.ask("PUT", "listenKey", {})
                if isinstance(kept, Failure) and kept.code == -1125:
                    self._end("its listen key has gone")

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
                    self._end("its user stream is silent")

        async def keep_listing() -> None:
            while True:
                await asyncio.sleep(LISTING_S)
                await self._look_at_listing(calls)

        return keep_key(), keep_clock(), watch(), keep_listing()

    async def _look_at_listing(self, calls: Calls) -> None:
        """Which symbols trade: halts, settlements and delistings are told nowhere else."""
        info = await calls.ask("GET", "exchangeInfo", {}, "fapiPublic")
        if isinstance(info, Failure):
            return
        for one in info["symbols"]:
            symbol, status = one["symbol"], one["status"]
            if symbol in self._settings.symbols and self._status.get(symbol) != status:
                self._status[symbol] = status
                self._tell_status(symbol, status)

    def _tell_status(self, symbol: str, status: str) -> None:
        name, trading = f"{symbol}.{self.name}", status == TRADING
        self._tell(InstrumentStatus(self._now(), name, trading, "" if trading else status))

    def _end(self, why: str) -> None:
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
            self._end("a bug while asking; everything is asked again")

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
        self._tell(report)

    def _tell(self, report: Report) -> None:
        account = self._account
        if isinstance(report, Canceled | Expired | Rejected) and account is not None:
            account.known.pop(report.client_id, None)
        self._heard.append(report)
        self.news()

    def _told_of(self, client_id: str) -> Known | None:
        """The stream tells of an order: it is alive."""
        self._unheard.pop(client_id, None)
        known = self._account.known.get(client_id) if self._account is not None else None
        if known is not None:
            known.told = True
        return known

    def _message(self, url: str, message: Any) -> None:
        if not isinstance(message, dict):
            return
        event = message.get("data", message)
        match event.get("e"):
            case "ORDER_TRADE_UPDATE":
                self._order_event(event["o"])
            case "ALGO_UPDATE":
                self._algo_event(event["o"])
            case "ACCOUNT_UPDATE":
                self._account_event(event)
            case "listenKeyExpired":
                self._end("its listen key has expired")
            case "aggTrade" | "bookTicker" | "markPriceUpdate":
                self._market_event(event)

    def _order_event(self, o: dict[str, Any]) -> None:
        account = self._account
        grid = account.grids.get(o["s"]) if account is not None else None
        if account is None or grid is None:
            return
        account.note(str(o["i"]), o["c"])
        client_id = self._ids.ours(o["c"])
        if client_id is None:
            if o["x"] in ("TRADE", "CALCULATED"):
                self._stray.add(o["s"])
            return
        known = self._told_of(client_id)
        asked = known is not None and known.canceling
        if known is not None:
            known.conditional = False
        if o["X"] == "FILLED":
            account.known.pop(client_id, None)
        for report in events.of_order(
            client_id, o, grid, account.quotes[o["s"]], self._now(), asked
        ):
            self._tell(report)

    def _algo_event(self, o: dict[str, Any]) -> None:
        account, client_id = self._account, self._ids.ours(o["caid"])
        if account is None or client_id is None:
            return
        known = self._told_of(client_id)
        asked = known is not None and known.canceling
        for report in events.of_algo(client_id, o, self._now(), asked):
            self._tell(report)
        if o["X"] == "FINISHED":
            asyncio.get_running_loop().call_later(FINISHED_S, self._doubt, client_id)

    def _doubt(self, client_id: str) -> None:
        """Its order is over, one way or the other, and no event has said which."""
        if self._account is not None and client_id in self._account.known:
            detail = "the algo order is finished, and nothing was told of its order"
            self._tell(OutcomeUnknown(self._now(), client_id, detail))

    def _account_event(self, event: dict[str, Any]) -> None:
        """Positions matter where somebody else had a hand in them; ours we book by their fills."""
        account, update = self._account, event["a"]
        if account is None:
            return
        now = self._now()
        for one in update.get("P", ()):
            grid = account.grids.get(one["s"])
            if grid is None or (update["m"] == "ORDER" and one["s"] not in self._stray):
                continue
            shown = {"symbol": one["s"], "positionSide": one["ps"], "positionAmt": one["pa"]}
            for report in events.of_positions(
                self._settings.account, self.name, {one["s"]: grid}, [shown], now, now
            ):
                assert isinstance(report, Position)
                self._tell(report)
        self._stray.clear()

    def _market_event(self, event: dict[str, Any]) -> None:
        grid = self._account.grids.get(event["s"]) if self._account is not None else None
        if grid is None:
            return
        name, now = f"{event['s']}.{self.name}", self._now()
        if event["e"] == "aggTrade":
            quantity = events.units(grid, event["q"])
            aggressor = -1 if event["m"] else 1
            self.tick(Trade(name, now, events.price(grid, event["p"]), quantity, aggressor))
        elif event["e"] == "bookTicker":
            sizes = events.units(grid, event["B"]), events.units(grid, event["A"])
            best = events.price(grid, event["b"]), events.price(grid, event["a"])
            self.tick(Quote(name, now, best[0], sizes[0], best[1], sizes[1]))
        else:
            self.tick(Mark(name, now, events.rounded(grid, event["p"])))
