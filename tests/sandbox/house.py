"""A sandbox in a thread of its own, with hands on it: prices, faults, people and accidents."""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx
import uvloop
from websockets.sync.client import ClientConnection, connect

from interlock.market.course import Course
from interlock.sandbox.binance.serving import HOST, KEY, SECRET, Sandbox

SECONDS_MAX = 10
SYMBOL = "BTCUSDT"


class Exchange:
    """USD-M Futures on the wire, as a client that knows its documents would talk to it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=5)

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """A signed request; the answer's JSON, whatever its status."""
        return self.answer(method, path, **params).json()

    def answer(self, method: str, path: str, **params: Any) -> httpx.Response:
        sent = {name: text(value) for name, value in params.items() if value is not None}
        sent.setdefault("timestamp", str(time.time_ns() // 1_000_000))
        query = urlencode(sent)
        signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        headers = {"X-MBX-APIKEY": KEY}
        return self.http.request(method, f"{path}?{query}&signature={signature}", headers=headers)

    def code(self, method: str, path: str, **params: Any) -> int:
        return int(self.ask(method, path, **params)["code"])

    def order(self, side: str, kind: str, quantity: str, **more: Any) -> Any:
        fields = {"symbol": SYMBOL, "side": side, "type": kind, "quantity": quantity, **more}
        return self.ask("POST", "/fapi/v1/order", **fields)

    def algo(self, side: str, kind: str, trigger: str | None, **more: Any) -> Any:
        fields = {"symbol": SYMBOL, "side": side, "type": kind, "triggerPrice": trigger, **more}
        return self.ask("POST", "/fapi/v1/algoOrder", algoType="CONDITIONAL", **fields)

    def do(self, what: str, **body: Any) -> Any:
        return self._control(what, json.dumps(body))

    def faults(self, *faults: dict[str, Any]) -> None:
        self._control("faults", json.dumps(faults))

    def _control(self, what: str, body: str) -> Any:
        answer = self.http.post(f"/sandbox/{what}", content=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def price(self, price: str, quantity: str = "100") -> None:
        self.do("price", symbol=SYMBOL, price=price, quantity=quantity)

    def state(self) -> Any:
        return self.do("state")

    def until(self, done: Callable[[Any], bool]) -> Any:
        """The state, once it is as wanted."""
        end = time.monotonic() + SECONDS_MAX
        while not done(state := self.state()):
            assert time.monotonic() < end, state
        return state

    def position(self, side: str = "BOTH") -> str:
        found = [p for p in self.state()["positions"] if p["positionSide"] == side]
        return str(found[0]["positionAmt"])

    @contextmanager
    def user_stream(self) -> Iterator["Events"]:
        key = self.ask("POST", "/fapi/v1/listenKey")["listenKey"]
        with connect(f"ws://{HOST}:{self.port}/private/ws?listenKey={key}") as stream:
            self.until(lambda state: bool(state["listeners"]))
            yield Events(stream)


class SpotExchange(Exchange):
    """Spot on the wire."""

    fresh_starts = 0

    def order(self, side: str, kind: str, quantity: str | None, **more: Any) -> Any:
        fields = {"symbol": SYMBOL, "side": side, "type": kind, "quantity": quantity, **more}
        return self.ask("POST", "/api/v3/order", **fields)

    def oco(self, side: str, quantity: str, **more: Any) -> Any:
        fields = {"symbol": SYMBOL, "side": side, "quantity": quantity, **more}
        return self.ask("POST", "/api/v3/orderList/oco", **fields)

    def fresh(self, **wallet: str) -> None:
        """Nothing open, 30 000 the price, these balances, no fee."""
        self.fresh_starts += 1
        self.faults()
        self.ask("DELETE", "/api/v3/openOrders", symbol=SYMBOL)
        self.price("30000")
        wallet = {"USDT": "100000", "BTC": "0", **wallet}
        self.do("set", wallet=wallet, fee_bps="0", silent=False, ahead_ms=0, weight=0)

    def balance(self, asset: str) -> tuple[Decimal, Decimal]:
        """Free and locked."""
        (found,) = (b for b in self.state()["balances"] if b["asset"] == asset)
        return Decimal(found["free"]), Decimal(found["locked"])

    @contextmanager
    def subscribed(self, times: int = 1) -> Iterator["Events"]:
        with connect(f"ws://{HOST}:{self.port}/ws-api/v3") as stream:
            for number in range(times):
                asked = {"apiKey": KEY, "timestamp": time.time_ns() // 1_000_000}
                payload = "&".join(f"{name}={value}" for name, value in sorted(asked.items()))
                signed = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
                method = "userDataStream.subscribe.signature"
                params = {**asked, "signature": signed}
                stream.send(json.dumps({"id": number, "method": method, "params": params}))
                answer = json.loads(stream.recv(SECONDS_MAX))
                assert answer["status"] == 200, answer
            yield Events(stream)


class Events:
    """What a stream tells, in its order."""

    def __init__(self, stream: ClientConnection) -> None:
        self.stream = stream
        self.seen: list[dict[str, Any]] = []

    def until(self, done: Callable[[dict[str, Any]], bool]) -> list[str]:
        """Everything up to the event that is wanted, in short."""
        first = len(self.seen)
        while True:
            told = json.loads(self.stream.recv(SECONDS_MAX))
            event = told.get("event", told)
            self.seen.append(event)
            if done(event):
                return [short(one) for one in self.seen[first:]]


def short(event: dict[str, Any]) -> str:
    kind, o = event["e"], event.get("o", {})
    if kind == "ORDER_TRADE_UPDATE":
        return f"order {o['x']} {o['X']} {o['z']}"
    if kind == "ALGO_UPDATE":
        return f"algo {o['X']}"
    if kind == "executionReport":
        why = f" {event['eR']}" if "eR" in event else ""
        return f"{event['C'] or event['c']} {event['x']} {event['X']} {event['z']}{why}"
    if kind == "listStatus":
        return f"list {event['l']} {event['L']}"
    if kind == "ACCOUNT_UPDATE":
        return f"account {' '.join(p['pa'] for p in event['a']['P'])}"
    return str(kind)


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def sandbox(hedge: bool = False, course: Course | None = None) -> Iterator[Exchange]:
    """USD-M whose prices move by hand, beginning at 30 000."""
    with serving(lambda: Sandbox(course or Course(1), 0, hedge, by_hand=True)) as made:
        exchange = Exchange(made.futures_port)
        exchange.price("30000")
        yield exchange
        exchange.http.close()


@contextmanager
def spot_sandbox(
    course: Course | None = None, orders_10s: int | None = None
) -> Iterator[SpotExchange]:
    """Spot whose prices move by hand, beginning at 30 000; with another limit of orders."""
    with serving(lambda: Sandbox(course or Course(1), by_hand=True, spot_port=0)) as made:
        if orders_10s is not None and made.spot is not None:
            made.spot.gate.limits.orders[0].most = orders_10s
        exchange = SpotExchange(made.spot_port)
        exchange.price("30000")
        yield exchange
        exchange.http.close()


@contextmanager
def serving(make: Callable[[], Sandbox]) -> Iterator[Sandbox]:
    """A sandbox in a thread of its own."""
    up = threading.Event()
    made: list[Sandbox] = []
    loops: list[Any] = []

    async def life() -> None:
        loops.append(asyncio.get_running_loop())
        made.append(make())
        await made[0].run(lambda _: up.set())

    thread = threading.Thread(target=lambda: uvloop.run(life()))
    thread.start()
    try:
        assert up.wait(SECONDS_MAX)
        yield made[0]
    finally:
        loops[0].call_soon_threadsafe(made[0].stop)
        thread.join(SECONDS_MAX)
