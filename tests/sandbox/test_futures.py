"""USD-M's documented flows on the wire: two families of orders, positions, streams, errors."""

import asyncio
import hmac
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from websockets.sync.client import connect

from interlock.market.course import Course
from interlock.orders.ticks import Quote, Trade
from interlock.sandbox.binance.serving import KEY, SECRET, FuturesSandbox
from tests.sandbox.house import HOST, SYMBOL, Exchange, sandbox, short


@pytest.fixture
def one_way() -> Iterator[Exchange]:
    with sandbox() as exchange:
        yield exchange


@pytest.fixture
def hedge() -> Iterator[Exchange]:
    with sandbox(hedge=True) as exchange:
        yield exchange


def test_a_futures_traders_bracket_in_hedge_mode(hedge: Exchange) -> None:
    """Entry, stop and target; the target fills, and the stop stays an orphan until it is recalled:
    that is the exchange's way (VENUES 6.3.6).
    """
    with hedge.user_stream() as events:
        entry = hedge.order("BUY", "MARKET", "0.01", positionSide="LONG", newClientOrderId="e")
        assert (entry["status"], "avgPrice" in entry) == ("FILLED", False)
        told = events.until(lambda e: e["e"] == "ACCOUNT_UPDATE")
        assert told == ["order NEW NEW 0", "order TRADE FILLED 0.01", "account 0.01 0"]
        stop = hedge.algo(
            *("SELL", "STOP_MARKET", "29500"),
            quantity="0.01",
            positionSide="LONG",
            clientAlgoId="s",
        )
        assert (stop["algoStatus"], stop["actualOrderId"]) == ("NEW", "")
        assert stop["algoId"] > 2**53
        target = {"positionSide": "LONG", "price": "30500", "timeInForce": "GTC"}
        hedge.order("SELL", "LIMIT", "0.01", **target, newClientOrderId="t")
        hedge.price("30500.01")
        events.until(lambda e: e["e"] == "ACCOUNT_UPDATE")
        assert hedge.position("LONG") == "0"
        (left,) = hedge.ask("GET", "/fapi/v1/openAlgoOrders")
        assert left["clientAlgoId"] == "s"
        gone = hedge.ask("DELETE", "/fapi/v1/algoOrder", clientAlgoId="s")
        assert gone["code"] == "200"
        assert events.until(lambda e: e["e"] == "ALGO_UPDATE")[-1] == "algo CANCELED"


@pytest.mark.parametrize("algo_first", [False, True])
def test_a_stop_becomes_another_order_and_is_told_in_either_order(
    hedge: Exchange, algo_first: bool
) -> None:
    hedge.do("set", algo_first=algo_first)
    hedge.order("BUY", "MARKET", "0.01", positionSide="LONG")
    stop = {"quantity": "0.01", "positionSide": "LONG", "clientAlgoId": "s"}
    hedge.algo("SELL", "STOP_MARKET", "29500", **stop)
    with hedge.user_stream() as events:
        hedge.price("29400")
        last = "order TRADE FILLED 0.01" if algo_first else "algo FINISHED"
        told = events.until(lambda e: short(e) == last)
        order, algo = told.index("order TRADE FILLED 0.01"), told.index("algo TRIGGERED")
        assert (algo < order) is algo_first
    shown = hedge.ask("GET", "/fapi/v1/algoOrder", clientAlgoId="s")
    actual = hedge.ask("GET", "/fapi/v1/order", symbol=SYMBOL, orderId=shown["actualOrderId"])
    assert (shown["algoStatus"], actual["clientOrderId"]) == ("FINISHED", "s")
    assert actual["status"] == "FILLED"
    assert actual["orderId"] != shown["algoId"]


def test_what_the_exchange_refuses_and_how_it_says_so(hedge: Exchange) -> None:
    def code(side: str, kind: str, **more: object) -> int:
        fields = {"symbol": SYMBOL, "side": side, "type": kind, **more}
        return hedge.code("POST", "/fapi/v1/order", **fields)

    def algo(side: str, kind: str, **more: object) -> int:
        fields = {"algoType": "CONDITIONAL", "symbol": SYMBOL, "side": side, "type": kind, **more}
        return hedge.code("POST", "/fapi/v1/algoOrder", **fields)

    long = {"quantity": "0.01", "positionSide": "LONG"}
    limit = {**long, "price": "29000", "timeInForce": "GTC"}
    assert code("SELL", "STOP_MARKET", **long) == -4120
    assert code("BUY", "MARKET", quantity="0.01") == -4061
    assert code("BUY", "MARKET", **long, reduceOnly=True) == -1106
    assert code("SELL", "MARKET", **long) == -2022
    assert code("BUY", "LIMIT", **{**limit, "price": "29000.001"}) == -1111
    assert code("BUY", "LIMIT", **{**limit, "timeInForce": "GTX", "price": "31000"}) == -5022
    assert code("BUY", "MARKET", quantity="1000", positionSide="LONG") == -2019
    assert hedge.code("POST", "/fapi/v1/order", symbol="NOPE", side="BUY", type="MARKET") == -1121
    hedge.order("BUY", "LIMIT", newClientOrderId="same", **{"quantity": "0.01", **limit})
    assert code("BUY", "LIMIT", **limit, newClientOrderId="same") == -4116
    assert algo("BUY", "STOP_MARKET", triggerPrice="29000", **long) == -2021
    assert algo("SELL", "STOP_MARKET", triggerPrice="29000", closePosition=True, **long) == -4137
    assert hedge.code("DELETE", "/fapi/v1/order", symbol=SYMBOL, origClientOrderId="x") == -2011
    assert hedge.code("GET", "/fapi/v1/order", symbol=SYMBOL, origClientOrderId="x") == -2013
    assert hedge.code("POST", "/fapi/v1/positionSide/dual", dualSidePosition=True) == -4059
    assert hedge.code("POST", "/fapi/v1/positionSide/dual", dualSidePosition=False) == -4067


def test_signatures_keys_and_clocks(one_way: Exchange) -> None:
    path = "/fapi/v1/openOrders"
    assert one_way.ask("GET", path) == []
    assert one_way.http.get(path).json()["code"] == -2014
    wrong = one_way.http.get(path, headers={"X-MBX-APIKEY": "nobody"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, -2015)
    forged = one_way.http.get(
        f"{path}?timestamp=1&signature=00", headers={"X-MBX-APIKEY": "sandbox-key"}
    )
    assert forged.json()["code"] == -1022
    assert one_way.code("GET", path, timestamp="1") == -1021
    one_way.do("set", ahead_ms=5_500)
    assert one_way.code("GET", path) == -1021
    one_way.do("set", ahead_ms=-1_500)
    assert one_way.code("GET", path) == -1021
    one_way.do("set", ahead_ms=0)
    assert one_way.code("GET", path, recvWindow=70_000) == -1131


def test_an_orphan_that_closes_a_position_goes_with_it_and_one_with_a_quantity_stays(
    one_way: Exchange,
) -> None:
    one_way.order("BUY", "MARKET", "0.02")
    one_way.algo("SELL", "STOP_MARKET", "29000", closePosition=True, clientAlgoId="all")
    one_way.algo("SELL", "STOP_MARKET", "29000", quantity="0.02", clientAlgoId="some")
    with one_way.user_stream() as events:
        one_way.do("close", symbol=SYMBOL, by="autoclose")
        told = events.until(lambda e: e["e"] == "ALGO_UPDATE")
    assert told == ["order CALCULATED FILLED 0.02", "account 0", "algo EXPIRED"]
    assert [a["clientAlgoId"] for a in one_way.state()["open_algos"]] == ["some"]


def test_a_stop_that_finds_no_position_is_refused_when_it_triggers(one_way: Exchange) -> None:
    one_way.order("BUY", "MARKET", "0.01")
    one_way.algo("SELL", "STOP_MARKET", "29000", quantity="0.01", reduceOnly=True)
    one_way.do("close", symbol=SYMBOL)
    with one_way.user_stream() as events:
        one_way.price("28900")
        told = events.until(lambda e: e["e"] == "ALGO_UPDATE" and e["o"]["X"] == "REJECTED")
        assert told == ["algo TRIGGERING", "algo REJECTED"]
        assert events.seen[-1]["o"]["rm"] == "Reduce Only reject"
    assert one_way.position() == "0"


def test_two_cancel_alls_and_a_countdown_for_the_regular_family(one_way: Exchange) -> None:
    def place() -> None:
        one_way.order("BUY", "LIMIT", "0.01", price="29000", timeInForce="GTC")
        one_way.algo("BUY", "STOP_MARKET", "31000", quantity="0.01")

    def left() -> tuple[int, int]:
        state = one_way.state()
        return len(state["open_orders"]), len(state["open_algos"])

    place()
    one_way.ask("DELETE", "/fapi/v1/allOpenOrders", symbol=SYMBOL)
    assert left() == (0, 1)
    one_way.ask("DELETE", "/fapi/v1/algoOpenOrders", symbol=SYMBOL)
    assert left() == (0, 0)
    place()
    one_way.ask("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime=50)
    one_way.until(lambda state: not state["open_orders"])
    assert left() == (0, 1)


def test_a_countdown_takes_everybodys_regular_orders_of_its_symbol_unless_it_is_told_again(
    one_way: Exchange,
) -> None:
    """Weight 10, per symbol, milliseconds; 0 stops it; an algo order stays (VENUES 2.5)."""
    path, gone = "/fapi/v1/countdownCancelAll", {"countdownTime": 600}

    def used(answer: Any) -> int:
        return int(answer.headers["X-MBX-USED-WEIGHT-1M"])

    before = used(one_way.answer("GET", "/fapi/v1/time"))
    asked = one_way.answer("POST", path, symbol=SYMBOL, **gone)
    assert asked.json() == {"symbol": SYMBOL, "countdownTime": "600"}
    assert used(asked) - before in (10, 11)
    assert one_way.state()["countdowns"] == [SYMBOL]
    one_way.ask("POST", path, symbol=SYMBOL, countdownTime=0)
    assert one_way.state()["countdowns"] == []
    assert one_way.code("POST", path, symbol="NOSUCH", **gone) == -1121
    assert one_way.code("POST", path, symbol=SYMBOL) == -1102
    assert one_way.code("POST", path, symbol=SYMBOL, countdownTime=-1) == -1100
    assert one_way.code("POST", path, **gone) == -1102
    for side, price in (("BUY", "29000"), ("SELL", "31000")):
        one_way.order(side, "LIMIT", "0.01", price=price, timeInForce="GTC")
    one_way.algo("BUY", "STOP_MARKET", "31500", quantity="0.01")
    with one_way.user_stream() as events:
        for again in [time.monotonic() + 0.25 * n for n in range(1, 4)]:  # beyond its time
            one_way.ask("POST", path, symbol=SYMBOL, **gone)
            one_way.until(lambda _, again=again: time.monotonic() >= again)
        assert len(one_way.state()["open_orders"]) == 2
        told = events.until(lambda event: event["o"]["S"] == "SELL")
        assert told == ["order CANCELED CANCELED 0", "order CANCELED CANCELED 0"]
    state = one_way.state()
    assert (state["open_orders"], state["countdowns"]) == ([], [])
    assert len(state["open_algos"]) == 1
    one_way.order("BUY", "LIMIT", "0.01", price="29000", timeInForce="GTC")  # it acts once
    assert len(one_way.state()["open_orders"]) == 1


def test_a_listen_key_that_expires_leaves_a_silent_socket(one_way: Exchange) -> None:
    with one_way.user_stream() as events:
        one_way.do("expire-listen-keys")
        assert events.until(lambda _: True) == ["listenKeyExpired"]
        assert one_way.code("PUT", "/fapi/v1/listenKey") == -1125
        one_way.order("BUY", "MARKET", "0.01")
        with pytest.raises(TimeoutError):
            events.stream.recv(0.1)
    key = one_way.ask("POST", "/fapi/v1/listenKey")["listenKey"]
    assert one_way.ask("POST", "/fapi/v1/listenKey")["listenKey"] == key


def test_the_old_root_gives_public_data_only(one_way: Exchange) -> None:
    key = one_way.ask("POST", "/fapi/v1/listenKey")["listenKey"]
    with connect(f"ws://{HOST}:{one_way.port}/ws/{key}") as stream:
        one_way.order("BUY", "MARKET", "0.01")
        stream.send('{"id":1,"method":"SUBSCRIBE","params":["btcusdt@aggTrade"]}')
        assert '"id":1' in str(stream.recv(5))
        one_way.price("30001")
        assert '"aggTrade"' in str(stream.recv(5))


def test_limits_are_told_and_then_enforced(one_way: Exchange) -> None:
    first = one_way.answer("GET", "/fapi/v1/openOrders")
    assert first.headers["X-MBX-USED-WEIGHT-1M"] == "40"
    last = first
    while last.status_code == 200:
        last = one_way.answer("GET", "/fapi/v1/openOrders")
    assert (last.status_code, last.json()["code"]) == (429, -1003)
    assert int(last.headers["Retry-After"]) <= 60
    while last.status_code == 429:
        last = one_way.answer("GET", "/fapi/v1/openOrders")
    assert (last.status_code, last.json()["code"]) == (418, -1003)
    assert int(last.headers["Retry-After"]) <= 120


def test_faults_strike_the_requests_they_name(one_way: Exchange) -> None:
    limit = {"price": "29000", "timeInForce": "GTC"}
    on = "POST /fapi/v1/order"
    one_way.faults({"on": on, "carried": "before"}, {"on": on, "skip": 1, "status": 503})
    with pytest.raises(httpx.RemoteProtocolError):
        one_way.order("BUY", "LIMIT", "0.01", newClientOrderId="lost", **limit)
    found = one_way.ask("GET", "/fapi/v1/order", symbol=SYMBOL, origClientOrderId="lost")
    assert found["status"] == "NEW"
    assert one_way.order("BUY", "LIMIT", "0.01", **limit)["status"] == "NEW"
    fields = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "0.01", **limit}
    assert one_way.answer("POST", on.split()[1], **fields).status_code == 503
    assert one_way.state()["faults"] == []
    assert len(one_way.state()["open_orders"]) == 2


def test_trailing_stops_and_targets_trigger_on_their_side(one_way: Exchange) -> None:
    one_way.order("BUY", "MARKET", "0.03")
    trailing = {"activatePrice": "30300", "callbackRate": "1", "quantity": "0.01"}
    one_way.algo("SELL", "TRAILING_STOP_MARKET", None, clientAlgoId="trail", **trailing)
    one_way.algo("SELL", "TAKE_PROFIT_MARKET", "30500", quantity="0.01", clientAlgoId="target")

    def waiting() -> set[str]:
        return {algo["clientAlgoId"] for algo in one_way.state()["open_algos"]}

    for price, left in (
        ("29000", {"trail", "target"}),
        ("30400", {"trail", "target"}),
        ("30600", {"trail"}),
        ("30400", {"trail"}),
        ("30250", set()),
    ):
        one_way.price(price)
        assert waiting() == left, price
    assert one_way.position() == "0.01"


def test_a_machine_whose_clock_goes_back_does_not_lose_an_order() -> None:
    """Found on wires: a tick had been stamped later than the clock said when the order came."""
    clock = [5_000_000_000]
    made = FuturesSandbox(Course(1), True, lambda: clock[0])
    made.happen(Quote("BTCUSDT.USDM", clock[0], 2_999_999, 100_000, 3_000_001, 100_000))
    made.happen(Trade("BTCUSDT.USDM", clock[0], 3_000_000, 100_000))
    clock[0] -= 1_000_000_000
    asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    asked |= {"positionSide": "LONG", "timestamp": str(made.gate.now_ms())}
    query = urlencode(asked)
    signature = hmac.new(SECRET.encode(), query.encode(), "sha256").hexdigest()
    headers = {"x-mbx-apikey": KEY}
    signed = f"{query}&signature={signature}"
    answer = asyncio.run(made.gate.ask("POST", "/fapi/v1/order", signed, "", headers))
    assert answer is not None
    assert answer.status == 200, answer.body
