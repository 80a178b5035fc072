"""Instructions per placed pair, counted by valgrind: the same on a quiet machine and a busy one."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any

SMALL, LARGE = 500, 2_500
PROGRAM = """
import gc
from bench import book
from interlock.journal.memory import MemoryJournal
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.runtime.line import Line
gc.disable()
line = Line(MemoryJournal(), {{}})
btc = Instrument(book.SYMBOL, price_increment="0.01", quantity_increment="0.001")
line.start(book.AT, [btc], {{"PAPER": Capabilities()}})
{setup}
bodies = [book.pair(number) for number in range({large})]
answers = []
for first in range(0, {count}, 500):
    for body in bodies[first:first + 500]:
        line.put(book.PLACE.decode(body), book.AT, answers.append)
    line.run(book.AT)
"""


def run(quick: bool) -> list[dict[str, Any]]:
    if shutil.which("valgrind") is None:
        return [{"instructions per pair": "valgrind is not installed"}]
    if quick:
        return [{"instructions per pair": "not counted in a quick run"}]
    return [{"instructions per pair": per_pair()}]


def per_pair(setup: str = "") -> int:
    """Instructions for one pair more; ``setup`` is Python that does something to ``line`` first."""
    small, large = counted(SMALL, setup), counted(LARGE, setup)
    return round((large - small) / (LARGE - SMALL))


def counted(count: int, setup: str = "") -> int:
    """Instructions of a process that places ``count`` pairs in batches of 500."""
    with tempfile.NamedTemporaryFile() as out:
        said = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}"),
                *(sys.executable, "-c", PROGRAM.format(count=count, large=LARGE, setup=setup)),
            ],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            check=True,
            capture_output=True,
            text=True,
        ).stderr
    found = re.search(r"Collected : (\d+)", said)
    assert found is not None, said
    return int(found[1])
