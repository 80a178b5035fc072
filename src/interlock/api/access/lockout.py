"""Lockout: how often an address may get a password wrong.

Decides how long an address is refused unheard. Invariant: an attempt is counted before its password
is looked at, so a thousand attempts at once are a thousand attempts; and nobody is kept waiting.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from msgspec import Struct

from interlock.api.access.addresses import neighbourhood

FREE: Final = 5
"""Failures before the first refusal."""
LONGEST_S: Final = 900
FORGOTTEN_S: Final = 86_400
ADDRESSES_MAX: Final = 10_000
SECOND: Final = 10**9


class _Failures(Struct):
    count: int = 0
    last_at: int = 0
    refused_until: int = 0


class Lockout:
    """Failures by address."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._lock = Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def attempt(self, address: str) -> int:
        """Seconds to wait before one is heard; 0: this one is, and counts as failed for now."""
        place, now = neighbourhood(address), self._now()
        with self._lock:
            found = self._failures.get(place)
            if found is None or now - found.last_at > FORGOTTEN_S * SECOND:
                found = self._failures[place] = _Failures()
            self._failures.move_to_end(place)
            if len(self._failures) > ADDRESSES_MAX:
                self._failures.popitem(last=False)
            if now < found.refused_until:
                return -(-(found.refused_until - now) // SECOND)
            found.count += 1
            found.last_at = now
            over = found.count - FREE
            if over >= 0:
                wait = min(LONGEST_S, 1 << min(over, 30))
                found.refused_until = now + wait * SECOND
            return 0

    def passed(self, address: str) -> None:
        """The password was right: what this address got wrong before is forgotten."""
        with self._lock:
            self._failures.pop(neighbourhood(address), None)
