"""Pulling entries without a journal: the last thing a line does that can no longer write.

Decides which venue orders go. Invariants: only what could add risk is recalled; a recall is safe to
repeat and promises nothing, so that it may leave without a fact; the next start asks about each.
"""

from interlock.orders.ids import client_id
from interlock.orders.requests import CancelVenueOrder
from interlock.runtime.line import Line


def pull_entries(line: Line, at: int) -> tuple[str, ...]:
    """Recall every entry that may be live at a venue; their client ids."""
    pulled = []
    for order in line.state.orders.living():
        for number, leg in enumerate(order.legs):
            terms, venue = leg.terms, leg.venue
            if venue is None or terms.exits or terms.reduce_only or terms.system:
                continue
            link = line.venues.get(terms.instrument.rpartition(".")[2])
            if link is None:
                continue
            name = client_id(order.id, number, venue.attempt)
            account = order.terms.account
            link.send(CancelVenueOrder(name, account, terms.instrument, venue.request), at)
            pulled.append(name)
    return tuple(pulled)
