"""The trigger index: which waiting legs a price makes due, without looking at the others.

Decides what one price does on one channel (an instrument's last, bid, ask, mid, mark or index).
Levels that wait for a rise and for a fall sit in two heaps, trailing stops in two ``TrailBook``s.
Invariant: while ``low < price < high`` nothing fires, ratchets or flips, so a quiet tick costs two
comparisons whatever the number of resting legs.
"""

from heapq import heappop, heappush

from interlock.engine.trailing import UNSET, TrailBook, TrailEntry

FAR = 1 << 62

Key = tuple[str, int]
"""Order id and leg; for a condition's atom the leg is ``-1 - (leg * 64 + atom)``."""

ATOMS_MAX = 64


def atom_key(order_id: str, leg: int, atom: int) -> Key:
    return (order_id, -1 - (leg * ATOMS_MAX + atom))


def split_atom(code: int) -> tuple[int, int]:
    """Leg and atom of a negative key part."""
    return divmod(-1 - code, ATOMS_MAX)


class LevelEntry:
    """One level waiting to be reached."""

    __slots__ = ("key", "level", "live", "rising", "touched_at", "touches")

    def __init__(self, key: Key, level: int, rising: bool) -> None:
        self.key = key
        self.level = level
        self.rising = rising
        self.live = True
        self.touches = 0
        self.touched_at = 0


Entry = LevelEntry | TrailEntry


class TriggerChannel:
    """Everything that waits on one stream of prices."""

    __slots__ = (
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
        self._rises: list[tuple[int, int, LevelEntry]] = []
        self._falls: list[tuple[int, int, LevelEntry]] = []
        self.falls_trail = TrailBook(1)
        """Sell stops: they follow a high and trigger on a fall."""
        self.rises_trail = TrailBook(-1)
        """Buy stops: they follow a low and trigger on a rise."""
        self.confirming: dict[Key, Entry] = {}
        """Touched, but not often or long enough yet; each is looked at on every price."""
        self._seq = 0
        self.low = -FAR
        self.high = FAR
        self.fire_low = -FAR
        self.fire_high = FAR
        """Between these a price at most ratchets."""

    def __len__(self) -> int:
        resting = sum(e.live for _, _, e in self._rises) + sum(e.live for _, _, e in self._falls)
        return resting + self.falls_trail.count + self.rises_trail.count + len(self.confirming)

    def wait(self, key: Key, level: int, rising: bool) -> LevelEntry:
        """Wait for the price to be at or beyond ``level``."""
        entry = LevelEntry(key, level, rising)
        self._seq += 1
        if rising:
            heappush(self._rises, (level, self._seq, entry))
        else:
            heappush(self._falls, (-level, self._seq, entry))
        self.bound()
        return entry

    def trail(
        self, key: Key, selling: bool, ticks: int, bps: int, watermark: int | None
    ) -> TrailEntry:
        """Follow the price at a distance."""
        book = self.falls_trail if selling else self.rises_trail
        entry = book.arm(key, ticks, bps, watermark)
        self.bound()
        return entry

    def drop(self, entry: Entry) -> None:
        """Stop waiting."""
        self.confirming.pop(entry.key, None)
        if isinstance(entry, TrailEntry):
            self._book(entry).disarm(entry)
        entry.live = False
        self.bound()

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
        while rises and (rises[0][0] <= price or not rises[0][2].live):
            entry = heappop(rises)[2]
            if entry.live:
                entry.live = False
                out.append(entry)
        while falls and (-falls[0][0] >= price or not falls[0][2].live):
            entry = heappop(falls)[2]
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
        while rises and not rises[0][2].live:
            heappop(rises)
        while falls and not falls[0][2].live:
            heappop(falls)
        if self.confirming:
            self.low, self.high = FAR, -FAR
            self.fire_low, self.fire_high = FAR, -FAR
            return
        down, up = self.falls_trail, self.rises_trail
        high = rises[0][0] if rises else FAR
        low = -falls[0][0] if falls else -FAR
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
