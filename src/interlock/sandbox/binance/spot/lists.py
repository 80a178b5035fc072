"""Order lists: which orders belong together and how a list is told (VENUES 1.1, 1.5).

Decides the words of a list. Invariant: a list is done when each of its orders is.
"""

from typing import Any

from msgspec import Struct

from interlock.sandbox.binance.spot.orders import Order

LIST_ID_FIRST = 1_200


class OrderList(Struct, eq=False):
    """One list: ``working`` is the order the ``pair`` waits for; an OCO has none."""

    list_id: int
    client_id: str
    symbol: str
    at: int
    working: Order | None
    pair: tuple[Order, ...]
    """The pending orders of an OTO or OTOCO, the legs of an OCO."""
    done: bool = False

    @property
    def orders(self) -> tuple[Order, ...]:
        return self.pair if self.working is None else (self.working, *self.pair)

    def sibling(self, order: Order) -> Order | None:
        """The other leg of the one that cancels the other, if this order is such a leg."""
        if len(self.pair) < 2 or order is self.working:
            return None
        first, second = self.pair
        return second if order is first else first

    def view(self) -> dict[str, Any]:
        return {
            "orderListId": self.list_id,
            "contingencyType": "OCO" if self.working is None else "OTO",
            "listStatusType": "ALL_DONE" if self.done else "EXEC_STARTED",
            "listOrderStatus": "ALL_DONE" if self.done else "EXECUTING",
            "listClientOrderId": self.client_id,
            "transactionTime": self.at,
            "symbol": self.symbol,
            "orders": [
                {
                    "symbol": order.asked.symbol,
                    "orderId": order.order_id,
                    "clientOrderId": order.client_id,
                }
                for order in self.orders
            ],
        }

    def event(self, at: int, kind: str = "") -> dict[str, Any]:
        """A ``listStatus``; it carries no statuses of legs."""
        shown = self.view()
        return {
            "e": "listStatus",
            "E": at,
            "s": self.symbol,
            "g": self.list_id,
            "c": shown["contingencyType"],
            "l": kind or shown["listStatusType"],
            "L": shown["listOrderStatus"],
            "r": "NONE",
            "C": self.client_id,
            "T": at,
            "O": [
                {"s": self.symbol, "i": order.order_id, "c": order.client_id}
                for order in self.orders
            ],
        }
