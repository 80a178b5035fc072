"""The venue's own process: the paper venue's server with bad weather and a made-up market.

Decides what gets lost when a connection dies: reports on their way are, requests not yet read may
be, orders and executions never are. Invariant: nothing here is ever restarted or rewound.

Usage: ``python -m chaos.venue --seed N``; prints the port it listens on.
"""

import argparse
import asyncio
import signal
import sys
import time
from random import Random
from typing import Any

import msgspec

from chaos import wire
from chaos.life import orphaned
from interlock.market.generator import BTC
from interlock.orders.capabilities import Capabilities
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.requests import Request, SubmitVenueList, SubmitVenueOrder
from interlock.orders.ticks import Quote, Tick, Trade
from interlock.sim.draw import draw_capabilities
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.faults import Faults, Latency
from interlock.venues.paper.server import PaperServer

US = 1_000
INSTRUMENTS = tuple(
    Instrument(
        f"{name}.PAPER",
        price_increment="0.01",
        quantity_increment="0.001",
        min_quantity="0.002",
        fees=BTC.fees,
    )
    for name in ("AAA", "BBB")
)
FIRST_PRICE = 3_000_000
TICK_S = 0.005
WEATHER = Faults(
    latency_out=Latency(100 * US, 3_000 * US),
    latency_in=Latency(100 * US, 3_000 * US),
    repeat_report_permille=20,
    reorder_report_permille=20,
)


def capabilities(seed: int) -> Capabilities:
    """What this venue can; its requests are valid for less long than a usual one's."""
    return msgspec.structs.replace(
        draw_capabilities(Random(seed)),
        request_validity_ns=1_500_000 * US,
        reply_timeout_ns=800_000 * US,
    )


class Prices:
    """A random walk with jumps, for one instrument."""

    def __init__(self, rng: Random, instrument: Instrument) -> None:
        self._rng = rng
        self.symbol = Grid(instrument).symbol
        self.price = FIRST_PRICE

    def tick(self, at: int) -> Tick:
        rng = self._rng
        step = rng.gauss(0, 6_000 if rng.random() < 0.005 else 250)
        pull = (FIRST_PRICE - self.price) * 0.0005
        self.price = max(1_000, int(self.price + step + pull))
        if rng.random() < 0.3:
            half = rng.randrange(1, 40)
            low, high = self.price - half, self.price + half
            return Quote(self.symbol, at, low, rng.randrange(1, 900), high, rng.randrange(1, 900))
        return Trade(self.symbol, at, self.price, rng.randrange(1, 200), rng.choice([1, -1]))


class VenueServer(PaperServer):
    """The paper venue's own server, with a market to switch and everything to look at."""

    decoder = wire.TO_VENUE

    def __init__(self, seed: int) -> None:
        exchange = PaperExchange("PAPER", INSTRUMENTS, capabilities(seed), WEATHER, seed)
        super().__init__(exchange, INSTRUMENTS, time.time_ns)
        self._rng = Random(seed)
        self._prices = [Prices(self._rng, instrument) for instrument in INSTRUMENTS]
        self._market_on = True
        self._submits: list[SubmitVenueOrder] = []

    async def walk(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if self._market_on:
                self.happen(self._rng.choice(self._prices).tick(self.now()))

    def hear(self, writer: asyncio.StreamWriter, message: Any) -> None:
        match message:
            case wire.View():
                wire.say_packed(writer, self._shown())
            case wire.Market():
                self._market_on = message.on
            case wire.Cut():
                self.leave()
            case _:
                super().hear(writer, message)

    def receive(self, request: Request) -> None:
        """A request is read; it counts although its sender may be dead, but for some."""
        assert self.trading is not None
        if self.trading.transport.is_closing() and self._rng.random() < 0.5:
            return
        if isinstance(request, SubmitVenueOrder):
            self._submits.append(request)
        elif isinstance(request, SubmitVenueList):
            self._submits.extend(request.orders)
        super().receive(request)

    def _shown(self) -> wire.Shown:
        self.pump()
        return wire.Shown(
            tuple(order.client_id for order in self.exchange.open_orders()),
            tuple(
                wire.Traded(e.client_id, e.execution.exec_id, e.execution.quantity)
                for e in self.exchange.executions()
            ),
            tuple(self._submits),
            {prices.symbol: prices.price for prices in self._prices},
        )


async def run(seed: int) -> None:
    venue = VenueServer(seed)
    server = await asyncio.start_server(venue.serve, wire.HOST, 0)
    sys.stdout.write(f"listening {server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    market = asyncio.create_task(venue.walk())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, market.cancel)
    alone = asyncio.create_task(orphaned())
    await asyncio.wait([market, alone], return_when=asyncio.FIRST_COMPLETED)
    for task in (market, alone):
        task.cancel()
    await asyncio.gather(market, alone, return_exceptions=True)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m chaos.venue", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    asyncio.run(run(parser.parse_args().seed))


if __name__ == "__main__":
    main()
