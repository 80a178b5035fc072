"""The facts file: one fact per line in wire form.

Decides when the file may be believed. Invariant: it has its own name only once it is complete;
until then, and for ever if the run is cut short, it is ``NAME.partial``.
"""

import errno
from pathlib import Path

from interlock.orders.facts import Fact
from interlock.orders.wire import FactWire

BUFFER_BYTES = 1 << 20


class FactsFile:
    """Hears committed facts, as a listener of the line."""

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "--facts names a folder; name a file", str(path))
        self.path = path
        self.partial = path.with_name(f"{path.name}.partial")
        self.count = 0
        self._wire = FactWire()
        self._file = self.partial.open("wb", buffering=BUFFER_BYTES)

    def hear(self, first_seq: int, facts: list[Fact]) -> None:
        for seq, fact in enumerate(facts, first_seq):
            self._file.write(self._wire.encode(seq, fact) + b"\n")
        self.count += len(facts)

    def complete(self) -> None:
        """Give the file its name."""
        self._file.close()
        self.partial.replace(self.path)

    def abandon(self) -> None:
        """Leave what there is under the partial name."""
        self._file.close()
