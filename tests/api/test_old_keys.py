"""Keys that no longer let in, and proofs that were used, over real HTTP and real WebSockets."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from interlock.api.serving import Server
from interlock.client.signing import signed_headers
from tests.api.house import move, serving
from tests.api.test_access_http import Owner, Signing, code
from tests.api.test_orders import body
from tests.api.test_streams import events

DAY_NS = 86_400 * 10**9


class Clock:
    """The machine's clock, which a test can set forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return time.time_ns() + self.ahead


Story = Callable[[Owner, httpx.AsyncClient, Clock], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def whole() -> None:
        clock = Clock()
        async with serving(folder, entrance=False, now=clock) as (server, client):
            await story(Owner(server, client), client, clock)

    asyncio.run(asyncio.wait_for(whole(), 20))


def socket(server: Server, auth: Signing, target: str = "/v1/stream", ahead: int = 0) -> Any:
    now = lambda: time.time_ns() + ahead  # noqa: E731 - the clock of the one who signs
    proof = signed_headers(auth.key_id, auth.secret, "GET", target, b"", now)
    return connect(f"ws://127.0.0.1:{server.port}{target}", additional_headers=proof)


async def told(connection: Any) -> Any:
    return msgspec.json.decode(await connection.recv())


def test_a_key_that_has_expired_lets_nobody_in_and_ends_its_streams(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient, clock: Clock) -> None:
        bot = await owner.key(expires_in_days=1)
        async with (
            client.stream("GET", "/v1/events?market=*", auth=bot) as answer,
            socket(owner.server, bot, "/v1/stream?market=*") as connection,
        ):
            stream = events(answer)
            assert [(await anext(stream))[1] for _ in range(2)] == ["snapshot", "market"]
            assert [(await told(connection))["type"] for _ in range(2)] == ["snapshot", "market"]
            clock.ahead = DAY_NS
            move(owner.server, 2_950_000)
            assert (await anext(stream))[1] == "cut", "no price after the key's last moment"
            assert (await told(connection))["code"] == "KEY_REVOKED"
        late = Signing(bot.key_id, bot.secret, now=clock)
        assert code(await client.get("/v1/orders", auth=late)) == (401, "KEY_EXPIRED")
        placed = await client.post("/v1/orders", json=body("one"), auth=late)
        assert code(placed) == (401, "KEY_EXPIRED")
        async with socket(owner.server, bot, ahead=DAY_NS) as connection:
            assert (await told(connection))["code"] == "KEY_EXPIRED"

    play(tmp_path, story)


@pytest.mark.parametrize("late_ms", [-60_000, -6_000, 6_000, 60_000, 10**12, -(10**12)])
def test_a_time_too_far_from_now_gets_nobody_in(tmp_path: Path, late_ms: int) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient, clock: Clock) -> None:
        bot = await owner.key()
        wrong = Signing(bot.key_id, bot.secret, now=lambda: time.time_ns() - late_ms * 10**6)
        no = await client.post("/v1/orders", json=body("one"), auth=wrong)
        assert code(no) == (401, "TIMESTAMP_OUTSIDE_WINDOW")
        async with socket(owner.server, bot, ahead=-late_ms * 10**6) as connection:
            assert (await told(connection))["code"] == "TIMESTAMP_OUTSIDE_WINDOW"
        assert (await client.get("/v1/orders/one", auth=bot)).status_code == 404

    play(tmp_path, story)


def test_a_proof_is_good_once_whatever_it_opened(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient, clock: Clock) -> None:
        bot = await owner.key()
        proof = signed_headers(bot.key_id, bot.secret, "GET", "/v1/stream", b"")
        url = f"ws://127.0.0.1:{owner.server.port}/v1/stream"
        async with connect(url, additional_headers=proof) as first:
            assert (await told(first))["type"] == "snapshot"
            async with connect(url, additional_headers=proof) as again:
                assert (await told(again))["code"] == "NONCE_REUSED"
        proof = signed_headers(bot.key_id, bot.secret, "GET", "/v1/events", b"")
        async with client.stream("GET", "/v1/events", headers=proof) as answer:
            assert answer.status_code == 200
            assert code(await client.get("/v1/events", headers=proof)) == (401, "NONCE_REUSED")
        proof = signed_headers(bot.key_id, bot.secret, "GET", "/v1/orders", b"")
        assert (await client.get("/v1/orders", headers=proof)).status_code == 200
        for method, path in (
            ("GET", "/v1/fills"),
            ("GET", "/v1/orders?x=1"),
            ("POST", "/v1/orders"),
        ):
            moved = await client.request(method, path, headers=proof)
            assert moved.status_code == 401, "a proof is of one method and one target"

    play(tmp_path, story)


def test_a_revoked_key_ends_its_websocket_at_once(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient, clock: Clock) -> None:
        bot, other = await owner.key(), await owner.key()
        async with socket(owner.server, bot) as ended, socket(owner.server, other) as goes_on:
            for connection in (ended, goes_on):
                assert (await told(connection))["type"] == "snapshot"
            await client.delete(f"/v1/keys/{bot.key_id}", headers=await owner.login())
            assert (await told(ended))["code"] == "KEY_REVOKED"
            await ended.wait_closed()
            await client.post("/v1/orders", json=body("one"), auth=other)
            assert (await told(goes_on))["type"] == "OrderAccepted"
        async with socket(owner.server, bot) as connection:
            assert (await told(connection))["code"] == "KEY_REVOKED"

    play(tmp_path, story)


def test_an_address_that_is_not_allowed_opens_no_stream_and_redeems_no_ticket(
    tmp_path: Path,
) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient, clock: Clock) -> None:
        away = await owner.key("read", "trade", allowed_ips=["192.0.2.0/24", "::1"])
        for method, path in (("GET", "/v1/events"), ("GET", "/v1/orders"), ("POST", "/v1/orders")):
            assert code(await client.request(method, path, auth=away)) == (403, "IP_NOT_ALLOWED")
        async with socket(owner.server, away) as connection:
            assert (await told(connection))["code"] == "IP_NOT_ALLOWED"
        assert code(await client.post("/v1/stream-tickets", auth=away)) == (403, "IP_NOT_ALLOWED")
        faked = {"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7"}
        no = await client.get("/v1/orders", headers=faked, auth=away)
        assert code(no) == (403, "IP_NOT_ALLOWED")

    play(tmp_path, story)
