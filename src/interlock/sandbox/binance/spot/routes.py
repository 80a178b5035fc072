"""Spot's endpoints: what may be asked, what it costs, and how it is answered (VENUES 1.1, 1.7).

Decides how a request becomes an act of the exchange. Invariant: a cancel-replace looks at the new
order before it touches the old one.
"""

from typing import Any

from interlock.sandbox.binance.gate import Route
from interlock.sandbox.binance.spot.exchange import Spot
from interlock.sandbox.binance.spot.lists import OrderList
from interlock.sandbox.binance.spot.market import SpotViews
from interlock.sandbox.binance.spot.orders import Order, plain
from interlock.sandbox.binance.spot.requests import Requests, units
from interlock.sandbox.binance.wire import Params, WireError, mandatory

DETAILS = ("ACK", "RESULT", "FULL")


class SpotRoutes:
    """Requests to one exchange."""

    def __init__(self, spot: Spot, views: SpotViews) -> None:
        self._spot = spot
        self._views = views
        self._read = Requests(spot)

    def table(self) -> dict[str, Route]:
        def one(whole: int, alone: int) -> Any:
            return lambda params: alone if "symbol" in params else whole

        signed = {
            "POST order": Route(self.place, weight=1, orders=1),
            "POST order/test": Route(self.test),
            "GET order": Route(self.order, weight=4),
            "DELETE order": Route(self.cancel),
            "GET openOrders": Route(self.open_orders, weight=one(80, 6)),
            "DELETE openOrders": Route(self.cancel_all),
            "GET allOrders": Route(self.all_orders, weight=20),
            "GET myTrades": Route(self.trades, weight=20),
            "GET account": Route(self.account, weight=20),
            "POST orderList/oco": Route(self.oco, weight=1, orders=2),
            "POST orderList/oto": Route(self.oto, weight=1, orders=2),
            "POST orderList/otoco": Route(self.otoco, weight=1, orders=3),
            "GET orderList": Route(self.order_list, weight=4),
            "DELETE orderList": Route(self.cancel_list),
            "GET openOrderList": Route(self.open_lists, weight=6),
            "GET allOrderList": Route(self.all_lists, weight=20),
            "POST order/cancelReplace": Route(self.cancel_replace, weight=1, orders=1),
            "PUT order/amend/keepPriority": Route(self.amend, weight=4),
        }
        table = {f"{name.replace(' ', ' /api/v3/')}": route for name, route in signed.items()}
        return table | self._views.table()

    # Single orders

    def place(self, params: Params, at: int) -> Any:
        asked = self._read.single(params)
        usual = "FULL" if asked.kind in ("MARKET", "LIMIT") else "ACK"
        detail = params.choice("newOrderRespType", DETAILS, usual)
        return self._spot.place(asked, at).placed(detail)

    def test(self, params: Params, at: int) -> Any:
        self._spot.admit(self._read.single(params))
        return {}

    def order(self, params: Params, at: int) -> Any:
        return self._order(params, -2013, "Order does not exist.").view()

    def cancel(self, params: Params, at: int) -> Any:
        order = self._order(params, -2011, "Unknown order sent.")
        only = params.maybe("cancelRestrictions")
        if only not in (None, "ONLY_NEW", "ONLY_PARTIALLY_FILLED"):
            raise WireError(-1145, "Invalid cancelRestrictions")
        if only is not None and order.open and order.status != only.removeprefix("ONLY_"):
            raise WireError(-2011, "Order was not canceled due to cancel restrictions.")
        by = self._read.client_id(params, "newClientOrderId")
        self._spot.cancel(order, by, at)
        return order.canceled(by)

    def cancel_all(self, params: Params, at: int) -> Any:
        symbol = params.text("symbol")
        self._spot.market(symbol)
        found: list[Any] = []
        orders = self._spot.open_orders(symbol)
        if not orders:
            raise WireError(-2011, "Unknown order sent.")
        for order in orders:
            if order.open:
                by = self._read.client_id(params, "newClientOrderId")
                self._spot.cancel(order, by, at)
                of = self._spot.lists.get(order.list_id)
                found.append(order.canceled(by) if of is None else reported(of))
        return found

    def open_orders(self, params: Params, at: int) -> Any:
        symbol = params.maybe("symbol")
        if symbol is not None:
            self._spot.market(symbol)
        return [order.view() for order in self._spot.open_orders(symbol)]

    def all_orders(self, params: Params, at: int) -> Any:
        symbol, first = params.text("symbol"), params.whole("orderId", 0)
        found = [
            order.view()
            for order in self._spot.orders.values()
            if order.asked.symbol == symbol and order.order_id >= first
        ]
        limit = params.whole("limit", 500)
        return found[:limit] if first else found[-limit:]

    def cancel_replace(self, params: Params, at: int) -> Any:
        """The new order's parameters are looked at first; its funds when the old one is gone."""
        anyway = params.choice("cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"))
        asked = self._read.single(params)
        canceled: dict[str, Any]
        placed: dict[str, Any] | None = None
        done, made = "SUCCESS", "SUCCESS"
        try:
            order = self._order(
                params, -2011, "Unknown order sent.", "cancelOrderId", "cancelOrigClientOrderId"
            )
            by = self._read.client_id(params, "cancelNewClientOrderId")
            self._spot.cancel(order, by, at)
            canceled = order.canceled(by)
        except WireError as refused:
            done, canceled = "FAILURE", refused.body()
        if done == "FAILURE" and anyway == "STOP_ON_FAILURE":
            made = "NOT_ATTEMPTED"
        else:
            try:
                placed = self._spot.place(asked, at).placed("RESULT")
            except WireError as refused:
                made, placed = "FAILURE", refused.body()
        data: dict[str, Any] = {"cancelResult": done, "newOrderResult": made}
        data |= {"cancelResponse": canceled, "newOrderResponse": placed}
        if (done, made) == ("SUCCESS", "SUCCESS"):
            return data
        if "SUCCESS" in (done, made):
            raise WireError(-2021, "Order cancel-replace partially failed.", 409, data=data)
        raise WireError(-2022, "Order cancel-replace failed.", 400, data=data)

    def amend(self, params: Params, at: int) -> Any:
        order = self._order(params, -2013, "Order does not exist.")
        quantity = units(params, "newQty", order.grid, "quantity")
        if quantity is None:
            raise mandatory("newQty")
        before = order.client_id
        self._spot.amend(order, quantity, self._read.client_id(params, "newClientOrderId"), at)
        amended = {**order.named(), "origClientOrderId": before}
        amended |= {"price": order.view()["price"], "qty": order.grid.quantity_text(quantity)}
        amended |= {"executedQty": order.grid.quantity_text(order.told), "status": order.status}
        answer = {"transactTime": order.updated, "executionId": 1, "amendedOrder": amended}
        of = self._spot.lists.get(order.list_id)
        return answer if of is None else {**answer, "listStatus": of.view()}

    def _order(
        self,
        params: Params,
        code: int,
        msg: str,
        by_number: str = "orderId",
        by_name: str = "origClientOrderId",
    ) -> Order:
        symbol = params.text("symbol")
        self._spot.market(symbol)
        if by_number not in params and by_name not in params:
            raise mandatory(by_number)
        number = params.whole(by_number) if by_number in params else None
        order = self._spot.find(number, params.maybe(by_name))
        if order is None or order.asked.symbol != symbol:
            raise WireError(code, msg)
        return order

    # Order lists

    def oco(self, params: Params, at: int) -> Any:
        legs = self._read.oco(params)
        name = self._read.client_id(params, "listClientOrderId")
        return reported(self._spot.place_oco(name, legs, at))

    def oto(self, params: Params, at: int) -> Any:
        working, pending = self._read.working(params), self._read.pending(params)
        name = self._read.client_id(params, "listClientOrderId")
        made, stood = self._spot.place_oto(name, working, (pending,), at)
        return {**made.view(), "orderReports": stood}

    def otoco(self, params: Params, at: int) -> Any:
        working, pair = self._read.working(params), self._read.pending_pair(params)
        name = self._read.client_id(params, "listClientOrderId")
        made, stood = self._spot.place_oto(name, working, pair, at)
        return {**made.view(), "orderReports": stood}

    def order_list(self, params: Params, at: int) -> Any:
        return self._list(params, "origClientOrderId", -2018, "Order list does not exist.").view()

    def cancel_list(self, params: Params, at: int) -> Any:
        of = self._list(params, "listClientOrderId", -2011, "Unknown order list sent.")
        left = [order for order in of.orders if order.open]
        if not left:
            raise WireError(-2011, "Unknown order list sent.")
        self._spot.cancel(left[0], self._read.client_id(params, "newClientOrderId"), at)
        return reported(of)

    def open_lists(self, params: Params, at: int) -> Any:
        return [of.view() for of in self._spot.lists.values() if not of.done]

    def all_lists(self, params: Params, at: int) -> Any:
        found = [of.view() for of in self._spot.lists.values()]
        return found[-params.whole("limit", 500) :]

    def _list(self, params: Params, by_name: str, code: int, msg: str) -> OrderList:
        if "orderListId" not in params and by_name not in params:
            raise mandatory("orderListId")
        number = params.whole("orderListId") if "orderListId" in params else None
        for of in reversed(self._spot.lists.values()):
            if of.list_id == number or (number is None and of.client_id == params.maybe(by_name)):
                return of
        raise WireError(code, msg)

    # The account

    def account(self, params: Params, at: int) -> Any:
        spot = self._spot
        rate = plain(spot.wallet.fee_bps / 10_000)
        balances = spot.wallet.view(spot.locked())
        if params.flag("omitZeroBalances"):
            balances = [b for b in balances if b["free"].strip("0.") or b["locked"].strip("0.")]
        rates = {"maker": rate, "taker": rate, "buyer": "0", "seller": "0"}
        return {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": rates,
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": at // 1_000_000,
            "accountType": "SPOT",
            "balances": balances,
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def trades(self, params: Params, at: int) -> Any:
        """By symbol, and by order, first id or time where given."""
        symbol = params.text("symbol")
        self._spot.market(symbol)
        number, first = params.whole("orderId", 0), params.whole("fromId", 0)
        begin = params.whole("startTime", 0)
        found = [
            own_trade(order, place)
            for order in self._spot.orders.values()
            if order.asked.symbol == symbol and number in (0, order.order_id)
            for place, fill in enumerate(order.fills)
            if fill.trade_id >= first and fill.at >= begin
        ]
        found.sort(key=lambda trade: int(trade["id"]))
        limit = params.whole("limit", 500)
        return found[:limit] if first or begin else found[-limit:]


def reported(of: OrderList) -> dict[str, Any]:
    return {**of.view(), "orderReports": [order.placed("RESULT") for order in of.orders]}


def own_trade(order: Order, place: int) -> dict[str, Any]:
    fill, grid = order.fills[place], order.grid
    return {
        "symbol": order.asked.symbol,
        "id": fill.trade_id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "price": grid.price_text(fill.price),
        "qty": grid.quantity_text(fill.quantity),
        "quoteQty": grid.money_text(fill.price * fill.quantity),
        "commission": plain(fill.fee),
        "commissionAsset": fill.asset,
        "time": fill.at,
        "isBuyer": order.asked.side > 0,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }
