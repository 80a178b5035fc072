"""Which instrument a market file is about: ``SYMBOL=FILE`` as typed, or the file's own name.

Decides the symbol alone; the file is not opened. Invariant: a symbol given by a person always wins
over one read from a name, and every symbol has a venue (``PAPER`` where none is named).
"""

import re
from pathlib import Path

from msgspec import Struct

from interlock.market.errors import MarketFileError

DEFAULT_VENUE = "PAPER"

_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9/:_-]*(\.[A-Za-z0-9_-]+)?")
_KINDS = re.compile(r"trades|quotes|depth|book|bars|l2(snap\d+)?|\d+[smhd]", re.IGNORECASE)
_ENDINGS = (".gz", ".csv", ".txt")


class Source(Struct, frozen=True):
    """A market file and the symbol of what it is about."""

    symbol: str
    path: Path


def parse_source(text: str) -> Source:
    """``BTCUSDT=trades.csv``, ``BTCUSDT.PAPER=trades.csv`` or just ``trades.csv``."""
    name, equals, rest = text.partition("=")
    if not equals or Path(text).exists():
        return Source(symbol_of(Path(text)), Path(text))
    if not rest:
        raise MarketFileError(Path(text), 0, f"{text!r} names no file", "Write SYMBOL=FILE.")
    if not _SYMBOL.fullmatch(name):
        raise MarketFileError(
            Path(rest),
            0,
            f"{name!r} is not a symbol",
            f"Write NAME.VENUE=FILE, such as BTCUSDT.{DEFAULT_VENUE}={rest}.",
        )
    return Source(with_venue(name), Path(rest))


def symbol_of(path: Path) -> str:
    """The symbol in a file's name: ``source_SYMBOL_kind_dates.csv.gz``, else its first word."""
    stem = path.name
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    words = [word for word in stem.split("_") if word]
    for place, word in enumerate(words):
        if place and _KINDS.fullmatch(word):
            return with_venue(words[place - 1])
    first = words[0] if words else ""
    if not _SYMBOL.fullmatch(first):
        raise MarketFileError(
            path, 0, "its name does not say what it is about", f"Write SYMBOL={path}."
        )
    return with_venue(first)


def with_venue(name: str) -> str:
    return name if "." in name else f"{name}.{DEFAULT_VENUE}"
