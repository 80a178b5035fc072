"""Small markets with jumps and gaps, one tick at a time.

Decides the prices of a world. Invariant: the same ``Random`` gives the same ticks; prices stay
above zero, and ticks of one instrument never go back in time.
"""

from random import Random

from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Depth, Index, Mark, Quote, Tick, Trade

MS = 1_000_000
SECOND = 1000 * MS


class Tape:
    """One instrument's market. ``scale`` is a usual move, in increments."""

    def __init__(self, rng: Random, instrument: Instrument, price: int, at: int) -> None:
        self.rng = rng
        self.symbol = instrument.symbol
        self.price = price
        self.at = at
        self.scale = max(2, price // 400)
        least = Grid(instrument).min_quantity
        self._sizes = [least * n for n in (1, 2, 5, 20, 100)]
        self._depth = rng.random() < 0.2

    def run(self, until: int) -> list[Tick]:
        """Ticks up to ``until``, sometimes with a hole and a far price behind it."""
        rng = self.rng
        ticks: list[Tick] = [self._trade()]
        while True:
            wait = rng.randrange(5, 1500) * MS
            if rng.random() < 0.03:  # a gap
                wait = rng.randrange(3, 25) * SECOND
                self._move(rng.choice((-1, 1)) * rng.randrange(2, 12) * self.scale)
            self.at += wait
            if self.at >= until:
                return ticks
            step = rng.choice((0, 0, 1, -1, 2, -2, 3, -3))
            if rng.random() < 0.05:  # a jump
                step *= 6
            self._move(step * self.scale // 4)
            ticks.append(self._tick())

    def calm(self, count: int, apart_ns: int) -> list[Tick]:
        """The price stands where it is: what rests comes to rest."""
        ticks: list[Tick] = []
        for number in range(count):
            self.at += apart_ns
            shown = self._quote if number % 3 == 0 else self._trade
            ticks.append(shown())
        return ticks

    def _move(self, by: int) -> None:
        self.price = max(self.scale * 4, self.price + by)

    def _tick(self) -> Tick:
        draw = self.rng.random()
        if draw < 0.55:
            return self._trade()
        if draw < 0.85:
            return self._quote()
        if draw < 0.93:
            kind = Mark if draw < 0.89 else Index
            return kind(self.symbol, self.at, self.price + self.rng.randrange(-2, 3))
        return self._nonsense()

    def _size(self) -> int:
        return self.rng.choice(self._sizes)

    def _trade(self) -> Trade:
        side = self.rng.choice((-1, 0, 1))
        return Trade(self.symbol, self.at, self.price, self._size(), side)

    def _quote(self) -> Tick:
        rng = self.rng
        half = rng.choice((1, 1, 1, 2, self.scale))
        bid, ask = max(1, self.price - half), self.price + half
        if self._depth:
            bids = tuple((max(1, bid - n), self._size()) for n in range(3) if bid - n > 0)
            return Depth(self.symbol, self.at, bids, ((ask, self._size()), (ask + 1, self._size())))
        return Quote(self.symbol, self.at, bid, self._size(), ask, self._size())

    def _nonsense(self) -> Tick:
        """One-sided, crossed and locked quotes fire nothing."""
        bid, ask = self.rng.choice(((0, self.price), (self.price, 0), (self.price, self.price)))
        if self.rng.random() < 0.3:
            bid, ask = self.price + 5 * self.scale, max(1, self.price - 5 * self.scale)
        return Quote(self.symbol, self.at, bid, self._size(), ask, self._size())
