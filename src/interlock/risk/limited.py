"""A scope with limits: what is held and could come to be held in it, counted as it goes.

Decides nothing; gates read it. Invariant: every figure is the sum over the orders and fills that
the scope covers, so that it can be built anew from them at any time.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from interlock.orders.grid import Grid
from interlock.orders.legs import Side
from interlock.orders.limits import Limits, RiskScope
from interlock.risk.breakers import Breakers, any_set
from interlock.risk.holding import Holding
from interlock.risk.money import amount, common, units_of
from interlock.risk.rate import Rate

NONE: Final = -1
"""No limit."""
NEVER: Final = 1 << 62
MINUTE_NS: Final = 60_000_000_000
DAY_NS: Final = 86_400_000_000_000

Part = tuple[str, str, int, int]
"""Instrument, position side, and what live entries could still buy and sell there."""


class Priced(Protocol):
    """A market, as far as risk looks at it."""

    grid: Grid

    def reference(self) -> int | None:
        """A price to value things at."""


Markets = Mapping[str, Priced]


class Line(Holding):
    """One instrument of a scope, with what its live entries could still add."""

    __slots__ = ("buys", "sells")

    def __init__(self) -> None:
        super().__init__()
        self.buys = 0
        self.sells = 0

    def worst(self, buys: int = 0, sells: int = 0) -> int:
        """The larger of long and short it could come to."""
        return max(self.net + self.buys + buys, self.sells + sells - self.net, 0)


class Bounds:
    """A scope's limits in one instrument's whole increments, and what there is of it."""

    __slots__ = (
        *("allowed", "buys", "cancels", "collar_bps", "gross", "kinds", "limited", "line", "open"),
        *("order_notional", "order_quantity", "orders", "plain", "position", "sells"),
    )

    def __init__(self, limited: "Limited", grid: Grid) -> None:
        limits = limited.limits
        self.limited = limited
        self.line = limited.line(grid.symbol, "")
        """Of the net position; in hedge mode there are others."""
        self.order_quantity = _units(limits.max_order_quantity, grid, False)
        self.order_notional = _units(limits.max_order_notional, grid, True)
        self.position = _units(limits.max_position, grid, False)
        self.gross = _units(limits.max_gross_notional, grid, True)
        self.open = _count(limits.max_open_orders)
        self.orders = _count(limits.max_orders_per_s)
        self.cancels = _count(limits.max_cancels_per_s)
        self.collar_bps = _count(limits.max_price_deviation_bps)
        self.allowed = limits.instruments is None or grid.symbol in limits.instruments
        self.buys = limits.sides is None or Side.BUY in limits.sides
        self.sells = limits.sides is None or Side.SELL in limits.sides
        self.kinds = None if limits.leg_types is None else dict.fromkeys(limits.leg_types)
        self.plain = self.allowed and not limits.reduce_only and limits.min_free_margin is None

    def lets(
        self,
        quantity: int,
        worth: int,
        beyond_bps: int,
        buys: int,
        sells: int,
        reference: int,
        at: int,
    ) -> bool:
        """Whether a plain order of entries in this one instrument surely passes every gate.

        ``quantity``, ``worth`` (0: unknown) and ``beyond_bps`` are the largest of its legs. What
        does not surely pass here is asked gate by gate.
        """
        limited = self.limited
        if not self.plain or (buys and not self.buys) or (sells and not self.sells):
            return False
        if quantity > self.order_quantity >= 0 or limited.open >= self.open >= 0:
            return False
        if self.order_notional >= 0 and not 0 < worth <= self.order_notional:
            return False
        if beyond_bps > self.collar_bps >= 0:
            return False
        line = self.line
        if self.position >= 0 and (
            line.net + line.buys + buys > self.position
            or line.sells + sells - line.net > self.position
        ):
            return False
        if self.orders >= 0 and limited.placed.at(at) >= self.orders:
            return False
        if self.cancels >= 0 and limited.canceled.at(at) > self.cancels:
            return False
        alone = len(limited.lines) == 1
        if self.gross >= 0 and not (
            alone and reference > 0 and line.worst(buys, sells) * reference <= self.gross
        ):
            return False
        return limited.loss_max < 0 or limited.unhurt(line if alone else None, reference)


def _units(text: str | None, grid: Grid, of_money: bool) -> int:
    return NONE if text is None else units_of(grid, text, of_money)


def _count(most: int | None) -> int:
    return NONE if most is None else most


class Limited:
    """One scope, its limits, and what there is of it."""

    __slots__ = (
        *("_bounds", "_markets", "_unhurt", "baseline", "breakers", "breaks", "canceled"),
        *("day_ends", "lines", "margin_low"),
        *("limits", "loss_max", "open", "placed", "scope", "sent"),
    )

    def __init__(self, scope: RiskScope, limits: Limits, markets: Markets) -> None:
        self.scope = scope
        self.lines: dict[tuple[str, str], Line] = {}
        self.open = 0
        """Live orders."""
        self.placed = Rate()
        self.sent = Rate()
        self.canceled = Rate()
        self.breakers = Breakers()
        self.baseline = 0
        """Equity when the day began, in hundred-millionths."""
        self.margin_low = False
        self.day_ends = 0
        """ns UTC; 0 before the first day began."""
        self._markets = markets
        self._unhurt = (0, 0, 0, 0)
        """The net position, what it has cost and earned, and a price at which the day's loss was
        below its limit."""
        self.limit(limits)

    def limit(self, limits: Limits) -> None:
        self.limits = limits
        self._bounds: dict[str, Bounds] = {}
        self._unhurt = (0, 0, 0, 0)
        self.breaks = any_set(limits)
        """Whether it has breakers."""
        self.loss_max = NONE if limits.max_daily_loss is None else amount(limits.max_daily_loss)

    def bounds(self, grid: Grid) -> Bounds:
        found = self._bounds.get(grid.symbol)
        if found is None:
            found = self._bounds[grid.symbol] = Bounds(self, grid)
        return found

    def line(self, instrument: str, side: str) -> Line:
        found = self.lines.get((instrument, side))
        if found is None:
            found = self.lines[(instrument, side)] = Line()
        return found

    def count(self, parts: tuple[Part, ...], sign: int) -> None:
        """Add (or with -1 take away) what an order's live entries could come to."""
        only = self.scope.instrument
        for instrument, side, buys, sells in parts:
            if only is None or only == instrument:
                line = self.line(instrument, side)
                line.buys += sign * buys
                line.sells += sign * sells

    def equity(self) -> int:
        """What all of it has earned and is worth beyond its cost, in hundred-millionths.

        A position whose market shows no price counts at its cost.
        """
        total = 0
        for (instrument, _), line in self.lines.items():
            market = self._markets[instrument]
            price = market.reference() if line.net else 0  # nothing is held: no price is needed
            marked = 0 if price is None else line.net * price - line.basis
            total += common(market.grid, line.realised + marked)
        return total

    def loss(self) -> int:
        """Lost since the day began, in hundred-millionths; below zero: a gain."""
        return self.baseline - self.equity()

    def begin_day(self, equity: int, until: int) -> None:
        self.baseline, self.day_ends = equity, until
        self._unhurt = (0, 0, 0, 0)

    def unhurt(self, line: Line | None, price: int) -> bool:
        """Whether the day's loss is below its limit; asked again with nothing changed in the one
        line there is, the answer is remembered."""
        if line is None:
            return self.loss() < self.loss_max
        known = self._unhurt
        if price and known == (line.net, line.basis, line.realised, price):
            return True
        if self.loss() >= self.loss_max:
            return False
        self._unhurt = (line.net, line.basis, line.realised, price)
        return True

    def holds(self) -> bool:
        return any(line.net for line in self.lines.values())

    def next_day(self, at: int) -> int:
        """When the day that ``at`` lies in ends; ns UTC."""
        start = self.limits.day_minute * MINUTE_NS
        return at - (at - start) % DAY_NS + DAY_NS

    def gross(self, parts: tuple[Part, ...] = ()) -> int | None:
        """The worth of everything held or possible, in hundred-millionths; nothing where a price is
        missing."""
        extra: dict[tuple[str, str], tuple[int, int]] = {}
        for instrument, side, buys, sells in parts:
            if self.scope.instrument in (None, instrument):
                extra[(instrument, side)] = (buys, sells)
                self.line(instrument, side)
        total = 0
        for key, line in self.lines.items():
            buys, sells = extra.get(key, (0, 0))
            worst = line.worst(buys, sells)
            if not worst:
                continue
            market = self._markets[key[0]]
            price = market.reference()
            if price is None:
                return None
            total += common(market.grid, worst * abs(price))
        return total
