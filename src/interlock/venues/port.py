"""The venue port: all that the runtime knows of a venue.

Decides the contract every venue passes. Invariant: ``send`` never answers; whatever becomes of a
request comes back as a report, and no report is ever taken for more than the venue said.
"""

from typing import Protocol

from interlock.orders.capabilities import Capabilities
from interlock.orders.reports import Report
from interlock.orders.requests import Request


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
        """Reports that have reached us by ``at``, in the order they arrived."""

    def next_at(self) -> int | None:
        """When ``poll`` will next have something, as far as is known."""
