"""A whole server in this process, on a port of its own, and clients over the wire."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from interlock.api.access.limits import Allowance
from interlock.api.access.opening import Access, AccessSettings
from interlock.api.access.passwords import Cost
from interlock.api.logs import Log
from interlock.api.problems import Problem
from interlock.api.route import Budget, Caller, Scope
from interlock.api.serving import Server, Settings
from interlock.market.course import Course, Note
from interlock.market.generator import BTC
from interlock.orders.ticks import Quote, Tick, Trade

EVERYBODY = Caller("everybody", frozenset(Scope))


class OpenEntrance:
    """Lets everybody in, and writes down who came."""

    def __init__(self, caller: Caller = EVERYBODY) -> None:
        self.caller = caller
        self.open = True
        self.seen: list[tuple[str, str, int, str]] = []

    def authenticate(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, address: str
    ) -> Caller | Problem:
        accounts = frozenset(filter(None, headers.get("x-test-accounts", "").split(",")))
        return Caller(self.caller.key_id, self.caller.scopes, accounts)

    def take(self, caller: Caller, budget: Budget, cost: int) -> Allowance:
        return Allowance(True, 1_000, 999, 1, 0)

    def alive(self, caller: Caller, address: str) -> bool:
        return self.open

    def redeem(self, ticket: str, address: str) -> Caller | Problem:
        return self.caller

    def record(
        self, caller: Caller, address: str, method: str, path: str, status: int, code: str, id: str
    ) -> None:
        self.seen.append((method, path, status, code))


class QuietCourse(Course):
    """A market that a test moves by hand: one quote at 30 000 to begin with."""

    def ticks(self, number: int, played: int, price: str, note: Note) -> Iterator[Tick]:
        yield Quote(BTC.symbol, 1, 2_999_900, 10**7, 3_000_100, 10**7)
        yield Trade(BTC.symbol, 2, 3_000_000, 10**6)


Story = Callable[[Server, httpx.AsyncClient], Awaitable[None]]


@asynccontextmanager
async def serving(
    folder: Path,
    entrance: Any = None,
    course: Course | None = None,
    signals: bool = True,
    venue: tuple[str, int] | None = None,
    encrypt: bool = False,
    log: Log | None = None,
    now: Callable[[], int] = time.time_ns,
    **more: Any,
) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """One life of a server, ended as by SIGTERM. ``entrance`` False: the real one."""
    settings = Settings(
        folder, course or QuietCourse(), port=0, venue=venue, encrypt=encrypt, log=log or Log(None)
    )
    settings = replace(settings, **more)
    folder.mkdir(parents=True, exist_ok=True)
    access = Access(folder, {}, now, AccessSettings(password_cost=Cost(n=16)))
    lets = OpenEntrance() if entrance is None else entrance or None
    server = Server(settings, access, lets)
    server.hears_signals = signals
    up = asyncio.Event()
    life = asyncio.create_task(server.run(lambda _: up.set()))
    waiting = asyncio.create_task(up.wait())
    await asyncio.wait([life, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if life.done():
        life.result()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            yield server, client
    finally:
        server.stop()
        try:
            await life
        finally:
            access.close()


def play(folder: Path, story: Story, **more: Any) -> None:
    """A story with one server, in ten seconds at most."""

    async def whole() -> None:
        async with serving(folder, **more) as (server, client):
            await story(server, client)

    asyncio.run(asyncio.wait_for(whole(), 20))


def move(server: Server, price: int) -> None:
    """A trade and a quote around it, now."""
    for tick in (
        Quote(BTC.symbol, server.now(), price - 1, 10**7, price + 1, 10**7),
        Trade(BTC.symbol, server.now(), price, 10**7),
    ):
        server.venue.happen(tick)
