"""Snapshots: how long everything waits for one, made on the loop or in a forked child."""

import tempfile
import time
from pathlib import Path
from typing import Any

from bench import book
from bench.timing import spread
from interlock.engine.digest import image
from interlock.journal.sqlite import SqliteJournal
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.runtime import imaging
from interlock.runtime.collector import calm
from interlock.runtime.line import Line

ROUNDS = 5


def run(quick: bool) -> list[dict[str, Any]]:
    return [measured(count) for count in ((1_000,) if quick else (100_000, 500_000))]


def measured(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        journal = SqliteJournal(Path(name))
        line = Line(journal, {})
        line.snapshot_frames = count
        instrument = Instrument(book.SYMBOL, price_increment="0.01", quantity_increment="0.001")
        line.start(book.AT, [instrument], {"PAPER": Capabilities()})
        for number in range(count):
            line.put(book.PLACE.decode(book.pair(number)), book.AT)
            if number % 500 == 499:
                line.run(book.AT)
        line.run(book.AT)
        line.flush()
        calm()
        alone, forked, whole, kept = [], [], [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            data = image(line.state)
            alone.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            child = imaging.begin(line.state)
            forked.append((time.perf_counter() - began) * 1e3)
            assert child.image() == data
            whole.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            journal.save_snapshot(journal.tail().n, data)
            kept.append((time.perf_counter() - began) * 1e3)
        journal.close()
    return {
        "live pairs": count,
        "megabytes": round(len(data) / 1e6, 1),
        "the loop waits for the fork": spread(forked, "ms"),
        "it would wait for an image": spread(alone, "ms"),
        "image from the child": spread(whole, "ms"),
        "written, beside the loop": spread(kept, "ms"),
    }
