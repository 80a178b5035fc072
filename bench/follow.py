"""The followers of ``serve followers``: one process with many streams, half SSE, half WebSocket.

``python -m bench.follow PORT PASSWORD FOLLOWERS FACTS``. Says ``following`` when every stream has
its snapshot, and one line of JSON when each has so many facts, or when a minute has passed. It
counts messages and reads nothing of them.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress

import uvloop

from bench.load import Wire, keyed

LONGEST_S = 60.0
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Stream(asyncio.Protocol):
    """Counts what comes; the first is the snapshot."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._rest = b""
        self.count = -1

    def counted(self, more: int) -> None:
        if self.count < 0 < more:
            self._crowd.joined()
        before, self.count = self.count, self.count + more
        if max(before, 0) < self.count:
            self._crowd.heard(self.count - max(before, 0), self.count)


class Events(Stream):
    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        self._rest = data[-6:]
        self.counted(data.count(b"\ndata: "))


class Messages(Stream):
    _open = False

    def data_received(self, data: bytes) -> None:
        data, at, more = self._rest + data, 0, 0
        if not self._open:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self._rest = data
                return
            assert data.startswith(b"HTTP/1.1 101"), data[:200]
            self._open = True
        while len(data) - at >= 2:
            size, head = data[at + 1], 2
            if size >= 126:
                head = 4 if size == 126 else 10
                size = int.from_bytes(data[at + 2 : at + head])
            if len(data) - at < head + size:
                break
            more += data[at] & 0x0F == 1
            at += head + size
        self._rest = data[at:]
        self.counted(more)


class Crowd:
    def __init__(self, size: int, facts: int) -> None:
        self._size, self._facts = size, facts
        self._joined = self._full = self.total = 0
        self.began = self.last = 0.0
        self.all_joined, self.all_full = asyncio.Event(), asyncio.Event()

    def joined(self) -> None:
        self._joined += 1
        if self._joined == self._size:
            self.all_joined.set()

    def heard(self, more: int, now: int) -> None:
        self.last = time.perf_counter()
        self.began = self.began or self.last
        self.total += more
        if now >= self._facts > now - more:
            self._full += 1
            if self._full == self._size:
                self.all_full.set()


async def main() -> None:
    port, password, followers, facts = sys.argv[1:]
    signer = Wire(int(port), *await keyed(int(port), password))
    crowd = Crowd(int(followers), int(facts))
    loop = asyncio.get_running_loop()
    for number in range(int(followers)):
        kind, path, more = Events, "/v1/events", ""
        if number % 2:
            kind, path, more = Messages, "/v1/stream", UPGRADE
        transport, _ = await loop.create_connection(
            lambda kind=kind: kind(crowd), "127.0.0.1", int(port)
        )
        transport.write(signer.request("GET", path, b"", more))
    await asyncio.wait_for(crowd.all_joined.wait(), LONGEST_S)
    say("following")
    with suppress(TimeoutError):
        await asyncio.wait_for(crowd.all_full.wait(), LONGEST_S)
    seconds = max(1e-9, crowd.last - crowd.began)
    say(
        json.dumps(
            {
                "facts delivered": crowd.total,
                "facts per second delivered": round(crowd.total / seconds),
                "seconds until all had them": round(seconds, 2),
            }
        )
    )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main())
