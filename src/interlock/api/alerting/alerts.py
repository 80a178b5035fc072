"""Alerts: from committed facts to whoever is to know, beside the line.

Decides what is still to be told, also after a restart. Invariants: the line never waits for a
channel; every event that is told comes from the journal, but for the loss of the journal; what a
channel has taken is not told there again by the next process, and what it has not taken is.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from interlock.api.alerting.channels import Channel, NotTold, tell
from interlock.api.alerting.events import Alert, Events
from interlock.api.alerting.outbox import Message, Outbox
from interlock.engine.state import State
from interlock.journal.frames import Frame, decode_facts
from interlock.journal.port import Journal
from interlock.orders.facts import Fact

NAME: Final = "alerts.json"
AGAIN_S: Final = 30.0
"""A channel that took nothing is tried again after so long."""
KEEP_S: Final = 5.0
"""How often it is written how far everybody was told, where nothing was sent meanwhile."""
END_S: Final = 3.0


class Place(Struct):
    """How far one channel was told."""

    seen: int
    """Every fact up to this event_seq was looked at,"""
    frame: int
    """and every frame up to this one."""
    waiting: dict[int, int] = {}
    """Those among them that are still to be told, with their frames."""


class Sender:
    """One channel with its outbox, on a thread of its own."""

    def __init__(
        self,
        channel: Channel,
        outbox: Outbox,
        place: Place,
        keep: Callable[[], None],
        told: Callable[[str], None],
    ) -> None:
        self.channel = channel
        self.place = place
        self._outbox = outbox
        self._keep = keep
        self._told = told
        self._changed = threading.Condition()
        self._ended = False
        self._failing = False
        self._sending: dict[int, int] = {}
        """What is on its way, with its frames: told only once it was taken."""
        self._thread = threading.Thread(target=self._work, name=channel.name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hear(self, alerts: Sequence[Alert], seen: int, frame: int) -> None:
        """Take in a commit's alerts; never waits for anything that is sent."""
        with self._changed:
            if seen > self.place.seen:
                self.place.seen, self.place.frame = seen, frame
            for alert in alerts:
                self.place.waiting[alert.seq] = frame
                for gone in self._outbox.put(alert, time.monotonic_ns()):
                    self.place.waiting.pop(gone, None)
            if alerts:
                self._changed.notify()

    def image(self) -> Place:
        with self._changed:
            waiting = self._outbox.waiting()
            place = self.place
            kept = {seq: frame for seq in waiting if (frame := place.waiting.get(seq)) is not None}
            return Place(place.seen, place.frame, kept | self._sending)

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()

    def join(self, seconds: float) -> None:
        if self._thread.is_alive():
            self._thread.join(seconds)

    def say(self, title: str, text: str) -> None:
        """At once and once, past everything that waits."""
        try:
            self.channel.tell(title, text, True)
        except NotTold:
            self._told(f"alerts: {self.channel.name} was not told: {title}")

    def _work(self) -> None:
        while (message := self._next()) is not None:
            self._send(message)

    def _next(self) -> Message | None:
        """The next message, waited for; nothing at the end."""
        with self._changed:
            while not self._ended:
                now = time.monotonic_ns()
                message = self._outbox.take(now)
                if message is not None:
                    frames = self.place.waiting
                    self._sending = {s: frames.get(s, self.place.frame) for s in message.seqs}
                    return message
                due = self._outbox.next_at(now)
                self._changed.wait(None if due is None else max(0.001, (due - now) / 1e9))
            return None

    def _send(self, message: Message) -> None:
        with self._changed:
            dropped, self._outbox.dropped = self._outbox.dropped, 0
        alert = message.alert
        try:
            tell(self.channel, alert.title, message.text(dropped), alert.protective)
        except NotTold:
            self._not_taken(message, dropped)
            return
        with self._changed:
            for seq in message.seqs:
                self.place.waiting.pop(seq, None)
            self._sending = {}
        if self._failing:
            self._failing = False
            self._told(f"alerts: {self.channel.name} takes messages again")
        self._keep()

    def _not_taken(self, message: Message, dropped: int) -> None:
        if not self._failing:
            self._failing = True
            self._told(f"alerts: {self.channel.name} takes no messages; it is tried again")
        with self._changed:
            self._outbox.back(message)
            self._outbox.dropped += dropped
            self._sending = {}
            if not self._ended:
                self._changed.wait_for(lambda: self._ended, AGAIN_S)


class Alerts:
    """Every channel of one server. ``listen`` is among the line's ``frame_listeners``."""

    def __init__(
        self,
        events: Events,
        channels: Iterable[Channel],
        outbox: Callable[[], Outbox],
        file: Path,
        told: Callable[[str], None],
    ) -> None:
        self._events = events
        self._file = file
        self._told = told
        self._lock = threading.Lock()
        self._places = self._read()
        self._state: State | None = None
        self._ended = threading.Event()
        self._senders = [
            Sender(one, outbox(), self._places.get(one.name) or Place(-1, -1), self.keep, told)
            for one in channels
        ]
        self._keeper = threading.Thread(target=self._keep_up, name="alerts", daemon=True)

    def begin(self, state: State, journal: Journal, seq: int, frame: int) -> None:
        """Tell what the last process had not told; ``seq`` and ``frame`` end the journal.

        A channel that is new begins with what happens from now on.
        """
        self._state = state
        for one in self._senders:
            if one.place.seen < 0 or one.place.seen > seq:  # new, or of another journal
                one.place.seen, one.place.frame = seq, frame
                one.place.waiting = {}
        places = [(one, dict(one.place.waiting), one.place.seen) for one in self._senders]
        first = min(
            [min([*waiting.values(), sender.place.frame + 1]) for sender, waiting, _ in places],
            default=frame + 1,
        )
        for past in journal.read(max(1, first)) if first <= frame else ():
            alerts = self._of(past.first_seq, decode_facts(past.payload))
            for sender, waiting, seen in places:
                mine = [one for one in alerts if one.seq > seen or one.seq in waiting]
                sender.hear(mine, past.next_seq - 1, past.n)
        for sender in self._senders:
            sender.start()
        if self._senders:
            self._keeper.start()

    def listen(self, frame: Frame, facts: list[Fact]) -> None:
        if not self._senders or self._state is None:
            return
        alerts = self._of(frame.first_seq, facts)
        last = frame.first_seq + len(facts) - 1
        for sender in self._senders:
            sender.hear(alerts, last, frame.n)

    def _of(self, first_seq: int, facts: Sequence[Fact]) -> list[Alert]:
        assert self._state is not None
        found = [self._events.of(first_seq + n, fact, self._state) for n, fact in enumerate(facts)]
        return [one for one in found if one is not None]

    def last_words(self, title: str, text: str) -> None:
        """What can be a fact no more: the journal itself is lost. Told at the end, for seconds."""
        saying = [
            threading.Thread(target=one.say, args=(title, text), daemon=True)
            for one in self._senders
        ]
        for one in saying:
            one.start()
        until = time.monotonic() + END_S
        for one in saying:
            one.join(max(0.0, until - time.monotonic()))

    def close(self) -> None:
        """What is on its way has a few seconds; the rest is told by the next process."""
        self._ended.set()
        for sender in self._senders:
            sender.end()
        until = time.monotonic() + END_S
        for sender in self._senders:
            sender.join(max(0.0, until - time.monotonic()))
        if self._state is not None and self._senders:
            self.keep()

    def keep(self) -> None:
        """Write how far everybody was told. A disk that fails here stops nobody: then some of it
        is told twice."""
        with self._lock:
            now = {one.channel.name: one.image() for one in self._senders}
            if now == self._places:
                return
            beside = self._file.with_suffix(".new")
            try:
                beside.write_bytes(msgspec.json.encode(now))
                beside.replace(self._file)
            except OSError as trouble:
                self._told(f"alerts: {self._file} cannot be written: {trouble}")
                return
            self._places = now

    def _keep_up(self) -> None:
        while not self._ended.wait(KEEP_S):
            self.keep()

    def _read(self) -> dict[str, Place]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Place])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as trouble:
            self._told(f"alerts: {self._file} cannot be read, and begins anew: {trouble}")
            return {}
