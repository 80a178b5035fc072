"""The client of ``serve``: a process of its own that signs and sends, and says how long it took.

``python -m bench.load KIND PORT PASSWORD CONNECTIONS COUNT BATCH``. Of ``pacedS`` COUNT is a rate,
held for S seconds.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from typing import Any

import uvloop

from bench import book


class Wire:
    """One connection that is kept; as little client as can be, so that the server is measured."""

    def __init__(self, port: int, key: str = "", secret: str = "") -> None:
        self.port, self.key, self.secret = port, key, secret
        self._nonce = 0

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    def request(self, method: str, path: str, body: bytes, more: str = "") -> bytes:
        self._nonce += 1
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}"
        if self.key:
            at, nonce = str(time.time_ns() // 1_000_000), f"{id(self):x}-{self._nonce:08}"
            digest = hashlib.sha256(body).hexdigest()
            text = "\n".join(["INTERLOCK1", at, nonce, method, path, digest])
            signature = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
            head += (
                f"X-Interlock-Key: {self.key}\r\nX-Interlock-Timestamp: {at}\r\n"
                f"X-Interlock-Nonce: {nonce}\r\nX-Interlock-Signature: {signature}\r\n"
            )
        return head.encode() + b"\r\n" + body

    async def send(self, method: str, path: str, body: bytes = b"", more: str = "") -> bytes:
        self.writer.write(self.request(method, path, body, more))
        return await self.answer()

    async def answer(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await self.reader.readexactly(length)
        assert status < 300, (head, body)
        return body


async def keyed(port: int, password: str) -> tuple[str, str]:
    wire = Wire(port)
    await wire.open()
    body = json.dumps({"password": password}).encode()
    session = json.loads(await wire.send("POST", "/v1/session", body))["session"]
    terms = json.dumps({"name": "load", "scopes": ["read", "trade"]}).encode()
    more = f"Authorization: Session {session}\r\n"
    made = json.loads(await wire.send("POST", "/v1/keys", terms, more))
    return made["key"]["id"], made["secret"]


async def batches(wires: list[Wire], count: int, size: int, first: int) -> dict[str, Any]:
    """Batches on every connection, each sent when the one before was answered."""
    bodies = [
        b"[" + b",".join(book.pair(first + n) for n in range(at, at + size)) + b"]"
        for at in range(0, count, size)
    ]
    took: list[float] = []

    async def one(wire: Wire) -> None:
        while bodies:
            body = bodies.pop()
            began = time.perf_counter()
            answer = await wire.send("POST", "/v1/orders/batch", body)
            took.append(time.perf_counter() - began)
            assert f'"accepted":{size},'.encode() in answer[:60], answer[:300]

    began = time.perf_counter()
    await asyncio.gather(*(one(wire) for wire in wires))
    seconds = time.perf_counter() - began
    return {
        f"pairs per second, batches of {size}, over HTTP": round(count / seconds),
        "connections": len(wires),
        **spread(took),
    }


async def resting(wire: Wire, count: int, size: int) -> dict[str, Any]:
    """Pairs whose legs rest at the venue, in the order in which a falling market fills them."""
    for at in range(0, count, size):
        some = range(at, min(count, at + size))
        body = b"[" + b",".join(book.resting_pair(n) for n in some) + b"]"
        answer = await wire.send("POST", "/v1/orders/batch", body)
        assert f'"accepted":{len(some)},'.encode() in answer[:60], answer[:300]
    return {"resting": count}


async def paced(wires: list[Wire], rate: int, seconds: int, size: int) -> dict[str, Any]:
    """So many pairs a second for so long; a batch that is late is sent at once."""
    first = time.time_ns() % 10**12
    bodies = [
        b"[" + b",".join(book.pair(first + n) for n in range(at, at + size)) + b"]"
        for at in range(0, rate * seconds, size)
    ]
    bodies.reverse()
    total, took = len(bodies), []
    began = time.perf_counter()

    async def one(wire: Wire) -> None:
        while bodies and time.perf_counter() < began + seconds:
            body = bodies.pop()
            due = began + (total - len(bodies) - 1) * size / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            await wire.send("POST", "/v1/orders/batch", body)
            took.append(time.perf_counter() - sent)

    await asyncio.gather(*(one(wire) for wire in wires))
    placed = len(took) * size
    return {
        "pairs per second placed": round(placed / (time.perf_counter() - began)),
        **spread(took),
    }


async def singles(wire: Wire, count: int, first: int) -> dict[str, Any]:
    took = []
    for n in range(count):
        began = time.perf_counter()
        await wire.send("POST", "/v1/orders", book.pair(first + n))
        took.append(time.perf_counter() - began)
    return {"requests": "place, one at a time", **spread(took)}


async def empty(wire: Wire, count: int) -> dict[str, Any]:
    took = []
    for _ in range(count):
        began = time.perf_counter()
        await wire.send("GET", "/v1/halts")
        took.append(time.perf_counter() - began)
    return {"requests": "signed and empty", **spread(took)}


def spread(took: list[float]) -> dict[str, float]:
    ordered = sorted(took)

    def cut(place: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * place))] * 1e3, 3)

    return {"p50, ms": cut(0.5), "p99, ms": cut(0.99), "p99.9, ms": cut(0.999)}


async def main() -> None:
    kind, port, password, connections, count, size = sys.argv[1:]
    key, secret = await keyed(int(port), password)
    wires = [Wire(int(port), key, secret) for _ in range(int(connections))]
    for wire in wires:
        await wire.open()
    first = time.time_ns() % 10**12
    if kind == "batches":
        said = await batches(wires, int(count), int(size), first)
    elif kind == "singles":
        said = await singles(wires[0], int(count), first)
    elif kind == "resting":
        said = await resting(wires[0], int(count), int(size))
    elif kind.startswith("paced"):
        said = await paced(wires, int(count), int(kind.removeprefix("paced")), int(size))
    else:
        said = await empty(wires[0], int(count))
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main())
