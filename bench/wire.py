"""From a fill that Binance's double tells of to its sibling's cancel arriving there.

Two processes: the double (``bench.double``), and a line with the adapter, its library and a journal
on the disk, here. Brackets rest there with both exits, the target in the regular family and the
stop in the Algo Service; the market rises through one target after the other.

- ``fill to cancel``: from before the double wrote the fill to the user stream until the cancel of
  the stop had arrived; measured in the double's process.
- ``ours``: from the raw message handed over by the library until the cancel was handed to it.
- ``library and wire``: the rest.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import httpx
import msgspec
import uvloop

from bench.fills import order_of
from bench.processes import Spoken
from bench.timing import spread
from interlock.engine.settings import Settings
from interlock.journal.sqlite import SqliteJournal
from interlock.orders import commands as c
from interlock.orders.decoding import decode_body
from interlock.runtime.clock import SteadyClock
from interlock.runtime.collector import calm, give_way
from interlock.runtime.line import Line
from interlock.runtime.linked import open_to, reached
from interlock.runtime.live import Live
from interlock.sandbox.binance.serving import HOST, KEY, SECRET
from interlock.venues.binance import link
from interlock.venues.binance.calls import Calls
from interlock.venues.binance.futures import BinanceFutures
from interlock.venues.binance.settings import BinanceSettings, Environment

BRACKETS, ROUNDS = 100, 3
AT_ONCE, EVERY_S = 50, 10.5
"""The exchange's budget of orders: entries may use seven tenths of 300 in ten seconds."""
BETWEEN_S = 0.02
SECONDS_MAX = 60
SYMBOL = "BTCUSDT"
BTC = f"{SYMBOL}.USDM"

Moments = dict[str, list[int]]


class Timed(BinanceFutures):
    """The product's own adapter, with the moments written down."""

    ours: ClassVar[Moments] = {}
    """By order: the fill's message handed to us, its sibling's cancel handed to the library."""

    def _message(self, url: str, message: Any) -> None:
        now = time.monotonic_ns()
        told = message.get("o", {}) if isinstance(message, dict) else {}
        if told.get("X") == "FILLED":
            self.ours[order_of(told["c"])] = [now, 0]
        super()._message(url, message)


class TimedCalls(Calls):
    """Put in the adapter's way to the library."""

    async def ask(
        self, method: str, path: str, params: Mapping[str, Any], api: str = "fapiPrivate"
    ) -> Any:
        if method == "DELETE":
            name = params.get("clientAlgoId") or params.get("origClientOrderId", "")
            moments = Timed.ours.get(order_of(name))
            if moments is not None and not moments[1]:
                moments[1] = time.monotonic_ns()
        return await super().ask(method, path, params, api)


class House:
    """A line at the double, and hands on the double's market."""

    def __init__(self, port: int, folder: Path) -> None:
        self.http = httpx.AsyncClient(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=30)
        address = f"{HOST}:{port}"
        settings = BinanceSettings("USDM", Environment.PAPER, "main", (SYMBOL,), "bench", address)
        self.clock = SteadyClock(0)
        self.venue = Timed(settings, KEY, SECRET, self.clock.now)
        self.journal = SqliteJournal(folder)
        self.line = Line(self.journal, {"USDM": self.venue}, Settings())
        self.line.recover()
        self.live = Live(self.line, self.clock, alone=False)

    async def __aenter__(self) -> "House":
        self.connecting = asyncio.create_task(self.venue.run())
        await reached(self.venue)
        self.live.start(self.venue.instruments)
        open_to(self.venue, self.live)
        self.running = asyncio.create_task(self.live.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.live.stop()
        await self.running
        self.connecting.cancel()
        await asyncio.gather(self.connecting, return_exceptions=True)
        await self.http.aclose()
        self.journal.close()

    async def price(self, price: str) -> None:
        body = json.dumps({"symbol": SYMBOL, "price": price, "quantity": "100"})
        (await self.http.post("/sandbox/price", content=body)).raise_for_status()

    async def place(self, number: int) -> None:
        target, stop = str(30_100 + 10 * number), str(29_000 - number)
        order = {
            "type": "bracket",
            "entry": {"type": "market", "instrument": BTC, "side": "buy", "quantity": "0.01"},
            "take_profit": {"type": "limit", "price": target},
            "stop_loss": {"type": "stop", "trigger_price": stop, "hold": "venue"},
        }
        body = msgspec.json.encode(
            {"client_order_id": f"w{number}", "account": "main", "order": order}
        )
        command = decode_body(body, c.PlaceOrder)
        assert isinstance(command, c.PlaceOrder), command
        answered: asyncio.Future[c.Answer] = asyncio.get_running_loop().create_future()
        self.live.ask(command, answered.set_result)
        assert isinstance(await answered, c.Accepted)

    async def until(self, orders: int, algos: int) -> None:
        """The exchange has so many orders of each family."""
        end = time.monotonic() + SECONDS_MAX
        while True:
            state = (await self.http.post("/sandbox/state", content="{}")).json()
            if (len(state["open_orders"]), len(state["open_algos"])) == (orders, algos):
                return
            assert time.monotonic() < end, (len(state["open_orders"]), len(state["open_algos"]))
            await asyncio.sleep(0.05)


async def life(port: int, folder: Path, brackets: int) -> None:
    async with House(port, folder) as house:
        await house.price("30000")
        for number in range(brackets):
            if number and number % AT_ONCE == 0:
                note(f"    {number} rest; the budget of orders is waited for")
                await asyncio.sleep(EVERY_S)
            await house.place(number)
        await house.until(brackets, brackets)
        calm()
        give_way()
        for number in range(brackets):
            await house.price(str(30_100 + 10 * number + 1))
            end = time.monotonic() + SECONDS_MAX
            while sum(bool(sent) for _, sent in Timed.ours.values()) <= number:
                assert time.monotonic() < end, f"the sibling of {number} was not recalled"
                await asyncio.sleep(0.001)
            await asyncio.sleep(BETWEEN_S)
        await house.until(0, 0)


def once(brackets: int) -> dict[str, list[float]]:
    """One life of both; spans in ms."""
    Timed.ours = {}
    with Spoken("bench.double") as double, tempfile.TemporaryDirectory() as folder:
        uvloop.run(life(int(double.hear()), Path(folder), brackets))
        double.end()
        told: Moments = json.loads(double.hear())
    spans: dict[str, list[float]] = {"fill to cancel": [], "ours": [], "library and wire": []}
    for one, (heard, handed) in Timed.ours.items():
        if not handed:
            continue  # an entry's fill: nothing is to be canceled
        written, arrived = told[one]
        assert arrived, f"the cancel for {one} never arrived"
        spans["fill to cancel"].append((arrived - written) / 1e6)
        spans["ours"].append((handed - heard) / 1e6)
        spans["library and wire"].append((arrived - written - handed + heard) / 1e6)
    assert len(spans["ours"]) == brackets, spans
    return spans


def run(quick: bool) -> list[dict[str, Any]]:
    """Every round is a life of its own; figures are the medians of the rounds'."""
    brackets, rounds = (4, 1) if quick else (BRACKETS, ROUNDS)
    link.Calls = TimedCalls  # type: ignore
    found = []
    for number in range(rounds):
        note(f"  round {number + 1} of {rounds}: {brackets} brackets")
        found.append(once(brackets))
    rows: list[dict[str, Any]] = []
    for what in ("fill to cancel", "ours", "library and wire"):
        row: dict[str, Any] = {"what": what, "brackets": brackets, "rounds": rounds}
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            row[name] = spread([place(one[what], share) for one in found], "ms")
        rows.append(row)
    return rows


def place(spans: list[float], share: float) -> float:
    return sorted(spans)[min(len(spans) - 1, int(len(spans) * share))]


def note(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
