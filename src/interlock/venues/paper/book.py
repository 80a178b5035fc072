"""The market as the paper exchange sees it, one per instrument, and what we have taken of it.

Decides what a taker would find. Invariant: displayed quantity that one of our orders has taken is
not offered again until the feed shows that side changed.
"""

from collections.abc import Iterator

from interlock.orders.conditions import PriceSource
from interlock.orders.grid import Grid
from interlock.orders.ticks import Depth, Level, Quote, Trade
from interlock.venues.paper.resting import Ladder

ASSUMED_LEVELS = 32
"""Levels assumed behind the visible ones; the last takes whatever is left of a market order."""


class BookSide:
    """The visible levels of one side, best first. ``toward`` is +1 for asks: worse is higher."""

    __slots__ = ("_taken", "assumed", "levels", "toward")

    def __init__(self, toward: int) -> None:
        self.toward = toward
        self.levels: tuple[Level, ...] = ()
        self.assumed = False
        """The level is only a trade price: a limit must be better than it to take."""
        self._taken: dict[int, int] = {}

    def show(self, levels: tuple[Level, ...]) -> None:
        if levels != self.levels or self.assumed:
            self.levels, self.assumed = levels, False
            if self._taken:
                self._taken.clear()

    def show_best(self, best: tuple[Level, ...]) -> None:
        """A quote: a new best level in front of the deeper ones last shown."""
        if best and len(self.levels) > 1 and not self.assumed:
            edge = best[0][0] * self.toward
            best += tuple(level for level in self.levels if level[0] * self.toward > edge)
        self.show(best)

    def traded_through(self, price: int, size: int) -> None:
        """A trade printed beyond the best level: what was better is gone."""
        kept = tuple(level for level in self.levels if (level[0] - price) * self.toward >= 0)
        if kept:
            self.levels = kept
        else:
            self.assume(price, size)

    def assume(self, price: int, size: int) -> None:
        self.levels, self.assumed = ((price, size),), True
        if self._taken:
            self._taken.clear()

    def take(self, price: int, quantity: int) -> None:
        self._taken[price] = self._taken.get(price, 0) + quantity

    def displayed(self, price: int) -> int | None:
        """What the feed shows at a price; nothing when it does not show that far."""
        for level, size in self.levels:
            if level == price:
                return size or None
            if (level - price) * self.toward > 0:
                return 0
        return None

    def offers(self, limit: int | None) -> Iterator[tuple[int, int | None]]:
        """Prices and quantities a taker finds up to ``limit``; no quantity means no end of it.

        A market order goes on behind the visible levels: each price increment further is assumed
        to hold what the last visible level displayed.
        """
        price = size = 0
        for price, size in self.levels:
            if limit is not None:
                beyond = (price - limit) * self.toward
                if beyond > 0 or (beyond == 0 and self.assumed):
                    return
            if size == 0:
                yield price, None
                return
            left = size - self._taken.get(price, 0)
            if left > 0:
                yield price, left
        if limit is not None or not self.levels:
            return
        for _ in range(ASSUMED_LEVELS - 1):
            if price + self.toward < 1:
                break
            price += self.toward
            left = size - self._taken.get(price, 0)
            if left > 0:
                yield price, left
        yield price, None


class Market:
    """One instrument: prices, the visible book, and our open orders by how they become due."""

    __slots__ = (
        "_sized",
        "ask",
        "asks",
        "bid",
        "bids",
        "book_seen",
        "buys",
        "delisted",
        "grid",
        "halted",
        "index",
        "last",
        "mark",
        "open_orders",
        "sells",
        "stops",
        "waiting",
    )

    def __init__(self, grid: Grid, sized_by_trades: bool) -> None:
        self.grid = grid
        self._sized = sized_by_trades
        self.last = 0
        self.mark = 0
        self.index = 0
        self.bid = 0
        self.ask = 0
        self.bids = BookSide(-1)
        self.asks = BookSide(1)
        self.book_seen = False
        self.halted = False
        self.delisted = False
        self.open_orders = 0
        self.buys = Ladder(-1)
        self.sells = Ladder(1)
        self.waiting = Ladder(0)
        """Market orders that have met no price yet."""
        self.stops: dict[tuple[PriceSource, int], Ladder] = {}

    def stop_ladder(self, source: PriceSource, side: int) -> Ladder:
        """Buy stops come due from the lowest trigger up, sell stops from the highest down."""
        ladder = self.stops.get((source, side))
        if ladder is None:
            ladder = self.stops[source, side] = Ladder(side)
        return ladder

    def opposite(self, side: int) -> BookSide:
        return self.asks if side > 0 else self.bids

    def own(self, side: int) -> BookSide:
        return self.bids if side > 0 else self.asks

    def resting(self, side: int) -> Ladder:
        return self.buys if side > 0 else self.sells

    @property
    def sound(self) -> bool:
        return 0 < self.bid < self.ask

    @property
    def reference(self) -> int | None:
        """What price bands are measured from: the last trade, else the middle of the quote."""
        if self.last:
            return self.last
        return (self.bid + self.ask) // 2 if self.sound else None

    def see_trade(self, tick: Trade) -> bool:
        """Take note of a trade; a price that is not above zero is nonsense and changes nothing."""
        price = tick.price
        if price <= 0:
            return False
        self.last = price
        size = tick.quantity if self._sized else 0
        if not self.book_seen:
            self.bids.assume(price, size)
            self.asks.assume(price, size)
            return True
        bids, asks = self.bids, self.asks
        if bids.levels and price < bids.levels[0][0]:
            bids.traded_through(price, size)
        elif asks.levels and price > asks.levels[0][0]:
            asks.traded_through(price, size)
        return True

    def see_quote(self, tick: Quote) -> bool:
        """Take note of a quote; a crossed or locked one is nonsense and changes nothing."""
        bid, ask = tick.bid, tick.ask
        if 0 < ask <= bid:
            return False
        self.bid, self.ask, self.book_seen = bid, ask, True
        self.bids.show_best(((bid, tick.bid_size),) if bid else ())
        self.asks.show_best(((ask, tick.ask_size),) if ask else ())
        return True

    def see_depth(self, tick: Depth) -> bool:
        bid = tick.bids[0][0] if tick.bids else 0
        ask = tick.asks[0][0] if tick.asks else 0
        if 0 < ask <= bid:
            return False
        self.bid, self.ask, self.book_seen = bid, ask, True
        self.bids.show(tick.bids)
        self.asks.show(tick.asks)
        return True

    def reached(self, source: PriceSource, side: int, trigger: int) -> bool:
        """Whether a stop of this side at ``trigger`` would fire on what is seen now."""
        edge = self.edge(source, side)
        return edge is not None and (edge - trigger) * side >= 0

    def edge(self, source: PriceSource, side: int) -> int | None:
        """The last trigger price on its way that has been reached; a middle rounds towards it."""
        match source:
            case PriceSource.LAST:
                return self.last or None
            case PriceSource.MARK:
                return self.mark or None
            case PriceSource.INDEX:
                return self.index or None
        if not self.sound:
            return None
        if source is PriceSource.BID_ASK:
            return self.ask if side > 0 else self.bid
        both = self.bid + self.ask
        return both // 2 if side > 0 else -(-both // 2)
