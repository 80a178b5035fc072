"""Retrying: one call from its first attempt to its answer, without knowing how bytes travel.

Decides when a call is made again. Invariant: only what cannot be done twice is: reads, placements
under their client order id, and calls under their idempotency key, which every attempt repeats.
"""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx
import msgspec

from interlock.client.errors import Garbled, Refused, Unreachable

Answer = TypeVar("Answer")
AGAIN = frozenset((429, 503))
Sign = Callable[[str, str, bytes, bool], dict[str, str]]
"""Method, path with query, body, and whether it takes the owner: the headers that prove who asks.
"""


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One thing to ask of the server."""

    method: str
    path: str
    answer: Any
    query: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    safe: bool = False
    """Whether asking again can do no harm."""
    key: str = ""
    """Its idempotency key, where it takes one."""
    owner: bool = False
    """Takes an admin session, where there is one."""


@dataclass(frozen=True)
class Retry:
    """How patient a client is."""

    attempts: int = 5
    first_s: float = 0.1
    """The first pause; each further one is twice as long, less up to half of it by chance."""
    most_s: float = 5.0
    told_most_s: float = 60.0
    """A ``Retry-After`` beyond this is not waited for."""

    def pause_s(self, failures: int) -> float:
        longest = min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 32))
        return longest * random.uniform(0.5, 1.0)


@dataclass(frozen=True)
class Pause:
    seconds: float


Heard = httpx.Response | httpx.TransportError | None
Step = httpx.Request | Pause


def attempts(
    call: Call[Answer], build: Callable[..., httpx.Request], sign: Sign, retry: Retry
) -> Generator[Step, Heard, Answer]:
    """Yields what to send or how long to wait, is told what came of it, returns the answer."""
    failures = 0
    while True:
        request = proved(call, build, sign)
        heard = yield request
        if isinstance(heard, httpx.Response) and heard.is_success:
            answer: Answer = decoded(heard, call.answer)
            return answer
        failures += 1
        why: Exception
        if isinstance(heard, httpx.Response):
            why = refused(heard)
            again = call.safe and heard.status_code in AGAIN
            pause = told_s(heard)
        else:
            why = Unreachable(str(request.url.copy_with(query=None)), reason(heard))
            again = call.safe and not isinstance(heard, httpx.UnsupportedProtocol)
            pause = 0.0
        if not again or failures >= retry.attempts or pause > retry.told_most_s:
            raise why
        yield Pause(max(pause, retry.pause_s(failures)))


def proved(
    call: Call[Any], build: Callable[..., httpx.Request], sign: Sign, **more: Any
) -> httpx.Request:
    """The request, signed anew: path and query as httpx is going to send them."""
    headers = {"Content-Type": "application/json"} if call.body else {}
    if call.key:
        headers["Idempotency-Key"] = call.key
    request = build(
        call.method,
        call.path,
        params=call.query or None,
        content=call.body,
        headers=headers,
        **more,
    )
    target = request.url.raw_path.decode("ascii")
    request.headers.update(sign(call.method, target, call.body, call.owner))
    return request


def told_s(response: httpx.Response) -> float:
    """How long the server asks to be left alone."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def reason(error: object) -> str:
    return str(error) or type(error).__name__


def decoded(response: httpx.Response, kind: Any) -> Any:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as error:
        raise Garbled(
            f"{response.request.method} {response.request.url.path} was answered with something "
            f"else than this client knows: {error}"
        ) from error


def refused(response: httpx.Response) -> Refused | Garbled:
    """A problem document as an exception."""
    try:
        found = msgspec.json.decode(response.content, type=dict[str, Any])
        return of_problem(found)
    except (msgspec.MsgspecError, KeyError):
        url = response.request.url
        return Garbled(
            f"{url.copy_with(query=None)} answered {response.status_code} without a reason: it may "
            "be no Interlock server, or something stands in between."
        )


def of_problem(found: dict[str, Any]) -> Refused:
    return Refused(
        str(found["code"]),
        found.get("detail", "") or found.get("title", ""),
        status=found.get("status", 0),
        pointer=found.get("pointer", ""),
        way_out=found.get("way_out", ""),
        setting=found.get("setting", ""),
        retry=found.get("retry", False),
        breach=found.get("breach"),
        second_thought=found.get("second_thought"),
    )
