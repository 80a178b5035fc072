"""Prices of a leg: what it waits for and what it is sent with.

Decides how relative prices become absolute and which market prices a leg watches. Invariant:
rounding goes towards protection (a sell stop up, a buy stop down) and never against the limit
the trader gave by more than nothing.
"""

from interlock.engine import scope
from interlock.engine.order import SENDS_MARKET, STOPS, TRAILS, Leg, Order
from interlock.orders.conditions import PriceSource
from interlock.orders.facts import Channel
from interlock.orders.legs import LegType
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import BPS, PriceTerm, Span

FIXED = {
    PriceSource.LAST: Channel.LAST,
    PriceSource.MID: Channel.MID,
    PriceSource.MARK: Channel.MARK,
    PriceSource.INDEX: Channel.INDEX,
}


def channel_of(source: PriceSource, side: int) -> Channel:
    """The channel a leg of ``side`` watches: what a market order of it would meet."""
    if source is PriceSource.BID_ASK:
        return Channel.ASK if side > 0 else Channel.BID
    return FIXED[source]


def resolve(order: Order, number: int, term: PriceTerm | None) -> int | None:
    """The absolute price of a term, or nothing while there is no entry fill to measure from."""
    if term is None or isinstance(term, int):
        return term
    entry = scope.entry_of(order, number)
    if entry is None:
        return None
    value, quantity = scope.entry_value(order, entry)
    if quantity <= 0:
        return None
    side = order.legs[number].terms.side
    return from_average(value, quantity, term, side)


def from_average(value: int, quantity: int, span: Span, exit_side: int) -> int:
    """``value / quantity`` moved by ``span`` in the position's favour, rounded towards safety.

    The position is opposite to the exit: its favour is up for a sell, down for a buy.
    """
    favour = -exit_side
    if span.bps:
        numerator = value * (BPS + favour * span.bps)
        denominator = quantity * BPS
    else:
        numerator = value + favour * span.ticks * quantity
        denominator = quantity
    price = -(-numerator // denominator) if exit_side < 0 else numerator // denominator
    return max(1, price)


def level_of(order: Order, number: int) -> int | None:
    """The fixed level a held leg waits for, in whole increments; nothing for trailing stops."""
    leg = order.legs[number]
    terms = leg.terms
    if terms.type in TRAILS:
        return None if leg.active else resolve(order, number, terms.activation_price)
    if terms.type is LegType.LIMIT:
        return resolve(order, number, terms.price)
    return resolve(order, number, terms.trigger_price)


def rising(leg: Leg) -> bool:
    """Whether the level is reached from below."""
    buying = leg.terms.side > 0
    if leg.terms.type in TRAILS:
        return not buying  # activation: the market must first go the position's way
    return buying if leg.terms.type in STOPS else not buying


def channels_of(leg: Leg) -> tuple[Channel, ...]:
    """What a held leg watches. A held limit takes either a trade or a quote as touch."""
    side = leg.terms.side
    if leg.terms.type is LegType.LIMIT:
        return (Channel.LAST, channel_of(PriceSource.BID_ASK, side))
    return (channel_of(leg.terms.trigger_by, side),)


def in_channel(channel: Channel, price: int) -> int:
    """A price in the channel's own units: mid is kept in half increments."""
    return price * 2 if channel is Channel.MID else price


def sent_as(
    order: Order, number: int, native_stop: bool
) -> tuple[VenueOrderType, int | None, int | None]:
    """How a leg goes to the venue: order type, limit price, trigger price."""
    leg = order.legs[number]
    terms = leg.terms
    if leg.escalated or terms.type is LegType.MARKET:
        return VenueOrderType.MARKET, None, None
    limit = limit_price(order, number)
    if not leg.triggered and terms.type in (LegType.STOP, LegType.STOP_LIMIT) and native_stop:
        trigger = resolve(order, number, terms.trigger_price)
        kind = VenueOrderType.STOP if limit is None else VenueOrderType.STOP_LIMIT
        return kind, limit, trigger
    if terms.type in SENDS_MARKET:
        return VenueOrderType.MARKET, None, None
    return VenueOrderType.LIMIT, limit, None


def limit_price(order: Order, number: int) -> int | None:
    """The limit a leg is sent with, if it is one."""
    leg = order.legs[number]
    terms = leg.terms
    if terms.type is LegType.TRAILING_STOP_LIMIT:
        if leg.trigger_level is None or terms.limit_offset is None:
            return None
        return max(1, leg.trigger_level + terms.side * terms.limit_offset.at(leg.trigger_level))
    return resolve(order, number, terms.price)
