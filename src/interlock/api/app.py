"""The application: routes behind the door, as Litestar serves them.

Decides how HTTP and WebSocket meet the routes. Invariant: whatever goes wrong on the way is told as
a problem document; a bug is told without its inside.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import HttpMethod, Litestar, Request, Response, WebSocket
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, WebSocketDisconnect
from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler
from litestar.response import Stream

from interlock.api.door import Door, encoded, refusal
from interlock.api.logs import Log
from interlock.api.problems import MEDIA_TYPE, ApiCode, Problem, problem
from interlock.api.queries import accounts_of
from interlock.api.route import Asked, Reply, Route
from interlock.api.streams import SLICE, Facts, Streams, Wanted

CLOSED_POLICY, CLOSED_TRY_LATER = 1008, 1013
GONE = (WebSocketDisconnect, OSError)
"""How it shows that a follower has left while it was being told something."""


def application(
    routes: Sequence[Route], stream: Route, door: Door, streams: Streams, log: Log
) -> Litestar:
    """``stream`` is let in to like the others, to a WebSocket."""
    handlers: list[Any] = [http(route, door) for route in routes]
    handlers.append(websocket(stream, door, streams))

    def bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        log.bug(f"{type(error).__name__} while answering {request.method}", error)
        why = problem(ApiCode.INTERNAL, "This is a bug of the server's.", "Please report it.")
        return response(refusal(why))

    def strange(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
        answer = refused(request, error)
        address = request.client.host if request.client else ""
        path = request.scope["path"]
        log.answered(answer.status_code or 400, "", request.method, path, address=address)
        return answer

    return Litestar(
        route_handlers=handlers,
        openapi_config=None,
        exception_handlers={HTTPException: strange, Exception: bug},
        logging_config=None,
    )


def http(route: Route, door: Door) -> HTTPRouteHandler:
    async def serve(request: Request[Any, Any, Any]) -> Response[Any]:
        target, asked = asked_of(request)
        asked.body = await request.body()
        asked.path = {name: str(value) for name, value in request.path_params.items()}
        reply = await door.ask(route, target, asked)
        return response(reply)

    path = route.path
    for param in route.params:
        if param.place == "path":
            path = path.replace("{" + param.name + "}", "{" + param.name + ":str}")
    serve.__name__ = f"{route.method.lower()}_{route.path.strip('/').replace('/', '_')}"
    method = HttpMethod(route.method)
    return HTTPRouteHandler(path, http_method=method, status_code=200)(serve)


def asked_of(connection: ASGIConnection[Any, Any, Any, Any]) -> tuple[str, Asked]:
    """The target exactly as it was sent, and what is asked."""
    scope = connection.scope
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    target = (raw + (b"?" + query if query else b"")).decode("latin-1")
    asked = Asked(
        query=dict(connection.query_params),
        headers={name.lower(): value for name, value in connection.headers.items()},
        address=connection.client.host if connection.client else "",
    )
    return target, asked


def response(reply: Reply) -> Response[Any]:
    if reply.stream is not None:
        return Stream(
            reply.stream,
            status_code=reply.status,
            headers=reply.headers,
            media_type=reply.media_type,
        )
    return Response(
        encoded(reply.content),
        status_code=reply.status,
        headers=reply.headers,
        media_type=reply.media_type,
    )


def refused(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar itself has to say: no such path, or another method."""
    path = request.scope["path"]  # not of the URL: making one takes a host that may be the fault
    if error.status_code == 405:
        why = problem(ApiCode.METHOD_NOT_ALLOWED, f"{path} does not take {request.method}.")
    elif error.status_code == 404:
        why = problem(ApiCode.NOT_FOUND, f"There is nothing at {path}.", "See /docs.")
    else:
        why = problem(
            ApiCode.QUERY_INVALID, str(error.detail) or "The request is not HTTP as meant."
        )
    reply = refusal(why)
    reply.headers.update(error.headers or {})
    reply.media_type = MEDIA_TYPE
    return response(reply)


def websocket(route: Route, door: Door, streams: Streams) -> WebsocketRouteHandler:
    async def serve(socket: WebSocket[Any, Any, Any]) -> None:
        target, asked = asked_of(socket)
        what = door.enter(route, target, asked) or wanted(asked, streams)
        await socket.accept()
        if isinstance(what, Problem):
            await socket.send_data(encoded(what), mode="text")
            await socket.close(CLOSED_POLICY, what.code)
            return
        tasks = (
            asyncio.create_task(_tell(socket, streams, asked, what)),
            asyncio.create_task(_until_gone(socket)),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for fault in ended:
            if isinstance(fault, Exception) and not isinstance(fault, GONE):
                raise fault

    return WebsocketRouteHandler(route.path)(serve)


async def _tell(
    socket: WebSocket[Any, Any, Any], streams: Streams, asked: Asked, what: Wanted
) -> None:
    first = from_seq(asked.query, {})
    async for event in streams.follow(asked.caller, asked.address, what, first):
        if isinstance(event, Facts):
            for number, message in enumerate(event.messages, 1):
                await socket.send(message)  # type: ignore[arg-type]
                if number % SLICE == 0:
                    await asyncio.sleep(0)
            continue
        if event.kind == "snapshot":
            data = b'{"type":"snapshot",' + event.data[1:]
        elif event.kind == "heartbeat":
            data = b'{"type":"heartbeat",' + event.data[1:]
        else:
            data = event.data
        await socket.send_data(data, mode="text")
        if event.kind == "cut":
            await socket.close(CLOSED_TRY_LATER)


async def _until_gone(socket: WebSocket[Any, Any, Any]) -> None:
    """A follower that closes its end is followed no more, even when nothing happens."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def wanted(asked: Asked, streams: Streams) -> Wanted | Problem:
    """What a follower asks for, if he may see it and it is there."""
    accounts = accounts_of(asked)
    if isinstance(accounts, Problem):
        return accounts

    def names(name: str) -> frozenset[str]:
        return frozenset(part for part in asked.query.get(name, "").split(",") if part)

    made = Wanted(
        asked.query.get("account", ""),
        asked.query.get("instrument", ""),
        asked.query.get("order_id", ""),
        names("types"),
        names("snapshot") or frozenset(("orders", "positions")),
        names("market"),
    )
    return streams.refusal(made) or made


def from_seq(query: Mapping[str, str], headers: Mapping[str, str]) -> int | None:
    """Where a stream goes on: after ``Last-Event-ID``, or at ``from_seq``."""
    last = headers.get("last-event-id", "")
    if last.isascii() and last.isdigit():
        return int(last[:18]) + 1
    first = query.get("from_seq", "")
    return int(first[:18]) if first.isascii() and first.isdigit() else None
