"""Made-up markets that look like real ones, so that the product shows itself without a data file.

Decides a market from a seed: volatility that clusters, jumps, trends, a flash crash with a wick and
its recovery, a gap, a halt. Invariant: whole numbers only, and of chance only ``getrandbits`` of
Python's Mersenne Twister, so a seed is the same market on every machine and version.
"""

from collections.abc import Iterator
from enum import StrEnum
from math import isqrt
from random import Random

from msgspec import Struct

from interlock.market.script import SECOND_NS, START_NS
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.numbers import NumberProblem
from interlock.orders.ticks import Quote, Trade

BTC = Instrument("BTCUSDT.PAPER", price_increment="0.01", quantity_increment="0.00001")
MINUTE_NS = 60 * SECOND_NS
SCALE = 1_000_000
"""Returns and volatilities are in millionths."""
MEAN_WAIT_NS = 400_000_000
"""Between two ticks of a calm market."""
CALM_VARIANCE = 900
"""Of one step's return: 30 millionths, about 3 % a day."""


class Regime(StrEnum):
    """What a stretch of time is like."""

    CALM = "calm"
    RISE = "rise"
    FALL = "fall"
    CRASH = "crash"
    """A fall of 5 to 9 % within seconds, a wick beyond, and most of it back within minutes."""
    GAP = "gap"
    """Nothing for the whole stretch, then a price 2 to 4 % away."""
    HALT = "halt"
    """A quote without sides, nothing for the whole stretch, then on from where it was."""


class Stretch(Struct, frozen=True):
    regime: Regime
    seconds: int


def usual(minutes: int) -> tuple[Stretch, ...]:
    """A little of everything, in ``minutes``."""
    shares = (
        (Regime.CALM, 22),
        (Regime.RISE, 16),
        (Regime.CALM, 10),
        (Regime.CRASH, 10),
        (Regime.CALM, 8),
        (Regime.HALT, 4),
        (Regime.FALL, 14),
        (Regime.GAP, 4),
        (Regime.CALM, 12),
    )
    return tuple(Stretch(regime, minutes * 60 * share // 100) for regime, share in shares)


def generate(
    seed: int,
    minutes: int = 60,
    instrument: Instrument = BTC,
    price: str = "30000",
    start: int = START_NS,
    stretches: tuple[Stretch, ...] = (),
) -> Iterator[Quote | Trade]:
    """The ticks of one made-up market; ``stretches`` instead of ``usual(minutes)`` if given."""
    grid = Grid(instrument)
    first = grid.price_units(price)
    if isinstance(first, NumberProblem):
        raise ValueError(f"price {price} of {instrument.symbol}: {first.detail}")
    market = _Market(Random(seed), grid, first, start)
    for stretch in stretches or usual(minutes):
        yield from market.run(stretch)


class _Market:
    """The price and how restless it is. ``mid`` is in millionths of an increment."""

    __slots__ = ("_chance", "_grid", "_lot", "_usual", "at", "mid", "variance")

    def __init__(self, chance: Random, grid: Grid, price: int, at: int) -> None:
        self._chance = chance
        self._grid = grid
        self._usual = price * SCALE
        self._lot: int = max(1, 10**grid.quantity.places // (100 * grid.quantity.mantissa))
        self.mid = price * SCALE
        self.variance = CALM_VARIANCE
        self.at = at

    def run(self, stretch: Stretch) -> Iterator[Quote | Trade]:
        end = self.at + stretch.seconds * SECOND_NS
        match stretch.regime:
            case Regime.CALM:
                yield from self._wander(end, 0)
            case Regime.RISE:
                yield from self._wander(end, 6)
            case Regime.FALL:
                yield from self._wander(end, -6)
            case Regime.CRASH:
                yield from self._crash(end)
            case Regime.GAP:
                self.at = end
                self._move(self._sign() * self._between(20_000, 40_000))
                yield from self._open_again()
            case Regime.HALT:
                yield Quote(self._grid.symbol, self._next(), 0, 0, 0, 0)
                self.at = max(end, self.at)
                yield from self._open_again()

    def _wander(self, end: int, drift: int) -> Iterator[Quote | Trade]:
        """Steps whose size follows the sizes of the steps before: a GARCH(1, 1) in integers."""
        while self._next() < end:
            step = isqrt(self.variance) * self._normal() // SCALE + drift
            if self._chance.getrandbits(11) == 0:
                step += self._sign() * self._between(1_000, 3_000)
            self.variance = (
                CALM_VARIANCE * 4 + self.variance * 88 + min(step * step, SCALE) * 8
            ) // 100
            self._move(step)
            yield self._quote() if self._chance.getrandbits(2) == 0 else self._trade()
        self.at = end

    def _crash(self, end: int) -> Iterator[Quote | Trade]:
        """Down in some 150 quick trades, a wick of three, then back in ever smaller steps."""
        before = self.mid
        bottom = before * (1_000 - self._between(50, 90)) // 1_000
        steps = self._between(120, 180)
        for left in range(steps, 0, -1):
            self.at += self._between(20_000_000, 120_000_000)
            self.mid += (bottom - self.mid) // left
            self._move(isqrt(CALM_VARIANCE) * 4 * self._normal() // SCALE)
            yield self._trade(-1, 8) if self._chance.getrandbits(3) else self._quote(40)
        for depth in (12, 30, 9):
            self.at += self._between(1_000_000, 5_000_000)
            wick = bottom * (1_000 - depth) // 1_000
            yield Trade(self._grid.symbol, self.at, self._units(wick), self._size(20), -1)
        self.variance = CALM_VARIANCE * 60
        end = max(end, self.at)
        back = before * (1_000 - self._between(5, 15)) // 1_000
        recovering = min(end, self.at + 3 * MINUTE_NS)
        while self._next() < recovering:
            self.mid += (back - self.mid) // 60
            self._move(isqrt(CALM_VARIANCE) * 3 * self._normal() // SCALE)
            yield self._trade(1, 4) if self._chance.getrandbits(2) else self._quote(12)
        yield from self._wander(end, 0)

    def _open_again(self) -> Iterator[Quote | Trade]:
        """A wide quote, one large trade, and restless for a while."""
        self.variance = CALM_VARIANCE * 20
        yield self._quote(20)
        self._next()
        yield Trade(self._grid.symbol, self.at, self._units(self.mid), self._size(50), 0)

    def _quote(self, width: int = 1) -> Quote:
        """``width`` times the usual spread of 0.2 basis points, at least one increment."""
        half = max(SCALE // 2, self.mid * width // 100_000)
        bid = self._units(self.mid - half)
        ask = max(bid + 1, self._units(self.mid + half))
        return Quote(self._grid.symbol, self.at, bid, self._size(6), ask, self._size(6))

    def _trade(self, aggressor: int = 0, scale: int = 1) -> Trade:
        side = aggressor or self._sign()
        price = self._units(self.mid + side * max(SCALE // 2, self.mid // 100_000))
        return Trade(self._grid.symbol, self.at, price, self._size(scale), side)

    def _move(self, millionths: int) -> None:
        """Never below a hundredth of where it all began: a market that is gone teaches nothing."""
        self.mid = max(self._usual // 100, SCALE, self.mid + self.mid * millionths // SCALE)

    def _units(self, mid: int) -> int:
        return max(1, mid // SCALE)

    def _next(self) -> int:
        """Move on to the next tick: waits are short mostly and long at times."""
        calm = max(1, isqrt(self.variance * 100 // CALM_VARIANCE))
        draw = self._between(1, 1_000) * self._between(1, 1_000) * 4 // 1_000
        self.at += max(1_000, MEAN_WAIT_NS * draw // 1_000 * 10 // calm)
        return self.at

    def _size(self, scale: int) -> int:
        """Small lots mostly, a hundred times as large at times."""
        tenth = self._between(1, 10)
        return self._lot * scale * tenth * tenth * (10 if self._chance.getrandbits(5) == 0 else 1)

    def _normal(self) -> int:
        """Nearly normal, in millionths: twelve even draws less their mean."""
        total: int = sum(self._chance.getrandbits(20) for _ in range(12))
        return (total - 6 * (1 << 20)) * SCALE // (1 << 20)

    def _sign(self) -> int:
        return 1 if self._chance.getrandbits(1) else -1

    def _between(self, low: int, high: int) -> int:
        """Evenly, both ends included (but for a bias too small to see in 32 bits)."""
        return low + self._chance.getrandbits(32) % (high - low + 1)
