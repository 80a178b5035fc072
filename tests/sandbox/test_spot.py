"""Spot's documented flows on the wire: order lists, balances, streams, refusals."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.sandbox.house import HOST, SYMBOL, SpotExchange, short, spot_sandbox

LIST_DONE = "list ALL_DONE ALL_DONE"


@pytest.fixture(scope="module")
def shared() -> Iterator[SpotExchange]:
    with spot_sandbox() as exchange:
        yield exchange


@pytest.fixture
def spot(shared: SpotExchange) -> SpotExchange:
    shared.fresh(BTC="1")
    return shared


def oco(spot: SpotExchange, quantity: str = "0.01", **more: Any) -> Any:
    """A long's exits: a limit above, a stop below."""
    legs = {"aboveType": "LIMIT_MAKER", "abovePrice": "31000", "aboveClientOrderId": "target"}
    legs |= {"belowType": "STOP_LOSS", "belowStopPrice": "29000", "belowClientOrderId": "stop"}
    return spot.oco("SELL", quantity, **{**legs, **more})


def otoco(spot: SpotExchange, **more: Any) -> Any:
    fields: dict[str, Any] = {"symbol": SYMBOL, "workingType": "LIMIT", "workingSide": "BUY"}
    fields |= {"workingPrice": "29900", "workingQuantity": "0.01", "workingTimeInForce": "GTC"}
    fields |= {"pendingSide": "SELL", "pendingQuantity": "0.01", "workingClientOrderId": "entry"}
    fields |= {"pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": "31000"}
    fields |= {"pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": "29000"}
    fields |= {"pendingAboveClientOrderId": "target", "pendingBelowClientOrderId": "stop"}
    return spot.ask("POST", "/api/v3/orderList/otoco", **{**fields, **more})


def order(spot: SpotExchange, client_id: str) -> Any:
    return spot.ask("GET", "/api/v3/order", symbol=SYMBOL, origClientOrderId=client_id)


def orders(told: list[str]) -> list[str]:
    return [one for one in told if not one.startswith("outbound")]


def test_a_limit_that_fills_in_part_ends_the_stop_at_once(spot: SpotExchange) -> None:
    """VENUES 1.4: a one-lot fill of the target takes the stop from the rest of the position."""
    with spot.subscribed() as events:
        placed = oco(spot)
        assert [leg["status"] for leg in placed["orderReports"]] == ["NEW", "NEW"]
        assert spot.balance("BTC") == (Decimal("0.99"), Decimal("0.01"))
        told = orders(events.until(lambda e: e["e"] == "listStatus"))
        assert told == ["stop NEW NEW 0", "target NEW NEW 0", "list EXEC_STARTED EXECUTING"]
        spot.price("31000.01", "0.004")
        told = orders(events.until(lambda e: e.get("eR") == "OCO_TRIGGER"))
        assert told == [
            "target TRADE PARTIALLY_FILLED 0.004",
            "stop EXPIRED EXPIRED 0 OCO_TRIGGER",
        ]
        of = spot.ask("GET", "/api/v3/orderList", orderListId=placed["orderListId"])
        assert of["listOrderStatus"] == "EXECUTING"
        spot.price("31001", "1")
        told = orders(events.until(lambda e: short(e) == LIST_DONE))
        assert told[-2:] == ["target TRADE FILLED 0.01", LIST_DONE]
    assert spot.balance("BTC") == (Decimal("0.99"), 0)


@pytest.mark.parametrize("above", ["LIMIT_MAKER", "TAKE_PROFIT"])
def test_a_stop_that_is_activated_ends_the_other_leg_before_it_trades(
    spot: SpotExchange, above: str
) -> None:
    more = {"abovePrice": None, "aboveStopPrice": "31000"} if above == "TAKE_PROFIT" else {}
    oco(spot, aboveType=above, **more)
    with spot.subscribed() as events:
        spot.price("28999")
        told = orders(events.until(lambda e: short(e) == LIST_DONE))
    assert told == [
        "target EXPIRED EXPIRED 0 OCO_TRIGGER",
        "stop NEW NEW 0",
        "stop TRADE FILLED 0.01",
        LIST_DONE,
    ]
    assert order(spot, "target")["expiryReason"] == "OCO_TRIGGER"


def test_a_target_that_is_activated_ends_the_stop(spot: SpotExchange) -> None:
    oco(spot, aboveType="TAKE_PROFIT", abovePrice=None, aboveStopPrice="31000")
    spot.price("31000")
    assert order(spot, "stop")["expiryReason"] == "OCO_TRIGGER"
    assert order(spot, "target")["status"] == "FILLED"


def test_a_stop_limit_that_is_activated_rests_alone(spot: SpotExchange) -> None:
    """VENUES 6.1 C17: it may rest unfilled while its sibling is gone."""
    leg = {"belowType": "STOP_LOSS_LIMIT", "belowPrice": "28950", "belowTimeInForce": "GTC"}
    oco(spot, **leg)
    spot.price("28900")
    assert (order(spot, "stop")["status"], order(spot, "target")["status"]) == ("NEW", "EXPIRED")
    assert order(spot, "stop")["isWorking"] is True
    spot.price("28951")
    assert order(spot, "stop")["status"] == "FILLED"


@pytest.mark.parametrize("leg", ["target", "stop"])
def test_canceling_one_leg_cancels_the_list(spot: SpotExchange, leg: str) -> None:
    oco(spot)
    with spot.subscribed() as events:
        gone = spot.ask("DELETE", "/api/v3/order", symbol=SYMBOL, origClientOrderId=leg)
        assert (gone["origClientOrderId"], gone["status"]) == (leg, "CANCELED")
        assert gone["clientOrderId"] != leg
        told = orders(events.until(lambda e: short(e) == LIST_DONE))
    assert told == ["stop CANCELED CANCELED 0", "target CANCELED CANCELED 0", LIST_DONE]
    assert spot.balance("BTC") == (1, 0)
    assert spot.ask("GET", "/api/v3/openOrderList") == []


def test_children_are_released_by_the_complete_fill_and_by_nothing_less(
    spot: SpotExchange,
) -> None:
    with spot.subscribed() as events:
        placed = otoco(spot)
        assert placed["contingencyType"] == "OTO"
        stood = [leg["status"] for leg in placed["orderReports"]]
        assert stood == ["NEW", "PENDING_NEW", "PENDING_NEW"]
        assert spot.balance("BTC") == (1, 0)
        spot.price("29899", "0.004")
        assert order(spot, "entry")["status"] == "PARTIALLY_FILLED"
        assert order(spot, "stop")["status"] == "PENDING_NEW"
        spot.price("29898", "1")
        told = orders(events.until(lambda e: short(e) == "target NEW NEW 0"))
        assert told[-3:] == ["entry TRADE FILLED 0.01", "stop NEW NEW 0", "target NEW NEW 0"]
    assert spot.balance("BTC") == (1, Decimal("0.01"))
    spot.price("31001")
    assert (order(spot, "target")["status"], order(spot, "stop")["status"]) == ("FILLED", "EXPIRED")


def test_a_parent_canceled_after_a_partial_fill_leaves_it_naked(spot: SpotExchange) -> None:
    otoco(spot)
    spot.price("29899", "0.004")  # as a quote and as a trade
    spot.ask("DELETE", "/api/v3/order", symbol=SYMBOL, origClientOrderId="entry")
    assert [order(spot, one)["status"] for one in ("stop", "target")] == ["CANCELED"] * 2
    assert spot.balance("BTC") == (Decimal("1.008"), 0)


def test_a_parent_that_expires_takes_its_children_with_it(spot: SpotExchange) -> None:
    otoco(spot, workingTimeInForce="IOC")
    assert order(spot, "entry")["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert order(spot, "stop")["expiryReason"] == "OTO_PHASE_ONE_EXPIRED"


def test_an_immediate_fill_is_answered_with_children_that_still_pend(spot: SpotExchange) -> None:
    placed = otoco(spot, workingPrice="30100")
    stood = [leg["status"] for leg in placed["orderReports"]]
    assert stood == ["FILLED", "PENDING_NEW", "PENDING_NEW"]
    assert order(spot, "stop")["status"] == "NEW"


def test_a_fee_in_what_was_bought_makes_the_children_fail(spot: SpotExchange) -> None:
    """VENUES 6.2.7: the quantity that was ordered is more than what has come."""
    spot.fresh()
    spot.do("set", fee_bps="10")
    with spot.subscribed() as events:
        otoco(spot, workingPrice="30100")
        told = orders(events.until(lambda e: short(e) == LIST_DONE))
        assert told[-3:-1] == [
            "stop EXPIRED EXPIRED 0 REJECTED",
            "target EXPIRED EXPIRED 0 OCO_TRIGGER",
        ]
        rejected = [e for e in events.seen if e.get("eR") == "REJECTED"]
        assert rejected[0]["r"] == "INSUFFICIENT_BALANCES"
    assert spot.balance("BTC") == (Decimal("0.00999"), 0)
    trade = spot.ask("GET", "/api/v3/myTrades", symbol=SYMBOL)[-1]
    assert (trade["commission"], trade["commissionAsset"]) == ("0.00001000", "BTC")


def test_what_the_exchange_refuses_and_how_it_says_so(spot: SpotExchange) -> None:
    def no(side: str, kind: str, quantity: str = "0.01", **more: Any) -> tuple[int, str]:
        found = spot.order(side, kind, quantity, **more)
        return found["code"], found["msg"]

    limit = {"price": "29000", "timeInForce": "GTC"}
    assert spot.order("BUY", "LIMIT", "0.01", **limit, newClientOrderId="same")["status"] == "NEW"
    assert no("BUY", "LIMIT", **limit, newClientOrderId="same") == (-2010, "Duplicate order sent.")
    assert no("BUY", "LIMIT", **{**limit, "price": "29000.001"})[1].endswith("PRICE_FILTER")
    assert no("BUY", "LIMIT", "0.000001", **limit)[1].endswith("LOT_SIZE")
    assert no("SELL", "MARKET", "2")[1].startswith("Account has insufficient balance")
    assert no("BUY", "MARKET", "9")[1].startswith("Account has insufficient balance")
    assert no("BUY", "LIMIT_MAKER", price="30001")[1].endswith("immediately match and take.")
    assert no("SELL", "STOP_LOSS", stopPrice="30500")[1] == "Order would trigger immediately."
    assert no("BUY", "LIMIT", price="29000")[0] == -1102
    assert no("BUY", "MARKET", price="29000", timeInForce="GTC")[0] == -1106
    assert no("BUY", "LIMIT", **limit, newClientOrderId="a.b")[0] == -1100
    assert oco(spot, belowStopPrice="30500")["msg"].startswith("The relationship of the prices")
    assert oco(spot, aboveType="STOP_LOSS", aboveStopPrice="31000", abovePrice=None)["code"] == (
        -1158
    )
    path = "/api/v3/order"
    assert spot.code("DELETE", path, symbol=SYMBOL, origClientOrderId="nobody") == -2011
    assert spot.code("GET", path, symbol=SYMBOL, origClientOrderId="nobody") == -2013
    assert spot.code("GET", path, symbol="NOPE", orderId=1) == -1121
    assert spot.code("GET", path, symbol=SYMBOL, orderId=1, timestamp="1") == -1021


def test_an_id_is_taken_again_once_its_order_is_done(spot: SpotExchange) -> None:
    """VENUES 1.12: sending again after a quick fill makes a second order."""
    first = spot.order("BUY", "MARKET", "0.01", newClientOrderId="twice")
    second = spot.order("BUY", "MARKET", "0.01", newClientOrderId="twice")
    assert first["orderId"] != second["orderId"]
    assert spot.balance("BTC")[0] == Decimal("1.02")


def test_cancel_and_replace(spot: SpotExchange) -> None:
    def replace(mode: str, old: str, **more: Any) -> httpx.Response:
        fields = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", **more}
        path = "/api/v3/order/cancelReplace"
        asked = {"cancelReplaceMode": mode, "cancelOrigClientOrderId": old, "quantity": "0.01"}
        return spot.answer("POST", path, **{**asked, **fields})

    spot.order("BUY", "LIMIT", "0.01", price="29000", timeInForce="GTC", newClientOrderId="old")
    moved = replace("STOP_ON_FAILURE", "old", price="29100", newClientOrderId="new")
    assert (moved.status_code, moved.json()["newOrderResponse"]["price"]) == (200, "29100")
    failed = replace("STOP_ON_FAILURE", "old", price="29200")
    assert (failed.status_code, failed.json()["code"]) == (400, -2022)
    assert failed.json()["data"]["newOrderResult"] == "NOT_ATTEMPTED"
    half = replace("ALLOW_FAILURE", "old", price="29200")
    assert (half.status_code, half.json()["code"]) == (409, -2021)
    assert half.json()["data"]["cancelResponse"]["code"] == -2011
    poor = replace("STOP_ON_FAILURE", "new", price="29200", quantity="90")
    assert poor.json()["data"]["cancelResult"] == "SUCCESS"
    assert order(spot, "new")["status"] == "CANCELED"


def test_a_quantity_is_reduced_in_place_and_on_both_legs(spot: SpotExchange) -> None:
    def amend(client_id: str, quantity: str, **more: str) -> Any:
        path = "/api/v3/order/amend/keepPriority"
        asked = {"symbol": SYMBOL, "origClientOrderId": client_id, "newQty": quantity}
        return spot.ask("PUT", path, **asked, **more)

    oco(spot)
    with spot.subscribed() as events:
        amended = amend("target", "0.006", newClientOrderId="target")["amendedOrder"]
        assert (amended["qty"], amended["clientOrderId"]) == ("0.006", "target")
        told = orders(events.until(lambda e: e["e"] == "listStatus"))
    assert told == ["target REPLACED NEW 0", "stop REPLACED NEW 0", "list UPDATED EXECUTING"]
    assert [order(spot, one)["origQty"] for one in ("target", "stop")] == ["0.006", "0.006"]
    assert amend("target", "0.007")["code"] == -2038
    assert amend("stop", "0.005")["amendedOrder"]["clientOrderId"] != "stop"
    spot.price("31001")
    assert order(spot, "target")["executedQty"] == "0.005"


def test_two_subscriptions_tell_everything_twice_and_streams_are_public(
    spot: SpotExchange,
) -> None:
    with spot.subscribed(times=2) as events:
        spot.order("BUY", "MARKET", "0.01", newClientOrderId="m")
        events.until(lambda e: short(e).startswith("m TRADE"))
        assert short(json.loads(events.stream.recv(5))["event"]).startswith("m TRADE")
    with connect(f"ws://{HOST}:{spot.port}/stream?streams=btcusdt@trade/btcusdt@bookTicker") as s:
        spot.until(lambda state: state["listeners"] > 0)
        spot.price("30001")
        assert json.loads(s.recv(5))["data"]["b"] == "30000.99"
        assert json.loads(s.recv(5))["data"]["p"] == "30001"
    with connect(f"ws://{HOST}:{spot.port}/ws-api/v3") as s:
        method = "userDataStream.subscribe.signature"
        asked = {"apiKey": "sandbox-key", "timestamp": 1, "signature": "0"}
        for number, (name, params, code) in enumerate(
            [(method, asked, -1022), ("session.logon", {}, -4056), ("time", {}, None)]
        ):
            s.send(json.dumps({"id": number, "method": name, "params": params}))
            answer = json.loads(s.recv(5))
            assert (answer["id"], answer.get("error", {}).get("code")) == (number, code)


def test_faults_strike_here_as_well(spot: SpotExchange) -> None:
    spot.faults({"on": "POST /api/v3/order", "carried": "before"})
    with pytest.raises(httpx.RemoteProtocolError):
        spot.order("BUY", "MARKET", "0.01", newClientOrderId="lost")
    assert order(spot, "lost")["status"] == "FILLED"


def test_a_market_order_by_what_it_is_worth(spot: SpotExchange) -> None:
    bought = spot.order("BUY", "MARKET", None, quoteOrderQty="300")
    assert bought["executedQty"] == "0.00999"
    info = spot.ask("GET", "/api/v3/exchangeInfo")["symbols"][0]
    assert info["ocoAllowed"] and info["otoAllowed"] and not info["opoAllowed"]
    spot.ask("POST", "/api/v3/order/test", symbol=SYMBOL, side="BUY", type="MARKET", quantity="1")
    assert spot.ask("GET", "/api/v3/account", omitZeroBalances=True)["canTrade"] is True
