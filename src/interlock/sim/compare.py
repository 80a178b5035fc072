"""The projection beside the state: whether the tables say what the engine knows.

Decides by reading the whole journal into fresh tables and looking at every order, leg, venue order
and fill. Invariant: it reads; the tables are in memory and gone afterwards.
"""

from collections.abc import Iterator

from interlock.engine.order import Order
from interlock.engine.state import State
from interlock.journal.port import Journal
from interlock.journal.projection import IN_MEMORY, Projection
from interlock.orders.ids import client_id

ENDS = ("filled", "canceled", "expired", "rejected", "not_found")


def differences(journal: Journal, state: State) -> Iterator[str]:
    """What the tables say otherwise, one sentence each."""
    tables = Projection(IN_MEMORY)
    try:
        tables.catch_up(journal)
        for order_id in state.orders:
            yield from _order(tables, state, state.orders[order_id])
    finally:
        tables.close()


def _order(tables: Projection, state: State, order: Order) -> Iterator[str]:
    row = tables.order(order.id)
    if row is None:
        yield f"{order.id} is not there"
        return
    if order.done and row["status"] != order.done:
        yield f"{order.id} is {row['status']}, not {order.done}"
    if not order.done and row["status"] not in ("working", "canceling"):
        yield f"{order.id} is {row['status']} and lives on"
    rows = tables.legs(order.id)
    if len(rows) != len(order.legs):
        yield f"{order.id} has {len(rows)} legs, not {len(order.legs)}"
        return
    for leg, row in zip(order.legs, rows, strict=True):
        grid = state.markets[leg.terms.instrument].grid
        if row["cum_quantity"] != grid.quantity_text(leg.cum):
            yield f"{leg.terms.id} of {order.id} has filled {row['cum_quantity']}, not {leg.cum}"
        if leg.ended and row["status"] != str(leg.state):
            yield f"{leg.terms.id} of {order.id} is {row['status']}, not {leg.state}"
    booked = {exec_id for leg in order.legs for exec_id in leg.fills}
    told = {str(row["exec_id"]) for row in tables.fills(order.id)}
    if told != booked:
        yield f"{order.id} has the fills {sorted(told)}, not {sorted(booked)}"
    yield from _venue_orders(tables, order)


def _venue_orders(tables: Projection, order: Order) -> Iterator[str]:
    live = {
        client_id(order.id, number, leg.venue.attempt): leg.venue
        for number, leg in enumerate(order.legs)
        if leg.venue is not None
    }
    shown = {}
    for row in tables.venue_orders(order.id):
        if row["status"] not in ENDS:
            shown[str(row["venue_order_id"])] = row
    if set(shown) != set(live):
        yield f"{order.id} has {sorted(shown)} at the venue, not {sorted(live)}"
