"""One life of a line that trades over the wire, and an auditor beside all lives of a world.

Decides nothing. Invariant: the auditor hears every fact once, in order, those too that were
durable when a life was killed before anybody had heard them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec import structs

from interlock.audit.auditor import Auditor
from interlock.journal.frames import decode_facts
from interlock.journal.memory import MemoryJournal
from interlock.orders.capabilities import Capabilities
from interlock.orders.facts import Fact
from interlock.orders.reports import Report
from interlock.orders.requests import Request
from interlock.runtime.clock import SteadyClock
from interlock.runtime.line import Line
from interlock.runtime.linked import open_to, reached
from interlock.runtime.live import Live
from interlock.sandbox.binance.serving import HOST, KEY, SECRET
from interlock.venues.binance.futures import CAPABILITIES, BinanceFutures
from interlock.venues.binance.settings import BinanceSettings, Environment
from wires.drawing import SYMBOL

PREFIX = "iworld"
QUICK = structs.replace(
    CAPABILITIES, request_validity_ns=1_000_000_000, reply_timeout_ns=2_000_000_000
)
"""Requests are valid for a second, so that a world need not wait five for each lost one."""


class _Overheard(BinanceFutures):
    """Tells an auditor what leaves, and has shorter waits."""

    leaves: Callable[[Request], None] = staticmethod(lambda _: None)

    @property
    def capabilities(self) -> Capabilities:
        return QUICK

    def send(self, request: Request, at: int) -> None:
        self.leaves(request)
        super().send(request, at)


class Life:
    """From a start to a stop or a kill."""

    def __init__(
        self,
        port: int,
        journal: MemoryJournal,
        auditor: Auditor,
        now: Callable[[], int],
        say: Callable[[str], None],
    ) -> None:
        """``now``: the world's time, ns UTC."""
        self._say = say
        self.journal = journal
        self.auditor = auditor
        self.told: list[str] = []
        address = f"{HOST}:{port}"
        settings = BinanceSettings("USDM", Environment.PAPER, "main", (SYMBOL,), PREFIX, address)
        self.clock = SteadyClock(0, wall=now, steady=now)
        self.venue = _Overheard(settings, KEY, SECRET, self.clock.now, self.told.append)
        self.venue.leaves = auditor.sent
        listeners = [auditor.hear, self._facts]
        self.line = Line(journal, {"USDM": self.venue}, listeners=listeners)
        self.line.recover()
        self.live = Live(self.line, self.clock, told=self.told.append, alone=False)
        self.live.on_report.append(self._heard)
        self._tasks: list[asyncio.Task[Any]] = []

    def _heard(self, report: Report) -> None:
        self._say(f"    {report}")
        self.auditor.heard(report)

    def _facts(self, first_seq: int, facts: list[Fact]) -> None:
        for seq, fact in enumerate(facts, first_seq):
            self._say(f"  {seq} {fact}")

    async def begin(self) -> None:
        heard_to = self.auditor.seq
        for frame in self.journal.read(1):
            facts = decode_facts(frame.payload)
            if frame.first_seq > heard_to:
                self.auditor.hear(frame.first_seq, facts)
        self.auditor.started()
        connecting = asyncio.create_task(self.venue.run())
        await reached(self.venue)
        self.live.start(self.venue.instruments)
        open_to(self.venue, self.live)
        self._tasks = [connecting, asyncio.create_task(self.live.run())]

    def broken(self) -> BaseException | None:
        """What ended this life by itself."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                return task.exception()
        return None

    async def end(self, kill: bool) -> None:
        if not kill and not self.live.over:
            self.live.stop()
            await asyncio.wait(self._tasks[1:])
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
