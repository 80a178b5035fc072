"""The log, followed over SSE and WebSocket: a snapshot, every fact once, resumed without a gap."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import connect

from interlock.api.serving import Server
from interlock.api.streams import Wanted
from interlock.runtime import fanout
from tests.api.house import EVERYBODY, OpenEntrance, move, play
from tests.api.test_orders import BTC, body, key, legs, until

Event = tuple[str, str, Any]
STOP = {"type": "stop", "instrument": BTC, "side": "buy", "quantity": "1"}


@asynccontextmanager
async def followed(
    client: httpx.AsyncClient, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[AsyncIterator[Event]]:
    """Events of ``/v1/events`` as (id, kind, data)."""
    async with client.stream("GET", f"/v1/events{query}", headers=headers or {}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer)


async def events(answer: httpx.Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield fields.get("id", ""), fields["event"], msgspec.json.decode(fields["data"])
            fields = {}


async def take(stream: AsyncIterator[Event], count: int) -> list[Event]:
    return [await anext(stream) for _ in range(count)]


def test_a_snapshot_then_every_fact_and_resumed_there_is_no_gap_and_no_repeat(
    tmp_path: Path,
) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        await client.post("/v1/orders", json=body("one"))
        await until(client, "/v1/orders/one", lambda o: legs(o)["take_profit"] == "working")
        async with followed(client) as stream:
            ((seq, kind, shown),) = await take(stream, 1)
            assert kind == "snapshot"
            assert [o["client_order_id"] for o in shown["orders"]] == ["one"]
            assert [p["quantity"] for p in shown["positions"]] == ["0.5"]
            assert int(seq) == shown["event_seq"] == server.line.state.seq
            await client.post("/v1/orders", json=body("two", {**STOP, "trigger_price": "40000"}))
            ((first, kind, fact),) = await take(stream, 1)
            assert (kind, fact["client_order_id"]) == ("OrderAccepted", "two")
            assert int(first) == int(seq) + 1 == fact["event_seq"]
        for n in range(20):
            await client.post("/v1/orders", json=body(f"t{n}", {**STOP, "trigger_price": "41000"}))
        async with followed(client, headers={"Last-Event-ID": first}) as stream:
            missed = await take(stream, 20)
        assert [int(seq) for seq, _, _ in missed] == list(range(int(first) + 1, int(first) + 21))
        assert [fact["client_order_id"] for _, _, fact in missed] == [f"t{n}" for n in range(20)]
        async with followed(client, f"?from_seq={first}") as stream:
            assert (await take(stream, 1))[0] == (first, "OrderAccepted", fact)
        async with followed(client, "?from_seq=999999") as stream:
            assert (await take(stream, 1))[0][1] == "snapshot", "what is not at hand begins anew"

    play(tmp_path, story)


def test_what_was_streamed_folds_into_what_rest_shows(tmp_path: Path) -> None:
    """Orders by what the facts say of them, against the same server's own view."""

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        async with followed(client) as stream:
            await take(stream, 1)
            for n in range(5):
                order = {**STOP, "trigger_price": f"{40000 + n}"}
                await client.post("/v1/orders", json=body(f"s{n}", order))
            page = (await client.get("/v1/orders")).json()["items"]
            ids = {o["client_order_id"]: o["order_id"] for o in page}
            await client.post(f"/v1/orders/{ids['s1']}/cancel", headers=key("a"))
            amend = {"legs": {"leg_1": {"trigger_price": "45000"}}}
            await client.post(f"/v1/orders/{ids['s2']}/amend", json=amend, headers=key("b"))
            page = (await client.get("/v1/orders")).json()
            folded: dict[str, list[Any]] = {}
            seq = 0
            while seq < page["as_of_seq"]:
                text, kind, fact = await anext(stream)
                seq = int(text)
                if kind == "OrderAccepted":
                    folded[fact["order_id"]] = [fact["client_order_id"], "working", 1]
                elif kind == "OrderAmended":
                    folded[fact["order_id"]][2] = fact["version"]
                elif kind == "OrderDone":
                    folded[fact["order_id"]][1] = fact["status"]
        shown = {
            o["order_id"]: [o["client_order_id"], o["status"], o["version"]] for o in page["items"]
        }
        assert folded == shown

    play(tmp_path, story)


def test_a_websocket_tells_the_same_log(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        await client.post("/v1/orders", json=body("one", {**STOP, "trigger_price": "40000"}))
        url = f"ws://127.0.0.1:{server.port}/v1/stream"
        async with connect(f"{url}?snapshot=orders") as stream:
            shown = msgspec.json.decode(await stream.recv())
            assert (shown["type"], "positions" in shown) == ("snapshot", False)
            await client.post("/v1/orders", json=body("two", {**STOP, "trigger_price": "40000"}))
            fact = msgspec.json.decode(await stream.recv())
            assert (fact["type"], fact["client_order_id"]) == ("OrderAccepted", "two")
        async with connect(f"{url}?from_seq={fact['event_seq']}") as stream:
            assert msgspec.json.decode(await stream.recv()) == fact
        while server.streams.count:
            await asyncio.sleep(0.01)

    play(tmp_path, story)


def test_filters_and_accounts_decide_what_is_told(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        theirs = {"x-test-accounts": "theirs"}
        async with (
            followed(client, "?types=OrderAccepted&account=theirs") as chosen,
            followed(client, headers=theirs) as limited,
        ):
            for stream in (chosen, limited):
                await take(stream, 1)
            await client.post("/v1/orders", json=body("mine", {**STOP, "trigger_price": "40000"}))
            await client.post("/v1/orders", json=body("bad", {**STOP, "trigger_price": "x"}))
            order = body("theirs", {**STOP, "trigger_price": "40000"}, "theirs")
            await client.post("/v1/orders", json=order)
            for stream in (chosen, limited):
                ((_, kind, fact),) = await take(stream, 1)
                assert (kind, fact["client_order_id"]) == ("OrderAccepted", "theirs")

    play(tmp_path, story)


def test_another_accounts_orders_are_not_shown_for_the_asking(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        order = body("theirs", {**STOP, "trigger_price": "40000"}, "theirs")
        await client.post("/v1/orders", json=order)
        mine = {"x-test-accounts": "mine"}
        refused = await client.get("/v1/events?account=theirs", headers=mine)
        assert (refused.status_code, refused.json()["code"]) == (403, "ACCOUNT_NOT_ALLOWED")
        url = f"ws://127.0.0.1:{server.port}/v1/stream?account=theirs"
        async with connect(url, additional_headers=mine) as stream:
            assert msgspec.json.decode(await stream.recv())["code"] == "ACCOUNT_NOT_ALLOWED"
        one = await client.get("/v1/orders/theirs?account=theirs", headers=mine)
        assert one.status_code == 403
        assert (await client.get("/v1/orders/theirs", headers=mine)).status_code == 404

    play(tmp_path, story)


def test_a_key_that_is_revoked_is_told_so_and_nothing_more(tmp_path: Path) -> None:
    entrance = OpenEntrance()

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        async with followed(client) as stream:
            await take(stream, 1)
            entrance.open = False
            server.streams.look_again()
            ((_, kind, why),) = await take(stream, 1)
            assert (kind, why["code"]) == ("cut", "KEY_REVOKED")
            assert [event async for event in stream] == []

    play(tmp_path, story, entrance=entrance)


def test_a_follower_that_does_not_read_is_cut_off_and_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(fanout, "BEHIND_MAX", 2_000)

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        small.connect(("127.0.0.1", server.port))
        reader, writer = await asyncio.open_connection(sock=small, limit=1_024)
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()
        await reader.readuntil(b"snapshot")
        for n in range(60):
            batch = [body(f"b{n}-{m}", {**STOP, "trigger_price": "40000"}) for m in range(200)]
            assert (await client.post("/v1/orders/batch", json=batch)).json()["accepted"] == 200
        seen = b""
        while b"event: cut" not in seen[-10_000:]:
            more = await reader.read(1 << 20)
            assert more, seen[-300:]
            seen += more
        assert b"TOO_SLOW" in seen[-2_000:]
        writer.close()

    play(tmp_path, story)


ONLY_PRICES = Wanted(types=frozenset(("market",)), snapshot=frozenset(("none",)))
MARKET = "?types=market&snapshot=none"


def test_prices_come_with_what_is_known_and_whenever_they_change(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        async with followed(client, f"{MARKET}&market={BTC}") as stream:
            assert (await take(stream, 1))[0][1] == "snapshot"
            ((seq, kind, price),) = await take(stream, 1)
            assert (seq, kind, price["type"]) == ("", "market", "market")
            assert (price["instrument"], price["last"]) == (BTC, "30000")
            assert (price["bid"], price["ask"]) == ("29999", "30001")
            assert (price["mark"], price["index"]) == (None, None)
            move(server, 2_950_000)
            ((_, _, moved),) = await take(stream, 1)
            assert (moved["last"], moved["bid"]) == ("29500", "29499.99")
            assert moved["at"] > price["at"]
            await client.post("/v1/orders", json=body("one", {**STOP, "trigger_price": "40000"}))
            move(server, 2_960_000)
            assert [kind for _, kind, _ in await take(stream, 1)] == ["market"]

    play(tmp_path, story)


def test_prices_and_facts_share_a_stream_and_facts_alone_have_ids(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        url = f"ws://127.0.0.1:{server.port}/v1/stream"
        async with (
            followed(client, "?market=*") as stream,
            connect(f"{url}?market={BTC}&types=OrderAccepted") as socket,
        ):
            assert [kind for _, kind, _ in await take(stream, 2)] == ["snapshot", "market"]
            told = [msgspec.json.decode(await socket.recv())["type"] for _ in range(2)]
            assert told == ["snapshot", "market"]
            await client.post("/v1/orders", json=body("one", {**STOP, "trigger_price": "40000"}))
            ((seq, kind, fact),) = await take(stream, 1)
            assert (int(seq), kind) == (fact["event_seq"], "OrderAccepted")
            assert msgspec.json.decode(await socket.recv())["type"] == "OrderAccepted"
            move(server, 2_950_000)
            ((seq, kind, _),) = await take(stream, 1)
            assert (seq, kind) == ("", "market")
            assert msgspec.json.decode(await socket.recv())["last"] == "29500"

    play(tmp_path, story)


def test_who_reads_slowly_gets_the_latest_price_and_is_not_cut_off(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        prices = server.prices.follow(frozenset())
        first = await anext(prices)
        for n in range(2_000):
            move(server, 2_950_000 + n)
        (line,) = await anext(prices)
        assert len(first) == 1 and msgspec.json.decode(line)["last"] == "29519.99"
        await prices.aclose()  # type: ignore[attr-defined]
        assert not server.prices._wakes

    play(tmp_path, story)


def test_a_market_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/events?market=BTCUSD.PAPER")
        assert (answer.status_code, answer.json()["code"]) == (400, "QUERY_INVALID")
        assert f"Did you mean {BTC}?" in answer.json()["way_out"]
        async with connect(f"ws://127.0.0.1:{server.port}/v1/stream?market=x") as socket:
            assert msgspec.json.decode(await socket.recv())["code"] == "QUERY_INVALID"

    play(tmp_path, story)


def test_prices_alone_are_never_too_slow_for_the_log(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(fanout, "BEHIND_MAX", 3)

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        events_ = server.streams.follow(EVERYBODY, "", ONLY_PRICES, None)
        assert [(await anext(events_)).kind for _ in range(2)] == ["snapshot", "market"]
        for n in range(20):
            await client.post("/v1/orders", json=body(f"n{n}", {**STOP, "trigger_price": "40000"}))
        move(server, 2_950_000)
        assert (await anext(events_)).kind == "market"
        await events_.aclose()  # type: ignore[attr-defined]

    play(tmp_path, story)
