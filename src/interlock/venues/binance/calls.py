"""Calls: signed requests through ccxt, each answered by what it says or by a ``Failure``.

Decides nothing about orders. Invariant: a call is sent once; the library neither retries nor
throttles, so that what may have been carried out is asked about and never repeated blindly.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import ccxt.pro as ccxt

from interlock.venues.binance.answers import Failure, Kind, kind_of
from interlock.venues.binance.settings import BinanceSettings

TIMEOUT_MS = 10_000
"""The exchange itself gives up after ten seconds (-1007)."""
ROOTS = {"fapiPublic": "v1", "fapiPrivate": "v1", "fapiPrivateV2": "v2", "fapiPrivateV3": "v3"}


QUERY = re.compile(r"\?\S*")
ENDED = "ended"
"""What a stream is waited for by: nothing but its end fulfils it."""


SUBSCRIBING = "subscribing"
"""The id of the request for private events, and of its answer."""


class StreamLost(Exception):
    """A stream could not be opened, or has ended."""


class _Refused(Exception):
    """Raised inside the library where it would guess a class for an error."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class _Library(ccxt.binanceusdm):  # type: ignore[misc]
    """ccxt with its guesses taken out: raw errors, our clock, raw messages of streams."""

    def __init__(self, config: dict[str, Any], now: Callable[[], int]) -> None:
        super().__init__(config)
        self._now = now
        self.heard: Callable[[Mapping[str, str]], None] = lambda _: None
        self.told: Callable[[str, Any], None] = lambda *_: None
        self.ahead_ms = 0

    def nonce(self) -> int:
        return self._now() // 1_000_000 + self.ahead_ms

    def handle_errors(
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        headers: dict[str, str],
        body: str,
        response: Any,
        request_headers: Any,
        request_body: Any,
    ) -> None:
        low = {name.lower(): value for name, value in headers.items()}
        self.heard(low)
        if code < 400:
            return
        number, text = 0, body
        if isinstance(response, dict):
            given = response.get("code", 0)
            number = int(given) if str(given).lstrip("-").isdigit() else 0
            text = str(response.get("msg", body))
        wait = low.get("retry-after", "")
        raise _Refused(Failure(code, number, text, int(wait) if wait.isdigit() else 0))

    def handle_message(self, client: Any, message: Any) -> None:
        self.told(client.url, message)


class Calls:
    """One account's requests, stamped with our time (``now``, ns UTC) as the exchange has it."""

    def __init__(
        self, settings: BinanceSettings, key: str, secret: str, now: Callable[[], int]
    ) -> None:
        self._library = _Library(
            {
                "apiKey": key,
                "secret": secret,
                "enableRateLimit": False,
                "timeout": TIMEOUT_MS,
                "options": {"fetchCurrencies": False},
            },
            now,
        )
        for name, version in ROOTS.items():
            self._library.urls["api"][name] = f"{settings.rest}/fapi/{version}"
        for name in ("public", "private"):
            self._library.urls["api"][name] = f"{settings.rest}/api/v3"
        self._settings = settings
        self._over = False
        self._blocked_until = 0.0

    @property
    def over(self) -> bool:
        """Nothing is asked through this any more."""
        return self._over

    @property
    def blocked_s(self) -> float:
        """For how long the exchange has said that it wants no request."""
        return max(0.0, self._blocked_until - time.monotonic())

    def on_headers(self, heard: Callable[[Mapping[str, str]], None]) -> None:
        self._library.heard = heard

    def on_message(self, told: Callable[[str, Any], None]) -> None:
        """``told`` hears every message of every stream, with the stream's address."""
        self._library.told = told

    def set_clock(self, ahead_ms: int) -> None:
        """By how much the exchange's clock is ahead of this machine's."""
        self._library.ahead_ms = ahead_ms

    async def ask(
        self, method: str, path: str, params: Mapping[str, Any], api: str = "fapiPrivate"
    ) -> Any | Failure:
        """The answer's JSON, or why there is none."""
        if self._over:
            return Failure(0, 0, "this connection is over")
        try:
            return await self._library.fetch2(path, [api], method, dict(params))
        except _Refused as refused:
            failure = refused.failure
            if kind_of(failure) is Kind.LATER:
                until = time.monotonic() + failure.retry_after_s
                self._blocked_until = max(self._blocked_until, until)
            return failure
        except ccxt.BaseError as error:  # no answer: closed, timed out, or not to be read
            said = QUERY.sub("", str(error))  # it names the address, which is signed
            return Failure(0, 0, f"{type(error).__name__}: {said}")

    async def follow(self, path: str) -> Awaitable[Any]:
        """Open a stream; gives what is done, with an error, when it has ended.

        Raises ``StreamLost`` when it could not be opened.
        """
        return await self._open(self._settings.streams + path, None)

    async def subscribe(self) -> Awaitable[Any]:
        """As ``follow``, with private events over the WebSocket API; its answer is a message."""
        params = self._library.sign_params({})
        asked = {"id": SUBSCRIBING, "method": "userDataStream.subscribe.signature"}
        return await self._open(self._settings.socket, {**asked, "params": params})

    async def _open(self, url: str, message: Any) -> Awaitable[Any]:
        ended: asyncio.Future[Any] = self._library.watch(url, ENDED, message, ENDED)
        ended.add_done_callback(_heard_out)
        connected = self._library.client(url).connected
        await asyncio.wait([ended, connected], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise StreamLost(str(ended.exception()))
        return ended

    async def hang_up(self) -> None:
        """Close every stream and connection; what is being asked ends without an answer."""
        self._over = True
        await self._library.close()


def _heard_out(ended: "asyncio.Future[Any]") -> None:
    """Take note of how a stream ended, though nobody may be waiting for it any more."""
    if not ended.cancelled():
        ended.exception()
