"""What the auditor remembers of an order: its tree, and what was said of it since.

Decides nothing. It knows an order only by ``OrderAccepted`` and the facts that follow; it shares no
code with the engine and is simpler: dicts, walked from end to end. Invariant: a record is written
by the auditor's own reading of facts alone.
"""

from msgspec import Struct, field

from interlock.orders.legs import LegType
from interlock.orders.terms import LegTerms, OrderTerms, Relation

STOPS = (LegType.STOP, LegType.STOP_LIMIT, LegType.TRAILING_STOP, LegType.TRAILING_STOP_LIMIT)
TRAILS = (LegType.TRAILING_STOP, LegType.TRAILING_STOP_LIMIT)


class Attempt(Struct):
    """One venue order."""

    quantity: int
    price: int | None = None
    trigger_price: int | None = None
    filled: int = 0
    live: bool = True
    question: str = ""
    """The fact that opened the question now in flight, if one is."""
    asked: int = 0
    """The total that the amend in flight asks for."""
    since: int = 0
    """The event_seq at which that question was opened."""
    asking: bool = False
    """The venue is being asked what became of it."""
    reduce_only: bool = False
    recalled: bool = False
    born: int = 0
    """The event_seq of its intent."""

    @property
    def leaves(self) -> int:
        return self.quantity - self.filled


class Fill(Struct):
    leg: int
    attempt: int
    quantity: int
    price: int
    confirmed: bool


class Waiting(Struct):
    """An armed leg, as the auditor sees it."""

    quantity: int
    level: int | None
    sure: int | None = None
    """The best price a trailing stop is certain to have seen, since the start of this process."""
    best: int | None = None
    """The best price it may have seen."""
    durable: int | None = None
    """The best price that is in the journal: what a new process goes on from."""
    touches: int = 0
    touched_at: int = 0


class Record(Struct):
    """One order."""

    terms: OrderTerms
    legs: list[LegTerms]
    attempts: dict[tuple[int, int], Attempt] = field(default_factory=dict)
    cum: dict[int, int] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    claims: dict[int, int] = field(default_factory=dict)
    armed: dict[int, Waiting] = field(default_factory=dict)
    active: dict[int, bool] = field(default_factory=dict)
    """Trailing stops past their activation price."""
    triggered: dict[int, bool] = field(default_factory=dict)
    fired: dict[int, int] = field(default_factory=dict)
    """Where legs that trigger said they did, in whole increments."""
    at_market: dict[int, bool] = field(default_factory=dict)
    """Legs that went on as market orders."""
    ended: dict[int, str] = field(default_factory=dict)
    canceling: dict[int, bool] = field(default_factory=dict)
    holds: dict[int, bool] = field(default_factory=dict)
    """Whether a leg's condition was last said to hold."""
    parts: dict[int, int] = field(default_factory=dict)
    """The parts of a leg's condition that were last said to hold, as a bit mask."""
    incidents: dict[str, int] = field(default_factory=dict)
    """By kind: quantities told of, at least one each."""
    held_then: dict[int, int] = field(default_factory=dict)
    """The most each oto held when something was sent or amended in this batch of facts."""
    amended: bool = False
    winding: str = ""
    winding_reason: str = ""
    expiring: bool = False
    taken: str = ""
    """A leg whose venue order was canceled by others, until a person is told."""
    adjusted: int = 0
    done: str = ""

    @property
    def id(self) -> str:
        return self.terms.id

    @property
    def relations(self) -> tuple[Relation, ...]:
        return self.terms.relations

    def live(self, leg: int) -> list[Attempt]:
        return [a for (n, _), a in self.attempts.items() if n == leg and a.live]

    def unconfirmed(self, leg: int) -> int:
        return sum(i.quantity for i in self.fills.values() if i.leg == leg and not i.confirmed)

    def under(self, node: int) -> list[int]:
        """The legs of a node."""
        if node >= 0:
            return [node]
        return [n for c in self.relations[~node].children for n in self.under(c)]

    def relation_of(self, node: int) -> int | None:
        """The relation that a node stands in directly."""
        numbers = (n for n, relation in enumerate(self.relations) if node in relation.children)
        return next(numbers, None)

    def fill(self, node: int) -> int:
        """What a node has filled: an oto what its first has, others what their nodes have."""
        if node >= 0:
            return self.cum.get(node, 0)
        relation = self.relations[~node]
        if relation.kind == "oto":
            return self.fill(relation.children[0])
        return sum(self.fill(child) for child in relation.children)

    def exits(self, number: int) -> list[int]:
        """The exits under the ``then`` of oto ``number``, safety stops included."""
        then = self.under(self.relations[number].children[1])
        out = [n for n in then if self.legs[n].exits and self.oto_above(n) == number]
        if out:
            out += [
                n
                for n, leg in enumerate(self.legs)
                if leg.system == "safety_stop" and leg.scope == number
            ]
        return out

    def oto_above(self, leg: int) -> int | None:
        """The innermost oto under whose ``then`` a leg stands."""
        best: tuple[int, int] | None = None
        for number, relation in enumerate(self.relations):
            if relation.kind == "oto":
                then = self.under(relation.children[1])
                if leg in then and (best is None or len(then) < best[0]):
                    best = (len(then), number)
        return best[1] if best is not None else None

    def held(self, number: int) -> int:
        """What oto ``number`` has opened, and neither exits nor others have undone."""
        first = self.relations[number].children[0]
        out = sum(self.cum.get(n, 0) for n in self.exits(number))
        inside = self.under(first)
        flat = sum(  # what a flatten trades beyond its size is an excess of its own
            min(leg.quantity, self.cum.get(n, 0))
            for n, leg in enumerate(self.legs)
            if leg.system == "flatten" and leg.scope in inside
        )
        return self.fill(first) - out - flat - (self.adjusted if self.alone(number) else 0)

    def guarded(self, number: int) -> int:
        """What is held of oto ``number`` and was to have a stop: a trader who made one smaller
        leaves the rest bare by wish, and what targets fill comes off it first."""
        held = self.held(number)
        if not self.amended:
            return held
        exits = self.exits(number)
        stops = sum(self.legs[n].quantity for n in exits if self.legs[n].type in STOPS)
        return min(held, max(0, stops - sum(self.cum.get(n, 0) for n in exits)))

    def alone(self, number: int) -> bool:
        """Whether all that others closed must have been of this oto."""
        otos = [n for n, relation in enumerate(self.relations) if relation.kind == "oto"]
        return otos == [number]

    def forget_condition(self, leg: int) -> None:
        """A condition that is looked at anew begins with nothing said of it."""
        self.holds.pop(leg, None)
        self.parts.pop(leg, None)

    def told(self, *kinds: str) -> bool:
        return any(kind in self.incidents for kind in kinds)
