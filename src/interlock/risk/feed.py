"""The health of one instrument's prices: stale, crossed, one-sided, jumping, or sound.

Decides whether a feed is fit to trade by. Invariant: it is fit again only after sound prices for a
stated time; one good price after a bad one proves nothing.
"""

from typing import Final

from interlock.orders.terms import BPS

BASE_NS: Final = 1_000_000_000
"""A jump is measured from the price of this long ago."""
MS_NS: Final = 1_000_000


class Feed:
    """What the ticks of one instrument say about themselves. Volatile, as all prices are."""

    __slots__ = (
        *("base", "base_at", "calm_ns", "calm_since", "jump_bps", "last", "seen_at", "stale_ns"),
        "unfit",
    )

    def __init__(self, stale_ns: int, jump_bps: int, calm_ns: int, at: int) -> None:
        self.stale_ns = stale_ns
        """0 for never."""
        self.jump_bps = jump_bps
        """0 for any."""
        self.calm_ns = calm_ns
        self.seen_at = at
        """When the last sound price came; at first when watching began."""
        self.last = 0
        self.base = 0
        self.base_at = 0
        self.calm_since = 0
        """Since when an unfit feed has been sound again; 0 while it is not."""
        self.unfit = False
        """Whether it was said to be; the block says the same."""

    def quoted(self, at: int, bid: int, ask: int) -> str:
        """A quote; why the feed is unfit by it, or nothing."""
        if bid <= 0 or ask <= 0:
            return self._unsound("one-sided")
        if bid >= ask:
            return self._unsound("crossed")
        return self._priced(at, (bid + ask) // 2)

    def traded(self, at: int, price: int) -> str:
        return self._priced(at, price) if price > 0 else self._unsound("without a price")

    def stale_at(self) -> int:
        """When it will be stale if nothing more comes; 0 for never."""
        return self.seen_at + self.stale_ns if self.stale_ns and not self.unfit else 0

    def calm(self, at: int) -> bool:
        """Whether an unfit feed has been sound for long enough."""
        return 0 < self.calm_since <= at - self.calm_ns

    def _priced(self, at: int, price: int) -> str:
        gap = self.stale_ns and at - self.seen_at > self.stale_ns
        self.seen_at = at
        if not self.base:
            self.base, self.base_at = price, at
        elif at - self.base_at >= BASE_NS:
            self.base, self.base_at = self.last, at
        self.last = price
        if self.jump_bps and abs(price - self.base) * BPS > self.jump_bps * self.base:
            moved = abs(price - self.base) * BPS // self.base
            self.base, self.base_at = price, at  # what stays there is the new price
            return self._unsound(f"a jump of {moved} bps")
        if gap:
            return self._unsound("stale")
        if self.calm_since == 0:
            self.calm_since = at
        return ""

    def _unsound(self, why: str) -> str:
        self.calm_since = 0
        return why
