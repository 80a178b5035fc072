"""Entry and exits as one list of Spot's own (OTO, OTOCO): by its rule, and with its pitfalls."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
import uvloop

from interlock.orders import commands as c
from tests.binance.spothouse import (
    INSTRUMENT,
    SpotTrader,
    command,
    empty,
    has,
    ours,
    paired,
    play,
    trading,
)
from tests.sandbox.house import SYMBOL, SpotExchange

OTOCO = "POST /api/v3/orderList/otoco"


def order(**more: Any) -> dict[str, Any]:
    """Bought at 29 900; out at 30 300 or 29 500: whoever asks so accepts the exchange's rule."""
    return {
        "type": "bracket",
        "on_partial_fill": "cancel",
        "activate_on": "full_fill",
        "entry": {
            "type": "limit",
            "instrument": INSTRUMENT,
            "side": "buy",
            "quantity": "0.01",
            "price": "29900",
            "id": "entry",
        },
        "take_profit": {"type": "limit", "price": "30300", "id": "target"},
        "stop_loss": {"type": "stop", "trigger_price": "29500", "id": "stop", "hold": "venue"},
        **more,
    }


def listed(state: Any) -> bool:
    """All three are there, in one list."""
    return set(ours(state)) == {"0", "1", "2"} and len(state["open_lists"]) == 1


def statuses(state: Any) -> list[str]:
    return [ours(state)[leg]["status"] for leg in sorted(ours(state))]


async def said(trader: SpotTrader, kind: str, placed: c.Accepted, **more: Any) -> None:
    body = {"type": kind, "order_id": placed.order_id, "account": "main", **more}
    answer = await trader.ask(command(body))
    assert isinstance(answer, c.Accepted), answer


@pytest.mark.parametrize(("price", "winner"), [("30400", "1"), ("29400", "2")])
def test_one_list_from_entry_to_exit(spot: SpotExchange, price: str, winner: str) -> None:
    async def story(trader: SpotTrader) -> None:
        await trader.place("first", order())
        state = await trader.until(listed)
        assert statuses(state) == ["NEW", "PENDING_NEW", "PENDING_NEW"]
        await trader.price("29890")
        state = await trader.until(paired)
        assert has(state) == Decimal("0.01")
        assert statuses(state) == ["NEW", "NEW"]
        await trader.price(price)
        assert has(await trader.until(empty)) == 0
        await trader.heard("OrderDone", status="filled")
        assert trader.count("VenueOrderSending") == 3
        assert trader.incidents() == []
        ends = (await trader.state())["orders"][-3:]
        filled = [one for one in ends if one["status"] == "FILLED"]
        assert {one["clientOrderId"].split("_")[1] for one in filled} == {"0", winner}

    play(spot, story)


def test_a_single_exit_is_a_list_of_two(spot: SpotExchange) -> None:
    async def story(trader: SpotTrader) -> None:
        body = order()
        del body["take_profit"]
        await trader.place("first", body)
        await trader.until(lambda state: set(ours(state)) == {"0", "1"})
        await trader.price("29890")
        await trader.until(lambda state: set(ours(state)) == {"1"})
        await trader.price("29400")
        assert has(await trader.until(empty)) == 0
        await trader.heard("OrderDone", status="filled")
        assert trader.incidents() == []

    play(spot, story)


def test_the_exits_are_there_while_no_server_runs(spot: SpotExchange) -> None:
    """SCENARIOS 18: bought and sold again between two lives, and nothing is left to do."""

    async def whole() -> None:
        async with trading(spot) as first:
            await first.place("first", order())
            await first.until(listed)
            await first.end(kill=True)
            journal = first.journal.crash()
            first.live.stop()
        await asyncio.to_thread(spot.price, "29890")
        await asyncio.to_thread(spot.price, "29400")
        async with trading(spot, journal) as second:
            await second.heard("OrderDone", status="filled")
            assert has(await second.until(empty)) == 0
            assert second.incidents() == []

    uvloop.run(asyncio.wait_for(whole(), 60))


@pytest.mark.parametrize("by_hand", [False, True], ids=["canceled by us", "canceled by hand"])
def test_a_part_of_an_entry_that_is_canceled_gets_exits_of_its_own(
    spot: SpotExchange, by_hand: bool
) -> None:
    """VENUES fact 2: the list's own exits expire with its entry."""

    async def story(trader: SpotTrader) -> None:
        placed = await trader.place("first", order())
        entry = ours(await trader.until(listed))["0"]
        await asyncio.to_thread(spot.price, "29900", "0.004")
        await trader.until(lambda state: has(state) == Decimal("0.004"))
        assert set(ours(await trader.state())) == {"0", "1", "2"}
        if by_hand:
            asked = {"symbol": SYMBOL, "orderId": entry["orderId"]}
            await asyncio.to_thread(lambda: spot.ask("DELETE", "/api/v3/order", **asked))
        else:
            await said(trader, "cancel_leg", placed, leg="entry")
        legs = ours(await trader.until(paired))
        assert {legs[leg]["origQty"] for leg in ("1", "2")} == {"0.004"}
        await trader.price("29400")
        assert has(await trader.until(empty)) == 0
        await trader.heard("OrderDone", status="filled")
        kinds = {kind for kind, _ in trader.incidents()}
        assert kinds == ({"outside_change"} if by_hand else set())

    play(spot, story)


@pytest.mark.parametrize(
    ("legs", "leg", "field", "value"),
    [
        ({"stop": {"trigger_price": "29450"}}, "2", "stopPrice", "29450"),
        ({"entry": {"price": "29880"}}, "0", "price", "29880"),
    ],
    ids=["stop", "entry"],
)
def test_what_is_moved_goes_anew_as_a_list(
    spot: SpotExchange, legs: dict[str, Any], leg: str, field: str, value: str
) -> None:
    async def story(trader: SpotTrader) -> None:
        placed = await trader.place("first", order())
        await trader.until(listed)
        await said(trader, "amend", placed, legs=legs)
        await trader.until(lambda state: listed(state) and ours(state)[leg][field] == value)
        await trader.price("29870")
        await trader.until(paired)
        await trader.price("30400")
        assert has(await trader.until(empty)) == 0
        await trader.heard("OrderDone", status="filled")
        assert trader.incidents() == []

    play(spot, story)


@pytest.mark.parametrize(
    "fault",
    [
        {"on": OTOCO, "carried": "before"},
        {"on": OTOCO},
        {"on": OTOCO, "carried": "after", "delay_ms": 300, "status": 502},
        {"on": OTOCO, "status": 429, "body": '{"code":-1003,"msg":"Too many requests"}'},
    ],
    ids=["lost before", "lost", "late", "too many"],
)
def test_whatever_becomes_of_the_reply_exactly_one_list_exists(
    spot: SpotExchange, fault: dict[str, object]
) -> None:
    async def story(trader: SpotTrader) -> None:
        await trader.faults(fault)
        await trader.place("first", order())
        state = await trader.until(listed)
        assert state["faults"] == []
        await trader.price("29890")
        await trader.until(paired)
        await trader.price("30400")
        assert has(await trader.until(empty)) == 0
        await trader.heard("OrderDone", status="filled")

    play(spot, story)


def test_exits_that_the_exchange_refuses_at_their_release_are_sent_net_of_the_fee(
    spot: SpotExchange,
) -> None:
    """VENUES 6.2.7: the fee is taken from the coins, so the list's exits are for too many."""
    spot.do("set", fee_bps="10")

    async def story(trader: SpotTrader) -> None:
        await trader.place("first", order())
        await trader.until(listed)
        await trader.price("29890")

        def net(state: Any) -> bool:
            return paired(state) and ours(state)["1"]["origQty"] == "0.00999"

        await trader.until(net)
        await trader.price("29400")
        assert has(await trader.until(empty)) == 0
        await trader.heard("OrderDone", status="filled")
        assert {kind for kind, _ in trader.incidents()} <= {"exit_rejected"}

    play(spot, story)


def test_an_order_canceled_before_it_filled_leaves_nothing(spot: SpotExchange) -> None:
    async def story(trader: SpotTrader) -> None:
        placed = await trader.place("first", order())
        await trader.until(listed)
        await said(trader, "cancel", placed)
        await trader.until(empty)
        await trader.heard("OrderDone", status="canceled")
        assert trader.incidents() == []

    play(spot, story)
