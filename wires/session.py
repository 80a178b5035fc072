"""One session: a real server, killed and started again, that trades brackets for a client.

Decides what a session plays and when it is over. A *run* is one bracket that the server took over
HTTP, in hedge mode, amid faults drawn from the session's seed; a session plays many of them against
one double of the exchange and one journal.
"""

import asyncio
import time
from pathlib import Path
from random import Random
from typing import Any, Final

from chaos.life import Lives
from msgspec import Struct, structs

from interlock.client import InterlockError, Refused
from interlock.market.course import Course
from interlock.market.generator import BTC
from interlock.orders.ticks import Quote, Trade
from interlock.sandbox.binance.serving import Sandbox
from wires import drawing
from wires.books import Books
from wires.hands import Hands
from wires.patience import Patience, WorldTime
from wires.server import Server, ServerGone
from wires.verdict import Verdict, left_behind

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
BRACKETS: Final = 60
WIDE: Final = 10_000_000
STEP_S: Final = (0.0, 0.08)
DOWN_STEPS: Final = 6
"""How much may happen while no server runs."""
SETTLE_S: Final = 90.0
"""For either half of the end: more than the minute between two sweeps of the server."""
FLATTEN_S: Final = 3.0
LOOK_S: Final = 0.25
FIRST_S: Final = 30.0


class Outcome(Struct):
    """What one session did and found."""

    seed: int
    breaches: list[str]
    brackets: int = 0
    """Taken by the server: the runs."""
    refused: int = 0
    repeated: int = 0
    """Asked for again after they had been acknowledged, and answered as before."""
    executions: int = 0
    struck: int = 0
    """Faults that a request has met."""
    accidents: int = 0
    others: int = 0
    """Acts of other people."""
    kills: int = 0
    facts: int = 0


class Session:
    """One seed."""

    def __init__(self, seed: int, lives: Lives, folder: Path, brackets: int = BRACKETS) -> None:
        self.rng = Random(seed)
        self.outcome = Outcome(seed, [])
        self.story: list[str] = []
        self._lives = lives
        self._folder = folder
        self._brackets = brackets
        self._orders: dict[str, dict[str, Any]] = {}
        self._taken: dict[str, str] = {}
        """Order ids as they were acknowledged, by client order id."""
        self._asking: set[asyncio.Task[None]] = set()
        self._faults = 0
        self.prices = dict.fromkeys(SYMBOLS, drawing.FIRST)

    async def run(self) -> Outcome:
        self.time = WorldTime()
        self.served = Sandbox(market(), 0, hedge=True, by_hand=True)
        assert self.served.futures is not None
        self.sandbox = self.served.futures
        self.server = Server(self._lives, self._folder, self.served.futures_port, SYMBOLS)
        self.books = Books(self.sandbox.futures, self.server.mark)
        mark, now = self.server.mark, time.time_ns
        self.hands = Hands(self.sandbox, mark, self.rng, now, self._say)
        up = asyncio.Event()
        beside = [
            asyncio.create_task(self.served.run(lambda _: up.set())),
            asyncio.create_task(self.time.beat()),
        ]
        try:
            await up.wait()
            await self._played()
        except ServerGone as gone:
            self._breach(f"the server ended by itself: {gone}")
        finally:
            for task in self._asking:
                task.cancel()
            self.served.stop()
            beside[1].cancel()
            await asyncio.gather(*beside, *self._asking, return_exceptions=True)
        return self.outcome

    async def _played(self) -> None:
        for symbol in SYMBOLS:
            self._move(symbol, drawing.FIRST, WIDE)
        await self.server.start()
        async with await self.server.client() as self.client:
            await self._traded_there()
            while len(self._orders) < self._brackets:
                await self._step()
                await asyncio.sleep(self.rng.uniform(*STEP_S))
                self._still_there()
            await self._settled()

    async def _traded_there(self) -> None:
        """The server knows its instruments once it has reached the exchange."""
        patience = Patience(self.time, FIRST_S)
        while len(await self.client.instruments()) < len(SYMBOLS) and not patience.over:
            await asyncio.sleep(LOOK_S)

    def _still_there(self) -> None:
        gone = self.server.gone
        if gone:
            raise ServerGone(gone)

    # What happens

    async def _step(self) -> None:
        what = self.rng.random()
        if what < 0.26:
            self._fault()
            self._place()
        elif what < 0.36:
            self._fault()
        elif what < 0.42:
            self._cancel()
        elif what < 0.97:
            self._market()
        else:
            await self._kill()

    def _market(self) -> None:
        """What goes on whether a server runs or not."""
        what = self.rng.random()
        if what < 0.78:
            symbol = self.rng.choice(SYMBOLS)
            self._move(symbol, *drawing.moved(self.rng, self.prices[symbol]))
        elif what < 0.88:
            self.outcome.others += 1
            self.hands.somebody()
        else:
            self.outcome.accidents += 1
            self.hands.accident()

    def _fault(self) -> None:
        fault = drawing.fault(self.rng)
        self._faults += fault.times
        self._say(f"fault {fault}")
        self.sandbox.gate.faults.coming.append(fault)

    def _place(self) -> None:
        if self._taken and self.rng.random() < 0.15:
            name = self.rng.choice(sorted(self._taken))
        else:
            name = f"s{len(self._orders)}"
            symbol = self.rng.choice(SYMBOLS)
            where = f"{symbol}.USDM"
            self._orders[name] = drawing.order(self.rng, True, self.prices[symbol], where)
        self._say(f"place {name} {self._orders[name]}")
        self._begin(self._placed(name))

    async def _placed(self, name: str) -> None:
        """Asked again until there is an answer, as a trader does whose server was gone."""
        try:
            placed = await self.client.place(self._orders[name], name)
        except Refused as refused:
            self.outcome.refused += 1
            self._say(f"refused {name}: {refused}")
            if name in self._taken:
                self._breach(f"I6: {name} was taken, and is refused on asking again: {refused}")
            return
        known = self._taken.setdefault(name, placed.order_id)
        self.outcome.repeated += placed.replayed
        if known != placed.order_id:
            self._breach(f"I6: {name} is {known}, and on asking again {placed.order_id}")

    def _cancel(self) -> None:
        if not self._taken:
            return
        name = self.rng.choice(sorted(self._taken))
        exposure = self.rng.choice(("protect", "flatten", "protect"))
        self._say(f"cancel {name} {exposure}")
        self._begin(self._canceled(self._taken[name], exposure))

    async def _canceled(self, order_id: str, exposure: str) -> None:
        try:
            await self.client.cancel(order_id, exposure=exposure)
        except Refused as refused:  # it may be over
            self._say(f"refused cancel of {order_id}: {refused}")

    def _begin(self, asking: Any) -> None:
        task = asyncio.get_running_loop().create_task(asking)
        self._asking.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: "asyncio.Task[None]") -> None:
        self._asking.discard(task)
        if task.cancelled():
            return
        fault = task.exception()
        if isinstance(fault, InterlockError):
            self._breach(f"liveness: a request was never answered: {fault}")
        elif fault is not None:
            self._breach(f"bug: {type(fault).__name__}: {fault}")

    def _move(self, symbol: str, price: int, quantity: int) -> None:
        self.prices[symbol] = price
        self._say(f"price {symbol} {price} x {quantity}")
        at = max(time.time_ns(), self.sandbox.futures.exchange.now)
        name = f"{symbol}.USDM"
        self.sandbox.happen(Quote(name, at, price - 1, quantity, price + 1, quantity))
        self.sandbox.happen(Trade(name, at, price, quantity))

    async def _kill(self) -> None:
        self._say("kill")
        self.outcome.kills += 1
        await self.server.kill()
        for _ in range(self.rng.randrange(DOWN_STEPS)):
            self._market()
        await self.server.start()

    # The end

    async def _settled(self) -> None:
        """Faults are over: everything held is protected. Then the trader leaves the market, and
        nothing is left of it."""
        left = sum(fault.times for fault in self.sandbox.gate.faults.coming)
        self.outcome.struck = self._faults - left
        self._say("calm")
        self.hands.calm()
        await self._until_clean(flatten=False)
        self._say("flatten")
        await self._until_clean(flatten=True)
        code = await self.server.stop()
        if code:
            self._breach(f"a graceful stop ended with {code}")
        self.outcome.brackets = len(self._taken)
        self.outcome.executions = len(self.books.executions())

    async def _until_clean(self, flatten: bool) -> None:
        """Look until nothing is wrong any more; what still is when patience ends was not mended."""
        patience = Patience(self.time, SETTLE_S)
        again = Patience(self.time, 0.0)
        while True:
            self._still_there()
            if flatten and again.over:
                again = Patience(self.time, FLATTEN_S)
                await self.client.cancel_all(exposure="flatten")
            for symbol in SYMBOLS:
                self._move(symbol, self.prices[symbol], WIDE)
            await asyncio.sleep(LOOK_S)
            found = [] if self._asking else self._wrong(flatten)
            waiting = bool(self._asking)
            if not found and not waiting:
                return
            if patience.over:
                for breach in found or ["liveness: requests without an answer"]:
                    self._breach(breach)
                return

    def _wrong(self, flat: bool) -> list[str]:
        """Everything that is not as it must be now."""
        verdict = Verdict(self.server.facts())
        self.outcome.facts = verdict.count
        found = verdict.against(self.books)
        for name, order_id in self._taken.items():
            if verdict.accepted.get(name) != order_id:
                was = verdict.accepted.get(name)
                found.append(f"I5: {name} was acknowledged as {order_id}, the journal has {was}")
        return found + (left_behind(verdict, self.books) if flat else [])

    def _breach(self, text: str) -> None:
        self.outcome.breaches.append(text)

    def _say(self, text: str) -> None:
        self.story.append(text)


def market() -> Course:
    """By hand: nothing comes of it but which instruments are listed."""
    course = Course(1)
    course.instruments = tuple(structs.replace(BTC, symbol=f"{one}.PAPER") for one in SYMBOLS)
    return course


async def play(seed: int, lives: Lives, folder: Path, brackets: int) -> Session:
    """One session; its own bug is its verdict."""
    folder.mkdir(parents=True)
    session = Session(seed, lives, folder, brackets)
    (ended,) = await asyncio.gather(session.run(), return_exceptions=True)
    if isinstance(ended, BaseException):
        session.outcome.breaches.append(f"bug: {type(ended).__name__}: {ended}")
    return session
