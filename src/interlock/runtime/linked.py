"""A line and a venue in another process.

Decides that what the venue says goes to the line at once. Invariant: a bug in dealing with it ends
the line; what the connection itself does never does.
"""

import asyncio

from interlock.engine.counted import counted_down
from interlock.orders.ticks import Tick
from interlock.runtime.live import Live
from interlock.venues.paper.link import Link
from interlock.venues.port import RemoteVenue

JOIN_S_MAX = 2.0
"""A start waits this long; without the venue everything there is unknown until it is back."""


async def reached(venue: RemoteVenue) -> bool:
    """Whether the venue was there in time; ``venue.run`` is under way."""
    waiting = asyncio.create_task(venue.joined.wait())
    await asyncio.wait([waiting], timeout=JOIN_S_MAX)
    waiting.cancel()
    return venue.joined.is_set()


def open_to(venue: RemoteVenue, live: Live) -> None:
    """From here on reports, ticks and what can be traded go to this line."""

    def news() -> None:
        live.guarded(lambda: live.hear(venue.poll(live.clock.now())))

    def tick(tick: Tick) -> None:
        live.guarded(lambda: live.tick(tick))

    def welcomed() -> None:
        known = {venue.name: venue.capabilities}
        live.guarded(lambda: live.define(venue.instruments, known))

    if isinstance(venue, Link):
        live.attend = venue.look
    venue.news, venue.tick, venue.welcomed = news, tick, welcomed
    venue.counted = lambda: counted_down(live.line.state, venue.name)
    if not venue.joined.is_set():
        venue.missing()
    news()
