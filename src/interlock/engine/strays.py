"""Strays: a venue's list of what is open there, beside what we hold for live.

Decides what a list of open orders is a reason for. Invariants: an order with our ids that nothing
here explains is recalled; one that is not ours is never touched; an absence is a question, never an
answer.
"""

from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.ids import client_id, parse_client_id
from interlock.orders.requests import CancelVenueOrder


def recall(turn: Turn, stray: str, account: str, instrument: str) -> None:
    venue = turn.state.markets[instrument].grid.venue if instrument in turn.state.markets else ""
    turn.emit(f.StrayRecalled(turn.at, venue, stray, account, instrument))
    turn.requests.append(CancelVenueOrder(stray, account, instrument, 0))


def open_orders(turn: Turn, report: r.OpenOrders) -> None:
    """Strays with our ids are recalled, foreign orders left; what does not agree is asked about."""
    listed: dict[str, tuple[int, int]] = {}
    for found in report.orders:
        listed[found.client_id] = (found.quantity, found.cum_quantity)
        parsed = parse_client_id(found.client_id)
        if parsed is not None:
            _listed(turn, found, *parsed)
    if report.complete:
        _compare(turn, report, listed)


def _listed(turn: Turn, found: r.OpenOrder, order_id: str, number: int, attempt: int) -> None:
    order = turn.state.orders.get(order_id)
    if order is not None and number < len(order.legs):
        leg = order.legs[number]
        if leg.venue is not None and leg.venue.attempt == attempt:
            return
        if attempt <= leg.attempts:
            turn.query(order, number, attempt)
            turn.touch(order)
            return
    turn.emit(
        f.IncidentOpened(
            turn.at,
            order_id if order is not None else "",
            f.IncidentKind.ORPHAN,
            -1,
            f"{found.client_id} is live at the venue and nothing here explains it",
        )
    )
    recall(turn, found.client_id, found.account, found.instrument)


def _compare(turn: Turn, report: r.OpenOrders, listed: dict[str, tuple[int, int]]) -> None:
    """A working order that is not listed, or with other numbers, is a question, no answer."""
    state = turn.state
    for order in state.orders.living():
        for number, leg in enumerate(order.legs):
            venue = leg.venue
            if venue is None or not leg.at_rest or venue.sent_at >= report.as_of:
                continue
            if state.markets[leg.terms.instrument].grid.venue != report.venue:
                continue
            ours = (venue.quantity, venue.cum)
            if listed.get(client_id(order.id, number, venue.attempt)) != ours:
                turn.query(order, number, venue.attempt)
                turn.touch(order)
