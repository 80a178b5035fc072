"""A world from a seed: a made-up market, random orders, one paper venue with its faults.

Decides what one seed means. First a safety phase with faults, then the faults end and everything
must settle. Invariant: the same seed is the same world, fact for fact.
"""

from collections.abc import Iterator
from random import Random

import msgspec
from msgspec import Struct

from interlock.engine.digest import digest
from interlock.engine.evolve import evolve
from interlock.engine.state import State
from interlock.journal.memory import MemoryJournal
from interlock.market.generator import generate
from interlock.orders import commands as c
from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.orders.facts import Fact
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.requests import Request
from interlock.orders.ticks import Tick, Trade
from interlock.orders.tree import LegChange
from interlock.runtime.audit import Auditor, Breach
from interlock.runtime.line import Line
from interlock.runtime.replay import Replay, Timed
from interlock.sim.trees import TreeMaker
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.faults import Faults, Latency

MS = 1_000_000
SECOND = 1000 * MS
SYMBOL = Instrument(
    "BTCUSDT.PAPER", price_increment="0.01", quantity_increment="0.001", min_quantity="0.002"
)
PLACE = msgspec.json.Decoder(c.PlaceOrder)


class Outcome(Struct):
    """What became of a world."""

    seed: int
    breaches: list[Breach]
    facts: list[Fact]
    ticks: int
    orders: int
    accepted: int


class Crash(Exception):
    """The process is killed here."""


class AuditedVenue(PaperExchange):
    """The paper exchange, with the auditor looking at what reaches it.

    ``crashes`` are the numbers of the sends in whose place the process dies: before the request
    is handed over, or (negative numbers) right after.
    """

    auditor: Auditor | None = None
    crashes: dict[int, bool]
    sends: int = 0

    def send(self, request: Request, at: int) -> None:
        self.sends += 1
        if self.crashes.pop(self.sends, False):
            raise Crash
        self._send(request, at)
        if self.crashes.pop(-self.sends, False):
            raise Crash

    def _send(self, request: Request, at: int) -> None:
        if self.auditor is not None:
            self.auditor.sent(request)
        super().send(request, at)


def draw_capabilities(rng: Random) -> Capabilities:
    return Capabilities(
        native_oco=rng.random() < 0.3,
        native_stop=rng.random() < 0.5,
        native_amend=rng.random() < 0.5,
        iceberg=rng.random() < 0.3,
        id_promise=rng.choice([IdPromise.UNIQUE_FOR_EVER, IdPromise.UNIQUE_WHILE_OPEN]),
    )


def draw_faults(rng: Random, crashes: bool = False) -> Faults:
    """A swarm: each fault is on or off, and of its own strength.

    The report of the real fill after a phantom one, if it is lost or passes while nobody listens,
    can be found only by reading all fills anew; those are not drawn together.
    """

    def chance(most: int) -> int:
        return rng.randrange(1, most) if rng.random() < 0.35 else 0

    def latency() -> Latency:
        if rng.random() < 0.3:
            return Latency()
        low = rng.randrange(0, 50) * MS
        return Latency(low, low + rng.randrange(0, 300) * MS)

    disconnects = rng.random() < 0.15
    late = chance(300)
    phantom = 0 if disconnects or crashes else chance(60)
    return Faults(
        latency_out=latency(),
        latency_in=latency(),
        lose_request_permille=chance(100),
        lose_report_permille=0 if phantom else chance(200),
        repeat_report_permille=chance(200),
        reorder_report_permille=chance(300),
        phantom_fill_permille=phantom,
        late_fill_after_cancel_permille=late,
        cancel_refused_filled_permille=chance(300),
        unknown_outcome_permille=chance(150),
        rate_limit_permille=chance(150),
        reject_permille=chance(150),
        disconnect_permille=int(disconnects),
    )


class World:
    """One seed's world, ready to run."""

    def __init__(
        self,
        seed: int,
        faults: bool = True,
        minutes: int = 6,
        orders: int = 12,
        crashes: int = 0,
    ) -> None:
        rng = Random(seed)
        self.seed = seed
        self.rng = rng
        self.minutes = minutes
        capabilities = draw_capabilities(rng)
        self.auditor = Auditor()
        self.venue = AuditedVenue(
            "PAPER",
            [SYMBOL],
            capabilities,
            draw_faults(rng, crashes > 0) if faults else Faults(),
            seed,
        )
        self.venue.auditor = self.auditor
        chance = Random(seed + 1)
        self.crashes = {
            chance.randrange(1, 60) * chance.choice([1, -1]): True for _ in range(crashes)
        }
        self.venue.crashes = self.crashes
        self.restarts = 0
        self.facts: list[Fact] = []
        self.journal = MemoryJournal()
        self.line = Line(self.journal, {"PAPER": self.venue})
        self.line.listeners += [self.auditor.hear, lambda _, facts: self.facts.extend(facts)]
        self.ticks = list(generate(seed, minutes, SYMBOL))
        self.commands = list(self._commands(orders))

    def _commands(self, orders: int) -> Iterator[Timed]:
        rng = self.rng
        maker = TreeMaker(rng, Grid(SYMBOL))
        trades = [tick for tick in self.ticks if isinstance(tick, Trade)]
        usable = trades[: len(trades) * 3 // 4]
        for _ in range(orders):
            tick = usable[rng.randrange(len(usable))]
            body = maker.place(tick.price, tick.price // 2000)
            place = PLACE.decode(msgspec.json.encode(body))
            yield Timed(tick.at + 1, place)
            name = place.client_order_id
            for _ in range(rng.randrange(0, 3)):
                yield Timed(
                    tick.at + rng.randrange(1, 120) * SECOND // 4, self._meddle(rng, name, tick)
                )

    def _meddle(self, rng: Random, name: str, tick: Tick) -> c.Command:
        """What traders do to their orders at awkward moments."""
        named = {"account": "main", "client_order_id": name}
        what = rng.randrange(6)
        if what == 0:
            mode = rng.choice(list(c.CancelMode))
            return c.CancelOrder(**named, exposure=mode)
        if what == 1:
            leg = rng.choice(["entry", "stop", "target", "target_1"])
            return c.CancelLeg(leg, **named)
        if what == 2 and rng.random() < 0.3:
            return c.ClosePosition("main", SYMBOL.symbol)
        assert isinstance(tick, Trade)
        grid = Grid(SYMBOL)
        leg, field = rng.choice(
            [("stop", "trigger_price"), ("target", "price"), ("entry", "price")]
        )
        moved = grid.price_text(max(1, tick.price + rng.randrange(-3000, 3000)))
        change = msgspec.convert({field: moved}, LegChange)
        return c.AmendOrder({leg: change}, account="main", client_order_id=name)

    def run(self, settle_ns: int = 400 * SECOND) -> Outcome:
        """Faults first; then calm weather, in which everything must come to rest."""
        start = self.ticks[0].at - SECOND
        try:
            self.line.start(start, [SYMBOL])
        except Crash:
            self._restart(start)
        ticks = iter(self.ticks)
        commands, played, now = self.commands, 0, 0
        answered = 0
        while True:
            replay = Replay(self.line, {"PAPER": self.venue}, commands)
            replay.now = max(now, self.line.now)
            try:
                replay.run(ticks, drain_ns=0)
                break
            except Crash:
                now = max(replay.now, self.line.now)
                played += replay.ticks
                answered += sum(isinstance(a.answer, c.Accepted) for a in replay.answers)
                commands = self._unanswered(replay, now)
                self._restart(now)
        self.crashes.clear()
        self.venue.change_faults(Faults())
        self.venue.reconnect(replay.now)
        after = generate(self.seed + 1, 7, SYMBOL, start=replay.now + SECOND)
        calm = Replay(self.line, {"PAPER": self.venue})
        calm.now = replay.now
        calm.run(after, drain_ns=settle_ns)
        breaches = self.auditor.finish(
            [order.client_id for order in self.venue.open_orders()],
            [
                (e.client_id, e.execution.exec_id, e.execution.quantity)
                for e in self.venue.executions()
            ],
        )
        self._check_fold(breaches)
        answered += sum(isinstance(a.answer, c.Accepted) for a in replay.answers)
        ticks_played = played + replay.ticks
        return Outcome(self.seed, breaches, self.facts, ticks_played, len(self.commands), answered)

    def _unanswered(self, replay: Replay, now: int) -> list[Timed]:
        """What a client would do after the crash: ask again for all that was not answered."""
        done = {id(a.timed): True for a in replay.answers}
        return [
            Timed(max(t.at, now), t.command, t.line) for t in replay.commands if id(t) not in done
        ]

    def _restart(self, now: int) -> None:
        """The process is gone; the journal keeps what was synced, the venue goes on."""
        self.restarts += 1
        self.journal = self.journal.crash()
        self.line = Line(self.journal, {"PAPER": self.venue})
        self.line.listeners += [self.auditor.hear, lambda _, facts: self.facts.extend(facts)]
        self.line.recover()
        try:
            self.line.start(max(now, self.line.now), [SYMBOL])
        except Crash:
            self._restart(now)

    def _check_fold(self, breaches: list[Breach]) -> None:
        fresh = State()
        for fact in self.facts:
            evolve(fresh, fact)
        if digest(fresh) != digest(self.line.state):
            breaches.append(Breach("I7", len(self.facts), "a replayed journal is another state"))


def run(seed: int, faults: bool = True, crashes: int = 0) -> Outcome:
    """One world, from its seed to its end."""
    return World(seed, faults, crashes=crashes).run()
