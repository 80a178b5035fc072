"""Risk in a world: limits, switches, breakers, feeds that fail, venues that go, clients gone wrong.

Decides what is drawn on top of a plan that is drawn already, for seeds from ``RISK_FROM`` on.
Invariants: it has a ``Random`` of its own and comes after everything else, so that an older seed
means what it meant, and what is switched off is drawn all the same.
"""

from random import Random
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from interlock.orders import commands as c
from interlock.orders.grid import Grid
from interlock.orders.instruments import PositionMode
from interlock.orders.legs import LegType, Side
from interlock.orders.limits import BlockCause, BlockLevel, Limits, RiskScope
from interlock.orders.ticks import Depth, Quote, Tick, Trade
from interlock.orders.tree import OnStaleFeed
from interlock.sim.plan import Deed, FaultClass, Given, Plan, Silence

RISK_FROM: Final = 2_000_000
"""The first seed whose world has limits and switches."""
MS: Final = 1_000_000
SECOND: Final = 1000 * MS
PLACE = msgspec.json.Decoder(c.PlaceOrder)
OFFICER: Final = "officer"
FEED_FIELDS: Final = ("feed_stale_ms", "feed_jump_bps")


def with_risk(plan: Plan, without: frozenset[FaultClass]) -> Plan:
    """The plan, and what is risked and stopped in it."""
    draw = RiskDraw(plan)
    stale = draw.stale_policies()
    limits = draw.limits()
    switches = draw.kills() + draw.countdowns()
    wrong = draw.gone_wrong()
    exits = draw.exits_by_hand()
    ticks, silences = draw.stretches()
    outages, halts = draw.outages(), draw.halts()
    for kind, fields in (
        (FaultClass.FEEDS, FEED_FIELDS),
        (FaultClass.OUTAGES, ("venue_gone_s",)),
        (FaultClass.RISK, ()),
    ):
        if kind in without:
            limits = [_without(given, fields) for given in limits] if fields else []
            switches = switches if fields else []
    commands = [*stale, *limits, *switches, *exits]
    if FaultClass.GONE_WRONG not in without:
        commands += wrong
    commands.sort(key=lambda given: given.at)
    deeds = [*plan.deeds]
    deeds += [] if FaultClass.OUTAGES in without else outages
    deeds += [] if FaultClass.HALTS in without else halts
    feeds = FaultClass.FEEDS not in without
    return replace(
        plan,
        commands=tuple(commands),
        deeds=tuple(sorted(deeds, key=lambda deed: deed.at)),
        ticks=tuple(ticks) if feeds else plan.ticks,
        silences=tuple(silences) if feeds else (),
    )


def _without(given: Given, fields: tuple[str, ...]) -> Given:
    command = given.command
    if not isinstance(command, c.SetLimits) or command.limits is None:
        return given
    limits = replace(command.limits, **dict.fromkeys(fields))
    return Given(given.at, replace(command, limits=limits))


class RiskDraw:
    """What is drawn for one world."""

    def __init__(self, plan: Plan, chance: str = "risk") -> None:
        """``chance``: which of the seed's dice are thrown."""
        self.plan = plan
        self.rng = Random(f"{chance} {plan.seed}")
        self.end = max(tick.at for tick in plan.ticks)
        self.instruments = [i for venue in plan.venues for i in venue.instruments]
        self.grids = {one.symbol: Grid(one) for one in self.instruments}
        self.symbols = sorted(self.grids)
        self.prices = {
            tick.instrument: tick.price for tick in reversed(plan.ticks) if isinstance(tick, Trade)
        }
        self.places = [g for g in plan.commands if isinstance(g.command, c.PlaceOrder)]
        self.accounts = sorted({self._place(g).account for g in self.places})
        self.sizes = self._sizes()
        self.scopes: list[RiskScope] = []
        self.names: list[str] = []
        """Of countdowns."""

    def _place(self, given: Given) -> c.PlaceOrder:
        assert isinstance(given.command, c.PlaceOrder)
        return given.command

    def _sizes(self) -> list[int]:
        """Quantities that are asked for, in whole increments, whatever the instrument."""
        found: list[int] = []

        def walk(node: Any) -> None:
            if isinstance(node, dict):
                grid, text = self.grids.get(node.get("instrument", "")), node.get("quantity")
                units = grid.quantity_units(text) if grid and isinstance(text, str) else None
                if isinstance(units, int):
                    found.append(units)
                for inner in node.values():
                    walk(inner)
            elif isinstance(node, list | tuple):
                for inner in node:
                    walk(inner)

        for given in self.places:
            walk(msgspec.to_builtins(self._place(given).order))
        return found or [10]

    def _moment(self) -> int:
        start = self.plan.start
        return start + self.rng.randrange(max(1, (self.end - start) // MS)) * MS

    def _chance(self, share: float) -> bool:
        return self.rng.random() < share

    def scope(self) -> RiskScope:
        rng = self.rng
        account, symbol = rng.choice(self.accounts), rng.choice(self.symbols)
        tag = rng.choice(("alpha", "beta", "loop"))
        venue = symbol.rpartition(".")[2]
        return rng.choice(
            (
                RiskScope(),
                RiskScope(),
                RiskScope(account=account),
                RiskScope(account=account),
                RiskScope(instrument=symbol),
                RiskScope(instrument=symbol),
                RiskScope(tag=tag),
                RiskScope(venue=venue),
                RiskScope(account=account, instrument=symbol),
                RiskScope(account=account, tag=tag),
            )
        )

    # Limits

    def limits(self) -> list[Given]:
        """Set when the world begins, and changed while orders live."""
        rng = self.rng
        out: list[Given] = []
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            scope = self.scope()
            self.scopes.append(scope)
            first = self.plan.start if self._chance(0.7) else self._moment()
            out.append(Given(first, c.SetLimits(scope, self._limits(), OFFICER)))
            for _ in range(rng.choice((0, 0, 1, 2))):
                later = None if self._chance(0.3) else self._limits()
                out.append(Given(self._moment(), c.SetLimits(scope, later, OFFICER)))
        return out

    def _limits(self) -> Limits:
        rng = self.rng
        grid = self.grids[rng.choice(self.symbols)]
        size = rng.choice(self.sizes)
        price = self.prices.get(grid.symbol, 1000)

        def quantity(*times: int) -> str:
            return grid.quantity_text(max(1, size * rng.choice(times) // 2))

        def money(*times: int) -> str:
            return grid.money_text(max(1, size * price * rng.choice(times) // 100))

        fields: dict[str, tuple[float, Any]] = {
            "max_order_quantity": (0.2, quantity(1, 2, 4, 20)),
            "max_order_notional": (0.15, money(50, 100, 200, 1000)),
            "max_position": (0.35, quantity(1, 2, 3, 5, 20)),
            "max_gross_notional": (0.15, money(50, 100, 300, 1000)),
            "max_open_orders": (0.25, rng.choice((1, 2, 3, 6))),
            "max_orders_per_s": (0.15, rng.choice((1, 2, 5))),
            "max_cancels_per_s": (0.1, rng.choice((1, 2))),
            "max_daily_loss": (0.2, money(0, 1, 3, 10)),
            "day_starts": (0.3, rng.choice(("22:14", "22:15", "00:00"))),
            "max_price_deviation_bps": (0.15, rng.choice((50, 200, 1000))),
            "min_stop_distance_bps": (0.08, rng.choice((1, 20, 100))),
            "max_stop_distance_bps": (0.08, rng.choice((200, 1000))),
            "reduce_only": (0.04, True),
            "instruments": (0.05, (rng.choice(self.symbols),)),
            "sides": (0.05, (rng.choice(list(Side)),)),
            "leg_types": (0.05, tuple(rng.sample(list(LegType), 5))),
            "min_free_margin": (0.08, rng.choice(("0", "50000", "99900", "99999"))),
            "initial_margin_bps": (0.5, rng.choice((1000, 5000))),
            "feed_stale_ms": (0.3, rng.choice((800, 2000, 5000))),
            "feed_jump_bps": (0.2, rng.choice((50, 200, 500))),
            "feed_calm_ms": (0.8, rng.choice((500, 2000))),
            "breaker_orders_per_s": (0.15, rng.choice((1, 3, 6))),
            "breaker_amends_per_s": (0.15, rng.choice((1, 3))),
            "breaker_rejects": (0.2, rng.choice((1, 2, 3))),
            "breaker_losses": (0.2, rng.choice((1, 2))),
            "breaker_on_halt": (0.15, True),
            "breaker_level": (0.7, rng.choice(list(BlockLevel))),
            "breaker_cool_s": (1.0, rng.choice((1, 2, 5))),
            "venue_gone_s": (0.3, rng.choice((1, 3, 10))),
        }
        drawn = {name: value for name, (share, value) in fields.items() if self._chance(share)}
        return msgspec.convert(drawn, Limits)

    # Switches

    def kills(self) -> list[Given]:
        """Kills of every kind of scope at every level, made stronger, and lifted."""
        rng = self.rng
        out: list[Given] = []
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
            scope, at = self.scope(), self._moment()
            for _ in range(rng.choice((1, 1, 2))):
                out.append(Given(at, c.Kill(scope, rng.choice(list(BlockLevel)), OFFICER)))
                at += rng.randrange(0, 5000) * MS
            if self._chance(0.6):
                at += rng.randrange(0, 20_000) * MS
                out.append(Given(at, c.Lift(BlockCause.KILL, str(scope), "admin")))
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            causes = (BlockCause.BREAKER, BlockCause.LOSS, BlockCause.FEED, BlockCause.OUTAGE)
            cause = rng.choice(causes)
            name = str(rng.choice(self.scopes)) if self.scopes else "all"
            if cause is BlockCause.FEED:
                name = rng.choice(self.symbols)
            elif cause is BlockCause.OUTAGE:
                name = f"stream of venue {rng.choice(self.plan.venues).name}"
            out.append(Given(self._moment(), c.Lift(cause, name, "admin")))
        return out

    def countdowns(self) -> list[Given]:
        """Armed, refreshed in time or too late, disarmed, or left to run out."""
        rng = self.rng
        out: list[Given] = []
        for number in range(rng.choice((0, 0, 0, 1, 1, 2))):
            name, after_ms = f"bot {number + 1}", rng.choice((500, 2000, 8000))
            level = rng.choice(list(BlockLevel))
            arm = c.ArmCountdown(name, after_ms, self.scope(), level, name)
            at = self._moment()
            for _ in range(rng.choice((1, 2, 4, 8))):
                out.append(Given(at, arm))
                at += after_ms * rng.choice((30, 60, 90, 130)) // 100 * MS
            if self._chance(0.4):
                out.append(Given(at, c.DisarmCountdown(name, name)))
            elif self._chance(0.3):
                out.append(Given(at, c.Lift(BlockCause.COUNTDOWN, name, "admin")))
        return out

    # Feeds and venues

    def stale_policies(self) -> list[Given]:
        """The same commands, their orders with each value of ``on_stale_feed``."""
        chosen: dict[tuple[str, str], OnStaleFeed] = {}
        choices = list(OnStaleFeed)
        if not all(venue.capabilities.native_stop for venue in self.plan.venues):
            choices.remove(OnStaleFeed.SAFETY_STOP)
        out: list[Given] = []
        for given in self.plan.commands:
            place = given.command
            if isinstance(place, c.PlaceOrder):
                key = (place.account, place.client_order_id)
                if key not in chosen:
                    chosen[key] = self.rng.choice(choices)
                policy = replace(place.policy, on_stale_feed=chosen[key])
                given = Given(given.at, replace(place, policy=policy))
            out.append(given)
        return out

    def stretches(self) -> tuple[list[Tick], list[Silence]]:
        """Stretches in which a market is silent to us, crossed, one-sided, or somewhere else."""
        rng = self.rng
        ticks = list(self.plan.ticks)
        silences: list[Silence] = []
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            symbol, at = rng.choice(self.symbols), self._moment()
            until = min(self.end, at + rng.randrange(500, 20_000) * MS)
            kind = rng.choice(("silent", "crossed", "one-sided", "jump"))
            if kind == "silent":
                silences.append(Silence(symbol, at, until))
            elif kind == "jump":
                permille = rng.choice((700, 950, 980, 1030, 1400))
                ticks = [_jumped(one, symbol, at, until, permille) for one in ticks]
            else:
                price = self.prices.get(symbol, 1000)
                bid, ask = (price, 0) if self._chance(0.5) else (0, price)
                if kind == "crossed":
                    bid, ask = price + 3, price
                size = 10 * self.grids[symbol].min_quantity
                moments = range(at, until, 700 * MS)
                ticks += [Quote(symbol, moment, bid, size, ask, size) for moment in moments]
        ticks.sort(key=lambda tick: tick.at)
        return ticks, silences

    def outages(self) -> list[Deed]:
        """A venue's connection is gone for long. Not where the report that takes a phantom fill
        back could pass while nobody listens."""
        rng = self.rng
        out: list[Deed] = []
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            venue, at = rng.choice(self.plan.venues), self._moment()
            back = at + rng.randrange(500, 40_000) * MS
            if not venue.faults.phantom_fill_permille:
                out += [Deed(at, "down", venue.name), Deed(back, "up", venue.name)]
        return out

    def halts(self) -> list[Deed]:
        rng = self.rng
        out: list[Deed] = []
        for _ in range(rng.choice((0, 0, 0, 0, 1))):
            symbol, at = rng.choice(self.symbols), self._moment()
            back, venue = at + rng.randrange(100, 20_000) * MS, symbol.rpartition(".")[2]
            out += [
                Deed(at, "halt", venue, instrument=symbol),
                Deed(back, "resume", venue, instrument=symbol),
            ]
        return out

    # Clients

    def gone_wrong(self) -> list[Given]:
        """A client that places, or amends, without end; that adds a nought; that sends no number.

        Never in one world with an order of its own name.
        """
        rng = self.rng
        out: list[Given] = []
        for number in range(rng.choice((0, 0, 1, 1, 2))):
            at, apart = self._moment(), rng.choice((1, 20, 100, 400)) * MS
            count = rng.randrange(4, 20)
            kind = rng.choice(("loop", "loop", "churn", "amends", "fat finger", "signals"))
            if kind == "amends":
                out += self._amends(at, apart, count)
            elif kind == "signals":
                values = [rng.choice(("NaN", "", "1e9", "-", "0")) for _ in range(count)]
                signals = [c.Signal("mood", value) for value in values]
                out += [Given(at + n * apart, one) for n, one in enumerate(signals)]
            else:
                wrong = kind == "fat finger"
                count = rng.choice((1, 2)) if wrong else count
                place = self._simple(f"wrong {number}", rng.choice((1, 10, 100)) if wrong else 1)
                for n in range(count):
                    one = replace(place, client_order_id=f"{place.client_order_id}.{n}")
                    out.append(Given(at + n * apart, one))
                    if kind == "churn":  # canceled at once, and placed anew before it is gone
                        gone = c.CancelOrder(one.account, client_order_id=one.client_order_id)
                        out.append(Given(at + n * apart + rng.randrange(apart), gone))
        return out

    def _amends(self, at: int, apart: int, count: int) -> list[Given]:
        rng = self.rng
        given = rng.choice(self.places)
        place, at = self._place(given), max(at, given.at + 100 * MS)
        leg = rng.choice(("entry", "up", "stop", "target", "entry_0"))
        field = rng.choice(("price", "quantity", "trigger_price"))
        grid = self.grids[rng.choice(self.symbols)]
        out: list[Given] = []
        for n in range(count):
            units = self.prices.get(grid.symbol, 1000) + n * rng.choice((-1, 1, 7))
            value = grid.price_text(max(1, units))
            if field == "quantity":
                value = grid.quantity_text(grid.min_quantity * (n + 1))
            body = {"type": "amend", "account": place.account, "legs": {leg: {field: value}}}
            body |= {"client_order_id": place.client_order_id}
            out.append(Given(at + n * apart, msgspec.convert(body, c.AmendOrder)))
        return out

    def _simple(self, name: str, noughts: int) -> c.PlaceOrder:
        """One leg near the market; ``noughts`` makes its price and its quantity too large."""
        rng = self.rng
        symbol = rng.choice(self.symbols)
        grid, side = self.grids[symbol], rng.choice(("buy", "sell"))
        price = self.prices.get(symbol, 1000)
        kind = rng.choice(("limit", "limit", "market", "stop"))
        away = price // rng.choice((50, 200, 1000)) * (1 if side == "sell" else -1)
        leg: dict[str, Any] = {"type": kind, "id": "entry", "instrument": symbol, "side": side}
        leg["quantity"] = grid.quantity_text(grid.min_quantity * rng.choice((1, 2, 5)) * noughts)
        if kind == "limit":
            leg["price"] = grid.price_text(max(1, price + away) * min(noughts, 10))
        elif kind == "stop":
            leg["trigger_price"] = grid.price_text(max(1, price - away) * min(noughts, 10))
        if grid.instrument.position_mode is PositionMode.HEDGE:
            leg["position_side"] = "long" if side == "buy" else "short"
        tag, account = rng.choice(("", "alpha", "loop", "loop")), rng.choice(self.accounts)
        body = {"type": "place", "client_order_id": name, "account": account, "order": leg}
        return PLACE.decode(msgspec.json.encode({**body, "tag": tag}))

    def exits_by_hand(self) -> list[Given]:
        """Reduce-only orders, which no block and no figure may stop."""
        rng = self.rng
        out: list[Given] = []
        for number in range(rng.choice((0, 0, 1, 3))):
            place, at = self._simple(f"exit {number}", 1), self._moment()
            symbol = str(getattr(place.order, "instrument"))  # noqa: B009
            able = next(v.capabilities for v in self.plan.venues if symbol.endswith(v.name))
            one_way = self.grids[symbol].one_way
            if able.reduce_only and one_way:
                out.append(Given(at, replace(place, order=replace(place.order, reduce_only=True))))
        return out


def _jumped(tick: Tick, symbol: str, at: int, until: int, permille: int) -> Tick:
    """A tick of the stretch, its prices elsewhere."""
    if tick.instrument != symbol or not at <= tick.at < until:
        return tick
    if isinstance(tick, Trade):
        return replace(tick, price=max(1, tick.price * permille // 1000))
    if isinstance(tick, Quote) and tick.sound:
        bid = max(1, tick.bid * permille // 1000)
        return replace(tick, bid=bid, ask=max(bid + 1, tick.ask * permille // 1000))
    if isinstance(tick, Depth):
        bids, asks = _scaled(tick.bids, permille, 0), _scaled(tick.asks, permille, 2)
        return replace(tick, bids=bids, asks=asks)
    return tick


def _scaled(
    levels: tuple[tuple[int, int], ...], permille: int, more: int
) -> tuple[tuple[int, int], ...]:
    """A side of a book elsewhere, its levels as far apart as they were."""
    if not levels:
        return levels
    by = max(1, levels[0][0] * permille // 1000) + more - levels[0][0]
    return tuple([(price + by, size) for price, size in levels if price + by > 0])
