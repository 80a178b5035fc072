"""Memory per live OCO pair: what the process grows by."""

import gc
import os
from pathlib import Path
from typing import Any

from bench import book

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def run(quick: bool) -> list[dict[str, Any]]:
    count = 2_000 if quick else 100_000
    state = book.engine()
    for number in range(500):
        book.place(state, book.pair(number))
    gc.collect()
    before = resident()
    for number in range(500, 500 + count):
        book.place(state, book.pair(number))
    gc.collect()
    grown = resident() - before
    return [{"live pairs": count, "bytes per pair": grown // count, "total MiB": grown >> 20}]
