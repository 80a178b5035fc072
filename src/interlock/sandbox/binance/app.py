"""The application: one exchange's gate and hub, as Litestar serves them on one port.

Decides how HTTP and WebSocket meet them, and what people and accidents do: the control endpoint
under ``/sandbox``. Invariant: nothing under ``/sandbox`` exists at the real exchange, and nothing
outside of it knows that this is not the real one.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, WebSocket, route
from litestar.handlers import WebsocketRouteHandler
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from interlock.sandbox.binance.gate import Gate
from interlock.sandbox.binance.hub import Hub, Listener, send

TRANSPORT = "interlock.transport"
JSON = "application/json"
METHODS: Any = ["GET", "POST", "PUT", "DELETE"]
Control = Callable[[str, bytes], Any]
"""What is to be done, and its body; raises ``ValueError`` for what cannot be meant."""


def application(
    gate: Gate,
    hub: Hub,
    control: Control,
    sockets: Sequence[WebsocketRouteHandler] = (),
) -> Litestar:
    """``sockets`` are connections that are more than streams of the hub."""

    @route("/{path:path}", http_method=METHODS, status_code=200)
    async def serve(request: Request[Any, Any, Any]) -> Response[bytes]:
        path = request.url.path
        body = await request.body()
        if path.startswith("/sandbox/"):
            return controlled(control, path.removeprefix("/sandbox/"), body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.scope.get("query_string", b"").decode("latin-1")
        given = await gate.ask(request.method, path, query, body.decode("latin-1"), headers)
        if given is None:
            raise Hangup
        return Response(
            given.body,
            status_code=given.status,
            headers=given.headers,
            media_type=JSON,
        )

    def hung_up(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        hang_up(request)
        return Response(b"", status_code=500)

    return Litestar(
        route_handlers=[serve, *streams(hub), *sockets],
        openapi_config=None,
        exception_handlers={Hangup: hung_up},
        logging_config=None,
    )


class Hangup(Exception):
    """The connection is closed without an answer."""


class HangingUp(HttpToolsProtocol):
    """Uvicorn's protocol, with its transport at hand for whoever wants to hang up."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"it": self.transport}}


def hang_up(request: Request[Any, Any, Any]) -> None:
    """Close the connection under the answer: the client never sees one."""
    extensions: Any = request.scope.get("extensions")
    extensions[TRANSPORT]["it"].abort()


def controlled(control: Control, what: str, body: bytes) -> Response[bytes]:
    try:
        found = control(what, body)
    except (ValueError, msgspec.MsgspecError, KeyError) as error:
        told = msgspec.json.encode({"error": str(error)})
        return Response(told, status_code=400, media_type=JSON)
    return Response(msgspec.json.encode(found), media_type=JSON)


def streams(hub: Hub) -> list[WebsocketRouteHandler]:
    """Private, public and market streams; the old roots give public data only (VENUES fact 8)."""
    handlers = []
    for path in ("/private/ws", "/public/ws", "/market/ws", "/ws"):
        handlers.append(stream(hub, path, combined=False))
        handlers.append(stream(hub, path + "/{names:path}", combined=False))
    for path in ("/public/stream", "/market/stream", "/stream", "/private/stream"):
        handlers.append(stream(hub, path, combined=True))
    return handlers


def stream(hub: Hub, path: str, combined: bool) -> WebsocketRouteHandler:
    private = path.startswith("/private")

    async def serve(socket: WebSocket[Any, Any, Any]) -> None:
        names = str(socket.path_params.get("names", "")).strip("/")
        asked = socket.query_params.get("streams", names)
        key = socket.query_params.get("listenKey", names if private else "")
        user = private and hub.admits(key)
        await socket.accept()
        listener = Listener(user, combined, {name for name in asked.split("/") if name})
        hub.listeners.add(listener)
        tasks = (
            asyncio.create_task(send(socket, listener)),
            asyncio.create_task(_hear(socket, listener)),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hub.listeners.discard(listener)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return WebsocketRouteHandler(path)(serve)


async def _hear(socket: WebSocket[Any, Any, Any], listener: Listener) -> None:
    """Subscribe and unsubscribe, as a client asks on its connection."""
    while True:
        text = await socket.receive_text()
        try:
            asked = msgspec.json.decode(text)
            number, method = asked["id"], asked["method"]
            names = asked.get("params") or []
        except (msgspec.MsgspecError, KeyError, TypeError):
            listener.waiting.put_nowait(b'{"error":{"code":3,"msg":"Invalid JSON"}}')
            continue
        result: Any = None
        if method == "SUBSCRIBE":
            listener.streams.update(names)
        elif method == "UNSUBSCRIBE":
            listener.streams.difference_update(names)
        elif method == "LIST_SUBSCRIPTIONS":
            result = sorted(listener.streams)
        listener.waiting.put_nowait(msgspec.json.encode({"result": result, "id": number}))
