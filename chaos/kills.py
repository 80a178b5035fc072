"""Kills: one journal, one venue, many lives of the process, each ended by ``kill -9``.

Decides when a life ends: some while they start and recover, most under load, a few right after a
burst was asked for. Invariant: a kill is the only way a process ends here but for the last one.
"""

import asyncio
import os
import shutil
import time
from pathlib import Path
from random import Random

from msgspec import Struct

from chaos import checks
from chaos.life import Life
from chaos.trial import Broken, Progress, Trial
from interlock.journal.repair import LOG_NAME

STARTING = 0.35
"""This part of the kills comes before the process listens."""
LOADED_S_MAX = 0.45
ASKED = 0.6
"""This part of the others comes just after something was asked, before or after its answer."""
ASKED_S_MAX = 0.004
COMMITTING = 0.6
"""This part of those comes at the first write to the log after it: in the middle of a commit."""
WATCHED_S_MAX = 0.02
COPY_EVERY = 25
"""Every so many kills the folder is also checked as the kill left it."""


class Kills(Struct):
    """What a run of kills did and found."""

    kills: int = 0
    starting: int = 0
    """Kills while the process started and recovered."""
    committing: int = 0
    """Kills at a write to the log."""
    unanswered: int = 0
    """Requests that had no answer at a kill, over all kills."""
    resent: int = 0
    landed: int = 0
    """Placements without an answer that turned out to be in the journal all the same."""
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


class KillRun:
    """One trial of kills."""

    def __init__(self, trial: Trial, progress: Progress) -> None:
        self.trial = trial
        self.rng = Random(trial.seed)
        self.found = Kills(breaches=trial.breaches)
        self._progress = progress
        self._start_s: list[float] = []

    async def run(self, kills: int, until: float) -> Kills:
        """``until`` is when to stop killing, by ``time.monotonic``."""
        began = time.perf_counter()
        trial, found = self.trial, self.found
        await trial.open_venue()
        try:
            while found.kills < kills and time.monotonic() < until:
                await self._one_life()
                if found.kills % 10 == 0:
                    asked = len(trial.client.asked)
                    self._progress(f"{found.kills} of {kills} kills, {asked:,} requests")
                if trial.breaches or trial.client.breaches:
                    break  # what follows from a broken promise only hides it
            self._progress("the last life settles, then everything is checked")
            story, shown = await trial.finish()
            found.frames, found.facts = story.frames, story.facts
            found.orders = sum(map(len, story.placed.values()))
            found.executions = len(shown.executions)
        except Broken:
            pass
        await trial.close_venue()
        self._sum_up(time.perf_counter() - began)
        return found

    async def _one_life(self) -> None:
        trial, found = self.trial, self.found
        verify = self.rng.choice(["all", "tail"])
        if self.rng.random() < STARTING:
            process = await trial.spawn("--verify", verify)
            typical = sorted(self._start_s)[len(self._start_s) // 2] if self._start_s else 0.5
            # Imports are half of a start, and nothing can break there.
            await asyncio.sleep(typical * (0.6 + self.rng.random() * 0.55))
            found.starting += 1
        else:
            process = await trial.start("--verify", verify)
            self._start_s.append(time.perf_counter() - process.began)
            await self._under_load(process)
        if process.process.returncode is not None and not process.killed:
            trial.ended_by_itself(process)
            raise Broken
        await process.kill()
        if self._load is not None:
            await self._load
            self._load = None
        found.unanswered += len(trial.client.unanswered)
        found.kills += 1
        found.torn += "cut back" in process.said()
        if found.kills % COPY_EVERY == 0:
            self._check_copy()

    _load: asyncio.Task[None] | None = None

    async def _under_load(self, process: Life) -> None:
        client = self.trial.client
        self._load = asyncio.create_task(client.load(process.port))
        await asyncio.sleep(0.002 + self.rng.random() * LOADED_S_MAX)
        if self.rng.random() < ASKED:
            client.asking.clear()
            await asyncio.wait_for(client.asking.wait(), 1.0)
            if self.rng.random() < COMMITTING:
                self.found.committing += self._at_the_next_write(process)
            else:
                await asyncio.sleep(self.rng.random() * ASKED_S_MAX)

    def _at_the_next_write(self, process: Life) -> bool:
        """Kill it at the first sign of a write to its log: between the write and the answer."""
        log = self.trial.folder / LOG_NAME
        end = time.perf_counter() + WATCHED_S_MAX
        before = _stamp(log)
        while _stamp(log) == before:
            if time.perf_counter() > end:
                return False
        process.kill_now()
        return True

    def _check_copy(self) -> None:
        """What lies there right after a kill opens, and holds every order acknowledged so far."""
        copy = self.trial.folder.with_name("copy")
        shutil.copytree(self.trial.folder, copy)
        self.trial.breaches += checks.after_kill(copy, self.trial.client)
        shutil.rmtree(copy)

    def _sum_up(self, seconds: float) -> None:
        found, client = self.found, self.trial.client
        found.requests = len(client.asked)
        found.acknowledged = sum(bool(a.answers) for a in client.asked)
        found.resent, found.confirmed = client.resent, client.confirmed
        found.landed = client.landed
        found.seconds = round(seconds, 1)
        if self._start_s:
            ordered = sorted(self._start_s)
            found.start_ms = round(1000 * ordered[len(ordered) // 2])
            found.start_ms_max = round(1000 * ordered[-1])


def _stamp(path: Path) -> tuple[int, int]:
    """Changes with every write, but for two in one tick of the kernel's clock."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
