"""One account at the exchange, as everything that trades or asks there shares it.

Decides when a request may leave. Invariant: whatever the exchange says of limits, bans and its
clock is heeded by every request after it, whoever sends it.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from interlock.orders.grid import Grid
from interlock.orders.reports import Report
from interlock.orders.requests import QueryVenueOrder
from interlock.venues.binance.answers import Failure, Kind, kind_of
from interlock.venues.binance.budget import Budget, Priority
from interlock.venues.binance.calls import Calls
from interlock.venues.binance.ids import ClientIds
from interlock.venues.binance.wording import FUTURES, Wording

QUESTION_S_MAX: Final = 10.0
"""A question that cannot leave within this is not asked: it will be again."""
SECOND_NS: Final = 1_000_000_000
NUMBERS_MAX: Final = 100_000
REFUSED_S: Final = 1.0
"""A refusal for a while that does not say how long."""


class Known(Struct):
    """What we know of one of our orders there, while it may be open."""

    conditional: bool
    """It is of the algo family, as far as we know: it may have triggered since."""
    side: int
    price: int | None
    canceling: bool = False
    told: bool = False
    """The user stream has told of it."""
    amending: tuple[int, int] | None = None
    """Quantity and price that we last asked for in place: when the stream tells of them before or
    after the answer does, that is nobody else's hand."""
    list_id: int = -1
    """The order list there that it is in, -1 for none."""


class Account:
    """Its credentials' calls, its budget, and what is known of its orders.

    ``name`` is the venue's, ``label`` what orders call the account; ``tell`` hears every report.
    """

    def __init__(
        self,
        name: str,
        label: str,
        calls: Calls,
        budget: Budget,
        ids: ClientIds,
        now: Callable[[], int],
        tell: Callable[[Report], None],
        wording: Wording = FUTURES,
    ) -> None:
        self.name = name
        self.label = label
        self.calls = calls
        self.budget = budget
        self.ids = ids
        self.now = now
        self.tell = tell
        self.wording = wording
        self.steady = asyncio.get_running_loop().time
        self.grids: dict[str, Grid] = {}
        """By the exchange's symbol."""
        self.quotes: dict[str, str] = {}
        """The asset that each symbol's money is in."""
        self.known: dict[str, Known] = {}
        """By our client id."""
        self.numbers: dict[str, str] = {}
        """Our client ids by the exchange's order numbers; empty for orders that are not ours."""
        self.ending: set[int] = set()
        """Order lists there that we are canceling: both of their orders go."""
        self.amending: dict[str, int] = {}
        """The quantities we have asked for in place, by our client id."""
        self.asking: dict[str, QueryVenueOrder] = {}
        """The last question about each of our orders that has not been answered."""
        self.fired: Callable[[str, int], bool] = lambda *_: False
        """Whether the exchange's countdown ended a symbol's orders at this ms of its clock."""
        self.clock_is_off: Callable[[], None] = lambda: None

    async def ask(
        self,
        method: str,
        path: str,
        asked: dict[str, Any],
        weight: int,
        priority: Priority,
        orders: int = 0,
        within_s: float = QUESTION_S_MAX,
        api: str = "",
    ) -> Any | Failure | None:
        """The answer, a failure, or nothing when the budget did not let it leave in time."""
        if not await self.budget.take(weight, orders, priority, self.steady() + within_s):
            return None
        found = await self.calls.ask(method, path, asked, api or self.wording.api)
        if isinstance(found, Failure):
            self.heed(found)
        return found

    def heed(self, failure: Failure) -> None:
        """What a failure says beyond the request that it answers."""
        match kind_of(failure):
            case Kind.LATER:
                self.budget.block(failure.retry_after_s or REFUSED_S)
            case Kind.CLOCK:
                self.clock_is_off()

    def window_s(self, valid_until: int) -> float:
        """What is left of a request's validity."""
        return max(0.0, (valid_until - self.now()) / SECOND_NS)

    def note(self, number: str, written: str) -> None:
        """Whose the order with this number is."""
        if len(self.numbers) >= NUMBERS_MAX:
            self.numbers.clear()
        self.numbers[number] = self.ids.ours(written) or ""
