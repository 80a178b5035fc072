"""Outages of our own: without a disk or a clock to rely on, entries go and exits stay."""

import asyncio

import pytest

from interlock.journal.errors import JournalUnavailable
from interlock.journal.memory import AppendFault, MemoryJournal
from interlock.orders.limits import BlockCause
from interlock.orders.requests import CancelVenueOrder, Request
from interlock.runtime import live as live_module
from interlock.runtime.clock import SteadyClock
from interlock.runtime.line import Line
from interlock.runtime.live import Live
from interlock.venues.paper.exchange import PaperExchange
from tests.risk.test_lookout import held, working
from tests.runtime.test_line import BTC, bracket
from tests.tape import Tape


def test_a_disk_that_is_lost_recalls_entries_before_the_process_ends(monkeypatch):
    monkeypatch.setattr(live_module, "PULL_S", 0.0)
    journal = MemoryJournal()
    venue = PaperExchange("PAPER", [BTC])
    sent: list[object] = []
    send = venue.send

    def sends(request: Request, at: int) -> None:
        sent.append(request)
        send(request, at)

    venue.send = sends  # type: ignore[method-assign]
    told: list[str] = []

    async def story() -> None:
        live = Live(Line(journal, {"PAPER": venue}), SteadyClock(), told=told.append)
        live.start([BTC])
        placed = asyncio.Event()
        live.ask(bracket("one"), lambda _: placed.set())
        running = asyncio.create_task(live.run())
        await placed.wait()
        assert any(leg.venue for leg in live.line.state.orders.living()[0].legs)
        journal._faults = {journal.appends + n: AppendFault.ERROR for n in range(1, 10)}
        live.ask(bracket("two"), lambda _: pytest.fail("nothing is answered any more"))
        with pytest.raises(JournalUnavailable):
            await running

    asyncio.run(asyncio.wait_for(story(), 10))
    recalls = [one for one in sent if isinstance(one, CancelVenueOrder)]
    # The second was decided and never left: that it is recalled too does no harm.
    assert [one.client_id.split(".")[1:] for one in recalls] == [["0", "1"], ["0", "1"]]
    assert all(one.client_id in told[-1] for one in recalls)


def test_a_clock_that_was_set_far_pulls_entries_until_a_person_lifts_that():
    tape = Tape()
    tape.limits(clock_step_ms=2_000)
    order, waiting = held(tape), working(tape)
    tape.command("clock_stepped", by_ms=1_500)
    assert waiting.winding == ""
    tape.command("clock_stepped", by_ms=-3_600_000)
    assert (waiting.winding, tape.armed(order)) == ("protect", ["stop"])
    assert tape.incidents() == ["clock_stepped"]
    tape.command("clock_stepped", by_ms=3_600_000)
    assert list(tape.state.risk.blocks) == [(BlockCause.OUTAGE, "clock of all")]
    tape.command("lift", cause="outage", name="clock of all", by="admin")
    working(tape)


def test_a_step_of_the_machines_clock_reaches_the_line():
    wall, steady = [10**18], [0]
    clock = SteadyClock(0, lambda: wall[0], lambda: steady[0])

    async def story() -> None:
        line = Line(MemoryJournal(), {"PAPER": PaperExchange("PAPER", [BTC])})
        live = Live(line, clock)
        live.start([BTC])
        heard: list[object] = []
        line.put = lambda what, at, reply=None: heard.append(what)  # type: ignore[method-assign]
        wall[0] += 5 * 10**9
        steady[0] += 10**6
        clock.now()
        live.stop()
        await live.run()
        assert [getattr(what, "by_ms", None) for what in heard] == [4_999]

    asyncio.run(asyncio.wait_for(story(), 10))
