"""Replay: a recorded or generated market, commands at their times, and simulated time between.

Decides the order of everything that happens at one instant: what venues have said, then what is
due, then the market (the venue sees a tick before we do, as in life), then commands. Invariant:
the same inputs give the same facts, byte for byte; nothing sleeps and no clock is read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from msgspec import Struct

from interlock.orders.commands import Answer, Command
from interlock.orders.ticks import Tick
from interlock.runtime.line import Line
from interlock.venues.port import Venue

DRAIN_NS = 60_000_000_000
"""After the last tick, time goes on this long for answers still on their way."""


class MarketVenue(Venue, Protocol):
    """A venue that is fed the market it matches against."""

    def on_tick(self, tick: Tick) -> None: ...


class Timed(Struct, frozen=True):
    """A command and when it is made. ``line`` is where it stands in its file."""

    at: int
    command: Command
    line: int = 0


class Answered(Struct, frozen=True):
    timed: Timed
    answer: Answer


class Replay:
    """One run. ``advance`` is called with the tick count now and then, for progress and views."""

    def __init__(
        self,
        line: Line,
        venues: Mapping[str, MarketVenue],
        commands: Iterable[Timed] = (),
        advance: Callable[[int, Tick], None] | None = None,
        advance_every: int = 4096,
    ) -> None:
        self.line = line
        self.venues = dict(venues)
        self.commands = sorted(commands, key=lambda timed: timed.at)
        self.answers: list[Answered] = []
        self.ticks = 0
        self.now = line.now
        self._next_command = 0
        self._advance = advance
        self._advance_every = advance_every
        self._by_symbol: dict[str, MarketVenue] = {}

    def run(self, ticks: Iterator[Tick], drain_ns: int = DRAIN_NS) -> None:
        """Play the whole market, then let everything on its way arrive."""
        line = self.line
        due = self._due()
        for tick in ticks:
            at = tick.at
            if due <= at:
                self._until(at)
                due = self._due()
            venue = self._by_symbol.get(tick.instrument)
            if venue is None:
                venue = self._venue(tick.instrument)
            venue.on_tick(tick)
            self.now = at
            # Every other venue has been heard up to now: only this one can have something new.
            said = venue.next_at()
            if said is not None and said <= at:
                self._heard(at)
                line.run(at)
                line.tick(tick, at)
                self._settle(at)
                due = self._due()
            elif line.tick(tick, at):
                self._settle(at)
                due = self._due()
            else:
                # A quiet tick may still start a timer: a touch that waits to be confirmed.
                wake = line.next_wakeup()
                if wake is not None and wake < due:
                    due = wake
                if said is not None and said < due:
                    due = said
            self.ticks += 1
            if self._advance is not None and self.ticks % self._advance_every == 0:
                self._advance(self.ticks, tick)
        self._drain(drain_ns)

    def _venue(self, symbol: str) -> MarketVenue:
        venue = self.venues[symbol.rpartition(".")[2]]
        self._by_symbol[symbol] = venue
        return venue

    def _due(self, before: int = 1 << 62) -> int:
        """The next moment at which something happens besides the market.

        Of commands only those made ``before`` count: at one instant the market comes first.
        """
        due = 1 << 62
        for venue in self.venues.values():
            at = venue.next_at()
            if at is not None and at < due:
                due = at
        wake = self.line.next_wakeup()
        if wake is not None and wake < due:
            due = wake
        if self._next_command < len(self.commands):
            made = self.commands[self._next_command].at
            if made < before:
                due = min(due, made)
        return due

    def _until(self, end: int) -> None:
        """Everything due up to ``end``, and commands made before it, moment by moment."""
        while (due := self._due(end)) <= end:
            at = max(due, self.now)
            self.now = at
            self._settle(at)
            timed = self._take_command(min(at, end - 1))
            if timed is not None:
                self._give(timed, at)
                self._settle(at)

    def _take_command(self, at: int) -> Timed | None:
        if self._next_command >= len(self.commands):
            return None
        timed = self.commands[self._next_command]
        if timed.at > at:
            return None
        self._next_command += 1
        return timed

    def _give(self, timed: Timed, at: int) -> None:
        def reply(answer: Answer) -> None:
            self.answers.append(Answered(timed, answer))

        self.line.put(timed.command, at, reply)

    def _settle(self, at: int) -> None:
        """Venues and line talk until both are quiet at this instant."""
        self._heard(at)
        self.line.run(at)
        while self._heard(at):
            self.line.run(at)

    def _heard(self, at: int) -> bool:
        heard = False
        for venue in self.venues.values():
            due = venue.next_at()
            if due is None or due > at:
                continue
            for report in venue.poll(at):
                self.line.put(report, at)
                heard = True
        return heard

    def _drain(self, drain_ns: int) -> None:
        end = self.now + drain_ns
        for timed in self.commands[self._next_command :]:
            end = max(end, timed.at + drain_ns)
        self._until(end + 1)
        self.line.run(self.now)
        self.line.flush()
