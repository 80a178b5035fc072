"""The text of a market file: what kind it is, and its lines.

Decides a file's kind from its header alone, never from its name. Invariant: whatever is wrong with
a file comes out as ``MarketFileError`` with its line.
"""

import gzip
import zlib
from collections.abc import Iterator
from enum import StrEnum
from io import BufferedReader, TextIOWrapper
from pathlib import Path

from msgspec import Struct

from interlock.market.errors import MarketFileError

GZIP_MAGIC = b"\x1f\x8b"
BUFFER_BYTES = 1 << 20
TIME = "ts_ns"


class Kind(StrEnum):
    TRADES = "trades"
    QUOTES = "quotes"
    BARS = "bars"
    BID_ASK_BARS = "bid_ask_bars"
    UPDATES = "updates"
    """A book as one snapshot and changes to it."""
    SNAPSHOTS = "snapshots"
    """A book as one wide row of levels each time."""


COLUMNS: dict[Kind, tuple[str, ...]] = {
    Kind.UPDATES: (TIME, "update_id", "kind", "side", "price", "qty"),
    Kind.TRADES: (TIME, "price", "qty", "side"),
    Kind.QUOTES: (TIME, "bid", "bid_size", "ask", "ask_size"),
    Kind.BARS: (TIME, "open", "high", "low", "close", "volume"),
    Kind.BID_ASK_BARS: (
        *(TIME, "bid_open", "bid_high", "bid_low", "bid_close"),
        *("ask_open", "ask_high", "ask_low", "ask_close"),
    ),
    Kind.SNAPSHOTS: (TIME, "bid1", "bid1_size", "ask1", "ask1_size"),
}
"""What each kind must have, in any order and among others; the first kind that fits is it."""


class Header(Struct, frozen=True):
    kind: Kind
    names: tuple[str, ...]

    def places(self, *names: str) -> tuple[int, ...]:
        """Where columns stand in a row."""
        return tuple(self.names.index(name) for name in names)

    def levels(self) -> int:
        """How deep the rows of ``SNAPSHOTS`` go."""
        depth = 1
        while f"bid{depth + 1}" in self.names:
            depth += 1
        return depth


def read_header(path: Path) -> Header:
    """The kind and columns of a file."""
    for line in text_lines(path):
        return _header(path, line)
    raise MarketFileError(path, 0, "the file is empty", _columns_wanted())


def data_lines(path: Path) -> Iterator[str]:
    """The lines after the header, with their line ends."""
    lines = text_lines(path)
    next(lines, None)
    return lines


def text_lines(path: Path) -> Iterator[str]:
    """All lines of a file, plain or gzip, header included."""
    number = 0
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            unpacked = BufferedReader(gzip.GzipFile(fileobj=raw), BUFFER_BYTES) if packed else raw
            with TextIOWrapper(unpacked, encoding="ascii") as text:
                for line in text:
                    number += 1
                    yield line
    except UnicodeDecodeError as error:
        raise MarketFileError(
            path, number + 1, "here or soon after is a byte that is not ASCII text"
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MarketFileError(
            path, number + 1, f"the compressed file is damaged from here on ({error})"
        ) from error
    except OSError as error:
        raise MarketFileError(path, 0, f"cannot be read: {error.strerror or error}") from error


def _header(path: Path, line: str) -> Header:
    names = tuple(name.strip() for name in line.split(","))
    for kind, wanted in COLUMNS.items():
        if set(wanted) <= set(names):
            header = Header(kind, names)
            if len(set(names)) < len(names):
                raise MarketFileError(path, 1, "a column stands in the header twice")
            return _checked_levels(path, header)
    missing = min(
        ([name for name in wanted if name not in names] for wanted in COLUMNS.values()), key=len
    )
    if not any(name in names for wanted in COLUMNS.values() for name in wanted):
        raise MarketFileError(path, 1, "this is not a header of market data", _columns_wanted())
    raise MarketFileError(
        path, 1, f"missing in the header: {', '.join(missing)}", _columns_wanted()
    )


def _checked_levels(path: Path, header: Header) -> Header:
    if header.kind is Kind.SNAPSHOTS:
        for level in range(1, header.levels() + 1):
            for name in (f"bid{level}_size", f"ask{level}", f"ask{level}_size"):
                if name not in header.names:
                    raise MarketFileError(path, 1, f"missing in the header: {name}")
    return header


def _columns_wanted() -> str:
    known = "; ".join(f"{kind}: {','.join(names)}" for kind, names in COLUMNS.items())
    return f"Known headers are {known}."
