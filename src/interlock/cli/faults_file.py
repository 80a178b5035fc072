"""The faults file: what may go wrong at the paper exchange, and what it can, in TOML.

Decides which of its numbers make sense. Invariant: a word that is not known is refused with the
nearest one, so that a fault somebody asked for is never quietly off.
"""

import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from interlock.cli.errors import BadInput
from interlock.orders.capabilities import Capabilities
from interlock.orders.decoding import decode_body, path_text
from interlock.orders.rejects import Reject
from interlock.venues.paper.faults import PERMILLE, Faults

VENUE = "venue"
Part = TypeVar("Part", bound=Struct)


class Weathered(Struct, frozen=True):
    """The paper exchange of a run: its faults and its capabilities."""

    faults: Faults = Faults()
    capabilities: Capabilities = Capabilities()


def load_faults(path: Path) -> Weathered:
    """Top-level keys are faults; the table ``[venue]`` holds capabilities."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: is not TOML: {error}.") from error
    venue = document.pop(VENUE, {})
    faults = _part(path, document, Faults, "")
    capabilities = _part(path, venue, Capabilities, f"{VENUE}.")
    problem = _out_of_range(faults, ())
    if problem is not None:
        raise BadInput(f"{path}: {problem}")
    return Weathered(faults, capabilities)


def _part(path: Path, document: object, kind: type[Part], prefix: str) -> Part:
    found = decode_body(msgspec.json.encode(document), kind)
    if isinstance(found, Reject):
        where = (prefix + found.path).rstrip(".")
        raise BadInput(f"{path}: {msgspec.structs.replace(found, path=where)}")
    return found


def _out_of_range(value: Struct, above: tuple[str, ...]) -> str | None:
    """The first number that can mean nothing."""
    for name in value.__struct_fields__:
        number = getattr(value, name)
        path = (*above, name)
        if isinstance(number, Struct):
            found = _out_of_range(number, path)
            if found is not None:
                return found
        elif isinstance(number, int) and number < 0:
            return f"{path_text(path)} must not be negative, and is {number}."
        elif name.endswith("_permille") and number > PERMILLE:
            return f"{path_text(path)} is in thousandths, at most {PERMILLE}, and is {number}."
    return None
