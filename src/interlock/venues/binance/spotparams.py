"""Requests as Spot's endpoints take them (VENUES 1.1 to 1.3).

Decides with which words an order or a pair is asked for. Invariant: a pair is asked for only as the
exchange can hold it, and every request carries its validity.
"""

from typing import Any, Final

from interlock.orders.conditions import PriceSource
from interlock.orders.grid import Grid
from interlock.orders.legs import TimeInForce
from interlock.orders.requests import SubmitVenueList, SubmitVenueOrder, VenueOrderType
from interlock.venues.binance.params import STOPS, symbol_of, validity_ms

TIMES: Final = {
    TimeInForce.GTC: "GTC",
    TimeInForce.DAY: "GTC",
    TimeInForce.GTD: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
}
"""The exchange knows no expiry: the engine cancels at its time."""


def unsupported(order: SubmitVenueOrder) -> str:
    """Why this order cannot be asked for here, or nothing."""
    if order.order_type in STOPS and order.trigger_by is not PriceSource.LAST:
        return f"a stop at the venue triggers by last, not by {order.trigger_by}"
    if order.display_quantity is not None:
        return "iceberg orders are not accepted here"
    if order.reduce_only or order.position_side is not None:
        return "there are no positions here, so nothing is reduce-only or of a side"
    return ""


def list_problem(request: SubmitVenueList) -> str:
    """Why two orders cannot be a pair here, or nothing."""
    first, second = request.orders
    alike = (first.side, first.quantity) == (second.side, second.quantity)
    kinds = sorted(order.order_type in STOPS for order in request.orders)
    limits = [order for order in request.orders if order.order_type is VenueOrderType.LIMIT]
    if not alike or kinds != [False, True] or len(limits) != 1:
        return "a pair is a limit and a stop of one side and quantity"
    return next((why for order in request.orders if (why := unsupported(order))), "")


def of_submit(order: SubmitVenueOrder, grid: Grid, written: str, now: int) -> dict[str, Any]:
    """The parameters of a submit; ``written`` is the client id as it is sent."""
    kind = _kind(order)
    params = {
        **_common(order, grid, now),
        "type": "LIMIT_MAKER" if order.post_only and kind == "LIMIT" else kind,
        "newClientOrderId": written,
        "newOrderRespType": "ACK",
    }
    if order.order_type in STOPS:
        assert order.trigger_price is not None
        params["stopPrice"] = grid.price_text(order.trigger_price)
    if order.price is not None and order.order_type is not VenueOrderType.MARKET:
        params["price"] = grid.price_text(order.price)
        if params["type"] != "LIMIT_MAKER":
            params["timeInForce"] = TIMES[order.time_in_force]
    return params


def of_list(
    request: SubmitVenueList, grid: Grid, written: tuple[str, str, str], now: int
) -> dict[str, Any]:
    """The parameters of a pair; ``written`` are the ids of list and orders as they are sent.

    The limit is above the last price and the stop below it for a sell, the other way for a buy.
    """
    params = {**_common(request.orders[0], grid, now), "listClientOrderId": written[0]}
    params["newOrderRespType"] = "ACK"
    for order, name in zip(request.orders, written[1:], strict=True):
        stop = order.order_type in STOPS
        leg = "above" if stop is (order.side > 0) else "below"
        params[f"{leg}Type"] = _kind(order) if stop else "LIMIT_MAKER"
        params[f"{leg}ClientOrderId"] = name
        if stop:
            assert order.trigger_price is not None
            params[f"{leg}StopPrice"] = grid.price_text(order.trigger_price)
        if order.price is not None and order.order_type is not VenueOrderType.STOP:
            params[f"{leg}Price"] = grid.price_text(order.price)
            if stop:
                params[f"{leg}TimeInForce"] = TIMES[order.time_in_force]
    return params


def _common(order: SubmitVenueOrder, grid: Grid, now: int) -> dict[str, Any]:
    return {
        "symbol": symbol_of(order.instrument),
        "side": "BUY" if order.side > 0 else "SELL",
        "quantity": grid.quantity_text(order.quantity),
        "recvWindow": validity_ms(order.valid_until, now),
    }


def _kind(order: SubmitVenueOrder) -> str:
    return {
        VenueOrderType.MARKET: "MARKET",
        VenueOrderType.LIMIT: "LIMIT",
        VenueOrderType.STOP: "STOP_LOSS",
        VenueOrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    }[order.order_type]
