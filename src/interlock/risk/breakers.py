"""Circuit breakers of a scope: what is counted in a row, and when that is too much.

Decides whether a strategy has gone wrong. Invariant: counts follow from facts; a success of the
same kind begins them anew.
"""

from typing import Final

from interlock.orders.limits import Limits
from interlock.risk.rate import Rate

Tripped = tuple[str, int, int]
"""The setting, the figure and the limit."""
BREAKERS: Final = (
    *("breaker_orders_per_s", "breaker_amends_per_s", "breaker_rejects", "breaker_losses"),
)


class Breakers:
    """Counts of one scope."""

    __slots__ = ("amends", "losses", "refused", "rejected")

    def __init__(self) -> None:
        self.amends = Rate()
        self.refused = 0
        """Requests refused here since the last that was taken."""
        self.rejected = 0
        """Venue orders of entries refused since the last that a venue took."""
        self.losses = 0
        """Orders that ended with a loss since the last that did not."""

    def tripped(self, limits: Limits, orders_per_s: int, at: int) -> Tripped | None:
        """What is beyond its limit."""
        for name, figure in (
            ("breaker_orders_per_s", orders_per_s),
            ("breaker_amends_per_s", self.amends.at(at)),
        ):
            limit: int | None = getattr(limits, name)
            if limit is not None and figure > limit:
                return name, figure, limit
        for name, figure in (
            ("breaker_rejects", max(self.refused, self.rejected)),
            ("breaker_losses", self.losses),
        ):
            limit = getattr(limits, name)
            if limit is not None and figure >= limit:
                return name, figure, limit
        return None

    def begin(self) -> None:
        """Count anew: the breaker has opened, or lets one order try."""
        self.refused = self.rejected = self.losses = 0
        self.amends = Rate()

    def image(self) -> tuple[int, int, int, int, int, int]:
        return (*self.amends.image(), self.refused, self.rejected, self.losses)

    def restore(self, image: tuple[int, int, int, int, int, int]) -> None:
        self.amends = Rate(image[0], image[1], image[2])
        self.refused, self.rejected, self.losses = image[3], image[4], image[5]


def any_set(limits: Limits) -> bool:
    """Whether a scope has breakers at all."""
    if limits.breaker_on_halt:
        return True
    return any(getattr(limits, name) is not None for name in BREAKERS)
