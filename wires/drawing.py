"""What happens in one world over the wire, drawn from its seed.

Decides orders, prices, faults, accidents and other people's hands. Invariant: the seed alone
decides what is drawn; when each thing meets the sockets is real time and is not.
"""

from random import Random
from typing import Any

from interlock.sandbox.binance.faults import Carried, Fault

SYMBOL, INSTRUMENT = "BTCUSDT", "BTCUSDT.USDM"
FIRST = 3_000_000
"""The first price, in increments."""
STEPS = (25, 60)
"""How many things happen."""
UNKNOWN = '{"code":-1,"msg":"Unknown error, please check your request or try again later."}'
UNAVAILABLE = '{"code":-1,"msg":"Service Unavailable."}'
THROTTLED = '{"code":-1008,"msg":"Request throttled by system-level protection."}'
INTERNAL = '{"code":-1,"msg":"Internal error; unable to process your request. Please try again."}'
LATE = '{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'
TIMEOUT = '{"code":-1007,"msg":"Timeout waiting for response from backend server."}'
LIMITED = '{"code":-1003,"msg":"Too many requests"}'
GONE = '{"code":-2011,"msg":"Unknown order sent."}'
TROUBLES: tuple[dict[str, Any], ...] = (
    {},
    {"carried": Carried.BEFORE},
    {"carried": Carried.AFTER, "delay_ms": 150},
    {"status": 503, "body": UNKNOWN},
    {"status": 503, "body": UNKNOWN, "carried": Carried.BEFORE},
    {"status": 503, "body": UNAVAILABLE},
    {"status": 503, "body": INTERNAL},
    {"status": 503, "body": THROTTLED},
    {"status": 502, "body": "<html>Bad Gateway</html>", "carried": Carried.BEFORE},
    {"status": 408, "body": TIMEOUT, "carried": Carried.AFTER, "delay_ms": 100},
    {"status": 400, "body": LATE},
    {"status": 429, "body": LIMITED},
    {"late": True, "delay_ms": 250},
)
ASKED = (
    "POST /fapi/v1/order",
    "POST /fapi/v1/order",
    "POST /fapi/v1/algoOrder",
    "POST /fapi/v1/algoOrder",
    "DELETE /fapi/v1/order",
    "DELETE /fapi/v1/algoOrder",
    "PUT /fapi/v1/order",
    "GET /fapi/v1/order",
    "GET /fapi/v1/algoOrder",
    "GET /fapi/v1/openOrders",
    "GET /fapi/v1/openAlgoOrders",
    "GET /fapi/v1/userTrades",
)


def fault(rng: Random) -> Fault:
    on = rng.choice(ASKED)
    trouble = dict(rng.choice(TROUBLES))
    if on.startswith("DELETE") and rng.random() < 0.2:
        trouble = {"status": 400, "body": GONE}
    return Fault(on, skip=rng.randrange(3), times=rng.choice((1, 1, 1, 2)), **trouble)


def order(rng: Random, hedge: bool, price: int, instrument: str = INSTRUMENT) -> dict[str, Any]:
    """A bracket, or an entry with a stop alone."""
    long = rng.random() < 0.6
    side = {"side": "buy" if long else "sell"}
    if hedge:
        side["position_side"] = "long" if long else "short"
    kind = rng.choice(("market", "market", "limit", "stop"))
    entry: dict[str, Any] = {
        "type": kind,
        "instrument": instrument,
        "quantity": f"0.0{rng.randrange(1, 60):02}",
        **side,
    }
    away = rng.randrange(5, 40) * (-1 if long else 1) * price // 10_000
    if kind == "limit":
        entry["price"] = text(price + away)
    if kind == "stop":
        entry["trigger_price"] = text(price - away)
        entry["hold"] = rng.choice(("engine", "venue"))
    made: dict[str, Any] = {
        "type": "bracket",
        "entry": entry,
        "stop_loss": stop(rng),
    }
    if rng.random() < 0.85:
        made["take_profit"] = {
            "type": "limit",
            "price": {"from_entry": {"bps": rng.randrange(20, 120)}},
        }
    return made


def stop(rng: Random) -> dict[str, Any]:
    bps = rng.randrange(20, 120)
    kind = rng.choice(("stop", "stop", "stop", "trailing_stop"))
    if kind == "trailing_stop":
        return {"type": "trailing_stop", "trail": {"bps": bps}}
    return {
        "type": "stop",
        "trigger_price": {"from_entry": {"bps": -bps}},
        "hold": rng.choice(("engine", "venue", "venue")),
    }


def moved(rng: Random, price: int) -> tuple[int, int]:
    """The next price, and how much is traded there: often too little to fill everything."""
    bps = rng.choice((2, 5, 10, 30, 60, 150))
    move = rng.randrange(-bps, bps + 1) * price // 10_000
    return max(1_000_000, price + move), rng.choice((500, 2_000, 10_000, 10_000_000))


def text(price: int) -> str:
    return f"{price // 100}.{price % 100:02}"
