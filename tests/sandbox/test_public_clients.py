"""Clients that know nothing of us trade here unchanged, but for the addresses they are given."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import ccxt.pro
import pytest
import uvloop
from binance.exceptions import BinanceAPIException

from binance import AsyncClient, BinanceSocketManager
from tests.sandbox.house import (
    HOST,
    KEY,
    SECRET,
    SYMBOL,
    Exchange,
    SpotExchange,
    sandbox,
    spot_sandbox,
)

SECONDS_MAX = 20
UNIFIED = "BTC/USDT"


@pytest.fixture(scope="module")
def spot() -> Iterator[SpotExchange]:
    with spot_sandbox() as exchange:
        exchange.fresh(BTC="1")
        yield exchange


@pytest.fixture(scope="module")
def futures() -> Iterator[Exchange]:
    with sandbox(hedge=True) as exchange:
        yield exchange


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await asyncio.wait_for(story(), SECONDS_MAX)

    uvloop.run(whole())


def test_ccxt_trades_spot(spot: SpotExchange) -> None:
    async def story() -> None:
        options = {"fetchCurrencies": False, "fetchMargins": False}
        options["fetchMarkets"] = {"types": ["spot"]}
        client = ccxt.pro.binance({"apiKey": KEY, "secret": SECRET, "options": options})
        for name in ("public", "private"):
            client.urls["api"][name] = f"{spot.url}/api/v3"
        client.urls["api"]["ws"]["ws-api"]["spot"] = f"ws://{HOST}:{spot.port}/ws-api/v3"
        try:
            watching = asyncio.create_task(client.watch_orders(UNIFIED))
            await until(lambda: asyncio.to_thread(listens, spot))
            placed = await client.create_order(UNIFIED, "limit", "buy", 0.01, 29000)
            (told,) = await watching
            assert (told["id"], told["status"]) == (placed["id"], "open")
            (still,) = await client.fetch_open_orders(UNIFIED)
            assert (still["price"], still["amount"]) == (29000, 0.01)
            gone = await client.cancel_order(placed["id"], UNIFIED)
            assert gone["status"] == "canceled"
            bought = await client.create_order(UNIFIED, "market", "buy", 0.01)
            assert (bought["status"], bought["filled"]) == ("closed", 0.01)
            (trade,) = await client.fetch_my_trades(UNIFIED)
            assert (trade["order"], trade["amount"]) == (bought["id"], 0.01)
            stop = {"stopLossPrice": 29000}
            protected = await client.create_order(UNIFIED, "market", "sell", 0.01, params=stop)
            assert (await client.fetch_order(protected["id"], UNIFIED))["triggerPrice"] == 29000
            legs = {"aboveType": "LIMIT_MAKER", "abovePrice": "31000", "side": "SELL"}
            legs |= {"belowType": "STOP_LOSS", "belowStopPrice": "28000"}
            asked = {"symbol": SYMBOL, "quantity": "0.01", **legs}
            listed = await client.private_post_orderlist_oco(asked)
            assert listed["contingencyType"] == "OCO"
            by = {"symbol": SYMBOL, "orderListId": listed["orderListId"]}
            assert (await client.private_delete_orderlist(by))["listOrderStatus"] == "ALL_DONE"
            with pytest.raises(ccxt.InsufficientFunds):
                await client.create_order(UNIFIED, "market", "sell", 5)
            assert (await client.fetch_balance())["BTC"]["used"] == 0.01
        finally:
            await client.close()

    play(story)


def test_ccxt_trades_futures(futures: Exchange) -> None:
    async def story() -> None:
        options = {"fetchCurrencies": False}
        client = ccxt.pro.binanceusdm({"apiKey": KEY, "secret": SECRET, "options": options})
        for name, version in (("fapiPublic", "v1"), ("fapiPrivate", "v1"), ("fapiPrivateV2", "v2")):
            client.urls["api"][name] = f"{futures.url}/fapi/{version}"
        client.urls["api"]["fapiPrivateV3"] = f"{futures.url}/fapi/v3"
        future, long = f"{UNIFIED}:USDT", {"positionSide": "LONG"}
        try:
            bought = await client.create_order(future, "market", "buy", 0.01, params=long)
            stop = {**long, "stopLossPrice": 29000}
            stopped = await client.create_order(future, "market", "sell", 0.01, params=stop)
            limit = await client.create_order(future, "limit", "sell", 0.01, 31000, long)
            assert (await client.cancel_order(limit["id"], future))["status"] == "canceled"
            assert bought["id"] != stopped["id"]
            (held,) = await client.fetch_positions([future])
            assert (held["contracts"], held["side"]) == (0.01, "long")
        finally:
            await client.close()

    play(story)


def test_python_binance_trades_spot(spot: SpotExchange) -> None:
    async def story() -> None:
        client = AsyncClient(KEY, SECRET)
        client.API_URL = f"{spot.url}/api"
        client.ws_api._url = f"ws://{HOST}:{spot.port}/ws-api/v3"
        try:
            sockets = BinanceSocketManager(client)
            async with sockets.user_socket() as stream:
                mine = {"symbol": SYMBOL, "side": "BUY", "quantity": "0.01"}
                bought = await client.order_market_buy(symbol=SYMBOL, quantity="0.01")
                assert bought["status"] == "FILLED"
                told = await stream.recv()
                assert (told["e"], told["i"]) == ("executionReport", bought["orderId"])
                limit = {**mine, "price": "29000"}
                placed = await client.order_limit_buy(**{**limit, "side": None})
                by = {"symbol": SYMBOL, "orderId": placed["orderId"]}
                assert (await client.cancel_order(**by))["status"] == "CANCELED"
                listed = await client.create_oco_order(
                    symbol=SYMBOL,
                    side="SELL",
                    quantity="0.01",
                    aboveType="LIMIT_MAKER",
                    abovePrice="31000",
                    belowType="STOP_LOSS",
                    belowStopPrice="29000",
                )
                await asyncio.to_thread(spot.price, "31001")
                legs = [one["orderId"] for one in listed["orders"]]
                ended = {one: await client.get_order(symbol=SYMBOL, orderId=one) for one in legs}
                assert sorted(one["status"] for one in ended.values()) == ["EXPIRED", "FILLED"]
                with pytest.raises(BinanceAPIException, match="insufficient balance"):
                    await client.order_market_sell(symbol=SYMBOL, quantity="5")
        finally:
            closing = asyncio.create_task(client.close_connection())
            while not closing.done():  # it would wait ten seconds for a last message
                await asyncio.to_thread(spot.do, "cut")

    play(story)


def test_python_binance_trades_futures(futures: Exchange) -> None:
    async def story() -> None:
        client = AsyncClient(KEY, SECRET)
        client.FUTURES_URL = f"{futures.url}/fapi"
        try:
            sockets = BinanceSocketManager(client)
            sockets.FSTREAM_URL = f"ws://{HOST}:{futures.port}/"
            async with sockets.futures_user_socket() as stream:
                await until(lambda: asyncio.to_thread(listens, futures))
                short = {"symbol": SYMBOL, "positionSide": "SHORT", "quantity": "0.01"}
                await client.futures_create_order(**short, side="SELL", type="MARKET")
                told = await stream.recv()
                assert (told["e"], told["o"]["X"]) == ("ORDER_TRADE_UPDATE", "NEW")
                stop = {**short, "side": "BUY", "type": "STOP_MARKET", "triggerPrice": "32000"}
                placed = await client.futures_create_algo_order(**stop, algoType="CONDITIONAL")
                gone = await client.futures_cancel_algo_order(algoId=placed["algoId"])
                assert gone["code"] == "200"
                silence = {"symbol": SYMBOL, "countdownTime": 60_000}
                armed = await client.futures_countdown_cancel_all(**silence)
                assert armed == {"symbol": SYMBOL, "countdownTime": "60000"}
                assert futures.state()["countdowns"] == [SYMBOL]
                await client.futures_countdown_cancel_all(symbol=SYMBOL, countdownTime=0)
                assert futures.state()["countdowns"] == []
        finally:
            await client.close_connection()

    play(story)


def listens(exchange: Exchange) -> bool:
    return bool(exchange.state()["listeners"])


async def until(done: Callable[[], Awaitable[Any]]) -> None:
    while not await done():
        await asyncio.sleep(0.01)
