"""A market that goes on for ever: rounds of a made-up market, or recorded files again and again.

Decides what comes after the last tick. Invariant: the same source and the same beginning give the
same ticks, so a market can be taken up exactly where it was left.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from interlock.market.generator import BTC, generate
from interlock.market.readers import MarketFile, merge
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Tick, Trade

GENERATED = "generated"
FIRST_PRICE = "30000"

Note = Callable[[int, int, str], None]
"""Hears where the market is: round, ticks of it that have happened, the round's first price."""


class Course:
    """Rounds of one market. With ``seed`` made up, each going on from the last one's price."""

    def __init__(self, seed: int = 1, files: Sequence[MarketFile] = ()) -> None:
        self._seed = seed
        self._files = files
        self.instruments: tuple[Instrument, ...] = (BTC,)
        if files:
            self.instruments = tuple(dict.fromkeys(file.instrument for file in files))

    def ticks(self, number: int, played: int, price: str, note: Note) -> Iterator[Tick]:
        """Everything from tick ``played`` of round ``number`` on, without end."""
        first = price or FIRST_PRICE
        grid = Grid(BTC)
        while True:
            last = first
            for place, tick in enumerate(islice(self._round(number, first), played, None)):
                if type(tick) is Trade and not self._files:
                    last = grid.price_text(tick.price)
                yield tick
                note(number, played + place + 1, first)
            number, played, first = number + 1, 0, last

    def _round(self, number: int, first: str) -> Iterator[Tick]:
        if self._files:
            return merge(self._files)
        return iter(generate(self._seed + number, price=first))
