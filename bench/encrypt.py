"""An encrypted journal against a plain one: placing, and recovering, in turns in one process."""

import tempfile
import time
from pathlib import Path
from typing import Any

from bench import place
from bench.timing import spread
from interlock.journal.sealed_projection import tables_of
from interlock.journal.sqlite import SqliteJournal
from interlock.runtime.collector import calm
from interlock.runtime.line import Line

KEY = bytes(range(32))
BATCHES = {1: 1_500, 100: 40_000, 500: 50_000}
ROUNDS = 5
RECOVERED = 100_000


def run(quick: bool) -> list[dict[str, Any]]:
    calm()
    rows = []
    for batch, pairs in BATCHES.items():
        total = 200 if quick else pairs
        rates: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(1 if quick else ROUNDS):
            for sealed, made in rates.items():
                with tempfile.TemporaryDirectory() as folder:
                    seconds, *_ = place.placed(Path(folder), batch, total, KEY if sealed else None)
                made.append(total / seconds)
        rows.append({"batch": batch, **compared(rates, "pairs/s")})
    return [*rows, *recovered(quick)]


def recovered(quick: bool) -> list[dict[str, Any]]:
    """From a process killed without a snapshot; and the tables that people ask, made anew."""
    count = 500 if quick else RECOVERED
    live: dict[bool, list[float]] = {False: [], True: []}
    tables: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as name:
        keys = {False: None, True: KEY}
        for sealed, key in keys.items():
            place.placed(Path(name, str(sealed)), 500, count, key)
        for _ in range(1 if quick else 3):
            for sealed, key in keys.items():
                folder = Path(name, str(sealed))
                before = time.perf_counter()
                journal = SqliteJournal(folder, verify="tail", key=key)
                line = Line(journal, {})
                line.recover()
                live[sealed].append(1_000 * (time.perf_counter() - before))
                assert len(line.state.orders) == count
                projection = tables_of(folder, journal.sealer)
                before = time.perf_counter()
                projection.rebuild(journal)
                tables[sealed].append(1_000 * (time.perf_counter() - before))
                projection.close()
                journal.close()
    return [
        {"recovery, live orders": count, **compared(live, "ms")},
        {"tables made anew, orders": count, **compared(tables, "ms")},
    ]


def compared(values: dict[bool, list[float]], unit: str) -> dict[str, Any]:
    ratios = [sealed / plain for plain, sealed in zip(values[False], values[True], strict=True)]
    return {
        "plain": spread(values[False], unit),
        "encrypted": spread(values[True], unit),
        "encrypted to plain, in pairs": spread(ratios, "x"),
    }
