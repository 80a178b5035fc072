"""A recorded or made-up market, let happen in real time.

Decides how long is waited before each tick. Invariant: a market never rushes to catch up with a
machine that was asleep or is too slow.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from interlock.orders.ticks import Tick

WAIT_S_MAX = 5.0
"""A recorded market that is silent for longer is not waited for."""


async def paced(ticks: Iterator[Tick], speed: float) -> AsyncIterator[Tick]:
    """The ticks, each when its time has come, ``speed`` times as fast as they happened."""
    loop = asyncio.get_running_loop()
    before: int | None = None
    due = loop.time()
    for tick in ticks:
        if before is not None:
            due += min(WAIT_S_MAX, max(0, tick.at - before) / 1e9 / speed)
        before = tick.at
        wait = due - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        elif wait < -1.0:
            due = loop.time()
        else:
            await asyncio.sleep(0)
        yield tick
