"""Increments of an instrument that no instruments file describes, from the decimals of its data.

Decides the finest decimal place that prices and quantities use; trailing zeros say nothing.
Invariant: the run that uses what was inferred can say so in one sentence, ``Inferred.note``.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from msgspec import Struct

from interlock.market.errors import MarketFileError
from interlock.market.lines import TIME, Header, Kind, read_header
from interlock.market.rows import Tally, rows
from interlock.orders.instruments import Instrument

ROWS = 50_000
"""How far into each file is looked."""
QUANTITY_PLACES_MAX = 8
"""Finer quantities are what floats leave behind, not what anyone trades in."""
PRICE_PLACES_MAX = 12


class Inferred(Struct, frozen=True):
    """An instrument made up from data, and the sentence that tells of it."""

    instrument: Instrument
    rows: int
    note: str


def infer(symbol: str, paths: Iterable[Path]) -> Inferred:
    """The increments that fit the first ``ROWS`` rows of every file."""
    price_places = quantity_places = looked = 0
    for path in paths:
        header = read_header(path)
        prices, quantities = _columns(header)
        for _, fields in islice(rows(header, Tally(path, skip_bad=True)), ROWS):
            looked += 1
            for column in prices:
                if len(fields[column]) > price_places:
                    price_places = max(price_places, _places(fields[column]))
            for column in quantities:
                if len(fields[column]) > quantity_places:
                    quantity_places = max(quantity_places, _places(fields[column]))
        if not looked:
            raise MarketFileError(path, 0, "there is no row to infer increments from")
    price = _increment(min(price_places, PRICE_PLACES_MAX))
    quantity = _increment(min(quantity_places, QUANTITY_PLACES_MAX))
    note = (
        f"No instruments file describes {symbol}: its increments were inferred from the decimals "
        f"of {looked:,} rows: price {price}, quantity {quantity}."
    )
    return Inferred(Instrument(symbol, price, quantity), looked, note)


def _columns(header: Header) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which columns hold prices, and which quantities."""
    match header.kind:
        case Kind.TRADES | Kind.UPDATES:
            return header.places("price"), header.places("qty")
        case Kind.BARS:
            return header.places("open", "high", "low", "close"), header.places("volume")
    sizes = [name for name in header.names if name.endswith("_size")]
    others = [n for n in header.names if n.startswith(("bid", "ask")) and n not in sizes]
    assert TIME not in others
    return header.places(*others), header.places(*sizes)


def _places(text: str) -> int:
    """Decimals in use; 0 for what is no number, which the reader will name later."""
    whole, _, fraction = text.partition(".")
    kept = fraction.rstrip("0")
    return len(kept) if (whole + kept).isdigit() else 0


def _increment(places: int) -> str:
    return "0." + "0" * (places - 1) + "1" if places else "1"
