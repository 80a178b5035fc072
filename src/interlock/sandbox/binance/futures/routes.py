"""USD-M's endpoints: what may be asked, what it costs, and how it is answered (VENUES 2.2).

Decides how parameters become an order. Invariant: conditional types go to the Algo Service and
nowhere else, and what the exchange forbids together is refused together.
"""

from typing import Any
from urllib.parse import urlencode

import msgspec

from interlock.orders.requests import VenueOrderType
from interlock.sandbox.binance.futures.algos import CONDITIONAL, LIMITS, TRAILING, Algo
from interlock.sandbox.binance.futures.exchange import Futures
from interlock.sandbox.binance.futures.market import MarketViews
from interlock.sandbox.binance.futures.orders import TIME_IN_FORCE, Asked, Order
from interlock.sandbox.binance.gate import Proof, Route
from interlock.sandbox.binance.hub import Hub
from interlock.sandbox.binance.wire import Params, WireError, mandatory

SIDES = {"BUY": 1, "SELL": -1}
WORKING_TYPES = ("CONTRACT_PRICE", "MARK_PRICE")
CLIENT_ID_MAX = 36
BATCH_MAX = 5


class FuturesRoutes:
    """Requests to one exchange."""

    def __init__(self, futures: Futures, hub: Hub, views: MarketViews) -> None:
        self._futures = futures
        self._hub = hub
        self._views = views
        self._named = 0
        self.countdowns: dict[str, int] = {}
        """When all regular orders of a symbol are canceled, by the exchange's clock in ns."""

    def table(self) -> dict[str, Route]:
        def one(symbol: str, whole: int) -> Any:
            return lambda params: 1 if symbol in params else whole

        signed: dict[str, Route] = {
            "POST /fapi/v1/order": Route(self.place, weight=0, orders=1),
            "POST /fapi/v1/order/test": Route(self.test, weight=0, orders=1),
            "POST /fapi/v1/batchOrders": Route(self.batch, weight=5, orders=BATCH_MAX),
            "PUT /fapi/v1/order": Route(self.amend, orders=1),
            "GET /fapi/v1/order": Route(self.order),
            "GET /fapi/v1/openOrder": Route(self.open_order),
            "DELETE /fapi/v1/order": Route(self.cancel),
            "DELETE /fapi/v1/allOpenOrders": Route(self.cancel_all),
            "GET /fapi/v1/openOrders": Route(self.open_orders, weight=one("symbol", 40)),
            "GET /fapi/v1/allOrders": Route(self.all_orders, weight=5),
            "POST /fapi/v1/algoOrder": Route(self.place_algo, weight=0, orders=1),
            "GET /fapi/v1/algoOrder": Route(self.algo),
            "DELETE /fapi/v1/algoOrder": Route(self.cancel_algo),
            "DELETE /fapi/v1/algoOpenOrders": Route(self.cancel_algos),
            "GET /fapi/v1/openAlgoOrders": Route(self.open_algos, weight=one("symbol", 40)),
            "GET /fapi/v1/allAlgoOrders": Route(self.all_algos, weight=5),
            "GET /fapi/v1/userTrades": Route(self.trades, weight=5),
            "POST /fapi/v1/positionSide/dual": Route(self.switch),
            "GET /fapi/v1/positionSide/dual": Route(self.mode, weight=30),
            "POST /fapi/v1/leverage": Route(self.leverage),
            "POST /fapi/v1/marginType": Route(self.margin_type),
            "GET /fapi/v1/leverageBracket": Route(self.brackets),
            "POST /fapi/v1/countdownCancelAll": Route(self.countdown, weight=10),
        }
        for version in ("v2", "v3"):
            signed[f"GET /fapi/{version}/positionRisk"] = Route(self.positions, weight=5)
            signed[f"GET /fapi/{version}/balance"] = Route(self.balance, weight=5)
            signed[f"GET /fapi/{version}/account"] = Route(self.account, weight=5)
        for method, work in (
            ("POST", self.listen),
            ("PUT", self.keep_listening),
            ("DELETE", self.stop_listening),
        ):
            signed[f"{method} /fapi/v1/listenKey"] = Route(work, Proof.KEY)
        return signed | self._views.table()

    # Regular orders

    def place(self, params: Params, at: int) -> Any:
        return self._futures.place(self.regular(params), at).view(full=False)

    def test(self, params: Params, at: int) -> Any:
        self.regular(params)
        return {}

    def batch(self, params: Params, at: int) -> Any:
        try:
            asked = msgspec.json.decode(params.text("batchOrders"), type=list[dict[str, Any]])
        except msgspec.MsgspecError:
            raise WireError(-1130, "Data sent for parameter 'batchOrders' is not valid.") from None
        if not 0 < len(asked) <= BATCH_MAX:
            raise WireError(-4082, "Invalid number of batch place orders.")
        answers: list[Any] = []
        for fields in asked:
            try:
                answers.append(self.place(of_fields(fields), at))
            except WireError as refused:
                answers.append(refused.body())
        return answers

    def regular(self, params: Params) -> Asked:
        kind = params.text("type")
        if kind in CONDITIONAL:
            raise WireError(
                -4120,
                "Order type not supported for this endpoint. Please use the Algo Order API "
                "endpoints instead.",
            )
        if kind not in ("LIMIT", "MARKET"):
            raise WireError(-1116, "Invalid orderType.")
        return self._asked(params, kind, "newClientOrderId")

    def _asked(self, params: Params, kind: str, id_name: str) -> Asked:
        futures, symbol = self._futures, params.text("symbol")
        grid = futures.market(symbol).grid
        side = params.choice("side", SIDES)
        closes = params.flag("closePosition")
        quantity, price = params.quantity("quantity", grid), params.price("price", grid)
        if quantity is None and not closes:
            raise mandatory("quantity")
        if closes and quantity is not None:
            raise WireError(-4137, "Quantity must be zero with closePosition equals true")
        limit = kind == "LIMIT" or kind in LIMITS
        if limit and price is None:
            raise mandatory("price")
        if kind == "LIMIT" and "timeInForce" not in params:
            raise mandatory("timeInForce")
        tif = params.choice("timeInForce", TIME_IN_FORCE, "GTC")
        until = params.whole("goodTillDate", 0) * 1_000_000 or None
        if tif == "GTD" and until is None:
            raise mandatory("goodTillDate")
        sides = ("BOTH", "LONG", "SHORT")
        position_side = params.choice("positionSide", sides, "BOTH")
        if "reduceOnly" in params and (futures.hedge or closes):
            if closes:
                raise WireError(-4138, "Reduce only must be true with closePosition")
            raise WireError(-1106, "Parameter 'reduceonly' sent when not required.")
        return Asked(
            symbol,
            self._client_id(params, id_name),
            SIDES[side],
            kind,
            VenueOrderType.LIMIT if limit else VenueOrderType.MARKET,
            position_side,
            quantity or 0,
            price if limit else None,
            tif,
            params.flag("reduceOnly"),
            closes,
            params.choice("workingType", WORKING_TYPES, "CONTRACT_PRICE"),
            until if tif == "GTD" else None,
            params.price("triggerPrice", grid),
        )

    def _client_id(self, params: Params, name: str) -> str:
        given = params.maybe(name)
        if given is None:
            self._named += 1
            return f"sandbox-{self._named}"
        if len(given) > CLIENT_ID_MAX or not all(c.isalnum() or c in ".:/_-" for c in given):
            raise WireError(-4015, "Client order id is not valid.")
        return given

    def amend(self, params: Params, at: int) -> Any:
        order = self._order(params, -2013, "Order does not exist.")
        grid = order.grid
        quantity, price = params.quantity("quantity", grid), params.price("price", grid)
        if quantity is None or price is None:
            raise mandatory("quantity" if quantity is None else "price")
        if order.paper.price is None:
            raise WireError(-4197, "No need to modify the order.")
        self._futures.amend(order, quantity, price, at)
        return order.view(full=False)

    def order(self, params: Params, at: int) -> Any:
        return self._order(params, -2013, "Order does not exist.").view()

    def open_order(self, params: Params, at: int) -> Any:
        order = self._order(params, -2013, "Order does not exist.")
        if not order.paper.open:
            raise WireError(-2013, "Order does not exist.")
        return order.view()

    def cancel(self, params: Params, at: int) -> Any:
        order = self._order(params, -2011, "Unknown order sent.")
        self._futures.cancel(order, at)
        return order.view()

    def cancel_all(self, params: Params, at: int) -> Any:
        self.cancel_regular(params.text("symbol"), at)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def cancel_regular(self, symbol: str, at: int) -> None:
        self._futures.market(symbol)
        for order in self._futures.open_orders(symbol):
            self._futures.cancel(order, at)

    def open_orders(self, params: Params, at: int) -> Any:
        return [order.view() for order in self._futures.open_orders(params.maybe("symbol"))]

    def all_orders(self, params: Params, at: int) -> Any:
        symbol, first = params.text("symbol"), params.whole("orderId", 0)
        found = [
            order.view()
            for order in self._futures.orders.values()
            if order.asked.symbol == symbol and order.order_id >= first
        ]
        return found[-params.whole("limit", 500) :]

    def _order(self, params: Params, code: int, msg: str) -> Order:
        symbol = params.text("symbol")
        if "orderId" not in params and "origClientOrderId" not in params:
            raise mandatory("orderId")
        number = params.whole("orderId") if "orderId" in params else None
        order = self._futures.find(number, params.maybe("origClientOrderId"))
        if order is None or order.asked.symbol != symbol:
            raise WireError(code, msg)
        return order

    # Conditional orders

    def place_algo(self, params: Params, at: int) -> Any:
        params.choice("algoType", ("CONDITIONAL",))
        kind = params.choice("type", CONDITIONAL)
        asked = self._asked(params, kind, "clientAlgoId")
        grid, ms = self._futures.market(asked.symbol).grid, at // 1_000_000
        trailing = kind == TRAILING
        if asked.trigger_price is None and not trailing:
            raise mandatory("triggerPrice")
        rate = params.decimal("callbackRate")
        if trailing and rate is None:
            raise mandatory("callbackRate")
        if asked.close_position:
            if kind not in ("STOP_MARKET", "TAKE_PROFIT_MARKET"):
                raise WireError(-4136, "Target strategy invalid for orderType,closePosition")
            if (asked.side > 0) is (asked.position_side == "LONG") and self._futures.hedge:
                raise WireError(-4112, "ReduceOnly Order is rejected.")
        algo = Algo(
            asked,
            self._futures.algos.next_id(),
            grid,
            ms,
            ms,
            activation=params.price("activatePrice", grid) if trailing else None,
            rate=int((rate or 0) * 100) if trailing else 0,
        )
        self._futures.place_algo(algo, at)
        return algo.view()

    def algo(self, params: Params, at: int) -> Any:
        return self._algo(params, -2013, "Order does not exist.").view()

    def cancel_algo(self, params: Params, at: int) -> Any:
        algo = self._algo(params, -2011, "Unknown order sent.")
        self._futures.cancel_algo(algo, at)
        return {
            "algoId": algo.algo_id,
            "clientAlgoId": algo.asked.client_id,
            "code": "200",
            "msg": "success",
        }

    def cancel_algos(self, params: Params, at: int) -> Any:
        symbol = params.text("symbol")
        for algo in self._futures.algos.waiting(symbol):
            self._futures.cancel_algo(algo, at)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def open_algos(self, params: Params, at: int) -> Any:
        return [algo.view() for algo in self._futures.algos.waiting(params.maybe("symbol"))]

    def all_algos(self, params: Params, at: int) -> Any:
        found = self._futures.algos.all(params.text("symbol"))
        return [algo.view() for algo in found][-params.whole("limit", 500) :]

    def _algo(self, params: Params, code: int, msg: str) -> Algo:
        if "algoId" not in params and "clientAlgoId" not in params:
            raise mandatory("algoId")
        number = params.whole("algoId") if "algoId" in params else None
        algo = self._futures.algos.find(number, params.maybe("clientAlgoId"))
        if algo is None:
            raise WireError(code, msg)
        return algo

    # Account

    def trades(self, params: Params, at: int) -> Any:
        return self._views.own_trades(params)

    def positions(self, params: Params, at: int) -> Any:
        futures, symbol, ms = self._futures, params.maybe("symbol"), at // 1_000_000
        symbols = [symbol] if symbol else futures.symbols
        found: list[Any] = []
        for one in symbols:
            found += futures.margin.positions(futures.market(one), futures.hedge, ms)
        return found

    def balance(self, params: Params, at: int) -> Any:
        margin, wallet = self._futures.margin, self._futures.margin.wallet_text()
        return [
            {
                "accountAlias": "sandbox",
                "asset": "USDT",
                "balance": wallet,
                "crossWalletBalance": wallet,
                "crossUnPnl": "0",
                "availableBalance": format(margin.available(), "f"),
                "maxWithdrawAmount": format(margin.available(), "f"),
                "marginAvailable": True,
                "updateTime": at // 1_000_000,
            }
        ]

    def account(self, params: Params, at: int) -> Any:
        asset = self._futures.margin.asset(at // 1_000_000)
        return {
            "totalWalletBalance": asset["walletBalance"],
            "totalUnrealizedProfit": asset["unrealizedProfit"],
            "totalMarginBalance": asset["marginBalance"],
            "totalMaintMargin": asset["maintMargin"],
            "totalInitialMargin": asset["initialMargin"],
            "availableBalance": asset["availableBalance"],
            "canTrade": True,
            "assets": [asset],
            "positions": self.positions(params, at),
        }

    def switch(self, params: Params, at: int) -> Any:
        self._futures.switch_mode(params.choice("dualSidePosition", ("true", "false")) == "true")
        return {"code": 200, "msg": "success"}

    def mode(self, params: Params, at: int) -> Any:
        return {"dualSidePosition": self._futures.hedge}

    def leverage(self, params: Params, at: int) -> Any:
        wanted = params.whole("leverage")
        if not 1 <= wanted <= 125:
            raise WireError(-4028, f"Leverage {wanted} is not valid")
        self._futures.margin.leverage = wanted
        return {"leverage": wanted, "maxNotionalValue": "1000000", "symbol": params.text("symbol")}

    def brackets(self, params: Params, at: int) -> Any:
        """One bracket for each symbol: the model has no tiers."""
        bracket = {
            "bracket": 1,
            "initialLeverage": 125,
            "notionalCap": 100_000_000,
            "notionalFloor": 0,
            "maintMarginRatio": 0.004,
            "cum": 0.0,
        }
        wanted = params.maybe("symbol")
        symbols = self._futures.symbols if wanted is None else [wanted]
        return [{"symbol": one, "brackets": [bracket]} for one in symbols]

    def margin_type(self, params: Params, at: int) -> Any:
        if params.choice("marginType", ("CROSSED", "ISOLATED")) == "CROSSED":
            raise WireError(-4046, "No need to change margin type.")
        raise WireError(-4047, "Margin type cannot be changed if there exists open orders.")

    def countdown(self, params: Params, at: int) -> Any:
        symbol, wait = params.text("symbol"), params.whole("countdownTime")
        self._futures.market(symbol)
        self.countdowns.pop(symbol, None)
        if wait:
            self.countdowns[symbol] = at + wait * 1_000_000
        return {"symbol": symbol, "countdownTime": str(wait)}

    def count_down(self, at: int) -> None:
        """Cancel what is due: regular orders only, as nothing says more (VENUES 2.5)."""
        for symbol, due in list(self.countdowns.items()):
            if at >= due:
                del self.countdowns[symbol]
                self.cancel_regular(symbol, at)

    # Listen keys: one account, so one key for all.

    def listen(self, params: Params, at: int) -> Any:
        return {"listenKey": self._hub.listen_key("")}

    def keep_listening(self, params: Params, at: int) -> Any:
        if not self._hub.alive(""):
            raise WireError(-1125, "This listenKey does not exist.")
        return {"listenKey": self._hub.listen_key("")}

    def stop_listening(self, params: Params, at: int) -> Any:
        self._hub.forget("")
        return {}


def of_fields(fields: dict[str, Any]) -> Params:
    """One order of a batch, as if it had come alone."""
    return Params(urlencode({name: str(value) for name, value in fields.items()}))
