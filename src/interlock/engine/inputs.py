"""Inputs of the engine besides commands, reports and ticks, and what one input leads to.

Decides nothing. Invariant: whatever the engine takes in or gives out is a plain immutable record.
"""

from msgspec import Struct

from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.requests import Request
from interlock.orders.sessions import Hours
from interlock.orders.ticks import Tick


class Start(Struct, frozen=True):
    """The process begins: everything that may be live at a venue is asked about."""

    epoch: int


class Wakeup(Struct, frozen=True):
    """Time has passed."""


class Define(Struct, frozen=True):
    """The world as it is configured: instruments and venues."""

    instruments: tuple[Instrument, ...] = ()
    venues: tuple[tuple[str, Capabilities], ...] = ()


class SetSessions(Struct, frozen=True):
    """When an instrument trades in the days to come, as a calendar has it."""

    instrument: str
    calendar: str
    hours: tuple[Hours, ...]


Input = c.Command | r.Report | Tick | Start | Wakeup | Define | SetSessions


class Decision(Struct, frozen=True, gc=False):
    """What one input led to. ``requests`` that create exposure leave only after the commit."""

    facts: list[f.Fact]
    requests: list[Request]
    answer: c.Answer | None = None
    encoded: bytes | None = None
    """The one fact as a journal writes it, where it was encoded already."""
