"""Spot orders as the exchange tells of them: on REST and on the user stream (VENUES 1.5, 1.6).

Decides the words. Invariant: status and filled quantity of an event are those of its moment, also
when several fills happened in one go.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from interlock.orders.grid import Grid
from interlock.orders.reports import Execution
from interlock.venues.paper.book import Market
from interlock.venues.paper.resting import PaperOrder

ORDER_ID_FIRST = 48_000_000_000
TRADE_ID_FIRST = 5_000_000_000
STOPS = ("STOP_LOSS", "STOP_LOSS_LIMIT")
TARGETS = ("TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
CONDITIONAL = (*STOPS, *TARGETS)
TYPES = ("LIMIT", "MARKET", "LIMIT_MAKER", *CONDITIONAL)
PRICED = ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
OPEN = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")


class Asked(Struct, frozen=True):
    """What a client asked for, in increments of the instrument."""

    symbol: str
    client_id: str
    side: int
    kind: str
    quantity: int
    price: int | None = None
    stop_price: int | None = None
    time_in_force: str = "GTC"
    quote: str = "0"
    """``quoteOrderQty``, as it was asked for."""

    @property
    def side_text(self) -> str:
        return "BUY" if self.side > 0 else "SELL"

    @property
    def conditional(self) -> bool:
        return self.kind in CONDITIONAL


class Paid(Struct, frozen=True):
    """One fill with what it cost."""

    trade_id: int
    at: int
    price: int
    quantity: int
    fee: Decimal
    asset: str
    maker: bool


class Order(Struct, eq=False):
    """One order; ``paper`` once it is on the book. Times are milliseconds."""

    asked: Asked
    order_id: int
    market: Market
    time: int
    updated: int
    client_id: str
    quantity: int
    status: str = "NEW"
    list_id: int = -1
    paper: PaperOrder | None = None
    told: int = 0
    value: int = 0
    """Price times quantity of what was told."""
    fills: list[Paid] = []
    reason: str = ""
    """Why it expired, as ``eR`` has it."""
    refused: str = "NONE"
    """Why it was rejected, as ``r`` has it."""
    working_since: int = -1

    @property
    def grid(self) -> Grid:
        return self.market.grid

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def pending(self) -> bool:
        return self.status == "PENDING_NEW"

    @property
    def waits(self) -> bool:
        """It waits for its trigger."""
        return self.status == "NEW" and self.asked.conditional and self.paper is None

    @property
    def leaves(self) -> int:
        return self.quantity - self.told

    def common(self) -> dict[str, Any]:
        asked, grid = self.asked, self.grid
        shown = {
            "price": text(grid, asked.price),
            "origQty": grid.quantity_text(self.quantity),
            "executedQty": grid.quantity_text(self.told),
            "origQuoteOrderQty": asked.quote,
            "cummulativeQuoteQty": grid.money_text(self.value),
            "status": self.status,
            "timeInForce": asked.time_in_force,
            "type": asked.kind,
            "side": asked.side_text,
            "selfTradePreventionMode": "NONE",
        }
        if asked.stop_price is not None:
            shown["stopPrice"] = text(grid, asked.stop_price)
        if self.reason:
            shown["expiryReason"] = self.reason
        return shown

    def named(self) -> dict[str, Any]:
        return {
            "symbol": self.asked.symbol,
            "orderId": self.order_id,
            "orderListId": self.list_id,
            "clientOrderId": self.client_id,
        }

    def view(self) -> dict[str, Any]:
        """As a query shows it."""
        return {
            **self.named(),
            "stopPrice": "0",
            **self.common(),
            "icebergQty": "0",
            "time": self.time,
            "updateTime": self.updated,
            "isWorking": self.working_since >= 0,
            "workingTime": self.working_since,
        }

    def placed(self, detail: str) -> dict[str, Any]:
        """As the placement answers: ``ACK``, ``RESULT`` or ``FULL``."""
        shown = {**self.named(), "transactTime": self.updated}
        if detail == "ACK":
            return shown
        shown |= {**self.common(), "workingTime": self.working_since}
        if detail == "FULL":
            shown["fills"] = [
                {
                    "price": self.grid.price_text(one.price),
                    "qty": self.grid.quantity_text(one.quantity),
                    "commission": plain(one.fee),
                    "commissionAsset": one.asset,
                    "tradeId": one.trade_id,
                }
                for one in self.fills
            ]
        return shown

    def canceled(self, by: str) -> dict[str, Any]:
        """As a cancel answers: the request's own id, and the order's as the original one."""
        return {
            **self.named(),
            "origClientOrderId": self.client_id,
            "clientOrderId": by,
            "transactTime": self.updated,
            **self.common(),
        }

    def event(
        self, kind: str, at: int, execution_id: int, fill: Paid | None = None, by: str = ""
    ) -> dict[str, Any]:
        """An ``executionReport``; ``by`` is the id of the request that canceled or replaced it."""
        asked, grid = self.asked, self.grid
        told: dict[str, Any] = {
            "e": "executionReport",
            "E": at,
            "s": asked.symbol,
            "c": by or self.client_id,
            "S": asked.side_text,
            "o": asked.kind,
            "f": asked.time_in_force,
            "q": grid.quantity_text(self.quantity),
            "p": text(grid, asked.price),
            "P": text(grid, asked.stop_price),
            "F": "0",
            "g": self.list_id,
            "C": self.client_id if by else "",
            "x": kind,
            "X": self.status,
            "r": self.refused,
            "i": self.order_id,
            "l": grid.quantity_text(fill.quantity if fill else 0),
            "z": grid.quantity_text(self.told),
            "L": grid.price_text(fill.price) if fill else "0",
            "n": plain(fill.fee) if fill else "0",
            "N": fill.asset if fill else None,
            "T": at,
            "t": fill.trade_id if fill else -1,
            "I": execution_id,
            "w": self.open and self.working_since >= 0,
            "m": bool(fill and fill.maker),
            "M": False,
            "O": self.time,
            "Z": grid.money_text(self.value),
            "Y": grid.money_text(fill.price * fill.quantity if fill else 0),
            "Q": asked.quote,
            "V": "NONE",
        }
        if self.working_since >= 0:
            told["W"] = self.working_since
        if self.reason:
            told["eR"] = self.reason
        return told


def text(grid: Grid, price: int | None) -> str:
    return "0" if price is None else grid.price_text(price)


def plain(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("0.00000001")), "f")


def trade_id(fill: Execution) -> int:
    return TRADE_ID_FIRST + int(fill.exec_id.rpartition("-")[2])
