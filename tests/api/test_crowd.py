"""A crowd at one server: many clients place, amend, cancel and follow at once, over the wire.

Whoever followed from the beginning, however often he was cut, holds in the end what REST shows.
``script/load N`` is the same with N clients.
"""

import asyncio
import os
import time
from collections import defaultdict
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from websockets.asyncio.client import connect

from interlock.api.access.limits import Rate
from interlock.api.route import Budget
from interlock.client import AsyncClient, Fact, Refused, bracket, limit, market, stop
from interlock.client.signing import signed_headers
from tests.client.house import BTC, House, serving

CLIENTS = int(os.environ.get("INTERLOCK_CROWD", "20"))
ROUNDS = int(os.environ.get("INTERLOCK_CROWD_ROUNDS", "12"))
SECONDS_MAX = 60 + CLIENTS * ROUNDS
WIDE = dict.fromkeys(Budget, Rate(100_000, 100_000))


class Folded:
    """What a follower knows of orders by facts alone."""

    def __init__(self) -> None:
        self.orders: dict[str, list[Any]] = {}
        self.filled: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.seq = 0
        self.begun = asyncio.Event()
        self.moved = asyncio.Event()
        self.gaps: list[tuple[int, int]] = []

    def hear(self, fact: dict[str, Any], whole: bool) -> None:
        seq = fact["event_seq"]
        if seq <= self.seq or (whole and seq != self.seq + 1):
            self.gaps.append((self.seq, seq))
        self.seq = seq
        self.moved.set()
        order_id, kind = fact.get("order_id", ""), fact["type"]
        if kind == "OrderAccepted":
            self.orders[order_id] = [fact["client_order_id"], "working", 1]
        elif kind == "OrderAmended":
            self.orders[order_id][2] = fact["version"]
        elif kind == "OrderDone":
            self.orders[order_id][1] = fact["status"]
        elif kind == "VenueOrderFilled":
            self.filled[order_id, fact["leg"]] += Decimal(str(fact["quantity"]))


async def by_sse(client: AsyncClient, folded: Folded, rng: Random, whole: bool) -> None:
    """Cut now and then by himself: he goes on after what he knows."""
    first: int | None = None
    while True:
        count = 0
        stream = client.stream(snapshot=["orders"], from_seq=first)
        async with aclosing(stream):  # type: ignore[type-var]
            async for message in stream:
                if not isinstance(message, Fact):
                    folded.seq = message.event_seq
                    folded.begun.set()
                    continue
                folded.hear(message.fields, whole)
                count += 1
                if count > 10 and rng.random() < 0.05:
                    break
        first = folded.seq + 1


async def by_websocket(house: House, key: tuple[str, str], folded: Folded, rng: Random) -> None:
    first = ""
    while True:
        target = f"/v1/stream?snapshot=orders{first}"
        proof = signed_headers(*key, "GET", target, b"")
        url = f"ws://127.0.0.1:{house.server.port}{target}"
        async with connect(url, additional_headers=proof, close_timeout=0.2) as socket:
            async for text in socket:
                message = msgspec.json.decode(text)
                if message["type"] == "snapshot":
                    folded.seq = message["event_seq"]
                    folded.begun.set()
                elif message["type"] not in ("heartbeat", "market"):
                    folded.hear(message, False)
                    if rng.random() < 0.02:
                        break
        first = f"&from_seq={folded.seq + 1}"


async def trades(client: AsyncClient, name: str, rng: Random) -> int:
    """Some orders, most of them changed; how often the server said no, as it may."""
    refused = 0
    mine: list[str] = []
    for number in range(ROUNDS):
        try:
            what = rng.random()
            if what < 0.5 or not mine:
                order = rng.choice(
                    (
                        bracket(
                            entry=market(buy="0.01", instrument=BTC),
                            take_profit=str(rng.randrange(30_001, 30_200)),
                            stop_loss=str(rng.randrange(29_800, 29_999)),
                        ),
                        limit(str(rng.randrange(29_700, 29_990)), buy="0.02", instrument=BTC),
                        stop(str(rng.randrange(30_010, 30_300)), buy="0.03", instrument=BTC),
                    )
                )
                placed = await client.place(order, f"{name}-{number}", account=name)
                mine.append(placed.order_id)
            elif what < 0.75:
                changed = {"trigger_price": str(rng.randrange(30_400, 30_500))}
                await client.amend(rng.choice(mine), {"leg_1": changed})
            else:
                await client.cancel(rng.choice(mine), exposure="flatten")
        except Refused as no:
            assert no.status < 500, no
            refused += 1
    return refused


async def moves(house: House, rng: Random) -> None:
    price = 3_000_000
    while True:
        price += rng.randrange(-3_000, 3_001)
        price = min(3_030_000, max(2_970_000, price))
        house.move(price)
        await asyncio.sleep(0.02)


async def one_of_them(house: House, number: int) -> tuple[int, int]:
    """One client's day; how many of its orders were compared, and refusals met."""
    rng, name, folded = Random(number), f"acc{number}", Folded()
    key = house.key("read", "trade", accounts=(name,))
    async with AsyncClient(house.url, *key) as client:
        follow = by_websocket(house, key, folded, rng) if number % 3 else None
        following = asyncio.create_task(follow or by_sse(client, folded, rng, False))
        try:
            await asyncio.wait_for(folded.begun.wait(), SECONDS_MAX)
            refused = await trades(client, name, rng)
            await client.cancel_all(account=name, exposure="flatten")
            await agree(client, folded, following)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    return len(folded.orders), refused


async def agree(client: AsyncClient, folded: Folded, following: "asyncio.Task[None]") -> None:
    """Once every order is done: what was folded is what REST shows, order by order, leg by leg."""
    while True:
        lines = [line async for line in client.orders()]
        if all(line.done_at is not None for line in lines):
            break
        await asyncio.sleep(0.05)
    shown = {line.order_id: [line.client_order_id, line.status, line.version] for line in lines}
    fills: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    async for fill in client.fills():
        fills[fill.order_id, fill.leg] += fill.quantity
    while (folded.orders, folded.filled) != (shown, fills):
        assert not following.done(), following.exception()
        folded.moved.clear()
        try:
            await asyncio.wait_for(folded.moved.wait(), 5)
        except TimeoutError:
            assert folded.orders == shown
            assert folded.filled == fills
    assert folded.gaps == []


async def whole(house: House) -> tuple[int, int]:
    everything, rng = Folded(), Random(-1)
    async with AsyncClient(house.url, *house.key("read")) as watcher:
        market_moves = asyncio.create_task(moves(house, rng))
        watching = asyncio.create_task(by_sse(watcher, everything, rng, True))
        try:
            await asyncio.wait_for(everything.begun.wait(), SECONDS_MAX)
            told = await asyncio.gather(*(one_of_them(house, n) for n in range(CLIENTS)))
            await agree(watcher, everything, watching)
        finally:
            for task in (market_moves, watching):
                task.cancel()
            await asyncio.gather(market_moves, watching, return_exceptions=True)
    assert len(everything.orders) == sum(orders for orders, _ in told)
    kinds = {status for _, status, _ in everything.orders.values()}
    assert {"filled", "canceled"} <= kinds and everything.filled, "nothing much happened"
    assert max(version for *_, version in everything.orders.values()) > 1
    return len(everything.orders), sum(refused for _, refused in told)


def test_what_each_client_followed_is_what_rest_shows(tmp_path: Path) -> None:
    with serving(tmp_path, rates=WIDE) as house:
        began = time.monotonic()
        orders, refused = asyncio.run(asyncio.wait_for(whole(house), SECONDS_MAX))
        seconds = time.monotonic() - began
        assert orders >= CLIENTS
        assert house.server.live.over is False
        print(
            f"\n{CLIENTS} clients, {orders} orders, {refused} refusals, "
            f"{house.server.line.state.seq} facts, {seconds:.1f} s"
        )
