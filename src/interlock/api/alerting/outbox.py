"""The outbox of one channel: what goes next, what waits, what was one too many.

Decides the order and the rate of messages. Invariants: a protective event never waits behind
chatter, and finds a part of the rate that chatter cannot use up; there is an end to what waits, and
what was let go of is told of.

Time is an argument, in nanoseconds of any clock that goes one way.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from interlock.api.alerting.events import Alert

MINUTE_NS: Final = 60_000_000_000
WAITING_MAX: Final = 1_000
SUBJECTS_MAX: Final = 10_000
"""Subjects that are remembered so as to tell of each once."""
SEQS_MAX: Final = 100
"""Of one message, remembered one by one; beyond that its alerts are only counted."""


@dataclass(slots=True)
class Message:
    """What is sent at once: one alert, with all those it speaks for."""

    alert: Alert
    more: int = 0
    """Alerts like it that it stands for as well."""
    seqs: list[int] = field(default_factory=list)

    def text(self, dropped: int) -> str:
        out = self.alert.text
        if self.more:
            out += f" ({self.more} more like this)"
        if dropped:
            out += f" ({dropped} other alerts were dropped: more came than may be sent)"
        return out


@dataclass(slots=True)
class Window:
    """A subject that was told of a short while ago."""

    ends: int
    held: Message | None = None
    """What came since, told as one message when the window ends."""


class Outbox:
    """Two queues under one rate."""

    def __init__(
        self, per_minute: int, reserve: int, dedupe_ns: int, waiting_max: int = WAITING_MAX
    ) -> None:
        """``reserve`` messages of the ``per_minute`` are for protective events alone."""
        self._per_minute = per_minute
        self._reserve = reserve
        self._dedupe_ns = dedupe_ns
        self._waiting_max = waiting_max
        self._protective: deque[Message] = deque()
        self._chatter: deque[Message] = deque()
        self._windows: dict[tuple[str, str], Window] = {}
        self._allowance = per_minute * MINUTE_NS
        """In messages times ``MINUTE_NS``, so that no rounding is ever lost."""
        self._seen_at = 0
        self.dropped = 0
        """Alerts let go of that nobody was told of yet."""

    def __len__(self) -> int:
        held = sum(window.held is not None for window in self._windows.values())
        return len(self._protective) + len(self._chatter) + held

    def put(self, alert: Alert, at: int) -> list[int]:
        """Take an alert in; the event_seqs that are not kept track of any more: of those that had
        to go for it, or its own where it is only counted."""
        key = (alert.event, alert.subject)
        window = self._windows.get(key)
        if window is not None and at < window.ends:
            held = window.held
            if held is None:
                window.held = Message(alert, 0, [alert.seq])
            else:
                window.held = Message(alert, held.more + 1, held.seqs)
                if len(held.seqs) >= SEQS_MAX:
                    return [alert.seq]
                held.seqs.append(alert.seq)
            return []
        self._due(at)
        self._open(key, at)
        self._queue(alert).append(Message(alert, 0, [alert.seq]))
        return self._fit()

    def back(self, message: Message) -> None:
        """It could not be sent: it goes first again."""
        self._queue(message.alert).appendleft(message)

    def take(self, at: int) -> Message | None:
        """What is to be sent now; it counts as sent."""
        self._refill(at)
        self._due(at)
        allowed = self._allowance // MINUTE_NS
        if self._protective and allowed >= 1:
            self._allowance -= MINUTE_NS
            return self._protective.popleft()
        if self._chatter and allowed >= 1 + self._reserve and not self._protective:
            self._allowance -= MINUTE_NS
            return self._chatter.popleft()
        return None

    def next_at(self, at: int) -> int | None:
        """When ``take`` may have something to give; nothing while nothing waits."""
        held = (one.ends for one in self._windows.values() if one.held is not None)
        ends = list(islice(held, 1))
        if self._protective or self._chatter:
            wanted = 1 if self._protective else 1 + self._reserve
            missing = wanted * MINUTE_NS - self._allowance
            ends.append(at + max(0, -(-missing // self._per_minute)))
        return min(ends, default=None)

    def waiting(self) -> list[int]:
        """The event_seqs of everything that waits."""
        held = [one.held for one in self._windows.values() if one.held is not None]
        return [seq for one in (*self._protective, *self._chatter, *held) for seq in one.seqs]

    def _queue(self, alert: Alert) -> deque[Message]:
        return self._protective if alert.protective else self._chatter

    def _open(self, key: tuple[str, str], at: int) -> None:
        """From now on what is like it waits a while."""
        if not self._dedupe_ns:
            return
        self._windows.pop(key, None)
        while len(self._windows) >= SUBJECTS_MAX:
            first = next(iter(self._windows))
            window = self._windows.pop(first)
            if window.held is not None:
                self._queue(window.held.alert).append(window.held)
        self._windows[key] = Window(at + self._dedupe_ns)

    def _due(self, at: int) -> None:
        """Windows that have ended: what was held goes, and opens the next; the others are over."""
        while self._windows:
            key, window = next(iter(self._windows.items()))  # they end in the order they began
            if window.ends > at:
                break
            held = self._windows.pop(key).held
            if held is not None:
                self._open(key, at)
                self._queue(held.alert).append(held)

    def _fit(self) -> list[int]:
        """Let the oldest chatter go where too much waits, and only then anything else."""
        gone: list[int] = []
        while len(self._protective) + len(self._chatter) > self._waiting_max:
            message = (self._chatter or self._protective).popleft()
            gone += message.seqs
            self.dropped += len(message.seqs)
        return gone

    def _refill(self, at: int) -> None:
        passed = at - self._seen_at if self._seen_at else 0
        self._seen_at = at
        most = self._per_minute * MINUTE_NS
        self._allowance = min(most, self._allowance + max(0, passed) * self._per_minute)
