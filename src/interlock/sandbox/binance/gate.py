"""The gate: every request of one exchange, through limits, faults, key and signature to its work.

Decides in which order a request is looked at. Invariant: a request that is refused at the gate has
done nothing, and every answer carries what has been used of the limits.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from interlock.sandbox.binance.faults import Carried, Fault, Faults
from interlock.sandbox.binance.limits import Limits
from interlock.sandbox.binance.wire import Params, WireError, check_signed


class Proof(StrEnum):
    """What a request must show."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


Work = Callable[[Params, int], Any]
"""Parameters and the time in nanoseconds; raises ``WireError`` for a no."""


class Route(Struct, frozen=True):
    """One endpoint. ``weight`` may depend on the parameters."""

    work: Work
    proof: Proof = Proof.SIGNED
    weight: int | Callable[[Params], int] = 1
    orders: int = 0


class Answer(Struct, frozen=True):
    status: int
    body: bytes
    headers: dict[str, str]


Routes = Mapping[str, Route]
"""By method and path, such as ``GET /fapi/v1/time``."""


class Gate:
    """Of one exchange. ``keys`` are API keys and their secrets."""

    def __init__(
        self, routes: Routes, keys: Mapping[str, str], limits: Limits, now: Callable[[], int]
    ) -> None:
        self._routes = routes
        self._keys = keys
        self.limits = limits
        self.faults = Faults()
        self._now = now
        self.ahead_ms = 0
        """How far this exchange's clock is ahead of the machine's."""
        self.count = 0
        """Requests so far, refused ones included."""
        self._late: set[asyncio.Task[None]] = set()

    def now_ms(self) -> int:
        """By the exchange's own clock."""
        return self._now() // 1_000_000 + self.ahead_ms

    async def ask(
        self, method: str, path: str, query: str, body: str, headers: Mapping[str, str]
    ) -> Answer | None:
        """One request; nothing when the connection is to be closed without an answer."""
        self.count += 1
        route = self._routes.get(f"{method} {path}")
        if route is None:
            return answer(WireError(-1000, f"There is no {method} {path} here.", 404))
        fault = self.faults.strike(f"{method} {path}")
        if fault is None:
            return self._answered(route, query, body, headers)
        return await self._struck(fault, lambda: self._answered(route, query, body, headers))

    async def _struck(self, fault: Fault, work: Callable[[], Answer]) -> Answer | None:
        if fault.late:
            await asyncio.sleep(fault.delay_ms / 1_000)
            return work()
        if fault.carried is Carried.BEFORE:
            work()
        if fault.carried is Carried.AFTER:
            task = asyncio.create_task(_later(fault.delay_ms, work))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        elif fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1_000)
        if fault.status is None:
            return None
        return Answer(fault.status, fault.body.encode(), {})

    def _answered(self, route: Route, query: str, body: str, headers: Mapping[str, str]) -> Answer:
        used: dict[str, str] = {}
        try:
            params = Params(query, body)
            weight = route.weight if isinstance(route.weight, int) else route.weight(params)
            used = self.limits.count(weight, route.orders)
            self._check(route, params, headers)
            found = route.work(params, self._now())
        except WireError as refused:
            return answer(refused, used)
        return Answer(200, msgspec.json.encode(found), used)

    def _check(self, route: Route, params: Params, headers: Mapping[str, str]) -> None:
        if route.proof is Proof.NONE:
            return
        key = headers.get("x-mbx-apikey", "")
        if not key:
            raise WireError(-2014, "API-key format invalid.", 401)
        secret = self._keys.get(key)
        if secret is None:
            raise WireError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        if route.proof is Proof.SIGNED:
            check_signed(params, secret, self.now_ms())


def answer(refused: WireError, used: Mapping[str, str] | None = None) -> Answer:
    headers = {**(used or {}), **refused.headers}
    return Answer(refused.status, msgspec.json.encode(refused.body()), headers)


async def _later(delay_ms: int, work: Callable[[], Answer]) -> None:
    await asyncio.sleep(delay_ms / 1_000)
    work()
