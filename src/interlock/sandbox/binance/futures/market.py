"""USD-M's market data: instruments with their filters, prices, and streams of ticks.

Decides how a tick looks on the wire. Invariant: what is shown is what orders match against.
"""

from typing import Any

from interlock.orders.ticks import Quote, Tick, Trade
from interlock.sandbox.binance.futures.algos import CONDITIONAL
from interlock.sandbox.binance.futures.exchange import VENUE, Futures
from interlock.sandbox.binance.futures.orders import trade_id
from interlock.sandbox.binance.gate import Route
from interlock.sandbox.binance.hub import Hub
from interlock.sandbox.binance.shown import RECENT_MAX, Shown, public, rate_limits, symbol_of
from interlock.sandbox.binance.wire import Params
from interlock.venues.paper.book import Market


class MarketViews(Shown):
    """What everybody may see, and one's own trades."""

    def __init__(self, futures: Futures, hub: Hub) -> None:
        super().__init__(futures, hub, stamped=True)
        self._futures = futures

    def table(self) -> dict[str, Route]:
        return public(
            "/fapi/v1",
            (
                ("ping", self.ping, 1),
                ("time", self.time, 1),
                ("exchangeInfo", self.exchange_info, 1),
                ("ticker/price", self.ticker_price, 1),
                ("ticker/bookTicker", self.book_ticker, 2),
                ("premiumIndex", self.premium_index, 1),
                ("depth", self.depth, 5),
                ("trades", self.recent, 5),
            ),
        )

    def exchange_info(self, params: Params, at: int) -> Any:
        limits = [
            ("REQUEST_WEIGHT", "MINUTE", 1, 2_400),
            ("ORDERS", "MINUTE", 1, 1_200),
            ("ORDERS", "SECOND", 10, 300),
        ]
        return {
            "timezone": "UTC",
            "serverTime": self._hub.now_ms(),
            "futuresType": "U_MARGINED",
            "rateLimits": rate_limits(limits),
            "exchangeFilters": [],
            "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "0"}],
            "symbols": [
                symbol_info(self._futures.market(one))
                for one in self._futures.symbols
                if one not in self._futures.unlisted
            ],
        }

    def premium_index(self, params: Params, at: int) -> Any:
        def view(symbol: str, market: Market) -> Any:
            mark = market.grid.price_text(market.mark or market.last)
            return {
                "symbol": symbol,
                "markPrice": mark,
                "indexPrice": mark,
                "lastFundingRate": "0.00010000",
                "nextFundingTime": at // 1_000_000 + 3_600_000,
                "time": at // 1_000_000,
            }

        return self.each(params, view)

    def own_trades(self, params: Params) -> Any:
        """``userTrades``: by symbol, and by order, first id or time where given."""
        symbol = params.text("symbol")
        number = params.whole("orderId", 0)
        first, begin = params.whole("fromId", 0), params.whole("startTime", 0)
        market = self._futures.market(symbol)
        found = []
        for one in self._futures.exchange.executions():
            if one.instrument != f"{symbol}.{VENUE}":
                continue
            trade, ms = trade_id(one.execution.exec_id), one.at // 1_000_000
            order_id = self._futures.traded[trade]
            side = one.position_side.value.upper() if one.position_side else "BOTH"
            if (number and order_id != number) or trade < first or ms < begin:
                continue
            price, quantity = one.execution.price, one.execution.quantity
            found.append(
                {
                    "symbol": symbol,
                    "id": trade,
                    "orderId": order_id,
                    "side": "BUY" if one.side > 0 else "SELL",
                    "price": market.grid.price_text(price),
                    "qty": market.grid.quantity_text(quantity),
                    "quoteQty": market.grid.money_text(price * quantity),
                    "realizedPnl": "0",
                    "commission": market.grid.money_text(one.execution.fee),
                    "commissionAsset": "USDT",
                    "time": ms,
                    "positionSide": side,
                    "buyer": one.side > 0,
                    "maker": one.execution.maker,
                }
            )
        limit = params.whole("limit", RECENT_MAX)
        return found[:limit] if first or begin else found[-limit:]

    # Streams

    def stream(self, tick: Tick) -> None:
        """Tell whoever listens. The tick is as its source names it."""
        symbol, ms = symbol_of(tick), tick.at // 1_000_000
        market, low = self._futures.market(symbol), symbol.lower()
        price, quantity = market.grid.price_text, market.grid.quantity_text
        self._updates += 1
        if isinstance(tick, Trade):
            self.tell_trade(tick, market, {"trade": {"X": "MARKET"}})
        elif isinstance(tick, Quote):
            best = {
                "e": "bookTicker",
                "u": self._updates,
                "s": symbol,
                "b": price(tick.bid),
                "B": quantity(tick.bid_size),
                "a": price(tick.ask),
                "A": quantity(tick.ask_size),
                "T": ms,
                "E": ms,
            }
            self._hub.tell_market(f"{low}@bookTicker", best)
            mark = price(market.mark or market.last)
            marked = {"e": "markPriceUpdate", "E": ms, "s": symbol, "p": mark, "i": mark, "P": mark}
            marked |= {"r": "0.0001", "T": ms + 3_600_000}
            for stream in (f"{low}@markPrice", f"{low}@markPrice@1s"):
                self._hub.tell_market(stream, marked)


def symbol_info(market: Market) -> dict[str, Any]:
    """One instrument of ``exchangeInfo``, with its filters (VENUES 1.8)."""
    grid = market.grid
    symbol = grid.symbol.rpartition(".")[0]
    base = symbol.removesuffix("USDT")
    tick, step = grid.price_text(1), grid.quantity_text(1)
    least = grid.quantity_text(grid.min_quantity)
    most = grid.quantity_text(grid.max_quantity) if grid.max_quantity else "1000000"
    lot = {"minQty": least, "maxQty": most, "stepSize": step}
    filters: list[dict[str, Any]] = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "MARKET_LOT_SIZE", **lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": grid.money_text(grid.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
    ]
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "status": "SETTLING" if market.halted else "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": grid.price.places,
        "quantityPrecision": grid.quantity.places,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": filters,
        "orderTypes": ["LIMIT", "MARKET", *CONDITIONAL],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }
