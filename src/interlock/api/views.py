"""What the server shows: orders, legs, fills, positions, as documents with decimal text.

Decides the shapes of answers. Invariant: prices and quantities are decimal text, times integer
nanoseconds UTC, and a field has the name that facts give it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from interlock.api.problems import Problem
from interlock.orders.legs import Price


class Placed(Struct, frozen=True, omit_defaults=True):
    """An order was accepted, durably. ``replayed``: it had been before, and nothing was done."""

    order_id: str
    client_order_id: str
    version: int = 1
    replayed: bool = False


class Done(Struct, frozen=True, omit_defaults=True):
    """The request took effect, durably."""

    order_id: str = ""
    version: int = 0
    orders: tuple[str, ...] = ()
    """The ids of the orders it was carried out on, where there may be several."""
    replayed: bool = False


class LegView(Struct, frozen=True):
    """One leg as it stands."""

    leg: str
    type: str
    instrument: str
    side: str
    quantity: str
    cum_quantity: str
    status: str
    price: Price | None
    """The limit; a relative one stays so: ``venue_orders`` has what was sent for it."""
    trigger_price: Price | None
    """What makes it due; a relative one until it is armed."""
    system: str
    """Why Interlock added it: ``flatten``, ``close`` or ``safety_stop``; else empty."""
    reason: str
    updated_at: int


class VenueOrderView(Struct, frozen=True):
    """What was sent to a venue for a leg."""

    venue_order_id: str
    leg: str
    instrument: str
    side: str
    order_type: str
    quantity: str
    cum_quantity: str
    price: str | None
    trigger_price: str | None
    status: str
    venue_id: str
    reason: str
    sent_at: int
    updated_at: int


class FillView(Struct, frozen=True):
    """One execution."""

    event_seq: int
    at: int
    order_id: str
    leg: str
    venue_order_id: str
    exec_id: str
    instrument: str
    side: str
    quantity: str
    price: str
    fee: str
    confirmed: bool
    late: bool


class IncidentView(Struct, frozen=True):
    """Something that should not have happened, and was handled or waits for a person."""

    event_seq: int
    order_id: str
    leg: str | None
    kind: str
    detail: str
    setting: str
    quantity: str
    opened_at: int
    closed_at: int | None
    outcome: str


class OrderLine(Struct, frozen=True):
    """An order in a list."""

    order_id: str
    client_order_id: str
    account: str
    tag: str
    instrument: str
    status: str
    version: int
    accepted_at: int
    updated_at: int
    done_at: int | None
    reason: str


class OrderView(OrderLine, frozen=True):
    """An order whole: as it was placed, and as it stands."""

    placed: Raw
    """The accepted tree, policy and rules."""
    legs: tuple[LegView, ...]
    venue_orders: tuple[VenueOrderView, ...]
    fills: tuple[FillView, ...]
    incidents: tuple[IncidentView, ...]


class Page(Struct, frozen=True, omit_defaults=True):
    """Some of a list; ``next`` is the cursor of the rest, where there is more."""

    items: list[Any]
    as_of_seq: int
    """Everything up to this ``event_seq`` is in here."""
    next: str = ""


class PositionView(Struct, frozen=True):
    """What our fills have made of an account's position."""

    account: str
    instrument: str
    position_side: str | None
    quantity: str


class BatchResult(Struct, frozen=True, omit_defaults=True):
    """What became of one element: ``accepted`` or ``refused``."""

    index: int
    status: str
    client_order_id: str = ""
    order_id: str = ""
    replayed: bool = False
    problem: Problem | None = None


class BatchAnswer(Struct, frozen=True):
    """A micro-batch. ``batch_id`` names the commit that made its last element durable."""

    batch_id: str
    accepted: int
    refused: int
    results: list[BatchResult]


def leg_shown(row: dict[str, Any]) -> dict[str, Any]:
    """A leg's row with its prices as they are placed: tables keep a relative one as its JSON."""
    prices = {name: row[name] for name in ("price", "trigger_price")}
    return row | {
        name: msgspec.json.decode(text) if text is not None and text.startswith("{") else text
        for name, text in prices.items()
    }


def shown(row: dict[str, Any], kind: Any) -> Any:
    """A row of the projection as a view; whole numbers stand for flags in tables."""
    return msgspec.convert(row, kind, strict=False)
