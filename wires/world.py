"""One world over the wire: an exchange, a line, a trader, other people, faults and kills.

Decides when a world is over and what it must then be: nothing open under our mark, nothing held by
us, every fill booked once, every order done, and no rule of the auditor's broken.
"""

import asyncio
from random import Random

import msgspec
from msgspec import Struct

from interlock.audit.auditor import Auditor
from interlock.journal.memory import MemoryJournal
from interlock.market.course import Course
from interlock.orders import commands as c
from interlock.orders.decoding import decode_body
from interlock.orders.rejects import Reject
from interlock.orders.ticks import Quote, Trade
from interlock.sandbox.binance.serving import Sandbox
from wires import drawing
from wires.books import Books
from wires.drawing import FIRST, INSTRUMENT
from wires.hands import Hands
from wires.life import PREFIX, Life
from wires.patience import Patience, WorldTime

MARK = PREFIX + "-"
SETTLE_S = 40.0
"""By the world's own time."""
FLATTEN_S = 2.0
"""Between two requests to flatten everything."""
STEP_S = (0.0, 0.06)
LATE_LOOK_S = 0.1


class Outcome(Struct):
    seed: int
    breaches: list[str]
    orders: int = 0
    executions: int = 0
    kills: int = 0
    faults: int = 0
    facts: int = 0


class World:
    """One seed."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.hedge = self.rng.random() < 0.7
        self.price = FIRST
        self.auditor = Auditor()
        self.outcome = Outcome(seed, [])
        self.story: list[str] = []
        self._placed: list[str] = []

    async def run(self) -> Outcome:
        self.time = WorldTime()
        now = self.time.now
        self.served = Sandbox(Course(1), 0, self.hedge, by_hand=True, now=now)
        assert self.served.futures is not None
        self.sandbox = self.served.futures
        self.books = Books(self.sandbox.futures, MARK)
        self.hands = Hands(self.sandbox, MARK, self.rng, now, self._say)
        up = asyncio.Event()
        serving = asyncio.create_task(self.served.run(lambda _: up.set()))
        beating = asyncio.create_task(self.time.beat())
        try:
            await up.wait()
            self._move(FIRST, 10_000_000)
            await self._begin(MemoryJournal())
            for _ in range(self.rng.randint(*drawing.STEPS)):
                await self._step()
                await asyncio.sleep(self.rng.uniform(*STEP_S))
            await self._settled()
        finally:
            await self.life.end(kill=True)
            self.served.stop()
            beating.cancel()
            await asyncio.gather(serving, beating, return_exceptions=True)
        return self.outcome

    async def _begin(self, journal: MemoryJournal) -> None:
        port, now = self.served.futures_port, self.time.now
        self.life = Life(port, journal, self.auditor, now, self._say)
        await self.life.begin()

    # What happens

    async def _step(self) -> None:
        rng = self.rng
        what = rng.random()
        if what < 0.16:
            await self._place()
        elif what < 0.60:
            self._move(*drawing.moved(rng, self.price))
        elif what < 0.80:
            fault = drawing.fault(rng)
            self.outcome.faults += 1
            self._say(f"fault {fault}")
            self.sandbox.gate.faults.coming.append(fault)
        elif what < 0.86:
            await self._command()
        elif what < 0.91:
            self.hands.somebody()
        elif what < 0.97:
            self.hands.accident()
        else:
            await self._kill()

    async def _place(self) -> None:
        name = f"w{len(self._placed)}"
        order = drawing.order(self.rng, self.hedge, self.price)
        self._say(f"place {name} {order}")
        body = {"client_order_id": name, "account": "main", "order": order}
        command = decode_body(msgspec.json.encode(body), c.PlaceOrder)
        assert not isinstance(command, Reject), command
        self._placed.append(name)
        self.outcome.orders += 1
        self.life.live.ask(command, lambda _: None)

    def _move(self, price: int, quantity: int) -> None:
        self.price = price
        self._say(f"price {price} x {quantity}")
        at = max(self.time.now(), self.sandbox.futures.exchange.now)
        self.sandbox.happen(Quote(INSTRUMENT, at, price - 1, quantity, price + 1, quantity))
        self.sandbox.happen(Trade(INSTRUMENT, at, price, quantity))

    async def _command(self) -> None:
        if not self._placed:
            return
        name = self.rng.choice(self._placed)
        exposure = self.rng.choice(("protect", "flatten", "protect"))
        self._say(f"cancel {name} {exposure}")
        mode = c.CancelMode(exposure)
        order = c.CancelOrder(client_order_id=name, account="main", exposure=mode)
        self.life.live.ask(order, lambda _: None)

    async def _kill(self) -> None:
        self._say("kill")
        self.outcome.kills += 1
        await self.life.end(kill=True)
        journal = self.life.journal.crash()
        await asyncio.sleep(self.rng.uniform(0.0, 0.1))
        await self._begin(journal)

    # The end

    async def _settled(self) -> None:
        """All faults over, everything closed by our trader; then nothing may be left."""
        self._say("settle")
        self.hands.calm()
        patience = Patience(self.time, SETTLE_S)
        again = Patience(self.time, 0.0)
        while not patience.over:
            broken = self.life.broken()
            if broken is not None:
                self._breach(f"bug: {type(broken).__name__}: {broken}")
                return
            if again.over:
                again = Patience(self.time, FLATTEN_S)
                flatten = c.CancelOrders("main", exposure=c.CancelMode.FLATTEN)
                self.life.live.ask(flatten, lambda _: None)
            self._move(self.price + self.rng.randrange(-2, 3), 10_000_000)
            if self._at_rest():
                await asyncio.sleep(LATE_LOOK_S)
                if self._at_rest():
                    break
            await asyncio.sleep(0.05)
        else:
            living = [o.id for o in self.life.line.state.orders.living() if not o.done]
            left = self.books.open_orders()
            self._breach(f"liveness: not at rest: orders {living}, open there {left}")
        await self.life.end(kill=False)
        self._compare()

    def _at_rest(self) -> bool:
        living = any(not order.done for order in self.life.line.state.orders.living())
        left = living or self.books.open_orders()
        return not left and self.life.venue.joined.is_set()

    def _compare(self) -> None:
        for breach in self.auditor.finish([self.books]):
            self._breach(f"{breach.rule}: {breach.detail} (event {breach.seq})")
        self.outcome.executions = len(self.books.executions())
        self.outcome.facts = self.auditor.facts

    def _breach(self, text: str) -> None:
        self.outcome.breaches.append(text)

    def _say(self, text: str) -> None:
        self.story.append(text)
