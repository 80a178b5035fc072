"""Facts: immutable statements of what happened. State is a fold over them and nothing else.

Decides the journal's vocabulary. Encoded as arrays (MessagePack): fields are only ever appended,
with a default, so that every later version reads every earlier journal. Prices and quantities are
whole increments of the leg's instrument; ``orders.wire`` turns a fact into DESIGN 2.6's JSON.
``at`` is the time of the input that caused the fact. ``leg`` is the leg's number in its order.
"""

from enum import StrEnum

from msgspec import Struct

from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import Accepted
from interlock.orders.fact import LegFact, OrderFact, TimedFact, VenueOrderFact
from interlock.orders.incidents import IncidentKind as IncidentKind
from interlock.orders.instruments import Instrument
from interlock.orders.legs import PositionSide, TimeInForce
from interlock.orders.rejects import Reject
from interlock.orders.reports import CancelReason, VenueReject, VenueStatus
from interlock.orders.requests import VenueOrderType
from interlock.orders.riskfacts import BlockLifted as BlockLifted
from interlock.orders.riskfacts import BlockSet as BlockSet
from interlock.orders.riskfacts import CountdownArmed as CountdownArmed
from interlock.orders.riskfacts import CountdownDisarmed as CountdownDisarmed
from interlock.orders.riskfacts import InstrumentDelisted as InstrumentDelisted
from interlock.orders.riskfacts import LegRefused as LegRefused
from interlock.orders.riskfacts import LimitsSet as LimitsSet
from interlock.orders.riskfacts import LossDayBegan as LossDayBegan
from interlock.orders.riskfacts import MarginSeen as MarginSeen
from interlock.orders.riskfacts import RiskFact as RiskFact
from interlock.orders.riskfacts import SecondThoughtAsked as SecondThoughtAsked
from interlock.orders.riskfacts import SecondThoughtTaken as SecondThoughtTaken
from interlock.orders.riskfacts import SessionsSet as SessionsSet
from interlock.orders.riskfacts import SignalDefined as SignalDefined
from interlock.orders.riskfacts import SignalFrozen as SignalFrozen
from interlock.orders.riskfacts import SignalHeard as SignalHeard
from interlock.orders.riskfacts import SignalSound as SignalSound
from interlock.orders.terms import Change, LegTerms, OrderTerms

# The world the engine lives in.


class InstrumentDefined(TimedFact, frozen=True, array_like=True, tag=True):
    instrument: Instrument


class VenueDefined(TimedFact, frozen=True, array_like=True, tag=True):
    venue: str
    capabilities: Capabilities


class InstrumentHalted(TimedFact, frozen=True, array_like=True, tag=True):
    instrument: str
    detail: str = ""


class InstrumentResumed(TimedFact, frozen=True, array_like=True, tag=True):
    instrument: str


class VenueDisconnected(TimedFact, frozen=True, array_like=True, tag=True):
    venue: str
    detail: str = ""


class VenueConnected(TimedFact, frozen=True, array_like=True, tag=True):
    venue: str


class SignalReceived(TimedFact, frozen=True, array_like=True, tag=True):
    name: str
    value: str


class Channel(StrEnum):
    """One stream of prices a trigger can watch. Mid is kept in half increments."""

    LAST = "last"
    BID = "bid"
    ASK = "ask"
    MID = "mid"
    MARK = "mark"
    INDEX = "index"


class WatermarkMoved(TimedFact, frozen=True, array_like=True, tag=True, gc=False):
    """A new extreme for the trailing stops of one instrument and source: one fact for all."""

    instrument: str
    channel: Channel
    price: int


class VolumeCounted(TimedFact, frozen=True, array_like=True, tag=True, gc=False):
    """Volume traded so far, for volume conditions; at most one a second per instrument."""

    instrument: str
    quantity: int


class EngineStarted(TimedFact, frozen=True, array_like=True, tag=True):
    """The process began, again or for the first time; everything in doubt is asked about."""

    epoch: int


class CommandRefused(TimedFact, frozen=True, array_like=True, tag=True):
    """A command was refused; nothing of it stays. Kept so that the story is complete."""

    client_order_id: str
    command: str
    reject: Reject
    account: str = ""
    symbol: str = ""
    """The first instrument it names, and its strategy, where it is a placement."""
    strategy: str = ""


class RequestAnswered(TimedFact, frozen=True, array_like=True, tag=True):
    """A request under an idempotency key was answered; repeated, it is answered the same."""

    caller: str
    key: str
    digest: str
    accepted: Accepted | None = None
    refused: Reject | None = None


# An order's life.


class Armed(Struct, frozen=True, array_like=True, gc=False):
    """Where one leg waits from the moment its order is accepted; as ``LegArmed`` says it."""

    trigger_price: int | None = None
    watermark: int | None = None


class OrderAccepted(TimedFact, frozen=True, array_like=True, tag=True, gc=False):
    """An order exists. ``armed`` is not empty when every leg waits here for its own price at
    once, with its whole quantity: one entry per leg, in place of as many ``LegArmed``.
    """

    terms: OrderTerms
    armed: tuple[Armed, ...] = ()

    @property
    def order_id(self) -> str:
        return self.terms.id


class OrderAmended(OrderFact, frozen=True, array_like=True, tag=True):
    version: int
    changes: tuple[Change, ...]
    by: str
    """``trader``, ``rule`` or ``outside``."""


class RuleFired(OrderFact, frozen=True, array_like=True, tag=True):
    rule: int
    refused: Reject | None = None


class OrderCanceling(OrderFact, frozen=True, array_like=True, tag=True):
    """The order is winding down: ``exposure`` is ``protect``, ``flatten`` or ``release``."""

    exposure: str
    reason: str


class OrderDone(OrderFact, frozen=True, array_like=True, tag=True):
    """Nothing of the order is live. ``status``: filled, canceled, expired, rejected or closed."""

    status: str


class OrderForgotten(OrderFact, frozen=True, array_like=True, tag=True):
    """A done order left memory; its id stays known."""


class ExposureAdjusted(OrderFact, frozen=True, array_like=True, tag=True):
    """Someone else reduced the position; this order protects ``quantity`` less."""

    quantity: int
    reason: str


# A leg's life.


class LegArmed(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    """The leg watches the market. ``watermark`` is where a trailing stop starts from."""

    quantity: int
    trigger_price: int | None = None
    watermark: int | None = None


def armed_at_once(fact: OrderAccepted) -> tuple[LegArmed, ...]:
    """The ``LegArmed`` facts that an acceptance stands for."""
    order = fact.terms
    return tuple(
        LegArmed(fact.at, order.id, n, order.legs[n].quantity, one.trigger_price, one.watermark)
        for n, one in enumerate(fact.armed)
    )


class LegDisarmed(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    reason: str


class TrailActivated(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    price: int


class ConditionChanged(LegFact, frozen=True, array_like=True, tag=True):
    """``atoms`` is a bit mask of the condition's parts that hold; ``holds`` is the whole of it.

    ``watermark`` is what a trailing stop goes on from whose condition has come to hold.
    """

    atoms: int
    holds: bool
    watermark: int | None = None


class LegCanceling(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    """The leg is being ended by the trader."""

    reason: str


class LegTriggered(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    """The leg is due. ``price`` is what the market showed, ``trigger_price`` what it waited for."""

    source: str
    price: int
    trigger_price: int | None = None


class LegClaimed(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    """The leg has the exclusive right to trade for ``oco``; every other node of it is frozen."""

    oco: int


class ClaimReleased(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    oco: int
    reason: str


class LegEscalated(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    """The leg goes on as a market order."""

    reason: str


class LegAdded(LegFact, frozen=True, array_like=True, tag=True):
    """Interlock added a leg of its own: to flatten, to close, or as safety stop."""

    terms: LegTerms


class LegRetrying(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    """A refused leg is sent again, not before ``not_before``."""

    not_before: int
    reason: str


class LegDone(LegFact, frozen=True, array_like=True, tag=True, gc=False):
    """``status``: filled, canceled, rejected or expired. A fill may still be booked on it."""

    status: str
    cum_quantity: int
    reason: str = ""


# A venue order's life. Each names the leg and the attempt; the client id derives from them.


class VenueOrderSending(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    """The intent to send, durable before the send."""

    order_type: VenueOrderType
    side: int
    quantity: int
    valid_until: int
    price: int | None = None
    trigger_price: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_at: int | None = None
    reduce_only: bool = False
    list_id: str = ""
    pending: bool = False
    """An exit in its entry's list: it waits at the venue for the entry's complete fill."""


class VenueOrderAcknowledged(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    venue_id: str = ""


class VenueOrderFilled(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    """One execution, counted once. ``cum_quantity`` is the leg's, over all its attempts."""

    exec_id: str
    quantity: int
    price: int
    cum_quantity: int
    fee: int = 0
    confirmed: bool = True
    late: bool = False
    """It came after the venue order had been reported gone."""


class FillConfirmed(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    exec_id: str


class FillDoubted(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    """The venue's answer does not list a fill it reported; asked again before it is taken back."""

    exec_id: str


class FillRefuted(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    """The venue does not know a fill it reported: it is taken back."""

    exec_id: str
    quantity: int
    price: int
    cum_quantity: int


class VenueOrderAmending(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    request: int
    quantity: int
    price: int | None = None
    trigger_price: int | None = None


class VenueOrderAmended(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    """``quantity`` is the venue order's new total; ``request`` is -1 when someone else did it."""

    request: int
    quantity: int
    price: int | None = None
    trigger_price: int | None = None


class VenueOrderAmendRefused(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    request: int
    code: VenueReject


class VenueOrderCanceling(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    """A recall: the venue is asked to cancel, and we wait until it says what became of it."""

    request: int
    reason: str


class VenueOrderCanceled(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    reason: CancelReason


class VenueOrderExpired(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    pass


class VenueOrderRejected(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    code: VenueReject
    detail: str = ""


class VenueOrderUnknown(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    """What became of a request is not known; it is asked for, never assumed."""

    detail: str


class VenueOrderQuerying(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    request: int
    not_before: int = 0


class VenueOrderFound(VenueOrderFact, frozen=True, array_like=True, tag=True, gc=False):
    """The venue's answer to a query."""

    status: VenueStatus
    quantity: int = 0
    price: int | None = None
    trigger_price: int | None = None


class ReportIgnored(TimedFact, frozen=True, array_like=True, tag=True):
    """A report that fits nothing we know or have asked; counted, never acted on."""

    client_id: str
    report: str
    reason: str


class StrayRecalled(TimedFact, frozen=True, array_like=True, tag=True):
    """An order with our ids that this journal does not explain was found and recalled."""

    venue: str
    client_id: str
    account: str
    instrument: str


class PositionSeen(TimedFact, frozen=True, array_like=True, tag=True):
    """The venue's word on a position that disagrees with ours; acted on when it is repeated."""

    account: str
    instrument: str
    quantity: int
    position_side: PositionSide | None = None
    doubted: bool = True
    fills_told: bool = False
    """Every fill up to when it was heard is known since ``at``: the next word decides."""


class IncidentOpened(OrderFact, frozen=True, array_like=True, tag=True):
    """``setting`` names the policy that governs what happens next."""

    kind: IncidentKind
    leg: int
    detail: str
    setting: str = ""
    quantity: int = 0


class IncidentClosed(OrderFact, frozen=True, array_like=True, tag=True):
    kind: IncidentKind
    leg: int
    detail: str


Fact = (
    InstrumentDefined
    | VenueDefined
    | InstrumentHalted
    | InstrumentResumed
    | VenueDisconnected
    | VenueConnected
    | SignalReceived
    | WatermarkMoved
    | VolumeCounted
    | EngineStarted
    | CommandRefused
    | RequestAnswered
    | OrderAccepted
    | OrderAmended
    | RuleFired
    | OrderCanceling
    | OrderDone
    | OrderForgotten
    | ExposureAdjusted
    | LegArmed
    | LegDisarmed
    | TrailActivated
    | ConditionChanged
    | LegCanceling
    | LegTriggered
    | LegClaimed
    | ClaimReleased
    | LegEscalated
    | LegAdded
    | LegRetrying
    | LegDone
    | VenueOrderSending
    | VenueOrderAcknowledged
    | VenueOrderFilled
    | FillConfirmed
    | FillDoubted
    | FillRefuted
    | VenueOrderAmending
    | VenueOrderAmended
    | VenueOrderAmendRefused
    | VenueOrderCanceling
    | VenueOrderCanceled
    | VenueOrderExpired
    | VenueOrderRejected
    | VenueOrderUnknown
    | VenueOrderQuerying
    | VenueOrderFound
    | ReportIgnored
    | StrayRecalled
    | PositionSeen
    | IncidentOpened
    | IncidentClosed
    | RiskFact
)
