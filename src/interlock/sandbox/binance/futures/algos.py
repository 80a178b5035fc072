"""The Algo Service: conditional orders, which live here until they trigger (VENUES 2.1 to 2.3).

Decides when one triggers. Invariant: it takes no margin and knows no position until then; an order
that triggered is over here only when the order it became is.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from interlock.orders.grid import Grid
from interlock.sandbox.binance.futures.orders import Asked, Order, text

ALGO_ID_FIRST = 9_100_000_000_000_000
"""Above 2^53: a client that reads them as floating point loses digits."""
STOPS = ("STOP", "STOP_MARKET")
TARGETS = ("TAKE_PROFIT", "TAKE_PROFIT_MARKET")
TRAILING = "TRAILING_STOP_MARKET"
CONDITIONAL = (*STOPS, *TARGETS, TRAILING)
LIMITS = ("STOP", "TAKE_PROFIT")
RATE_SCALE = 10_000
"""A callback rate is kept in hundredths of a percent."""


class Algo(Struct):
    """One conditional order."""

    asked: Asked
    algo_id: int
    grid: Grid
    created: int
    updated: int
    status: str = "NEW"
    activation: int | None = None
    rate: int = 0
    active: bool = False
    extreme: int = 0
    triggered_at: int = 0
    reason: str = ""
    guards: bool = False
    """It closes a position that has been there since."""
    order: Order | None = None

    @property
    def open(self) -> bool:
        return self.status == "NEW"

    def due(self, price: int) -> bool:
        """Whether this price triggers it; a trailing one takes note of it."""
        kind, side = self.asked.kind, self.asked.side
        if kind != TRAILING:
            assert self.asked.trigger_price is not None
            toward = side if kind in STOPS else -side
            return (price - self.asked.trigger_price) * toward >= 0
        if not self.active:
            if self.activation is not None and (price - self.activation) * side > 0:
                return False
            self.active, self.extreme = True, price
        self.extreme = min(self.extreme, price) if side > 0 else max(self.extreme, price)
        back = abs(price - self.extreme) * RATE_SCALE
        return back >= self.extreme * self.rate and price != self.extreme

    def view(self) -> dict[str, Any]:
        asked, order = self.asked, self.order
        return {
            "algoId": self.algo_id,
            "clientAlgoId": asked.client_id,
            "algoType": "CONDITIONAL",
            "orderType": asked.kind,
            "symbol": asked.symbol,
            "side": asked.side_text,
            "positionSide": asked.position_side,
            "timeInForce": asked.time_in_force,
            "quantity": self.grid.quantity_text(asked.quantity),
            "algoStatus": self.status,
            "actualOrderId": str(order.order_id) if order else "",
            "actualPrice": order.average if order else "0.00000",
            "actualQty": self.grid.quantity_text(order.told if order else 0),
            "triggerPrice": text(self.grid, asked.trigger_price),
            "price": text(self.grid, asked.price),
            "icebergQuantity": None,
            "tpTriggerPrice": "0.000",
            "tpPrice": "0.000",
            "slTriggerPrice": "0.000",
            "slPrice": "0.000",
            "tpOrderType": "",
            "selfTradePreventionMode": "NONE",
            "workingType": asked.working_type,
            "priceMatch": "NONE",
            "closePosition": asked.close_position,
            "priceProtect": False,
            "reduceOnly": asked.reduce_only,
            "activatePrice": text(self.grid, self.activation),
            "callbackRate": format(self.rate / 100, ".1f"),
            "createTime": self.created,
            "updateTime": self.updated,
            "triggerTime": self.triggered_at,
            "goodTillDate": (asked.expire_at or 0) // 1_000_000,
        }

    def event(self, at: int) -> dict[str, Any]:
        """An ``ALGO_UPDATE`` (VENUES 2.3)."""
        asked, order = self.asked, self.order
        detail = {
            "caid": asked.client_id,
            "aid": self.algo_id,
            "at": "CONDITIONAL",
            "o": asked.kind,
            "s": asked.symbol,
            "S": asked.side_text,
            "ps": asked.position_side,
            "f": asked.time_in_force,
            "q": self.grid.quantity_text(asked.quantity),
            "X": self.status,
            "ai": str(order.order_id) if order else "",
            "ap": order.average if order else "0",
            "aq": self.grid.quantity_text(order.told if order else 0),
            "act": asked.order_type.value.upper() if order else "0",
            "tp": text(self.grid, asked.trigger_price),
            "p": text(self.grid, asked.price),
            "V": "NONE",
            "wt": asked.working_type,
            "pm": "NONE",
            "cp": asked.close_position,
            "pP": False,
            "R": asked.reduce_only,
            "tt": self.triggered_at,
            "gtd": (asked.expire_at or 0) // 1_000_000,
            "ia": self.active,
        }
        if self.reason:
            detail["rm"] = self.reason
        return {"e": "ALGO_UPDATE", "E": at, "T": at, "o": detail}


class AlgoBook:
    """Every algo order of the account, open and done."""

    def __init__(self) -> None:
        self._by_id: dict[int, Algo] = {}
        self._by_client: dict[str, Algo] = {}
        self._open: dict[int, Algo] = {}

    def next_id(self) -> int:
        return ALGO_ID_FIRST + len(self._by_id) + 1

    def add(self, algo: Algo) -> None:
        self._by_id[algo.algo_id] = self._open[algo.algo_id] = algo
        self._by_client[algo.asked.client_id] = algo

    def close(self, algo: Algo, status: str, at: int) -> None:
        algo.status, algo.updated = status, at
        self._open.pop(algo.algo_id, None)

    def find(self, algo_id: int | None, client_id: str | None) -> Algo | None:
        if algo_id is not None:
            return self._by_id.get(algo_id)
        return self._by_client.get(client_id or "")

    def of_order(self, order: Order) -> Algo | None:
        """The algo order that became this order."""
        algo = self._by_client.get(order.asked.client_id)
        return algo if algo is not None and algo.order is order else None

    def waiting(self, symbol: str | None = None) -> list[Algo]:
        return [a for a in self._open.values() if symbol in (None, a.asked.symbol)]

    def all(self, symbol: str) -> list[Algo]:
        return [a for a in self._by_id.values() if a.asked.symbol == symbol]

    def due(self, symbol: str, working_type: str, price: int) -> Iterator[Algo]:
        for algo in self.waiting(symbol):
            if algo.asked.working_type == working_type and algo.due(price):
                yield algo
