"""Conditions: what must hold for a leg to be due, as a trader writes it.

Decides the shape of ``when``. A condition is an object with exactly one key; the key says which
kind it is. Prices are decimal text in the watched instrument's increments.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field


class PriceSource(StrEnum):
    """Which of the market's prices is watched. ``bid_ask`` is the side a market order would meet:
    the ask for a buy, the bid for a sell."""

    LAST = "last"
    BID_ASK = "bid_ask"
    MID = "mid"
    MARK = "mark"
    INDEX = "index"


class PriceWatch(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The price of any instrument is at or beyond a level. Exactly one of the two bounds."""

    instrument: str | None = None
    """The leg's own instrument when left out."""
    source: PriceSource = PriceSource.LAST
    at_or_above: str | None = None
    at_or_below: str | None = None


class VolumeWatch(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """This much has traded in the market since the leg began to wait."""

    at_least: str
    instrument: str | None = None


class TimeWatch(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The time is at or after ``at_or_after``, or before ``before``: ISO 8601 or integer ns."""

    at_or_after: str | int | None = None
    before: str | int | None = None


class SignalWatch(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The last value of a named signal is at or beyond a level. Never true before its first."""

    name: str
    at_or_above: str | None = None
    at_or_below: str | None = None


class Condition(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"all_of": "all", "any_of": "any", "negated": "not"},
):
    """One condition: exactly one of these is set."""

    price: PriceWatch | None = None
    volume: VolumeWatch | None = None
    time: TimeWatch | None = None
    signal: SignalWatch | None = None
    leg_filled: str | None = None
    all_of: tuple[Condition, ...] | None = field(default=None)
    any_of: tuple[Condition, ...] | None = field(default=None)
    negated: Condition | None = field(default=None)
