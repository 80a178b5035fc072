"""One turn: the facts and requests that one input leads to.

Decides nothing; it is the pen. Invariant: a fact is folded into the state the moment it is
written, so every later decision of the turn sees it, and the facts alone reproduce the state.
"""

from heapq import heappush

from interlock.engine.evolve import evolve
from interlock.engine.order import Leg, Order
from interlock.engine.state import State
from interlock.orders import facts as f
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import Answer
from interlock.orders.ids import client_id
from interlock.orders.requests import CancelVenueOrder, QueryVenueOrder, Request


class Turn:
    """What is being decided now, at ``at``."""

    __slots__ = ("answer", "at", "facts", "requests", "state", "touched")

    def __init__(self, state: State, at: int) -> None:
        self.state = state
        self.at = at
        self.facts: list[f.Fact] = []
        self.requests: list[Request] = []
        self.answer: Answer | None = None
        self.touched: dict[str, None] = {}
        """Orders to look at again before the turn ends, in the order they were touched."""

    def emit(self, fact: f.Fact) -> None:
        evolve(self.state, fact)
        self.facts.append(fact)

    def touch(self, order: Order) -> None:
        self.touched[order.id] = None

    def wake_at(self, order: Order, at: int) -> None:
        """Look at the order again at ``at``, for a wait that is not kept as a fact."""
        if at < order.wake:
            order.wake = at
            heappush(self.state.timers, (at, order.id))

    def capabilities(self, leg: Leg) -> Capabilities:
        return self.state.capabilities_of(leg.terms.instrument)

    def venue_down(self, leg: Leg) -> bool:
        venue = self.state.markets[leg.terms.instrument].grid.venue
        return self.state.down.get(venue, False)

    def incident(
        self,
        order: Order,
        kind: f.IncidentKind,
        leg: int,
        detail: str,
        setting: str = "",
        quantity: int = 0,
    ) -> None:
        self.emit(f.IncidentOpened(self.at, order.id, kind, leg, detail, setting, quantity))

    def recall(self, order: Order, number: int, reason: str) -> None:
        """Ask the venue to cancel; safe to repeat, so it may leave before the commit."""
        leg = order.legs[number]
        assert leg.venue is not None
        request = leg.venue.request + 1
        attempt = leg.venue.attempt
        self.emit(f.VenueOrderCanceling(self.at, order.id, number, attempt, request, reason))
        self.requests.append(
            CancelVenueOrder(
                client_id(order.id, number, attempt),
                order.terms.account,
                leg.terms.instrument,
                request,
            )
        )

    def query(self, order: Order, number: int, attempt: int, not_before: int = 0) -> None:
        """Ask the venue what became of an attempt; with ``not_before``, only when that has come."""
        leg = order.legs[number]
        current = leg.venue is not None and leg.venue.attempt == attempt
        request = leg.venue.request + 1 if leg.venue is not None and current else 0
        self.emit(f.VenueOrderQuerying(self.at, order.id, number, attempt, request, not_before))
        if not_before > self.at:
            return  # the deadline it set brings the question back
        self.requests.append(
            QueryVenueOrder(
                client_id(order.id, number, attempt),
                order.terms.account,
                leg.terms.instrument,
                request,
            )
        )
