"""A line in real time: it runs when it is due, ends as asked, and never goes on after trouble."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event
from typing import Any

import pytest

from interlock.journal.errors import JournalUnavailable
from interlock.journal.frames import Frame
from interlock.journal.memory import AppendFault, MemoryJournal
from interlock.journal.port import AppendResult
from interlock.orders import commands as c
from interlock.orders.reports import InstrumentStatus
from interlock.orders.ticks import Trade
from interlock.runtime.clock import SteadyClock
from interlock.runtime.errors import JournalUnwritten
from interlock.runtime.line import Line
from interlock.runtime.live import SLICE, Live
from interlock.venues.paper.exchange import PaperExchange
from tests.runtime.test_line import BTC, bracket


def soon(what: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(what, 10))


def a_line(journal: MemoryJournal) -> Line:
    return Line(journal, {"PAPER": PaperExchange("PAPER", [BTC])})


def test_a_command_is_answered_after_its_commit_and_a_stop_keeps_everything():
    journal = MemoryJournal()

    async def story() -> None:
        live = Live(a_line(journal), SteadyClock())
        live.start([BTC])
        answers: list[c.Answer] = []
        frames: list[int] = []

        def reply(answer: c.Answer) -> None:
            answers.append(answer)
            frames.append(journal.tail().n)
            live.stop()

        before = journal.tail().n
        live.ask(bracket("one"), reply)
        assert answers == []
        await live.run()
        assert isinstance(answers[0], c.Accepted)
        assert frames[0] > before
        snapshot = journal.latest_snapshot()
        assert snapshot is not None
        assert snapshot.n == journal.tail().n

    soon(story())


def test_it_wakes_by_itself_when_the_line_wants_to():
    """The entry's answer never comes: after the reply timeout it is asked for."""

    async def story() -> None:
        line = a_line(MemoryJournal())
        line.venues["PAPER"].send = lambda request, at: None  # type: ignore[method-assign]
        live = Live(line, SteadyClock())
        live.start([BTC])
        line.recovering_until = 0
        live.ask(bracket("one"), lambda _: None)
        await asyncio.sleep(0.1)
        (order,) = line.state.orders.living()
        venue = order.legs[0].venue
        assert venue is not None
        venue.deadline = live.clock.now() + 100_000_000
        line.state.timers[:] = [(venue.deadline, order.id)]
        order.wake = venue.deadline
        live.tick(Trade("BTC.PAPER", live.clock.now(), 10_500, 1))
        await asyncio.sleep(0.5)
        assert venue.querying
        live.stop()
        await live.run()

    soon(story())


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ({3: AppendFault.ERROR}, JournalUnavailable),
        (dict.fromkeys((3, 4, 5), AppendFault.LOST), JournalUnwritten),
    ],
)
def test_after_trouble_with_the_journal_nothing_is_answered_any_more(
    faults: dict[int, AppendFault], error: type[Exception]
):
    journal = MemoryJournal(faults=faults)

    async def story() -> None:
        live = Live(a_line(journal), SteadyClock())
        live.start([BTC])
        answers: list[c.Answer] = []
        live.ask(bracket("one"), answers.append)
        await asyncio.sleep(0)
        live.ask(bracket("two"), answers.append)
        await asyncio.sleep(0.05)
        count = len(answers)
        assert live.over
        live.ask(bracket("three"), answers.append)
        live.tick(Trade("BTC.PAPER", live.clock.now(), 10_000, 1))
        await asyncio.sleep(0.05)
        assert len(answers) == count
        with pytest.raises(error):
            await live.run()

    soon(story())


class Waked:
    """A line that wants to be woken when a test says so, and remembers when it looked."""

    def __init__(self, line: Line, wake: Callable[[], int]) -> None:
        self._line = line
        self.next_wakeup = wake
        self.looked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)

    def work(self, at: int, most: int) -> int:
        self.looked.append(at)
        return self._line.work(at, most)


class Hasty(asyncio.SelectorEventLoop):
    """As uvloop does it: what is due within a moment is called soon, by a handle without a time."""

    def call_at(self, when, callback, *args, context=None):
        if when - self.time() < 0.01:
            return self.call_soon(callback, *args, context=context)
        return super().call_at(when, callback, *args, context=context)


def test_a_timer_that_was_due_when_it_was_set_is_no_trouble_for_the_next():
    """A busy machine lets a millisecond pass between reading the clock and setting the timer."""

    async def story() -> None:
        clock = SteadyClock()
        live = Live(Waked(a_line(MemoryJournal()), clock.now), clock)  # type: ignore[arg-type]
        live.start([BTC])
        for price in (10_000, 10_001, 10_002):
            live.tick(Trade("BTC.PAPER", live.clock.now(), price, 1))
        await asyncio.sleep(0)
        assert not live.over
        live.stop()
        await live.run()

    with asyncio.Runner(loop_factory=Hasty) as runner:
        runner.run(asyncio.wait_for(story(), 10))


def test_work_beside_the_line_ends_it_when_it_fails_but_not_for_a_full_disk():
    told: list[str] = []
    failures = [JournalUnavailable("the disk is full"), ValueError("a bug")]

    def work() -> None:
        raise failures.pop(0)

    async def story() -> None:
        live = Live(a_line(MemoryJournal()), SteadyClock(), [work], 0.01, told.append)
        live.start([BTC])
        with pytest.raises(ValueError, match="a bug"):
            await live.run()
        assert told == ["the disk is full"]

    soon(story())


class SlowJournal(MemoryJournal):
    """Its appends end when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = self.full = False
        self.begun = Event()
        self.let_go = Event()

    def append(self, expected_n: int, frame: Frame) -> AppendResult:
        if self.slow:
            self.begun.set()
            assert self.let_go.wait(10)
        if self.full:
            raise JournalUnavailable("the disk is full")
        return super().append(expected_n, frame)


def test_while_one_batch_is_written_the_next_gathers_and_none_is_answered_before_it_landed():
    journal = SlowJournal()

    async def story() -> None:
        live = Live(a_line(journal), SteadyClock())
        live.start([BTC])
        running = asyncio.create_task(live.run())
        journal.slow = True
        answered: list[tuple[str, int]] = []
        live.ask(bracket("one"), lambda _: answered.append(("one", journal.tail().n)))
        while not journal.begun.is_set():
            await asyncio.sleep(0)
        between: list[int] = []
        live.between(lambda: between.append(journal.tail().n))
        for name in ("two", "three"):
            live.ask(bracket(name), lambda _, name=name: answered.append((name, journal.tail().n)))
        while len(live.line.state.orders) < 3:
            await asyncio.sleep(0)
        assert answered == between == []
        before = journal.tail().n
        journal.let_go.set()
        while len(answered) < 3:
            await asyncio.sleep(0)
        first, second, third = (n for _, n in answered)
        assert [name for name, _ in answered] == ["one", "two", "three"]
        assert between == [first]
        assert before < first < second == third
        live.stop()
        await running

    soon(story())


class Early(asyncio.SelectorEventLoop):
    """Its timers fire a millisecond before their time, as a loop's that counts whole ones may."""

    def call_at(self, when, callback, *args, context=None):
        return super().call_at(when - 0.001, callback, *args, context=context)


def test_a_timer_that_fires_too_early_is_set_again():
    async def story() -> None:
        clock = SteadyClock()
        wake = clock.now() + 50_000_000
        line = Waked(a_line(MemoryJournal()), lambda: wake)
        live = Live(line, clock)  # type: ignore[arg-type]
        live.start([BTC])
        live.tick(Trade("BTC.PAPER", clock.now(), 10_000, 1))
        while not line.looked or line.looked[-1] < wake:
            await asyncio.sleep(0.005)
        live.stop()
        await live.run()

    with asyncio.Runner(loop_factory=Early) as runner:
        runner.run(asyncio.wait_for(story(), 10))


def test_a_last_batch_that_does_not_reach_the_disk_is_told_at_the_end():
    journal = SlowJournal()

    async def story() -> None:
        live = Live(a_line(journal), SteadyClock())
        live.start([BTC])
        running = asyncio.create_task(live.run())
        journal.slow = journal.full = True
        answers: list[c.Answer] = []
        live.ask(bracket("one"), answers.append)
        while not journal.begun.is_set():
            await asyncio.sleep(0)
        live.stop()
        journal.let_go.set()
        with pytest.raises(JournalUnavailable):
            await running
        assert answers == []

    soon(story())


def test_a_flood_of_placements_is_decided_in_slices_and_a_report_goes_between():
    async def story() -> None:
        live = Live(a_line(MemoryJournal()), SteadyClock())
        live.start([BTC])
        running = asyncio.create_task(live.run())
        for n in range(4 * SLICE):
            live.ask(bracket(f"p{n}"), lambda _: None)
        while not live.line.state.orders:
            await asyncio.sleep(0)
        live.hear([InstrumentStatus(live.clock.now(), "BTC.PAPER", trading=False)])
        while not live.line.state.markets["BTC.PAPER"].halted:
            await asyncio.sleep(0)
        assert len(live.line.inbox) >= 2 * SLICE
        live.stop()
        await running

    soon(story())


def test_beside_a_web_server_only_the_lines_own_bugs_end_it() -> None:
    async def story() -> None:
        told: list[str] = []
        live = Live(a_line(MemoryJournal()), SteadyClock(), told=told.append, alone=False)
        live.start([BTC])
        running = asyncio.create_task(live.run())

        def strangers() -> None:
            raise ConnectionResetError("a stranger has gone")

        def own() -> None:
            raise KeyError("a bug of the line's")

        asyncio.get_running_loop().call_soon(strangers)
        while not told:
            await asyncio.sleep(0)
        assert not live.over and "a stranger has gone" in told[0]
        live.guarded(own)
        with pytest.raises(KeyError):
            await running

    soon(story())


def test_a_report_is_decided_on_as_it_is_heard_before_what_waits_and_between_slices() -> None:
    async def story() -> None:
        live = Live(a_line(MemoryJournal()), SteadyClock())
        live.start([BTC])
        running = asyncio.create_task(live.run())
        halted = live.line.state.markets["BTC.PAPER"]
        for n in range(2 * SLICE):
            live.ask(bracket(f"p{n}"), lambda _: None)
        live.hear([InstrumentStatus(live.clock.now(), "BTC.PAPER", trading=False)])
        assert halted.halted and not live.line.state.orders
        heard = [InstrumentStatus(live.clock.now(), "BTC.PAPER", trading=True)]
        left: list[int] = []

        def attend() -> None:
            if heard and live.line.inbox:
                left.append(len(live.line.inbox))
                live.hear([heard.pop()])

        live.attend = attend
        while halted.halted:
            await asyncio.sleep(0)
        assert left == [2 * SLICE]
        live.stop()
        await running

    soon(story())
