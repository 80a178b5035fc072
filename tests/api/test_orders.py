"""Orders over HTTP: placed, watched, amended, canceled, closed; refused with reasons."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import msgspec

from interlock.api.serving import Server
from tests.api.house import move, play

BTC = "BTCUSDT.PAPER"
BRACKET: dict[str, Any] = {
    "type": "bracket",
    "entry": {"type": "market", "instrument": BTC, "side": "buy", "quantity": "0.5"},
    "take_profit": {"type": "limit", "price": "31000"},
    "stop_loss": {"type": "stop", "trigger_price": "29500"},
}


def body(name: str, order: dict[str, Any] = BRACKET, account: str = "main") -> dict[str, Any]:
    return {"client_order_id": name, "account": account, "order": order}


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


async def until(client: httpx.AsyncClient, path: str, done: Any) -> Any:
    """What a path answers once ``done`` says so of it."""
    while True:
        answer = (await client.get(path)).json()
        if done(answer):
            return answer
        await asyncio.sleep(0.01)


def legs(order: Any) -> dict[str, str]:
    return {leg["leg"]: leg["status"] for leg in order["legs"]}


def test_a_bracket_is_placed_protected_stopped_out_and_nothing_is_left(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        placed = await client.post("/v1/orders", json=body("one"))
        assert placed.status_code == 201
        order_id = placed.json()["order_id"]
        assert placed.headers["location"] == f"/v1/orders/{order_id}"
        order = await until(
            client, "/v1/orders/one", lambda o: legs(o).get("take_profit") == "working"
        )
        assert legs(order)["stop_loss"] == "armed"
        (position,) = (await client.get("/v1/positions")).json()["items"]
        assert (position["account"], position["quantity"]) == ("main", "0.5")
        move(server, 2_940_000)
        order = await until(client, f"/v1/orders/{order_id}", lambda o: o["status"] == "filled")
        assert legs(order) == {
            "entry": "filled",
            "take_profit": "canceled",
            "stop_loss": "filled",
        }
        assert (await client.get("/v1/positions")).json()["items"] == []
        assert server.exchange.open_orders() == []
        fills = (await client.get("/v1/fills", params={"order_id": order_id})).json()["items"]
        assert [fill["leg"] for fill in fills] == ["stop_loss", "entry"]

    play(tmp_path, story)


def test_the_same_request_again_is_answered_the_same_and_another_body_is_a_conflict(
    tmp_path: Path,
) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        first = await client.post("/v1/orders", json=body("one"))
        again = await client.post("/v1/orders", json=body("one"))
        assert again.status_code == 200
        assert again.headers["idempotent-replay"] == "true"
        assert again.json()["order_id"] == first.json()["order_id"]
        other = {**BRACKET, "stop_loss": {"type": "stop", "trigger_price": "29000"}}
        refused = await client.post("/v1/orders", json=body("one", other))
        assert (refused.status_code, refused.json()["code"]) == (409, "DUPLICATE_ID")
        path = f"/v1/orders/{first.json()['order_id']}/amend"
        change = {"legs": {"stop_loss": {"trigger_price": "29600"}}}
        bare = await client.post(path, json=change)
        assert (bare.status_code, bare.json()["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")
        one = await client.post(path, json=change, headers=key("k1"))
        two = await client.post(path, json=change, headers=key("k1"))
        assert one.json()["version"] == two.json()["version"] == 2
        assert "idempotent-replay" not in one.headers
        assert two.headers["idempotent-replay"] == "true"
        change["legs"]["stop_loss"]["trigger_price"] = "29700"
        reused = await client.post(path, json=change, headers=key("k1"))
        assert (reused.status_code, reused.json()["code"]) == (409, "KEY_REUSED")

    play(tmp_path, story)


def test_orders_and_keys_are_known_again_after_a_restart_and_the_venue_as_well(
    tmp_path: Path,
) -> None:
    kept: dict[str, Any] = {}

    async def before(server: Server, client: httpx.AsyncClient) -> None:
        placed = await client.post("/v1/orders", json=body("one"))
        kept["id"] = placed.json()["order_id"]
        await until(client, "/v1/orders/one", lambda o: legs(o)["take_profit"] == "working")
        change = {"legs": {"stop_loss": {"trigger_price": "29600"}}}
        path = f"/v1/orders/{kept['id']}/amend"
        kept["amend"] = (await client.post(path, json=change, headers=key("k1"))).json()

    async def after(server: Server, client: httpx.AsyncClient) -> None:
        assert [o.client_id for o in server.exchange.open_orders()] == [f"{kept['id']}.1.1"]
        again = await client.post("/v1/orders", json=body("one"))
        assert again.json() == {**again.json(), "order_id": kept["id"], "replayed": True}
        change = {"legs": {"stop_loss": {"trigger_price": "29600"}}}
        amended = await client.post(
            f"/v1/orders/{kept['id']}/amend", json=change, headers=key("k1")
        )
        assert amended.json() == {**kept["amend"], "replayed": True}
        await until(client, "/ready", lambda answer: answer["status"] == "ready")
        move(server, 3_110_000)
        order = await until(client, "/v1/orders/one", lambda o: o["status"] == "filled")
        assert legs(order)["take_profit"] == "filled"

    play(tmp_path, before)
    play(tmp_path, after)


def test_cancel_close_and_cancel_all(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        limit = {"type": "limit", "instrument": BTC, "side": "buy", "quantity": "1"}
        for n in range(3):
            order = {**limit, "price": f"{29000 - n}"}
            assert (await client.post("/v1/orders", json=body(f"l{n}", order))).is_success
        ids = {
            o["client_order_id"]: o["order_id"]
            for o in (await client.get("/v1/orders")).json()["items"]
        }
        gone = await client.post(f"/v1/orders/{ids['l0']}/cancel", headers=key("a"))
        assert gone.status_code == 200
        await until(client, "/v1/orders/l0", lambda o: o["status"] != "working")
        rest = await client.post(
            "/v1/orders/cancel", json={"account": "main", "instrument": BTC}, headers=key("b")
        )
        assert set(rest.json()["orders"]) == {ids["l1"], ids["l2"]}
        await until(client, "/v1/orders?live=true", lambda page: page["items"] == [])
        await client.post("/v1/orders", json=body("one"))
        await until(client, "/v1/positions", lambda page: len(page["items"]) == 1)
        close = {"account": "main", "instrument": BTC}
        assert (await client.post("/v1/positions/close", json=close, headers=key("c"))).is_success
        await until(client, "/v1/positions", lambda page: page["items"] == [])
        assert server.exchange.open_orders() == []

    play(tmp_path, story)


def test_a_clients_own_id_names_an_order_wherever_one_is_named(tmp_path: Path) -> None:
    stop = {"type": "stop", "instrument": BTC, "side": "buy", "quantity": "1"}
    stop["trigger_price"] = "40000"

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        for account in ("main", "other"):
            await client.post("/v1/orders", json=body("both", stop, account))
        await client.post("/v1/orders", json=body("one", stop))
        change = {"legs": {"leg_1": {"trigger_price": "41000"}}}
        amended = await client.post("/v1/orders/one/amend", json=change, headers=key("a"))
        assert amended.json()["version"] == 2
        several = await client.post("/v1/orders/both/cancel", headers=key("b"))
        assert (several.status_code, "main, other" in several.text) == (404, True)
        path = "/v1/orders/both/cancel?account=other"
        assert (await client.post(path, headers=key("c"))).status_code == 200
        await until(client, "/v1/orders?account=other&live=true", lambda page: not page["items"])
        page = (await client.get("/v1/orders?account=main&live=true")).json()["items"]
        assert {order["client_order_id"] for order in page} == {"both", "one"}
        unknown = await client.post("/v1/orders/nobody/cancel", headers=key("d"))
        assert unknown.status_code == 404

    play(tmp_path, story)


def test_every_refusal_names_the_field_the_rule_and_the_way_out(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        off = {"type": "limit", "instrument": BTC, "side": "buy", "quantity": "1", "price": "1.001"}
        answer = await client.post("/v1/orders", json=body("x", off))
        assert answer.headers["content-type"].startswith("application/problem+json")
        told = answer.json()
        assert (answer.status_code, told["status"]) == (422, 422)
        assert (told["code"], told["pointer"]) == ("OFF_INCREMENT", "/order/price")
        assert told["detail"] and told["way_out"]
        for sent, status, code in (
            (b"", 400, "MALFORMED"),
            (b"{", 400, "MALFORMED"),
            (b"\xff\xfe", 400, "MALFORMED"),
            (b"[]", 400, "WRONG_TYPE"),
            (b'{"client_order_id":"x"}', 400, "MISSING_FIELD"),
            (b'{"client_order_id":"x","acount":"main"}', 400, "UNKNOWN_FIELD"),
        ):
            answer = await client.post("/v1/orders", content=sent)
            assert (answer.status_code, answer.json()["code"]) == (status, code), sent
        for path, status in (
            ("/v1/orders/nope", 404),
            ("/nowhere", 404),
            ("/v1/orders?limit=0", 400),
        ):
            assert (await client.get(path)).status_code == status, path
        assert (await client.delete("/v1/orders")).status_code == 405
        assert (await client.get("/v1/orders?cursor=***")).json()["code"] == "QUERY_INVALID"

    play(tmp_path, story)


def test_batches_in_three_forms_each_order_on_its_own_or_all_or_none(tmp_path: Path) -> None:
    stop = {"type": "stop", "instrument": BTC, "side": "buy", "quantity": "1"}

    def orders(prefix: str, *triggers: str) -> list[dict[str, Any]]:
        return [
            body(f"{prefix}{n}", {**stop, "trigger_price": price})
            for n, price in enumerate(triggers)
        ]

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        path = "/v1/orders/batch"
        mixed = orders("a", "40000", "40000.001", "41000")
        answer = (await client.post(path, json=mixed)).json()
        assert (answer["accepted"], answer["refused"]) == (2, 1)
        assert [r["status"] for r in answer["results"]] == ["accepted", "refused", "accepted"]
        assert answer["results"][1]["problem"]["pointer"] == "/order/trigger_price"
        assert answer["batch_id"].startswith("b")
        again = (await client.post(path, json=mixed)).json()
        assert [r.get("replayed", False) for r in again["results"]] == [True, False, True]
        lines = b"\n".join(msgspec.json.encode(o) for o in orders("b", "42000", "43000"))
        sent = {"Content-Type": "application/x-ndjson"}
        assert (await client.post(path, content=lines, headers=sent)).json()["accepted"] == 2
        packed = msgspec.msgpack.encode(orders("c", "44000", "45000"))
        sent = {"Content-Type": "application/msgpack"}
        assert (await client.post(path, content=packed, headers=sent)).json()["accepted"] == 2
        none = await client.post(f"{path}?atomic=true", json=orders("d", "46000", "46000.001"))
        assert (none.status_code, none.json()["pointer"]) == (422, "/1/order/trigger_price")
        assert (await client.get("/v1/orders/d0")).status_code == 404
        whole = await client.post(f"{path}?atomic=true", json=orders("e", "46000", "47000"))
        assert whole.json()["accepted"] == 2
        sent = {"Accept": "application/x-ndjson"}
        streamed = await client.post(path, json=orders("f", *["48000"] * 600), headers=sent)
        told = [msgspec.json.decode(line) for line in streamed.content.splitlines()]
        assert [t["index"] for t in told[:-1]] == list(range(600))
        assert (told[-1]["accepted"], told[-1]["refused"]) == (600, 0)
        wrong = await client.post(path, json={"orders": []})
        assert wrong.status_code == 400
        text = await client.post(path, content=b"x", headers={"Content-Type": "text/plain"})
        assert text.status_code == 415

    play(tmp_path, story)


def test_a_key_of_one_account_sees_and_touches_nothing_of_another(tmp_path: Path) -> None:
    theirs = {"x-test-accounts": "theirs"}

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        order_id = (await client.post("/v1/orders", json=body("one"))).json()["order_id"]
        await until(client, "/v1/positions", lambda page: len(page["items"]) == 1)
        for path in ("/v1/orders", "/v1/positions", "/v1/fills", "/v1/incidents"):
            assert (await client.get(path, headers=theirs)).json()["items"] == [], path
        assert (await client.get(f"/v1/orders/{order_id}", headers=theirs)).status_code == 404
        cancel = f"/v1/orders/{order_id}/cancel"
        assert (await client.post(cancel, headers={**theirs, **key("k")})).status_code == 404
        placed = await client.post("/v1/orders", json=body("two"), headers=theirs)
        assert (placed.status_code, placed.json()["code"]) == (403, "ACCOUNT_NOT_ALLOWED")
        asked = await client.get("/v1/orders?account=main", headers=theirs)
        assert asked.status_code == 403

    play(tmp_path, story)


def test_lists_come_in_pages_that_neither_skip_nor_repeat(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        stop = {"type": "stop", "instrument": BTC, "side": "buy", "quantity": "1"}
        batch = [body(f"p{n}", {**stop, "trigger_price": f"{40000 + n}"}) for n in range(23)]
        await client.post("/v1/orders/batch", json=batch)
        seen: list[str] = []
        cursor = ""
        while True:
            page = (await client.get("/v1/orders", params={"limit": 5, "cursor": cursor})).json()
            seen += [order["client_order_id"] for order in page["items"]]
            cursor = page.get("next", "")
            if not cursor:
                break
        assert seen == [f"p{n}" for n in reversed(range(23))]

    play(tmp_path, story)


def test_a_price_that_waits_for_its_entry_is_shown_as_it_was_placed(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        entry = {"type": "limit", "instrument": BTC, "side": "buy", "quantity": "1"}
        order = {
            "type": "bracket",
            "entry": {**entry, "price": "29000"},
            "take_profit": {"type": "limit", "price": {"from_entry": {"offset": "150.5"}}},
            "stop_loss": {"type": "stop", "trigger_price": {"from_entry": {"bps": -50}}},
        }
        await client.post("/v1/orders", json=body("one", order))
        shown = (await client.get("/v1/orders/one")).json()["legs"]
        levels = {leg["leg"]: (leg["price"], leg["trigger_price"]) for leg in shown}
        assert levels == {
            "entry": ("29000", None),
            "take_profit": ({"from_entry": {"ticks": 15050}}, None),
            "stop_loss": (None, {"from_entry": {"bps": -50}}),
        }
        move(server, 2_895_000)
        order = await until(client, "/v1/orders/one", lambda o: legs(o)["take_profit"] == "working")
        armed = {leg["leg"]: leg["trigger_price"] for leg in order["legs"]}
        assert armed["stop_loss"] == "28855"
        sent = {one["leg"]: one["price"] for one in order["venue_orders"]}
        assert sent["take_profit"] == "29150.5"
        document = (await client.get("/openapi.json")).json()
        price = document["components"]["schemas"]["LegView"]["properties"]["price"]
        assert {"$ref": "#/components/schemas/FromEntry"} in price["anyOf"]

    play(tmp_path, story)
