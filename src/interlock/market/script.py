"""Scripted markets: a few words that become ticks, for tests, demonstrations and documents.

Decides nothing by chance. Invariant: every tick is later than the one before, by ``every_ns``.
"""

from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.numbers import NumberProblem
from interlock.orders.ticks import Depth, Index, Level, Mark, Quote, Tick, Trade

START_NS = 1_704_153_600_000_000_000
"""2024-01-02 00:00:00 UTC, a Tuesday."""
SECOND_NS = 1_000_000_000


class Script:
    """A market written down: ``Script(btc).trade("30000").quote("29999", "30001").to("28000")``.

    Prices and quantities are decimal text and must fit the increments. ``ticks`` is what it says.
    """

    def __init__(
        self, instrument: Instrument, at: int = START_NS, every_ns: int = SECOND_NS
    ) -> None:
        self._grid = Grid(instrument)
        self._every_ns = every_ns
        self._last = 0
        """The last trade's price in increments."""
        self.at = at
        """The time of the next tick."""
        self.ticks: list[Tick] = []

    def trade(self, price: str, quantity: str = "1", aggressor: int = 0) -> "Script":
        self._last = self._price(price)
        return self._say(
            Trade(self._symbol, self.at, self._last, self._quantity(quantity), aggressor)
        )

    def quote(
        self, bid: str = "0", ask: str = "0", bid_size: str = "0", ask_size: str = "0"
    ) -> "Script":
        """A side left out is absent."""
        sizes = self._quantity(bid_size), self._quantity(ask_size)
        bid_price, ask_price = self._price(bid), self._price(ask)
        return self._say(Quote(self._symbol, self.at, bid_price, sizes[0], ask_price, sizes[1]))

    def mark(self, price: str) -> "Script":
        return self._say(Mark(self._symbol, self.at, self._price(price)))

    def index(self, price: str) -> "Script":
        return self._say(Index(self._symbol, self.at, self._price(price)))

    def depth(self, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> "Script":
        """The visible book, best levels first."""
        return self._say(Depth(self._symbol, self.at, self._levels(bids), self._levels(asks)))

    def to(self, price: str, steps: int = 10, quantity: str = "1") -> "Script":
        """Trades in equal steps from the last trade's price to ``price``, which is the last."""
        start, goal, size = self._last, self._price(price), self._quantity(quantity)
        for step in range(1, steps + 1):
            self._last = start + (goal - start) * step // steps
            self._say(Trade(self._symbol, self.at, self._last, size))
        return self

    def wick(self, price: str, quantity: str = "1") -> "Script":
        """One trade far away, and one back where it came from."""
        back = self._last
        self.trade(price, quantity)
        self._last = back
        return self._say(Trade(self._symbol, self.at, back, self._quantity(quantity)))

    def wait(self, seconds: int) -> "Script":
        """Silence."""
        self.at += seconds * SECOND_NS
        return self

    @property
    def _symbol(self) -> str:
        return self._grid.symbol

    def _say(self, tick: Tick) -> "Script":
        self.ticks.append(tick)
        self.at += self._every_ns
        return self

    def _price(self, text: str) -> int:
        return _sound(self._grid.price_units(text))

    def _quantity(self, text: str) -> int:
        return _sound(self._grid.quantity_units(text))

    def _levels(self, levels: list[tuple[str, str]]) -> tuple[Level, ...]:
        return tuple((self._price(price), self._quantity(size)) for price, size in levels)


def _sound(units: int | NumberProblem) -> int:
    """A script's author is a programmer: a number off the increments is a bug, not an input."""
    assert isinstance(units, int), units
    return units
