"""What differs between the exchange's markets where everything else is the same.

Decides paths, field names and weights. Invariant: an absence counts only once every family of
orders that a market has was looked in.
"""

from typing import Final

from msgspec import Struct


class Family(Struct, frozen=True):
    """One family of orders, by where its open ones are listed and under which names."""

    open_path: str
    id_name: str
    size_name: str


REGULAR: Final = Family("openOrders", "clientOrderId", "origQty")
ALGO: Final = Family("openAlgoOrders", "clientAlgoId", "quantity")


class Wording(Struct, frozen=True):
    """Of one market."""

    public: str
    """The library's names of the public and the private endpoints."""
    api: str
    families: tuple[Family, ...]
    trades: str
    order_weight: int
    open_weight: int
    """Of open orders of one symbol."""
    all_open_weight: int
    trades_weight: int
    limits: tuple[tuple[str, int], ...] = ()
    """Of weight and orders, by the budget's names, where they are others than USD-M's."""
    dot: str = "."
    """How the dots of our ids are written."""

    @property
    def algos(self) -> bool:
        return ALGO in self.families


FUTURES: Final = Wording("fapiPublic", "fapiPrivate", (REGULAR, ALGO), "userTrades", 1, 1, 40, 5)
SPOT_LIMITS: Final = (("1M", 6_000), ("10S", 100), ("O1M", 200_000))
"""The last is a day's: the minute has no limit of its own."""
SPOT: Final = Wording(
    *("public", "private", (REGULAR,), "myTrades", 4, 6, 80, 20, SPOT_LIMITS), dot="_"
)
