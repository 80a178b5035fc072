"""Trades and quotes from their files, one row one tick."""

from collections.abc import Iterator

from interlock.market.lines import Header
from interlock.market.rows import BadRow, Tally, instant, price_units, quantity_units, rows
from interlock.orders.grid import Grid
from interlock.orders.ticks import Quote, Trade

SIDES = {"buy": 1, "sell": -1, "": 0}


def read_trades(header: Header, grid: Grid, tally: Tally) -> Iterator[Trade]:
    """``side`` is the aggressor's. A quantity of 0 is a print without volume, and is kept."""
    time, price, quantity, side = header.places("ts_ns", "price", "qty", "side")
    prices, quantities = price_units(grid), quantity_units(grid)
    # Looked up here and not in the methods: half of the time of this loop.
    known_prices, known_quantities = prices.memo.get, quantities.memo.get
    symbol, last = grid.symbol, 0
    for line, fields in rows(header, tally):
        try:
            at = instant(fields[time], last)
            text = fields[price]
            units = known_prices(text) or prices.of(text)
            if not units:
                raise BadRow("the price is zero")
            text = fields[quantity]
            volume = known_quantities(text)
            if volume is None:
                volume = quantities.of(text)
            aggressor = SIDES.get(fields[side])
            if aggressor is None:
                raise BadRow(f"side {fields[side]!r} is none of buy, sell or blank")
        except BadRow as bad:
            tally.bad(line, bad)
            continue
        last = at
        yield Trade(symbol, at, units, volume, aggressor)


def read_quotes(header: Header, grid: Grid, tally: Tally) -> Iterator[Quote]:
    """A blank price is an absent side, a blank size is not known; both become 0.

    Crossed and locked quotes are kept: a source shows them, and what they may fire is the engine's
    to decide.
    """
    time, *sides = header.places("ts_ns", "bid", "bid_size", "ask", "ask_size")
    bid, bid_size, ask, ask_size = sides
    price, size = price_units(grid), quantity_units(grid, "size")
    price.memo[""] = size.memo[""] = 0
    price_of, size_of = price.of, size.of
    symbol, last = grid.symbol, 0
    for line, fields in rows(header, tally):
        try:
            at = instant(fields[time], last)
            quote = Quote(
                symbol,
                at,
                price_of(fields[bid]),
                size_of(fields[bid_size]),
                price_of(fields[ask]),
                size_of(fields[ask_size]),
            )
        except BadRow as bad:
            tally.bad(line, bad)
            continue
        last = at
        yield quote
