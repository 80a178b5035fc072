"""The markets of a run: which files, about which instruments, and with which increments.

Decides what a market file without a description is taken to be. Invariant: whatever was inferred is
told, and the same files always mean the same instruments.
"""

from pathlib import Path

from msgspec import Struct

from interlock.cli.errors import BadInput
from interlock.market.inference import Inferred, infer
from interlock.market.instruments import load_instruments
from interlock.market.names import DEFAULT_VENUE, Source, parse_source
from interlock.orders.instruments import Instrument


class Markets(Struct, frozen=True):
    sources: tuple[Source, ...]
    instruments: dict[str, Instrument]
    """By symbol: those described, then those inferred."""
    inferred: tuple[Inferred, ...]


def find_markets(texts: list[str], described: Path | None) -> Markets:
    """Markets as typed, with instruments from a file where they are described there."""
    instruments = {} if described is None else load_instruments(described)
    sources = tuple(_settled(parse_source(text), instruments) for text in texts)
    if not sources:
        raise BadInput("--market needs at least one file.")
    inferred = []
    for symbol in dict.fromkeys(source.symbol for source in sources):
        if symbol not in instruments:
            found = infer(symbol, [s.path for s in sources if s.symbol == symbol])
            instruments[symbol] = found.instrument
            inferred.append(found)
    return Markets(sources, instruments, tuple(inferred))


def _settled(source: Source, instruments: dict[str, Instrument]) -> Source:
    """A file that names no venue means the one instrument of that name which is described."""
    name, _, venue = source.symbol.rpartition(".")
    if source.symbol in instruments or venue != DEFAULT_VENUE:
        return source
    same = [symbol for symbol in instruments if symbol.rpartition(".")[0] == name]
    return Source(same[0], source.path) if len(same) == 1 else source
