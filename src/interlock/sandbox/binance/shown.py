"""What both doubles show of a market: prices, the book, recent trades, and streams of them.

Decides what is shown. Invariant: it is what orders match against.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from interlock.orders.ticks import Tick, Trade
from interlock.sandbox.binance.gate import Proof, Route, Work
from interlock.sandbox.binance.hub import Hub
from interlock.sandbox.binance.wire import Params
from interlock.venues.paper.book import BookSide, Market

RECENT_MAX = 500


class Listed(Protocol):
    """An exchange, as far as its markets go."""

    @property
    def symbols(self) -> Sequence[str]: ...
    def market(self, symbol: str) -> Market:
        """Raises ``WireError`` for a symbol that is not listed."""


class Shown:
    """The markets of one exchange; ``stamped`` answers say when they were given."""

    def __init__(self, listed: Listed, hub: Hub, stamped: bool) -> None:
        self._listed = listed
        self._hub = hub
        self._stamped = stamped
        self._recent: dict[str, list[dict[str, Any]]] = {}
        self._trades = 0
        self._updates = 0

    def _stamp(self, at: int, *names: str) -> dict[str, int]:
        return dict.fromkeys(names, at // 1_000_000) if self._stamped else {}

    def ping(self, params: Params, at: int) -> Any:
        return {}

    def time(self, params: Params, at: int) -> Any:
        return {"serverTime": self._hub.now_ms()}

    def each(self, params: Params, view: Callable[[str, Market], Any]) -> Any:
        """A view of the symbol that is asked for, or a list of all."""
        symbol = params.maybe("symbol")
        if symbol is not None:
            return view(symbol, self._listed.market(symbol))
        return [view(one, self._listed.market(one)) for one in self._listed.symbols]

    def ticker_price(self, params: Params, at: int) -> Any:
        def view(symbol: str, market: Market) -> Any:
            price = market.grid.price_text(market.last)
            return {"symbol": symbol, "price": price, **self._stamp(at, "time")}

        return self.each(params, view)

    def book_ticker(self, params: Params, at: int) -> Any:
        def view(symbol: str, market: Market) -> Any:
            return {
                "symbol": symbol,
                "bidPrice": market.grid.price_text(market.bid),
                "bidQty": size(market, -1),
                "askPrice": market.grid.price_text(market.ask),
                "askQty": size(market, 1),
                **self._stamp(at, "time"),
            }

        return self.each(params, view)

    def depth(self, params: Params, at: int) -> Any:
        market = self._listed.market(params.text("symbol"))
        price, quantity = market.grid.price_text, market.grid.quantity_text

        def levels(side: BookSide) -> list[list[str]]:
            return [[price(level), quantity(held)] for level, held in side.levels]

        return {
            "lastUpdateId": self._updates,
            **self._stamp(at, "E", "T"),
            "bids": levels(market.bids),
            "asks": levels(market.asks),
        }

    def recent(self, params: Params, at: int) -> Any:
        symbol = params.text("symbol")
        self._listed.market(symbol)
        return self._recent.get(symbol, [])[-params.whole("limit", RECENT_MAX) :]

    def tell_trade(self, tick: Trade, market: Market, more: dict[str, Any]) -> None:
        """A trade on both of its streams, and among the recent ones, with ``more`` about it."""
        symbol, ms = symbol_of(tick), tick.at // 1_000_000
        self._trades += 1
        number, low, buyer_made = self._trades, symbol.lower(), tick.aggressor < 0
        traded = {
            "s": symbol,
            "p": market.grid.price_text(tick.price),
            "q": market.grid.quantity_text(tick.quantity),
            "T": ms,
            "m": buyer_made,
            "E": ms,
        }
        whole = {"e": "aggTrade", "a": number, "f": number, "l": number}
        self._hub.tell_market(f"{low}@aggTrade", whole | traded | more.get("aggTrade", {}))
        single = {"e": "trade", "t": number}
        self._hub.tell_market(f"{low}@trade", single | traded | more.get("trade", {}))
        recent = self._recent.setdefault(symbol, [])
        recent.append(
            {
                "id": number,
                "price": traded["p"],
                "qty": traded["q"],
                "quoteQty": market.grid.money_text(tick.price * tick.quantity),
                "time": ms,
                "isBuyerMaker": buyer_made,
                **more.get("recent", {}),
            }
        )
        del recent[:-RECENT_MAX]


def public(prefix: str, works: Iterable[tuple[str, Work, int]]) -> dict[str, Route]:
    """Routes that ask for no key: path, work and weight."""
    return {f"GET {prefix}/{path}": Route(work, Proof.NONE, weight) for path, work, weight in works}


def rate_limits(limits: Iterable[tuple[str, str, int, int]]) -> list[dict[str, Any]]:
    """Limits as ``exchangeInfo`` tells them: kind, unit, how many units, and how much."""
    return [
        {"rateLimitType": kind, "interval": unit, "intervalNum": count, "limit": most}
        for kind, unit, count, most in limits
    ]


def symbol_of(tick: Tick) -> str:
    return tick.instrument.rpartition(".")[0]


def size(market: Market, side: int) -> str:
    levels = market.opposite(side).levels
    return market.grid.quantity_text(levels[0][1] if levels else 0)
