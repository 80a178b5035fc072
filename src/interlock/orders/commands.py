"""Commands: what a trader asks for. Each is answered by ``Accepted`` or a ``Reject``."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from interlock.orders.legs import PositionSide, Side
from interlock.orders.limits import BlockCause, BlockLevel, Limits, RiskScope
from interlock.orders.rejects import Reject
from interlock.orders.signals import SignalRules
from interlock.orders.tree import LegChange, Node, Policy, Rule


class PlaceOrder(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="place", gc=False
):
    """Place one order tree. The same ``client_order_id`` and body again answers as the first."""

    client_order_id: str
    account: str
    order: Node
    policy: Policy = Policy()
    rules: tuple[Rule, ...] = ()
    tag: str = ""
    """A strategy's name; cancel-all can be limited to it."""
    round: bool = False
    """Round prices and quantities off the increments towards safety instead of refusing."""
    made_at: int | None = None
    """When the request was made, ns UTC; for ``max_age_ms``."""
    max_age_ms: int | None = None
    """Refuse if the request was made longer ago than this."""
    key: str = ""
    """The API key that places it, as the server knows it; over HTTP no other is taken. Not part of
    what "the same again" means."""


class PlaceOrders(Struct, frozen=True, forbid_unknown_fields=True, tag="place_all"):
    """Place several orders, all of them or none."""

    orders: tuple[PlaceOrder, ...]


class AmendOrder(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="amend"):
    """Change live legs in place. Name the order by ``order_id`` or ``client_order_id``."""

    legs: dict[str, LegChange]
    account: str = ""
    order_id: str | None = None
    client_order_id: str | None = None
    if_version: int | None = None


class CancelMode(StrEnum):
    """What becomes of an exposure when its order is canceled."""

    PROTECT = "protect"
    """Entries go; exits stay until the exposure is gone."""
    FLATTEN = "flatten"
    """Everything goes and the exposure is closed at the market."""
    RELEASE = "release"
    """Everything goes; the position is the trader's own from now on."""


class CancelOrder(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="cancel"
):
    account: str = ""
    order_id: str | None = None
    client_order_id: str | None = None
    exposure: CancelMode = CancelMode.PROTECT


class CancelLeg(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="cancel_leg"
):
    leg: str
    account: str = ""
    order_id: str | None = None
    client_order_id: str | None = None


class CancelOrders(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="cancel_all"
):
    """Cancel every live order of an account that matches all filters given."""

    account: str
    instrument: str | None = None
    side: Side | None = None
    """The side of the entries (of the first leg)."""
    tag: str | None = None
    exposure: CancelMode = CancelMode.PROTECT


class ClosePosition(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="close"
):
    """Entries are recalled, exits resolved, and what every order here holds is closed."""

    account: str
    instrument: str
    position_side: PositionSide | None = None


class ExpireOrder(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="expire"
):
    """End what has not traded of an order as if its time were over; exits stay."""

    account: str = ""
    order_id: str | None = None
    client_order_id: str | None = None


class Signal(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="signal", gc=False
):
    """An outside number that conditions may watch; ``value`` is decimal text."""

    name: str
    value: str
    source: str = ""
    """Who gives it."""
    made_at: int | None = None
    """When it was made, ns UTC."""


class DefineSignal(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="define_signal"
):
    """Give a signal a schema, in place of the one it had; without ``rules``: none."""

    name: str
    rules: SignalRules | None = None
    by: str = ""


class SetLimits(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="set_limits"
):
    """Put a scope under limits, in place of those it had; without ``limits``: under none."""

    scope: RiskScope = RiskScope()
    limits: Limits | None = None
    by: str = ""
    why: str = ""


class Kill(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="kill"):
    """Stop a scope. Asked again it changes nothing; a stronger level prevails."""

    scope: RiskScope = RiskScope()
    level: BlockLevel = BlockLevel.RECALL_ENTRIES
    by: str = ""
    why: str = ""


class Lift(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="lift"):
    """Lift a block: a kill by the name of its scope, anything else by its own."""

    cause: BlockCause
    name: str
    by: str = ""
    why: str = ""


class ClockStepped(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="clock_stepped"
):
    """The server's own word: the machine's clock was set by ``by_ms``, back where below zero."""

    by_ms: int


class ArmCountdown(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="arm_countdown"
):
    """Arm a dead-man switch, or refresh it: asked again before ``after_ms`` is over, it counts
    anew; else its scope is pulled. Refreshed after that, its scope may trade again."""

    name: str
    after_ms: int
    scope: RiskScope = RiskScope()
    level: BlockLevel = BlockLevel.RECALL_ENTRIES
    by: str = ""


class DisarmCountdown(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="disarm_countdown"
):
    name: str
    by: str = ""


Plain = AmendOrder | CancelOrder | CancelLeg | CancelOrders | ClosePosition | ExpireOrder | Signal
"""Commands that have no id of their own: asked twice, they would be done twice."""


class Keyed(Struct, frozen=True, forbid_unknown_fields=True, tag="keyed"):
    """A command under its caller's idempotency key: carried out once, and answered the same after.

    ``digest`` is of the request as it was sent. A refusal that waiting may cure is not remembered.
    """

    caller: str
    key: str
    digest: str
    command: Plain
    person: bool = False
    """Asked by a person, who is held to ``cooling_off_s``; programs are not."""
    second_thought: str = ""
    """The token that such a request was answered with."""
    why: str = ""


RiskControl = SetLimits | Kill | Lift | ArmCountdown | DisarmCountdown | DefineSignal | ClockStepped
"""What an admin, or the server itself, says about what may be risked."""
Command = PlaceOrder | PlaceOrders | Plain | Keyed | RiskControl


class Accepted(Struct, frozen=True, omit_defaults=True, tag="accepted", gc=False):
    """The command took effect. ``replayed``: it had before, and nothing new was done."""

    order_id: str = ""
    version: int = 0
    replayed: bool = False
    orders: tuple[str, ...] = ()


Answer = Accepted | Reject
