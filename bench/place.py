"""OCO pairs decided, journaled durably and armed, in process, in micro-batches."""

import tempfile
import time
from pathlib import Path
from typing import Any

from bench import book
from bench.timing import spread
from interlock.journal.frames import Frame, encode_facts
from interlock.journal.sqlite import SqliteJournal
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.runtime.line import Line

BATCHES = (1, 10, 100, 500)
PAIRS = {1: 1_500, 10: 8_000, 100: 20_000, 500: 20_000}


def run(quick: bool) -> list[dict[str, Any]]:
    rows = []
    for batch in BATCHES:
        total = 200 if quick else PAIRS[batch]
        rates, bare = [], []
        for _ in range(1 if quick else 3):
            with tempfile.TemporaryDirectory() as folder:
                seconds, payloads = placed(Path(folder) / "line", batch, total)
                rates.append(total / seconds)
                bare.append(total / committed(Path(folder) / "bare", payloads))
        rows.append(
            {
                "batch": batch,
                "pairs/s": spread(rates, ""),
                "bare commit of the same bytes, pairs/s": spread(bare, ""),
                "ratio": f"{sorted(rates)[len(rates) // 2] / sorted(bare)[len(bare) // 2]:.2f}",
            }
        )
    return rows


def placed(folder: Path, batch: int, total: int) -> tuple[float, list[bytes]]:
    """Seconds to place ``total`` pairs, each answered after its commit; and what was written."""
    journal = SqliteJournal(folder)
    line = Line(journal, {})
    instrument = Instrument(book.SYMBOL, price_increment="0.01", quantity_increment="0.001")
    line.start(book.AT, [instrument], {"PAPER": Capabilities()})
    payloads: list[bytes] = []
    line.listeners.append(lambda _, facts: payloads.append(encode_facts(facts)))
    bodies = [book.pair(number) for number in range(total)]
    answers: list[object] = []
    line.listeners.clear()
    before = time.perf_counter()
    for first in range(0, total, batch):
        for body in bodies[first : first + batch]:
            line.put(book.PLACE.decode(body), book.AT, answers.append)
        line.run(book.AT)
    seconds = time.perf_counter() - before
    assert len(answers) == total
    payloads = [frame.payload for frame in journal.read(2)]
    journal.close()
    return seconds, payloads


def committed(folder: Path, payloads: list[bytes]) -> float:
    """Seconds to commit the same bytes and decide nothing."""
    journal = SqliteJournal(folder)
    before = time.perf_counter()
    for payload in payloads:
        tail = journal.tail()
        journal.append(tail.n, Frame(tail.n + 1, 1, tail.hash, 0, tail.next_seq, payload))
    seconds = time.perf_counter() - before
    journal.close()
    return seconds
