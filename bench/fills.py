"""The venue of ``serve recall``: a paper venue in a process of its own, whose market fills orders.

``python -m bench.fills``. Says ``listening PORT``; then reads commands, a line each, and answers
each with one line of JSON:

``resting``            how many orders are open
``fill COUNT EVERY_US`` trade through so many resting buys, one after the other, with so much time
                       between two on average; what is answered are the moments, by order id, at
                       which each fill report was written to the socket and the recall of its
                       sibling was read from it, ns of the machine's monotonic clock
"""

import asyncio
import json
import sys
import time
from random import Random
from typing import Any

from bench import book
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.reports import Filled, Report
from interlock.orders.requests import CancelVenueOrder, Request
from interlock.orders.ticks import Quote, Trade
from interlock.venues.paper import wire
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.server import PaperServer

INSTRUMENT = Instrument(book.SYMBOL, price_increment="0.01", quantity_increment="0.001")
LAST_WAIT_S = 20.0


class Filling(PaperServer):
    """The product's own server, with the moments written down."""

    def __init__(self) -> None:
        exchange = PaperExchange("PAPER", [INSTRUMENT], Capabilities())
        super().__init__(exchange, (INSTRUMENT,), time.time_ns)
        self.sent: dict[str, int] = {}
        self.recalled: dict[str, int] = {}
        self.filled = 0

    def tell(self, writer: asyncio.StreamWriter, report: Report) -> None:
        if isinstance(report, Filled):
            self.sent[order_of(report.client_id)] = time.monotonic_ns()
        super().tell(writer, report)

    def receive(self, request: Request) -> None:
        if isinstance(request, CancelVenueOrder):
            self.recalled.setdefault(order_of(request.client_id), time.monotonic_ns())
        super().receive(request)

    async def fill(self, count: int, every_us: int) -> dict[str, Any]:
        rng = Random(1)
        before = len(self.sent)
        for _ in range(count):
            at = self.now()
            price = book.resting_price(self.filled) - 1
            self.happen(Trade(book.SYMBOL, at, price, 1_000_000, -1))
            self.filled += 1
            await asyncio.sleep(every_us / 1e6 * rng.uniform(0.5, 1.5))
        end = time.monotonic() + LAST_WAIT_S
        while len(self.recalled) < len(self.sent) and time.monotonic() < end:
            await asyncio.sleep(0.01)
        fresh = list(self.sent)[before:]
        return {one: [self.sent[one], self.recalled.get(one, 0)] for one in fresh}


def order_of(client_id: str) -> str:
    return client_id.partition(".")[0]


async def main() -> None:
    venue = Filling()
    server = await asyncio.start_server(venue.serve, wire.HOST, 0)
    say(f"listening {server.sockets[0].getsockname()[1]}")
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while not venue.trading:
        await asyncio.sleep(0.01)
    now = venue.now()
    venue.happen(Quote(book.SYMBOL, now, book.MID - 1, 10**7, book.MID + 1, 10**7))
    venue.happen(Trade(book.SYMBOL, now, book.MID, 1))
    while line := await reader.readline():
        words = line.split()
        if words[0] == b"resting":
            say(json.dumps(len(venue.exchange.open_orders())))
        else:
            say(json.dumps(await venue.fill(int(words[1]), int(words[2]))))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
