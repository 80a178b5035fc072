"""The clock of a running process: wall-clock time that neither goes back nor stands still.

Decides what time it is when the machine's clock is set. A step forward is followed at once: days
end and orders expire by the wall. After a step back, time goes on by the steady clock, a little
slower, until the wall has caught up: a wait of three seconds must not become one of an hour.
Invariant: ``now`` never answers less than it answered before, nor less than the journal holds.
"""

import time
from collections.abc import Callable

SLOWER = 8
"""While ahead of the wall, this part of the time that passes is left out: an eighth."""
STEP_NS = 1_000_000_000
"""A difference to the wall beyond this is a step, and told."""


class SteadyClock:
    """``not_before`` is the journal's time: a process may start after the clock was set back.

    ``told`` hears of every step, once.
    """

    def __init__(
        self,
        not_before: int = 0,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
        told: Callable[[str], None] | None = None,
        stepped: Callable[[int], None] | None = None,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._told = told or _unheard
        self.stepped = stepped or _unheard
        """Hears by how many ns the clock went forward, or below zero back, once for each step."""
        self._read = steady()
        self._at = max(wall(), not_before)
        self._ahead = False

    def now(self) -> int:
        """Nanoseconds UTC."""
        read, wall = self._steady(), self._wall()
        passed = max(0, read - self._read)
        self._read = read
        behind = wall - self._at - passed
        if behind >= 0:
            if behind > STEP_NS:
                self._told(f"the clock went forward by {_seconds(behind)}; that is followed")
                self.stepped(behind)
            self._at = wall
        else:
            self._at = max(wall, self._at + passed - passed // SLOWER)
        ahead = self._at - wall > STEP_NS
        if ahead and not self._ahead:
            self._told(
                f"the clock is {_seconds(self._at - wall)} behind what the journal or this "
                f"process has seen; time goes on from there, slower, until the clock has caught up"
            )
            self.stepped(wall - self._at)
        self._ahead = ahead
        return self._at


def _seconds(span_ns: int) -> str:
    return f"{span_ns / 1e9:,.1f} s"


def _unheard(_: str | int) -> None:
    """Steps go unnoticed unless somebody listens."""
