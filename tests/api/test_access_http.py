"""Who may do what, over the wire: sessions, keys, signatures, tokens, tickets, kill and resume."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from interlock.api.access.limits import Limits, Rate
from interlock.api.route import Budget
from interlock.api.serving import Server
from interlock.client.signing import Signing, signed_headers
from tests.api.house import serving
from tests.api.test_orders import BRACKET, body, key, until
from tests.api.test_streams import events


class Owner:
    """The person with the admin password."""

    def __init__(self, server: Server, client: httpx.AsyncClient) -> None:
        password = server.access.admin.first_password()
        assert password is not None
        self.server, self.client, self.password = server, client, password

    async def login(self) -> dict[str, str]:
        answer = await self.client.post("/v1/session", json={"password": self.password})
        return {"Authorization": f"Session {answer.json()['session']}"}

    async def key(self, *scopes: str, **terms: Any) -> Signing:
        sent = {"name": "bot", "scopes": scopes or ("read", "trade"), **terms}
        made = await self.client.post("/v1/keys", json=sent, headers=await self.login())
        assert made.status_code == 201, made.text
        return Signing(made.json()["key"]["id"], made.json()["secret"])


Story = Callable[[Owner, httpx.AsyncClient], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def whole() -> None:
        async with serving(folder, entrance=False) as (server, client):
            await story(Owner(server, client), client)

    asyncio.run(asyncio.wait_for(whole(), 20))


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_a_key_trades_and_nobody_without_its_secret_does(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient) -> None:
        assert code(await client.get("/v1/orders")) == (401, "UNAUTHENTICATED")
        bot = await owner.key()
        placed = await client.post("/v1/orders", json=body("one"), auth=bot)
        assert placed.status_code == 201
        assert int(placed.headers["x-ratelimit-remaining"]) > 0
        thief = Signing(bot.key_id, "a guess")
        assert code(await client.get("/v1/orders", auth=thief)) == (401, "SIGNATURE_WRONG")
        late = Signing(bot.key_id, bot.secret, now=lambda: time.time_ns() - 60 * 10**9)
        assert code(await client.get("/v1/orders", auth=late)) == (401, "TIMESTAMP_OUTSIDE_WINDOW")
        sent = placed.request.headers
        replay = {name: sent[name] for name in sent if name.startswith("x-interlock")}
        again = await client.post("/v1/orders", content=placed.request.content, headers=replay)
        assert code(again) == (401, "NONCE_REUSED")

    play(tmp_path, story)


def test_a_stolen_token_without_the_secret_can_do_nothing(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient) -> None:
        bot = await owner.key()
        form = {"grant_type": "client_credentials"}
        given = await client.post("/oauth/token", data=form, auth=(bot.key_id, bot.secret))
        token = given.json()["access_token"]
        assert given.json()["token_type"] == "Bearer"
        bare = await client.get("/v1/orders", headers={"Authorization": f"Bearer {token}"})
        assert bare.status_code == 401
        signed = Signing(bot.key_id, bot.secret, token)
        assert (await client.get("/v1/orders", auth=signed)).status_code == 200
        wrong = await client.post("/oauth/token", data=form, auth=(bot.key_id, "no"))
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")

    play(tmp_path, story)


def test_scopes_addresses_and_accounts_bind_a_key(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient) -> None:
        reader = await owner.key("read")
        refused = await client.post("/v1/orders", json=body("one"), auth=reader)
        assert code(refused) == (403, "SCOPE_MISSING")
        away = await owner.key("read", allowed_ips=["192.0.2.0/24"])
        assert code(await client.get("/v1/orders", auth=away)) == (403, "IP_NOT_ALLOWED")
        theirs = await owner.key("read", "trade", accounts=["theirs"])
        refused = await client.post("/v1/orders", json=body("one"), auth=theirs)
        assert code(refused) == (403, "ACCOUNT_NOT_ALLOWED")
        almighty = await owner.key("read", "trade", "admin")
        made = await client.post("/v1/keys", json={"name": "x", "scopes": ["read"]}, auth=almighty)
        assert code(made) == (403, "ADMIN_SESSION_NEEDED")
        shown = (await client.get("/v1/keys", headers=await owner.login())).text
        assert all(bot.secret not in shown for bot in (reader, away, theirs, almighty))

    play(tmp_path, story)


def test_a_revoked_key_ends_at_once_its_stream_included(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient) -> None:
        bot = await owner.key()
        async with client.stream("GET", "/v1/events", auth=bot) as answer:
            stream = events(answer)
            assert (await anext(stream))[1] == "snapshot"
            gone = await client.delete(f"/v1/keys/{bot.key_id}", headers=await owner.login())
            assert gone.status_code == 200
            _, kind, why = await anext(stream)
            assert (kind, why["code"]) == ("cut", "KEY_REVOKED")
            assert [event async for event in stream] == []
        assert code(await client.get("/v1/orders", auth=bot)) == (401, "KEY_REVOKED")

    play(tmp_path, story)


def test_a_ticket_opens_one_stream_once(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient) -> None:
        bot = await owner.key()
        ticket = (await client.post("/v1/stream-tickets", auth=bot)).json()["ticket"]
        path = f"/v1/events?ticket={ticket}"
        async with client.stream("GET", path) as answer:
            assert (await anext(events(answer)))[1] == "snapshot"
        assert (await client.get(path)).status_code == 401

    play(tmp_path, story)


def test_a_websocket_goes_through_the_same_door(tmp_path: Path) -> None:
    """It is on the trail, it counts against a budget, and nobody unknown is shown anything."""

    async def story(owner: Owner, client: httpx.AsyncClient) -> None:
        bot = await owner.key()
        url = f"ws://127.0.0.1:{owner.server.port}/v1/stream"
        async with connect(url) as stream:
            assert json.loads(await stream.recv())["code"] == "UNAUTHENTICATED"
        ticket = (await client.post("/v1/stream-tickets", auth=bot)).json()["ticket"]
        async with connect(f"{url}?ticket={ticket}") as stream:
            assert json.loads(await stream.recv())["type"] == "snapshot"
        once = {budget: Rate(1, 1) for budget in Budget}
        owner.server.access.limits = Limits(lambda: 0, once)  # time stands still: one each
        assert (await client.get("/v1/orders", auth=bot)).status_code == 200
        headers = signed_headers(bot.key_id, bot.secret, "GET", "/v1/stream", b"")
        async with connect(url, additional_headers=headers) as stream:
            assert json.loads(await stream.recv())["code"] == "RATE_LIMITED"

    play(tmp_path, story)
    lines = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    told = [line["status"] for line in lines if line["path"] == "/v1/stream"]
    assert told == [401, 200, 429]


def test_kill_stops_everything_for_good_and_an_admin_resumes_it(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient) -> None:
        bot = await owner.key()
        session = await owner.login()
        await client.post("/v1/orders", json=body("one"), auth=bot)
        limit = {**BRACKET["entry"], "type": "limit", "price": "29000"}
        await client.post("/v1/orders", json=body("two", limit), auth=bot)
        while len((await client.get("/v1/positions", auth=bot)).json()["items"]) < 1:
            await asyncio.sleep(0.01)
        why = {"why": "it runs wild", "flatten": True}
        killed = (await client.post("/v1/kill", json=why, auth=bot)).json()
        assert len(killed["recalled"]["main"]) == 2
        (venue,) = killed["venues"]
        assert (venue["complete"], venue["left"], venue["protecting"]) == (True, [], [])
        refused = await client.post("/v1/orders", json=body("three"), auth=bot)
        assert code(refused) == (403, "TRADING_HALTED")
        batch = (await client.post("/v1/orders/batch", json=[body("four")], auth=bot)).json()
        assert batch["results"][0]["problem"]["code"] == "TRADING_HALTED"
        assert (await client.get("/v1/keys", headers=session)).status_code == 401
        while owner.server.exchange.open_orders() or owner.server.line.state.net.get(
            ("main", "BTCUSDT.PAPER", "")
        ):
            await asyncio.sleep(0.01)
        denied = await client.post("/v1/resume", json={}, auth=bot)
        assert code(denied) == (403, "SCOPE_MISSING")

    play(tmp_path, story)

    async def restarted() -> None:
        async with serving(tmp_path, entrance=False) as (server, client):
            password = server.access.admin.reset_password()
            answer = await client.post("/v1/session", json={"password": password})
            session = {"Authorization": f"Session {answer.json()['session']}"}
            again = await client.post("/v1/orders", json=body("five"), headers=session)
            assert code(again) == (403, "TRADING_HALTED"), "a restart resumes nothing"
            resumed = await client.post("/v1/resume", json={}, headers=session)
            assert resumed.json()["items"] == []
            again = await client.post("/v1/orders", json=body("five"), headers=session)
            assert again.status_code == 201

    asyncio.run(asyncio.wait_for(restarted(), 20))


def test_cancels_have_a_budget_that_placements_do_not_use_up(tmp_path: Path) -> None:
    async def story(owner: Owner, client: httpx.AsyncClient) -> None:
        bot = await owner.key()
        stop = {
            "type": "stop",
            "instrument": "BTCUSDT.PAPER",
            "side": "buy",
            "quantity": "1",
            "trigger_price": "40000",
        }
        batch = [body(f"b{n}", stop) for n in range(1_200)]
        assert (await client.post("/v1/orders/batch", json=batch, auth=bot)).status_code == 200
        more = await client.post("/v1/orders", json=body("more", stop), auth=bot)
        assert code(more) == (429, "RATE_LIMITED")
        assert int(more.headers["retry-after"]) >= 1
        order = (await client.get("/v1/orders/b7", auth=bot)).json()["order_id"]
        path = f"/v1/orders/{order}/cancel"
        assert (await client.post(path, headers=key("k"), auth=bot)).status_code == 200

    play(tmp_path, story)


def test_every_request_is_in_the_trail_and_no_secret_is(tmp_path: Path) -> None:
    kept: list[str] = []

    async def story(owner: Owner, client: httpx.AsyncClient) -> None:
        bot = await owner.key()
        kept.extend([bot.secret, owner.password])
        await client.post("/v1/orders", json=body("one"), auth=bot)
        await client.get("/v1/orders", auth=Signing(bot.key_id, "wrong"))
        await until(client_of(client, bot), "/v1/orders/one", lambda o: o["status"] == "working")

    play(tmp_path, story)
    text = (tmp_path / "requests.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    told = [(line["method"], line["path"], line["status"]) for line in lines]
    assert ("POST", "/v1/orders", 201) in told
    assert ("GET", "/v1/orders", 401) in told
    assert all(secret not in text for secret in kept)


def client_of(client: httpx.AsyncClient, auth: Signing) -> httpx.AsyncClient:
    client.auth = auth
    return client
