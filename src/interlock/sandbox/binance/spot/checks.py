"""What Spot refuses an order for, and in which words (VENUES 1.3, 1.8, 1.9).

Decides the code and the text. Invariant: the same order in the same market gets the same answer.
"""

from typing import Any, TypeVar

from msgspec import structs

from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument, PositionMode
from interlock.orders.reports import VenueReject
from interlock.orders.requests import SubmitVenueOrder, VenueOrderType
from interlock.sandbox.binance.spot.orders import PRICED, STOPS, Asked
from interlock.sandbox.binance.wire import WireError
from interlock.venues.paper import rules
from interlock.venues.paper.book import Market

BALANCE = "Account has insufficient balance for requested action."
RELATION = "The relationship of the prices for the orders is not correct."
TRIGGERS = "Order would trigger immediately."
MATCHES = "Order would immediately match and take."
REASONS = {
    BALANCE: "INSUFFICIENT_BALANCES",
    TRIGGERS: "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    MATCHES: "WOULD_MATCH_IMMEDIATELY",
}
"""What an ``executionReport`` says in ``r`` where an answer would have said this."""
FILTERS: dict[VenueReject, str] = {
    VenueReject.BELOW_MINIMUM: "LOT_SIZE",
    VenueReject.OFF_INCREMENT: "LOT_SIZE",
    VenueReject.BELOW_NOTIONAL: "NOTIONAL",
    VenueReject.PRICE_BAND: "PERCENT_PRICE_BY_SIDE",
}
CAN = Capabilities()

T = TypeVar("T")


def check(asked: Asked, market: Market, quantity: int | None = None) -> None:
    """Raises ``WireError``. ``quantity`` where it has been amended."""
    priced = asked.kind in PRICED
    submit = SubmitVenueOrder(
        asked.client_id,
        "",
        market.grid.symbol,
        asked.side,
        VenueOrderType.LIMIT if priced else VenueOrderType.MARKET,
        asked.quantity if quantity is None else quantity,
        valid_until=0,
        price=asked.price if priced else None,
        post_only=asked.kind == "LIMIT_MAKER",
    )
    refusal = rules.submit_refusal(submit, market, CAN, 0)
    if refusal is not None:
        raise no(refusal[0])
    if asked.conditional and market.last and would_trigger(asked, market.last):
        raise WireError(-2010, TRIGGERS)


def no(code: VenueReject) -> WireError:
    if code in FILTERS:
        return WireError(-1013, f"Filter failure: {FILTERS[code]}")
    if code is VenueReject.HALTED:
        return WireError(-1013, "Market is closed.")
    if code is VenueReject.POST_ONLY_WOULD_CROSS:
        return WireError(-2010, MATCHES)
    return WireError(-2010, "Order was rejected.")


def would_trigger(asked: Asked, last: int) -> bool:
    assert asked.stop_price is not None
    toward = asked.side if asked.kind in STOPS else -asked.side
    return (last - asked.stop_price) * toward >= 0


def check_relation(above: int, below: int, last: int) -> None:
    """The prices of an OCO's legs: one beyond the last price on each side."""
    if last and not above > last > below:
        raise WireError(-2010, RELATION)


def named(thing: T, venue: str) -> T:
    """A tick or an instrument under this exchange's name."""
    if isinstance(thing, Instrument):
        name = f"{thing.symbol.rpartition('.')[0]}.{venue}"
        mode = PositionMode.ONE_WAY
        return structs.replace(thing, symbol=name, position_mode=mode)
    one: Any = thing
    name = f"{one.instrument.rpartition('.')[0]}.{venue}"
    return structs.replace(one, instrument=name)  # type: ignore[no-any-return]
