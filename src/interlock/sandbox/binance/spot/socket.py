"""The WebSocket API, as far as clients need it for user streams (VENUES 1.6, 1.11).

Decides what a request on a connection gets. Invariant: what is signed is every parameter in the
order of its name, and an event goes out once for each subscription.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import WebSocket
from litestar.handlers import WebsocketRouteHandler

from interlock.sandbox.binance.gate import Gate
from interlock.sandbox.binance.hub import Hub, Listener, send
from interlock.sandbox.binance.wire import Params, WireError, check_time

PATHS = ("/ws-api/v3",)


class SpotSocket:
    """Requests of all connections. ``keys`` are API keys and their secrets."""

    def __init__(self, gate: Gate, hub: Hub, keys: Mapping[str, str]) -> None:
        self._gate = gate
        self._hub = hub
        self._keys = keys
        self._subscriptions = 0

    def handlers(self) -> list[WebsocketRouteHandler]:
        return [WebsocketRouteHandler(path)(self._serve) for path in PATHS]

    async def _serve(self, socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        listener = Listener(False, False, set())
        self._hub.listeners.add(listener)
        tasks = (
            asyncio.create_task(send(socket, listener)),
            asyncio.create_task(self._hear(socket, listener)),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.listeners.discard(listener)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hear(self, socket: WebSocket[Any, Any, Any], listener: Listener) -> None:
        while True:
            text = await socket.receive_text()
            listener.waiting.put_nowait(msgspec.json.encode(self.answer(text, listener)))

    def answer(self, text: str, listener: Listener) -> dict[str, Any]:
        """One request's answer, as the connection gets it."""
        number: Any = None
        try:
            asked = msgspec.json.decode(text, type=dict[str, Any])
            number = asked.get("id")
            result = self._done(str(asked.get("method")), asked.get("params") or {}, listener)
        except msgspec.MsgspecError:
            return {"id": number, "status": 400, "error": {"code": -1000, "msg": "Invalid JSON."}}
        except WireError as refused:
            return {"id": number, "status": refused.status, "error": refused.body()}
        return {"id": number, "status": 200, "result": result, "rateLimits": []}

    def _done(self, method: str, given: dict[str, Any], listener: Listener) -> Any:
        match method:
            case "ping":
                return {}
            case "time":
                return {"serverTime": self._gate.now_ms()}
            case "userDataStream.subscribe.signature":
                self._check(given)
                self._subscriptions += 1
                listener.subscriptions.append(self._subscriptions - 1)
                return {"subscriptionId": self._subscriptions - 1}
            case "userDataStream.unsubscribe":
                number = given.get("subscriptionId")
                kept = [one for one in listener.subscriptions if number not in (None, one)]
                listener.subscriptions[:] = kept
                return {}
            case "session.subscriptions":
                return [{"subscriptionId": one} for one in listener.subscriptions]
            case "session.status":
                return {"apiKey": None, "authorizedSince": None}
            case "session.logon" | "userDataStream.subscribe":
                raise WireError(-4056, "Only Ed25519 keys log on; subscribe with a signature.")
        raise WireError(-1000, f"There is no {method} here.", 400)

    def _check(self, given: dict[str, Any]) -> None:
        self._gate.limits.count(2, 0)
        fields = {name: str(value) for name, value in given.items() if name != "signature"}
        secret = self._keys.get(fields.get("apiKey", ""))
        if secret is None:
            raise WireError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        payload = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
        want = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(str(given.get("signature", "")).lower(), want):
            raise WireError(-1022, "Signature for this request is not valid.")
        check_time(Params(urlencode(fields)), self._gate.now_ms())
