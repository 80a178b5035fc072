"""Refusals: every expected no, as a value with a code that never changes.

Decides the vocabulary and the order of refusals. Checks run in the order of ``RejectCode``'s
groups (shape, numbers, tree, instrument, market, risk, state), so a request always gets the same
answer.
"""

from enum import StrEnum

from msgspec import Struct

from interlock.orders.limits import Breach


class RejectCode(StrEnum):
    """Why something was refused. Codes are part of the API: added to, never renamed."""

    # Shape: the body does not say what the words allow.
    MALFORMED = "MALFORMED"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    MISSING_FIELD = "MISSING_FIELD"
    WRONG_TYPE = "WRONG_TYPE"
    UNKNOWN_VALUE = "UNKNOWN_VALUE"
    # Identity.
    DUPLICATE_ID = "DUPLICATE_ID"
    KEY_REUSED = "KEY_REUSED"
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    LEG_UNKNOWN = "LEG_UNKNOWN"
    SIGNAL_TOO_OLD = "SIGNAL_TOO_OLD"
    # The tree.
    TREE_TOO_DEEP = "TREE_TOO_DEEP"
    TREE_TOO_WIDE = "TREE_TOO_WIDE"
    TOO_FEW_NODES = "TOO_FEW_NODES"
    DUPLICATE_LEG_ID = "DUPLICATE_LEG_ID"
    RULE_CYCLE = "RULE_CYCLE"
    RULE_INVALID = "RULE_INVALID"
    CONDITION_INVALID = "CONDITION_INVALID"
    NOTHING_TO_EXIT = "NOTHING_TO_EXIT"
    WRONG_SIDE = "WRONG_SIDE"
    # Numbers and the instrument's own rules.
    INSTRUMENT_UNKNOWN = "INSTRUMENT_UNKNOWN"
    BAD_NUMBER = "BAD_NUMBER"
    OFF_INCREMENT = "OFF_INCREMENT"
    NOT_POSITIVE = "NOT_POSITIVE"
    QUANTITY_BELOW_MINIMUM = "QUANTITY_BELOW_MINIMUM"
    QUANTITY_ABOVE_MAXIMUM = "QUANTITY_ABOVE_MAXIMUM"
    NOTIONAL_BELOW_MINIMUM = "NOTIONAL_BELOW_MINIMUM"
    PRICE_OUTSIDE_BAND = "PRICE_OUTSIDE_BAND"
    SHARES_EXCEED_WHOLE = "SHARES_EXCEED_WHOLE"
    EXPIRED_ALREADY = "EXPIRED_ALREADY"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    # The market and the venue, now.
    STOP_THROUGH_MARKET = "STOP_THROUGH_MARKET"
    INSTRUMENT_HALTED = "INSTRUMENT_HALTED"
    INSTRUMENT_DELISTED = "INSTRUMENT_DELISTED"
    SESSION_UNKNOWN = "SESSION_UNKNOWN"
    VENUE_DOWN = "VENUE_DOWN"
    # Risk: the gates, in their order.
    RISK_BLOCKED = "RISK_BLOCKED"
    RISK_NOT_ALLOWED = "RISK_NOT_ALLOWED"
    RISK_REDUCE_ONLY = "RISK_REDUCE_ONLY"
    RISK_ORDER_QUANTITY = "RISK_ORDER_QUANTITY"
    RISK_ORDER_NOTIONAL = "RISK_ORDER_NOTIONAL"
    RISK_PRICE_COLLAR = "RISK_PRICE_COLLAR"
    RISK_STOP_DISTANCE = "RISK_STOP_DISTANCE"
    RISK_OPEN_ORDERS = "RISK_OPEN_ORDERS"
    RISK_POSITION = "RISK_POSITION"
    RISK_GROSS_EXPOSURE = "RISK_GROSS_EXPOSURE"
    RISK_DAILY_LOSS = "RISK_DAILY_LOSS"
    RISK_MARGIN = "RISK_MARGIN"
    RISK_RATE = "RISK_RATE"
    COOLING_OFF = "COOLING_OFF"
    SIGNAL_REFUSED = "SIGNAL_REFUSED"
    LIMITS_INVALID = "LIMITS_INVALID"
    # The state of the order.
    VERSION_MISMATCH = "VERSION_MISMATCH"
    ORDER_DONE = "ORDER_DONE"
    LEG_DONE = "LEG_DONE"
    LEG_CLAIMED = "LEG_CLAIMED"
    LEG_FROZEN = "LEG_FROZEN"
    NOT_AMENDABLE = "NOT_AMENDABLE"

    @property
    def transient(self) -> bool:
        """Whether the very same request could do better later."""
        return self in _TRANSIENT


_TRANSIENT = frozenset(
    (
        RejectCode.STOP_THROUGH_MARKET,
        RejectCode.INSTRUMENT_HALTED,
        RejectCode.SESSION_UNKNOWN,
        RejectCode.VENUE_DOWN,
        RejectCode.LEG_CLAIMED,
        RejectCode.LEG_FROZEN,
        RejectCode.PRICE_OUTSIDE_BAND,
        RejectCode.RISK_BLOCKED,
        RejectCode.RISK_PRICE_COLLAR,
        RejectCode.RISK_OPEN_ORDERS,
        RejectCode.RISK_POSITION,
        RejectCode.RISK_GROSS_EXPOSURE,
        RejectCode.RISK_MARGIN,
        RejectCode.RISK_RATE,
        RejectCode.COOLING_OFF,
    )
)


class Weakened(Struct, frozen=True, omit_defaults=True):
    """One protective stop that a request would move away or take away. Prices are decimal text."""

    leg: str
    instrument: str
    side: str
    quantity: str
    """What it protects now."""
    stop: str | None
    """Where it would trade now; nothing while that is not known."""
    stop_after: str | None = None
    """Where it would after the request; nothing: it would be gone."""
    quantity_after: str = "0"


class SecondThought(Struct, frozen=True, omit_defaults=True):
    """A request that takes protection away, to be sent again after a while if it is still meant."""

    token: str
    order_id: str
    valid_from: int
    until: int
    """ns UTC: sent again with the token between the two, it is carried out."""
    weakened: tuple[Weakened, ...] = ()


class Reject(Struct, frozen=True, omit_defaults=True):
    """One refusal: the code, where in the request, the rule, and the way out."""

    code: RejectCode
    path: str
    """Where: ``order.then.legs[1].trigger_price``; empty for the request as a whole."""
    rule: str
    """What must hold, as a sentence."""
    way_out: str = ""
    """What to send instead."""
    breach: Breach | None = None
    """Of a risk gate: which setting of which scope, and what figure against what limit."""
    thought: SecondThought | None = None
    """Of a request that is held back for a while."""

    def __str__(self) -> str:
        where = f" at {self.path}" if self.path else ""
        out = f" {self.way_out}" if self.way_out else ""
        return f"{self.code}{where}: {self.rule}{out}"
