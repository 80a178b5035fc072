"""A spot trader's day: both exits are a pair at the venue, and what was bought is what is sold."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
import uvloop

from interlock.orders import commands as c
from interlock.orders.rejects import Reject
from interlock.runtime.reconciling import Reconciling
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

ORDER, PAIR = "POST /api/v3/order", "POST /api/v3/orderList/oco"
CANCEL = "DELETE /api/v3/order"
UNKNOWN_503 = '{"code":-1,"msg":"Unknown error, please check your request or try again later."}'
TIMED_OUT = '{"code":-1007,"msg":"Timeout waiting for response from backend server."}'


@pytest.mark.parametrize(("price", "winner"), [("30400", "1"), ("29600", "2")])
def test_both_exits_are_a_pair_of_the_venue_and_one_of_them_wins(
    spot: SpotExchange, price: str, winner: str
) -> None:
    async def story(trader: SpotTrader) -> None:
        await trader.place("first", trader.pair())
        legs = ours(await trader.until(paired))
        assert (legs["1"]["type"], legs["2"]["type"]) == ("LIMIT_MAKER", "STOP_LOSS")
        assert (legs["1"]["price"], legs["2"]["stopPrice"]) == ("30300.02", "29700.01")
        await trader.price(price)
        state = await trader.until(empty)
        assert has(state) == 0
        await trader.heard("OrderDone", status="filled")
        assert trader.count("VenueOrderFilled") == 2
        assert trader.incidents() == []
        names = {one["orderId"]: one["clientOrderId"].split("_")[1] for one in state["orders"]}
        filled = [one for one in state["orders"] if one["status"] == "FILLED"]
        assert names[filled[-1]["orderId"]] == winner

    play(spot, story)


@pytest.mark.parametrize("price", ["30400", "29600"])
def test_a_fee_in_what_was_bought_makes_the_exits_that_much_smaller(
    spot: SpotExchange, price: str
) -> None:
    """VENUES 6.2.7: nothing of the account's own is sold to make up for it."""
    spot.do("set", fee_bps="10")

    async def story(trader: SpotTrader) -> None:
        await trader.place("first", trader.pair())
        legs = ours(await trader.until(paired))
        assert [legs[leg]["origQty"] for leg in ("1", "2")] == ["0.00999", "0.00999"]
        await trader.heard("ExposureAdjusted", quantity=1)
        await trader.price(price)
        state = await trader.until(empty)
        assert has(state) == 0
        await trader.heard("OrderDone", status="filled")
        assert trader.incidents() == []

    play(spot, story)


def test_a_fee_that_is_no_whole_increment_leaves_dust_and_no_debt(spot: SpotExchange) -> None:
    spot.do("set", fee_bps="7.5", wallet={"BTC": "0.5"})

    async def story(trader: SpotTrader) -> None:
        await trader.place("first", trader.pair())
        await trader.until(paired)
        await trader.price("29600")
        state = await trader.until(empty)
        assert has(state) == Decimal("0.5000025")
        await trader.heard("OrderDone", status="filled")

    play(spot, story)


def test_a_target_that_fills_in_part_goes_on_without_its_stop(spot: SpotExchange) -> None:
    """VENUES 1.4: the venue's own rule; a person is told that the rest has no stop."""

    async def story(trader: SpotTrader) -> None:
        await trader.place("first", trader.pair())
        await trader.until(paired)
        await asyncio.to_thread(spot.price, "30300.02", "0.004")
        state = await trader.until(lambda state: set(ours(state)) == {"1"})
        assert ours(state)["1"]["status"] == "PARTIALLY_FILLED"
        await trader.heard("IncidentOpened", kind="naked_position")
        await trader.price("30400")
        assert has(await trader.until(empty)) == 0
        await trader.heard("OrderDone", status="filled")
        assert trader.count("IncidentOpened") == 1

    play(spot, story)


@pytest.mark.parametrize(
    "fault",
    [
        {"on": ORDER, "carried": "before"},
        {"on": ORDER, "status": 503, "body": UNKNOWN_503},
        {"on": PAIR, "carried": "before"},
        {"on": PAIR},
        {"on": PAIR, "carried": "before", "status": 408, "body": TIMED_OUT},
        {"on": PAIR, "carried": "after", "delay_ms": 300, "status": 502},
        {"on": PAIR, "status": 429, "body": '{"code":-1003,"msg":"Too many requests"}'},
    ],
    ids=lambda fault: " ".join(str(value)[:40] for value in fault.values()),
)
def test_whatever_becomes_of_a_reply_exactly_one_pair_exists(
    spot: SpotExchange, fault: dict[str, object]
) -> None:
    async def story(trader: SpotTrader) -> None:
        await trader.faults(fault)
        before = (await trader.state())["trades"]
        await trader.place("first", trader.pair())
        state = await trader.until(paired)
        assert (has(state), state["faults"]) == (Decimal("0.01"), [])
        await trader.price("30400")
        state = await trader.until(empty)
        assert (has(state), state["trades"] - before) == (0, 2)
        await trader.heard("OrderDone", status="filled")

    play(spot, story)


def test_a_moved_stop_replaces_the_pair(spot: SpotExchange) -> None:
    """VENUES 6.2.3: nothing is placed until both legs of the old pair have gone."""

    async def story(trader: SpotTrader) -> None:
        placed = await trader.place("first", trader.pair())
        await trader.until(paired)
        change = {"stop": {"trigger_price": "29500"}}
        body = {"type": "amend", "order_id": placed.order_id, "account": "main", "legs": change}
        answer = await trader.ask(command(body))
        assert isinstance(answer, c.Accepted), answer

        def moved(state: Any) -> bool:
            return paired(state) and ours(state)["2"]["stopPrice"] == "29500"

        await trader.until(moved)
        await trader.price("29400")
        assert has(await trader.until(empty)) == 0
        await trader.heard("OrderDone", status="filled")
        assert trader.incidents() == []

    play(spot, story)


def test_a_smaller_quantity_is_asked_for_in_place(spot: SpotExchange) -> None:
    async def story(trader: SpotTrader) -> None:
        entry = {"type": "limit", "side": "buy", "quantity": "0.02", "price": "29000"}
        placed = await trader.place("first", {"instrument": INSTRUMENT, "id": "entry", **entry})
        first = ours(await trader.until(lambda state: bool(ours(state))))["0"]
        for quantity in ("0.015", "0.012"):
            legs = {"entry": {"quantity": quantity}}
            body = {"type": "amend", "order_id": placed.order_id, "account": "main", "legs": legs}
            answer = await trader.ask(command(body))
            assert isinstance(answer, c.Accepted), answer
            state = await trader.until(
                lambda state, wanted=quantity: ours(state)["0"]["origQty"] == wanted
            )
            assert ours(state)["0"]["orderId"] == first["orderId"]
            await trader.heard("VenueOrderAmended", quantity=int(Decimal(quantity) * 100_000))
        assert trader.incidents() == []

    play(spot, story)


def test_a_pair_that_somebody_cancels_is_told_of(spot: SpotExchange) -> None:
    async def story(trader: SpotTrader) -> None:
        await trader.place("first", trader.pair())
        target = ours(await trader.until(paired))["1"]
        by = {"symbol": SYMBOL, "orderId": target["orderId"]}
        await asyncio.to_thread(lambda: spot.ask("DELETE", "/api/v3/order", **by))
        await trader.heard("IncidentOpened", kind="outside_change")
        await trader.heard("IncidentOpened", kind="naked_position")

    play(spot, story)


def test_what_somebody_sells_takes_the_exits_with_it(spot: SpotExchange) -> None:
    """SCENARIOS 23: the pair is canceled by hand, and the coins are sold."""

    async def story(trader: SpotTrader) -> None:
        body = trader.pair()
        body["stop_loss"]["hold"] = "engine"
        del body["take_profit"]
        await trader.place("first", body)
        await trader.until(lambda state: has(state) == Decimal("0.01"))
        await trader.heard("LegArmed")
        await asyncio.to_thread(lambda: spot.order("SELL", "MARKET", "0.01"))
        await trader.heard("IncidentOpened", kind="outside_close")
        await trader.heard("OrderDone")

    play(spot, story)


@pytest.mark.parametrize("what", ["cut", "silent"])
def test_fills_while_the_stream_is_dead_are_found_and_counted_once(
    spot: SpotExchange, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.venues.binance.link.TOLD_S_MAX", 0.4)
    monkeypatch.setattr("interlock.venues.binance.link.BACKOFF_S", 0.05)

    async def story(trader: SpotTrader) -> None:
        await trader.place("first", trader.pair())
        await trader.until(paired)
        if what == "silent":
            await trader.do("set", silent=True)
            await trader.price("30400")
            await trader.place("second", trader.pair(type="limit", price="29000"))
            await trader.heard("VenueDisconnected")
            await trader.do("set", silent=False)
        else:
            await trader.do("cut")
            await trader.price("30400")
        await trader.heard("VenueDisconnected")
        await trader.heard("OrderDone", status="filled")
        assert trader.count("VenueOrderFilled") == 2

    play(spot, story)


def test_killed_and_started_again_it_settles_what_happened_meanwhile(spot: SpotExchange) -> None:
    spot.do("set", fee_bps="10")

    async def whole() -> None:
        async with trading(spot) as first:
            await first.place("first", first.pair())
            await first.until(paired)
            await first.end(kill=True)
            journal = first.journal.crash()
            first.live.stop()
        await asyncio.to_thread(spot.price, "29600")
        async with trading(spot, journal) as second:
            await second.heard("OrderDone", status="filled")
            assert has(await second.until(empty)) == 0

    uvloop.run(asyncio.wait_for(whole(), 60))


def test_exits_that_cannot_rest_beside_each_other_are_refused(spot: SpotExchange) -> None:
    """What rests there reserves its coins: a second exit would be refused when it is needed."""

    async def story(trader: SpotTrader) -> None:
        order = {**trader.pair(), "on_partial_fill": "reduce"}
        body = {"client_order_id": "first", "account": "main", "order": order}
        refused = await trader.ask(command({"type": "place", **body}))
        assert isinstance(refused, Reject)
        assert refused.code == "NOT_SUPPORTED"
        del order["take_profit"]
        await trader.place("second", order)
        await trader.until(lambda state: "1" in ours(state))

    play(spot, story)


def test_a_balance_that_is_not_there_is_an_answer(spot: SpotExchange) -> None:
    async def story(trader: SpotTrader) -> None:
        await trader.place("big", trader.pair("50"))
        await trader.heard("VenueOrderRejected", code="insufficient_margin")
        await trader.heard("OrderDone")
        assert trader.count("VenueDisconnected") == 0

    play(spot, story)


def test_coins_that_were_sold_to_be_bought_back_keep_their_exits(spot: SpotExchange) -> None:
    """A balance is never below zero: that it is not says nothing of what we have sold."""
    spot.do("set", wallet={"BTC": "1"})

    async def story(trader: SpotTrader) -> None:
        venues = Reconciling(trader.live)
        order = trader.pair(side="sell")
        order["take_profit"]["price"] = {"from_entry": {"bps": 100}}
        await trader.place("first", order)
        await trader.until(lambda state: has(state) == Decimal("0.99") and paired(state))
        for _ in range(2):
            assert (await venues.now()).settled == []
        assert paired(await trader.state())
        await trader.price("29600")
        assert has(await trader.until(empty)) == 1
        await trader.heard("OrderDone", status="filled")

    play(spot, story)


def test_a_balance_differs_only_where_our_coins_are_not_there(spot: SpotExchange) -> None:
    spot.do("set", wallet={"BTC": "1"})

    async def story(trader: SpotTrader) -> None:
        venues = Reconciling(trader.live)
        order = trader.pair()
        order["stop_loss"]["hold"] = "engine"
        del order["take_profit"]
        await trader.place("first", order)
        await trader.heard("LegArmed")
        (found,) = (await venues.now()).venues
        assert (found.complete, found.differences) == (True, [])
        ((told,),) = [one.balances for one in (await venues.now()).venues]
        coins = {one.asset: one for one in told.balances}["BTC"]
        assert (Decimal(coins.free), coins.wallet) == (Decimal("1.01"), None)
        await trader.do("set", wallet={"BTC": "0"})
        await venues.now()
        await trader.heard("IncidentOpened", kind="outside_close")

    play(spot, story)


@pytest.mark.parametrize("canceled", [False, True], ids=["filled", "canceled"])
def test_exits_of_a_complete_fill_are_sent_by_us_so_that_a_part_keeps_them(
    spot: SpotExchange, canceled: bool
) -> None:
    """VENUES fact 2: as a list of the exchange's (OTOCO) they would expire with an entry that is
    canceled after a part of it, and leave that part naked.
    """

    async def story(trader: SpotTrader) -> None:
        order = trader.pair(type="limit", price="29900")
        order["activate_on"] = "full_fill"
        placed = await trader.place("first", order)
        state = await trader.until(lambda state: set(ours(state)) == {"0"})
        assert state["open_lists"] == [], "the entry is an order of its own"
        await asyncio.to_thread(spot.price, "29900", "0.004")
        await trader.until(lambda state: has(state) == Decimal("0.004"))
        assert set(ours(await trader.state())) == {"0"}, "released by the complete fill alone"
        if canceled:
            entry = {"type": "cancel_leg", "order_id": placed.order_id, "account": "main"}
            answer = await trader.ask(command({**entry, "leg": "entry"}))
            assert isinstance(answer, c.Accepted), answer
        else:
            await trader.price("29890")
        held = Decimal("0.004" if canceled else "0.01")
        legs = ours(await trader.until(paired))
        assert {Decimal(legs[leg]["origQty"]) for leg in ("1", "2")} == {held}
        await trader.price("29500")
        assert has(await trader.until(empty)) == 0
        await trader.heard("OrderDone", status="filled")
        assert trader.incidents() == []

    play(spot, story)
