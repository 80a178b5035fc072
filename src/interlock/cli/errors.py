"""What a person got wrong, and the exit codes.

Decides how a run ends. Invariant: the codes are part of the product and never change their meaning.
"""

from enum import IntEnum
from pathlib import Path


class Exit(IntEnum):
    OK = 0
    CHECK_FAILED = 1
    BAD_INPUT = 2
    WORLD_TROUBLE = 3
    BUG = 70
    INTERRUPTED = 130


class BadInput(Exception):
    """An input that cannot be used; the message names file, field, rule and way out."""


class WorldTrouble(Exception):
    """Nothing is wrong with what was asked, but it could not be done; the message says why."""


def at_line(file: Path, line: int, message: str) -> str:
    return f"{file}:{line}: {message}"
