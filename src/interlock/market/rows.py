"""Rows of a market file as numbers: what may be in them, and what becomes of a bad one.

Decides when a row is malformed. Invariant: prices are exact or the row is bad; only a market's
volume is ever cut to its increment (it moves nothing), and times never go back.
"""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from interlock.market.errors import MarketFileError
from interlock.market.lines import Header, data_lines
from interlock.orders.grid import Grid
from interlock.orders.numbers import Increment

MEMO_MAX = 1 << 16


class BadRow(Exception):
    """This row cannot be used: why, and what would help."""

    def __init__(self, what: str, way_out: str = "") -> None:
        super().__init__(what, way_out)
        self.what = what
        self.way_out = way_out


class Tally(Struct):
    """What was met while reading one file."""

    path: Path
    skip_bad: bool = False
    rows: int = 0
    skipped: int = 0
    first_skipped: str = ""
    """The message of the first row that was skipped."""

    def bad(self, line: int, row: BadRow) -> None:
        """Count a bad row, or raise if bad rows are not to be skipped."""
        error = MarketFileError(self.path, line, row.what, row.way_out)
        if not self.skip_bad:
            way_out = row.way_out or "Mend the line, or give --skip-bad to count and pass over."
            raise MarketFileError(self.path, line, row.what, way_out) from None
        self.skipped += 1
        self.first_skipped = self.first_skipped or str(error)


class Units(Struct):
    """Decimal text to whole increments, remembered. ``cut``: what is finer is dropped."""

    step: Increment
    name: str
    cut: bool
    memo: dict[str, int]

    def of(self, text: str) -> int:
        found = self.memo.get(text)
        return self._parsed(text) if found is None else found

    def _parsed(self, text: str) -> int:
        whole, point, fraction = text.partition(".")
        digits = whole + fraction
        if not (digits.isdigit() and digits.isascii() and whole and (fraction or not point)):
            raise BadRow(_not_a_number(self.name, text))
        places = self.step.places
        kept = fraction[:places].ljust(places, "0")
        units, more = divmod(int(whole + kept), self.step.mantissa)
        if not self.cut and (more or fraction[places:].strip("0")):
            raise BadRow(
                f"{self.name} {text} is not a multiple of the increment {self.step.text(1)}",
                "Give an instruments file with the right increment, or --skip-bad.",
            )
        if len(self.memo) >= MEMO_MAX:
            self.memo.clear()
        self.memo[text] = units
        return units


def price_units(grid: Grid, name: str = "price") -> Units:
    return Units(grid.price, name, False, {})


def quantity_units(grid: Grid, name: str = "quantity") -> Units:
    return Units(grid.quantity, name, True, {})


def rows(header: Header, tally: Tally) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and fields. Rows of another width are bad."""
    width = len(header.names)
    for line, text in enumerate(data_lines(tally.path), 2):
        fields = text.rstrip("\r\n").split(",")
        if len(fields) != width:
            if not text.strip():
                continue
            tally.bad(line, BadRow(f"{len(fields)} columns where the header has {width}"))
            continue
        tally.rows += 1
        yield line, fields


def instant(text: str, last: int) -> int:
    """A time that is not before the last one."""
    if not (text.isdigit() and text.isascii()):
        raise BadRow(_not_a_number("the time", text), "Times are whole nanoseconds since 1970 UTC.")
    at = int(text)
    if at < last:
        raise BadRow(f"time goes back, from {last} to {at}", "Sort the file by ts_ns.")
    return at


def _not_a_number(name: str, text: str) -> str:
    return f"{name} is missing" if not text.strip() else f"{name} {text[:40]!r} is not a number"
