"""Requests as Spot's endpoints take them (VENUES 1.1 to 1.3).

Decides with which words an order or a list is asked for. Invariant: a list is asked for only as the
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
    """Why orders cannot be a list here, or nothing."""
    entry, exits = (request.orders[0], request.orders[1:]) if request.releases else (None, ())
    pair = exits if entry is not None else request.orders
    if entry is not None:
        away = all(one.side == -entry.side for one in exits)
        if entry.order_type is not VenueOrderType.LIMIT or not away or not exits:
            return "a list is a limit entry, and its one or two exits"
    if entry is None or len(pair) > 1:
        alike = len(pair) == 2 and len({(one.side, one.quantity) for one in pair}) == 1
        kinds = sorted(order.order_type in STOPS for order in pair)
        limits = [order for order in pair if order.order_type is VenueOrderType.LIMIT]
        if not alike or kinds != [False, True] or len(limits) != 1:
            return "a pair is a limit and a stop of one side and quantity"
    return next((why for order in request.orders if (why := unsupported(order))), "")


def list_path(request: SubmitVenueList) -> str:
    if not request.releases:
        return "orderList/oco"
    return "orderList/oto" if len(request.orders) == 2 else "orderList/otoco"


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
    request: SubmitVenueList, grid: Grid, written: tuple[str, ...], now: int
) -> dict[str, Any]:
    """The parameters of a list; ``written`` are the ids of list and orders as they are sent."""
    first = request.orders[0]
    params: dict[str, Any] = {"listClientOrderId": written[0], "newOrderRespType": "ACK"}
    if not request.releases:
        params |= _common(first, grid, now)
        for order, name in zip(request.orders, written[1:], strict=True):
            _leg(params, _place(order), order, name, grid, "LIMIT_MAKER")
        return params
    params |= {"symbol": symbol_of(first.instrument)}
    params["recvWindow"] = validity_ms(first.valid_until, now)
    params |= {"workingSide": _side(first), "workingQuantity": grid.quantity_text(first.quantity)}
    _leg(params, "working", first, written[1], grid, _limit(first))
    exits = request.orders[1:]
    size = grid.quantity_text(exits[0].quantity)
    params |= {"pendingSide": _side(exits[0]), "pendingQuantity": size}
    for order, name in zip(exits, written[2:], strict=True):
        pair = len(exits) > 1
        prefix = f"pending{_place(order).capitalize()}" if pair else "pending"
        _leg(params, prefix, order, name, grid, "LIMIT_MAKER" if pair else _limit(order))
    return params


def _place(order: SubmitVenueOrder) -> str:
    """The limit is above the last price and the stop below it for a sell, the other way for a
    buy."""
    return "above" if (order.order_type in STOPS) is (order.side > 0) else "below"


def _leg(
    params: dict[str, Any],
    prefix: str,
    order: SubmitVenueOrder,
    written: str,
    grid: Grid,
    limit: str,
) -> None:
    """One order's own parameters; ``limit`` is what a limit is called there."""
    stop = order.order_type in STOPS
    params[f"{prefix}Type"] = _kind(order) if stop else limit
    params[f"{prefix}ClientOrderId"] = written
    if stop:
        assert order.trigger_price is not None
        params[f"{prefix}StopPrice"] = grid.price_text(order.trigger_price)
    if order.price is not None and order.order_type is not VenueOrderType.STOP:
        params[f"{prefix}Price"] = grid.price_text(order.price)
        if stop or limit != "LIMIT_MAKER":
            params[f"{prefix}TimeInForce"] = TIMES[order.time_in_force]


def _limit(order: SubmitVenueOrder) -> str:
    return "LIMIT_MAKER" if order.post_only else "LIMIT"


def _side(order: SubmitVenueOrder) -> str:
    return "BUY" if order.side > 0 else "SELL"


def _common(order: SubmitVenueOrder, grid: Grid, now: int) -> dict[str, Any]:
    return {
        "symbol": symbol_of(order.instrument),
        "side": _side(order),
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
