"""Facts about risk: limits and blocks as they were set and lifted, and what they stopped.

Decides the journal's vocabulary, as ``orders.facts`` does; they are read from there.
"""

from interlock.orders.fact import LegFact, OrderFact, TimedFact
from interlock.orders.limits import Block, BlockCause, Countdown, Limits, RiskScope
from interlock.orders.rejects import Reject
from interlock.orders.sessions import Hours
from interlock.orders.signals import SignalRules


class LimitsSet(TimedFact, frozen=True, array_like=True, tag=True):
    """A scope's limits from now on; none when there are to be none any more."""

    scope: RiskScope
    limits: Limits | None
    by: str
    why: str = ""


class LossDayBegan(TimedFact, frozen=True, array_like=True, tag=True):
    """A new day of ``max_daily_loss``, until ``until``: losses count from this equity (in whole
    hundred-millionths of the quote currency)."""

    scope: RiskScope
    equity: int
    until: int


class BlockSet(TimedFact, frozen=True, array_like=True, tag=True):
    """A scope takes no new risk from now on; it replaces a block of the same cause and name."""

    block: Block


class BlockLifted(TimedFact, frozen=True, array_like=True, tag=True):
    cause: BlockCause
    name: str
    by: str
    why: str = ""


class CountdownArmed(TimedFact, frozen=True, array_like=True, tag=True):
    """A dead-man switch was armed, or refreshed."""

    countdown: Countdown


class CountdownDisarmed(TimedFact, frozen=True, array_like=True, tag=True):
    """It no longer counts: its client asked for that, or it has run out."""

    name: str
    by: str
    why: str = ""


class SessionsSet(TimedFact, frozen=True, array_like=True, tag=True):
    """When an instrument trades in the days to come; in place of what was known."""

    instrument: str
    calendar: str
    hours: tuple[Hours, ...]


class InstrumentDelisted(TimedFact, frozen=True, array_like=True, tag=True):
    """Its venue lists it no more; until it says that it trades again nothing is sent there."""

    instrument: str
    detail: str = ""


class MarginSeen(TimedFact, frozen=True, array_like=True, tag=True):
    """What a venue has left for a scope went below ``min_free_margin``, or came back above it; in
    whole hundred-millionths."""

    scope: RiskScope
    free_margin: int
    low: bool


class SignalDefined(TimedFact, frozen=True, array_like=True, tag=True):
    name: str
    rules: SignalRules | None
    by: str


class SignalHeard(TimedFact, frozen=True, array_like=True, tag=True):
    """One source's value, kept until enough of them have given theirs."""

    name: str
    source: str
    value: str


class SignalFrozen(TimedFact, frozen=True, array_like=True, tag=True):
    """A signal broke its schema: nothing that waits for it may fire until it is sound again."""

    name: str
    setting: str
    figure: str
    limit: str


class SignalSound(TimedFact, frozen=True, array_like=True, tag=True):
    """A frozen signal gave ``count`` sound values in a row; with ``thawed`` it counts again."""

    name: str
    count: int
    thawed: bool


class SecondThoughtAsked(OrderFact, frozen=True, array_like=True, tag=True):
    """A person's request would take protection away: it is held back until ``valid_from``."""

    token: str
    digest: str
    valid_from: int
    until: int
    by: str
    what: str


class SecondThoughtTaken(OrderFact, frozen=True, array_like=True, tag=True):
    """It was asked again, with its token: it is carried out."""

    token: str
    by: str
    why: str = ""


class LegRefused(LegFact, frozen=True, array_like=True, tag=True):
    """A risk gate did not let a leg go that was due; nothing of it was sent."""

    reject: Reject


RiskFact = (
    LimitsSet
    | LossDayBegan
    | BlockSet
    | BlockLifted
    | CountdownArmed
    | CountdownDisarmed
    | SessionsSet
    | InstrumentDelisted
    | MarginSeen
    | SecondThoughtAsked
    | SecondThoughtTaken
    | SignalDefined
    | SignalHeard
    | SignalFrozen
    | SignalSound
    | LegRefused
)
