"""Rates: how often something happened in the last second.

Decides with two counters, of this second and of the one before, the latter fading out evenly.
Invariant: time comes in with every question; the same events give the same count.
"""

from typing import Final

SECOND_NS: Final = 1_000_000_000


class Rate:
    """Events a second."""

    __slots__ = ("before", "count", "second")

    def __init__(self, second: int = 0, count: int = 0, before: int = 0) -> None:
        self.second = second
        """Whole seconds since the epoch."""
        self.count = count
        self.before = before
        """How many there were in the second before."""

    def add(self, at: int) -> None:
        """One more, at ``at`` (ns UTC)."""
        self._turn(at // SECOND_NS)
        self.count += 1

    def at(self, at: int) -> int:
        """How many there were in the second that ends at ``at``."""
        second = at // SECOND_NS
        if second == self.second:
            before, count = self.before, self.count
        elif second == self.second + 1:
            before, count = self.count, 0
        else:
            return 0
        return count + before * (SECOND_NS - at % SECOND_NS) // SECOND_NS

    def free_at(self, at: int, most: int) -> int:
        """The first moment at which one more would fit, if nothing else happens; ns UTC."""
        step = SECOND_NS // 20
        moment = at
        for _ in range(40):
            if self.at(moment) < most:
                return moment
            moment += step
        return moment

    def image(self) -> tuple[int, int, int]:
        return self.second, self.count, self.before

    def _turn(self, second: int) -> None:
        if second == self.second:
            return
        self.before = self.count if second == self.second + 1 else 0
        self.second, self.count = second, 0
