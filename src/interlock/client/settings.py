"""Settings that both clients share.

Decides how a server is reached and what the environment stands in for. Invariant: what is on this
machine is never asked for through a proxy.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from interlock.client.retrying import Retry

URL = "http://127.0.0.1:8460"
"""Where ``interlock serve`` listens when nothing else is said."""
STREAM_RETRY = Retry(attempts=12)
"""A stream outlives a restart of its server: some forty seconds of silence."""
NEAR = frozenset(("127.0.0.1", "::1", "localhost"))
CONNECTIONS = 1_000


def said(value: str | None, variable: str, otherwise: str = "") -> str:
    """What was given, else what the environment says."""
    return os.environ.get(variable, otherwise) if value is None else value


@contextmanager
def thought_over(headers: httpx.Headers, token: str, why: str) -> Iterator[None]:
    """Requests inside carry a token and a reason; without a token they are as any other."""
    said = {} if not token else {"Interlock-Second-Thought": token, "Interlock-Why": _ascii(why)}
    headers.update(said)
    try:
        yield
    finally:
        for name in said:
            del headers[name]


def _ascii(text: str) -> str:
    """What a header can carry."""
    return text.encode("ascii", "replace").decode("ascii").replace("\n", " ")


def http_settings(url: str, timeout_s: float, verify: Any, person: bool) -> dict[str, Any]:
    said_so = {"Interlock-Person": "true"} if person else {}
    host = httpx.URL(url).host
    return {
        "base_url": url,
        "timeout": timeout_s,
        "verify": verify,
        "trust_env": host not in NEAR,
        "limits": httpx.Limits(max_connections=CONNECTIONS),
        "headers": {"User-Agent": "interlock-client", **said_so},
    }
