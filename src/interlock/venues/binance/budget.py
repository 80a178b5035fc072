"""The budget: request weight and order counts, protective requests first (VENUES 1.10, 2.7).

Decides when a request may leave. Invariants: what the exchange has said is used is never
overdrawn, a ban is obeyed to its end, and the last part of the budget is for protection alone.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Final

MINUTE_S: Final = 60.0
WEIGHT: Final = 2_400
ORDERS_10S: Final = 300
ORDERS_1M: Final = 1_200
KEPT: Final = (0.0, 0.1, 0.3)
"""The share of each limit that a priority leaves to those before it."""
UNTOLD_S: Final = 2.0
"""A refusal that does not say how long to wait."""


class Priority(IntEnum):
    PROTECTIVE = 0
    """Cancels, exits, and questions whose answer protection waits for."""
    QUESTION = 1
    ENTRY = 2


class Budget:
    """Of one account and address. Times are a steady clock's, in seconds."""

    def __init__(self, clock: Callable[[], float], limits: Mapping[str, int] | None = None) -> None:
        self._clock = clock
        self._most = {"1M": WEIGHT, "10S": ORDERS_10S, "O1M": ORDERS_1M, **(limits or {})}
        self._used = dict.fromkeys(self._most, 0)
        self._begun = dict.fromkeys(self._most, 0.0)
        self._blocked_until = 0.0
        self.refused = 0
        """Refusals for want of budget that the exchange had to speak out."""

    def wait_s(self, weight: int, orders: int, priority: Priority) -> float:
        """How long until such a request may leave; 0 for now."""
        now = self._clock()
        waits = [self._blocked_until - now]
        for name, cost in (("1M", weight), ("10S", orders), ("O1M", orders)):
            self._roll(name, now)
            most = self._most[name] * (1 - KEPT[priority])
            if cost and self._used[name] + cost > most:
                waits.append(self._begun[name] + _length(name) - now)
        return max(0.0, *waits)

    async def take(self, weight: int, orders: int, priority: Priority, until: float) -> bool:
        """Wait for the turn of a request, and count it; False when that is later than ``until``."""
        while True:
            wait = self.wait_s(weight, orders, priority)
            if wait == 0.0:
                break
            if self._clock() + wait > until:
                return False
            await asyncio.sleep(wait)
        for name, cost in (("1M", weight), ("10S", orders), ("O1M", orders)):
            self._used[name] += cost
        return True

    def heard(self, headers: Mapping[str, str]) -> None:
        """What the exchange says has been used is more than we counted, or as much."""
        for name, header in (
            ("1M", "x-mbx-used-weight-1m"),
            ("10S", "x-mbx-order-count-10s"),
            ("O1M", "x-mbx-order-count-1m"),
        ):
            told = headers.get(header, "")
            if told.isdigit():
                self._roll(name, self._clock())
                self._used[name] = max(self._used[name], int(told))

    def block(self, for_s: float) -> None:
        """Nothing leaves for so long: the exchange has said so."""
        self.refused += 1
        self._blocked_until = max(self._blocked_until, self._clock() + (for_s or UNTOLD_S))

    @property
    def weight(self) -> tuple[int, int]:
        """Request weight used in the minute that runs, and the limit."""
        self._roll("1M", self._clock())
        return self._used["1M"], self._most["1M"]

    @property
    def blocked_s(self) -> float:
        """For how long nothing may leave any more."""
        return max(0.0, self._blocked_until - self._clock())

    def _roll(self, name: str, now: float) -> None:
        if now - self._begun[name] >= _length(name):
            self._begun[name], self._used[name] = now, 0


def _length(name: str) -> float:
    return 10.0 if name == "10S" else MINUTE_S
