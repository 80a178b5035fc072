"""A line and a venue in another process.

Decides that what the venue says goes to the line at once. Invariant: a bug in dealing with it ends
the line; what the connection itself does never does.
"""

import asyncio

from interlock.orders.ticks import Tick
from interlock.runtime.live import Live
from interlock.venues.paper.link import Link

JOIN_S_MAX = 2.0
"""A start waits this long; without the venue everything there is unknown until it is back."""


async def reached(link: Link) -> bool:
    """Whether the venue was there in time; ``link.run`` is under way."""
    waiting = asyncio.create_task(link.joined.wait())
    await asyncio.wait([waiting], timeout=JOIN_S_MAX)
    waiting.cancel()
    return link.joined.is_set()


def open_to(link: Link, live: Live) -> None:
    """From here on reports, ticks and what can be traded go to this line."""

    def news() -> None:
        live.guarded(lambda: live.hear(link.poll(live.clock.now())))

    def tick(tick: Tick) -> None:
        live.guarded(lambda: live.tick(tick))

    def welcomed() -> None:
        known = {link.name: link.capabilities}
        live.guarded(lambda: live.define(link.instruments, known))

    live.attend = link.look
    link.news, link.tick, link.welcomed = news, tick, welcomed
    if not link.joined.is_set():
        link.missing()
    news()
