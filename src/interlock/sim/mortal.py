"""Where the process may die: ports around journal, venue and inbox that count the steps between.

Decides between which two steps a kill of the plan strikes. Invariant: the line inside knows nothing
of it; what was handed over before the point has happened, what comes after it has not.
"""

from collections.abc import Callable, Iterator

from interlock.journal.errors import JournalUnavailable
from interlock.journal.frames import Frame
from interlock.journal.memory import MemoryJournal
from interlock.journal.port import AppendResult, Damage, Snapshot, Tail
from interlock.orders.capabilities import Capabilities
from interlock.orders.reports import Report
from interlock.orders.requests import Request
from interlock.runtime.inbox import Inbox, Item
from interlock.sim.plan import Kill, Plan
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.port import VenueHealth


class Killed(Exception):
    """The process is gone."""

    def __init__(self, kill: Kill, where: str) -> None:
        super().__init__(where)
        self.kill = kill
        self.where = where


class Points:
    """Counts steps over the whole world, restarts included."""

    def __init__(self, plan: Plan) -> None:
        self.count = 0
        self.appends = 0
        self._kills = list(plan.kills)
        self._full = {n for f in plan.full for n in range(f.first, f.first + f.count)}
        self._ambiguous = {a.append: a.landed for a in plan.ambiguous}

    def cross(self, where: str) -> None:
        self.count += 1
        if self._kills and self._kills[0].point <= self.count:
            raise Killed(self._kills.pop(0), where)

    def append_fault(self) -> bool | None:
        """Whether this append lands though it says it may not have; nothing without a fault."""
        self.appends += 1
        if self.appends in self._full:
            raise JournalUnavailable("the journal's disk is full")
        return self._ambiguous.get(self.appends)

    def stop(self) -> None:
        """No more accidents."""
        self._kills.clear()
        self._full.clear()
        self._ambiguous.clear()


class MortalJournal:
    """A journal in memory whose frames are durable only once they are synced."""

    def __init__(self, points: Points, inner: MemoryJournal | None = None) -> None:
        self._points = points
        self._inner = inner or MemoryJournal(auto_sync=False)

    def crashed(self, keep: bool = False, tear: bool = False) -> "MortalJournal":
        """What the next process finds."""
        return MortalJournal(self._points, self._inner.crash(int(keep), tear))

    @property
    def recovered(self) -> Damage | None:
        return self._inner.recovered

    def append(self, expected_n: int, frame: Frame) -> AppendResult:
        points = self._points
        points.cross("before a commit")
        landed = points.append_fault()
        if landed is False:
            return AppendResult.AMBIGUOUS
        result = self._inner.append(expected_n, frame)
        points.cross("while a frame was being written")
        self._inner.sync()
        points.cross("after a commit")
        return AppendResult.AMBIGUOUS if landed else result

    def read(self, from_n: int) -> Iterator[Frame]:
        return self._inner.read(from_n)

    def tail(self) -> Tail:
        return self._inner.tail()

    def save_snapshot(self, n: int, data: bytes) -> None:
        self._points.cross("before a snapshot")
        self._inner.save_snapshot(n, data)

    def latest_snapshot(self) -> Snapshot | None:
        return self._inner.latest_snapshot()

    def close(self) -> None:
        self._inner.close()


class MortalVenue:
    """The venue as the line sees it: requests go through, at the venue's own time."""

    def __init__(
        self,
        exchange: PaperExchange,
        points: Points,
        clock: Callable[[], int],
        sent: Callable[[Request], None],
    ) -> None:
        self._exchange = exchange
        self._points = points
        self._clock = clock
        self._sent = sent
        self.name = exchange.name

    @property
    def capabilities(self) -> Capabilities:
        return self._exchange.capabilities

    def send(self, request: Request, at: int) -> None:
        """``at`` is the server's clock, which may be wrong: the wire goes by the world's."""
        self._points.cross("before a send")
        self._sent(request)
        self._exchange.send(request, self._clock())
        self._points.cross("after a send")

    def poll(self, at: int) -> list[Report]:
        return self._exchange.poll(at)

    def next_at(self) -> int | None:
        return self._exchange.next_at()

    def health(self) -> VenueHealth:
        return self._exchange.health()


class MortalInbox(Inbox):
    """An inbox between whose items the process may die."""

    def __init__(self, points: Points) -> None:
        super().__init__()
        self._points = points

    def take(self, commands: bool = True) -> Item | None:
        item = super().take(commands)
        if item is not None:
            self._points.cross("between two inputs")
        return item
