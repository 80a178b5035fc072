"""A futures trader's day: protected by both exits, one of them wins, and nothing is left behind."""

import asyncio

import msgspec
import pytest
import uvloop

from interlock.orders import commands as c
from interlock.orders.decoding import decode_command
from tests.binance.house import Trader, empty, held, ours, play, protected, trading
from tests.sandbox.house import SYMBOL, sandbox

ORDER, ALGO = "POST /fapi/v1/order", "POST /fapi/v1/algoOrder"
DEL_ORDER, DEL_ALGO = "DELETE /fapi/v1/order", "DELETE /fapi/v1/algoOrder"
UNKNOWN_503 = '{"code":-1,"msg":"Unknown error, please check your request or try again later."}'
FAILED_503 = '{"code":-1,"msg":"Service Unavailable."}'
THROTTLED = '{"code":-1008,"msg":"Request throttled by system-level protection."}'
TIMED_OUT = '{"code":-1007,"msg":"Timeout waiting for response from backend server."}'


@pytest.mark.parametrize("hedge", [False, True])
def test_the_target_fills_and_the_stop_is_recalled(hedge: bool) -> None:
    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket())
        state = await trader.until(protected)
        assert ours(state, "open_algos")["2"]["triggerPrice"] == "29700.01"
        await trader.price("30400")
        await trader.until(empty)
        await trader.heard("OrderDone", status="filled")
        assert len(trader.exchange.state()["orders"]) == 2

    play(story, hedge)


@pytest.mark.parametrize("algo_first", [False, True])
def test_the_stop_triggers_and_the_target_is_recalled(algo_first: bool) -> None:
    async def story(trader: Trader) -> None:
        await trader.do("set", algo_first=algo_first)
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        await trader.price("29600")
        await trader.until(empty)
        await trader.heard("OrderDone", status="filled")
        assert trader.count("VenueOrderFilled") == 2

    play(story, hedge=True)


@pytest.mark.parametrize(
    "fault",
    [
        {"on": ORDER, "carried": "before"},
        {"on": ORDER},
        {"on": ORDER, "carried": "before", "status": 503, "body": UNKNOWN_503},
        {"on": ORDER, "status": 503, "body": UNKNOWN_503},
        {"on": ORDER, "status": 503, "body": FAILED_503},
        {"on": ORDER, "status": 503, "body": THROTTLED},
        {"on": ORDER, "carried": "before", "status": 408, "body": TIMED_OUT},
        {"on": ORDER, "carried": "after", "delay_ms": 300, "status": 502},
        {"on": ORDER, "late": True, "delay_ms": 500},
        {"on": ORDER, "status": 400, "body": '{"code":-1021,"msg":"outside of the recvWindow."}'},
        {"on": ALGO, "carried": "before"},
        {"on": ALGO},
        {"on": ALGO, "status": 503, "body": UNKNOWN_503},
        {"on": ALGO, "status": 429, "body": '{"code":-1003,"msg":"Too many requests"}'},
    ],
    ids=lambda fault: " ".join(str(value)[:40] for value in fault.values()),
)
def test_whatever_becomes_of_a_reply_exactly_one_order_exists(fault: dict[str, object]) -> None:
    """SCENARIOS 19: found by an identity fixed before sending, never doubled, never forgotten."""

    async def story(trader: Trader) -> None:
        await trader.faults(fault)
        await trader.place("first", trader.bracket())
        state = await trader.until(protected)
        assert held(state) == ["0.01"]
        assert state["faults"] == []
        await trader.price("30400")
        state = await trader.until(empty)
        assert state["trades"] == 2
        await trader.heard("OrderDone", status="filled")

    play(story, hedge=True)


@pytest.mark.parametrize(
    "fault",
    [
        {"on": DEL_ALGO, "carried": "before"},
        {"on": DEL_ALGO, "status": 503, "body": UNKNOWN_503},
        {"on": DEL_ALGO, "status": 400, "body": '{"code":-2011,"msg":"Unknown order sent."}'},
        {"on": DEL_ALGO, "status": 418, "body": '{"code":-1003,"msg":"banned"}'},
    ],
    ids=lambda fault: " ".join(str(value)[:40] for value in fault.values()),
)
def test_a_recall_that_goes_wrong_is_asked_about_until_nothing_is_left(
    fault: dict[str, object],
) -> None:
    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        await trader.faults(fault)
        await trader.price("30400")
        await trader.until(empty)
        await trader.heard("OrderDone", status="filled")

    play(story, hedge=True)


@pytest.mark.parametrize("by", ["web", "autoclose", "adl"])
def test_a_position_that_anybody_closes_leaves_no_exit_behind(by: str) -> None:
    """SCENARIOS 23: by hand, by liquidation, by deleveraging."""

    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        await trader.do("close", symbol=SYMBOL, position_side="LONG", by=by)
        await trader.until(empty)
        await trader.heard("IncidentOpened", kind="outside_close")

    play(story, hedge=True)


def test_a_position_closed_while_the_stream_is_dead_leaves_no_exit_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody tells of it: what is held is asked for after a gap, as orders and fills are."""
    monkeypatch.setattr("interlock.venues.binance.link.BACKOFF_S", 0.05)

    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        await trader.do("set", silent=True)
        await trader.do("close", symbol=SYMBOL, position_side="LONG")
        await trader.do("set", silent=False)
        await trader.do("cut")
        await trader.until(empty)
        await trader.heard("IncidentOpened", kind="outside_close")

    play(story, hedge=True)


def test_a_leg_that_somebody_cancels_is_not_taken_for_a_fill() -> None:
    """SCENARIOS 24: the target goes by hand; the stop stays, and a person is told."""

    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket())
        target = ours(await trader.until(protected), "open_orders")["1"]
        await asyncio.to_thread(
            lambda: trader.exchange.ask(
                "DELETE", "/fapi/v1/order", symbol=SYMBOL, orderId=target["orderId"]
            )
        )
        await trader.heard("IncidentOpened", kind="outside_change")
        assert ours(await trader.state(), "open_algos")
        await trader.price("29600")
        await trader.until(empty)

    play(story, hedge=True)


def test_the_other_side_and_foreign_orders_are_never_touched() -> None:
    """SCENARIOS 25: a short beside our long, and orders without our mark."""

    async def story(trader: Trader) -> None:
        exchange = trader.exchange
        await trader.do("open", symbol=SYMBOL, side="SELL", quantity="0.5", position_side="SHORT")
        await asyncio.to_thread(
            lambda: exchange.algo(
                *("BUY", "STOP_MARKET", "33000"),
                quantity="0.5",
                positionSide="SHORT",
                clientAlgoId="theirs",
            )
        )
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        await trader.price("30400")
        state = await trader.until(lambda state: len(held(state)) == 1)
        await trader.heard("OrderDone", status="filled")
        state = await trader.state()
        assert held(state) == ["-0.5"]
        assert [algo["clientAlgoId"] for algo in state["open_algos"]] == ["theirs"]

    play(story, hedge=True)


@pytest.mark.parametrize("what", ["cut", "expire-listen-keys", "silent"])
def test_fills_while_the_stream_is_dead_are_found_and_counted_once(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SCENARIOS 17: cut off, told to be over, or open and silent."""
    monkeypatch.setattr("interlock.venues.binance.link.TOLD_S_MAX", 0.4)
    monkeypatch.setattr("interlock.venues.binance.link.BACKOFF_S", 0.05)

    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        if what == "silent":
            await trader.do("set", silent=True)
            await trader.price("30400")
            await trader.place("second", trader.bracket(type="limit", price="29000"))
            await trader.heard("VenueDisconnected")
            await trader.do("set", silent=False)
        else:
            await trader.do(what)
            await trader.price("30400")
        await trader.heard("VenueDisconnected")
        await trader.heard("OrderDone", status="filled")
        state = await trader.until(lambda state: not held(state))
        assert not ours(state, "open_algos")
        assert trader.count("VenueOrderFilled") == 2

    play(story, hedge=True)


def test_killed_and_started_again_it_settles_what_happened_meanwhile() -> None:
    """SCENARIOS 14 and 15: a leg fills while nobody is there; its sibling goes before anything."""

    async def whole() -> None:
        async with trading(exchange, True) as first:
            await first.place("first", first.bracket())
            await first.until(protected)
            await first.end(kill=True)
            journal = first.journal.crash()
            first.live.stop()
        await asyncio.to_thread(exchange.price, "30400")
        async with trading(exchange, True, journal) as second:
            await second.until(empty)
            await second.heard("OrderDone", status="filled")

    with sandbox(hedge=True) as exchange:
        uvloop.run(asyncio.wait_for(whole(), 60))


def test_a_stop_at_the_exchange_protects_while_no_server_runs() -> None:
    """SCENARIOS 18: it rests there, triggers there, and the next start only tidies up."""

    async def whole() -> None:
        async with trading(exchange, True) as first:
            await first.place("first", first.bracket())
            await first.until(protected)
            await first.end(kill=True)
            first.live.stop()
            journal = first.journal.crash()
        await asyncio.to_thread(exchange.price, "29600")
        state = await asyncio.to_thread(exchange.state)
        assert held(state) == [] and len(ours(state, "open_orders")) == 1
        async with trading(exchange, True, journal) as second:
            await second.until(empty)
            await second.heard("OrderDone", status="filled")

    with sandbox(hedge=True) as exchange:
        uvloop.run(asyncio.wait_for(whole(), 60))


def test_when_requests_run_out_protection_still_gets_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SCENARIOS 26: entries wait or are put off long before exits and recalls do."""
    monkeypatch.setattr("interlock.venues.binance.budget.ORDERS_10S", 20)
    monkeypatch.setattr("interlock.venues.binance.budget.ORDERS_1M", 20)

    async def story(trader: Trader) -> None:
        await trader.place("held", trader.bracket())
        await trader.until(protected)
        for number in range(30):
            entry = trader.bracket(type="limit", price="29000")
            await trader.place(f"more{number}", entry)
        await trader.price("30400")
        state = await trader.until(lambda state: not held(state))
        await trader.until(lambda state: not ours(state, "open_algos"))
        assert len(state["open_orders"]) <= 14, "entries leave the last third to protection"
        assert trader.venue.joined.is_set()

    play(story, hedge=True)


def test_a_halted_symbol_is_known_and_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """SCENARIOS 28: new orders are refused up front, what waits is not tried in a loop, and when it
    trades again everything goes on.
    """
    monkeypatch.setattr("interlock.venues.binance.link.LISTING_S", 0.2)

    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket(type="limit", price="29000"))
        await trader.until(lambda state: bool(ours(state, "open_orders")))
        await trader.do("halt", symbol=SYMBOL)
        await trader.heard("InstrumentHalted", detail="SETTLING")
        with pytest.raises(AssertionError, match="INSTRUMENT_HALTED"):
            await trader.place("later", trader.bracket())
        before = (await trader.state())["requests"]
        await trader.do("resume", symbol=SYMBOL)
        await trader.heard("InstrumentResumed")
        assert (await trader.state())["requests"] - before < 10
        await trader.place("later", trader.bracket())
        await trader.until(protected)

    play(story, hedge=True)


def test_a_delisted_symbol_is_told_of_and_its_legs_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """SCENARIOS 28: it is missing from the listing one day; back there it trades on."""
    monkeypatch.setattr("interlock.venues.binance.link.LISTING_S", 0.2)

    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket(type="limit", price="29000"))
        await trader.until(lambda state: bool(ours(state, "open_orders")))
        await trader.do("delist", symbol=SYMBOL)
        await trader.heard("InstrumentDelisted", detail="not listed")
        await trader.heard("IncidentOpened", kind="delisted")
        with pytest.raises(AssertionError, match="INSTRUMENT_DELISTED"):
            await trader.place("later", trader.bracket())
        await trader.do("resume", symbol=SYMBOL)
        await trader.heard("InstrumentResumed")
        await trader.heard("IncidentClosed", kind="delisted")
        await trader.place("later", trader.bracket())

    play(story, hedge=True)


def test_a_stray_with_our_mark_is_found_and_recalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that the journal knows nothing of: it can only be ours, and it protects nothing."""
    monkeypatch.setattr("interlock.runtime.line.SWEEP_NS", 200_000_000)

    async def story(trader: Trader) -> None:
        await asyncio.to_thread(
            lambda: trader.exchange.algo(
                *("BUY", "STOP_MARKET", "33000"),
                quantity="0.5",
                positionSide="LONG",
                clientAlgoId="itest-o0000077.2.1",
            )
        )
        await trader.heard("StrayRecalled")
        await trader.until(empty)

    play(story, hedge=True)


def test_margin_that_is_not_there_is_an_answer_and_no_reason_to_reconnect() -> None:
    async def story(trader: Trader) -> None:
        await trader.place("big", trader.bracket("500"))
        await trader.heard("VenueOrderRejected", code="insufficient_margin")
        await trader.heard("OrderDone")
        assert trader.count("VenueDisconnected") == 0
        assert empty(await trader.state())

    play(story, hedge=True)


def test_a_clock_that_is_wrong_by_seconds_changes_nothing() -> None:
    async def story(trader: Trader) -> None:
        await trader.do("set", ahead_ms=7_000)
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        await trader.price("30400")
        await trader.until(empty)

    play(story)


@pytest.mark.parametrize("late", [False, True])
def test_a_resting_target_is_amended_in_place(late: bool) -> None:
    """Whether the stream tells of it before the answer or after it, it is nobody else's hand."""

    async def story(trader: Trader) -> None:
        if late:
            tell = trader.venue._message
            loop = asyncio.get_running_loop()

            def later(url: str, message: dict[str, object]) -> None:
                order = message.get("o", {})
                amended = isinstance(order, dict) and order.get("x") == "AMENDMENT"
                loop.call_later(0.2 if amended else 0.0, tell, url, message)

            trader.venue._message = later
            await trader.do("cut")
            await trader.heard("VenueConnected")
        placed = await trader.place("first", trader.bracket())
        await trader.until(protected)
        change = {"target": {"price": "30500"}, "stop": {"trigger_price": "29500"}}
        body = {"type": "amend", "order_id": placed.order_id, "account": "main", "legs": change}
        command = decode_command(msgspec.json.encode(body))
        answer = await trader.ask(command)  # type: ignore[arg-type]
        assert isinstance(answer, c.Accepted), answer

        def moved(state: dict[str, object]) -> bool:
            orders, algos = ours(state, "open_orders"), ours(state, "open_algos")
            target, stop = orders.get("1"), algos.get("2")
            return bool(
                target and stop and target["price"] == "30500" and stop["triggerPrice"] == "29500"
            )

        await trader.until(moved)

    play(story)


def test_a_ban_outlasts_the_connection_and_nobody_knocks_while_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who knocks while banned is banned for longer."""
    monkeypatch.setattr("interlock.venues.binance.link.BACKOFF_S", 0.02)
    monkeypatch.setattr("interlock.venues.binance.link.BACKOFF_S_MAX", 0.05)

    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        await trader.do("ban", ms=2_500)
        before = (await trader.state())["requests"]
        await trader.do("cut")
        await trader.heard("VenueDisconnected")
        await trader.until(lambda state: state["requests"] > before)
        assert trader.venue.health().blocked_until > trader.clock.now()
        await asyncio.wait_for(trader.venue.joined.wait(), 10)
        banned_for = (await trader.state())["requests"] - before
        assert banned_for < 15, "one knock, and what a new connection asks"
        await trader.price("30400")
        await trader.until(empty)

    play(story, hedge=True)
