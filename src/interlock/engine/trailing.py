"""Trailing stops of one instrument, source and direction, without walking them.

Decides which trailing stops a price ratchets and which it triggers. Theory of operation: stops
that have seen the same best price share a group. A new extreme swallows every group whose
watermark it passes (each group dies once, so the work is amortised), and inside a group only the
tightest distance can trigger first, so two heaps (increments and basis points) suffice. One more
heap over the groups' trigger levels makes the quiet tick a comparison with a cached number.

Prices are mirrored for buy stops (``sign`` -1), so that here the watermark is always a high and a
trigger always comes from above. Invariant: a watermark never moves away from the market.
"""

from bisect import bisect_left
from heapq import heapify, heappop, heappush, heapreplace

from interlock.engine.entries import TrailEntry
from interlock.orders.terms import BPS

UNSET = -(1 << 62)
"""The watermark of stops that have not seen a price yet."""
COMPACT_MIN = 64


class TrailGroup:
    """Stops with one watermark. ``level`` is where the tightest of them triggers."""

    __slots__ = ("alive", "by_bps", "by_ticks", "into", "level", "size", "wm")

    def __init__(self, wm: int) -> None:
        self.wm = wm
        self.by_ticks: list[TrailEntry] = []
        self.by_bps: list[TrailEntry] = []
        self.level = UNSET
        self.size = 0
        self.alive = True
        self.into: TrailGroup | None = None
        """The group that swallowed this one."""

    def compact(self) -> None:
        """Let go of the dead, once they are many: not every one comes to a heap's top."""
        kept = len(self.by_ticks) + len(self.by_bps)
        if kept > COMPACT_MIN and kept > 4 * self.size:
            self.by_ticks = [entry for entry in self.by_ticks if entry.live]
            self.by_bps = [entry for entry in self.by_bps if entry.live]
            heapify(self.by_ticks)
            heapify(self.by_bps)

    def tighten(self) -> int:
        """Drop dead tops and return the level of the tightest stop."""
        level = UNSET
        wm = self.wm
        while self.by_ticks and not self.by_ticks[0].live:
            heappop(self.by_ticks)
        while self.by_bps and not self.by_bps[0].live:
            heappop(self.by_bps)
        if wm != UNSET:
            if self.by_ticks:
                level = wm - self.by_ticks[0].distance
            if self.by_bps:
                level = max(level, wm - span_bps(wm, self.by_bps[0].distance))
        self.level = level
        return level


def span_bps(wm: int, bps: int) -> int:
    """A basis-point distance in increments, rounded towards protection, never nothing."""
    return max(1, abs(wm) * bps // BPS)


def find(group: TrailGroup) -> TrailGroup:
    """The living group that a swallowed one ended in, shortening the way for the next look."""
    root = group
    while root.into is not None:
        root = root.into
    while group.into is not None:
        group.into, group = root, group.into
    return root


class TrailBook:
    """All trailing stops of one channel and direction."""

    __slots__ = ("_level_heap", "_neg_wms", "_seq", "_stack", "count", "sign", "trigger_x", "wm_x")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._stack: list[TrailGroup] = []
        """Watermarks fall towards the end: the last group is the first a new high swallows."""
        self._neg_wms: list[int] = []
        self._level_heap: list[tuple[int, int, TrailGroup]] = []
        self._seq = 0
        self.count = 0
        self.trigger_x = UNSET
        """The highest mirrored price that triggers something."""
        self.wm_x = 1 << 62
        """Above this mirrored price something ratchets."""

    def arm(self, entry: TrailEntry, watermark: int | None) -> None:
        """Add a stop that has seen ``watermark`` (a real price), or nothing yet."""
        self._insert(entry, UNSET if watermark is None else watermark * self.sign)

    def _insert(self, entry: TrailEntry, wm: int) -> None:
        at = bisect_left(self._neg_wms, -wm)
        if at < len(self._stack) and self._stack[at].wm == wm:
            group = self._stack[at]
        else:
            group = TrailGroup(wm)
            self._stack.insert(at, group)
            self._neg_wms.insert(at, -wm)
        heappush(group.by_bps if entry.in_bps else group.by_ticks, entry)
        entry.group = group
        group.size += 1
        self.count += 1
        self._offer(group)
        self._bound()

    def disarm(self, entry: TrailEntry) -> None:
        """Remove a stop; its place in the heaps is dropped when it comes to the top."""
        if not entry.live or entry.group is None:
            return
        group = find(entry.group)
        entry.live = False
        entry.wm = group.wm
        entry.group = None
        group.size -= 1
        self.count -= 1
        if group.size == 0:
            self._remove(group)
        else:
            level = group.level
            group.compact()
            if level != group.tighten():
                self._offer(group)
        self._bound()

    def watermark(self, entry: TrailEntry) -> int | None:
        """The best real price this stop has seen."""
        wm = find(entry.group).wm if entry.group is not None else entry.wm
        return None if wm == UNSET else wm * self.sign

    def level(self, entry: TrailEntry) -> int | None:
        """The real price at which this stop triggers now."""
        wm = find(entry.group).wm if entry.group is not None else entry.wm
        if wm == UNSET:
            return None
        size = entry.distance
        return (wm - (span_bps(wm, size) if entry.in_bps else size)) * self.sign

    def ratchet(self, price: int) -> None:
        """Move every watermark that ``price`` has passed up to it."""
        x = price * self.sign
        stack, neg = self._stack, self._neg_wms
        merged: TrailGroup | None = None
        while stack and stack[-1].wm < x:
            group = stack.pop()
            neg.pop()
            merged = group if merged is None else _merge(merged, group)
        if merged is None:
            return
        if stack and stack[-1].wm == x:
            merged = _merge(merged, stack.pop())
            neg.pop()
        merged.wm = x
        stack.append(merged)
        neg.append(-x)
        self._offer(merged)
        self._bound()

    def touched(self, price: int) -> list[TrailEntry]:
        """Take out every stop that ``price`` reaches, tightest first."""
        x = price * self.sign
        out: list[TrailEntry] = []
        while self.trigger_x >= x and self.trigger_x != UNSET:
            group = self._level_heap[0][2]
            for heap in (group.by_ticks, group.by_bps):
                self._take(group, heap, x, out)
            if group.size == 0:
                self._remove(group)
            else:
                group.tighten()
                self._offer(group)
            self._bound()
        return out

    def _take(
        self, group: TrailGroup, heap: list[TrailEntry], x: int, out: list[TrailEntry]
    ) -> None:
        """Take out of one of a group's heaps what triggers at ``x``."""
        wm = group.wm
        while heap:
            entry = heap[0]
            if entry.live:
                size = span_bps(wm, entry.distance) if entry.in_bps else entry.distance
                if wm - size < x:
                    return
                entry.live = False
                entry.wm = wm
                entry.group = None
                group.size -= 1
                self.count -= 1
                out.append(entry)
            heappop(heap)

    def _remove(self, group: TrailGroup) -> None:
        group.alive = False
        at = bisect_left(self._neg_wms, -group.wm)
        del self._stack[at]
        del self._neg_wms[at]

    def _offer(self, group: TrailGroup) -> None:
        level = group.tighten()
        if level == UNSET:
            return
        heap = self._level_heap
        self._seq += 1
        if heap and heap[0][2] is group:
            heapreplace(heap, (-level, self._seq, group))
        else:
            heappush(heap, (-level, self._seq, group))
        if len(heap) > COMPACT_MIN and len(heap) > 4 * len(self._stack):
            self._level_heap = [(-g.level, i, g) for i, g in enumerate(self._stack)]
            self._level_heap = [item for item in self._level_heap if item[2].level != UNSET]
            heapify(self._level_heap)

    def _bound(self) -> None:
        heap = self._level_heap
        while heap and (not heap[0][2].alive or -heap[0][0] != heap[0][2].level):
            heappop(heap)
        self.trigger_x = -heap[0][0] if heap else UNSET
        self.wm_x = self._stack[-1].wm if self._stack else 1 << 62


def _merge(one: TrailGroup, other: TrailGroup) -> TrailGroup:
    """Pour the smaller group into the larger; the smaller is gone."""
    big, small = (one, other) if one.size >= other.size else (other, one)
    for item in small.by_ticks:
        if item.live:
            heappush(big.by_ticks, item)
    for item in small.by_bps:
        if item.live:
            heappush(big.by_bps, item)
    small.by_ticks, small.by_bps = [], []  # its entries still point here, to be shown the way
    big.size += small.size
    small.alive = False
    small.into = big
    return big
