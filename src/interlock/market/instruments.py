"""Instruments from a TOML file: ``[[instrument]]`` tables with the fields of ``Instrument``.

Decides nothing but what to say when a table is wrong. Invariant: numbers are text in quotes, as
everywhere; a bare TOML float is refused, because it has been rounded before anybody could look.
"""

import difflib
import re
import tomllib
from pathlib import Path

import msgspec

from interlock.market.errors import MarketFileError
from interlock.orders.instruments import Fees, Instrument, PriceBand, Session, instrument_problem

TABLE = "instrument"
NESTED: dict[str, type[msgspec.Struct]] = {
    "fees": Fees,
    "price_band": PriceBand,
    "session": Session,
}


def load_instruments(path: Path) -> dict[str, Instrument]:
    """The instruments of a file by symbol, in its order."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise MarketFileError(path, 0, "is not UTF-8 text") from error
    except OSError as error:
        raise MarketFileError(path, 0, f"cannot be read: {error.strerror or error}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else len(text.splitlines())
        raise MarketFileError(path, line, f"not TOML: {error}") from error
    tables = document.pop(TABLE, None)
    for name in document:
        raise MarketFileError(
            path, _line_of(text, name), f"{name!r} is not known here", f"Write [[{TABLE}]] tables."
        )
    if not isinstance(tables, list) or not tables:
        raise MarketFileError(path, 0, f"there is no [[{TABLE}]] table", _example())
    instruments: dict[str, Instrument] = {}
    for line, table in zip(_table_lines(text, len(tables)), tables, strict=True):
        instrument = _instrument(path, line, table)
        if instrument.symbol in instruments:
            raise MarketFileError(path, line, f"{instrument.symbol} is described twice")
        instruments[instrument.symbol] = instrument
    return instruments


def _instrument(path: Path, line: int, table: object) -> Instrument:
    if not isinstance(table, dict):
        raise MarketFileError(path, line, f"[[{TABLE}]] must be a table", _example())
    _known_fields(path, line, Instrument, table, "")
    for name, kind in NESTED.items():
        if isinstance(table.get(name), dict):
            _known_fields(path, line, kind, table[name], f"{name}.")
    try:
        instrument = msgspec.convert(table, Instrument)
    except msgspec.ValidationError as error:
        raise MarketFileError(path, line, str(error).replace("`", "'")) from error
    problem = instrument_problem(instrument)
    if problem is not None:
        raise MarketFileError(path, line, f"{instrument.symbol}: {problem}")
    return instrument


def _known_fields(
    path: Path, line: int, kind: type[msgspec.Struct], table: dict[str, object], prefix: str
) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for name, value in table.items():
        field = fields.get(name)
        if field is None:
            near = difflib.get_close_matches(name, fields, n=1)
            way_out = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(fields)}."
            raise MarketFileError(path, line, f"{prefix}{name} is not a field", way_out)
        is_text = field.type is str or field.type == (str | None)
        if is_text and isinstance(value, (int, float)) and not isinstance(value, bool):
            raise MarketFileError(
                path,
                line,
                f"{prefix}{name} must be text, so that no digit of it is lost",
                f'Write {name} = "{value}".',
            )


def _table_lines(text: str, tables: int) -> list[int]:
    """The line each table begins at; 0 where it was written in some other way."""
    heads = re.compile(rf"\s*\[\[\s*{TABLE}\s*\]\]")
    found = [n for n, line in enumerate(text.splitlines(), 1) if heads.match(line)]
    return found if len(found) == tables else [0] * tables


def _line_of(text: str, name: str) -> int:
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip(" [").startswith(name):
            return number
    return 0


def _example() -> str:
    return (
        f'Write [[{TABLE}]], symbol = "BTCUSDT.PAPER", price_increment = "0.01", '
        f'quantity_increment = "0.001".'
    )
