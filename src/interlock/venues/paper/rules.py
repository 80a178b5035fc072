"""Rules: what the paper exchange refuses at the door, and in which order it looks.

Decides the code and the words of a refusal. Invariant: pure; the same order in the same market and
position always gets the same answer.
"""

from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import PositionMode
from interlock.orders.legs import PositionSide
from interlock.orders.reports import VenueReject
from interlock.orders.requests import SubmitVenueOrder, VenueOrderType
from interlock.venues.paper.book import Market
from interlock.venues.paper.resting import LIMITS, STOPS

BPS = 10_000

Refusal = tuple[VenueReject, str]


def submit_refusal(
    order: SubmitVenueOrder, market: Market, can: Capabilities, position: int
) -> Refusal | None:
    """Why an order may not enter, or nothing. ``position`` is what it would act on, signed."""
    return (
        halted_refusal(market)
        or _unsupported(order, can)
        or number_refusal(order, market, order.quantity, order.price, order.trigger_price)
        or _position_refusal(order, market, position)
        or price_refusal(order, market, order.quantity, order.price, order.trigger_price)
        or trigger_refusal(order, market, order.trigger_price)
        or cross_refusal(order, market, order.price)
    )


def waiting_refusal(order: SubmitVenueOrder, market: Market, can: Capabilities) -> Refusal | None:
    """Why an order may not wait in an entry's list. Position, trigger and what would cross are
    looked at when it is released."""
    return (
        halted_refusal(market)
        or _unsupported(order, can)
        or number_refusal(order, market, order.quantity, order.price, order.trigger_price)
        or price_refusal(order, market, order.quantity, order.price, order.trigger_price)
    )


def halted_refusal(market: Market) -> Refusal | None:
    return (VenueReject.HALTED, f"{market.grid.symbol} is halted") if market.halted else None


def _unsupported(order: SubmitVenueOrder, can: Capabilities) -> Refusal | None:
    problem = ""
    if order.order_type in STOPS and not can.native_stop:
        problem = "stop orders are not accepted here"
    elif order.reduce_only and not can.reduce_only:
        problem = "reduce-only is not accepted here"
    elif order.post_only and not (can.post_only and order.order_type is VenueOrderType.LIMIT):
        problem = "post-only is accepted on limit orders of venues that have it"
    elif order.display_quantity is not None and not can.iceberg:
        problem = "iceberg orders are not accepted here"
    return (VenueReject.UNSUPPORTED, problem) if problem else None


def number_refusal(
    order: SubmitVenueOrder, market: Market, quantity: int, price: int | None, trigger: int | None
) -> Refusal | None:
    grid = market.grid
    if order.order_type in LIMITS and (price is None or price <= 0):
        return VenueReject.OFF_INCREMENT, "a limit order needs a price above zero"
    if order.order_type in STOPS and (trigger is None or trigger <= 0):
        return VenueReject.OFF_INCREMENT, "a stop order needs a trigger price above zero"
    if quantity < grid.min_quantity:
        return (
            VenueReject.BELOW_MINIMUM,
            f"quantity {grid.quantity_text(quantity)} is below the minimum "
            f"{grid.quantity_text(grid.min_quantity)}",
        )
    if grid.max_quantity is not None and quantity > grid.max_quantity:
        # The vocabulary has no "above maximum"; venues check both bounds and the step in one rule.
        return (
            VenueReject.OFF_INCREMENT,
            f"quantity {grid.quantity_text(quantity)} is above the maximum "
            f"{grid.quantity_text(grid.max_quantity)}",
        )
    return None


def _position_refusal(order: SubmitVenueOrder, market: Market, position: int) -> Refusal | None:
    hedge = market.grid.instrument.position_mode is PositionMode.HEDGE
    if hedge and order.position_side is None:
        return VenueReject.POSITION_SIDE, "this instrument is in hedge mode; name a position side"
    if not hedge and order.position_side is not None:
        return VenueReject.POSITION_SIDE, "this instrument is in one-way mode; name no side"
    if hedge and order.reduce_only:
        return VenueReject.POSITION_SIDE, "in hedge mode the side says it all; reduce-only is off"
    if only_reduces(order) and reducible(order.side, position) == 0:
        return VenueReject.REDUCE_ONLY, "there is no position to reduce"
    return None


def only_reduces(order: SubmitVenueOrder) -> bool:
    """Whether an order may never do more than close: so marked, or against its hedge side."""
    if order.position_side is None:
        return order.reduce_only
    return (order.side > 0) is (order.position_side is PositionSide.SHORT)


def reducible(side: int, position: int) -> int:
    """How much an order of this side can close of a signed position."""
    return max(0, -side * position)


def price_refusal(
    order: SubmitVenueOrder, market: Market, quantity: int, price: int | None, trigger: int | None
) -> Refusal | None:
    """The smallest notional and the price band."""
    grid = market.grid
    if not only_reduces(order):
        value = price or trigger or _taker_price(market, order.side)
        if value is not None and value * quantity < grid.min_notional:
            return (
                VenueReject.BELOW_NOTIONAL,
                f"notional {grid.money_text(value * quantity)} is below the minimum "
                f"{grid.money_text(grid.min_notional)}",
            )
    band, reference = grid.instrument.price_band, market.reference
    if band is None or reference is None or price is None:
        return None
    low, high = reference * (BPS - band.below_bps), reference * (BPS + band.above_bps)
    if low <= price * BPS <= high:
        return None
    return (
        VenueReject.PRICE_BAND,
        f"price {grid.price_text(price)} is outside the band around {grid.price_text(reference)}",
    )


def _taker_price(market: Market, side: int) -> int | None:
    levels = market.opposite(side).levels
    return levels[0][0] if levels else market.last or None


def trigger_refusal(order: SubmitVenueOrder, market: Market, trigger: int | None) -> Refusal | None:
    if order.order_type not in STOPS or trigger is None:
        return None
    if not market.reached(order.trigger_by, order.side, trigger):
        return None
    text = market.grid.price_text(trigger)
    return VenueReject.WOULD_TRIGGER, f"the market is already at or beyond {text}"


def cross_refusal(order: SubmitVenueOrder, market: Market, price: int | None) -> Refusal | None:
    if not order.post_only or price is None:
        return None
    if next(market.opposite(order.side).offers(price), None) is None:
        return None
    return VenueReject.POST_ONLY_WOULD_CROSS, "a post-only order would have taken"
