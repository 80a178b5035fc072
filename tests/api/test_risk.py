"""Risk and previews: what is covered and what is not, and nothing placed by asking."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from interlock.api.serving import Server
from tests.api.house import play
from tests.api.test_orders import BRACKET, BTC, body, legs, until


def test_a_covered_position_an_uncovered_one_and_what_could_come(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        await client.post("/v1/orders", json=body("safe"))
        bare = {"type": "market", "instrument": BTC, "side": "buy", "quantity": "2"}
        await client.post("/v1/orders", json=body("bare", bare))
        straddle: dict[str, Any] = {
            "type": "oco",
            "legs": [
                {
                    "type": "stop",
                    "instrument": BTC,
                    "side": "buy",
                    "quantity": "3",
                    "trigger_price": "40000",
                },
                {
                    "type": "stop",
                    "instrument": BTC,
                    "side": "sell",
                    "quantity": "4",
                    "trigger_price": "20000",
                },
            ],
        }
        await client.post("/v1/orders", json=body("straddle", straddle))
        await until(client, "/v1/orders/safe", lambda o: legs(o)["take_profit"] == "working")
        await until(client, "/v1/positions", lambda p: p["items"][0]["quantity"] == "2.5")
        risk = (await client.get("/v1/risk")).json()
        (total,) = risk["by_account"]
        assert total["exposure"] == "2.5"
        assert (total["covered"], total["uncovered"]) == ("0.5", "2")
        assert total["if_all_entries_fill"] == ["-4", "5.5"]
        fill = (await client.get("/v1/fills?limit=2")).json()["items"][-1]
        lost = (float(fill["price"]) - 29_500) * 0.5
        assert abs(float(total["loss_if_stopped"]) - lost) < 0.01
        assert [line["uncovered"] for line in risk["orders"]] == ["2", "0"]

    play(tmp_path, story)


def test_a_preview_says_what_would_happen_and_nothing_does(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        before = server.line.state.seq
        told = (await client.post("/v1/orders/preview", json=body("one"))).json()
        assert told["accepted"] is True
        assert [(s["leg"], s["order_type"], s["quantity"]) for s in told["sends"]] == [
            ("entry", "market", "0.5")
        ]
        assert told["waits"] == ["take_profit", "stop_loss"]
        assert told["risk"][0]["if_all_entries_fill"] == ["0", "0.5"]
        wrong = {**BRACKET, "stop_loss": {"type": "stop", "trigger_price": "29500.001"}}
        told = (await client.post("/v1/orders/preview", json=body("one", wrong))).json()
        assert (told["accepted"], told["problem"]["code"]) == (False, "OFF_INCREMENT")
        assert server.line.state.seq == before
        assert (await client.get("/v1/orders")).json()["items"] == []

    play(tmp_path, story)


def test_the_venues_are_asked_about_everything_and_what_differs_is_shown(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        await client.post("/v1/orders", json=body("safe"))
        await until(client, "/v1/orders/safe", lambda o: legs(o)["take_profit"] == "working")
        answer = await client.post("/v1/reconcile")
        assert answer.headers["X-Interlock-Environment"] == "paper"
        (venue,) = answer.json()["venues"]
        assert (venue["venue"], venue["complete"]) == ("PAPER", True)
        assert (venue["open_orders"], venue["differences"]) == (1, [])
        (told,) = venue["balances"]
        money = {one["asset"]: one for one in told["balances"]}["USDT"]
        assert (told["account"], money["locked"]) == ("main", "0")
        assert Decimal(money["wallet"]) <= 100_000 and money["maintenance_margin"] == "0"
        assert server.exchange is not None
        server.exchange.outside_trade("main", BTC, 300_000, 3_000_000, server.now())
        (venue,) = (await client.post("/v1/reconcile")).json()["venues"]
        (difference,) = venue["differences"]
        assert (difference["kind"], difference["here"], difference["there"]) == (
            *("position", "0.5"),
            "3.5",
        )
        mine = {"x-test-accounts": "main"}
        assert (await client.post("/v1/reconcile", headers=mine)).status_code == 403

    play(tmp_path, story)


def test_how_a_connection_is_can_be_seen_without_asking_the_venue(tmp_path: Path) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        (venue,) = (await client.get("/v1/venues")).json()["items"]
        assert (venue["connected"], venue["health"]["connected"]) == (True, True)
        assert venue["health"]["weight_used"] is None
        assert venue["capabilities"]["native_oco"] is True
        page = (await client.get("/metrics")).text
        assert 'interlock_venue_connected{venue="PAPER"} 1.0' in page
        assert server.exchange is not None
        server.exchange.disconnect(server.now())
        (venue,) = (await client.get("/v1/venues")).json()["items"]
        assert venue["health"]["connected"] is False
        assert venue["health"]["since"] > 0
        page = (await client.get("/metrics")).text
        assert 'interlock_venue_connected{venue="PAPER"} 0.0' in page

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("level", "recalled", "goes", "stays", "closes"),
    [
        ("block_new", [], [], [], []),
        ("recall_entries", ["waiting"], ["waiting.0"], ["safe.1"], []),
        ("recall_all", ["safe", "waiting"], ["safe.1", "waiting.0"], [], []),
        ("flatten", ["safe", "waiting"], ["safe.1", "waiting.0"], [], ["0.5"]),
    ],
)
def test_a_drill_says_what_the_kill_then_does(
    tmp_path: Path,
    level: str,
    recalled: list[str],
    goes: list[str],
    stays: list[str],
    closes: list[str],
) -> None:
    """A filled bracket with its target at the venue and its stop here, and an entry that rests."""

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        await client.post("/v1/orders", json=body("safe"))
        await until(client, "/v1/orders/safe", lambda o: legs(o)["take_profit"] == "working")
        rests = {"type": "limit", "instrument": BTC, "side": "buy", "quantity": "1"}
        entry = {**rests, "id": "entry", "price": "20000"}
        await client.post("/v1/orders", json=body("waiting", entry))
        await until(client, "/v1/orders/waiting", lambda o: legs(o)["entry"] == "working")
        listed = (await client.get("/v1/orders")).json()["items"]
        names = {one["order_id"]: one["client_order_id"] for one in listed}

        def told(killed: dict[str, Any]) -> tuple[list[str], list[str]]:
            ids = killed["recalled"].get("main", [])
            return sorted(names[one] for one in ids), [one["quantity"] for one in killed["closes"]]

        def legs_of(venue_orders: list[str]) -> list[str]:
            split = [one.split(".") for one in venue_orders]
            return sorted(f"{names[one[0]]}.{one[1]}" for one in split)

        before = server.line.state.seq
        asked = {"level": level, "account": "main"}
        drilled = (await client.post("/v1/kill", json={**asked, "drill": True})).json()
        assert told(drilled) == (recalled, closes)
        venues = drilled["venues"]
        assert [legs_of(one["left"]) for one in venues] == ([goes] if goes else [])
        assert [legs_of(one["protecting"]) for one in venues] == ([stays] if goes else [])
        assert server.line.state.seq == before
        killed = (await client.post("/v1/kill", json=asked)).json()
        assert told(killed) == (recalled, closes)
        for venue in killed["venues"]:
            assert (legs_of(venue["protecting"]), venue["left"]) == (stays, [])

    play(tmp_path, story)
