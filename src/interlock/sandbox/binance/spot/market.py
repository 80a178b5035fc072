"""Spot's market data: instruments with their filters, prices, and streams of ticks.

Decides how a tick looks on the wire. Invariant: what is shown is what orders match against.
"""

from collections.abc import Callable
from typing import Any

from interlock.orders.ticks import Quote, Tick, Trade
from interlock.sandbox.binance.futures.market import size
from interlock.sandbox.binance.gate import Proof, Route
from interlock.sandbox.binance.hub import Hub
from interlock.sandbox.binance.spot.exchange import Spot
from interlock.sandbox.binance.spot.orders import TYPES
from interlock.sandbox.binance.spot.wallet import assets
from interlock.sandbox.binance.wire import Params
from interlock.venues.paper.book import Market

RECENT_MAX = 500
LISTS = ("icebergAllowed", "ocoAllowed", "otoAllowed", "amendAllowed", "cancelReplaceAllowed")


class SpotViews:
    """What everybody may see."""

    def __init__(self, spot: Spot, hub: Hub) -> None:
        self._spot = spot
        self._hub = hub
        self._recent: dict[str, list[dict[str, Any]]] = {}
        self._trades = 0
        self._updates = 0

    def table(self) -> dict[str, Route]:
        return {
            f"GET /api/v3/{path}": Route(work, Proof.NONE, weight)
            for path, work, weight in (
                ("ping", self.ping, 1),
                ("time", self.time, 1),
                ("exchangeInfo", self.exchange_info, 20),
                ("ticker/price", self.ticker_price, 2),
                ("ticker/bookTicker", self.book_ticker, 2),
                ("depth", self.depth, 5),
                ("trades", self.recent, 25),
            )
        }

    def ping(self, params: Params, at: int) -> Any:
        return {}

    def time(self, params: Params, at: int) -> Any:
        return {"serverTime": self._hub.now_ms()}

    def exchange_info(self, params: Params, at: int) -> Any:
        limits = [
            ("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
            ("ORDERS", "SECOND", 10, 100),
            ("ORDERS", "DAY", 1, 200_000),
            ("RAW_REQUESTS", "MINUTE", 5, 300_000),
        ]
        wanted = params.maybe("symbol")
        symbols = self._spot.symbols if wanted is None else [wanted]
        return {
            "timezone": "UTC",
            "serverTime": self._hub.now_ms(),
            "rateLimits": [
                {"rateLimitType": kind, "interval": unit, "intervalNum": count, "limit": most}
                for kind, unit, count, most in limits
            ],
            "exchangeFilters": [],
            "symbols": [symbol_info(self._spot.market(one)) for one in symbols],
        }

    def _each(self, params: Params, view: Callable[[str, Market], Any]) -> Any:
        symbol = params.maybe("symbol")
        if symbol is not None:
            return view(symbol, self._spot.market(symbol))
        return [view(one, self._spot.market(one)) for one in self._spot.symbols]

    def ticker_price(self, params: Params, at: int) -> Any:
        def view(symbol: str, market: Market) -> Any:
            return {"symbol": symbol, "price": market.grid.price_text(market.last)}

        return self._each(params, view)

    def book_ticker(self, params: Params, at: int) -> Any:
        def view(symbol: str, market: Market) -> Any:
            return {
                "symbol": symbol,
                "bidPrice": market.grid.price_text(market.bid),
                "bidQty": size(market, -1),
                "askPrice": market.grid.price_text(market.ask),
                "askQty": size(market, 1),
            }

        return self._each(params, view)

    def depth(self, params: Params, at: int) -> Any:
        market = self._spot.market(params.text("symbol"))
        price, quantity = market.grid.price_text, market.grid.quantity_text
        return {
            "lastUpdateId": self._updates,
            "bids": [[price(level), quantity(held)] for level, held in market.bids.levels],
            "asks": [[price(level), quantity(held)] for level, held in market.asks.levels],
        }

    def recent(self, params: Params, at: int) -> Any:
        symbol = params.text("symbol")
        self._spot.market(symbol)
        return self._recent.get(symbol, [])[-params.whole("limit", RECENT_MAX) :]

    def stream(self, tick: Tick) -> None:
        """Tell whoever listens. The tick is as its source names it."""
        symbol = tick.instrument.rpartition(".")[0]
        market, ms = self._spot.market(symbol), tick.at // 1_000_000
        price, quantity = market.grid.price_text, market.grid.quantity_text
        low = symbol.lower()
        self._updates += 1
        if isinstance(tick, Trade):
            self._trades += 1
            number = self._trades
            traded = {"E": ms, "s": symbol, "p": price(tick.price), "q": quantity(tick.quantity)}
            traded |= {"T": ms, "m": tick.aggressor < 0, "M": True}
            whole = {"e": "aggTrade", **traded, "a": number, "f": number, "l": number}
            self._hub.tell_market(f"{low}@aggTrade", whole)
            self._hub.tell_market(f"{low}@trade", {"e": "trade", **traded, "t": number})
            recent = self._recent.setdefault(symbol, [])
            recent.append(
                {
                    "id": number,
                    "price": traded["p"],
                    "qty": traded["q"],
                    "quoteQty": market.grid.money_text(tick.price * tick.quantity),
                    "time": ms,
                    "isBuyerMaker": traded["m"],
                    "isBestMatch": True,
                }
            )
            del recent[:-RECENT_MAX]
        elif isinstance(tick, Quote):
            best = {"u": self._updates, "s": symbol, "b": price(tick.bid), "a": price(tick.ask)}
            best |= {"B": quantity(tick.bid_size), "A": quantity(tick.ask_size)}
            self._hub.tell_market(f"{low}@bookTicker", best)


def symbol_info(market: Market) -> dict[str, Any]:
    """One instrument of ``exchangeInfo``, with its filters (VENUES 1.8)."""
    grid = market.grid
    symbol = grid.symbol.rpartition(".")[0]
    base, quote = assets(symbol)
    tick, step = grid.price_text(1), grid.quantity_text(1)
    most = grid.quantity_text(grid.max_quantity) if grid.max_quantity else "9000"
    lot = {"minQty": grid.quantity_text(grid.min_quantity), "maxQty": most, "stepSize": step}
    notional = {
        "filterType": "NOTIONAL",
        "minNotional": grid.money_text(grid.min_notional),
        "applyMinToMarket": True,
        "maxNotional": "9000000",
        "applyMaxToMarket": False,
        "avgPriceMins": 5,
    }
    filters: list[dict[str, Any]] = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "MARKET_LOT_SIZE", **lot, "minQty": "0", "stepSize": "0"},
        notional,
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
    ]
    return {
        "symbol": symbol,
        "status": "BREAK" if market.halted else "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(TYPES),
        **{name: name != "icebergAllowed" for name in LISTS},
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters,
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }
