"""OCO pairs decided, journaled durably and armed, in process, in micro-batches."""

import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import book
from bench.timing import Figure, per_call_ns, ratio, spread
from interlock.journal.frames import Frame
from interlock.journal.sqlite import SqliteJournal
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import Accepted, PlaceOrder, SetLimits
from interlock.orders.decoding import decode_body
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Trade
from interlock.runtime.collector import calm
from interlock.runtime.line import Line

BATCHES = (1, 10, 100, 500)
PAIRS = {1: 1_500, 10: 8_000, 100: 40_000, 500: 50_000}
ROUNDS = 5


def run(quick: bool) -> list[dict[str, Any]]:
    calm()
    rows: list[dict[str, Any]] = []
    for batch in BATCHES:
        total = 200 if quick else PAIRS[batch]
        rates, whole, processor, bare = [], [], [], []
        for _ in range(1 if quick else ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                seconds, decoding, busy, payloads = placed(Path(folder) / "line", batch, total)
                rates.append(total / seconds)
                whole.append(total / (seconds + decoding))
                processor.append(total / busy)
                bare.append(total / committed(Path(folder) / "bare", payloads))
        durable, alone = spread(rates, "pairs/s"), spread(bare, "pairs/s")
        rows.append(
            {
                "batch": batch,
                "durable": durable,
                "per second of one core": spread(processor, "pairs/s"),
                "with their decoding": spread(whole, "pairs/s"),
                "bare commit of the same bytes": alone,
                "ratio": ratio(durable, alone),
            }
        )
    return [*rows, decoded(quick)]


def placed(
    folder: Path,
    batch: int,
    total: int,
    key: bytes | None = None,
    limits: Sequence[SetLimits] = (),
) -> tuple[float, float, float, list[bytes]]:
    """Seconds to decide, journal and arm ``total`` pairs, each answered after its commit; seconds
    to decode them; seconds of a processor for the former; and what was written.
    """
    journal = SqliteJournal(folder, key=key)
    line = Line(journal, {})
    instrument = Instrument(book.SYMBOL, price_increment="0.01", quantity_increment="0.001")
    line.start(book.AT, [instrument], {"PAPER": Capabilities()})
    if limits:
        line.tick(Trade(book.SYMBOL, book.AT, book.MID, 1), book.AT)  # what is limited has a price
    for one in limits:
        line.put(one, book.AT)
    bodies = [book.pair(number) for number in range(total)]
    answers: list[object] = []
    seconds = decoding = busy = 0.0
    for first in range(0, total, batch):
        before = time.perf_counter()
        orders = deque(book.PLACE.decode(body) for body in bodies[first : first + batch])
        decoding += time.perf_counter() - before
        processor, before = time.process_time(), time.perf_counter()
        while orders:
            line.put(orders.popleft(), book.AT, answers.append)
        line.run(book.AT)
        seconds += time.perf_counter() - before
        busy += time.process_time() - processor
    assert len(answers) == total
    assert all(isinstance(answer, Accepted) for answer in answers)
    payloads = [frame.payload for frame in journal.read(2)]
    journal.close()
    return seconds, decoding, busy, payloads


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


def decoded(quick: bool) -> dict[str, Any]:
    """A body through our own door, with its checks, against msgspec's bare decoder."""
    bodies = [book.pair(number) for number in range(500)]
    rounds = 2 if quick else 20

    def ours() -> int:
        for _ in range(rounds):
            for body in bodies:
                decode_body(body, PlaceOrder)
        return rounds * len(bodies)

    def bare() -> int:
        for _ in range(rounds):
            for body in bodies:
                book.PLACE.decode(body)
        return rounds * len(bodies)

    own: Figure = spread(per_call_ns(ours), "ns")
    alone: Figure = spread(per_call_ns(bare), "ns")
    return {"decode of a pair": own, "bare msgspec decode": alone, "ratio": ratio(own, alone)}
