"""The venue port: all that the runtime knows of a venue.

Decides the contract every venue passes, case by case in ``tests/venues/venue_contract.py``.
Invariant: ``send`` never answers; whatever becomes of a request comes back as a report, and no
report is ever taken for more than the venue said. An acknowledgement, a fill or an end may be told
more than once; a fill has one ``exec_id`` whichever way it is told.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.reports import Report
from interlock.orders.requests import Request
from interlock.orders.ticks import Tick


class VenueHealth(Struct, frozen=True):
    """What is known of a venue without asking it anything. Times are ns UTC, 0 for never; None is
    what this kind of connection has not.
    """

    connected: bool
    since: int = 0
    """When that began."""
    heard_at: int = 0
    """When the venue last said anything at all."""
    clock_ahead_ms: int | None = None
    """By how much its clock is ahead of ours, as last measured."""
    weight_used: int | None = None
    """Of the request weight of the minute that runs."""
    weight_limit: int | None = None
    blocked_until: int = 0
    """It has said that it takes no request before this: a limit was reached, or we are banned."""
    counting_down: tuple[str, ...] = ()
    """Symbols for which its own countdown is armed behind ours."""


class Venue(Protocol):
    """A venue, driven by the caller's clock (ns UTC)."""

    @property
    def name(self) -> str:
        """The part of a symbol after the dot."""

    @property
    def capabilities(self) -> Capabilities: ...

    def send(self, request: Request, at: int) -> None:
        """Hand over a request. It may be lost, late, or answered with a report."""

    def poll(self, at: int) -> list[Report]:
        """Reports that have reached us by ``at``, in the order they arrived; each is given once."""

    def next_at(self) -> int | None:
        """When ``poll`` will next have something, as far as is known."""

    def health(self) -> VenueHealth:
        """How the connection is, from what has been heard of it."""


class RemoteVenue(Venue, Protocol):
    """A venue over a connection that comes and goes, driven by its own loop.

    While there is no connection nothing is known: what is asked then is reported as refused where
    it was never sent, and as unknown where it may have been.
    """

    instruments: tuple[Instrument, ...]
    """What can be traded, as the venue said when it was last there."""
    joined: asyncio.Event
    """Set while there is a connection that can be trusted."""
    news: Callable[[], None]
    """Called when ``poll`` has something."""
    tick: Callable[[Tick], None]
    """Called with every tick of the market."""
    welcomed: Callable[[], None]
    """Called with every new connection, before it is reported to be up."""

    counted: Callable[[], frozenset[str] | None]
    """Asked for the instruments where a countdown of ours answers for resting entries: a venue's
    own is armed behind it, where it has one and that was chosen. Nothing: it is not known yet."""

    def missing(self) -> None:
        """Say that there is no connection: at a start nobody has heard so."""

    async def part(self) -> None:
        """The server ends as asked: the venue is not to act on our silence."""

    async def run(self) -> None:
        """Stay connected for as long as this is not canceled."""
