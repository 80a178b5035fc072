"""Progress of a replay on a terminal: how far, how fast, and the market's own time.

Decides what "far" means: rows of the files. Invariant: nothing is shown, counted or read when
standard error is no terminal.
"""

import gzip
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from interlock.cli.text import err, time_text
from interlock.market.lines import GZIP_MAGIC, Kind
from interlock.market.readers import MarketFile
from interlock.orders.ticks import Tick

BLOCK = 1 << 20
TICKS_PER_ROW = {Kind.BARS: 4, Kind.BID_ASK_BARS: 4}


class ReplayProgress(AbstractContextManager["ReplayProgress"]):
    def __init__(self, files: Iterable[MarketFile], quiet: bool = False) -> None:
        console = err()
        self._on = console.is_terminal and not quiet
        if not self._on:
            return
        total = sum(_rows(file.path) * TICKS_PER_ROW.get(file.kind, 1) for file in files)
        self._bar = Progress(
            TextColumn("[bold]replay"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("ticks"),
            TextColumn("{task.fields[now]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("replay", total=total, now="")

    def advance(self, ticks: int, tick: Tick) -> None:
        if self._on:
            self._bar.update(self._task, completed=ticks, now=time_text(tick.at))

    def __enter__(self) -> "ReplayProgress":
        if self._on:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._on:
            self._bar.stop()


def _rows(path: Path) -> int:
    """Lines of a file, its header left out."""
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP_MAGIC
    lines = 0
    with gzip.open(path, "rb") if packed else path.open("rb") as text:
        while block := text.read(BLOCK):
            lines += block.count(b"\n")
    return max(0, lines - 1)
