"""Legs: one order-to-be inside the tree, as a trader writes it.

Decides which fields each leg type has; a field that makes no sense on a type does not exist on
it, and unknown fields are refused. Prices and quantities stay decimal text here.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from interlock.orders.conditions import Condition, PriceSource


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class LegType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    MARKET_IF_TOUCHED = "market_if_touched"
    LIMIT_IF_TOUCHED = "limit_if_touched"
    TRAILING_STOP = "trailing_stop"
    TRAILING_STOP_LIMIT = "trailing_stop_limit"


class TimeInForce(StrEnum):
    GTC = "gtc"
    DAY = "day"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"


class Hold(StrEnum):
    """Where a leg waits. ``auto`` lets limit legs rest at the venue and holds the others here."""

    AUTO = "auto"
    ENGINE = "engine"
    VENUE = "venue"


class PositionSide(StrEnum):
    """Which position a leg touches in hedge mode."""

    LONG = "long"
    SHORT = "short"


class Distance(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A distance in price. Exactly one of: an offset in price, basis points, or increments."""

    offset: str | None = None
    bps: int | None = None
    ticks: int | None = None


class FromEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A price relative to the average entry fill; positive is in favour of the position."""

    from_entry: Distance


Price = str | FromEntry


class TriggerConfirm(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much must agree before a touch counts: ticks in a row, or milliseconds. Exactly one."""

    ticks: int | None = None
    ms: int | None = None


class Escalate(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit sent on a trigger that has not filled after ``after_ms`` becomes a market order."""

    after_ms: int
    to: str = "market"


class _Leg(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    id: str | None = None
    instrument: str | None = None
    side: Side | None = None
    quantity: str | None = None
    """Decimal text, or a share of what is exited such as ``"50%"``."""
    time_in_force: TimeInForce | None = None
    expire_at: str | int | None = None
    reduce_only: bool = False
    position_side: PositionSide | None = None
    when: Condition | None = None
    hold: Hold | None = None


class _Triggered(_Leg, frozen=True, kw_only=True, gc=False):
    trigger_by: PriceSource = PriceSource.LAST
    trigger_confirm: TriggerConfirm | None = None


class Market(_Leg, frozen=True, tag="market", kw_only=True, gc=False):
    """Trades at once at whatever the market offers."""


class Limit(_Leg, frozen=True, tag="limit", kw_only=True, gc=False):
    """Trades at ``price`` or better."""

    price: Price
    post_only: bool = False
    display_quantity: str | None = None


class Stop(_Triggered, frozen=True, tag="stop", kw_only=True, gc=False):
    """Becomes a market order when the price reaches ``trigger_price`` from the inside."""

    trigger_price: Price


class StopLimit(_Triggered, frozen=True, tag="stop_limit", kw_only=True, gc=False):
    """Becomes a limit order when the price reaches ``trigger_price``."""

    trigger_price: Price
    price: Price
    escalate: Escalate | None = None


class MarketIfTouched(_Triggered, frozen=True, tag="market_if_touched", kw_only=True, gc=False):
    """Becomes a market order when the price comes back to ``trigger_price``."""

    trigger_price: Price


class LimitIfTouched(_Triggered, frozen=True, tag="limit_if_touched", kw_only=True, gc=False):
    """Becomes a limit order when the price comes back to ``trigger_price``."""

    trigger_price: Price
    price: Price
    escalate: Escalate | None = None


class TrailingStop(_Triggered, frozen=True, tag="trailing_stop", kw_only=True, gc=False):
    """A stop that follows the best price since it was armed at a distance, and never loosens."""

    trail: Distance
    activation_price: Price | None = None


class TrailingStopLimit(_Triggered, frozen=True, tag="trailing_stop_limit", kw_only=True, gc=False):
    """A trailing stop that sends a limit ``limit_offset`` beyond its trigger."""

    trail: Distance
    limit_offset: Distance
    activation_price: Price | None = None
    escalate: Escalate | None = None


Leg = (
    Market
    | Limit
    | Stop
    | StopLimit
    | MarketIfTouched
    | LimitIfTouched
    | TrailingStop
    | TrailingStopLimit
)
