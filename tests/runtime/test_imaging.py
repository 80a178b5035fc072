"""Snapshots that are taken while everything goes on."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from interlock.engine.digest import digest, image
from interlock.journal.sqlite import SqliteJournal
from interlock.runtime import imaging
from interlock.runtime.clock import SteadyClock
from interlock.runtime.line import Line
from interlock.runtime.live import Live
from interlock.venues.paper.exchange import PaperExchange
from tests.runtime.test_line import BTC, bracket


def live_on(folder: Path, told: list[str] | None = None) -> tuple[Live, SqliteJournal]:
    journal = SqliteJournal(folder)
    line = Line(journal, {"PAPER": PaperExchange("PAPER", [BTC])})
    line.recover()
    return Live(line, SteadyClock(line.now), told=(told or []).append), journal


async def place(live: Live, name: str) -> None:
    done = asyncio.Event()
    live.ask(bracket(name), lambda _: done.set())
    await done.wait()


def test_a_snapshot_taken_while_orders_come_in_and_the_frames_after_it_are_the_live_state(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        live, journal = live_on(tmp_path)
        live.line.snapshot_frames = 5
        live.start([BTC])
        running = asyncio.create_task(live.run())
        placed = 0
        while journal.latest_snapshot() is None or placed < 50:
            await place(live, f"p{placed}")
            placed += 1
        snapshot = journal.latest_snapshot()
        assert snapshot is not None and snapshot.n < journal.tail().n
        # As a kill would leave it: nothing but what is on the disk.
        again = Line(journal, {"PAPER": PaperExchange("PAPER", [BTC])})
        live.between(live.line.flush)
        while live.line.commits.tail.n < journal.tail().n:
            await asyncio.sleep(0)
        folded = again.recover()
        assert digest(again.state) == digest(live.line.state)
        assert folded < journal.tail().next_seq - 1
        live.stop()
        await running
        journal.close()

    asyncio.run(asyncio.wait_for(story(), 20))


def test_the_image_of_a_child_is_the_image_of_that_instant(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    line = Line(journal, {"PAPER": PaperExchange("PAPER", [BTC])})
    line.start(1_000, [BTC])
    line.put(bracket("before"), 1_000)
    line.run(1_000)
    child = imaging.begin(line.state)
    line.put(bracket("after"), 2_000)
    line.run(2_000)
    found = child.image()
    assert b"before" in found and b"after" not in found
    assert b"after" in image(line.state)
    journal.close()


def test_a_child_that_is_killed_is_told_of_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids: list[int] = []
    begin = imaging.begin

    def killed(state: object) -> imaging.Child:
        child = begin(line.state)
        pids.append(child._pid)
        os.kill(child._pid, signal.SIGKILL)
        return child

    journal = SqliteJournal(tmp_path)
    line = Line(journal, {"PAPER": PaperExchange("PAPER", [BTC])})
    told: list[str] = []

    async def story() -> None:
        live = Live(line, SteadyClock(), told=told.append)
        line.snapshot_frames = 5
        live.start([BTC])
        # A pipe takes more than a small image: it may be whole before the kill.
        monkeypatch.setattr(imaging, "image", lambda state: bytes(1 << 22))
        monkeypatch.setattr(imaging, "begin", killed)
        running = asyncio.create_task(live.run())
        placed = 0
        while not told:
            await place(live, f"p{placed}")
            placed += 1
        assert told == ["the process that makes a snapshot ended early"]
        assert journal.latest_snapshot() is None
        assert len(pids) >= 1
        live.stop()
        await running

    asyncio.run(asyncio.wait_for(story(), 20))
    journal.close()
