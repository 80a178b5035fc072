"""``POST /v1/kill`` at a double of Binance, through the product's own server: until it is empty.

Three processes: the double (``interlock sandbox binance``), the server (``interlock serve``), and
the client here. Orders of every family the market has rest there: regular ones, ones that wait for
a trigger, and on Spot pairs; one of somebody else's lies among them. Measured is from before the
kill is sent until an answer says that every venue was seen empty, and how many requests the
exchange has counted by then. ``faults``: among the cancels and lists are lost replies, requests
that never arrive, a 503 of unknown outcome, and a 429.
"""

import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from bench.recalls import note
from interlock.client import Client
from interlock.client.words import limit, oco, placement, stop
from interlock.sandbox.binance.serving import KEY, SECRET

ORDERS, QUICK = 300, 24
SECONDS_MAX = 180
SYMBOL = "BTCUSDT"
ADDRESS = re.compile(r"REST +http://(\S+:\d+)/")
API = re.compile(r"API +(http://\S+)/v1")
PASSWORD = re.compile(r"shown this once: (\S+)")
UNKNOWN_503 = '{"code":-1,"msg":"Unknown error, please check your request or try again later."}'
THROTTLED = {"status": 429, "body": '{"code":-1003,"msg":"Too many requests"}'}
OPEN = {
    "futures": ("/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders"),
    "spot": ("/api/v3/openOrders",),
}
CANCEL = {
    "futures": ("/fapi/v1/order", "/fapi/v1/algoOrder"),
    "spot": ("/api/v3/order",),
}


class Double:
    """The exchange's own side, with hands on it."""

    def __init__(self, market: str, address: str) -> None:
        self.market = market
        self.address = address
        self.http = httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=30)
        self.asked = 0
        """Requests that the exchange has counted and that were made here."""

    def do(self, what: str, body: Any = None) -> Any:
        answer = self.http.post(f"/sandbox/{what}", content=json.dumps(body or {}))
        answer.raise_for_status()
        return answer.json()

    def signed(self, method: str, path: str, **params: str) -> Any:
        query = urlencode({**params, "timestamp": str(time.time_ns() // 1_000_000)})
        signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        url, headers = f"{path}?{query}&signature={signature}", {"X-MBX-APIKEY": KEY}
        self.asked += 1
        return self.http.request(method, url, headers=headers).raise_for_status().json()

    def stranger(self) -> None:
        """Somebody else's order, a far cry from the market."""
        order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        path = CANCEL[self.market][0]
        more = {"quantity": "0.01", "price": "29000", "newClientOrderId": "web_1"}
        self.signed("POST", path, **order, **more)

    def names(self) -> list[str]:
        """Every open order by its client id, of every family."""
        state = self.do("state")
        found = [one["clientOrderId"] for one in state["open_orders"]]
        return found + [one["clientAlgoId"] for one in state.get("open_algos", ())]

    def requests(self) -> int:
        return int(self.do("state")["requests"]) - self.asked


class Rehearsal:
    """A server that trades at a double, each a process of its own."""

    def __init__(self, double: Double, client: Client) -> None:
        self.double = double
        self.client = client

    def place(self, count: int) -> None:
        """So many venue orders at the exchange, of every family, and somebody else's."""
        nodes = list(orders(self.double.market, count))
        bodies = [placement(node, f"k{number}") for number, node in enumerate(nodes)]
        done = self.client.place_many(bodies)
        assert done.refused == 0, done
        self.double.stranger()
        end = time.monotonic() + SECONDS_MAX
        while (there := len(self.double.names())) != count + 1:
            assert time.monotonic() < end, (there, count)
            time.sleep(0.05)

    def fault(self) -> None:
        """The faults of a bad day, while everything is recalled."""
        first, lists = CANCEL[self.double.market], OPEN[self.double.market]
        coming: list[dict[str, Any]] = [{"on": f"GET {lists[-1]}", "status": 502}]
        for path in first:
            on = f"DELETE {path}"
            coming += [
                {"on": on, "carried": "before", "times": 3},
                {"on": on, "times": 2, "skip": 2},
                {"on": on, "status": 503, "body": UNKNOWN_503, "times": 2},
                {"on": on, **THROTTLED},
            ]
        self.double.do("faults", coming)

    def kill(self) -> dict[str, Any]:
        """Stop trading, and ask until every venue was seen empty."""
        requests, begun, answers = self.double.requests(), time.monotonic(), 0
        first = 0.0
        while True:
            killed = self.client.kill(why="measured", flatten=True)
            answers += 1
            first = first or time.monotonic() - begun
            if all(one.complete and not one.left for one in killed.venues):
                break
            assert time.monotonic() - begun < SECONDS_MAX, killed
        seconds = time.monotonic() - begun
        return {
            "seconds": round(seconds, 2),
            "requests": self.double.requests() - requests,
            "answers": answers,
            "first answer, s": round(first, 2),
        }


def orders(market: str, count: int) -> Iterator[dict[str, Any]]:
    """As many venue orders, of every family: the first kinds of what the market has."""
    at = f"{SYMBOL}.{'USDM' if market == 'futures' else 'SPOT'}"
    pairs = count // 10 if market == "spot" else 0
    stops = count // 2 if market == "futures" else count // 10
    for number in range(pairs):
        yield oco(
            limit(str(29_500 - number), buy="0.004", instrument=at, hold="venue"),
            stop(str(30_500 + number), buy="0.004", instrument=at, hold="venue"),
            on_partial_fill="cancel",
        )
    for number in range(stops):
        yield stop(str(30_700 + number), buy="0.004", instrument=at, hold="venue")
    for number in range(count - stops - 2 * pairs):
        yield limit(str(29_400 - number), buy="0.004", instrument=at)


@contextmanager
def rehearsal(market: str) -> Iterator[Rehearsal]:
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="interlock-kill-")))
        known = {k: v for k, v in os.environ.items() if not k.startswith("INTERLOCK_")}
        double = ending.enter_context(
            spoken("sandbox", "binance", f"--{market}", "0", "--by-hand", env=known)
        )
        (address,) = heard(double, ADDRESS)
        hands = Double(market, address)
        ending.callback(hands.http.close)
        hands.do("price", {"symbol": SYMBOL, "price": "30000", "quantity": "100"})
        env = known | {
            "INTERLOCK_VENUE_KIND": f"binance-{market}",
            "INTERLOCK_VENUE_ADDRESS": address,
            "INTERLOCK_VENUE_SYMBOLS": json.dumps([SYMBOL]),
        }
        name = ("credentials", "set", "BINANCE", "--environment", "paper", "--data", str(folder))
        subprocess.run(
            command(*name),
            env=env,
            input=f"{KEY}\n{SECRET}\n",
            text=True,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        server = ending.enter_context(
            spoken("serve", "--port", "0", "--data", str(folder), env=env)
        )
        url, password = heard(server, API, PASSWORD)
        with Client(url, "", "") as admin:
            admin.login(password)
            made = admin.keys.make("kill", ["read", "trade"])
        client = ending.enter_context(Client(url, made.key.id, made.secret, timeout_s=30))
        hands.do("price", {"symbol": SYMBOL, "price": "30000", "quantity": "100"})
        yield Rehearsal(hands, client)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "interlock", *arguments]


@contextmanager
def spoken(*arguments: str, env: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(command(*arguments), env=env, stdout=subprocess.PIPE, text=True) as it:
        try:
            yield it
        finally:
            it.terminate()
            it.communicate(timeout=30)


def heard(process: "subprocess.Popen[str]", *wanted: re.Pattern[str]) -> list[str]:
    """What it says of each, once it has said all of it."""
    assert process.stdout is not None
    found: dict[re.Pattern[str], str] = {}
    for line in process.stdout:
        found |= {one: match[1] for one in wanted if (match := one.search(line))}
        if len(found) == len(wanted):
            return [found[one] for one in wanted]
    raise AssertionError(f"it ended with {process.wait(30)}")


def run(quick: bool, orders: int | None = None) -> list[dict[str, Any]]:
    """Quick: one market on a good day."""
    count = orders or (QUICK if quick else ORDERS)
    rows = []
    for market in ("futures",) if quick else ("futures", "spot"):
        for faults in (False,) if quick else (False, True):
            note(f"    {market}, {count} orders{', with faults' if faults else ''}")
            with rehearsal(market) as one:
                figures = played(one, count, faults)
            day = "bad" if faults else "good"
            rows.append({"market": market, "day": day, "orders": count, **figures})
    return rows


def played(one: Rehearsal, count: int, faults: bool) -> dict[str, Any]:
    one.place(count)
    if faults:
        one.fault()
    figures = one.kill()
    assert one.double.names() == ["web_1"], "nothing of ours, and nobody else's touched"
    assert one.double.do("state")["faults"] == [], "every fault has struck"
    return figures
