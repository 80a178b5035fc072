"""One ``interlock serve`` that trades at a double of Binance, through all of its lives.

Decides how it is set up, started, killed and stopped. Invariant: only what was started here is
signalled, by its pid; and a new life has nothing but what the last one left on the disk.
"""

import asyncio
import os
import socket
import time
from pathlib import Path
from typing import Final

from chaos.life import Life, Lives

from interlock.api.access.opening import Access
from interlock.api.venues import BINANCE, prefix_of
from interlock.client import AsyncClient
from interlock.client.retrying import Retry
from interlock.journal.frames import decode_facts
from interlock.journal.reader import SqliteReader
from interlock.orders.facts import Fact
from interlock.sandbox.binance.serving import HOST, KEY, SECRET

START_S_MAX: Final = 120.0
PATIENT: Final = Retry(attempts=400, first_s=0.05, most_s=0.4)
"""A trader who asks again until the server is back."""
UP: Final = b"Ctrl-C"
"""In the last line of a server's greeting."""
CONFIG: Final = """\
[web]
port = {port}

[venue]
kind = "binance-futures"
address = "{address}"
symbols = [{symbols}]
"""


class ServerGone(Exception):
    """It ended by itself; the message is what it said."""


class Server:
    """Its data lie in ``folder``; ``venue_port`` is the double's."""

    def __init__(
        self, lives: Lives, folder: Path, venue_port: int, symbols: tuple[str, ...]
    ) -> None:
        self._lives = lives
        self._data = folder / "data"
        self._data.mkdir(parents=True)
        self._port = free_port()
        self._life: Life | None = None
        self.starts = 0
        names = ", ".join(f'"{one}"' for one in symbols)
        address = f"{HOST}:{venue_port}"
        config = CONFIG.format(port=self._port, address=address, symbols=names)
        (self._data / "config.toml").write_text(config)
        access = Access(self._data, os.environ, time.time_ns)
        try:
            access.venues.keep(BINANCE, "paper", KEY, SECRET)
            self.mark = prefix_of(access) + "-"
            self._password = access.admin.first_password()
        finally:
            access.close()

    async def start(self) -> None:
        """Raises ``ServerGone``."""
        self._life = await self._lives.start("interlock", "serve", "--data", self._data)
        self.starts += 1
        assert self._life.process.stdout is not None
        said = b""
        while UP not in said:
            line = await asyncio.wait_for(self._life.process.stdout.readline(), START_S_MAX)
            if not line:
                raise ServerGone(self._life.said())
            said += line

    async def client(self) -> AsyncClient:
        """The SDK with a new key that may trade."""
        assert self._password is not None
        url = f"http://{HOST}:{self._port}"
        async with AsyncClient(url, retry=PATIENT) as admin:
            await admin.login(self._password)
            key = await admin.keys.make("trader", ["read", "trade"])
        return AsyncClient(url, key.key.id, key.secret, retry=PATIENT)

    @property
    def gone(self) -> str:
        """What it said, if it ended though nobody has asked it to."""
        life = self._life
        return life.said() if life is not None and life.process.returncode is not None else ""

    async def kill(self) -> None:
        """``kill -9``."""
        assert self._life is not None
        await self._life.kill()

    async def stop(self) -> int:
        """As Ctrl-C does; its exit code."""
        assert self._life is not None
        return await self._life.stop()

    def facts(self) -> list[list[Fact]]:
        """Everything in its journal, commit by commit; it may be writing meanwhile."""
        reader = SqliteReader(self._data / "journal")
        try:
            return [decode_facts(frame.payload) for frame in reader.read(1)]
        finally:
            reader.close()


def free_port() -> int:
    """The same for every life, so that a client finds it again."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port
