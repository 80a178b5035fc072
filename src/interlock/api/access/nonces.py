"""Nonces: a signed request is let in once.

Decides whether a request is a replay. Invariant: whatever was let in is remembered for as long as
its timestamp could be inside the receive window; what may have been forgotten is refused by time.
"""

from collections.abc import Callable
from threading import Lock
from typing import Final

from msgspec import Struct, field

from interlock.api.problems import ApiCode, Problem, problem

WINDOW_MS: Final = 5_000
NONCES_MAX: Final = 100_000
"""For each key and generation, of which there are two: some 20 MB for a key that never rests."""
MS: Final = 10**6


class _Seen(Struct):
    """One key's. A generation is forgotten whole, once all in it are outside the window."""

    began: int
    floor: int
    """Timestamps up to this one may have been forgotten."""
    young: set[str] = field(default_factory=set)
    old: set[str] = field(default_factory=set)
    young_last: int = -1
    old_last: int = -1
    """The highest timestamp in each."""


class Nonces:
    """Every nonce that is still worth replaying, by key."""

    def __init__(
        self,
        now: Callable[[], int],
        window_ms: int = WINDOW_MS,
        nonces_max: int = NONCES_MAX,
    ) -> None:
        self._now = now
        self.window_ms = window_ms
        self._max = nonces_max
        self._lock = Lock()
        # What was let in before this process began is not known here.
        self._floor = now() // MS - 1
        self._seen: dict[str, _Seen] = {}

    def outside(self, timestamp_ms: int) -> Problem | None:
        """Refuses what is too old, too far ahead, or from before this process began."""
        now = self._now() // MS
        if abs(timestamp_ms - now) > self.window_ms:
            return _outside(f"is {abs(timestamp_ms - now)} ms away from the server's clock ({now})")
        if timestamp_ms <= self._floor:
            return _outside("is from before the server started")
        return None

    def remember(self, key_id: str, nonce: str, timestamp_ms: int) -> Problem | None:
        """Refuses a nonce that was seen; call it once everything else about a request is right."""
        now = self._now()
        with self._lock:
            seen = self._seen.get(key_id)
            if seen is None:
                seen = self._seen[key_id] = _Seen(now, self._floor)
            # A nonce let in now may come again for two windows: its clock may be one ahead.
            if now - seen.began >= 2 * self.window_ms * MS:
                seen.floor = max(seen.floor, seen.old_last)
                seen.old, seen.old_last = seen.young, seen.young_last
                seen.young, seen.young_last = set(), -1
                seen.began = now
            if timestamp_ms <= seen.floor:
                # Only where the clock was set back: these were outside the window already.
                return _outside("is older than what is still remembered")
            if nonce in seen.young or nonce in seen.old:
                return problem(
                    ApiCode.NONCE_REUSED,
                    "A request with this nonce was let in before.",
                    "Sign every request with a nonce of its own, a repeated one too.",
                )
            if len(seen.young) >= self._max:
                return problem(
                    ApiCode.RATE_LIMITED,
                    f"This key sent {self._max} requests within {2 * self.window_ms} ms.",
                    "Send orders in batches.",
                    setting="signing.window_ms",
                )
            seen.young.add(nonce)
            seen.young_last = max(seen.young_last, timestamp_ms)
            return None

    def tidy(self) -> None:
        """Forget what is outside the window of keys that rest; the busy ones do so by themselves.

        Called now and then, off the hot path.
        """
        now, span = self._now(), 2 * self.window_ms * MS
        with self._lock:
            for seen in self._seen.values():
                if now - seen.began >= 2 * span and (seen.young or seen.old):
                    seen.floor = max(seen.floor, seen.old_last, seen.young_last)
                    seen.young, seen.old = set(), set()
                    seen.young_last = seen.old_last = -1
                    seen.began = now

    def forget_key(self, key_id: str) -> None:
        """A revoked key lets nobody in, so nothing of it can be replayed."""
        with self._lock:
            self._seen.pop(key_id, None)


def _outside(why: str) -> Problem:
    return problem(
        ApiCode.TIMESTAMP_OUTSIDE_WINDOW,
        f"The timestamp {why}.",
        "Sign anew with the time now, in milliseconds UTC; keep the clock by NTP.",
        setting="signing.window_ms",
    )
