"""Orders of the paper exchange, and ladders that keep open ones in the order they are due.

Decides what is remembered of an order. Invariant: an open order stands in exactly one ladder, or
in none while it is being entered; a done order stands in none.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from interlock.orders.reports import Execution, VenueStatus
from interlock.orders.requests import SubmitVenueOrder, VenueOrderType

if TYPE_CHECKING:
    from interlock.venues.paper.book import Market

STOPS = (VenueOrderType.STOP, VenueOrderType.STOP_LIMIT)
LIMITS = (VenueOrderType.LIMIT, VenueOrderType.STOP_LIMIT)


class PaperOrder:
    """One order the venue has accepted, and all that became of it."""

    __slots__ = (
        "accepted_at",
        "cum",
        "ended_at",
        "fill_times",
        "fills",
        "key",
        "ladder",
        "market",
        "pending",
        "price",
        "quantity",
        "queue_ahead",
        "releases",
        "seq",
        "sibling",
        "status",
        "submit",
        "trigger_price",
        "triggered",
        "venue_id",
        "waits_for",
    )

    def __init__(
        self, submit: SubmitVenueOrder, market: Market, venue_id: str, seq: int, at: int = 0
    ) -> None:
        self.submit = submit
        self.market = market
        self.venue_id = venue_id
        self.seq = seq
        self.quantity = submit.quantity
        self.price = submit.price if submit.order_type in LIMITS else None
        self.trigger_price = submit.trigger_price
        self.triggered = submit.order_type not in STOPS
        self.cum = 0
        self.fills: list[Execution] = []
        self.fill_times: list[int] = []
        self.accepted_at = at
        self.ended_at = 0
        self.status = VenueStatus.WORKING
        self.queue_ahead = 0
        self.sibling: PaperOrder | None = None
        self.pending = False
        """In the list of an entry, and nowhere else: it is due when that has filled completely."""
        self.waits_for: PaperOrder | None = None
        self.releases: tuple[PaperOrder, ...] = ()
        self.ladder: Ladder | None = None
        self.key = 0

    @property
    def client_id(self) -> str:
        return self.submit.client_id

    @property
    def side(self) -> int:
        return self.submit.side

    @property
    def open(self) -> bool:
        return self.status is VenueStatus.WORKING

    @property
    def leaves(self) -> int:
        return self.quantity - self.cum

    @property
    def rests_as_limit(self) -> bool:
        return self.open and self.triggered and self.price is not None and not self.pending

    def __repr__(self) -> str:
        side = "buy" if self.side > 0 else "sell"
        at = "" if self.price is None else f" @ {self.price}"
        stop = "" if self.triggered else f" stop {self.trigger_price}"
        return f"<{self.client_id} {side} {self.cum}/{self.quantity}{at}{stop} {self.status.value}>"


class Ladder:
    """Open orders by (key, time): the lowest key is due first.

    ``sign`` makes a price a key: -1 where the highest price comes first (resting buys, sell stops).
    """

    __slots__ = ("_keys", "_orders", "head", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._keys: list[tuple[int, int]] = []
        self._orders: list[PaperOrder] = []
        self.head: int | None = None

    def add(self, order: PaperOrder, price: int) -> None:
        assert order.ladder is None, order
        order.ladder, order.key = self, price * self.sign
        place = bisect_left(self._keys, (order.key, order.seq))
        self._keys.insert(place, (order.key, order.seq))
        self._orders.insert(place, order)
        self.head = self._keys[0][0]

    def remove(self, order: PaperOrder) -> None:
        assert order.ladder is self, order
        place = bisect_left(self._keys, (order.key, order.seq))
        del self._keys[place], self._orders[place]
        order.ladder = None
        self.head = self._keys[0][0] if self._keys else None

    def reached(self, price: int) -> list[PaperOrder]:
        """Orders at ``price`` or due before it, in price-time priority."""
        bound = price * self.sign
        if self.head is None or self.head > bound:
            return []
        return self._orders[: bisect_left(self._keys, (bound + 1, 0))]
