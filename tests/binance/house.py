"""A line that trades at a double of Binance: real sockets, the real library, real time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvloop

from interlock.engine.settings import Settings
from interlock.journal.memory import MemoryJournal
from interlock.orders import commands as c
from interlock.orders.capabilities import Capabilities
from interlock.orders.decoding import decode_body
from interlock.orders.facts import Fact, IncidentOpened
from interlock.orders.rejects import Reject
from interlock.runtime.clock import SteadyClock
from interlock.runtime.line import Line
from interlock.runtime.linked import open_to, reached
from interlock.runtime.live import Live
from interlock.sandbox.binance.serving import HOST, KEY, SECRET
from interlock.venues.binance import futures, link
from interlock.venues.binance.settings import BinanceSettings, Environment
from tests.sandbox.house import SYMBOL, Exchange, sandbox

INSTRUMENT = f"{SYMBOL}.USDM"
SECONDS_MAX = 20
PREFIX = "itest"

QUICK = msgspec.structs.replace(futures.CAPABILITIES, request_validity_ns=1_500_000_000)
"""What is lost is known to be lost sooner."""


class Quick(futures.BinanceFutures):
    @property
    def capabilities(self) -> Capabilities:
        return QUICK


Story = Callable[["Trader"], Awaitable[None]]


class Trader:
    """One life of a line. ``exchange`` has the hands of everybody else."""

    wall = staticmethod(time.time_ns)
    """What this machine takes the time for."""

    def __init__(self, exchange: Exchange, journal: MemoryJournal, hedge: bool) -> None:
        self.exchange = exchange
        self.hedge = hedge
        self.journal = journal
        self.facts: list[Fact] = []
        self.told: list[str] = []
        self.clock = SteadyClock(0, self.wall)
        self.venue = self.made()
        self.line = Line(
            journal,
            {self.venue.name: self.venue},
            Settings(),
            [lambda _, facts: self.facts.extend(facts)],
        )
        self.line.recover()
        self.live = Live(self.line, self.clock, told=self.told.append, alone=False)
        self._tasks: list[asyncio.Task[Any]] = []

    def made(self) -> link.BinanceLink:
        place = f"{HOST}:{self.exchange.port}"
        settings = BinanceSettings("USDM", Environment.PAPER, "main", (SYMBOL,), PREFIX, place)
        return Quick(settings, KEY, SECRET, self.clock.now, self.told.append)

    async def begin(self) -> None:
        connecting = asyncio.create_task(self.venue.run())
        await reached(self.venue)
        self.live.start(self.venue.instruments)
        open_to(self.venue, self.live)
        self._tasks = [connecting, asyncio.create_task(self.live.run())]

    async def end(self, kill: bool = False) -> None:
        """As asked, or without a word: what is under way is lost."""
        if not kill:
            self.live.stop()
            await self._tasks[1]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def place(self, name: str, order: dict[str, Any]) -> c.Accepted:
        body = msgspec.json.encode({"client_order_id": name, "account": "main", "order": order})
        command = decode_body(body, c.PlaceOrder)
        assert not isinstance(command, Reject), command
        answer = await self.ask(command)
        assert isinstance(answer, c.Accepted), answer
        return answer

    async def ask(self, command: c.Command) -> c.Answer:
        answered: asyncio.Future[c.Answer] = asyncio.get_running_loop().create_future()
        self.live.ask(command, answered.set_result)
        return await asyncio.wait_for(answered, SECONDS_MAX)

    async def state(self) -> Any:
        """What the exchange has; asked for beside the loop."""
        return await asyncio.to_thread(self.exchange.state)

    async def do(self, what: str, **body: Any) -> None:
        await asyncio.to_thread(lambda: self.exchange.do(what, **body))

    async def price(self, price: str) -> None:
        await asyncio.to_thread(self.exchange.price, price)

    async def faults(self, *faults: dict[str, Any]) -> None:
        await asyncio.to_thread(self.exchange.faults, *faults)

    async def until(self, done: Callable[[Any], bool]) -> Any:
        """What the exchange has, once it is as wanted."""
        end = time.monotonic() + SECONDS_MAX
        while not done(state := await self.state()):
            assert time.monotonic() < end, (state, self.facts[-20:], self.told)
            self.alive()
            await asyncio.sleep(0.01)
        return state

    async def heard(self, kind: str, /, **wanted: Any) -> Fact:
        """The first fact of a kind that has these values, once it is there."""
        end = time.monotonic() + SECONDS_MAX
        while True:
            for fact in self.facts:
                if type(fact).__name__ == kind and all(
                    getattr(fact, name) == value for name, value in wanted.items()
                ):
                    return fact
            assert time.monotonic() < end, (kind, wanted, self.facts[-20:], self.told)
            self.alive()
            await asyncio.sleep(0.01)

    def alive(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()

    def incidents(self) -> list[tuple[str, str]]:
        """What each was, and in which words."""
        return [
            (str(fact.kind), fact.detail) for fact in self.facts if isinstance(fact, IncidentOpened)
        ]

    def count(self, kind: str) -> int:
        return sum(type(fact).__name__ == kind for fact in self.facts)

    def bracket(self, quantity: str = "0.01", hold: str = "venue", **entry: Any) -> dict[str, Any]:
        """Bought at the market, out 1 % above, or 1 % below by a stop that rests at the venue."""
        side = {"position_side": "long"} if self.hedge else {}
        first = {"type": "market", "side": "buy", "quantity": quantity, **side, **entry}
        return {
            "type": "bracket",
            "entry": {"instrument": INSTRUMENT, "id": "entry", **first},
            "take_profit": {
                "type": "limit",
                "price": {"from_entry": {"bps": 100}},
                "id": "target",
            },
            "stop_loss": {
                "type": "stop",
                "trigger_price": {"from_entry": {"bps": -100}},
                "hold": hold,
                "id": "stop",
            },
        }


def ours(state: Any, family: str) -> dict[str, Any]:
    """Open orders of ours by leg: 0 is the entry, 1 the target, 2 the stop."""
    name = "clientAlgoId" if family == "open_algos" else "clientOrderId"
    found = [one for one in state[family] if one[name].startswith(PREFIX)]
    return {one[name].split(".")[1]: one for one in found}


def held(state: Any) -> list[str]:
    return [p["positionAmt"] for p in state["positions"] if p["positionAmt"] != "0"]


def protected(state: Any) -> bool:
    """The position has both of its exits."""
    return bool(held(state) and ours(state, "open_orders") and ours(state, "open_algos"))


def empty(state: Any) -> bool:
    """Nothing is held, and nothing of ours is left."""
    return not (held(state) or ours(state, "open_orders") or ours(state, "open_algos"))


@asynccontextmanager
async def trading(
    exchange: Exchange, hedge: bool, journal: MemoryJournal | None = None
) -> AsyncIterator[Trader]:
    trader = Trader(exchange, journal or MemoryJournal(), hedge)
    await trader.begin()
    try:
        yield trader
    finally:
        await trader.end(kill=trader.live.over)


def play(story: Story, hedge: bool = False) -> None:
    """One story with one life, on an exchange of its own at 30 000."""

    async def whole(exchange: Exchange) -> None:
        async with trading(exchange, hedge) as trader:
            await story(trader)

    with sandbox(hedge) as exchange:
        uvloop.run(asyncio.wait_for(whole(exchange), 60))
