"""Prices for followers: the latest of each instrument, merged until somebody can read them.

Decides how often prices are told. Invariant: hearing a tick costs the same however many follow and
however slowly they read; who is slow gets the latest price, never a queue of old ones.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec
from msgspec import Struct

from interlock.orders.grid import Grid
from interlock.orders.ticks import Depth, Quote, Tick, Trade

MERGE_S: Final = 0.1
"""What happens within it is told as one."""
_ENCODER = msgspec.json.Encoder()


class Price(Struct, frozen=True, tag="market", tag_field="type"):
    """The latest of one instrument. Nothing where the market has not said any yet."""

    instrument: str
    at: int
    """Of the latest tick, nanoseconds UTC."""
    last: str | None = None
    last_quantity: str | None = None
    bid: str | None = None
    bid_quantity: str | None = None
    ask: str | None = None
    ask_quantity: str | None = None
    mark: str | None = None
    index: str | None = None


class Prices:
    """Hears every tick of one line. ``grid_of`` knows each instrument's increments."""

    def __init__(self, grid_of: Callable[[str], Grid]) -> None:
        self._grid_of = grid_of
        self._ticks: dict[str, dict[type[Tick], Tick]] = {}
        self._changed: dict[str, None] = {}
        self._lines: dict[str, tuple[int, bytes]] = {}
        """Instrument -> when it last changed, counted, and its line of JSON."""
        self._version = 0
        self._wakes: set[asyncio.Event] = set()
        self._due = False

    def hear(self, tick: Tick) -> None:
        """Only noted here: text is made at most every ``MERGE_S``, and only if somebody follows."""
        symbol = tick.instrument
        of = self._ticks.get(symbol)
        if of is None:
            of = self._ticks[symbol] = {}
        kind = Quote if type(tick) is Depth else type(tick)
        of[kind] = tick
        self._changed[symbol] = None
        if self._wakes and not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(MERGE_S, self._tell)

    async def follow(self, instruments: frozenset[str]) -> AsyncIterator[list[bytes]]:
        """What has changed since the last time, as lines of JSON; all of it at first.

        ``instruments`` is empty for all.
        """
        news = asyncio.Event()
        self._wakes.add(news)
        seen = 0
        self._refresh()
        try:
            while True:
                news.clear()
                some = sorted(
                    changed
                    for symbol, changed in self._lines.items()
                    if changed[0] > seen and (not instruments or symbol in instruments)
                )
                if some:
                    seen = some[-1][0]
                    yield [line for _, line in some]
                else:
                    await news.wait()
        finally:
            self._wakes.discard(news)

    def _tell(self) -> None:
        self._due = False
        self._refresh()
        for news in self._wakes:
            news.set()

    def _refresh(self) -> None:
        for symbol in self._changed:
            self._version += 1
            line = _ENCODER.encode(price_of(self._grid_of(symbol), self._ticks[symbol]))
            self._lines[symbol] = (self._version, line)
        self._changed.clear()


def price_of(grid: Grid, ticks: dict[type[Tick], Tick]) -> Price:
    """The latest ticks of one instrument, by their kinds, in words."""

    def price(units: int) -> str | None:
        return grid.price_text(units) if units else None

    def quantity(units: int) -> str | None:
        return grid.quantity_text(units) if units else None

    fields: dict[str, str | None] = {}
    for kind, tick in ticks.items():
        if isinstance(tick, Trade):
            fields |= {"last": price(tick.price), "last_quantity": quantity(tick.quantity)}
        elif isinstance(tick, Quote | Depth):
            bid, ask = tops(tick)
            fields |= {"bid": price(bid[0]), "bid_quantity": quantity(bid[1])}
            fields |= {"ask": price(ask[0]), "ask_quantity": quantity(ask[1])}
        else:
            fields[kind.__name__.lower()] = price(tick.price)
    at = max(tick.at for tick in ticks.values())
    return Price(grid.symbol, at, **fields)


def tops(tick: Quote | Depth) -> tuple[tuple[int, int], tuple[int, int]]:
    """The best of both sides."""
    if isinstance(tick, Quote):
        return (tick.bid, tick.bid_size), (tick.ask, tick.ask_size)
    none = (0, 0)
    return (tick.bids or (none,))[0], (tick.asks or (none,))[0]
