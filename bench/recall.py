"""From a fill report to the sibling's recall, in process, beside 100 000 live pairs.

The design's figure is from socket to socket and includes a server; this is the engine's part.
"""

import time
from typing import Any

from bench import book
from bench.timing import spread
from interlock.journal.memory import MemoryJournal
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.reports import Acknowledged, Execution, Filled
from interlock.orders.requests import CancelVenueOrder, Request, SubmitVenueOrder
from interlock.runtime.collector import calm
from interlock.runtime.line import Line

FILLS = 2_000


class Wire:
    """Where requests go: kept, and the moment of the last recall with them."""

    def __init__(self) -> None:
        self.capabilities = Capabilities()
        self.submitted: list[SubmitVenueOrder] = []
        self.recalled_at = 0

    def send(self, request: Request, at: int) -> None:
        if isinstance(request, CancelVenueOrder):
            self.recalled_at = time.perf_counter_ns()
        elif isinstance(request, SubmitVenueOrder):
            self.submitted.append(request)


def resting_pair(number: int) -> bytes:
    """Two limits at the venue, of which one will fill."""
    return (
        f'{{"client_order_id":"r{number}","account":"main","order":{{"type":"oco",'
        f'"on_partial_fill":"cancel","legs":['
        f'{{"type":"limit","instrument":"{book.SYMBOL}","side":"buy","quantity":"0.5",'
        f'"price":"29000"}},'
        f'{{"type":"limit","instrument":"{book.SYMBOL}","side":"sell","quantity":"0.5",'
        f'"price":"31000"}}]}}}}'
    ).encode()


def run(quick: bool) -> list[dict[str, Any]]:
    pairs, fills = (500, 50) if quick else (100_000, FILLS)
    wire = Wire()
    line = Line(MemoryJournal(), {"PAPER": wire})
    instrument = Instrument(book.SYMBOL, price_increment="0.01", quantity_increment="0.001")
    line.start(book.AT, [instrument])
    line.recovering_until = 0
    for number in range(pairs):
        line.put(book.PLACE.decode(book.pair(number)), book.AT)
    line.run(book.AT)
    for number in range(fills):
        line.put(book.PLACE.decode(resting_pair(number)), book.AT)
    line.run(book.AT)
    buys = [request for request in wire.submitted if request.side > 0]
    for request in wire.submitted:
        line.put(Acknowledged(book.AT, request.client_id, "v" + request.client_id), book.AT)
    line.run(book.AT)
    calm()
    took = []
    for number, request in enumerate(buys):
        wire.recalled_at = 0
        before = time.perf_counter_ns()
        execution = Execution(f"e{number}", 500, 2_900_000)
        line.put(Filled(book.AT, request.client_id, execution), book.AT)
        line.run(book.AT)
        assert wire.recalled_at, "the sibling was not recalled"
        took.append((wire.recalled_at - before) / 1000)
    took.sort()
    return [
        {
            "live pairs": pairs,
            "fills": len(took),
            "fill to recall, in process": spread(took, "us"),
            "p99, us": round(took[len(took) * 99 // 100], 1),
        }
    ]
