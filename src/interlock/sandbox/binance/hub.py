"""The hub: who listens to which stream, and what he has not been sent yet.

Decides who hears what. Invariant: what is told goes to every listener in the order in which it
happened; a silent hub loses it, while its connections stay open.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

LISTEN_KEY_MS = 3_600_000
_encode = msgspec.json.Encoder().encode


class Listener:
    """One connection."""

    def __init__(self, user: bool, combined: bool, streams: set[str]) -> None:
        self.user = user
        """Whether private events are for it."""
        self.combined = combined
        self.streams = streams
        self.waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        """``None`` ends the connection."""
        self.subscriptions: list[int] = []
        """To private events on a connection of the WebSocket API: each gets every event."""

    def tell(self, stream: str, event: Any) -> None:
        body = {"stream": stream, "data": event} if self.combined else event
        self.waiting.put_nowait(_encode(body))


class Hub:
    """The streams of one exchange."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self.listeners: set[Listener] = set()
        self.silent = False
        """Connections stay open, and nothing comes."""
        self._keys: dict[str, tuple[str, int]] = {}

    # Listen keys

    def listen_key(self, api_key: str) -> str:
        """The one that is alive, extended, or a new one."""
        now = self.now_ms()
        key, until = self._keys.get(api_key, ("", 0))
        if now >= until:
            key = secrets.token_hex(32)
        self._keys[api_key] = key, now + LISTEN_KEY_MS
        return key

    def alive(self, api_key: str) -> bool:
        return self.now_ms() < self._keys.get(api_key, ("", 0))[1]

    def forget(self, api_key: str) -> None:
        self._keys.pop(api_key, None)

    def admits(self, listen_key: str) -> bool:
        now = self.now_ms()
        return any(key == listen_key and now < until for key, until in self._keys.values())

    def expire_listen_keys(self) -> None:
        """They say so, and are silent from then on though the socket stays open."""
        now = self.now_ms()
        for key, _ in self._keys.values():
            self.tell_user({"e": "listenKeyExpired", "E": now, "listenKey": key})
        self._keys.clear()
        for listener in self.listeners:
            listener.user = False

    # Telling

    def tell_user(self, event: dict[str, Any]) -> None:
        if self.silent:
            return
        for listener in self.listeners:
            if listener.user:
                listener.tell("", event)
            for number in listener.subscriptions:
                listener.tell("", {"subscriptionId": number, "event": event})

    def tell_market(self, stream: str, event: dict[str, Any]) -> None:
        if self.silent:
            return
        for listener in self.listeners:
            if stream in listener.streams:
                listener.tell(stream, event)

    def cut(self) -> None:
        """Every connection ends."""
        for listener in list(self.listeners):
            listener.waiting.put_nowait(None)


async def send(socket: WebSocket[Any, Any, Any], listener: Listener) -> None:
    """What waits for a listener, until its connection is to end."""
    while True:
        told = await listener.waiting.get()
        if told is None:
            with suppress(WebSocketDisconnect, OSError):
                await socket.close(1001)
            return
        await socket.send_data(told, mode="text")
