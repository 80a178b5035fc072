"""The venue's own process: the paper exchange with a made-up market, behind a loopback socket.

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

import msgspec

from chaos import wire
from chaos.life import orphaned
from interlock.market.generator import BTC
from interlock.orders.capabilities import Capabilities
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.reports import Connection
from interlock.orders.requests import Request, SubmitVenueList, SubmitVenueOrder
from interlock.orders.ticks import Quote, Tick, Trade
from interlock.sim.draw import draw_capabilities
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.faults import Faults, Latency

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


class VenueServer:
    """One exchange, one market, one trading connection at a time and any number of onlookers."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self.exchange = PaperExchange("PAPER", INSTRUMENTS, capabilities(seed), WEATHER, seed)
        self._prices = [Prices(self._rng, instrument) for instrument in INSTRUMENTS]
        self._trading: asyncio.StreamWriter | None = None
        self._market_on = True
        self._submits: list[SubmitVenueOrder] = []
        self._poll: asyncio.TimerHandle | None = None

    def now(self) -> int:
        return max(time.time_ns(), self.exchange.now)

    async def market(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if self._market_on:
                tick = self._rng.choice(self._prices).tick(self.now())
                self.exchange.on_tick(tick)
                self._pump()
                if self._trading is not None:
                    wire.say_packed(self._trading, tick)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (message := await wire.hear(reader, wire.TO_VENUE)) is not None:
            match message:
                case wire.Join():
                    self._join(writer)
                case wire.Clock():
                    wire.say_packed(writer, wire.Time(self.now()))
                case wire.View():
                    wire.say_packed(writer, self._shown())
                case wire.Market():
                    self._market_on = message.on
                case wire.Cut():
                    self._leave()
                case _:
                    self._receive(writer, message)
        if writer is self._trading:
            self._leave()
        writer.close()

    def _join(self, writer: asyncio.StreamWriter) -> None:
        self._leave()
        self._trading = writer
        self.exchange.reconnect(self.now())
        self._pump()

    def _leave(self) -> None:
        writer, self._trading = self._trading, None
        if writer is not None:
            self.exchange.disconnect(self.now())
            writer.close()

    def _receive(self, writer: asyncio.StreamWriter, request: Request) -> None:
        """A request is read; it counts although its sender may be dead, but for some."""
        if writer is not self._trading:
            return
        if writer.transport.is_closing() and self._rng.random() < 0.5:
            return
        if isinstance(request, SubmitVenueOrder):
            self._submits.append(request)
        elif isinstance(request, SubmitVenueList):
            self._submits.extend(request.orders)
        self.exchange.send(request, self.now())
        self._pump()

    def _pump(self) -> None:
        """Send what has arrived at our end of the wire, and come back for the rest."""
        for report in self.exchange.poll(self.now()):
            # The other end notices by itself when it is connected.
            if self._trading is not None and not isinstance(report, Connection):
                wire.say_packed(self._trading, report)
        if self._poll is not None:
            self._poll.cancel()
        due = self.exchange.next_at()
        if due is not None:
            wait = min(1.0, max(0.0002, (due - self.now()) / 1e9))
            self._poll = asyncio.get_running_loop().call_later(wait, self._pump)

    def _shown(self) -> wire.Shown:
        self._pump()
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
    market = asyncio.create_task(venue.market())
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
