"""Limits: what an account, an instrument, a strategy or everything may not go beyond.

Decides the words of risk control and checks that a set of limits makes sense. Invariant: a limit
that is not set does not limit; one that is set is a plain number that a person can compare with the
figure beside it.
"""

from enum import StrEnum

from msgspec import Struct

from interlock.orders.legs import LegType, Side
from interlock.orders.numbers import NumberProblem, parse_decimal
from interlock.orders.sessions import MOMENT_RULE, moment_problem

MINUTES_A_DAY = 1440


class RiskScope(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """What a limit or a block covers: every order that matches all that is named."""

    account: str | None = None
    instrument: str | None = None
    tag: str | None = None
    """A strategy."""
    venue: str | None = None
    key: str | None = None
    """An API key: what was placed with it. Only countdowns and kills are of a key; a position has
    none, so no limit is."""

    def covers(self, account: str, instruments: tuple[str, ...], tag: str, key: str = "") -> bool:
        return (
            (self.account is None or self.account == account)
            and (self.instrument is None or self.instrument in instruments)
            and (self.tag is None or self.tag == tag)
            and (self.key is None or self.key == key)
            and (self.venue is None or self.venue in [s.rpartition(".")[2] for s in instruments])
        )

    def within(self, other: "RiskScope") -> bool:
        """Whether everything this covers is covered by ``other`` as well."""
        return (
            other.account in (None, self.account)
            and other.instrument in (None, self.instrument)
            and other.tag in (None, self.tag)
            and other.venue in (None, self.venue)
            and other.key in (None, self.key)
        )

    def __str__(self) -> str:
        named = (
            *(("account", self.account), ("instrument", self.instrument)),
            *(("tag", self.tag), ("venue", self.venue), ("key", self.key)),
        )
        return ", ".join(f"{word} {name}" for word, name in named if name is not None) or "all"


EVERYTHING = RiskScope()


class BlockLevel(StrEnum):
    """How far a block goes. Each does what those before it do."""

    BLOCK_NEW = "block_new"
    RECALL_ENTRIES = "recall_entries"
    RECALL_ALL = "recall_all"
    """Targets too; a position keeps its protective stop."""
    FLATTEN = "flatten"
    """Positions are closed, and their stops go with that."""

    @property
    def strength(self) -> int:
        return list(BlockLevel).index(self)


class Limits(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Limits of one scope. Of several scopes that cover an order the tightest decides.

    Quantities are in the instrument's own units, money in its quote currency: a limit on money over
    several instruments adds them up as they are, so name one scope per quote currency.
    """

    max_order_quantity: str | None = None
    """Of one leg."""
    max_order_notional: str | None = None
    """Of one leg: quantity times its price, else the market's."""
    max_position: str | None = None
    """Long or short in one instrument, if every live entry that adds to it filled."""
    max_gross_notional: str | None = None
    """The same of all instruments together, at the market's prices, longs and shorts added."""
    max_open_orders: int | None = None
    max_orders_per_s: int | None = None
    """Placements and amends that are taken, and entries that are sent."""
    max_cancels_per_s: int | None = None
    """Cancels are never refused; whoever cancels more than this places nothing new for a second."""
    max_daily_loss: str | None = None
    """Realised and marked, fees included, since the day began."""
    day_starts: str = "00:00"
    """When the day of ``max_daily_loss`` begins, ``HH:MM`` UTC."""
    max_price_deviation_bps: int | None = None
    """How far a limit may lie on the costly side of the market (above it to buy)."""
    min_stop_distance_bps: int | None = None
    max_stop_distance_bps: int | None = None
    """Of a protective stop from its entry."""
    reduce_only: bool = False
    instruments: tuple[str, ...] | None = None
    sides: tuple[Side, ...] | None = None
    """Of entries."""
    leg_types: tuple[LegType, ...] | None = None
    min_free_margin: str | None = None
    """What the venue must have left for this account after the order's own margin."""
    margin_asset: str | None = None
    """Which balance ``min_free_margin`` is about; all of them added up when not given."""
    initial_margin_bps: int = 10_000
    """What an entry is taken to need of it: 10 000 is its whole worth."""
    feed_stale_ms: int | None = None
    """No sound price of an instrument for so long: its feed is unfit."""
    feed_jump_bps: int | None = None
    """A price so far from that of a second ago: its feed is unfit."""
    feed_calm_ms: int = 5_000
    """An unfit feed is fit again after sound prices, without a jump, for so long."""
    breaker_orders_per_s: int | None = None
    """More placements and amends than this a second open the breaker of the scope."""
    breaker_amends_per_s: int | None = None
    breaker_rejects: int | None = None
    """So many refusals in a row, by us or by a venue, open it."""
    breaker_losses: int | None = None
    """So many orders in a row that ended with a loss open it."""
    breaker_on_halt: bool = False
    """A halt of an instrument opens it, and its end does not close it."""
    breaker_level: BlockLevel = BlockLevel.RECALL_ENTRIES
    breaker_cool_s: int = 60
    """How long it stays open; then one order may try, and closes it or opens it for twice as long.
    """
    venue_gone_s: int | None = None
    """A venue's stream gone for so long pulls the entries there."""
    no_new_after: str | None = None
    """From this moment until the session's close no entries are taken or sent."""
    reduce_before_close: str | None = None
    """From this moment on entries that are there are recalled as well."""
    flatten_at: str | None = None
    """At this moment positions are closed, and nothing is taken until the close."""
    clock_step_ms: int | None = None
    """The machine's clock set by so much or more, either way, pulls entries until a person lifts
    that: what is stale, due or expired can't be told by such a clock."""

    @property
    def day_minute(self) -> int:
        hours, _, minutes = self.day_starts.partition(":")
        return int(hours) * 60 + int(minutes)


AMOUNTS = (
    *("max_order_quantity", "max_order_notional", "max_position", "max_gross_notional"),
    *("max_daily_loss", "min_free_margin"),
)
COUNTS = (
    *("max_open_orders", "max_orders_per_s", "max_cancels_per_s", "max_price_deviation_bps"),
    *("min_stop_distance_bps", "max_stop_distance_bps", "initial_margin_bps"),
    *("feed_stale_ms", "feed_jump_bps", "feed_calm_ms", "venue_gone_s", "breaker_cool_s"),
    "clock_step_ms",
    *("breaker_orders_per_s", "breaker_amends_per_s", "breaker_rejects", "breaker_losses"),
)
MOMENTS = ("no_new_after", "reduce_before_close", "flatten_at")
"""Of a session; each does what those before it do."""


def limits_problem(limits: Limits) -> tuple[str, str] | None:
    """The field that makes no sense, and the rule it breaks."""
    for field in AMOUNTS:
        text = getattr(limits, field)
        if text is None:
            continue
        value = parse_decimal(text)
        if isinstance(value, NumberProblem):
            return field, value.detail
        if value.mantissa < 0:
            return field, "A limit is not below zero."
    for field in COUNTS:
        count = getattr(limits, field)
        if count is not None and not 0 <= count <= 1_000_000_000:
            return field, "A whole number from 0 to 1000000000."
    hours, colon, minutes = limits.day_starts.partition(":")
    if not (colon and hours.isdigit() and minutes.isdigit() and len(limits.day_starts) == 5):
        return "day_starts", "A time of day in UTC such as 22:00."
    if not (int(hours) < 24 and int(minutes) < 60):
        return "day_starts", "A time of day in UTC from 00:00 to 23:59."
    for field in MOMENTS:
        text = getattr(limits, field)
        if text is not None and moment_problem(text):
            return field, MOMENT_RULE
    least, most = limits.min_stop_distance_bps, limits.max_stop_distance_bps
    if least is not None and most is not None and least > most:
        return "min_stop_distance_bps", "The least distance is not above the greatest."
    return None


class BlockCause(StrEnum):
    """Why nothing that adds risk is taken in a scope."""

    KILL = "kill"
    """A person or a program pulled the switch."""
    BREAKER = "breaker"
    """A circuit breaker opened."""
    COUNTDOWN = "countdown"
    """A dead-man switch ran out."""
    LOSS = "loss"
    """The day's loss has reached its limit."""
    FEED = "feed"
    """The market data is not fit to trade by."""
    SESSION = "session"
    """The market is closed, or closes soon."""
    OUTAGE = "outage"
    """The disk of the journal, a venue's stream or the clock cannot be trusted."""


class Block(Struct, frozen=True, omit_defaults=True):
    """One reason for which a scope takes no new risk; in force until it is lifted."""

    cause: BlockCause
    name: str
    """Of this cause, unique: the scope of a kill, the name of a breaker, an instrument."""
    scope: RiskScope
    level: BlockLevel
    at: int
    by: str = ""
    why: str = ""
    waits: bool = False
    """Whether entries that come due meanwhile wait for its end; else they are refused."""
    until: int = 0
    """When a breaker lets one order try; ns UTC, 0 for a block that only its cause or a person
    lifts."""
    half_open: bool = False
    """That moment has come."""
    times: int = 1
    """How often in a row a breaker has opened."""


class Countdown(Struct, frozen=True, omit_defaults=True):
    """A dead-man switch: armed by a client, who refreshes it; silence pulls what its scope has."""

    name: str
    scope: RiskScope
    after_ns: int
    until: int
    level: BlockLevel
    by: str = ""


class Gate(StrEnum):
    """The gates, in the order in which they are asked."""

    BLOCK = "block"
    ALLOWED = "allowed"
    REDUCE_ONLY = "reduce_only"
    ORDER_QUANTITY = "order_quantity"
    ORDER_NOTIONAL = "order_notional"
    PRICE_COLLAR = "price_collar"
    STOP_DISTANCE = "stop_distance"
    OPEN_ORDERS = "open_orders"
    POSITION = "position"
    GROSS_EXPOSURE = "gross_exposure"
    DAILY_LOSS = "daily_loss"
    MARGIN = "margin"
    RATE = "rate"


class Breach(Struct, frozen=True, omit_defaults=True):
    """What a gate holds against a request: which setting of which scope, figure against limit."""

    gate: Gate
    scope: RiskScope
    setting: str
    figure: str
    limit: str
    leg: int = -1
    """The leg it is about, or -1 for the order as a whole."""
    field: str = ""
    """The leg's field that is out of bounds."""
    unknown: bool = False
    """The figure could not be had: no price, no balance. What is unknown is not let through."""
