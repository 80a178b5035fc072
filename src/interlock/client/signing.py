"""Signing: docs/SIGNING.md in ten lines.

Decides nothing of its own. Invariant: every attempt has a timestamp and a nonce of its own, a
repeated request too.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Generator

import httpx


def signature(secret: str, timestamp: str, nonce: str, method: str, path: str, body: bytes) -> str:
    """``path`` is path and query exactly as they are sent."""
    digest = hashlib.sha256(body).hexdigest()
    text = "\n".join(["INTERLOCK1", timestamp, nonce, method, path, digest])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def signed_headers(
    key_id: str,
    secret: str,
    method: str,
    path: str,
    body: bytes,
    now: Callable[[], int] = time.time_ns,
) -> dict[str, str]:
    timestamp, nonce = str(now() // 1_000_000), secrets.token_hex(16)
    return {
        "X-Interlock-Key": key_id,
        "X-Interlock-Timestamp": timestamp,
        "X-Interlock-Nonce": nonce,
        "X-Interlock-Signature": signature(secret, timestamp, nonce, method, path, body),
    }


class Signing(httpx.Auth):
    """Signs every request of an ``httpx`` client: ``httpx.get(url, auth=Signing(...))``.

    ``token`` is one of ``POST /oauth/token``; a request that carries it is signed all the same.
    """

    requires_request_body = True

    def __init__(
        self, key_id: str, secret: str, token: str = "", now: Callable[[], int] = time.time_ns
    ) -> None:
        self.key_id = key_id
        self.secret = secret
        self._token = token
        self._now = now

    def __repr__(self) -> str:
        return f"Signing({self.key_id!r})"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        target = request.url.raw_path.decode()
        sent = (request.method, target, request.content)
        request.headers.update(signed_headers(self.key_id, self.secret, *sent, self._now))
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
