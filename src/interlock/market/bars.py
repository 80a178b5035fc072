"""Bars as ticks: open, then the extremes in the worse order for the position, then close.

Decides what a bar, which does not say what came first, is taken to have been. Invariant: nothing is
ever better in a replay than it can have been. A long position meets the low before the high, a
short one the high before the low; a flat one meets the low first in a bar that rose.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from interlock.market.lines import Header
from interlock.market.rows import BadRow, Tally, Units, instant, price_units, quantity_units, rows
from interlock.orders.grid import Grid
from interlock.orders.ticks import Quote, Trade

BAR_NS = 60_000_000_000
"""The longest a bar's four ticks are spread over; closer bars share the time between them."""
TICKS = 4

Worse = Callable[[str], int]
"""The sign of the current net position in an instrument: what the worse order is judged by."""

Prices = tuple[int, int, int, int]
"""Open, high, low, close."""
Bar = tuple[int, Prices, int]
BidAskBar = tuple[int, Prices, Prices]
AnyBar = TypeVar("AnyBar", Bar, BidAskBar)


def flat(_: str) -> int:
    """No position."""
    return 0


def read_bars(
    header: Header, grid: Grid, tally: Tally, worse: Worse = flat, bar_ns: int = BAR_NS
) -> Iterator[Trade]:
    """Four trades a bar. The volume is split evenly; what is left over trades at the close."""
    symbol = grid.symbol
    for (at, prices, volume), step in _spaced(_bars(header, grid, tally), bar_ns):
        part = volume // TICKS
        yield Trade(symbol, at, prices[0], part)
        first, second = _extremes(prices, worse(symbol))
        yield Trade(symbol, at + step, prices[first], part)
        yield Trade(symbol, at + 2 * step, prices[second], part)
        yield Trade(symbol, at + 3 * step, prices[3], volume - 3 * part)


def read_bid_ask_bars(
    header: Header, grid: Grid, tally: Tally, worse: Worse = flat, bar_ns: int = BAR_NS
) -> Iterator[Quote]:
    """Four quotes a bar, without sizes: both opens, both lows or highs, and so on."""
    symbol = grid.symbol
    for (at, bids, asks), step in _spaced(_bid_ask_bars(header, grid, tally), bar_ns):
        yield Quote(symbol, at, bids[0], 0, asks[0], 0)
        first, second = _extremes(bids, worse(symbol))
        yield Quote(symbol, at + step, bids[first], 0, asks[first], 0)
        yield Quote(symbol, at + 2 * step, bids[second], 0, asks[second], 0)
        yield Quote(symbol, at + 3 * step, bids[3], 0, asks[3], 0)


def _extremes(prices: Prices, position: int) -> tuple[int, int]:
    """Which of high (1) and low (2) comes first."""
    rose = prices[3] >= prices[0]
    low_first = position > 0 or (position == 0 and rose)
    return (2, 1) if low_first else (1, 2)


def _spaced(bars: Iterator[AnyBar], bar_ns: int) -> Iterator[tuple[AnyBar, int]]:
    """Each bar with the time between its ticks, so that the next bar never comes too early."""
    held = next(bars, None)
    if held is None:
        return
    for bar in bars:
        yield held, min(bar_ns, bar[0] - held[0]) // TICKS
        held = bar
    yield held, bar_ns // TICKS


def _bars(header: Header, grid: Grid, tally: Tally) -> Iterator[Bar]:
    time, *columns, volume = header.places("ts_ns", "open", "high", "low", "close", "volume")
    prices, volumes = price_units(grid), quantity_units(grid, "volume")
    volumes.memo[""] = 0
    last = 0
    for line, fields in rows(header, tally):
        try:
            at = instant(fields[time], last)
            bar = (at, _checked(prices, [fields[n] for n in columns]), volumes.of(fields[volume]))
        except BadRow as bad:
            tally.bad(line, bad)
            continue
        last = at
        yield bar


def _bid_ask_bars(header: Header, grid: Grid, tally: Tally) -> Iterator[BidAskBar]:
    names = ("open", "high", "low", "close")
    (time,) = header.places("ts_ns")
    bid = header.places(*(f"bid_{name}" for name in names))
    ask = header.places(*(f"ask_{name}" for name in names))
    prices = price_units(grid)
    last = 0
    for line, fields in rows(header, tally):
        try:
            at = instant(fields[time], last)
            bids = _checked(prices, [fields[n] for n in bid])
            asks = _checked(prices, [fields[n] for n in ask])
        except BadRow as bad:
            tally.bad(line, bad)
            continue
        last = at
        yield at, bids, asks


def _checked(prices: Units, texts: list[str]) -> Prices:
    first, high, low, close = (prices.of(text) for text in texts)
    if not 0 < low <= min(first, close) <= max(first, close) <= high:
        raise BadRow(
            f"open {texts[0]}, high {texts[1]}, low {texts[2]}, close {texts[3]} cannot be a bar"
        )
    return first, high, low, close
