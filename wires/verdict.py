"""What a journal and the exchange's books say of each other, from facts alone.

Decides whether the guarantees held (I1 to I8). Invariant: nothing of the server's own state is
asked: what it journaled and what the exchange knows are enough.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from interlock.audit.auditor import Auditor
from interlock.orders import facts as f
from interlock.orders.ids import client_id
from wires.books import Books

TOLD = frozenset(("naked_position", "flatten_failed", "in_doubt", "outside_close", "dust_left"))
"""Incidents that tell a person of what is held and will not be closed by us."""


class Verdict:
    """Of every fact in a journal."""

    def __init__(self, commits: Iterable[Sequence[f.Fact]]) -> None:
        self.count = 0
        self.accepted: dict[str, str] = {}
        """Order ids by client order id."""
        self.living: dict[str, f.OrderAccepted] = {}
        self.told: set[tuple[str, str]] = set()
        """Symbols and sides of which a person was told."""
        self._placed: dict[str, f.OrderAccepted] = {}
        self._sent: set[str] = set()
        self._entered: Counter[str] = Counter()
        """How much of each order's entry has filled."""
        self._auditor = Auditor()
        seq = 1
        for facts in commits:
            self._auditor.hear(seq, facts)
            seq += len(facts)
            for fact in facts:
                self._take(fact)
        self.count = seq - 1

    def _take(self, fact: f.Fact) -> None:
        match fact:
            case f.OrderAccepted():
                terms = fact.terms
                self._placed[terms.id] = self.living[terms.id] = fact
                self.accepted[terms.client_order_id] = terms.id
            case f.OrderDone():
                self.living.pop(fact.order_id, None)
            case f.VenueOrderFilled():  # late, it wakes an order that was done
                self.living.setdefault(fact.order_id, self._placed[fact.order_id])
                self._entered[fact.order_id] += fact.quantity if fact.leg == 0 else 0
            case f.FillRefuted() if fact.leg == 0:
                self._entered[fact.order_id] -= fact.quantity
            case f.VenueOrderSending():
                self._sent.add(client_id(fact.order_id, fact.leg, fact.attempt))
            case f.IncidentOpened() if str(fact.kind) in TOLD and fact.order_id in self._placed:
                leg = self._placed[fact.order_id].terms.legs[0]
                self.told.add((leg.instrument, str(leg.position_side or "")))

    def against(self, books: Books) -> list[str]:
        """The auditor's word, and whether anything there is doubled or of no order of ours."""
        told = self._auditor.finish([books])
        found = [f"{one.rule}: {one.detail} (event {one.seq})" for one in told]
        for (family, name), times in Counter(books.ever()).items():
            if times > 1:
                found.append(f"I6: {name} was taken {times} times as {family}")
            if name not in self._sent:
                found.append(f"I5: {name} is there as {family}, and no fact says so")
        for order_id, filled in self._entered.items():
            asked = self._placed[order_id].terms.legs[0].quantity
            if filled > asked:
                found.append(f"I6: the entry of {order_id} filled {filled} of {asked}")
        for one in books.executions():
            if one.client_id and one.client_id not in self._sent:
                found.append(f"I5: {one.client_id} traded, and no fact says that it was sent")
        return found


def left_behind(verdict: Verdict, books: Books) -> list[str]:
    """After everything was flattened: orders, open orders and positions that are still there."""
    found = [f"liveness: {order_id} is not done" for order_id in verdict.living]
    found += [f"I4: {one.client_id} is open" for one in books.open_orders()]
    for (symbol, side), quantity in books.held().items():
        if (symbol, side) not in verdict.told:
            found.append(f"I8: {quantity} of {symbol} {side} is held, and nobody was told")
    return found
