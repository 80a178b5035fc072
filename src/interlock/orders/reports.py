"""Reports: what a venue tells us. ``at`` is when we received it, ns UTC.

A report never says more than the venue does: ``Rejected`` is the venue's own no, ``OutcomeUnknown``
is a request whose fate must be asked for, and nothing is concluded from an absence.
"""

from enum import StrEnum

from msgspec import Struct

from interlock.orders.legs import PositionSide


class VenueReject(StrEnum):
    """Why a venue refused a request, in our words."""

    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    """The first send arrived: ask what became of it, do not send another."""
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    OFF_INCREMENT = "off_increment"
    BELOW_MINIMUM = "below_minimum"
    BELOW_NOTIONAL = "below_notional"
    PRICE_BAND = "price_band"
    POST_ONLY_WOULD_CROSS = "post_only_would_cross"
    WOULD_TRIGGER = "would_trigger"
    REDUCE_ONLY = "reduce_only"
    POSITION_SIDE = "position_side"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    HALTED = "halted"
    RATE_LIMITED = "rate_limited"
    TOO_LATE = "too_late"
    """The request arrived after its validity; it did nothing."""
    UNSUPPORTED = "unsupported"
    UNKNOWN_ORDER = "unknown_order"
    ALREADY_DONE = "already_done"


class CancelReason(StrEnum):
    """Who ended a venue order, as far as the venue says."""

    REQUESTED = "requested"
    OUTSIDE = "outside"
    """Somebody else: a person in the venue's own screen, or the venue's staff."""
    OCO = "oco"
    IMMEDIATE = "immediate"
    """What an immediate-or-cancel or fill-or-kill order could not fill."""
    REDUCE_ONLY = "reduce_only"
    """Nothing was left to reduce."""
    COUNTDOWN = "countdown"
    """The venue's own countdown, which we had armed, ran out."""


class Execution(Struct, frozen=True, gc=False):
    """One fill. ``exec_id`` identifies it for ever; ``fee`` is in the instrument's money units."""

    exec_id: str
    quantity: int
    price: int
    fee: int = 0
    maker: bool = False
    fee_quantity: int = 0
    """What the venue kept of what was bought, as its fee, in quantity increments."""


class Acknowledged(Struct, frozen=True, tag="acknowledged", gc=False):
    at: int
    client_id: str
    venue_id: str


class Filled(Struct, frozen=True, tag="filled"):
    at: int
    client_id: str
    execution: Execution


class Canceled(Struct, frozen=True, omit_defaults=True, tag="canceled", gc=False):
    at: int
    client_id: str
    cum_quantity: int
    reason: CancelReason = CancelReason.REQUESTED


class Rejected(Struct, frozen=True, omit_defaults=True, tag="rejected", gc=False):
    """A submit that the venue refused: no order exists under this id."""

    at: int
    client_id: str
    code: VenueReject
    detail: str = ""
    retry_at: int | None = None


class Expired(Struct, frozen=True, tag="expired", gc=False):
    at: int
    client_id: str
    cum_quantity: int


class CancelRefused(Struct, frozen=True, tag="cancel_refused", gc=False):
    """Means *ask*, never *still working*: a fill may be on its way (VENUES 6.1 C6)."""

    at: int
    client_id: str
    request: int
    code: VenueReject


class Amended(Struct, frozen=True, omit_defaults=True, tag="amended", gc=False):
    """``request`` is None when somebody else changed the order."""

    at: int
    client_id: str
    quantity: int
    price: int | None = None
    trigger_price: int | None = None
    request: int | None = None


class AmendRefused(Struct, frozen=True, omit_defaults=True, tag="amend_refused", gc=False):
    at: int
    client_id: str
    request: int
    code: VenueReject
    detail: str = ""


class OutcomeUnknown(Struct, frozen=True, tag="outcome_unknown", gc=False):
    """A request timed out, or failed in a way that proves nothing.

    Never the answer to a question: one that cannot be asked is met with silence, and asked again
    after a pause that grows.
    """

    at: int
    client_id: str
    detail: str = ""


class VenueStatus(StrEnum):
    WORKING = "working"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"


class OrderStatus(Struct, frozen=True, omit_defaults=True, tag="order_status"):
    """The answer to a query. ``as_of`` is the venue's clock when it looked."""

    at: int
    client_id: str
    request: int
    status: VenueStatus
    as_of: int
    quantity: int = 0
    price: int | None = None
    trigger_price: int | None = None
    fills: tuple[Execution, ...] = ()
    """Every fill of the order so far."""
    reason: CancelReason | None = None
    """Who canceled it, where the venue or what we know of it proves that."""


class OpenOrder(Struct, frozen=True, gc=False):
    client_id: str
    account: str
    instrument: str
    quantity: int
    cum_quantity: int


class OpenOrders(Struct, frozen=True, tag="open_orders"):
    """Every open order at the venue. Incomplete lists conclude nothing."""

    at: int
    venue: str
    as_of: int
    orders: tuple[OpenOrder, ...]
    complete: bool = True


class FillsTold(Struct, frozen=True, tag="fills_told", gc=False):
    """Every fill of ours up to ``until`` has been told. Without it nothing is known to be whole."""

    at: int
    venue: str
    until: int


class Position(Struct, frozen=True, omit_defaults=True, tag="position", gc=False):
    """The account's position at the venue; signed, in quantity increments."""

    at: int
    account: str
    instrument: str
    quantity: int
    as_of: int
    position_side: PositionSide | None = None


class Balance(Struct, frozen=True, omit_defaults=True, gc=False):
    """What an account has of one asset, as exact decimal texts. The last three are there where
    positions are held on margin, and None elsewhere.
    """

    asset: str
    free: str
    """Held by nothing: it can be spent, or taken out."""
    locked: str
    """What open orders hold, and the margin that positions began with."""
    wallet: str | None = None
    """What was paid in, with what was realised, fees and funding; without what is open."""
    available_margin: str | None = None
    """What new orders and positions may still take; negative when more is lost than there is."""
    maintenance_margin: str | None = None
    """What positions must keep: below it they are liquidated."""


class BalancesTold(Struct, frozen=True, tag="balances_told"):
    """All that an account has at a venue: an asset that is not told is not there."""

    at: int
    venue: str
    account: str
    as_of: int
    balances: tuple[Balance, ...]


class InstrumentStatus(Struct, frozen=True, omit_defaults=True, tag="instrument_status", gc=False):
    at: int
    instrument: str
    trading: bool
    detail: str = ""
    delisted: bool = False
    """It will not trade again, as far as the venue says."""


class Connection(Struct, frozen=True, omit_defaults=True, tag="connection", gc=False):
    """The connection to a venue went down or came back. After ``up`` everything is asked again."""

    at: int
    venue: str
    up: bool
    detail: str = ""


Report = (
    Acknowledged
    | Filled
    | Canceled
    | Rejected
    | Expired
    | CancelRefused
    | Amended
    | AmendRefused
    | OutcomeUnknown
    | OrderStatus
    | OpenOrders
    | FillsTold
    | Position
    | BalancesTold
    | InstrumentStatus
    | Connection
)
