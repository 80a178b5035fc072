"""A scope with limits: what is held and could come to be held in it, counted as it goes.

Decides nothing; gates read it. Invariant: every figure is the sum over the orders and fills that
the scope covers, so that it can be built anew from them at any time.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from interlock.orders.grid import Grid
from interlock.orders.limits import Limits, RiskScope
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
    """A scope's limits in one instrument's whole increments."""

    __slots__ = ("order_notional", "order_quantity", "position")

    def __init__(self, limits: Limits, grid: Grid) -> None:
        self.order_quantity = _units(limits.max_order_quantity, grid, False)
        self.order_notional = _units(limits.max_order_notional, grid, True)
        self.position = _units(limits.max_position, grid, False)


def _units(text: str | None, grid: Grid, of_money: bool) -> int:
    return NONE if text is None else units_of(grid, text, of_money)


class Limited:
    """One scope, its limits, and what there is of it."""

    __slots__ = (
        *("_bounds", "_markets", "baseline", "canceled", "day_ends", "lines", "loss_max"),
        *("limits", "open", "placed", "scope", "sent"),
    )

    def __init__(self, scope: RiskScope, limits: Limits, markets: Markets) -> None:
        self.scope = scope
        self.lines: dict[tuple[str, str], Line] = {}
        self.open = 0
        """Live orders."""
        self.placed = Rate()
        self.sent = Rate()
        self.canceled = Rate()
        self.baseline = 0
        """Equity when the day began, in hundred-millionths."""
        self.day_ends = 0
        """ns UTC; 0 before the first day began."""
        self._markets = markets
        self.limit(limits)

    def limit(self, limits: Limits) -> None:
        self.limits = limits
        self._bounds: dict[str, Bounds] = {}
        self.loss_max = NONE if limits.max_daily_loss is None else amount(limits.max_daily_loss)

    def bounds(self, grid: Grid) -> Bounds:
        found = self._bounds.get(grid.symbol)
        if found is None:
            found = self._bounds[grid.symbol] = Bounds(self.limits, grid)
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
            price = market.reference() if line.net else None
            marked = 0 if price is None else line.net * price - line.basis
            total += common(market.grid, line.realised + marked)
        return total

    def loss(self) -> int:
        """Lost since the day began, in hundred-millionths; below zero: a gain."""
        return self.baseline - self.equity()

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
