"""The trigger index: which waiting legs a price makes due, without looking at the others.

Decides what one price does on one channel (an instrument's last, bid, ask, mid, mark or index).
Levels that wait for a rise and for a fall sit in two heaps, trailing stops in two ``TrailBook``s.
Invariant: while ``low < price < high`` nothing fires, ratchets or flips, so a quiet tick costs two
comparisons whatever the number of resting legs.
"""

from heapq import heapify, heappop, heappush

from interlock.engine.entries import Entry, Key, LevelEntry, Touched, TrailEntry
from interlock.engine.trailing import COMPACT_MIN, UNSET, TrailBook

FAR = 1 << 62

ATOMS_MAX = 64


def atom_key(order_id: str, leg: int, atom: int) -> Key:
    return (order_id, -1 - (leg * ATOMS_MAX + atom))


def split_atom(code: int) -> tuple[int, int]:
    """Leg and atom of a negative key part."""
    return divmod(-1 - code, ATOMS_MAX)


class TriggerChannel:
    """Everything that waits on one stream of prices."""

    __slots__ = (
        "_dead",
        "_falls",
        "_rises",
        "_seq",
        "confirming",
        "falls_trail",
        "fire_high",
        "fire_low",
        "high",
        "low",
        "rises_trail",
    )

    def __init__(self) -> None:
        self._rises: list[LevelEntry] = []
        self._falls: list[LevelEntry] = []
        self.falls_trail = TrailBook(1)
        """Sell stops: they follow a high and trigger on a fall."""
        self.rises_trail = TrailBook(-1)
        """Buy stops: they follow a low and trigger on a rise."""
        self.confirming: dict[Key, Touched] = {}
        """Each is looked at on every price."""
        self._seq = 0
        self._dead = 0
        self.low = -FAR
        self.high = FAR
        self.fire_low = -FAR
        self.fire_high = FAR
        """Between these a price at most ratchets."""

    def __len__(self) -> int:
        resting = sum(e.live for e in self._rises) + sum(e.live for e in self._falls)
        return resting + self.falls_trail.count + self.rises_trail.count + len(self.confirming)

    def wait(self, order_id: str, leg: int, level: int, rising: bool) -> LevelEntry:
        """Wait for the price to be at or beyond ``level``, which is above zero for a rise."""
        self._seq += 1
        entry = LevelEntry(level if rising else -level, self._seq, order_id, leg, self)
        heappush(self._rises if rising else self._falls, entry)
        if self.confirming:
            return entry  # every price is looked at already
        if rising:
            if level < self.fire_high:
                self.fire_high = level
            if level < self.high:
                self.high = level
        else:
            if level > self.fire_low:
                self.fire_low = level
            if level > self.low:
                self.low = level
        return entry

    def trail(
        self, order_id: str, leg: int, selling: bool, ticks: int, bps: int, watermark: int | None
    ) -> TrailEntry:
        """Follow the price at a distance."""
        book = self.falls_trail if selling else self.rises_trail
        self._seq += 1
        entry = TrailEntry(bps or ticks, self._seq, order_id, leg, self, selling, bps != 0)
        book.arm(entry, watermark)
        self.bound()
        return entry

    def drop(self, entry: Entry) -> None:
        """Stop waiting."""
        if self.confirming:
            self.confirming.pop(entry.key, None)
        if isinstance(entry, TrailEntry):
            self._book(entry).disarm(entry)
        elif entry.live:
            self._dead += 1
            if self._dead > COMPACT_MIN:
                self._compact()
        entry.live = False
        self.bound()

    def _compact(self) -> None:
        """Let go of the dead, once they are many: not every one comes to a heap's top."""
        if 2 * self._dead < len(self._rises) + len(self._falls):
            return
        self._rises = [entry for entry in self._rises if entry.live]
        self._falls = [entry for entry in self._falls if entry.live]
        heapify(self._rises)
        heapify(self._falls)
        self._dead = 0

    def _book(self, entry: TrailEntry) -> TrailBook:
        return self.falls_trail if entry.selling else self.rises_trail

    def watermark(self, entry: TrailEntry) -> int | None:
        return self._book(entry).watermark(entry)

    def level(self, entry: Entry) -> int | None:
        """The price at which this entry triggers now."""
        if isinstance(entry, LevelEntry):
            return entry.level
        return self._book(entry).level(entry)

    def ratchets(self, price: int) -> bool:
        """Whether ``price`` is a new extreme for some trailing stop."""
        return price > self.falls_trail.wm_x or -price > self.rises_trail.wm_x

    def ratchet(self, price: int) -> None:
        if price > self.falls_trail.wm_x:
            self.falls_trail.ratchet(price)
        if -price > self.rises_trail.wm_x:
            self.rises_trail.ratchet(price)
        self.bound()

    def touched(self, price: int) -> list[Entry]:
        """Take out everything that ``price`` reaches."""
        out: list[Entry] = []
        rises, falls = self._rises, self._falls
        while rises and (rises[0].rank <= price or not rises[0].live):
            entry = heappop(rises)
            if entry.live:
                entry.live = False
                out.append(entry)
        while falls and (-falls[0].rank >= price or not falls[0].live):
            entry = heappop(falls)
            if entry.live:
                entry.live = False
                out.append(entry)
        out.extend(self.falls_trail.touched(price))
        out.extend(self.rises_trail.touched(price))
        self.bound()
        return out

    def bound(self) -> None:
        """Recompute the prices between which nothing happens."""
        rises, falls = self._rises, self._falls
        while rises and not rises[0].live:
            heappop(rises)
        while falls and not falls[0].live:
            heappop(falls)
        if self.confirming:
            self.low, self.high = FAR, -FAR
            self.fire_low, self.fire_high = FAR, -FAR
            return
        down, up = self.falls_trail, self.rises_trail
        high = rises[0].rank if rises else FAR
        low = -falls[0].rank if falls else -FAR
        if down.count and down.trigger_x != UNSET and down.trigger_x > low:
            low = down.trigger_x
        if up.count and up.trigger_x != UNSET and -up.trigger_x < high:
            high = -up.trigger_x
        self.fire_low, self.fire_high = low, high
        if down.count and down.wm_x + 1 < high:
            high = down.wm_x + 1
        if up.count and -up.wm_x - 1 > low:
            low = -up.wm_x - 1
        self.low, self.high = low, high
