"""Processes that were started here, and their ends.

Decides how a process is started, killed and waited for. Invariant: only what was started here is
ever signalled, by its pid, and nothing outlives ``Lives``.
"""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from chaos import wire

START_S_MAX = 30.0
STOP_S_MAX = 20.0
ROOT = Path(__file__).resolve().parent.parent


class Life:
    """One process; ``port`` once it listens."""

    def __init__(self, process: Process, errors: Path) -> None:
        self.process = process
        self.errors = errors
        self.port = 0
        self.killed = False
        self.began = time.perf_counter()

    @property
    def pid(self) -> int:
        return self.process.pid

    async def listening(self) -> bool:
        """Wait until it listens; ``False`` if it ended first."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), START_S_MAX)
        if not line:
            await self.process.wait()
            return False
        self.port = int(line.split()[-1])
        return True

    def kill_now(self) -> None:
        """``kill -9``, by pid, without waiting for the end."""
        if self.process.returncode is None:
            self.killed = True
            self.process.send_signal(signal.SIGKILL)

    async def kill(self) -> None:
        """``kill -9``, by pid."""
        self.kill_now()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to end; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), STOP_S_MAX)

    async def ended(self, seconds: float = STOP_S_MAX) -> int:
        """Its exit code, once it has ended by itself."""
        return await asyncio.wait_for(self.process.wait(), seconds)

    def said(self) -> str:
        """What it wrote to stderr."""
        return self.errors.read_text(errors="replace")


class Lives:
    """Everything started, as a context: on leaving, what still lives is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lives: list[Life] = []
        self._count = 0

    async def __aenter__(self) -> "Lives":
        return self

    async def __aexit__(self, *_: Any) -> None:
        for life in self._lives:
            await life.kill()

    async def start(self, module: str, *arguments: object) -> Life:
        """``python -m MODULE ARGUMENTS``."""
        self._count += 1
        errors = self._folder / f"{module.rpartition('.')[2]}-{self._count:04}.err"
        with errors.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, *map(str, arguments)),
                cwd=ROOT,
                stdout=PIPE,
                stderr=file,
                start_new_session=True,  # Ctrl-C is the harness's to deal with
            )
        life = Life(process, errors)
        self._lives = [one for one in self._lives if one.process.returncode is None]
        self._lives.append(life)
        return life


async def orphaned() -> None:
    """Ends when whoever started this process has gone: nothing is left behind then."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.2)


async def view(port: int) -> wire.Shown:
    """The venue from inside."""
    shown = await _tell_venue(port, wire.View(), answered=True)
    assert isinstance(shown, wire.Shown)
    return shown


async def market(port: int, on: bool) -> None:
    await _tell_venue(port, wire.Market(on))


async def cut(port: int) -> None:
    """The network drops the trading connection."""
    await _tell_venue(port, wire.Cut())


async def _tell_venue(port: int, message: wire.ToVenue, answered: bool = False) -> Any:
    reader, writer = await asyncio.open_connection(wire.HOST, port, limit=1 << 24)
    wire.say_packed(writer, message)
    answer = await wire.hear(reader, wire.FROM_VENUE) if answered else None
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    return answer
