"""What every fact is about: a moment, an order, a leg, a venue order.

Decides nothing. Invariant: encoded as arrays, these fields come first, in this order.
"""

from msgspec import Struct


class TimedFact(Struct, frozen=True, array_like=True, tag=True, gc=False):
    at: int


class OrderFact(TimedFact, frozen=True, array_like=True, tag=True, gc=False):
    order_id: str


class LegFact(OrderFact, frozen=True, array_like=True, tag=True, gc=False):
    leg: int


class VenueOrderFact(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    attempt: int
