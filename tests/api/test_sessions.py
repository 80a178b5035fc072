"""A server whose instrument trades by a calendar: what it is told, and what it says of it."""

from pathlib import Path

import httpx

from interlock.api.serving import Server
from interlock.runtime.calendars import hours
from tests.api.house import play
from tests.api.test_orders import BTC, body, until


def test_a_configured_calendar_reaches_the_line_as_a_fact_and_rules_its_entries(tmp_path: Path):
    entry = {"type": "limit", "id": "e", "instrument": BTC, "side": "buy", "quantity": "1"}
    entry |= {"price": "20000", "time_in_force": "day"}

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        told = await until(client, "/v1/instruments", lambda page: page["items"][0]["calendar"])
        assert told["items"][0]["calendar"] == "XNYS"
        now = server.now()
        coming = hours("XNYS", now)
        is_open = any(one.open <= now < one.close for one in coming)
        blocks = (await client.get("/v1/risk/blocks")).json()["items"]
        assert [(one["cause"], one["name"], one["waits"]) for one in blocks] == (
            [] if is_open else [("session", f"instrument {BTC}", True)]
        )
        (order,) = [(await client.post("/v1/orders", json=body("today", entry))).json()]
        assert order["order_id"], order  # it is taken, and waits for the open where that is due
        leg = server.line.state.orders[order["order_id"]].legs[0]
        assert leg.terms.expire_at == next(one.close for one in coming if one.close > now)
        assert (leg.venue is not None) is is_open

    play(tmp_path, story, calendars={"PAPER": "XNYS"})

    async def later(server: Server, client: httpx.AsyncClient) -> None:
        page = (await client.get("/v1/instruments")).json()
        assert page["items"][0]["calendar"] == "XNYS"  # as the journal has it: told by nobody now

    play(tmp_path, later)
