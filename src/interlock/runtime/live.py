"""A line in real time: an asyncio loop that feeds it, wakes it, and stops with it.

Decides when the line runs: soon after something was heard or asked, at once before a tick, and
when it said it must be woken. It decides in slices, so that a flood of placements never keeps a
report waiting, and writes on a thread of its own: while one batch is written, the next gathers.
Invariant: after any trouble with the journal, or a bug, nothing is decided, sent or answered any
more, but for recalls of entries where the journal's disk is lost: the process ends, and the next
one recovers from the journal.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from interlock.engine.inputs import Define, SetSessions
from interlock.journal.errors import JournalUnavailable
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import ClockStepped, Command
from interlock.orders.instruments import Instrument
from interlock.orders.reports import Report
from interlock.orders.ticks import Tick
from interlock.runtime import imaging
from interlock.runtime.clock import SteadyClock
from interlock.runtime.commits import Batch
from interlock.runtime.errors import JournalFenced
from interlock.runtime.inbox import Reply
from interlock.runtime.line import Line
from interlock.runtime.pulling import pull_entries

PULL_S = 2.0
"""What the last recalls have to leave over a connection, before the process ends."""
SLEEP_S_MAX = 1.0
"""A clock that is set forward makes things due earlier than any timer knows."""
UPKEEP_S = 1.0
SLICE = 25
"""Inputs decided on in one turn of the loop."""


class Live:
    """Drives one line until ``stop`` is called or something goes wrong.

    ``upkeep`` is work beside the line, on a thread of its own: checkpoints, projections. A full
    disk there is only ``told``; it will stop the line soon enough, or be over by then.
    """

    def __init__(
        self,
        line: Line,
        clock: SteadyClock,
        upkeep: Sequence[Callable[[], object]] = (),
        upkeep_s: float = UPKEEP_S,
        told: Callable[[str], None] = lambda _: None,
        alone: bool = True,
        most: int = SLICE,
    ) -> None:
        """``most``: inputs decided on in one turn of the loop.

        ``alone``: nothing else runs on this loop, so whatever goes wrong on it ends the line.
        Beside a web server, whose callbacks meet what strangers do, only the line's own count.
        """
        self.line = line
        self.clock = clock
        self._upkeep = tuple(upkeep)
        self._upkeep_s = upkeep_s
        self._told = told
        self._alone = alone
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._failed)
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.Handle | None = None
        self._due = 0.0
        """When the timer is to fire: the handle of a timer that is due need not know (uvloop)."""
        self._soon = False
        self._beside = ThreadPoolExecutor(1, "journal")
        self._writing: asyncio.Future[None] | None = None
        self._unwritten: BaseException | None = None
        """Why the last batch, on its way to the disk when the end came, did not get there."""
        self._pulled: tuple[str, ...] = ()
        """Entries recalled because what becomes of them can't be written down any more."""
        self._imaging: asyncio.Task[None] | None = None
        self._between: list[Callable[[], object]] = []
        clock.stepped = self._clock_stepped
        self.attend: Callable[[], None] = _nothing
        """Hears a venue that has something to say now: asked between pieces of other work, so that
        a report waits for one of them and not for all that the loop has to do in this turn.
        """
        self.on_tick: list[Callable[[Tick], None]] = []
        self.on_report: list[Callable[[Report], None]] = []
        """Hear every tick before the line does; each must take next to no time."""

    @property
    def over(self) -> bool:
        return self._over.done()

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done when the line takes nothing any more."""
        return self._over

    def start(self, instruments: Iterable[Instrument] = ()) -> None:
        """Begin where the journal ends; the line has recovered."""
        self.line.start(self.clock.now(), instruments)
        self._sleep()

    def stop(self) -> None:
        """End gracefully: what has been said is made durable first."""
        if not self._over.done():
            self._over.set_result(None)

    async def run(self) -> None:
        """Until the end; raises what ended it."""
        upkeep = asyncio.create_task(self._keep_up())
        upkeep.add_done_callback(self._upkeep_ended)
        try:
            await self._over
        finally:
            if self._timer is not None:
                self._timer.cancel()
            upkeep.cancel()
            await asyncio.gather(upkeep, return_exceptions=True)
            while self._writing is not None:
                await asyncio.wait([self._writing])
                await asyncio.sleep(0)  # for ``_written``, which gives its answers
            if self._imaging is not None:
                await asyncio.wait([self._imaging])
            self._beside.shutdown()
            if self._pulled:
                await asyncio.sleep(PULL_S)  # for the connection, which ends with the process
        if self._unwritten is not None:
            raise self._unwritten
        self.line.run(self.clock.now())
        self.line.snapshot()

    def ask(self, command: Command, reply: Reply) -> None:
        if self._over.done():
            return  # unanswered, as by a process that is gone: asked again, it has an answer
        self.line.put(command, self.line.now, reply)
        self._run_soon()

    def hear(self, reports: Iterable[Report]) -> None:
        """Reports are decided on at once, up to a slice of them: a recall that follows from one
        leaves before whatever else the loop has to do.
        """
        if self._over.done():
            return
        now = self.clock.now()
        for report in reports:
            self.line.put(report, now)
            for hear in self.on_report:
                hear(report)
        self.line.work(now, min(self.line.inbox.heard, self._most))
        self._run_soon()

    def define(
        self, instruments: Iterable[Instrument], capabilities: Mapping[str, Capabilities]
    ) -> None:
        """A venue has said what can be traded there; what is known already stays as it is."""
        if not self._over.done():
            venues = tuple(sorted(capabilities.items()))
            self.line.put(Define(tuple(instruments), venues), self.clock.now())
            self._run_soon()

    def tell(self, sessions: SetSessions) -> None:
        """A calendar has said when an instrument trades."""
        if not self._over.done():
            self.line.put(sessions, self.clock.now())
            self._run_soon()

    def between(self, action: Callable[[], object]) -> None:
        """Do something that writes the journal itself: now, or when the batch that is being
        written has landed.
        """
        if self._over.done():
            return
        if self._writing is None:
            action()
        else:
            self._between.append(action)

    def tick(self, tick: Tick) -> None:
        if self._over.done():
            return
        for hear in self.on_tick:
            hear(tick)
        now = self.clock.now()
        if self.line.inbox.heard:
            self.line.work(now, self.line.inbox.heard)
        if self.line.look(tick, now):
            self._run_soon()
        else:
            self._sleep()

    def _run_soon(self) -> None:
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._run)

    def guarded(self, action: Callable[[], None]) -> None:
        """Do a part of the line's work; a bug in it ends the line."""
        try:
            action()
        except Exception as fault:
            if self._over.done():
                raise
            self._over.set_exception(fault)

    def _run(self) -> None:
        self.guarded(self._work)

    def _work(self) -> None:
        self._soon = False
        if self._over.done():
            return
        self.attend()
        now = self.clock.now()
        more = self.line.work(now, self._most) == self._most
        self.line.sweep(now)
        self._write()
        if more:
            self._run_soon()
        else:
            self._sleep()

    def _write(self) -> None:
        """Begin to write what has gathered, unless a batch is on its way to the disk."""
        commits = self.line.commits
        if self._over.done() or self._writing is not None or not commits.due(self.clock.now()):
            return
        batch = commits.seal(self.line.state.now)
        if batch.frame is None:
            self.line.landed(batch)
            return
        if self.line.snapshot_due and self._imaging is None:
            self._begin_snapshot(batch.frame.n)
        self._writing = self._loop.run_in_executor(self._beside, commits.write, batch)
        self._writing.add_done_callback(
            lambda written: self.guarded(lambda: self._written(written, batch))
        )

    def _written(self, written: asyncio.Future[None], batch: Batch) -> None:
        self._writing = None
        fault = written.exception()
        if fault is not None:
            self._pull(fault)
            if self._over.done():
                self._unwritten = fault
            else:
                self._over.set_exception(fault)
            return
        self.line.landed(batch)
        waiting, self._between = self._between, []
        for action in waiting:
            action()
        self._write()
        self._run_soon()

    def _pull(self, fault: BaseException) -> None:
        """Without a journal entries go, exits stay; not where another writer has the journal."""
        if isinstance(fault, JournalFenced) or self._pulled:
            return
        self._pulled = pull_entries(self.line, self.clock.now())
        if self._pulled:
            named = ", ".join(self._pulled)
            self._told(f"the journal cannot be written; these entries are recalled: {named}")

    def _clock_stepped(self, by_ns: int) -> None:
        """The engine decides what that means, once this piece of work is done."""
        if self._over.done():
            return
        self.line.put(ClockStepped(by_ns // 1_000_000), self.line.now, lambda _: None)
        self._loop.call_soon(self._run_soon)

    def _begin_snapshot(self, n: int) -> None:
        """The state is what frame ``n``, now on its way to the disk, ends with."""
        try:
            child = imaging.begin(self.line.state)
        except OSError as trouble:
            self._told(f"no snapshot can be made now: {trouble}")
        else:
            self._imaging = asyncio.create_task(self._snapshot(n, child))
            self._imaging.add_done_callback(self._upkeep_ended)
        self.line.snapshot_begun(n)

    async def _snapshot(self, n: int, child: imaging.Child) -> None:
        """Keep the image once it is there, behind the frame it speaks of."""
        run = self._loop.run_in_executor
        try:
            data = await run(None, child.image)
            await run(self._beside, self.line.journal.save_snapshot, n, data)
        except (imaging.ImageLost, JournalUnavailable) as trouble:
            self._told(str(trouble))
        finally:
            self._imaging = None

    def _sleep(self) -> None:
        """Set the timer to the moment the line wants to be woken."""
        wake = self.line.next_wakeup()
        wait = SLEEP_S_MAX
        if wake is not None:
            wait = min(SLEEP_S_MAX, max(0.001, (wake - self.clock.now()) / 1e9))
        due = self._loop.time() + wait
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._timer, self._due = self._loop.call_at(due, self._woken), due

    def _woken(self) -> None:
        self._timer = None  # it has fired, a moment before its time perhaps: it is not to come
        self._run()

    async def _keep_up(self) -> None:
        with ThreadPoolExecutor(1, "upkeep") as beside:
            while self._upkeep and not self._over.done():
                await asyncio.sleep(self._upkeep_s)
                for work in self._upkeep:
                    try:
                        await self._loop.run_in_executor(beside, work)
                    except JournalUnavailable as trouble:
                        self._told(str(trouble))

    def _upkeep_ended(self, task: asyncio.Task[None]) -> None:
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not self._over.done():
            self._over.set_exception(fault)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback raised: with nobody else on the loop it was ours, and this is the end."""
        fault = context.get("exception")
        if not self._alone:
            self._told(f"{context.get('message')}: {fault!r}")
            return
        if isinstance(fault, BaseException) and not self._over.done():
            self._over.set_exception(fault)
        elif fault is None:
            loop.default_exception_handler(context)


def _nothing() -> None:
    """No venue is to be heard between pieces of work."""
