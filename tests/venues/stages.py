"""Stages for the venue port's contract: one venue each, at 30 000, with hands on its market.

A remote stage runs its loop only while something is waited for, so that cases read the same for a
venue in memory and for one over a socket. Everything has a deadline.
"""

import asyncio
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import uvloop
from msgspec.structs import replace
from tests.sandbox.house import SYMBOL, Exchange, SpotExchange

from interlock.market.generator import BTC
from interlock.orders.capabilities import Capabilities
from interlock.orders.grid import Grid
from interlock.orders.instruments import Fees, PositionMode, PriceBand
from interlock.orders.legs import PositionSide
from interlock.orders.reports import Acknowledged, Canceled, Connection, OrderStatus, Report
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    QueryPosition,
    QueryVenueOrder,
    Request,
    SubmitVenueOrder,
    VenueOrderType,
)
from interlock.orders.ticks import Quote, Tick, Trade
from interlock.sandbox.binance.serving import HOST, KEY, SECRET
from interlock.venues.binance.futures import BinanceFutures
from interlock.venues.binance.settings import BinanceSettings, Environment, MarketKind
from interlock.venues.binance.spot import BinanceSpot
from interlock.venues.binance.wording import Wording
from interlock.venues.paper import wire
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.link import Link
from interlock.venues.paper.server import PaperServer
from interlock.venues.port import RemoteVenue, Venue

ACCOUNT = "main"
SECONDS_MAX = 20
ORDERS_10S = 10_000
VALID_NS = 5_000_000_000
BID, ASK, LOW, HIGH = "29999.99", "30000.01", "29000", "31000"
TRADED = replace(
    BTC,
    quantity_increment="0.001",
    min_quantity="0.002",
    min_notional="100",
    price_band=PriceBand(500, 500),
)
"""What every stage trades, under its own venue's name."""


class Port(IntEnum):
    """Which protocol a stage's venue implements; each one includes those before it."""

    VENUE = 0
    REMOTE = 1
    SHARED = 2
    """A remote venue whose account other people trade too."""


class Stage:
    """A venue, and everything it has said. ``begin`` makes the names of a case its own."""

    def __init__(self, venue: Venue, hedge: bool) -> None:
        self.venue = venue
        mode = PositionMode.HEDGE if hedge else PositionMode.ONE_WAY
        self.symbol = f"{SYMBOL}.{venue.name}"
        self.instrument = replace(TRADED, symbol=self.symbol, position_mode=mode)
        self.grid = Grid(self.instrument)
        self.lot = self._units(self.grid.quantity_units("0.01"))
        self.heard: list[Report] = []
        """What no case has asked for yet."""
        self.everything: list[Report] = []
        self.held = 0
        """What is held when a case begins."""
        self.asked = 0
        """The number of the last question."""
        self._case = ""

    def begin(self, number: int) -> None:
        self._case = f"c{number:02}"
        self.heard.clear()
        self.everything.clear()

    # What a stage must be able to do

    def now(self) -> int:
        raise NotImplementedError

    def market(self, price: str, quantity: str = "100") -> None:
        """The market is at a price, and this much trades there."""
        raise NotImplementedError

    def quiet(self) -> None:
        """Wait until everything that the venue has to say so far has been heard."""
        raise NotImplementedError

    def _moment(self) -> None:
        """Let a little time pass."""
        raise NotImplementedError

    # Words

    def id(self, name: str) -> str:
        return self._case + name

    def short(self, client_id: str) -> str:
        return client_id.removeprefix(self._case)

    def price(self, text: str) -> int:
        return self._units(self.grid.price_units(text))

    @staticmethod
    def _units(found: Any) -> int:
        assert isinstance(found, int), found
        return found

    def order(self, name: str, **fields: Any) -> SubmitVenueOrder:
        """A lot bought: at a price, by a trigger, or else at the market."""
        stop, priced = "trigger_price" in fields, "price" in fields
        kind = VenueOrderType.LIMIT if priced else VenueOrderType.MARKET
        for one in ("price", "trigger_price"):
            if one in fields:
                fields[one] = self.price(fields[one])
        values = {
            "client_id": self.id(name),
            "account": ACCOUNT,
            "instrument": self.symbol,
            "side": 1,
            "order_type": VenueOrderType.STOP if stop else kind,
            "quantity": self.lot,
            "valid_until": self.now() + VALID_NS,
            **fields,
        }
        return SubmitVenueOrder(**values)

    def _question(self) -> int:
        self.asked += 1
        return self.asked

    def cancel(self, name: str) -> CancelVenueOrder:
        return CancelVenueOrder(self.id(name), ACCOUNT, self.symbol, self._question())

    def amend(self, name: str, quantity: int, price: str | None = None) -> AmendVenueOrder:
        until = self.now() + VALID_NS
        units = None if price is None else self.price(price)
        question = self._question()
        return AmendVenueOrder(
            *(self.id(name), ACCOUNT, self.symbol, question, quantity, units), valid_until=until
        )

    def query(self, name: str) -> QueryVenueOrder:
        return QueryVenueOrder(self.id(name), ACCOUNT, self.symbol, self._question())

    def query_position(self) -> QueryPosition:
        return QueryPosition(ACCOUNT, self.symbol)

    # Asking and hearing

    def send(self, *requests: Request) -> None:
        for request in requests:
            self.venue.send(request, self.now())

    def answer(
        self, question: Request, kind: type, name: str | None = None, /, **wanted: Any
    ) -> Any:
        """The answer to a question; older reports of its kind are no answer."""
        self.heard[:] = [report for report in self.heard if type(report) is not kind]
        self.send(question)
        return self.until(kind, name, **wanted)

    def until(self, kind: type, name: str | None = None, /, **wanted: Any) -> Any:
        """The first report of a kind with these values, once it has come."""

        def fits(report: Report) -> bool:
            return type(report) is kind and all(
                getattr(report, field) == value for field, value in wanted.items()
            )

        self.wait(lambda: any(self._is(one, fits, name) for one in self.heard), f"{kind} {wanted}")
        return self.find(fits, name)

    def find(self, fits: Callable[[Report], bool], name: str | None = None) -> Report | None:
        """The first report that fits, if it has come; it is not found again."""
        for place, report in enumerate(self.heard):
            if self._is(report, fits, name):
                return self.heard.pop(place)
        return None

    def all_heard(self, kind: type, name: str | None = None) -> list[Any]:
        return [one for one in self.heard if self._is(one, lambda r: type(r) is kind, name)]

    def _is(self, one: Report, fits: Callable[[Report], bool], name: str | None) -> bool:
        named = name is None or getattr(one, "client_id", None) == self.id(name)
        return named and fits(one)

    def wait(self, done: Callable[[], bool], what: str = "") -> None:
        end = time.monotonic() + SECONDS_MAX
        while not done():
            assert time.monotonic() < end, (what, self.heard)
            self._moment()

    def _hear(self) -> None:
        reports = self.venue.poll(self.now())
        self.heard += reports
        self.everything += reports


class PaperStage(Stage):
    """The paper exchange in memory; its time goes on as it is asked to."""

    def __init__(self, can: Capabilities, hedge: bool) -> None:
        self._at = 1_000_000
        self._paper = PaperExchange("PAPER", [], can)
        super().__init__(self._paper, hedge)
        self._paper.define(replace(self.instrument, fees=Fees("0", "0")))
        self.market("30000")

    def now(self) -> int:
        return self._at

    def market(self, price: str, quantity: str = "100") -> None:
        for tick in ticks(self, price, quantity):
            self._paper.on_tick(tick)
        self._moment()

    def quiet(self) -> None:
        self._moment()

    def wait(self, done: Callable[[], bool], what: str = "") -> None:
        self._moment()
        assert done(), (what, self.heard)

    def _moment(self) -> None:
        self._at += 1_000
        self._hear()


class RemoteStage(Stage):
    """A venue over a connection, and the loop that it lives in."""

    def __init__(self, loop: asyncio.AbstractEventLoop, remote: RemoteVenue, hedge: bool) -> None:
        super().__init__(remote, hedge)
        self.remote = remote
        self.ticks: list[Tick] = []
        self.welcomes = 0
        self.loop = loop
        remote.news = self._hear
        remote.tick = self.ticks.append
        remote.welcomed = self._welcomed
        self._running = loop.create_task(remote.run())
        self.until(Connection, up=True)

    def now(self) -> int:
        return time.time_ns()

    def cut(self) -> None:
        """The connection is gone, and can be had again."""
        raise NotImplementedError

    def send(self, *requests: Request) -> None:
        async def now() -> None:
            super(RemoteStage, self).send(*requests)

        self.loop.run_until_complete(now())

    def end(self) -> None:
        self._running.cancel()
        self.loop.run_until_complete(asyncio.gather(self._running, return_exceptions=True))

    def _welcomed(self) -> None:
        self.welcomes += 1

    def _moment(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0.001))
        if self._running.done():
            self._running.result()


class LinkStage(RemoteStage):
    """The paper venue's server and the link to it, with a real socket between them."""

    def __init__(self, can: Capabilities, hedge: bool) -> None:
        loop = uvloop.new_event_loop()
        mode = PositionMode.HEDGE if hedge else PositionMode.ONE_WAY
        instrument = replace(
            TRADED, symbol=f"{SYMBOL}.PAPER", position_mode=mode, fees=Fees("0", "0")
        )
        exchange = PaperExchange("PAPER", [instrument], can)
        self._server = PaperServer(exchange, (instrument,), time.time_ns)
        listening = asyncio.start_server(self._server.serve, wire.HOST, 0)
        self._listening = loop.run_until_complete(listening)
        address = self._listening.sockets[0].getsockname()
        super().__init__(loop, Link("PAPER", address, Capabilities(), time.time_ns), hedge)
        self.market("30000")

    def market(self, price: str, quantity: str = "100") -> None:
        async def happen() -> None:
            for tick in ticks(self, price, quantity):
                self._server.happen(tick)

        self.loop.run_until_complete(happen())

    def quiet(self) -> None:
        """The socket keeps the order in which things were said."""
        self.answer(self.query("fence"), OrderStatus, request=self.asked)

    def cut(self) -> None:
        async def leave() -> None:
            self._server.leave()

        self.loop.run_until_complete(leave())

    def end(self) -> None:
        super().end()
        self._listening.close()
        self.loop.close()


class SharedStage(RemoteStage):
    """Where somebody else trades on the same account."""

    def stranger_rests(self) -> None:
        """Somebody has an order in each family."""
        raise NotImplementedError

    def stranger_still_rests(self) -> bool:
        raise NotImplementedError

    def stranger_trades(self, quantity: str) -> None:
        """Somebody buys at the market."""
        raise NotImplementedError


class DoubleStage(SharedStage):
    """At a double of Binance, which is one for all cases."""

    def __init__(self, exchange: Exchange, remote: RemoteVenue, hedge: bool) -> None:
        self._exchange = exchange
        self._fences = 0
        super().__init__(uvloop.new_event_loop(), remote, hedge)

    def begin(self, number: int) -> None:
        self.clean()
        self.quiet()
        super().begin(number)

    def clean(self) -> None:
        """Nothing rests, what is held is what was, and the market is where it began."""
        raise NotImplementedError

    def market(self, price: str, quantity: str = "100") -> None:
        self._exchange.price(price, quantity)

    def quiet(self) -> None:
        """The user stream is a socket of its own: it has caught up when it tells of this order too,
        which has been answered by then as well.
        """
        self._fences += 1
        name = f"fence{self._fences}"
        hedge = self.instrument.position_mode is PositionMode.HEDGE
        side = {"position_side": PositionSide.LONG} if hedge else {}
        self.send(self.order(name, price="29000", **side))
        self.wait(lambda: len(self.all_heard(Acknowledged, name)) == 2, "both acknowledge")
        self.send(self.cancel(name))
        self.wait(lambda: len(self.all_heard(Canceled, name)) == 2, "both tell of the cancel")
        for kept in (self.heard, self.everything):
            kept[:] = [one for one in kept if getattr(one, "client_id", "") != self.id(name)]

    def cut(self) -> None:
        self._exchange.do("cut")

    def end(self) -> None:
        super().end()
        self.loop.close()


class BinanceStage(DoubleStage):
    """USD-M Futures at the double of it."""

    def __init__(self, exchange: Exchange, hedge: bool) -> None:
        settings = BinanceSettings(
            *("USDM", Environment.PAPER, ACCOUNT, (SYMBOL,), "itest", f"{HOST}:{exchange.port}")
        )
        super().__init__(exchange, BinanceFutures(settings, KEY, SECRET, time.time_ns), hedge)

    def clean(self) -> None:
        state = self._exchange.state()
        for order in state["open_orders"]:
            self._exchange.ask("DELETE", "/fapi/v1/order", symbol=SYMBOL, orderId=order["orderId"])
        for algo in state["open_algos"]:
            self._exchange.ask("DELETE", "/fapi/v1/algoOrder", algoId=algo["algoId"])
        for held in state["positions"]:
            if float(held["positionAmt"]):
                self._exchange.do("close", symbol=SYMBOL, position_side=held["positionSide"])
        self._exchange.price("30000")

    def stranger_rests(self) -> None:
        for kind, price, name in (("LIMIT", "29200", "web_1"), ("STOP_MARKET", "28800", "web_2")):
            if kind == "LIMIT":
                more = {"price": price, "timeInForce": "GTC", "newClientOrderId": name}
                self._exchange.order("BUY", kind, "0.01", **more)
            else:
                more = {"quantity": "0.01", "clientAlgoId": name}
                self._exchange.algo("SELL", kind, price, **more)

    def stranger_still_rests(self) -> bool:
        state = self._exchange.state()
        orders = [one["clientOrderId"] for one in state["open_orders"]]
        algos = [one["clientAlgoId"] for one in state["open_algos"]]
        return (orders, algos) == (["web_1"], ["web_2"])

    def stranger_trades(self, quantity: str) -> None:
        self._exchange.do("open", symbol=SYMBOL, side="BUY", quantity=quantity)


class _Unhurried(BinanceSpot):
    """All the cases together send more orders in ten seconds than the exchange would take."""

    def of_market(self) -> tuple[Capabilities, Wording]:
        can, wording = super().of_market()
        limits = tuple((name, max(most, ORDERS_10S)) for name, most in wording.limits)
        return can, replace(wording, limits=limits)


class SpotStage(DoubleStage):
    """Spot at the double of it, with a coin to sell."""

    _exchange: SpotExchange

    def __init__(self, exchange: SpotExchange) -> None:
        place = f"{HOST}:{exchange.port}"
        settings = BinanceSettings(
            *("SPOT", Environment.PAPER, ACCOUNT, (SYMBOL,), "itest", place, MarketKind.SPOT)
        )
        super().__init__(exchange, _Unhurried(settings, KEY, SECRET, time.time_ns), False)
        self.held = self._units(self.grid.quantity_units("1"))

    def clean(self) -> None:
        self._exchange.fresh(BTC="1")

    def stranger_rests(self) -> None:
        rests = {"price": "29200", "timeInForce": "GTC", "newClientOrderId": "web_1"}
        self._exchange.order("BUY", "LIMIT", "0.01", **rests)
        waits = {"stopPrice": "28800", "newClientOrderId": "web_2"}
        self._exchange.order("SELL", "STOP_LOSS", "0.01", **waits)

    def stranger_still_rests(self) -> bool:
        orders = [one["clientOrderId"] for one in self._exchange.state()["open_orders"]]
        return orders == ["web_1", "web_2"]

    def stranger_trades(self, quantity: str) -> None:
        self._exchange.order("BUY", "MARKET", quantity)


def ticks(stage: Stage, price: str, quantity: str) -> tuple[Quote, Trade]:
    """A quote a tick wide, and a trade."""
    units, at = stage.price(price), stage.now()
    size = stage._units(stage.grid.quantity_units(quantity))
    return (
        Quote(stage.symbol, at, units - 1, size, units + 1, size),
        Trade(stage.symbol, at, units, size),
    )
