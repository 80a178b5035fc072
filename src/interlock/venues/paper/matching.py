"""Matching: which of our orders fill, at what price and how much, when the market moves.

Decides the model stated in docs/PAPER_EXCHANGE.md. Invariant: all our resting orders together never
fill more than one trade's quantity, or more than a side displays, while volume limits are on.
"""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from interlock.orders.conditions import PriceSource
from interlock.orders.legs import TimeInForce
from interlock.orders.reports import CancelReason
from interlock.orders.ticks import Index, Mark, Tick, Trade
from interlock.venues.paper.book import BookSide, Market
from interlock.venues.paper.ledger import Ledger
from interlock.venues.paper.resting import Ladder, PaperOrder

IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


class Queue(StrEnum):
    """Where a resting limit stands among what others have at its price."""

    DISPLAYED = "displayed"
    """Behind what was displayed when it came to rest."""
    FRONT = "front"
    """Before everybody: the kindest the market could be."""
    BACK = "back"
    """Behind everybody, always: trades at the price never fill it, only beyond it."""


class MatchingModel(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How kind the simulated market is."""

    limit_by_volume: bool = True
    """A trade fills our resting orders for no more than its own quantity, all together."""
    limit_taker_by_volume: bool = False
    """Where only trades are known, a taker finds the last trade's quantity, not any quantity."""
    queue: Queue = Queue.DISPLAYED


class Matching:
    """Fills orders of one exchange."""

    def __init__(
        self, model: MatchingModel, ledger: Ledger, refuses: Callable[[], bool] = lambda: False
    ) -> None:
        self._model = model
        self._ledger = ledger
        self._refuses = refuses
        """Whether the order that a conditional one becomes is refused by chance."""

    def enter(self, order: PaperOrder, at: int) -> None:
        """An accepted order, or a stop that has fired, meets the market."""
        market, submit = order.market, order.submit
        if not order.triggered:
            assert order.trigger_price is not None, order
            market.stop_ladder(submit.trigger_by, order.side).add(order, order.trigger_price)
            return
        if submit.time_in_force is TimeInForce.FOK and not self._fills_whole(order):
            self._ledger.cancel(order, CancelReason.IMMEDIATE, at)
            return
        self._take(order, at)
        if not order.open:
            return
        if submit.time_in_force in IMMEDIATE:
            self._ledger.cancel(order, CancelReason.IMMEDIATE, at)
        elif order.price is None:
            market.waiting.add(order, 0)
        else:
            order.queue_ahead = self._queue_ahead(order, order.price)
            market.resting(order.side).add(order, order.price)

    def put_back(self, order: PaperOrder) -> None:
        """Let an open order wait where it waited, with what was ahead of it."""
        market = order.market
        if order.pending:
            return
        if not order.triggered:
            assert order.trigger_price is not None, order
            ladder = market.stop_ladder(order.submit.trigger_by, order.side)
            ladder.add(order, order.trigger_price)
        elif order.price is None:
            market.waiting.add(order, 0)
        else:
            market.resting(order.side).add(order, order.price)

    def on_tick(self, market: Market, tick: Tick, shown: bool) -> None:
        """Match what rests against a tick; not ``shown``: it was nonsense and changed nothing."""
        if not shown:
            return
        at = tick.at
        if market.waiting.head is not None:
            for order in market.waiting.reached(0):
                if order.open:
                    self._take(order, at)
        if isinstance(tick, Trade):
            self._meet_trade(market, tick)
            if market.stops:
                self._fire(market, PriceSource.LAST, at)
        elif isinstance(tick, Mark):
            self._fire(market, PriceSource.MARK, at)
        elif isinstance(tick, Index):
            self._fire(market, PriceSource.INDEX, at)
        else:
            self._meet_book(market, at)
            if market.stops and market.sound:
                self._fire(market, PriceSource.BID_ASK, at)
                self._fire(market, PriceSource.MID, at)

    def _take(self, order: PaperOrder, at: int) -> None:
        """Take what is offered, level by level, each level an execution of its own."""
        side = order.market.opposite(order.side)
        for price, left in side.offers(order.price):
            wanted = order.leaves if left is None else min(order.leaves, left)
            filled = self._ledger.fill(order, wanted, price, False, at)
            side.take(price, filled)
            if not order.open:
                return

    def _fills_whole(self, order: PaperOrder) -> bool:
        if self._ledger.fillable(order) < order.leaves:
            return False
        found = 0
        for _, left in order.market.opposite(order.side).offers(order.price):
            if left is None:
                return True
            found += left
            if found >= order.leaves:
                return True
        return False

    def _queue_ahead(self, order: PaperOrder, price: int) -> int:
        if self._model.queue is not Queue.DISPLAYED or not order.market.book_seen:
            return 0
        return order.market.own(order.side).displayed(price) or 0

    def _meet_trade(self, market: Market, tick: Trade) -> None:
        price, volume, used = tick.price, tick.quantity, 0
        reached = market.buys.reached(price)
        if market.sells.head is not None:
            reached += market.sells.reached(price)
        for order in reached:
            if not order.open:
                continue
            assert order.price is not None, order
            if order.price != price:
                order.queue_ahead = 0
                wanted = volume - used
                due = True
            else:
                # A buyer that took at this price took from the sellers, not from our bid.
                if self._model.queue is Queue.BACK or tick.aggressor == order.side:
                    continue
                ahead = order.queue_ahead
                order.queue_ahead = max(0, ahead - volume)
                wanted = volume - ahead - used
                due = ahead == 0 or volume > ahead
            if not self._model.limit_by_volume:
                wanted = order.leaves if due else 0
            if wanted > 0:
                used += self._ledger.fill(order, wanted, order.price, True, tick.at)

    def _meet_book(self, market: Market, at: int) -> None:
        """The other side has come to our price: it fills us there. Our own side ahead thins out."""
        for ladder, offered, own in (
            (market.buys, market.asks, market.bids),
            (market.sells, market.bids, market.asks),
        ):
            # Looked at before any call: a book that reaches none of our orders is the usual case.
            head, sign = ladder.head, ladder.sign
            if head is None:
                continue
            if offered.levels and head <= offered.levels[0][0] * sign:
                for order in ladder.reached(offered.levels[0][0]):
                    if order.open:
                        self._meet_offers(order, at)
            if own.levels and head <= own.levels[-1][0] * sign:
                self._thin_out(ladder, own)

    def _thin_out(self, ladder: Ladder, own: BookSide) -> None:
        """Others at our price have gone: less is ahead of us."""
        for order in ladder.reached(own.levels[-1][0]):
            if order.queue_ahead and order.price is not None:
                shown = own.displayed(order.price)
                if shown is not None:
                    order.queue_ahead = min(order.queue_ahead, shown)

    def _meet_offers(self, order: PaperOrder, at: int) -> None:
        side = order.market.opposite(order.side)
        assert order.price is not None, order
        for price, left in side.offers(order.price):
            wanted = order.leaves if left is None else min(order.leaves, left)
            side.take(price, self._ledger.fill(order, wanted, order.price, True, at))
            if not order.open:
                return

    def _fire(self, market: Market, source: PriceSource, at: int) -> None:
        """Stops that the source's price has reached become market or limit orders, in order."""
        for side in (1, -1):
            ladder = market.stops.get((source, side))
            if ladder is None or ladder.head is None:
                continue
            edge = market.edge(source, side)
            if edge is None:
                continue  # A mark or index of 0: the feed has none.
            for order in ladder.reached(edge):
                if not order.open:
                    continue
                ladder.remove(order)
                refused = self._refuses()
                if self._ledger.trigger(order, at, refused):
                    self.enter(order, at)
