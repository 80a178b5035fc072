"""Limits: request weight per address, orders per account, and bans for who does not listen.

Decides when a request is one too many. Invariant: every answer says what has been used, and who
goes on after a 429 is banned with a 418 that says for how long (VENUES 1.10, 2.7).
"""

from collections.abc import Callable

from msgspec import Struct

from interlock.sandbox.binance.wire import WireError

DAY_MS, MINUTE_MS, TEN_SECONDS_MS = 86_400_000, 60_000, 10_000
IGNORED_MAX = 10
"""Requests after a 429 that are borne before the ban."""
BAN_MS = 120_000


class Window(Struct):
    """A count that begins anew with every interval of the exchange's clock."""

    length_ms: int
    most: int
    begun: int = -1
    used: int = 0

    def add(self, count: int, now_ms: int) -> bool:
        """Count; whether it is still within bounds."""
        begun = now_ms // self.length_ms
        if begun != self.begun:
            self.begun, self.used = begun, 0
        self.used += count
        return self.used <= self.most

    def left_s(self, now_ms: int) -> int:
        return (self.length_ms - now_ms % self.length_ms + 999) // 1_000


class Limits:
    """Of one exchange; the sandbox has one address and one account."""

    def __init__(self, weight: int, orders: tuple[Window, ...], now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.weight = Window(MINUTE_MS, weight)
        self.orders = orders
        self.banned_until = 0
        self._ignored = 0

    def count(self, weight: int, orders: int) -> dict[str, str]:
        """One request; the headers that tell. Raises ``WireError`` when it is one too many."""
        now = self._now_ms()
        if now < self.banned_until:
            raise self._banned(now)
        fits = self.weight.add(weight, now)
        headers = {"X-MBX-USED-WEIGHT-1M": str(self.weight.used)}
        if not fits:
            self._ignored += 1
            if self._ignored > IGNORED_MAX:
                self.ban(BAN_MS)
                raise self._banned(now)
            raise WireError(
                -1003,
                f"Too many requests; current limit is {self.weight.most} requests per minute.",
                429,
                {**headers, "Retry-After": str(self.weight.left_s(now))},
            )
        self._ignored = 0
        if orders:
            for window in self.orders:
                if not window.add(orders, now):
                    raise WireError(
                        -1015,
                        f"Too many new orders; current limit is {window.most} orders per "
                        f"{window.length_ms // 1_000} SECOND.",
                        429,
                        {**headers, "Retry-After": str(window.left_s(now))},
                    )
                headers[f"X-MBX-ORDER-COUNT-{_letter(window.length_ms)}"] = str(window.used)
        return headers

    def ban(self, for_ms: int) -> None:
        self.banned_until = self._now_ms() + for_ms

    def _banned(self, now: int) -> WireError:
        return WireError(
            -1003,
            f"Way too many requests; IP banned until {self.banned_until}. Please use the websocket "
            f"for live updates to avoid bans.",
            418,
            {"Retry-After": str((self.banned_until - now + 999) // 1_000)},
        )


def _letter(length_ms: int) -> str:
    return {TEN_SECONDS_MS: "10S", MINUTE_MS: "1M", DAY_MS: "1D"}[length_ms]
