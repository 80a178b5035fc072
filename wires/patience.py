"""A world's own time: it passes only while the world gets its turns.

Decides how long anything may take. Invariant: what a busy machine takes from a world takes none of
its time, so a request never runs out, and nobody's patience ends, for want of a turn to be taken.
"""

import asyncio
import time
from typing import Final

TURN_NS_MAX: Final = 20_000_000
"""No turn of the loop takes longer than this by the world's time."""
BEAT_S: Final = 0.005
SECOND_NS: Final = 1_000_000_000


class WorldTime:
    """Nanoseconds UTC for everybody in one world; ``beat`` has to run beside them."""

    def __init__(self) -> None:
        self._at = time.time_ns()
        self._beaten = time.monotonic_ns()
        self._told = 0

    def now(self) -> int:
        """Later at every call: what came after is told to be later, also while time stands."""
        at = self._at + min(TURN_NS_MAX, time.monotonic_ns() - self._beaten)
        self._told = max(self._told + 1, at)
        return self._told

    async def beat(self) -> None:
        """Until canceled."""
        while True:
            await asyncio.sleep(BEAT_S)
            self._at = self.now()
            self._beaten = time.monotonic_ns()


class Patience:
    """Over after so many seconds of the world's time."""

    def __init__(self, time: WorldTime, seconds: float) -> None:
        self._time = time
        self._end = time.now() + int(seconds * SECOND_NS)

    @property
    def over(self) -> bool:
        return self._time.now() >= self._end
