"""Text for people: consoles, tables and times.

Decides how output looks on a terminal and in a pipe. Invariant: in a pipe there is no colour, no
box and no line broken to fit a width.
"""

import sys
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 240
SECOND_NS = 1_000_000_000


def out() -> Console:
    """Standard output: results."""
    return _console(stderr=False)


def err() -> Console:
    """Standard error: progress, notes and troubles."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    # No markup: ids and reasons are other people's text, and may hold brackets.
    return Console(
        stderr=stderr,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=width is not None,
    )


def plain_table(console: Console, *columns: str) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for column in columns:
        table.add_column(column, no_wrap=not console.is_terminal)
    return table


def time_text(at: int) -> str:
    """``2024-01-02 00:00:01.250`` in UTC, to the millisecond."""
    seconds, rest = divmod(at, SECOND_NS)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // 1_000_000:03d}"
