"""The application: routes behind the door, as Litestar serves them.

Decides how HTTP and WebSocket meet the routes. Invariant: whatever goes wrong on the way is told as
a problem document; a bug is told without its inside.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litestar import HttpMethod, Litestar, Request, Response, WebSocket
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler
from litestar.response import Stream

from interlock.api.door import Door, encoded, refusal
from interlock.api.logs import Log
from interlock.api.problems import MEDIA_TYPE, ApiCode, Problem, problem
from interlock.api.route import Caller, Reply, Route
from interlock.api.streams import Streams, Wanted

CLOSED_POLICY, CLOSED_TRY_LATER = 1008, 1013
Enter = Callable[[str, Mapping[str, str], Mapping[str, str], str], Caller | Problem]


def application(
    routes: Sequence[Route], door: Door, streams: Streams, enter: Enter, log: Log
) -> Litestar:
    """``enter`` lets somebody in to a WebSocket."""
    handlers: list[Any] = [http(route, door) for route in routes]
    handlers.append(websocket("/v1/stream", streams, enter))

    def bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        log.bug(f"{type(error).__name__} while answering {request.method}", error)
        why = problem(ApiCode.INTERNAL, "This is a bug of the server's.", "Please report it.")
        return response(refusal(why))

    def strange(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
        answer = refused(request, error)
        address = request.client.host if request.client else ""
        log.answered(answer.status_code, "", request.method, request.url.path, address=address)
        return answer

    return Litestar(
        route_handlers=handlers,
        openapi_config=None,
        exception_handlers={HTTPException: strange, Exception: bug},
        logging_config=None,
    )


def http(route: Route, door: Door) -> HTTPRouteHandler:
    async def serve(request: Request[Any, Any, Any]) -> Response[Any]:
        scope = request.scope
        raw = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string", b"")
        target = (raw + (b"?" + query if query else b"")).decode("latin-1")
        address = request.client.host if request.client else ""
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = await door.ask(
            route,
            target,
            {name: str(value) for name, value in request.path_params.items()},
            dict(request.query_params),
            headers,
            await request.body(),
            address,
        )
        return response(reply)

    path = route.path
    for param in route.params:
        if param.place == "path":
            path = path.replace("{" + param.name + "}", "{" + param.name + ":str}")
    serve.__name__ = f"{route.method.lower()}_{route.path.strip('/').replace('/', '_')}"
    method = HttpMethod(route.method)
    return HTTPRouteHandler(path, http_method=method, status_code=200)(serve)


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
    path = request.url.path
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


def websocket(path: str, streams: Streams, enter: Enter) -> WebsocketRouteHandler:
    async def serve(socket: WebSocket[Any, Any, Any]) -> None:
        scope = socket.scope
        raw = scope.get("raw_path") or scope["path"].encode()
        given = scope.get("query_string", b"")
        target = (raw + (b"?" + given if given else b"")).decode("latin-1")
        headers = {name.lower(): value for name, value in socket.headers.items()}
        query = dict(socket.query_params)
        address = socket.client.host if socket.client else ""
        caller = enter(target, headers, query, address)
        await socket.accept()
        if isinstance(caller, Problem):
            await socket.send_data(encoded(caller), mode="text")
            await socket.close(CLOSED_POLICY, caller.code)
            return
        what = wanted(query)
        no = streams.refusal(what)
        if no is not None:
            await socket.send_data(encoded(no), mode="text")
            await socket.close(CLOSED_POLICY, no.code)
            return
        leaving = asyncio.create_task(_until_gone(socket, asyncio.current_task()))
        try:
            events = streams.follow(caller, address, what, from_seq(query, {}))
            async for event in events:
                if event.kind == "snapshot":
                    data = b'{"type":"snapshot",' + event.data[1:]
                elif event.kind == "heartbeat":
                    data = b'{"type":"heartbeat",' + event.data[1:]
                else:
                    data = event.data
                await socket.send_data(data, mode="text")
                if event.kind == "cut":
                    await socket.close(CLOSED_TRY_LATER)
                    return
        finally:
            leaving.cancel()

    return WebsocketRouteHandler(path)(serve)


async def _until_gone(socket: WebSocket[Any, Any, Any], task: "asyncio.Task[Any] | None") -> None:
    """A follower that closes its end is followed no more, even when nothing happens."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
    if task is not None:
        task.cancel()


def wanted(query: Mapping[str, str]) -> Wanted:
    def names(name: str) -> frozenset[str]:
        return frozenset(part for part in query.get(name, "").split(",") if part)

    return Wanted(
        query.get("account", ""),
        query.get("instrument", ""),
        query.get("order_id", ""),
        names("types"),
        names("snapshot") or frozenset(("orders", "positions")),
        names("market"),
    )


def from_seq(query: Mapping[str, str], headers: Mapping[str, str]) -> int | None:
    """Where a stream goes on: after ``Last-Event-ID``, or at ``from_seq``."""
    last = headers.get("last-event-id", "")
    if last.isascii() and last.isdigit():
        return int(last[:18]) + 1
    first = query.get("from_seq", "")
    return int(first[:18]) if first.isascii() and first.isdigit() else None
