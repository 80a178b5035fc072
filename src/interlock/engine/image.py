"""The image of a state: what a snapshot holds.

Decides what belongs to the state. Invariant: an image of another format is never read as this one.
"""

from msgspec import Struct

from interlock.engine.order import Order
from interlock.orders.capabilities import Capabilities
from interlock.orders.facts import PositionSeen, RequestAnswered, SecondThoughtAsked
from interlock.orders.instruments import Instrument
from interlock.orders.limits import Block, BlockCause, Countdown, Limits, RiskScope
from interlock.orders.sessions import Hours
from interlock.orders.signals import SignalRules

IMAGE_FORMAT = 6


Counted = tuple[int, int, int]
"""A rate: the second, its events, those of the second before."""


class LimitedImage(Struct, array_like=True):
    """A scope with limits; what orders and fills add up to in it is counted anew."""

    scope: RiskScope
    limits: Limits
    placed: Counted
    sent: Counted
    canceled: Counted
    baseline: int
    day_ends: int
    breakers: tuple[int, int, int, int, int, int]
    margin_low: bool


class MarketImage(Struct, array_like=True):
    """What is known of an instrument besides its prices."""

    instrument: Instrument
    halted: bool
    counted: int
    delisted: bool
    calendar: str
    hours: tuple[Hours, ...]


class Image(Struct, array_like=True):
    """Everything a state holds that facts made."""

    format: int
    seq: int
    now: int
    epoch: int
    started_at: int
    instruments: list[MarketImage]
    capabilities: dict[str, Capabilities]
    down: dict[str, bool]
    orders: list[Order]
    waiting: list[tuple[bytes, tuple[int | None, ...]]]
    """Orders kept as their acceptance, with the watermarks their trailing stops have reached."""
    forgotten: list[tuple[str, str, str, str]]
    signals: dict[str, int]
    positions_seen: list[PositionSeen]
    net: list[tuple[str, str, str, int]]
    answered: list[RequestAnswered]
    limited: list[LimitedImage]
    blocks: list[Block]
    holdings: list[tuple[str, str, str, str, int, int, int]]
    """Account, instrument, position side, tag; net, basis, realised."""
    countdowns: list[Countdown]
    probes: list[tuple[BlockCause, str, str]]
    gone: dict[str, int]
    signal_book: list[tuple[str, SignalRules, int, int, int, dict[str, tuple[int, int]]]]
    """Name, schema, when it last counted, when it froze, sound values since, by source."""
    thoughts: list[SecondThoughtAsked]
