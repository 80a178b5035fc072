"""A sandbox in a thread of its own, with hands on it: prices, faults, people and accidents."""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


class Events:
    """What a stream tells, in its order."""

    def __init__(self, stream: ClientConnection) -> None:
        self.stream = stream
        self.seen: list[dict[str, Any]] = []

    def until(self, done: Callable[[dict[str, Any]], bool]) -> list[str]:
        """Everything up to the event that is wanted, in short."""
        first = len(self.seen)
        while True:
            event = json.loads(self.stream.recv(SECONDS_MAX))
            self.seen.append(event)
            if done(event):
                return [short(one) for one in self.seen[first:]]


def short(event: dict[str, Any]) -> str:
    kind, o = event["e"], event.get("o", {})
    if kind == "ORDER_TRADE_UPDATE":
        return f"order {o['x']} {o['X']} {o['z']}"
    if kind == "ALGO_UPDATE":
        return f"algo {o['X']}"
    if kind == "ACCOUNT_UPDATE":
        return f"account {' '.join(p['pa'] for p in event['a']['P'])}"
    return str(kind)


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def sandbox(hedge: bool = False, course: Course | None = None) -> Iterator[Exchange]:
    """A sandbox whose prices move by hand, beginning at 30 000."""
    up = threading.Event()
    made: list[Sandbox] = []
    loops: list[Any] = []

    async def life() -> None:
        loops.append(asyncio.get_running_loop())
        made.append(Sandbox(course or Course(1), 0, hedge, by_hand=True))
        await made[0].run(lambda _: up.set())

    thread = threading.Thread(target=lambda: uvloop.run(life()))
    thread.start()
    try:
        assert up.wait(SECONDS_MAX)
        exchange = Exchange(made[0].futures_port)
        exchange.price("30000")
        yield exchange
        exchange.http.close()
    finally:
        loops[0].call_soon_threadsafe(made[0].stop)
        thread.join(SECONDS_MAX)
