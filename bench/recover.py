"""Recovery: from a journal of live orders to a state ready to work."""

import tempfile
import time
from pathlib import Path
from typing import Any

from bench import book
from bench.timing import spread
from interlock.journal.sqlite import SqliteJournal
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.runtime.line import Line


def run(quick: bool) -> list[dict[str, Any]]:
    count = 1_000 if quick else 100_000
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = SqliteJournal(folder)
        line = Line(journal, {})
        instrument = Instrument(book.SYMBOL, price_increment="0.01", quantity_increment="0.001")
        line.start(book.AT, [instrument], {"PAPER": Capabilities()})
        for number in range(count):
            line.put(book.PLACE.decode(book.pair(number)), book.AT)
            if number % 500 == 499:
                line.run(book.AT)
        line.run(book.AT)
        line.flush()
        journal.close()
        for kind in ("journal alone", "snapshot"):
            times = []
            for _ in range(3):
                before = time.perf_counter()
                journal = SqliteJournal(folder, verify="tail")
                line = Line(journal, {})
                line.recover()
                times.append(time.perf_counter() - before)
                assert len(line.state.orders) == count
                if kind == "journal alone" and len(times) == 3:
                    line.snapshot()
                journal.close()
            rows.append({"live orders": count, "from": kind, "seconds": spread(times, "s")})
    return rows
