"""A server that lets in only who proves who he is, on a thread, and clients with keys of their own.

Both clients talk to it over real HTTP; ``Wire`` stands between where a connection has to break.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from interlock.api.access.opening import Access, AccessSettings
from interlock.api.access.passwords import Cost
from interlock.api.serving import Server, Settings
from interlock.client import Client
from tests.api.house import QuietCourse, move

BTC = "BTCUSDT.PAPER"
SECONDS_MAX = 20.0
Found = TypeVar("Found")


class House:
    """A served desk; ``url`` is where it listens."""

    def __init__(self, folder: Path, environment: str, port: int, more: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settings = AccessSettings(password_cost=Cost(n=16), **more)
        self.access = Access(folder, {}, time.time_ns, settings)
        self.password = self.access.admin.first_password() or ""
        course = QuietCourse()
        self._settings = Settings(folder, course, port=port, environment=environment)
        self.server: Server
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._life()))

    async def _life(self) -> None:
        self._loop = asyncio.get_running_loop()
        # Signals are for the main thread, which is the test's.
        self._loop.add_signal_handler = lambda *_: None  # type: ignore[method-assign]
        self.server = Server(self._settings, self.access)
        await self.server.run(lambda _: self._up.set())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(SECONDS_MAX)

    def stop(self) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.server.stop)
        self._thread.join(SECONDS_MAX)
        self.access.close()

    def move(self, price: int) -> None:
        """The market trades at ``price`` hundredths."""
        self._loop.call_soon_threadsafe(move, self.server, price)

    def key(self, *scopes: str, **terms: Any) -> tuple[str, str]:
        made: Any = self.access.keys.make(
            "test", scopes or ("read", "trade"), terms.pop("accounts", ()), (), None
        )
        view, secret = made
        return view.id, secret

    def client(self, *scopes: str, url: str = "", **more: Any) -> Client:
        return Client(url or self.url, *self.key(*scopes), **more)


@contextmanager
def serving(
    folder: Path, environment: str = "paper", port: int = 0, **access: Any
) -> Iterator[House]:
    house = House(folder, environment, port, access)
    house.start()
    try:
        yield house
    finally:
        house.stop()


def until(look: Callable[[], Found], done: Callable[[Found], bool]) -> Found:
    """What ``look`` sees once it is as wanted."""
    end = time.monotonic() + SECONDS_MAX
    while True:
        found = look()
        if done(found):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.01)


class Wire:
    """A TCP relay that can lose the answer of a request, or cut every connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.lose = 0
        """How many of the next answers never arrive."""
        self.requests: list[bytes] = []
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._open += [near, far]
                for one, other, asks in ((near, far, True), (far, near, False)):
                    threading.Thread(
                        target=self._carry, args=(one, other, asks), daemon=True
                    ).start()

    def _carry(self, one: socket.socket, other: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if asks:
                    self.requests.append(data)
                elif self.lose > 0:
                    self.lose -= 1
                    break
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Every connection ends now; new ones are carried again."""
        ends, self._open = self._open, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listening.close()
