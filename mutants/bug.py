"""A planted bug: one edit of the source that a tired programmer could make.

Decides what an edit is and when it may be made. Invariant: its old text stands in its file exactly
once, so that a bug is planted where it was meant to be, or the run says that it cannot be.
"""

from pathlib import Path

from msgspec import Struct


class NotPlantable(Exception):
    """The old text is not in the file, or more than once."""


class Bug(Struct, frozen=True):
    """One edit, and what it would do to a trader."""

    name: str
    area: str
    path: str
    """Below ``src/interlock``."""
    old: str
    new: str
    harm: str
    """What a trader would see of it."""
    seeds: int
    """It must be caught by one of so many seeds."""
    first: int = 0
    """The first of them."""


def planted(bug: Bug, source: Path) -> str:
    """The text of the bug's file with the edit made; ``source`` is a copy of ``src/interlock``."""
    path = source / bug.path
    if not path.exists():
        raise NotPlantable(f"{bug.name}: there is no {bug.path} any more")
    text = path.read_text()
    count = text.count(bug.old)
    if count != 1:
        raise NotPlantable(
            f"{bug.name}: its text stands {count} times in {bug.path}, not once; "
            f"write the edit anew for what the code says now"
        )
    return text.replace(bug.old, bug.new)
