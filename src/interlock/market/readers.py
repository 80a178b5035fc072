"""Market files as ticks, merged by time.

Decides which reader a file gets and in what order ticks of several files come: by time, and at the
same time by the order in which the files were named. Invariant: reading is lazy, so a bar's worse
order is judged by the position as it is when the bar's extremes are due.
"""

from collections.abc import Iterable, Iterator
from heapq import merge as merge_sorted
from operator import attrgetter
from pathlib import Path

from interlock.market.bars import BAR_NS, Worse, flat, read_bars, read_bid_ask_bars
from interlock.market.depth import read_snapshots, read_updates
from interlock.market.lines import Kind, read_header
from interlock.market.rows import Tally
from interlock.market.trades import read_quotes, read_trades
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Tick


class MarketFile:
    """The ticks of one file for one instrument. Each iteration reads the file from its start."""

    def __init__(
        self,
        path: Path,
        instrument: Instrument,
        skip_bad: bool = False,
        worse: Worse = flat,
        bar_ns: int = BAR_NS,
    ) -> None:
        self.path = path
        self.instrument = instrument
        self.header = read_header(path)
        self.tally = Tally(path, skip_bad)
        """Rows read and skipped by the latest iteration."""
        self._skip_bad = skip_bad
        self._worse = worse
        self._bar_ns = bar_ns

    @property
    def kind(self) -> Kind:
        return self.header.kind

    def __iter__(self) -> Iterator[Tick]:
        self.tally = tally = Tally(self.path, self._skip_bad)
        header, grid = self.header, Grid(self.instrument)
        match header.kind:
            case Kind.TRADES:
                return read_trades(header, grid, tally)
            case Kind.QUOTES:
                return read_quotes(header, grid, tally)
            case Kind.UPDATES:
                return read_updates(header, grid, tally)
            case Kind.SNAPSHOTS:
                return read_snapshots(header, grid, tally)
            case Kind.BARS:
                return read_bars(header, grid, tally, self._worse, self._bar_ns)
            case Kind.BID_ASK_BARS:
                return read_bid_ask_bars(header, grid, tally, self._worse, self._bar_ns)


def merge(markets: Iterable[Iterable[Tick]]) -> Iterator[Tick]:
    """All ticks in the order of their times."""
    several = [iter(market) for market in markets]
    return several[0] if len(several) == 1 else merge_sorted(*several, key=attrgetter("at"))
