"""Memory per live OCO pair: what the process grows by."""

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import book

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def grown(count: int) -> int:
    """Bytes this process grows by while ``count`` pairs are placed."""
    state = book.engine()
    for number in range(500):
        book.place(state, book.pair(number))
    gc.collect()
    before = resident()
    for number in range(500, 500 + count):
        book.place(state, book.pair(number))
    gc.collect()
    return resident() - before


def run(quick: bool) -> list[dict[str, Any]]:
    """In a process of its own: memory that an earlier benchmark gave back would hide the growth."""
    count = 2_000 if quick else 100_000
    ask = f"from bench import memory; print(memory.grown({count}))"
    answer = subprocess.run(
        [sys.executable, "-c", ask], check=True, capture_output=True, text=True
    ).stdout
    size = int(answer)
    return [{"live pairs": count, "bytes per pair": size // count, "total": f"{size >> 20} MiB"}]
