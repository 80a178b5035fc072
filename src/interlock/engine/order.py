"""An order and its legs as the engine keeps them: plain data, written by ``evolve`` alone.

Decides what is remembered of an order's life. Invariant: every field follows from the journal's
facts; ``Order.wake`` alone is derived anew on recovery.
"""

from msgspec import Struct, field

from interlock.engine.leg import ENDS, LegState
from interlock.orders.legs import LegType, TimeInForce
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import LegTerms, OrderTerms, Relation

NEVER = 1 << 62
NOTHING_LEFT = "nothing left for it"
ALL_EXITED = "all that was there to exit"
FOR_WANT_OF_QUANTITY = (NOTHING_LEFT, ALL_EXITED)
"""Ends that a corrected fill takes back: the leg lives again if there is something to exit."""
SENDS_MARKET = (LegType.STOP, LegType.TRAILING_STOP, LegType.MARKET_IF_TOUCHED, LegType.MARKET)
STOPS = (LegType.STOP, LegType.STOP_LIMIT, LegType.TRAILING_STOP, LegType.TRAILING_STOP_LIMIT)
TRAILS = (LegType.TRAILING_STOP, LegType.TRAILING_STOP_LIMIT)


class Booked(Struct, gc=False):
    """An execution counted on a leg."""

    quantity: int
    price: int
    attempt: int
    fee: int = 0
    confirm_by: int = 0
    """0 once confirmed; else when the venue is asked about it."""
    at: int = 0
    doubted: int = 0
    """When an answer of the venue first left it out; 0 while there is no doubt."""


NO_FILLS: dict[str, Booked] = {}
NO_CLAIMS: dict[int, int] = {}
NO_INCIDENTS: dict[str, int] = {}
"""Shared by all that have none, and never written to: a million quiet orders need no dicts."""


class VenueOrder(Struct, gc=False):
    """The one attempt of a leg that may be live at the venue."""

    attempt: int
    order_type: VenueOrderType
    quantity: int
    """Total, filled part included."""
    valid_until: int
    """The last moment a request about it may still take effect at the venue."""
    deadline: int
    """When we stop waiting for an answer and ask."""
    price: int | None = None
    trigger_price: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    cum: int = 0
    acknowledged: bool = False
    recalled: bool = False
    """We have asked for its cancel at least once."""
    request: int = 0
    """The last question asked about it."""
    acted: int = 0
    """The last request that could change it; answers to questions before it are stale."""
    querying: bool = False
    queries: int = 0
    list_id: str = ""
    pending: bool = False
    """Sent to wait at the venue for its entry's complete fill."""
    sent_at: int = 0
    amending_until: int = 0
    """An amend may still take effect until then; 0 when none is open."""


class Leg(Struct, gc=False):
    """A leg's life so far."""

    terms: LegTerms
    state: LegState = LegState.HELD
    venue: VenueOrder | None = None
    attempts: int = 0
    cum: int = 0
    fees: int = 0
    fills: dict[str, Booked] = field(default_factory=lambda: NO_FILLS)
    armed: bool = False
    armed_level: int | None = None
    armed_quantity: int = 0
    """What was last said to be covered; the leg sends what is there when it fires."""
    watermark: int | None = None
    active: bool = False
    """A trailing stop past its activation price."""
    triggered: bool = False
    triggered_at: int = 0
    trigger_level: int | None = None
    """Where it triggered; a trailing stop-limit prices from it."""
    escalated: bool = False
    suspended: bool = False
    """A gap was met under ``hold_and_alert``: it waits for a person."""
    atoms: int = 0
    holds: bool = False
    volume_base: int = -1
    """The volume that a volume condition counts from; -1 until the leg first waits."""
    retries: int = 0
    not_before: int = 0
    canceling: bool = False
    """The trader asked for this leg's end."""
    restores: int = 0
    end_reason: str = ""
    gone_at: int = 0
    """When its last venue order ended without having filled; a late fill may still come."""
    late_looks: tuple[tuple[int, int, int], ...] = ()
    """(attempt, due, asked): attempts that are over and are asked about once more, for a fill told
    to nobody; and how often they were asked about without an answer."""
    refused: int = 0
    """Amends the venue refused in a row."""

    @property
    def ended(self) -> bool:
        return self.state in ENDS

    @property
    def value(self) -> int:
        """Sum of quantity times price over its fills."""
        return sum(booked.quantity * booked.price for booked in self.fills.values())

    @property
    def at_rest(self) -> bool:
        """Working, with no question open: the only time a request about it may be made."""
        return self.state is LegState.WORKING and self.venue is not None and not self.venue.querying

    @property
    def unconfirmed(self) -> int:
        return sum(b.quantity for b in self.fills.values() if b.confirm_by)

    @property
    def protective(self) -> bool:
        """A stop that exits: it wins over a target on the same tick, and it is never lost."""
        return self.terms.exits and self.terms.type in STOPS

    @property
    def undoes(self) -> bool:
        """Interlock's own: it undoes an excess, or closes what a winding order holds."""
        return self.terms.system in ("flatten", "close")


class Order(Struct, gc=False):
    """An accepted order's life so far."""

    terms: OrderTerms
    legs: list[Leg]
    at: int
    version: int = 1
    claims: dict[int, int] = field(default_factory=lambda: NO_CLAIMS)
    """Relation number -> the leg that holds its claim."""
    winding: str = ""
    """``protect``, ``flatten`` or ``release`` once it is being canceled."""
    winding_reason: str = ""
    expiring: bool = False
    adjusted: int = 0
    """Exposure that somebody else has closed."""
    fired: int = 0
    """Bit mask of the rules that have fired."""
    done: str = ""
    done_at: int = 0
    incidents: dict[str, int] = field(default_factory=lambda: NO_INCIDENTS)
    """Open incidents, ``kind:leg`` -> quantity."""
    wake: int = NEVER
    """The earliest wake-up already asked for; not a fact, rebuilt on recovery."""

    @property
    def id(self) -> str:
        return self.terms.id

    @property
    def relations(self) -> tuple[Relation, ...]:
        return self.terms.relations
