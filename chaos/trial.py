"""A trial: one journal folder, one venue, one client, and as many lives of the process as needed.

Decides how a trial ends: the last life is left alone until nothing is open, then everything that
was promised is checked. Invariant: nothing is checked before, and then everything is.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from chaos import checks, client, life, wire
from chaos.client import Client
from chaos.life import Life, Lives

SETTLE_S = 7.0
"""Longer than the engine's last look for a late fill."""
QUIET_S = 0.6
REST_LOOKS = 150
"""Exits that are refused, because other orders of the account have used up the position, are tried
eight times over 48 s before a person is told."""

Progress = Callable[[str], None]


class Outcome(Struct):
    """A line of the table."""

    name: str
    seen: str = ""
    """What happened, in a few words."""
    breaches: list[str] = []
    skipped: bool = False
    seconds: float = 0.0


class Trial:
    """``folder`` is the journal's own; it need not exist."""

    settle_s = SETTLE_S

    def __init__(self, lives: Lives, folder: Path, seed: int) -> None:
        self.lives = lives
        self.folder = folder
        self.seed = seed
        self.client = Client(seed)
        self.breaches: list[str] = []
        self.venue_port = 0
        self._venue: Life | None = None

    async def open_venue(self) -> None:
        venue = await self.lives.start("chaos.venue", "--seed", self.seed)
        assert await venue.listening(), venue.said()
        self._venue, self.venue_port = venue, venue.port

    async def close_venue(self) -> None:
        if self._venue is not None:
            await self._venue.stop()

    async def spawn(self, *more: object) -> Life:
        """A process that may not come up."""
        return await self.lives.start(
            *("chaos.process", self.folder, "--venue", self.venue_port),
            *("--seed", self.seed, *more),
        )

    async def start(self, *more: object) -> Life:
        """A process that must come up."""
        process = await self.spawn(*more)
        if not await process.listening():
            self.ended_by_itself(process)
            raise Broken
        return process

    async def load(self, process: Life, seconds: float) -> None:
        """Let the client ask for so long, or until the process is gone."""
        load = asyncio.create_task(self.client.load(process.port))
        await asyncio.wait([load], timeout=seconds)
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)

    async def executions(self) -> int:
        return len((await life.view(self.venue_port)).executions)

    def ended_by_itself(self, process: Life) -> None:
        code = process.process.returncode
        self.breaches.append(f"the process ended by itself, code {code}: {process.said()}")

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.breaches.append(otherwise)

    async def finish(self, *more: object) -> tuple[checks.Story, wire.Shown]:
        """The last life, and every check."""
        process = await self.start(*more)
        await self.client.settle_answers(process.port)
        await life.cut(self.venue_port)  # once more everything is asked about
        await asyncio.sleep(self.settle_s)
        await life.market(self.venue_port, False)
        state = await self._at_rest(process)
        shown = await life.view(self.venue_port)
        code = await process.stop()
        self.expect(code == 0, f"a graceful stop ended with {code}: {process.said()}")
        story, breaches = checks.journal(self.folder, self.client, state, shown)
        self.breaches += breaches
        return story, shown

    async def _at_rest(self, process: Life) -> wire.State:
        """The state once nothing is open between process and venue, and nothing moves."""
        n = -1
        for _ in range(REST_LOOKS):
            await asyncio.sleep(QUIET_S)
            state = await client.look(process.port)
            if state.n == n and not state.open_questions:
                return state
            n = state.n
        self.breaches.append(f"liveness: {state.open_questions} questions are open and do not end")
        return state


class Broken(Exception):
    """A trial can't go on; what broke is among its breaches."""
