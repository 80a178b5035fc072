"""Kills: one journal, one venue, many lives of the process, each ended by ``kill -9``.

Decides when a life ends: some while they start and recover, most under load, a few right after a
burst was asked for. Invariant: nothing is checked before the last life has settled, and then
everything is.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from msgspec import Struct

from chaos import checks, client, life, wire
from chaos.client import Client
from chaos.life import Life, Lives

STARTING = 0.35
"""This part of the kills comes before the process listens."""
LOADED_S_MAX = 0.45
ASKED = 0.6
"""This part of the others comes just after something was asked, before or after its answer."""
ASKED_S_MAX = 0.004
SETTLE_S = 7.0
"""Longer than the engine's last look for a late fill."""
QUIET_S = 0.6
REST_LOOKS = 40
COPY_AFTER = 25
"""Every so many kills the folder is also checked as the kill left it."""


class Kills(Struct):
    """What a run of kills did and found."""

    kills: int = 0
    starting: int = 0
    """Kills before the process listened."""
    unanswered: int = 0
    """Requests that had no answer at a kill, over all kills."""
    resent: int = 0
    confirmed: int = 0
    requests: int = 0
    acknowledged: int = 0
    orders: int = 0
    executions: int = 0
    frames: int = 0
    facts: int = 0
    torn: int = 0
    """Starts that found a commit whose write had not ended."""
    start_ms: int = 0
    """Median, from spawn to listening."""
    start_ms_max: int = 0
    seconds: float = 0.0
    breaches: list[str] = []


Progress = Callable[[str], None]


class KillRun:
    """One journal's whole story."""

    def __init__(self, folder: Path, seed: int, progress: Progress) -> None:
        self.folder = folder
        self.seed = seed
        self.rng = Random(seed)
        self.client = Client(seed)
        self.found = Kills(breaches=[])
        self._progress = progress
        self._start_s: list[float] = []
        self._venue_port = 0

    async def run(self, lives: Lives, kills: int, until: float) -> Kills:
        """``until`` is when to stop killing, by ``time.monotonic``."""
        began = time.perf_counter()
        venue = await lives.start("chaos.venue", "--seed", self.seed)
        assert await venue.listening(), venue.said()
        self._venue_port = venue.port
        while self.found.kills < kills and time.monotonic() < until:
            await self._one_life(lives)
            if self.found.kills % 10 == 0:
                done, asked = self.found.kills, len(self.client.asked)
                self._progress(f"{done} of {kills} kills, {asked:,} requests")
            if self.found.breaches or self.client.breaches:
                break  # what follows from a broken promise only hides it
        await self._last_life(lives)
        await venue.stop()
        self._sum_up(time.perf_counter() - began)
        return self.found

    async def _start(self, lives: Lives) -> Life:
        verify = self.rng.choice(["all", "tail"])
        return await lives.start(
            *("chaos.process", self.folder, "--venue", self._venue_port),
            *("--seed", self.seed, "--verify", verify),
        )

    async def _one_life(self, lives: Lives) -> None:
        process = await self._start(lives)
        typical = sorted(self._start_s)[len(self._start_s) // 2] if self._start_s else 0.5
        if self.rng.random() < STARTING:
            # Imports are half of a start, and nothing can break there.
            await asyncio.sleep(typical * (0.6 + self.rng.random() * 0.55))
            self.found.starting += process.port == 0
        else:
            if not await process.listening():
                self._ended_by_itself(process)
                return
            self._start_s.append(time.perf_counter() - process.began)
            load = asyncio.create_task(self.client.load(process.port))
            await asyncio.sleep(0.002 + self.rng.random() * LOADED_S_MAX)
            if self.rng.random() < ASKED:
                self.client.asking.clear()
                await asyncio.wait_for(self.client.asking.wait(), 1.0)
                await asyncio.sleep(self.rng.random() * ASKED_S_MAX)
            if process.process.returncode is not None:
                self._ended_by_itself(process)
            await process.kill()
            await load
            self.found.unanswered += len(self.client.unanswered)
        await process.kill()
        self.found.kills += 1
        self.found.torn += "cut back" in process.said()
        if self.found.kills % COPY_AFTER == 0:
            self._check_copy()

    def _ended_by_itself(self, process: Life) -> None:
        code = process.process.returncode
        self.found.breaches.append(f"the process ended by itself, code {code}: {process.said()}")

    def _check_copy(self) -> None:
        """What lies there right after a kill opens, and holds every order acknowledged so far."""
        copy = self.folder.with_name("copy")
        shutil.copytree(self.folder, copy)
        try:
            self.found.breaches += checks.after_kill(copy, self.client)
        finally:
            shutil.rmtree(copy)

    async def _last_life(self, lives: Lives) -> None:
        process = await self._start(lives)
        if not await process.listening():
            self._ended_by_itself(process)
            return
        self._progress("settling")
        await self.client.settle_answers(process.port)
        await life.cut(self._venue_port)  # once more everything is asked about
        await asyncio.sleep(SETTLE_S)
        await life.market(self._venue_port, False)
        state = await self._at_rest(process)
        shown = await life.view(self._venue_port)
        code = await process.stop()
        if code != 0:
            self.found.breaches.append(f"a graceful stop ended with {code}: {process.said()}")
        self._progress("checking")
        story, breaches = checks.journal(self.folder, self.client, state, shown)
        self.found.breaches += breaches
        self.found.frames, self.found.facts = story.frames, story.facts
        self.found.orders = sum(map(len, story.placed.values()))
        self.found.executions = len(shown.executions)

    async def _at_rest(self, process: Life) -> wire.State:
        """The state once nothing is open between process and venue, and nothing moves."""
        n = -1
        for _ in range(REST_LOOKS):
            await asyncio.sleep(QUIET_S)
            state = await client.look(process.port)
            if state.n == n and not state.open_questions:
                return state
            n = state.n
        self.found.breaches.append(
            f"liveness: {state.open_questions} questions are open and do not end"
        )
        return state

    def _sum_up(self, seconds: float) -> None:
        found, asked = self.found, self.client.asked
        found.requests = len(asked)
        found.acknowledged = sum(bool(a.answers) for a in asked)
        found.resent, found.confirmed = self.client.resent, self.client.confirmed
        found.seconds = round(seconds, 1)
        if self._start_s:
            ordered = sorted(self._start_s)
            found.start_ms = round(1000 * ordered[len(ordered) // 2])
            found.start_ms_max = round(1000 * ordered[-1])
