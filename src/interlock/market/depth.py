"""Books from their files: wide rows of levels, or one snapshot and the changes after it.

Decides when a book is worth a tick: when one of its best ``LEVELS`` levels a side changed.
Invariant: a change is applied only on top of the snapshot it belongs to.
"""

from bisect import bisect_left
from collections.abc import Iterator

from interlock.market.lines import Header
from interlock.market.rows import BadRow, Tally, instant, price_units, quantity_units, rows
from interlock.orders.grid import Grid
from interlock.orders.ticks import Depth, Level

LEVELS = 20


class BookSide:
    """One side of a book. ``sign`` is +1 for bids, whose best price is the highest."""

    __slots__ = ("_ranks", "_sign", "_sizes")

    def __init__(self, sign: int) -> None:
        self._sign = -sign
        self._ranks: list[int] = []
        """Prices times the opposite of ``sign``, so that the best comes first."""
        self._sizes: dict[int, int] = {}

    def set(self, price: int, size: int) -> bool:
        """Put ``size`` at ``price``, 0 removes; whether one of the best levels changed."""
        rank = price * self._sign
        before = self._sizes.get(rank, 0)
        if size == before:
            return False
        place = bisect_left(self._ranks, rank)
        if size == 0:
            del self._sizes[rank]
            del self._ranks[place]
        else:
            self._sizes[rank] = size
            if not before:
                self._ranks.insert(place, rank)
        return place < LEVELS

    def clear(self) -> None:
        self._ranks.clear()
        self._sizes.clear()

    def best(self) -> tuple[Level, ...]:
        """The best levels, best first."""
        sign, sizes = self._sign, self._sizes
        return tuple([(rank * sign, sizes[rank]) for rank in self._ranks[:LEVELS]])


class UpdatedBook:
    """A book kept from update rows, which know nothing of each other."""

    __slots__ = ("_base", "_sides", "_snapshot", "asks", "bids", "changed")

    def __init__(self) -> None:
        self.bids = BookSide(1)
        self.asks = BookSide(-1)
        self._sides = {"bid": self.bids, "ask": self.asks}
        self._base = -1
        """The update the last snapshot stands for; -1 before there was one."""
        self._snapshot = -1
        self.changed = False

    def applies(self, kind: str, update: int) -> bool:
        """Whether a row counts: what is part of the snapshot already does not."""
        if kind == "snapshot":
            if update != self._snapshot:
                self.bids.clear()
                self.asks.clear()
                self._snapshot = self._base = update
                self.changed = True
            return True
        if kind != "delta":
            raise BadRow(f"kind {kind!r} is neither snapshot nor delta")
        return 0 <= self._base < update

    def set(self, side: str, price: int, size: int) -> None:
        book_side = self._sides.get(side)
        if book_side is None:
            raise BadRow(f"side {side!r} is none of bid, ask or blank")
        if book_side.set(price, size):
            self.changed = True

    def depth(self, symbol: str, at: int) -> Depth:
        self.changed = False
        return Depth(symbol, at, self.bids.best(), self.asks.best())


def read_updates(header: Header, grid: Grid, tally: Tally) -> Iterator[Depth]:
    """A book kept from its updates; rows of one ``update_id`` take effect together."""
    columns = header.places("ts_ns", "update_id", "kind", "side", "price", "qty")
    time, update, kind, side, price, quantity = columns
    prices, quantities = price_units(grid), quantity_units(grid)
    book = UpdatedBook()
    symbol, last, current = grid.symbol, 0, -1
    for line, fields in rows(header, tally):
        try:
            at = instant(fields[time], last)
            number = _update_id(fields[update])
            if number != current or at != last:
                if book.changed:
                    yield book.depth(symbol, last)
                current = number
            last = at
            # An update that changed nothing is one row with a blank side.
            if book.applies(fields[kind], number) and fields[side]:
                book.set(fields[side], prices.of(fields[price]), quantities.of(fields[quantity]))
        except BadRow as bad:
            tally.bad(line, bad)
    if book.changed:
        yield book.depth(symbol, last)


def read_snapshots(header: Header, grid: Grid, tally: Tally) -> Iterator[Depth]:
    """One book a row. Levels that are blank, or smaller than the increment, are not there."""
    (time,) = header.places("ts_ns")
    depth = min(header.levels(), LEVELS)
    sides = [
        [header.places(f"{side}{n}", f"{side}{n}_size") for n in range(1, depth + 1)]
        for side in ("bid", "ask")
    ]
    price, size = price_units(grid), quantity_units(grid, "size")
    price.memo[""] = size.memo[""] = 0
    price_of, size_of = price.of, size.of
    symbol, last = grid.symbol, 0
    for line, fields in rows(header, tally):
        try:
            at = instant(fields[time], last)
            bids, asks = (
                tuple(
                    [
                        (price_of(fields[p]), quantity)
                        for p, q in places
                        if (quantity := size_of(fields[q])) and fields[p]
                    ]
                )
                for places in sides
            )
        except BadRow as bad:
            tally.bad(line, bad)
            continue
        last = at
        yield Depth(symbol, at, bids, asks)


def _update_id(text: str) -> int:
    if not (text.isdigit() and text.isascii()):
        raise BadRow(f"update_id {text[:40]!r} is not a number")
    return int(text)
