"""Where a run keeps its facts: a folder with journal and projection, or memory.

Decides what a folder may hold when a run begins. Invariant: a run never mixes its facts with those
of another, and the projection is only ever behind the journal, never ahead.
"""

from pathlib import Path

from rich.console import Console

from interlock.cli.errors import BadInput
from interlock.journal.memory import MemoryJournal
from interlock.journal.port import Journal
from interlock.journal.projection import NAME, Projection
from interlock.journal.sqlite import SqliteJournal

BEHIND_MAX = 512
"""Frames the projection may lag behind before it is caught up in the middle of a run."""


class Keeping:
    """``folder`` is nothing for a run in memory."""

    def __init__(self, folder: Path | None, notes: Console) -> None:
        self.folder = folder
        self.projection: Projection | None = None
        self.journal: Journal = MemoryJournal()
        if folder is None:
            return

        def warn(what: str) -> None:
            notes.print(what, style="yellow")

        self.journal = SqliteJournal(folder, warn=warn)
        n = self.journal.tail().n
        if n:
            self.journal.close()
            raise BadInput(
                f"--journal {folder}: there is a journal of {n:,} frames already, and a replay "
                f"begins its own. Give a new folder; look at this one with: interlock orders "
                f"{folder}"
            )
        self.projection = Projection(folder / NAME, warn=warn)

    def catch_up(self, at_once: bool = False) -> None:
        """Bring the projection up to the journal, if it is far behind."""
        if self.projection is None:
            return
        behind = self.journal.tail().n - self.projection.tail.n
        if behind > (0 if at_once else BEHIND_MAX):
            self.projection.catch_up(self.journal)

    def durable(self) -> str:
        """What of the run outlives it."""
        if self.folder is None:
            return "Nothing was kept: no --journal was given."
        tail = self.journal.tail()
        return (
            f"{tail.next_seq - 1:,} facts in {tail.n:,} commits are durable in {self.folder}. "
            f"Look at them with: interlock orders {self.folder}"
        )

    def close(self) -> None:
        if self.projection is not None:
            self.projection.close()
        self.journal.close()
