"""The order tree as a trader writes it: relations over legs, rules and policy.

Decides the shape of DESIGN 2.1's JSON; decoding and encoding give the same document back.
Limits on depth and width are checked in ``engine.accept``, where the path can be named.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from interlock.orders.conditions import Condition
from interlock.orders.legs import (
    Distance,
    Hold,
    Limit,
    LimitIfTouched,
    Market,
    MarketIfTouched,
    Price,
    Stop,
    StopLimit,
    TrailingStop,
    TrailingStopLimit,
)

DEPTH_MAX = 8
"""Relations one inside another."""
WIDTH_MAX = 32
"""Nodes directly under one relation."""
LEGS_MAX = 64
"""Legs in one order."""
RULES_MAX = 16
"""Rules in one order."""


class OnPartialFill(StrEnum):
    """What a fill of one node of an ``oco`` does to the others. FIX 1385: reduce is OUO."""

    REDUCE = "reduce"
    CANCEL = "cancel"


class ActivateOn(StrEnum):
    EACH_FILL = "each_fill"
    FIRST_FILL = "first_fill"
    FULL_FILL = "full_fill"


class OnRecall(StrEnum):
    WAIT = "wait"
    RACE = "race"


class OnOverfill(StrEnum):
    FLATTEN = "flatten"
    ALERT = "alert"
    KEEP = "keep"


class OnExitReject(StrEnum):
    RETRY_THEN_MARKET = "retry_then_market"
    MARKET = "market"
    ALERT = "alert"


class OnOutsideChange(StrEnum):
    ADOPT = "adopt"
    RESTORE = "restore"
    RELEASE = "release"


class OnGap(StrEnum):
    TRIGGER = "trigger"
    HOLD_AND_ALERT = "hold_and_alert"


class OnStaleFeed(StrEnum):
    ALERT = "alert"
    SAFETY_STOP = "safety_stop"
    FLATTEN = "flatten"


class Dust(StrEnum):
    LEAVE = "leave"
    ROUND_UP_REDUCE_ONLY = "round_up_reduce_only"
    MARKET_WITH_LAST = "market_with_last"


class Policy(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """How an order behaves where traders differ. Defaults are DESIGN 2.5's."""

    hold: Hold = Hold.AUTO
    on_recall: OnRecall = OnRecall.WAIT
    on_overfill: OnOverfill = OnOverfill.FLATTEN
    on_exit_reject: OnExitReject = OnExitReject.RETRY_THEN_MARKET
    on_outside_change: OnOutsideChange = OnOutsideChange.ADOPT
    on_gap: OnGap = OnGap.TRIGGER
    on_stale_feed: OnStaleFeed = OnStaleFeed.ALERT
    dust: Dust = Dust.LEAVE
    confirm_fill_ms: int = 0
    safety_stop: Distance | None = None
    cooling_off_s: int | None = None
    flatten_at: str | int | None = None


class Oco(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="oco", gc=False):
    """One cancels other: two nodes or more, exactly one wins."""

    legs: tuple[Node, ...]
    on_partial_fill: OnPartialFill | None = None
    id: str | None = None


class Oto(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="oto"):
    """One triggers other: ``then`` lives for what ``first`` has filled."""

    first: Node
    then: Node
    activate_on: ActivateOn = ActivateOn.EACH_FILL
    id: str | None = None


class All(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="all"):
    """Side by side: nodes that share the exposure."""

    legs: tuple[Node, ...]
    id: str | None = None


class Bracket(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="bracket"):
    """Sugar for ``oto(entry, oco(take_profit, stop_loss))``; either exit may be left out."""

    entry: Node
    take_profit: Node | tuple[Node, ...] | None = None
    stop_loss: Node | None = None
    on_partial_fill: OnPartialFill | None = None
    activate_on: ActivateOn = ActivateOn.EACH_FILL
    id: str | None = None


Node = (
    Market
    | Limit
    | Stop
    | StopLimit
    | MarketIfTouched
    | LimitIfTouched
    | TrailingStop
    | TrailingStopLimit
    | Oco
    | Oto
    | All
    | Bracket
)


class LegChange(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """New values for one leg; what is left out stays."""

    quantity: str | None = None
    price: Price | None = None
    trigger_price: Price | None = None
    trail: Distance | None = None
    activation_price: Price | None = None
    limit_offset: Distance | None = None
    when: Condition | None = None


class RuleWhen(Struct, frozen=True, forbid_unknown_fields=True):
    leg_filled: str


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """An amendment that makes itself, once, when a leg has filled."""

    when: RuleWhen
    amend: dict[str, LegChange]
