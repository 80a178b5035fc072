"""Spot's market data: instruments with their filters, prices, and streams of ticks.

Decides how a tick looks on the wire. Invariant: what is shown is what orders match against.
"""

from decimal import Decimal
from typing import Any

from interlock.orders.grid import Grid
from interlock.orders.ticks import Quote, Tick, Trade
from interlock.sandbox.binance.gate import Route
from interlock.sandbox.binance.hub import Hub
from interlock.sandbox.binance.shown import Shown, public, rate_limits, symbol_of
from interlock.sandbox.binance.spot.exchange import Spot
from interlock.sandbox.binance.spot.orders import TYPES
from interlock.sandbox.binance.spot.wallet import assets
from interlock.sandbox.binance.wire import Params
from interlock.venues.paper.book import Market

LISTS = ("icebergAllowed", "ocoAllowed", "otoAllowed", "amendAllowed", "cancelReplaceAllowed")


class SpotViews(Shown):
    """What everybody may see."""

    def __init__(self, spot: Spot, hub: Hub) -> None:
        super().__init__(spot, hub, stamped=False)
        self._spot = spot

    def table(self) -> dict[str, Route]:
        return public(
            "/api/v3",
            (
                ("ping", self.ping, 1),
                ("time", self.time, 1),
                ("exchangeInfo", self.exchange_info, 20),
                ("ticker/price", self.ticker_price, 2),
                ("ticker/bookTicker", self.book_ticker, 2),
                ("depth", self.depth, 5),
                ("trades", self.recent, 25),
            ),
        )

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
            "rateLimits": rate_limits(limits),
            "exchangeFilters": [],
            "symbols": [symbol_info(self._spot.market(one)) for one in symbols],
        }

    def stream(self, tick: Tick) -> None:
        """Tell whoever listens. The tick is as its source names it."""
        symbol = symbol_of(tick)
        market, low = self._spot.market(symbol), symbol.lower()
        price, quantity = market.grid.price_text, market.grid.quantity_text
        self._updates += 1
        if isinstance(tick, Trade):
            ignore, best_match = {"M": True}, {"isBestMatch": True}
            more = {"aggTrade": ignore, "trade": ignore, "recent": best_match}
            self.tell_trade(tick, market, more)
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
        *percent_price(grid),
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


def percent_price(grid: Grid) -> list[dict[str, Any]]:
    """The band that orders are refused by, if there is one: the same for both sides."""
    band = grid.instrument.price_band
    if band is None:
        return []
    up = str(1 + Decimal(band.above_bps) / 10_000)
    down = str(1 - Decimal(band.below_bps) / 10_000)
    sides = {
        f"{side}Multiplier{way}": one
        for side in ("bid", "ask")
        for way, one in (("Up", up), ("Down", down))
    }
    return [{"filterType": "PERCENT_PRICE_BY_SIDE", **sides, "avgPriceMins": 5}]
