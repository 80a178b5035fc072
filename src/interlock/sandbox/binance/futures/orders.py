"""Orders of the matching engine, as USD-M tells of them: on REST and on the user stream.

Decides the words. Invariant: status and filled quantity of an event are those of its moment, also
when several fills happened in one go.
"""

from typing import Any

from msgspec import Struct

from interlock.orders.grid import Grid
from interlock.orders.legs import PositionSide, TimeInForce
from interlock.orders.reports import Execution
from interlock.orders.requests import VenueOrderType
from interlock.venues.paper.resting import PaperOrder

ORDER_ID_FIRST = 8_389_765_000_000_000
TRADE_ID_FIRST = 300_000_000
NOT_MODIFIED = "NONE"


class Asked(Struct, frozen=True):
    """What a client asked for, in the exchange's words where these are told back."""

    symbol: str
    client_id: str
    side: int
    kind: str
    """Type as it was asked for: ``LIMIT``, ``MARKET``, or that of an algo order."""
    order_type: VenueOrderType
    position_side: str
    quantity: int
    price: int | None = None
    time_in_force: str = "GTC"
    reduce_only: bool = False
    close_position: bool = False
    working_type: str = "CONTRACT_PRICE"
    expire_at: int | None = None
    trigger_price: int | None = None

    @property
    def hedge_side(self) -> PositionSide | None:
        return None if self.position_side == "BOTH" else PositionSide(self.position_side.lower())

    @property
    def side_text(self) -> str:
        return "BUY" if self.side > 0 else "SELL"


class Order(Struct):
    """One order of the matching engine and how far it has been told."""

    asked: Asked
    paper: PaperOrder
    order_id: int
    time: int
    """Milliseconds, as all times here."""
    updated: int
    told: int = 0
    value: int = 0
    """Price times quantity of what was told."""
    status: str = "NEW"
    expiry_reason: int = 0

    @property
    def grid(self) -> Grid:
        return self.paper.market.grid

    @property
    def average(self) -> str:
        """The average fill price so far, with the usual zero for none."""
        if not self.told:
            return "0.00"
        return self.grid.price_text(round(self.value / self.told))

    def view(self, full: bool = True) -> dict[str, Any]:
        """As REST shows it; placement answers, not ``full``, have no averages since 2026-07."""
        asked, grid, paper = self.asked, self.grid, self.paper
        shown = {
            "orderId": self.order_id,
            "symbol": asked.symbol,
            "status": self.status,
            "clientOrderId": asked.client_id,
            "price": text(grid, paper.price),
            "origQty": grid.quantity_text(paper.quantity),
            "executedQty": grid.quantity_text(self.told),
            "timeInForce": asked.time_in_force,
            "type": asked.order_type.value.upper(),
            "origType": asked.kind,
            "reduceOnly": asked.reduce_only,
            "closePosition": asked.close_position,
            "side": asked.side_text,
            "positionSide": asked.position_side,
            "stopPrice": text(grid, asked.trigger_price),
            "workingType": asked.working_type,
            "priceProtect": False,
            "priceMatch": "NONE",
            "selfTradePreventionMode": "EXPIRE_MAKER",
            "goodTillDate": (asked.expire_at or 0) // 1_000_000,
            "updateTime": self.updated,
        }
        if full:
            shown["time"] = self.time
            shown["avgPrice"] = self.average
            shown["cumQuote"] = grid.money_text(self.value)
        return shown

    def event(
        self, kind: str, at: int, fill: Execution | None = None, profit: str = "0"
    ) -> dict[str, Any]:
        """An ``ORDER_TRADE_UPDATE`` (VENUES 2.6)."""
        asked, grid, paper = self.asked, self.grid, self.paper
        detail = {
            "s": asked.symbol,
            "c": asked.client_id,
            "S": asked.side_text,
            "o": asked.order_type.value.upper(),
            "f": asked.time_in_force,
            "q": grid.quantity_text(paper.quantity),
            "p": text(grid, paper.price),
            "ap": self.average,
            "sp": text(grid, asked.trigger_price),
            "x": kind,
            "X": self.status,
            "i": self.order_id,
            "l": grid.quantity_text(fill.quantity if fill else 0),
            "z": grid.quantity_text(self.told),
            "L": grid.price_text(fill.price) if fill else "0",
            "n": grid.money_text(fill.fee) if fill else "0",
            "N": "USDT",
            "T": at,
            "t": trade_id(fill.exec_id) if fill else 0,
            "b": "0",
            "a": "0",
            "m": bool(fill and fill.maker),
            "R": asked.reduce_only,
            "wt": asked.working_type,
            "ot": asked.kind,
            "ps": asked.position_side,
            "cp": asked.close_position,
            "rp": profit,
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": "EXPIRE_MAKER",
            "pm": "NONE",
            "gtd": (asked.expire_at or 0) // 1_000_000,
            "er": str(self.expiry_reason),
        }
        return {"e": "ORDER_TRADE_UPDATE", "E": at, "T": at, "o": detail}


def text(grid: Grid, price: int | None) -> str:
    return "0" if price is None else grid.price_text(price)


def trade_id(exec_id: str) -> int:
    return TRADE_ID_FIRST + int(exec_id.rpartition("-")[2])


TIME_IN_FORCE = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "GTX": TimeInForce.GTC,
    "GTD": TimeInForce.GTD,
}
