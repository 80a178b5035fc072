"""From a seed to a plan: which faults are on, how strong, and what everybody does.

Decides the swarm: each fault, ability and habit is on or off by itself, so that every pair of them
meets somewhere. Invariant: one ``Random`` made from the seed draws everything, in one order, and
what is switched off is drawn all the same: the rest of the world stays as it was.
"""

from collections.abc import Iterable
from random import Random

import msgspec

from interlock.orders import commands as c
from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.orders.grid import Grid
from interlock.orders.instruments import Fees, Instrument, PositionMode
from interlock.orders.legs import PositionSide
from interlock.orders.ticks import Tick, Trade
from interlock.orders.tree import LegChange
from interlock.sim.lists import LISTS_FROM, with_lists
from interlock.sim.plan import (
    Ambiguous,
    ClockStep,
    Deed,
    DiskFull,
    FaultClass,
    Given,
    Kill,
    Plan,
    VenuePlan,
)
from interlock.sim.risks import RISK_FROM, with_risk
from interlock.sim.sessions import SESSIONS_FROM, with_sessions
from interlock.sim.signals import with_signals
from interlock.sim.tape import Tape
from interlock.sim.thoughts import with_thoughts
from interlock.sim.trees import TreeMaker
from interlock.sim.worths import with_worths
from interlock.venues.paper.faults import Faults, Latency

MS = 1_000_000
SECOND = 1000 * MS
START = 1_700_000_000 * SECOND
SKEW_MAX = 4
"""Seconds that the server's clock may be wrong by: less than a price may be old, or a request."""
PLACE = msgspec.json.Decoder(c.PlaceOrder)

FAULT_FIELDS: dict[FaultClass, tuple[str, ...]] = {
    FaultClass.LATENCY: ("latency_out", "latency_in"),
    FaultClass.LOSS: ("lose_request_permille", "lose_report_permille"),
    FaultClass.DISORDER: (
        "repeat_report_permille",
        "reorder_report_permille",
        "lag_status_permille",
    ),
    FaultClass.CONTRADICTION: ("contradict_report_permille",),
    FaultClass.FILLS: (
        "phantom_fill_permille",
        "late_fill_after_cancel_permille",
        "cancel_refused_filled_permille",
    ),
    FaultClass.UNKNOWN: ("unknown_outcome_permille",),
    FaultClass.LIMITS: ("rate_limit_permille", "ban_permille", "reject_permille"),
    FaultClass.DISCONNECTS: ("disconnect_permille",),
    FaultClass.HALTS: ("halt_permille",),
}


def draw_capabilities(rng: Random) -> Capabilities:
    """What a venue can."""
    conditional_ids = rng.random() < 0.2
    return Capabilities(
        native_oco=not conditional_ids and rng.random() < 0.3,
        native_stop=conditional_ids or rng.random() < 0.5,
        native_amend=rng.random() < 0.5,
        conditional_ids=conditional_ids,
        iceberg=rng.random() < 0.3,
        reduce_only=rng.random() < 0.85,
        post_only=rng.random() < 0.9,
        id_promise=rng.choice([IdPromise.UNIQUE_FOR_EVER, IdPromise.UNIQUE_WHILE_OPEN]),
    )


def draw_faults(rng: Random, crashes: bool = False) -> Faults:
    """Each fault is on or off, and of its own strength.

    The report of the real fill after a phantom one, if it is lost or passes while nobody listens,
    can be found only by reading all fills anew; those are not drawn together.
    """

    def chance(most: int) -> int:
        return rng.randrange(1, most) if rng.random() < 0.3 else 0

    def latency() -> Latency:
        if rng.random() < 0.3:
            return Latency()
        low = rng.randrange(0, 50) * MS
        return Latency(low, low + rng.randrange(0, 300) * MS)

    faults = Faults(
        latency_out=latency(),
        latency_in=latency(),
        lose_request_permille=chance(100),
        lose_report_permille=chance(200),
        repeat_report_permille=chance(200),
        reorder_report_permille=chance(300),
        contradict_report_permille=chance(100),
        lag_status_permille=chance(400),
        phantom_fill_permille=chance(250),
        late_fill_after_cancel_permille=chance(300),
        cancel_refused_filled_permille=chance(300),
        unknown_outcome_permille=chance(150),
        rate_limit_permille=chance(150),
        ban_permille=chance(20),
        reject_permille=chance(150),
        disconnect_permille=chance(20),
        halt_permille=chance(10),
    )
    if not faults.phantom_fill_permille:
        return faults
    if crashes or rng.random() < 0.3:
        return msgspec.structs.replace(faults, phantom_fill_permille=0)
    heard = {"lose_report_permille": 0, "disconnect_permille": 0, "ban_permille": 0}
    return msgspec.structs.replace(faults, **heard)


def without_faults(faults: Faults, classes: Iterable[FaultClass]) -> Faults:
    """The same weather with some of it switched off."""
    usual = Faults()
    off = {name: getattr(usual, name) for kind in classes for name in FAULT_FIELDS.get(kind, ())}
    return msgspec.structs.replace(faults, **off) if off else faults


class Draw:
    """One seed's plan in the making."""

    def __init__(self, seed: int, without: frozenset[FaultClass] = frozenset()) -> None:
        self.seed = seed
        self.without = without
        self.rng = Random(seed)
        self.end = START + self.rng.choice((20, 40, 60, 60, 90, 180)) * SECOND
        self.venues: list[VenuePlan] = []
        self.tapes: dict[str, Tape] = {}
        self.ticks: list[Tick] = []
        self.trades: dict[str, list[Trade]] = {}
        self.accounts = ("main", "second", "third")[: self.rng.choice((1, 1, 1, 2, 3))]

    def plan(self) -> Plan:
        rng = self.rng
        crashes = rng.random() < 0.35
        self._markets(crashes)
        commands = self._commands()
        deeds = self._deeds(commands)
        clock = self._clock()
        kills = self._kills(crashes)
        full, ambiguous = self._disk()
        snapshots = tuple(self._moment() for _ in range(rng.choice((0, 0, 0, 1, 2))))
        return Plan(
            seed=self.seed,
            start=START,
            venues=tuple(self.venues),
            ticks=tuple(self.ticks),
            commands=tuple(commands),
            deeds=() if FaultClass.OUTSIDE in self.without else tuple(deeds),
            clock=() if FaultClass.CLOCK in self.without else clock,
            kills=() if FaultClass.CRASHES in self.without else kills,
            full=() if FaultClass.DISK in self.without else full,
            ambiguous=() if FaultClass.DISK in self.without else ambiguous,
            snapshots=snapshots,
            projection=rng.random() < 0.1,
            forget_s=rng.choice((0, 0, 0, 90)),
        )

    def _moment(self) -> int:
        return START + self.rng.randrange((self.end - START) // MS) * MS

    def _markets(self, crashes: bool) -> None:
        rng = self.rng
        names = ("PAPER", "OTHER")[: rng.choice((1, 1, 2))]
        symbols = [f"{s}.{rng.choice(names)}" for s in ("BTC", "ETH", "SOL")]
        instruments: dict[str, list[Instrument]] = {name: [] for name in names}
        for symbol in symbols[: rng.choice((1, 1, 2, 3))]:
            instrument = self._instrument(symbol)
            instruments[instrument.venue].append(instrument)
            tape = self.tapes[symbol] = Tape(rng, instrument, rng.choice((3000, 10_000)), START)
            ticks = tape.run(self.end)
            self.trades[symbol] = [tick for tick in ticks if isinstance(tick, Trade)]
            self.ticks.extend(ticks)
        self.ticks.sort(key=lambda tick: tick.at)
        for number, name in enumerate(names):
            faults = without_faults(draw_faults(rng, crashes), self.without)
            capabilities = draw_capabilities(rng)
            if instruments[name]:
                traded = tuple(instruments[name])
                seed = self.seed * 2 + number
                self.venues.append(VenuePlan(name, seed, capabilities, faults, traded))

    def _instrument(self, symbol: str) -> Instrument:
        rng = self.rng
        hedge = rng.random() < 0.15
        return Instrument(
            symbol,
            price_increment=rng.choice(("0.01", "0.05", "1")),
            quantity_increment=rng.choice(("0.001", "1")),
            min_quantity=rng.choice(("0", "0", "3")),
            position_mode=PositionMode.HEDGE if hedge else PositionMode.ONE_WAY,
            fees=rng.choice((Fees(), Fees("1", "4.5"), Fees("-0.5", "3"))),
        )

    def _commands(self) -> list[Given]:
        rng = self.rng
        out: list[Given] = []
        grids = {i.symbol: Grid(i) for venue in self.venues for i in venue.instruments}
        can = {i.symbol: v.capabilities for v in self.venues for i in v.instruments}
        last = (self.end - START) * 3 // 4
        at = START
        for number in range(rng.choice((1, 1, 2, 2, 3, 4, 6, 8))):
            if number == 0 or rng.random() < 0.7:  # else together with the one before
                at = START + rng.randrange(1, max(2, last // MS)) * MS
            symbol = rng.choice(sorted(grids))
            account = rng.choice(self.accounts)
            others = tuple(grids[s] for s in sorted(grids) if s != symbol)
            sources = ("last", "bid_ask", "mid", "mark", "index")
            maker = TreeMaker(rng, grids[symbol], can[symbol], others, at, sources)
            price = self._price(symbol, at)
            body = maker.place(price, self.tapes[symbol].scale)
            body |= {"client_order_id": f"t{number + 1}", "account": account}
            if rng.random() < 0.2:
                body["tag"] = rng.choice(("alpha", "beta"))
            place = PLACE.decode(msgspec.json.encode(body))
            out.append(Given(at, place))
            out.extend(self._again(place, at))
            for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
                later = at + rng.randrange(1, 40_000) * MS
                out.append(Given(later, self._meddle(place, grids[symbol], price)))
        for _ in range(rng.choice((0, 1, 3))):
            out.append(Given(self._moment(), c.Signal("mood", rng.choice(("-3", "1", "7.5")))))
        out.sort(key=lambda given: given.at)
        return out

    def _price(self, symbol: str, at: int) -> int:
        price = self.trades[symbol][0].price
        for trade in self.trades[symbol]:
            if trade.at > at:
                break
            price = trade.price
        return price

    def _again(self, place: c.PlaceOrder, at: int) -> list[Given]:
        """The same request again, or another under the same id."""
        rng = self.rng
        draw = rng.random()
        if draw > 0.15:
            return []
        later = at + rng.randrange(0, 20_000) * MS
        if draw < 0.1:
            return [Given(later, place)]
        return [Given(later, msgspec.structs.replace(place, tag="gamma"))]

    def _meddle(self, place: c.PlaceOrder, grid: Grid, price: int) -> c.Command:
        """What traders do to their orders at awkward moments."""
        rng = self.rng
        account, name = place.account, place.client_order_id
        what = rng.randrange(12)
        if what == 0:
            mode = rng.choice(list(c.CancelMode))
            return c.CancelOrder(account, client_order_id=name, exposure=mode)
        if what == 1:
            leg = rng.choice(["entry", "stop", "target", "target_1", "hard", "entry_0"])
            return c.CancelLeg(leg, account, client_order_id=name)
        if what == 2:
            hedge = grid.instrument.position_mode is PositionMode.HEDGE
            side = rng.choice(list(PositionSide)) if hedge else None
            return c.ClosePosition(account, grid.symbol, side)
        if what == 3:
            return c.CancelOrders(
                account,
                instrument=rng.choice((None, grid.symbol)),
                tag=rng.choice((None, "alpha")),
                exposure=rng.choice(list(c.CancelMode)),
            )
        if what == 4:
            return c.ExpireOrder(account, client_order_id=name)
        scale = max(2, price // 100)
        moved = grid.price_text(max(1, price + rng.randrange(-3 * scale, 3 * scale)))
        leg, field = rng.choice(
            [
                ("stop", "trigger_price"),
                ("down", "trigger_price"),
                ("target", "price"),
                ("target_1", "price"),
                ("entry", "price"),
                ("entry", "quantity"),
                ("up", "trigger_price"),
            ]
        )
        more = grid.quantity_text(grid.min_quantity * rng.choice((1, 4, 30)))
        value = more if field == "quantity" else moved
        if field == "trigger_price" and rng.random() < 0.2:
            change = msgspec.convert({"trail": {"ticks": rng.randrange(2, 60)}}, LegChange)
        else:
            change = msgspec.convert({field: value}, LegChange)
        version = rng.choice((None, None, None, 1, 2))
        return c.AmendOrder({leg: change}, account, client_order_id=name, if_version=version)

    def _deeds(self, commands: list[Given]) -> list[Deed]:
        """Other hands, halts and lost connections at moments of their own."""
        rng = self.rng
        out: list[Deed] = []
        kinds = ("cancel", "cancel", "amend", "close", "open")
        for _ in range(rng.choice((0, 0, 0, 1, 2, 4))):
            venue = rng.choice(self.venues)
            symbol = rng.choice(venue.instruments).symbol
            what = rng.choice(kinds)
            at = rng.choice(commands).at + rng.randrange(1, 20_000) * MS
            out.append(Deed(at, what, venue.name, rng.randrange(1000), symbol))
        return sorted(out, key=lambda deed: deed.at)

    def _clock(self) -> tuple[ClockStep, ...]:
        rng = self.rng
        steps: list[ClockStep] = []
        wrong = 0
        for at in sorted(self._moment() for _ in range(rng.choice((0, 0, 0, 1, 2, 3)))):
            other = rng.randrange(-SKEW_MAX * 1000, SKEW_MAX * 1000) * MS
            steps.append(ClockStep(at, other - wrong))
            wrong = other
        return tuple(steps)

    def _kills(self, crashes: bool) -> tuple[Kill, ...]:
        rng = self.rng
        count = rng.choice((1, 1, 2, 3, 5)) if crashes else 0
        span = rng.choice((30, 100, 400))
        kills: list[Kill] = []
        for _ in range(count):
            point = rng.randrange(1, span)
            down_ns = rng.choice((0, 0, 300, 5000, 30_000)) * MS
            kills.append(Kill(point, rng.random() < 0.3, rng.random() < 0.4, down_ns))
            if rng.random() < 0.3:  # and again while it recovers
                near = point + rng.randrange(1, 12)
                kills.append(Kill(near, rng.random() < 0.3, rng.random() < 0.4))
        return tuple(sorted(kills, key=lambda kill: kill.point))

    def _disk(self) -> tuple[tuple[DiskFull, ...], tuple[Ambiguous, ...]]:
        rng = self.rng
        full = [DiskFull(rng.randrange(1, 80), rng.choice((1, 3, 8)))] if rng.random() < 0.1 else []
        append, landed = rng.randrange(1, 80), rng.random() < 0.5
        unsure = [Ambiguous(append, landed)] if rng.random() < 0.1 else []
        if any(venue.faults.phantom_fill_permille for venue in self.venues):
            return (), ()  # a process that stops misses what takes the phantom back
        return tuple(full), tuple(unsure)


def plan_of(seed: int, without: Iterable[FaultClass] = ()) -> Plan:
    """The world of a seed; the classes of faults ``without`` switched off."""
    off = frozenset(without)
    plan = Draw(seed, off).plan()
    if seed < RISK_FROM:
        return plan
    if seed >= LISTS_FROM:
        return with_lists(with_risk(plan, off) if seed % 2 == 0 else plan)
    if seed < SESSIONS_FROM:
        return with_risk(plan, off)
    if seed % 2 == 0:  # every other world is left alone by kills, so that more of it trades
        plan = with_risk(plan, off)
    for with_more in (with_sessions, with_worths, with_thoughts, with_signals):
        plan = with_more(plan, off)
    return plan
