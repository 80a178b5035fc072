"""The door: every request comes through here, whatever it asks for.

Decides whether a request is let in: who it is from, whether it may, and whether it is one too many.
Invariant: nothing of a request is acted on before its caller is known, and every answer, good or
bad, leaves with a request id and is counted.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

import msgspec

from interlock.api.access.limits import Allowance
from interlock.api.desk import Stopping
from interlock.api.logs import Log
from interlock.api.metrics import Metrics
from interlock.api.problems import MEDIA_TYPE, ApiCode, Problem, problem
from interlock.api.route import NOBODY, Asked, Budget, Caller, Reply, Route, Scope

BODY_MAX = 16 * 1024 * 1024
_ENCODER = msgspec.json.Encoder()


class Entrance(Protocol):
    """Who somebody is, and what he may still do."""

    def authenticate(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, address: str
    ) -> Caller | Problem: ...

    def take(self, caller: Caller, budget: Budget, cost: int) -> Allowance: ...

    def alive(self, caller: Caller, address: str) -> bool:
        """Whether what let the caller in still does: asked again and again of streams."""
        ...

    def redeem(self, ticket: str, address: str) -> Caller | Problem:
        """Whose ticket for a stream it is."""
        ...

    def record(
        self, caller: Caller, address: str, method: str, path: str, status: int, code: str, id: str
    ) -> None: ...


class Door:
    """Lets requests in to routes."""

    def __init__(
        self, entrance: Entrance, metrics: Metrics, log: Log, environment: str = "paper"
    ) -> None:
        self._entrance = entrance
        self._environment = environment
        self._log = log
        self._metrics = metrics
        self._number = 0
        self._open = 0
        self.closing = False
        self.empty = asyncio.Event()
        self.empty.set()

    async def ask(self, route: Route, target: str, asked: Asked) -> Reply:
        """One request, answered. ``target`` is path and query exactly as they were sent."""
        began = time.perf_counter()
        self._open += 1
        self.empty.clear()
        try:
            reply = await self._answered(route, target, asked)
        finally:
            self._open -= 1
            if not self._open:
                self.empty.set()
        self._note(route, target, asked, reply, began)
        return reply

    def enter(self, route: Route, target: str, asked: Asked) -> Problem | None:
        """Let somebody in who stays: a follower. What he asks for counts as one request."""
        began = time.perf_counter()
        no, headers = self._admitted(route, target, asked)
        self._note(route, target, asked, Reply() if no is None else refusal(no, headers), began)
        return no

    def _note(self, route: Route, target: str, asked: Asked, reply: Reply, began: float) -> None:
        self._number += 1
        request_id = f"r{self._number:x}"
        reply.headers["X-Request-Id"] = request_id
        reply.headers["X-Interlock-Environment"] = self._environment
        code = reply.content.code if isinstance(reply.content, Problem) else ""
        seconds = time.perf_counter() - began
        self._metrics.answered(route, reply.status, seconds)
        caller = asked.caller
        self._log.answered(
            *(reply.status, code, route.method, target, request_id),
            *(caller.key_id, asked.address, seconds),
        )
        if caller is not NOBODY or code:
            self._entrance.record(
                caller, asked.address, route.method, target, reply.status, code, request_id
            )

    async def _answered(self, route: Route, target: str, asked: Asked) -> Reply:
        no, headers = self._admitted(route, target, asked)
        if no is not None:
            return refusal(no, headers)
        try:
            reply = await route.work(asked)
        except Stopping:
            return refusal(stopping())
        if isinstance(reply, Problem):
            return refusal(reply, headers)
        if reply.status == 200:
            reply.status = route.status if "Idempotent-Replay" not in reply.headers else 200
        reply.headers.update(headers)
        return reply

    def _admitted(
        self, route: Route, target: str, asked: Asked
    ) -> tuple[Problem | None, dict[str, str]]:
        """Why not, if not; and what is left of the caller's budget. From here on the caller is
        known.
        """
        if self.closing and route.scope is not None:
            return stopping(), {}
        if len(asked.body) > BODY_MAX:
            rule = f"A body has at most {BODY_MAX} bytes."
            return problem(ApiCode.BODY_TOO_LARGE, rule, "Send it in parts."), {}
        if route.scope is None:
            return None, {}
        if route.ticketed and "ticket" in asked.query:
            found = self._entrance.redeem(asked.query["ticket"], asked.address)
        else:
            found = self._entrance.authenticate(
                route.method, target, asked.headers, asked.body, asked.address
            )
        if isinstance(found, Problem):
            return found, {}
        asked.caller = found
        no = permitted(route, found)
        if no is not None or route.budget is None:
            return no, {}
        left = self._entrance.take(found, route.budget, 1)
        return None if left.allowed else limited(route.budget), rate_headers(left)


def permitted(route: Route, caller: Caller) -> Problem | None:
    if route.session_only and not caller.session:
        return problem(
            ApiCode.ADMIN_SESSION_NEEDED,
            "This takes an admin session: no key may do it, whatever its scopes.",
            "POST /v1/session with the admin password.",
        )
    if route.scope in caller.scopes or Scope.ADMIN in caller.scopes:
        return None
    return problem(
        ApiCode.SCOPE_MISSING,
        f"This takes the scope {route.scope!r}; the key has {sorted(caller.scopes)}.",
        "Use a key with that scope.",
    )


def limited(budget: Budget) -> Problem:
    return problem(
        ApiCode.RATE_LIMITED,
        f"This key has used up its budget for {budget}.",
        "Wait as long as Retry-After says.",
        setting=f"limits.{budget}_per_s",
    )


def stopping() -> Problem:
    return problem(
        ApiCode.STOPPING,
        "The server is stopping and takes no more requests.",
        "Ask again when it is back: what was accepted is answered the same.",
    )


def rate_headers(left: Allowance) -> dict[str, str]:
    headers = {
        "X-RateLimit-Limit": str(left.limit),
        "X-RateLimit-Remaining": str(left.remaining),
        "X-RateLimit-Reset": str(left.reset_s),
    }
    if not left.allowed:
        headers["Retry-After"] = str(max(1, left.retry_after_s))
    return headers


def refusal(why: Problem, headers: Mapping[str, str] | None = None) -> Reply:
    reply = Reply(why, why.status, dict(headers or {}), MEDIA_TYPE)
    if why.status == 401:
        reply.headers["WWW-Authenticate"] = "Interlock-HMAC"
    return reply


def encoded(content: object) -> bytes:
    return content if isinstance(content, bytes) else _ENCODER.encode(content)
