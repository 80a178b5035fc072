"""Delivery: what is under way, ordered by the instant at which it arrives.

Decides when something arrives. Invariant: without a fault, reports of the stream arrive in the
order they were told, whatever latency was drawn; ties in time keep the order of sending.
"""

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

from msgspec.structs import replace

from interlock.orders.reports import (
    Acknowledged,
    Amended,
    Canceled,
    CancelReason,
    Connection,
    Expired,
    Filled,
    OutcomeUnknown,
    Rejected,
    Report,
)
from interlock.venues.paper.faults import Weather

NEVER = 1 << 63
"""Later than any instant: what a fast path compares with when nothing is under way."""

LOSABLE = (Acknowledged, Filled, Canceled, Expired, Amended, Rejected)
"""What a stream may lose, repeat or reorder; answers to questions only come late."""
OURS = (OutcomeUnknown, Connection)
"""What our own end notices, connected or not."""

T = TypeVar("T")


class Agenda(Generic[T]):
    """A heap of things to come."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, T]] = []
        self._seq = 0
        self.head_at = NEVER

    def push(self, at: int, item: T) -> None:
        self._seq += 1
        heappush(self._heap, (at, self._seq, item))
        self.head_at = self._heap[0][0]

    def pop(self) -> tuple[int, T]:
        at, _, item = heappop(self._heap)
        self.head_at = self._heap[0][0] if self._heap else NEVER
        return at, item

    def head(self) -> T | None:
        return self._heap[0][2] if self._heap else None

    def keep(self, kinds: tuple[type, ...]) -> None:
        """Drop all but these kinds."""
        self._heap = [entry for entry in self._heap if isinstance(entry[2], kinds)]
        heapify(self._heap)
        self.head_at = self._heap[0][0] if self._heap else NEVER


class Outbox:
    """Reports on their way to us."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._under_way: Agenda[Report] = Agenda()
        self._stream_at = 0
        self.up = True

    @property
    def head_at(self) -> int:
        return self._under_way.head_at

    def tell(self, report: Report, at: int, extra: int = 0) -> None:
        """Send a report down the stream at venue time ``at``; ``extra`` makes it late."""
        if not self.up:
            return
        weather, faults = self._weather, self._weather.faults
        self._stream_at = arrival = max(self._stream_at, at + weather.latency_in())
        arrival += extra
        if isinstance(report, LOSABLE):
            if weather.strikes(faults.lose_report_permille):
                return
            if weather.strikes(faults.reorder_report_permille):
                arrival += weather.up_to(faults.reorder_max_ns)
            if weather.strikes(faults.contradict_report_permille):
                lie = contradiction(report)
                if lie is not None:
                    self.notice(lie, arrival + weather.up_to(faults.reorder_max_ns))
            if weather.strikes(faults.repeat_report_permille):
                self.notice(report, arrival + weather.up_to(faults.reorder_max_ns))
        self.notice(report, arrival)

    def answer(self, report: Report, at: int) -> None:
        """Answer a request; answers and the stream travel apart and may overtake each other."""
        if self.up:
            self.notice(report, at + self._weather.latency_in())

    def notice(self, report: Report, at: int) -> None:
        """Let a report reach us at ``at``, whatever the connection."""
        self._under_way.push(at, replace(report, at=at))

    def cut(self) -> None:
        """The connection went down: what was under way is gone."""
        self.up = False
        self._under_way.keep(OURS)

    def arrived(self, at: int) -> list[Report]:
        reports: list[Report] = []
        while self._under_way.head_at <= at:
            reports.append(self._under_way.pop()[1])
        return reports


def contradiction(report: Report) -> Report | None:
    """A report that can't be true beside this one; nothing where there is no such lie."""
    match report:
        case Filled():
            fill = report.execution
            other = fill.quantity + 1 if fill.quantity < 2 else fill.quantity - 1
            return replace(report, execution=replace(fill, quantity=other))
        case Acknowledged():
            return Canceled(report.at, report.client_id, 0, CancelReason.OUTSIDE)
        case Canceled() if report.cum_quantity:
            return replace(report, cum_quantity=report.cum_quantity - 1)
        case Expired() if report.cum_quantity:
            return replace(report, cum_quantity=report.cum_quantity - 1)
        case Canceled() | Rejected():
            return Acknowledged(report.at, report.client_id, "")
    return None
