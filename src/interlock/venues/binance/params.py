"""Requests as USD-M's endpoints take them (VENUES 2.2 to 2.4).

Decides which family an order belongs to and with which words it is asked for. Invariant: what the
exchange forbids together is never sent together, and every request carries its validity.
"""

from typing import Any, Final

from interlock.orders.conditions import PriceSource
from interlock.orders.grid import Grid
from interlock.orders.legs import TimeInForce
from interlock.orders.requests import AmendVenueOrder, SubmitVenueOrder, VenueOrderType

STOPS: Final = (VenueOrderType.STOP, VenueOrderType.STOP_LIMIT)
WORKING_TYPES: Final = {PriceSource.LAST: "CONTRACT_PRICE", PriceSource.MARK: "MARK_PRICE"}
VALIDITY_MS_MAX: Final = 60_000
TYPES: Final = {
    VenueOrderType.MARKET: "MARKET",
    VenueOrderType.LIMIT: "LIMIT",
    VenueOrderType.STOP: "STOP_MARKET",
    VenueOrderType.STOP_LIMIT: "STOP",
}
TIMES: Final = {
    TimeInForce.GTC: "GTC",
    TimeInForce.DAY: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.GTD: "GTD",
}
GTD_SECONDS_MIN: Final = 600
"""The exchange takes no expiry that is nearer; such an order is canceled by the engine."""


def unsupported(order: SubmitVenueOrder) -> str:
    """Why this order cannot be asked for here, or nothing."""
    if order.order_type in STOPS and order.trigger_by not in WORKING_TYPES:
        return f"a stop at the venue triggers by last or mark, not by {order.trigger_by}"
    if order.display_quantity is not None:
        return "iceberg orders are not accepted here"
    return ""


def of_submit(
    order: SubmitVenueOrder, grid: Grid, written: str, now: int, ahead_ms: int
) -> dict[str, Any]:
    """The parameters of a submit; ``written`` is the client id as it is sent, ``ahead_ms`` how far
    the exchange's clock is ahead of ours.
    """
    conditional = order.order_type in STOPS
    hedge = order.position_side is not None
    params: dict[str, Any] = {
        "symbol": symbol_of(order.instrument),
        "side": "BUY" if order.side > 0 else "SELL",
        "type": TYPES[order.order_type],
        "quantity": grid.quantity_text(order.quantity),
        "clientAlgoId" if conditional else "newClientOrderId": written,
        "recvWindow": validity_ms(order.valid_until, now),
    }
    if order.position_side is not None:
        params["positionSide"] = order.position_side.value.upper()
    if order.reduce_only and not hedge:  # there the side says it all, and the flag is refused
        params["reduceOnly"] = "true"
    if order.price is not None and order.order_type is not VenueOrderType.MARKET:
        params["price"] = grid.price_text(order.price)
        params |= time_in_force(order, now, ahead_ms)
    if conditional:
        assert order.trigger_price is not None
        params["algoType"] = "CONDITIONAL"
        params["triggerPrice"] = grid.price_text(order.trigger_price)
        params["workingType"] = WORKING_TYPES[order.trigger_by]
    else:
        params["newOrderRespType"] = "ACK"
    return params


def time_in_force(order: SubmitVenueOrder, now: int, ahead_ms: int) -> dict[str, Any]:
    if order.post_only:
        return {"timeInForce": "GTX"}
    until = order.expire_at
    if order.time_in_force is TimeInForce.GTD and until is not None:
        if until - now > GTD_SECONDS_MIN * 1_000_000_000:
            till_ms = until // 1_000_000 + ahead_ms
            return {"timeInForce": "GTD", "goodTillDate": till_ms // 1_000 * 1_000}
        return {"timeInForce": "GTC"}
    return {"timeInForce": TIMES[order.time_in_force]}


def of_amend(
    request: AmendVenueOrder, grid: Grid, written: str, side: int, price: int, now: int
) -> dict[str, Any]:
    """The exchange wants quantity and price both, whichever of them changes."""
    return {
        "symbol": symbol_of(request.instrument),
        "side": "BUY" if side > 0 else "SELL",
        "origClientOrderId": written,
        "quantity": grid.quantity_text(request.quantity),
        "price": grid.price_text(price),
        "recvWindow": validity_ms(request.valid_until, now),
    }


def validity_ms(valid_until: int, now: int) -> int:
    """What is left of a request's validity; nothing or less when it must not be sent any more."""
    return min(VALIDITY_MS_MAX, (valid_until - now) // 1_000_000)


def symbol_of(instrument: str) -> str:
    return instrument.rpartition(".")[0]
