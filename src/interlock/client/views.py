"""Answers, typed: what the server shows, with ``Decimal`` where it gives decimal text.

Decides nothing: the names are the API's. Invariant: a field that a newer server adds does no harm.
Times are integer nanoseconds UTC.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct


class Distance(Struct, frozen=True):
    """A distance in price: one of an offset, basis points, or increments."""

    offset: Decimal | None = None
    bps: int | None = None
    ticks: int | None = None

    def __str__(self) -> str:
        known = (("offset", self.offset), ("bps", self.bps), ("ticks", self.ticks))
        return " ".join(f"{value} {unit}" for unit, value in known if value is not None)


class FromEntry(Struct, frozen=True):
    """A price relative to the average entry fill; positive is in favour of the position."""

    from_entry: Distance


Level = Decimal | FromEntry
"""A price, or how far it will be from the entry's average fill."""


class Placed(Struct, frozen=True):
    """An order was accepted, durably. ``replayed``: it had been before, and nothing was done."""

    order_id: str
    client_order_id: str
    version: int = 1
    replayed: bool = False


class Done(Struct, frozen=True):
    """The request took effect, durably."""

    order_id: str = ""
    version: int = 0
    orders: tuple[str, ...] = ()
    """The ids of the orders it was carried out on, where there may be several."""
    replayed: bool = False


class ProblemView(Struct, frozen=True):
    """Why one element of a batch was refused."""

    code: str
    status: int = 0
    detail: str = ""
    pointer: str = ""
    way_out: str = ""
    setting: str = ""
    retry: bool = False


class BatchResult(Struct, frozen=True):
    """What became of one element of a batch: ``accepted`` or ``refused``."""

    index: int
    status: str
    client_order_id: str = ""
    order_id: str = ""
    replayed: bool = False
    problem: ProblemView | None = None


class Batch(Struct, frozen=True):
    batch_id: str
    accepted: int
    refused: int
    results: tuple[BatchResult, ...]


class Leg(Struct, frozen=True):
    """One leg as it stands."""

    leg: str
    type: str
    instrument: str
    side: str
    quantity: Decimal
    cum_quantity: Decimal
    status: str
    price: Level | None
    """The limit; a relative one stays so: ``venue_orders`` has what was sent for it."""
    trigger_price: Level | None
    """What makes it due; a relative one until it is armed."""
    system: str
    """Why Interlock added it: ``flatten``, ``close`` or ``safety_stop``; else empty."""
    reason: str
    updated_at: int


class VenueOrder(Struct, frozen=True):
    """What was sent to a venue for a leg."""

    venue_order_id: str
    leg: str
    instrument: str
    side: str
    order_type: str
    quantity: Decimal
    cum_quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    status: str
    venue_id: str
    reason: str
    sent_at: int
    updated_at: int


class Fill(Struct, frozen=True):
    """One execution."""

    event_seq: int
    at: int
    order_id: str
    leg: str
    venue_order_id: str
    exec_id: str
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    confirmed: bool
    late: bool


class Incident(Struct, frozen=True):
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


class Order(OrderLine, frozen=True):
    """An order whole: as it was placed, and as it stands."""

    placed: dict[str, Any]
    """The accepted tree, policy and rules, as JSON."""
    legs: tuple[Leg, ...]
    venue_orders: tuple[VenueOrder, ...]
    fills: tuple[Fill, ...]
    incidents: tuple[Incident, ...]

    @property
    def done(self) -> bool:
        return self.done_at is not None


class Position(Struct, frozen=True):
    """What our fills have made of an account's position."""

    account: str
    instrument: str
    position_side: str | None
    quantity: Decimal


class Instrument(Struct, frozen=True):
    """An instrument and its market as last seen."""

    symbol: str
    price_increment: Decimal
    quantity_increment: Decimal
    halted: bool
    last: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    delisted: bool = False
    calendar: str | None = None
    """What its sessions are known by."""


class VenueHealth(Struct, frozen=True):
    """What a server knows of its connection. Times are ns UTC, 0 for never."""

    connected: bool
    since: int
    """When that began."""
    heard_at: int
    clock_ahead_ms: int | None
    weight_used: int | None
    weight_limit: int | None
    blocked_until: int
    counting_down: tuple[str, ...] = ()
    """Symbols for which its own countdown is armed behind ours."""


class Venue(Struct, frozen=True):
    """A venue, how the connection is, what it can, and so where legs wait."""

    venue: str
    connected: bool
    health: VenueHealth
    capabilities: dict[str, Any]
    rests_at_the_venue: str
    depends_on_this_server: str


class Halt(Struct, frozen=True):
    """Nothing new is taken for ``account``, or for all where there is none."""

    account: str | None
    at: int
    by: str
    why: str


class VenueEmptied(Struct, frozen=True):
    """What a venue says is left after a kill. With ``complete`` and nothing ``left`` it is over."""

    venue: str
    connected: bool
    as_of: int
    complete: bool
    protecting: tuple[str, ...]
    """Venue orders that stay because they protect a position."""
    left: tuple[str, ...]
    recalled_again: int


class Closes(Struct, frozen=True):
    """A position that a flattening closes."""

    account: str
    instrument: str
    position_side: str
    quantity: Decimal
    tag: str


class Killed(Struct, frozen=True):
    halt: Halt | None
    recalled: dict[str, tuple[str, ...]]
    """Account -> the ids of its orders that are being recalled (in a drill: would be)."""
    venues: tuple[VenueEmptied, ...] = ()
    scope: dict[str, str] = {}
    level: str = ""
    drill: bool = False
    closes: tuple[Closes, ...] = ()


class LimitedScope(Struct, frozen=True):
    """A scope's limits, and the figures they are held against now."""

    scope: dict[str, str]
    limits: dict[str, Any]
    figures: dict[str, Any]


class Signal(Struct, frozen=True):
    """A signal as it stands; ``frozen_at`` is 0 while it counts."""

    name: str
    value: Decimal | None = None
    counted_at: int = 0
    frozen_at: int = 0
    legs_waiting: int = 0
    rules: dict[str, Any] | None = None


class Block(Struct, frozen=True):
    """Why a scope takes no new risk."""

    cause: str
    name: str
    scope: dict[str, str]
    level: str
    at: int
    by: str = ""
    why: str = ""
    waits: bool = False
    until: int = 0
    half_open: bool = False
    times: int = 1


class Countdown(Struct, frozen=True):
    """A dead-man switch; ``until`` is when it runs out, ns UTC."""

    name: str
    scope: dict[str, str]
    after_ns: int
    until: int
    level: str
    by: str = ""


class Key(Struct, frozen=True):
    """A key's terms, never its secret. Times are 0 for never."""

    id: str
    name: str
    scopes: tuple[str, ...]
    accounts: tuple[str, ...]
    allowed_ips: tuple[str, ...]
    created_at: int
    expires_at: int
    revoked_at: int
    last_used_at: int
    damaged: bool = False


class NewKey(Struct, frozen=True):
    """A key with its secret, which is never shown again."""

    key: Key
    secret: str


class Session(Struct, frozen=True):
    session: str


class Health(Struct, frozen=True):
    status: str
    environment: str


class RiskLine(Struct, frozen=True):
    """One order's risk in one instrument, or (without an id) what no live order answers for."""

    order_id: str
    account: str
    instrument: str
    exposure: Decimal
    covered: Decimal
    uncovered: Decimal
    if_all_entries_fill: tuple[Decimal, Decimal]
    loss_if_stopped: Decimal


class RiskSum(Struct, frozen=True):
    """An account's risk in one instrument."""

    account: str
    instrument: str
    exposure: Decimal
    covered: Decimal
    uncovered: Decimal
    if_all_entries_fill: tuple[Decimal, Decimal]
    loss_if_stopped: Decimal
    orders: int


class Risk(Struct, frozen=True):
    by_account: tuple[RiskSum, ...]
    orders: tuple[RiskLine, ...]
    """The uncovered first."""
    as_of_seq: int = 0


class Sending(Struct, frozen=True):
    """A venue order that would be sent at once."""

    leg: str
    instrument: str
    side: str
    order_type: str
    quantity: Decimal
    price: Decimal | None = None
    trigger_price: Decimal | None = None


class Preview(Struct, frozen=True):
    """What placing an order would do."""

    accepted: bool
    problem: ProblemView | None
    sends: tuple[Sending, ...]
    waits: tuple[str, ...]
    risk: tuple[RiskLine, ...]


class Difference(Struct, frozen=True):
    """Something a venue and the server do not agree on: ``missing``, ``stray``, ``quantity`` or
    ``position``.
    """

    kind: str
    what: str
    here: str
    there: str


class Balance(Struct, frozen=True):
    """What a venue says there is of an asset; the last three only where there is margin."""

    asset: str
    free: Decimal
    locked: Decimal
    wallet: Decimal | None = None
    available_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None


class AccountBalances(Struct, frozen=True):
    """Of one account, as of ``as_of``, ns UTC."""

    account: str
    as_of: int
    balances: tuple[Balance, ...]


class VenueReconciled(Struct, frozen=True):
    """One venue as it stood at ``as_of``; not ``complete``: an absence means nothing."""

    venue: str
    connected: bool
    as_of: int
    complete: bool
    fills_told_to: int
    open_orders: int
    differences: tuple[Difference, ...]
    balances: tuple[AccountBalances, ...] = ()


class Settled(Struct, frozen=True):
    """A fact that asking has led to."""

    event_seq: int
    type: str
    what: str


class Reconciliation(Struct, frozen=True):
    venues: tuple[VenueReconciled, ...]
    settled: tuple[Settled, ...]
