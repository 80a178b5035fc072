"""A whole server whose paper venue is a process of its own, which is killed and comes back."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from interlock.api.serving import Server
from interlock.main import run
from interlock.market.generator import BTC
from interlock.venues.paper import wire
from tests.api.house import play
from tests.venues.paper_process import Venue


def bracket(name: str) -> dict[str, Any]:
    entry = {"type": "market", "instrument": BTC.symbol, "side": "buy", "quantity": "0.5"}
    return {
        "client_order_id": name,
        "account": "main",
        "order": {
            "type": "bracket",
            "entry": entry,
            "take_profit": {"type": "limit", "price": {"from_entry": {"bps": 900}}},
            "stop_loss": {"type": "stop", "trigger_price": {"from_entry": {"bps": -900}}},
        },
    }


async def shown(client: httpx.AsyncClient, name: str, until: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + 10
    found = None
    while time.monotonic() < end:
        found = (await client.get(f"/v1/orders/{name}")).json()
        if until(found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(found)


def leg(order: Any, name: str) -> Any:
    return next(one for one in order["legs"] if one["leg"] == name)


def test_a_position_is_kept_and_closed_across_the_venues_death(tmp_path: Path) -> None:
    with Venue(tmp_path / "venue") as venue:

        async def before(server: Server, client: httpx.AsyncClient) -> None:
            assert (await client.get("/ready")).status_code == 200
            placed = await client.post("/v1/orders", json=bracket("one"))
            assert placed.status_code == 201, placed.text
            await shown(client, "one", lambda o: leg(o, "take_profit")["status"] == "working")
            venue.kill()
            while (await client.get("/ready")).status_code == 200:
                await asyncio.sleep(0.02)
            assert "PAPER is not connected" in (await client.get("/ready")).text

        async def after(server: Server, client: httpx.AsyncClient) -> None:
            """The server came up alone; the venue comes later."""
            assert "PAPER is not connected" in (await client.get("/ready")).text
            venue.start()
            while (await client.get("/ready")).status_code != 200:
                await asyncio.sleep(0.02)
            order = await shown(client, "one", lambda o: True)
            assert leg(order, "take_profit")["status"] == "working"
            assert (await client.get("/v1/positions")).json()["items"][0]["quantity"] == "0.5"
            what = {"account": "main", "instrument": BTC.symbol}
            once = {"Idempotency-Key": "close"}
            closed = await client.post("/v1/positions/close", json=what, headers=once)
            assert closed.status_code < 300, closed.text
            await shown(client, "one", lambda o: o["status"] == "closed")
            while (await client.get("/v1/positions")).json()["items"]:
                await asyncio.sleep(0.02)

        address = (wire.HOST, venue.port)
        play(tmp_path / "data", before, venue=address)
        play(tmp_path / "data", after, venue=address)


def test_both_processes_from_the_command_line(tmp_path: Path) -> None:
    environ = {**os.environ, "INTERLOCK_MARKET_SOURCE": "generated:2"}
    command = [sys.executable, "-m", "interlock", "serve", "--port", "0", "--data", str(tmp_path)]
    with Venue(tmp_path / "venue") as venue:
        serve = subprocess.Popen(
            [*command, "--venue", f"127.0.0.1:{venue.port}"],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert serve.stdout is not None
        url = ""
        for line in serve.stdout:
            url = line.split()[1].removesuffix("/v1") if line.strip().startswith("API") else url
            if line.startswith("Ctrl-C"):
                break
        assert httpx.get(f"{url}/ready").status_code == 200
        serve.terminate()
        assert serve.wait(20) == 0
        serve.stdout.close()


@pytest.mark.parametrize("address", ["8470", "example.org:8470", "127.0.0.1:0", "127.0.0.1:x"])
def test_a_venue_elsewhere_is_refused_with_a_sentence(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--data", str(tmp_path), "--venue", address]) == 2
    assert "write HOST:PORT" in capsys.readouterr().err
