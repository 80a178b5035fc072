"""A paper venue in a process of its own, over a real socket, and what its death does."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.venues.paper_process import Venue

from interlock.api.serving import PAPER
from interlock.market.generator import BTC
from interlock.orders.reports import (
    Acknowledged,
    Connection,
    Filled,
    OpenOrders,
    OutcomeUnknown,
    Rejected,
    Report,
    VenueReject,
)
from interlock.orders.requests import (
    QueryOpenOrders,
    Request,
    SubmitVenueOrder,
    VenueOrderType,
)
from interlock.orders.ticks import Tick
from interlock.venues.paper import link, wire
from interlock.venues.paper.link import Link


class Ear:
    """A link, and everything it has said."""

    def __init__(self, port: int) -> None:
        self.told: list[str] = []
        self.reports: list[Report] = []
        self.ticks: list[Tick] = []
        self.link = Link("PAPER", (wire.HOST, port), PAPER, time.time_ns, self.told.append)
        self.link.news = lambda: self.reports.extend(self.link.poll(0))
        self.link.tick = self.ticks.append

    def send(self, request: Request) -> None:
        self.link.send(request, time.time_ns())

    async def until(self, kind: type, **fields: Any) -> Any:
        """The first report of a kind with these fields; the reports before it are forgotten."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for place, report in enumerate(self.reports):
                if type(report) is kind and all(
                    getattr(report, name) == value for name, value in fields.items()
                ):
                    del self.reports[: place + 1]
                    return report
            await asyncio.sleep(0.005)
        raise AssertionError(f"no {kind.__name__} {fields}: {self.reports} {self.told}")


def story(port: int, what: Callable[[Ear], Awaitable[None]]) -> None:
    async def whole() -> None:
        ear = Ear(port)
        running = asyncio.create_task(ear.link.run())
        try:
            await what(ear)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(whole(), 30))


def buy(name: str, kind: VenueOrderType, price: int | None = None) -> SubmitVenueOrder:
    valid_until = time.time_ns() + 10_000_000_000
    return SubmitVenueOrder(name, "main", BTC.symbol, 1, kind, 500, valid_until, price)


def test_orders_go_out_and_executions_and_ticks_come_in_and_a_kill_loses_neither(tmp_path: Path):
    with Venue(tmp_path) as venue:

        async def life(ear: Ear) -> None:
            await ear.until(Connection, up=True)
            assert [one.symbol for one in ear.link.instruments] == [BTC.symbol]
            assert ear.link.capabilities == PAPER
            while not ear.ticks:
                await asyncio.sleep(0.005)
            ear.send(buy("resting", VenueOrderType.LIMIT, 100_000))
            await ear.until(Acknowledged, client_id="resting")
            ear.send(buy("taker", VenueOrderType.MARKET))
            filled = await ear.until(Filled, client_id="taker")
            assert filled.execution.quantity == 500
            venue.kill()
            await ear.until(Connection, up=False)
            ear.send(buy("lost", VenueOrderType.LIMIT, 100_000))
            await ear.until(OutcomeUnknown, client_id="lost")
            venue.start()
            await ear.until(Connection, up=True)
            ear.send(QueryOpenOrders("PAPER"))
            listed = await ear.until(OpenOrders)
            assert [one.client_id for one in listed.orders] == ["resting"]
            assert any("closed the connection" in what for what in ear.told)

        story(venue.port, life)


def test_what_comes_back_comes_in_our_time(tmp_path: Path):
    """The clocks are an hour apart: validity goes out in the venue's, stamps come in in ours."""
    with Venue(tmp_path) as venue:

        async def life(ear: Ear) -> None:
            hour = 3_600_000_000_000
            ear.link._now = lambda: time.time_ns() + hour  # type: ignore[method-assign]
            await ear.until(Connection, up=True)
            request = buy("ahead", VenueOrderType.LIMIT, 100_000)
            ear.send(replace(request, valid_until=request.valid_until + hour))
            report = await ear.until(Acknowledged, client_id="ahead")
            assert abs(report.at - time.time_ns() - hour) < 10_000_000_000
            ear.send(replace(request, client_id="too-late"))
            refused = await ear.until(Rejected, client_id="too-late")
            assert refused.code is VenueReject.TOO_LATE

        story(venue.port, life)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (b"\xff\xff\xff\xff", "announced"),
        (wire.framed(b"nonsense"), "cannot be read"),
        (b"", "says nothing any more"),
    ],
)
def test_whoever_talks_nonsense_or_nothing_at_all_is_left_and_tried_again(
    says: bytes, told: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(link, "SILENT_S_MAX", 0.1)
    monkeypatch.setattr(link, "ASK_TIME_S", 0.05)

    async def whole() -> None:
        came: list[asyncio.StreamWriter] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            came.append(writer)
            writer.write(says)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(answer, wire.HOST, 0)
        ear = Ear(server.sockets[0].getsockname()[1])
        running = asyncio.create_task(ear.link.run())
        while len(came) < 2:
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()
        assert len(ear.told) == 1 and told in ear.told[0]
        assert ear.reports == []  # it was never there, so it did not go

    asyncio.run(asyncio.wait_for(whole(), 10))


def test_a_message_arrives_whole_however_it_was_cut():
    message = wire.packed(wire.Time(5)) + wire.packed(wire.Time(6))
    for size in range(1, len(message) + 1):
        cutter = wire.Cutter()
        found = [
            wire.read(body, wire.FROM_VENUE)
            for at in range(0, len(message), size)
            for body in cutter.cut(message[at : at + size])
        ]
        assert found == [wire.Time(5), wire.Time(6)]


def test_a_venue_that_reads_nothing_never_holds_up_the_sender(monkeypatch: pytest.MonkeyPatch):
    """What it does not read waits here, up to a bound; then the connection counts as broken."""
    monkeypatch.setattr(link, "UNSENT_MAX", 1 << 20)

    async def whole() -> None:
        asked: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wire.say(writer, wire.Welcome(time.time_ns(), (BTC,), PAPER))
            asked.append(await reader.readexactly(4))
            await over.wait()
            writer.close()

        over = asyncio.Event()
        server = await asyncio.start_server(answer, wire.HOST, 0, limit=1 << 12)
        ear = Ear(server.sockets[0].getsockname()[1])
        running = asyncio.create_task(ear.link.run())
        await ear.until(Connection, up=True)
        sent = 0
        while ear.link.joined.is_set():
            for _ in range(500):
                ear.send(buy(f"n{sent}", VenueOrderType.MARKET))
                sent += 1
            await asyncio.sleep(0)
        await ear.until(Connection, up=False)
        assert any("reads nothing" in what for what in ear.told)
        over.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()

    asyncio.run(asyncio.wait_for(whole(), 20))
