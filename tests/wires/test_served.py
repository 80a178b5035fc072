"""A real server that trades over the wire, killed on the way; and what the verdict must find."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from chaos.life import ROOT, Lives
from wires.__main__ import INTERRUPTED
from wires.books import Books
from wires.session import play
from wires.verdict import Verdict, left_behind

from interlock.market.course import Course
from interlock.orders.legs import PositionSide
from interlock.orders.reports import VenueReject
from interlock.orders.requests import VenueOrderType
from interlock.orders.ticks import Quote, Trade
from interlock.sandbox.binance.futures.exchange import Futures
from interlock.sandbox.binance.futures.orders import Asked
from tests.scenarios.orders import bracket
from tests.tape import SECOND, Tape

SEED, BRACKETS = 6, 8
MARK = "i1-"
PRICE = 3_000_000


def test_a_server_killed_amid_faults_leaves_nothing_behind_and_nothing_bare(tmp_path: Path) -> None:
    async def story() -> None:
        async with Lives(tmp_path) as lives:
            session = await play(SEED, lives, tmp_path / "session", BRACKETS)
        found = session.outcome
        assert found.breaches == [], "\n".join(session.story)
        assert found.brackets + found.refused == BRACKETS
        assert found.kills and found.struck and found.executions

    asyncio.run(asyncio.wait_for(story(), 180))


@pytest.fixture
def futures() -> Futures:
    made = Futures(Course(1).instruments, lambda _: None, hedge=True)
    made.on_tick(Quote("BTCUSDT.USDM", 1, PRICE - 1, 1_000, PRICE + 1, 1_000))
    made.on_tick(Trade("BTCUSDT.USDM", 1, PRICE, 1_000))
    return made


def resting(client_id: str) -> Asked:
    terms = ("LIMIT", VenueOrderType.LIMIT, "LONG")
    return Asked("BTCUSDT", client_id, 1, *terms, 1_000, PRICE - 10_000)


def test_an_order_there_that_no_fact_explains_is_found(futures: Futures) -> None:
    futures.place(resting(f"{MARK}o1.0.1"), 2)
    futures.place(resting("somebody-1"), 2)
    books = Books(futures, MARK)
    found = Verdict([]).against(books) + left_behind(Verdict([]), books)
    assert sorted(breach.partition(":")[0] for breach in found) == ["I4", "I4", "I5"]


def test_an_order_sent_twice_is_found(futures: Futures) -> None:
    twice = futures.place(resting(f"{MARK}o1.0.1"), 2)
    futures.cancel(twice, 3)
    futures.place(resting(f"{MARK}o1.0.1"), 4)
    found = Verdict([]).against(Books(futures, MARK))
    assert "I6: o1.0.1 was taken 2 times as order" in found


def test_an_entry_that_filled_twice_is_found(futures: Futures) -> None:
    """As an adapter would have it that takes *unknown* for *no* and sends again."""
    tape = Tape()
    order = tape.place(bracket("10"))
    tape.rejected(order, "entry", VenueReject.RATE_LIMITED, retry_at=tape.at)
    tape.wait(SECOND)
    tape.fill(order, "entry", 10, "100.00", attempt=1)
    tape.fill(order, "entry", 10, "100.00", attempt=2)
    found = Verdict([tape.facts]).against(Books(futures, MARK))
    assert f"I6: the entry of {order.id} filled 20 of 10" in found


def test_a_position_that_nobody_was_told_of_is_found(futures: Futures) -> None:
    futures.trade_outside("BTCUSDT", PositionSide.LONG, 500, "web_1", 2)
    books = Books(futures, MARK)
    assert left_behind(Verdict([]), books) == [
        "I8: 500 of BTCUSDT.USDM long is held, and nobody was told"
    ]


def command_lines() -> Iterator[bytes]:
    """Of every process here."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            yield path.read_bytes()


def test_ctrl_c_leaves_no_server_and_no_file_behind(tmp_path: Path) -> None:
    async def story() -> None:
        module = ("-m", "wires", "--served", "--seeds", "0")
        where = {**os.environ, "TMPDIR": str(tmp_path)}
        run = await asyncio.create_subprocess_exec(sys.executable, *module, cwd=ROOT, env=where)
        try:
            end = time.monotonic() + 60
            while not (found := list(tmp_path.glob("*/seed-0/data/journal/*"))):
                assert time.monotonic() < end and run.returncode is None
                await asyncio.sleep(0.05)
            run.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(run.wait(), 30) == INTERRUPTED
        finally:
            if run.returncode is None:
                run.kill()
                await run.wait()
        assert found and not list(tmp_path.iterdir())
        assert not any(str(tmp_path).encode() in line for line in command_lines())

    asyncio.run(story())
