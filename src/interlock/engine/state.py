"""The engine's state: plain data, a fold over facts, owned by nobody but ``evolve``.

Decides what is remembered. Invariant: everything here follows from the journal's facts, except
the fields of ``MarketView`` marked volatile, which the next tick brings back.
"""

from msgspec import Struct, field

from interlock.engine.leg import ENDS, LegState
from interlock.engine.triggers import Entry, TriggerChannel
from interlock.orders.capabilities import Capabilities
from interlock.orders.facts import Channel
from interlock.orders.instruments import Grid
from interlock.orders.legs import LegType, TimeInForce
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import LegTerms, OrderTerms, Relation

NEVER = 1 << 62
PLAIN = Capabilities()
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
    volume_base: int = 0
    retries: int = 0
    not_before: int = 0
    canceling: bool = False
    """The trader asked for this leg's end."""
    restores: int = 0
    end_reason: str = ""
    gone_at: int = 0
    """When its last venue order ended without having filled; a late fill may still come."""
    late_looks: tuple[tuple[int, int], ...] = ()
    """(attempt, due): canceled attempts to be asked about once more, for a fill told to nobody."""
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


class MarketView:
    """What is known of one instrument's market, and what waits on it."""

    __slots__ = (
        "ask",
        "bid",
        "channels",
        "counted",
        "fresh",
        "grid",
        "halted",
        "last",
        "last_at",
        "last_channel",
        "marks",
        "quote_at",
        "volume",
        "volume_next",
        "volume_waits",
    )

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.last = 0
        self.bid = 0
        self.ask = 0
        self.last_at = 0
        self.quote_at = 0
        self.marks: dict[Channel, int] = {}
        """Volatile, like all prices here: mark and index."""
        self.last_channel = TriggerChannel()
        """The last price's channel, at hand for the quiet trade."""
        self.channels: dict[Channel, TriggerChannel] = {Channel.LAST: self.last_channel}
        self.halted = False
        self.volume = 0
        """Volatile: traded since start, never below ``counted``."""
        self.counted = 0
        self.volume_next = NEVER
        """The lowest volume that something waits for."""
        self.volume_waits: list[tuple[int, tuple[str, int]]] = []
        self.fresh = True
        """No price since the start or the last interruption: a trigger now is a gap."""

    def price(self, channel: Channel) -> int | None:
        """The last price of a channel, if there is a sound one."""
        if channel is Channel.LAST:
            return self.last or None
        if channel is Channel.MARK or channel is Channel.INDEX:
            return self.marks.get(channel)
        if not 0 < self.bid < self.ask:
            return None
        if channel is Channel.BID:
            return self.bid
        return self.ask if channel is Channel.ASK else self.bid + self.ask

    def reference(self) -> int | None:
        """A price to value an order at: the last trade, else the middle of the quote."""
        if self.last:
            return self.last
        return (self.bid + self.ask) // 2 if 0 < self.bid < self.ask else None


class Settings(Struct, frozen=True):
    """The engine's own limits. Each is named in the refusal or incident it causes."""

    retries_max: int = 3
    """Refused exits are sent again this often before ``on_exit_reject`` goes on."""
    market_retries_max: int = 8
    retry_after_ns: int = 250_000_000
    query_after_ns: int = 1_000_000_000
    """Between two looks at an order whose fate is unknown, doubled up to 32 times."""
    queries_alert: int = 3
    """Unanswered looks after which a person is told."""
    stale_after_ns: int = 5_000_000_000
    """A price older than this when it reaches us fires nothing."""
    late_look_ns: int = 5_000_000_000
    """After a venue order was canceled, it is asked about once more for a fill told to nobody."""
    late_fill_ns: int = 60_000_000_000
    """After an interruption, orders gone for less than this are asked about for late fills."""
    forget_after_ns: int = 900_000_000_000
    """A done order stays in memory this long, for late fills."""
    volume_every_ns: int = 1_000_000_000


class State:
    """Everything the engine knows."""

    __slots__ = (
        "by_client_id",
        "capabilities",
        "down",
        "entries",
        "epoch",
        "known",
        "markets",
        "net",
        "now",
        "orders",
        "positions_seen",
        "seq",
        "settings",
        "signal_waits",
        "signals",
        "started_at",
        "timers",
    )

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.seq = 0
        """Facts so far; the next fact is ``seq + 1``."""
        self.now = 0
        self.epoch = 0
        self.started_at = 0
        """When this process began; a recall may have left just before the last one ended."""
        self.capabilities: dict[str, Capabilities] = {}
        self.down: dict[str, bool] = {}
        self.markets: dict[str, MarketView] = {}
        self.orders: dict[str, Order] = {}
        self.by_client_id: dict[tuple[str, str], tuple[str, str]] = {}
        """(account, client order id) -> (order id, digest of the body); never forgotten."""
        self.signals: dict[str, int] = {}
        """Last values, times ``10 ** 9``."""
        self.signal_waits: dict[str, dict[tuple[str, int], bool]] = {}
        self.net: dict[tuple[str, str, str], int] = {}
        """Signed quantity our fills have made of each (account, instrument, position side)."""
        self.positions_seen: dict[tuple[str, str, str], int] = {}
        """A venue's word on a position that we wait to hear again."""
        self.entries: dict[tuple[str, int], list[tuple[TriggerChannel, Entry]]] = {}
        """What each leg (or atom) has waiting in the index."""
        self.timers: list[tuple[int, str]] = []
        """A heap of wake-ups asked for; derived from the orders, never journaled."""

    def capabilities_of(self, instrument: str) -> Capabilities:
        """What the instrument's venue can; a plain venue when it has not said."""
        return self.capabilities.get(self.markets[instrument].grid.venue, PLAIN)

    def channel(self, instrument: str, channel: Channel) -> TriggerChannel:
        channels = self.markets[instrument].channels
        found = channels.get(channel)
        if found is None:
            found = channels[channel] = TriggerChannel()
        return found
