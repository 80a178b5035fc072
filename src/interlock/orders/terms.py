"""Terms: an accepted order in whole increments, as engine and journal keep it.

Decides nothing; it is what ``engine.accept`` decided. Invariant: immutable, complete (replay reads
nothing else) and free of text that would need converting again. Orders and legs are encoded under
short keys, defaults left out: there are many of them, and most of their fields say nothing.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from interlock.orders.conditions import PriceSource
from interlock.orders.legs import Hold, LegType, PositionSide, TimeInForce
from interlock.orders.tree import (
    ActivateOn,
    Dust,
    OnExitReject,
    OnGap,
    OnOutsideChange,
    OnOverfill,
    OnPartialFill,
    OnRecall,
    OnStaleFeed,
)

BPS = 10_000


class Span(Struct, frozen=True, array_like=True, gc=False):
    """A distance: ``ticks`` whole price increments, or ``bps`` of the price it is measured from."""

    ticks: int = 0
    bps: int = 0

    def at(self, price: int) -> int:
        """The distance in increments at ``price``, rounded towards zero."""
        if not self.bps:
            return self.ticks
        size = price * abs(self.bps) // BPS
        return size if self.bps > 0 else -size


class AtomKind(StrEnum):
    PRICE = "price"
    VOLUME = "volume"
    TIME = "time"
    SIGNAL = "signal"
    LEG_FILLED = "leg_filled"


class Atom(Struct, frozen=True, array_like=True, gc=False):
    """One thing a condition looks at. It is true at or beyond ``level`` in its direction."""

    kind: AtomKind
    level: int = 0
    """Price or volume increments, ns UTC, or a signal's level times ``10 ** 9``."""
    rising: bool = True
    """True at or above the level; else at or below (time: strictly before)."""
    instrument: str = ""
    source: PriceSource = PriceSource.LAST
    name: str = ""
    leg: int = -1


class Logic(Struct, frozen=True, array_like=True):
    """How atoms combine: an ``atom`` by number, or ``all`` / ``any`` / ``not`` of parts."""

    op: str
    atom: int = -1
    parts: tuple[Logic, ...] = ()


class When(Struct, frozen=True, array_like=True):
    atoms: tuple[Atom, ...]
    logic: Logic


PriceTerm = int | Span
"""An absolute price, or a span from the average entry fill, positive in the position's favour."""


_LEG_KEYS = {
    "id": "i",
    "type": "t",
    "instrument": "n",
    "side": "s",
    "quantity": "q",
    "price": "p",
    "trigger_price": "l",
    "trail": "r",
    "activation_price": "a",
    "limit_offset": "o",
    "trigger_by": "b",
    "confirm_ticks": "ct",
    "confirm_ns": "cn",
    "display_quantity": "d",
    "time_in_force": "f",
    "expire_at": "x",
    "post_only": "po",
    "reduce_only": "ro",
    "position_side": "ps",
    "when": "w",
    "hold": "h",
    "escalate_ns": "en",
    "exits": "e",
    "system": "y",
    "scope": "sc",
}
"""In the journal. A key is never given to another field."""


class LegTerms(Struct, frozen=True, omit_defaults=True, rename=_LEG_KEYS, gc=False):
    """One leg. ``quantity`` is the whole of it; what is live follows from fills."""

    id: str
    type: LegType
    instrument: str
    side: int
    quantity: int
    price: PriceTerm | None = None
    trigger_price: PriceTerm | None = None
    trail: Span | None = None
    activation_price: PriceTerm | None = None
    limit_offset: Span | None = None
    trigger_by: PriceSource = PriceSource.LAST
    confirm_ticks: int = 0
    confirm_ns: int = 0
    display_quantity: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_at: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    position_side: PositionSide | None = None
    when: When | None = None
    hold: Hold = Hold.ENGINE
    """Resolved: never ``auto``."""
    escalate_ns: int | None = None
    exits: bool = False
    """Whether it reduces what an earlier leg of this order opened (or is reduce-only)."""
    system: str = ""
    """Why Interlock added this leg itself: ``flatten``, ``close`` or ``safety_stop``."""
    scope: int = -1
    """For a leg Interlock added: the relation (a flatten: the leg) it belongs to."""


_RELATION_KEYS = {
    "kind": "k",
    "children": "c",
    "parent": "p",
    "id": "i",
    "on_partial_fill": "f",
    "activate_on": "a",
}


class Relation(Struct, frozen=True, omit_defaults=True, rename=_RELATION_KEYS, gc=False):
    """An inner node. Children are leg numbers, or ``~n`` for relation ``n``."""

    kind: str
    children: tuple[int, ...]
    parent: int = -1
    """The relation above, or -1."""
    id: str = ""
    on_partial_fill: OnPartialFill = OnPartialFill.CANCEL
    activate_on: ActivateOn = ActivateOn.EACH_FILL


class PolicyTerms(Struct, frozen=True, omit_defaults=True, gc=False):
    on_recall: OnRecall = OnRecall.WAIT
    on_overfill: OnOverfill = OnOverfill.FLATTEN
    on_exit_reject: OnExitReject = OnExitReject.RETRY_THEN_MARKET
    on_outside_change: OnOutsideChange = OnOutsideChange.ADOPT
    on_gap: OnGap = OnGap.TRIGGER
    on_stale_feed: OnStaleFeed = OnStaleFeed.ALERT
    dust: Dust = Dust.LEAVE
    confirm_ns: int = 0
    safety_stop: Span | None = None
    flatten_at: int | None = None
    cooling_off_ns: int = 0


class Change(Struct, frozen=True, array_like=True):
    """A leg's new terms inside an amend."""

    leg: int
    terms: LegTerms


class RuleTerms(Struct, frozen=True, array_like=True):
    """When leg ``leg`` has filled, replace these legs' prices."""

    leg: int
    changes: tuple[RuleChange, ...]


class RuleChange(Struct, frozen=True, array_like=True):
    leg: int
    price: PriceTerm | None = None
    trigger_price: PriceTerm | None = None
    trail: Span | None = None
    activation_price: PriceTerm | None = None
    limit_offset: Span | None = None
    quantity: int | None = None


_ORDER_KEYS = {
    "id": "i",
    "client_order_id": "c",
    "account": "a",
    "digest": "d",
    "legs": "l",
    "root": "r",
    "relations": "n",
    "policy": "p",
    "rules": "u",
    "tag": "t",
    "key": "k",
}


class OrderTerms(Struct, frozen=True, omit_defaults=True, rename=_ORDER_KEYS, gc=False):
    """An accepted order. ``root`` is a leg number, or ``~n`` for relation ``n``."""

    id: str
    client_order_id: str
    account: str
    digest: str
    """Of the request's body: the same id with another body is refused. Empty for an order whose
    terms say as much."""
    legs: tuple[LegTerms, ...]
    root: int = 0
    relations: tuple[Relation, ...] = ()
    policy: PolicyTerms = PolicyTerms()
    rules: tuple[RuleTerms, ...] = ()
    tag: str = ""
    key: str = ""
    """The API key that placed it; empty where none did, and in journals from before it was kept."""
