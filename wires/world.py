"""One world over the wire: an exchange, a line, a trader, other people, faults and kills.

Decides when a world is over and what it must then be: nothing open under our mark, nothing held by
us, every fill booked once, every order done, and no rule of the auditor's broken.
"""

import asyncio
from collections.abc import Sequence
from random import Random

import msgspec
from msgspec import Struct, structs

from interlock.audit.auditor import Auditor
from interlock.journal.memory import MemoryJournal
from interlock.market.course import Course
from interlock.orders import commands as c
from interlock.orders.decoding import decode_body
from interlock.orders.legs import PositionSide
from interlock.orders.rejects import Reject
from interlock.orders.ticks import Quote, Trade
from interlock.sandbox.binance.futures.orders import trade_id
from interlock.sandbox.binance.serving import FuturesSandbox, Sandbox
from interlock.venues.paper.ledger import PaperExecution
from wires import drawing
from wires.drawing import FIRST, INSTRUMENT, SYMBOL
from wires.life import PREFIX, Life

MARK = PREFIX + "-"
SETTLE_S = 40.0
STEP_S = (0.0, 0.06)
LATE_LOOK_S = 0.1


class OpenThere(Struct, frozen=True):
    """An open order of ours as the exchange has it."""

    client_id: str
    quantity: int
    cum: int
    price: int | None


class Books:
    """The exchange's own, in our words. Implements ``audit.ending.VenueBooks``."""

    def __init__(self, sandbox: FuturesSandbox) -> None:
        self._futures = sandbox.futures

    def open_orders(self) -> Sequence[OpenThere]:
        found = [
            OpenThere(ours(o.asked.client_id), o.paper.quantity, o.paper.cum, o.paper.price)
            for o in self._futures.open_orders()
            if o.asked.client_id.startswith(MARK)
        ]
        found += [
            OpenThere(ours(a.asked.client_id), a.asked.quantity, 0, a.asked.price)
            for a in self._futures.algos.waiting()
            if a.asked.client_id.startswith(MARK)
        ]
        return found

    def executions(self) -> Sequence[PaperExecution]:
        return [
            structs.replace(
                one,
                client_id=ours(one.client_id),
                execution=structs.replace(
                    one.execution, exec_id=f"{SYMBOL}-{trade_id(one.execution.exec_id)}"
                ),
            )
            for one in self._futures.exchange.executions()
        ]


def ours(written: str) -> str:
    return written.removeprefix(MARK) if written.startswith(MARK) else ""


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
        self.served = Sandbox(Course(1), 0, self.hedge, by_hand=True)
        assert self.served.futures is not None
        self.sandbox = self.served.futures
        up = asyncio.Event()
        serving = asyncio.create_task(self.served.run(lambda _: up.set()))
        try:
            await up.wait()
            self._move(FIRST, 10_000_000)
            self.life = Life(self.served.futures_port, MemoryJournal(), self.auditor, self._say)
            await self.life.begin()
            for _ in range(self.rng.randint(*drawing.STEPS)):
                await self._step()
                await asyncio.sleep(self.rng.uniform(*STEP_S))
            await self._settled()
        finally:
            await self.life.end(kill=True)
            self.served.stop()
            await asyncio.gather(serving, return_exceptions=True)
        return self.outcome

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
            self._somebody()
        elif what < 0.97:
            self._accident()
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
        at = self.life.clock.now() if hasattr(self, "life") else 1
        self._say(f"price {price} x {quantity}")
        at = max(at, self.sandbox.futures.exchange.now + 1)
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

    def _somebody(self) -> None:
        """Another person: a position closed by hand or by the exchange, an order canceled."""
        futures, rng = self.sandbox.futures, self.rng
        at = max(self.life.clock.now(), futures.exchange.now)
        held = [p for p in futures.exchange.positions() if p.quantity]
        if held and rng.random() < 0.6:
            position = rng.choice(held)
            part = rng.choice((1, 1, 2))
            signed = -(position.quantity // part if abs(position.quantity) > part else 0)
            if signed:
                by = rng.choice(("web_1", "autoclose-1", "adl_autoclose"))
                self._say(f"{by} closes {signed} of {position.position_side}")
                side: PositionSide | None = position.position_side
                futures.trade_outside(SYMBOL, side, signed, by, at)
            return
        regular = [o for o in futures.open_orders() if o.asked.client_id.startswith(MARK)]
        if regular:
            order = rng.choice(regular)
            self._say(f"somebody cancels {order.asked.client_id}")
            futures.cancel(order, at)

    def _accident(self) -> None:
        sandbox, rng = self.sandbox, self.rng
        what = rng.choice(("cut", "expire", "silent", "ban", "clock", "order", "trims"))
        self._say(f"accident {what}")
        match what:
            case "cut":
                sandbox.hub.cut()
            case "expire":
                sandbox.hub.expire_listen_keys()
            case "silent":
                sandbox.hub.silent = not sandbox.hub.silent
            case "ban":
                sandbox.gate.limits.ban(rng.randrange(100, 700))
            case "clock":
                sandbox.gate.ahead_ms = rng.choice((-6_000, -800, 0, 700, 6_000))
            case "order":
                sandbox.futures.algo_first = not sandbox.futures.algo_first
            case "trims":
                sandbox.futures.trims = not sandbox.futures.trims

    async def _kill(self) -> None:
        self._say("kill")
        self.outcome.kills += 1
        await self.life.end(kill=True)
        journal = self.life.journal.crash()
        await asyncio.sleep(self.rng.uniform(0.0, 0.1))
        self.life = Life(self.served.futures_port, journal, self.auditor, self._say)
        await self.life.begin()

    # The end

    async def _settled(self) -> None:
        """All faults over, everything closed by our trader; then nothing may be left."""
        self._say("settle")
        sandbox = self.sandbox
        sandbox.gate.faults.coming.clear()
        sandbox.hub.silent, sandbox.gate.ahead_ms = False, 0
        sandbox.futures.trims = True
        loop = asyncio.get_running_loop()
        end = loop.time() + SETTLE_S
        sandbox.hub.cut()  # a new connection asks about everything, as any gap makes it do
        asked = 0.0
        while loop.time() < end:
            broken = self.life.broken()
            if broken is not None:
                self._breach(f"bug: {type(broken).__name__}: {broken}")
                return
            if loop.time() - asked > 2.0:
                asked = loop.time()
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
            books = Books(sandbox).open_orders()
            self._breach(f"liveness: not at rest: orders {living}, open there {books}")
        await self.life.end(kill=False)
        self._compare()

    def _at_rest(self) -> bool:
        living = any(not order.done for order in self.life.line.state.orders.living())
        left = living or Books(self.sandbox).open_orders()
        return not left and self.life.venue.joined.is_set()

    def _compare(self) -> None:
        books = Books(self.sandbox)
        for breach in self.auditor.finish([books]):
            self._breach(f"{breach.rule}: {breach.detail} (event {breach.seq})")
        self.outcome.executions = len(books.executions())
        self.outcome.facts = self.auditor.facts

    def _breach(self, text: str) -> None:
        self.outcome.breaches.append(text)

    def _say(self, text: str) -> None:
        self.story.append(text)
