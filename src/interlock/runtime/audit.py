"""The auditor: checks the guarantees over a run, from facts and requests alone.

Decides whether I1 to I8 of the design held. It shares no code with the engine: it knows an order
only by the tree in ``OrderAccepted`` and by what was said and sent afterwards, and it is simpler.
"""

from collections.abc import Iterable

from msgspec import Struct, field

from interlock.orders import facts as f
from interlock.orders import requests as q
from interlock.orders.ids import client_id
from interlock.orders.terms import LegTerms, OrderTerms

ENDS = (f.VenueOrderCanceled, f.VenueOrderExpired, f.VenueOrderRejected)


TOLD = (
    "naked_position",
    "exit_rejected",
    "flatten_failed",
    "in_doubt",
    "gap",
    "outside_change",
    "outside_close",
    "dust_left",
)
"""Incidents by which a person knows that an exposure is not protected as it should be."""


class Breach(Struct, frozen=True):
    """One broken guarantee: which, at which fact, and what was seen."""

    rule: str
    seq: int
    detail: str

    def __str__(self) -> str:
        return f"{self.rule} broken at event_seq {self.seq}: {self.detail}"


class _Attempt(Struct):
    quantity: int
    filled: int = 0
    live: bool = True
    question: str = ""
    """The request in flight, if any."""


class _Order(Struct):
    terms: OrderTerms
    legs: list[LegTerms]
    attempts: dict[tuple[int, int], _Attempt] = field(default_factory=dict)
    cum: dict[int, int] = field(default_factory=dict)
    execs: dict[str, int] = field(default_factory=dict)
    claims: dict[int, int] = field(default_factory=dict)
    armed: dict[int, int] = field(default_factory=dict)
    """What each armed leg covers."""
    ended: dict[int, str] = field(default_factory=dict)
    incidents: dict[str, int] = field(default_factory=dict)
    canceled_by_trader: bool = False
    adjusted: int = 0
    done: bool = False


class Auditor:
    """Hears facts as they are committed and requests as they are sent."""

    def __init__(self) -> None:
        self.breaches: list[Breach] = []
        self.facts = 0
        self._orders: dict[str, _Order] = {}
        self._sendings: dict[str, bool] = {}
        self._clients: dict[tuple[str, str], str] = {}
        self._dirty: dict[str, bool] = {}
        self._seq = 0

    def hear(self, first_seq: int, facts: Iterable[f.Fact]) -> None:
        """Take in one committed batch."""
        for seq, fact in enumerate(facts, first_seq):
            self._seq = seq
            self.facts += 1
            self._fact(fact)
        for order_id in self._dirty:
            self._check_excess(self._orders[order_id])
        self._dirty.clear()

    def sent(self, request: q.Request) -> None:
        """A request leaves: it must be explained by a committed fact (I5)."""
        submits = request.orders if isinstance(request, q.SubmitVenueList) else (request,)
        for submit in submits:
            if isinstance(submit, q.SubmitVenueOrder) and submit.client_id not in self._sendings:
                self._breach("I5", f"{submit.client_id} was sent before its intent was durable")

    def finish(
        self, live: Iterable[str] = (), executions: Iterable[tuple[str, str, int]] = ()
    ) -> list[Breach]:
        """After a run has settled: nothing left behind (I4), nothing bare (I8), fills agree.

        ``live``: client ids open at the venues. ``executions``: (client id, exec id, quantity).
        """
        open_ids = dict.fromkeys(live)
        for order in self._orders.values():
            for (leg, attempt), state in order.attempts.items():
                name = client_id(order.terms.id, leg, attempt)
                if name in open_ids and order.done:
                    self._breach("I4", f"{name} is still open though its order is done")
                if name in open_ids and not state.live:
                    self._breach("I4", f"{name} is open at the venue but gone by our facts")
            self._check_bare(order)
        for name in open_ids:
            if name not in self._sendings:
                self._breach("I4", f"{name} is open at the venue and nothing explains it")
        self._check_executions(executions)
        return self.breaches

    def _breach(self, rule: str, detail: str) -> None:
        self.breaches.append(Breach(rule, self._seq, detail))

    def _fact(self, fact: f.Fact) -> None:
        if isinstance(fact, f.OrderAccepted):
            self._accepted(fact)
            for armed in f.armed_at_once(fact):
                self._fact(armed)
            return
        order = self._orders.get(getattr(fact, "order_id", ""))
        if order is None:
            return
        self._dirty[order.terms.id] = True
        match fact:
            case f.VenueOrderSending():
                self._sending(order, fact)
            case f.VenueOrderFilled():
                self._filled(order, fact)
            case f.FillRefuted():
                order.cum[fact.leg] = order.cum.get(fact.leg, 0) - fact.quantity
                order.execs.pop(fact.exec_id, None)
                order.done = False
                order.attempts[fact.leg, fact.attempt].filled -= fact.quantity
            case f.LegClaimed():
                self._claimed(order, fact)
            case f.ClaimReleased():
                order.claims.pop(fact.oco, None)
            case f.LegTriggered():
                self._check_frozen(order, fact.leg, "triggered")
            case f.LegAdded():
                order.legs.append(fact.terms)
                order.done = False
            case f.IncidentOpened():
                kind = str(fact.kind)
                order.incidents[kind] = order.incidents.get(kind, 0) + max(1, fact.quantity)
            case f.OrderCanceling():
                order.canceled_by_trader |= fact.exposure in ("release", "flatten")
            case f.LegCanceling():
                order.canceled_by_trader = True
            case f.ExposureAdjusted():
                order.adjusted += fact.quantity
            case f.OrderDone():
                self._done(order)
            case _:
                self._minor(order, fact)

    def _minor(self, order: _Order, fact: f.Fact) -> None:
        if isinstance(fact, f.LegArmed):
            order.armed[fact.leg] = fact.quantity
        elif isinstance(fact, f.LegDisarmed):
            order.armed.pop(fact.leg, None)
        elif isinstance(fact, f.LegDone):
            order.armed.pop(fact.leg, None)
            order.ended[fact.leg] = fact.status
        elif isinstance(fact, ENDS):
            self._ended(order, fact.leg, fact.attempt)
        elif isinstance(fact, f.VenueOrderFound):
            if fact.status != "working":
                self._ended(order, fact.leg, fact.attempt)
            else:
                attempt = order.attempts[fact.leg, fact.attempt]
                attempt.question, attempt.quantity = "", fact.quantity
        elif isinstance(fact, f.VenueOrderAmending | f.VenueOrderCanceling):
            attempt = order.attempts[fact.leg, fact.attempt]
            if attempt.question:
                self._breach("one request in flight", f"{attempt.question} and {type(fact)}")
            attempt.question = type(fact).__name__
        elif isinstance(fact, f.VenueOrderAcknowledged):
            attempt = order.attempts[fact.leg, fact.attempt]
            if attempt.question == "VenueOrderSending":
                attempt.question = ""
        elif isinstance(fact, f.VenueOrderAmendRefused | f.VenueOrderUnknown):
            attempt = order.attempts[fact.leg, fact.attempt]
            attempt.question = ""
            if attempt.filled >= attempt.quantity:
                attempt.live = False
        elif isinstance(fact, f.VenueOrderAmended):
            attempt = order.attempts[fact.leg, fact.attempt]
            attempt.quantity = fact.quantity
            if attempt.question == "VenueOrderAmending":
                attempt.question = ""
            if attempt.filled >= attempt.quantity:
                attempt.live = False

    def _accepted(self, fact: f.OrderAccepted) -> None:
        key = (fact.terms.account, fact.terms.client_order_id)
        if key in self._clients:
            self._breach("I6", f"{key} was accepted twice")
        self._clients[key] = fact.terms.id
        self._orders[fact.terms.id] = _Order(fact.terms, list(fact.terms.legs))

    def _sending(self, order: _Order, fact: f.VenueOrderSending) -> None:
        name = client_id(order.terms.id, fact.leg, fact.attempt)
        if name in self._sendings:
            self._breach("I6", f"{name} was sent twice")
        self._sendings[name] = True
        for (leg, attempt), state in order.attempts.items():
            if leg == fact.leg and state.live:
                self._breach("I6", f"{name} is sent while attempt {attempt} may be live")
        order.attempts[fact.leg, fact.attempt] = _Attempt(
            fact.quantity, question="VenueOrderSending"
        )
        order.armed.pop(fact.leg, None)
        self._check_frozen(order, fact.leg, "sent")
        self._check_size(order, fact)

    def _check_size(self, order: _Order, fact: f.VenueOrderSending) -> None:
        """A child is never larger than what its first has filled, and has not been undone."""
        terms = order.legs[fact.leg]
        if not terms.exits or terms.system or fact.reduce_only:
            return
        above = self._entry_above(order, fact.leg)
        if above is None:
            return
        first, exits = above
        has = self._fill(order, first)
        gone = sum(order.cum.get(n, 0) for n in exits)
        if fact.quantity > has - gone:
            name = client_id(order.terms.id, fact.leg, fact.attempt)
            self._breach(
                "I3", f"{name} exits {fact.quantity} of {has} filled and {gone} exited already"
            )

    def _filled(self, order: _Order, fact: f.VenueOrderFilled) -> None:
        if fact.exec_id in order.execs:
            self._breach("I6", f"execution {fact.exec_id} was counted twice")
        order.execs[fact.exec_id] = fact.quantity
        order.cum[fact.leg] = order.cum.get(fact.leg, 0) + fact.quantity
        attempt = order.attempts[fact.leg, fact.attempt]
        attempt.filled += fact.quantity
        if attempt.question == "VenueOrderSending":
            attempt.question = ""
        if attempt.filled >= attempt.quantity and attempt.question != "VenueOrderAmending":
            attempt.live, attempt.question = False, ""

    def _claimed(self, order: _Order, fact: f.LegClaimed) -> None:
        if fact.oco in order.claims:
            self._breach("I1", f"oco {fact.oco} of {order.terms.id} is claimed twice")
        order.claims[fact.oco] = fact.leg

    def _check_frozen(self, order: _Order, leg: int, what: str) -> None:
        for oco, holder in order.claims.items():
            children = order.terms.relations[oco].children
            mine = [c for c in children if leg in self._under(order, c)]
            if not mine or holder in self._under(order, mine[0]):
                continue
            if not self._covers_a_fill(order, leg, mine[0]):
                self._breach(
                    "I1", f"{order.legs[leg].id} of {order.terms.id} was {what} while frozen"
                )

    def _covers_a_fill(self, order: _Order, leg: int, node: int) -> bool:
        """A filled quantity keeps its exits even on the losing side, unless it is flattened."""
        if order.terms.policy.on_overfill == "flatten":
            return False
        above = self._entry_above(order, leg)
        inside = above is not None and set(self._under(order, above[0])) <= set(
            self._under(order, node)
        )
        return above is not None and inside and self._fill(order, above[0]) > 0

    def _ended(self, order: _Order, leg: int, attempt: int) -> None:
        state = order.attempts[leg, attempt]
        state.live, state.question = False, ""

    def _done(self, order: _Order) -> None:
        order.done = True
        for (leg, attempt), state in order.attempts.items():
            if state.live:
                name = client_id(order.terms.id, leg, attempt)
                self._breach("I4", f"{order.terms.id} is done while {name} may be live")

    def _check_excess(self, order: _Order) -> None:
        """What was exited beyond what was held is in a double-fill incident (I2)."""
        for relation in order.terms.relations:
            if relation.kind != "oto":
                continue
            exits = self._exits(order, relation.children[1])
            if not exits:
                continue
            over = sum(order.cum.get(n, 0) for n in exits) - self._fill(order, relation.children[0])
            told = order.incidents.get("double_fill", 0)
            refuted = order.incidents.get("phantom_fill", 0)
            if over > told + refuted:
                self._breach("I2", f"{order.terms.id} exited {over} more than it held, untold")

    def _check_bare(self, order: _Order) -> None:
        """An exposure that was to be protected is, or a person was told (I8)."""
        if order.canceled_by_trader:
            return
        for relation in order.terms.relations:
            if relation.kind != "oto":
                continue
            exits = self._exits(order, relation.children[1])
            first = self._under(order, relation.children[0])
            if relation.activate_on == "full_fill" and not all(n in order.ended for n in first):
                continue  # the trader wants no exits before the entry is over
            held = self._fill(order, relation.children[0]) - order.adjusted
            held -= sum(order.cum.get(n, 0) for n in exits)
            held -= sum(
                order.cum.get(n, 0)
                for n, leg in enumerate(order.legs)
                if leg.system == "flatten" and leg.scope in self._under(order, relation.children[0])
            )
            stops = [n for n in exits if "stop" in order.legs[n].type]
            if held <= 0 or not stops or all(order.ended.get(n) == "filled" for n in stops):
                continue
            covered = sum(order.armed.get(n, 0) for n in stops) + sum(
                state.quantity - state.filled
                for (leg, _), state in order.attempts.items()
                if state.live and leg in exits
            )
            waiting = any(order.legs[n].when is not None for n in stops)
            told = any(kind in TOLD for kind in order.incidents)
            if covered < held and not waiting and not told:
                self._breach("I8", f"{order.terms.id} holds {held} and covers {covered}, untold")

    def _check_executions(self, executions: Iterable[tuple[str, str, int]]) -> None:
        booked = {
            name: quantity
            for order in self._orders.values()
            for name, quantity in order.execs.items()
        }
        real = {}
        for name, exec_id, quantity in executions:
            real[exec_id] = quantity
            if name in self._sendings and booked.get(exec_id) != quantity:
                self._breach(
                    "I6",
                    f"{exec_id} of {name} happened and is booked as "
                    f"{booked.get(exec_id)} instead of {quantity}",
                )
        if real:
            for exec_id in booked:
                if exec_id not in real:
                    self._breach("I6", f"{exec_id} is booked and never happened")

    def _under(self, order: _Order, node: int) -> list[int]:
        if node >= 0:
            return [node]
        return [n for c in order.terms.relations[~node].children for n in self._under(order, c)]

    def _exits(self, order: _Order, node: int) -> list[int]:
        out = [n for n in self._under(order, node) if order.legs[n].exits]
        out.extend(n for n, leg in enumerate(order.legs) if leg.system == "safety_stop")
        return out if any(not order.legs[n].system for n in out) else []

    def _fill(self, order: _Order, node: int) -> int:
        if node >= 0:
            return order.cum.get(node, 0)
        relation = order.terms.relations[~node]
        if relation.kind == "oto":
            return self._fill(order, relation.children[0])
        return sum(self._fill(order, child) for child in relation.children)

    def _entry_above(self, order: _Order, leg: int) -> tuple[int, list[int]] | None:
        best: tuple[int, list[int]] | None = None
        for relation in order.terms.relations:
            if relation.kind == "oto" and leg in self._under(order, relation.children[1]):
                best = (relation.children[0], self._exits(order, relation.children[1]))
        return best
