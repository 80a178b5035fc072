"""A desk for the stories: a folder, a clock that is moved by hand, and a client that signs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interlock.api.access import signing
from interlock.api.access.keyterms import KeyView
from interlock.api.access.opening import Access, AccessSettings
from interlock.api.access.passwords import Cost
from interlock.api.problems import Problem
from interlock.api.route import Caller

START = 1_800_000_000 * 10**9
MS, SECOND, MINUTE, DAY = 10**6, 10**9, 60 * 10**9, 86_400 * 10**9
HOME = "192.0.2.7"
CHEAP = Cost(n=16)
"""Stories are about who is let in, not about how long a guess takes."""


class Clock:
    """Time, which passes only when told to."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> int:
        return self.at

    def passes(self, ns: int) -> None:
        self.at += ns


class House:
    """Access over one folder, as the server opens it."""

    def __init__(self, folder: Path, clock: Clock | None = None, **settings: Any) -> None:
        self.folder = folder
        self.clock = clock or Clock()
        self.settings = AccessSettings(password_cost=CHEAP, **settings)
        self.access = Access(folder, {}, self.clock, self.settings)

    def restart(self) -> None:
        self.access.close()
        self.restart_after_damage()

    def restart_after_damage(self) -> None:
        """Start again once the story has closed this and done its worst to the files."""
        self.access = Access(self.folder, {}, self.clock, self.settings)

    def key(self, *scopes: str, **terms: Any) -> Client:
        made = self.access.keys.make("desk", scopes or ("read", "trade"), **terms)
        assert not isinstance(made, Problem), made
        return Client(self, *made)

    def let_in(
        self,
        headers: dict[str, str],
        method: str = "POST",
        path: str = "/v1/orders?dry=1",
        body: bytes = b"{}",
        address: str = HOME,
    ) -> Caller | Problem:
        return self.access.entry.authenticate(method, path, headers, body, address)


class Client:
    """Somebody who holds a key's secret."""

    def __init__(self, house: House, view: KeyView, secret: str) -> None:
        self.house, self.view, self.secret = house, view, secret
        self.sent = 0

    def headers(
        self,
        method: str = "POST",
        path: str = "/v1/orders?dry=1",
        body: bytes = b"{}",
        nonce: str = "",
        ahead_ms: int = 0,
    ) -> dict[str, str]:
        self.sent += 1
        nonce = nonce or f"nonce-{self.sent:06}"
        timestamp = str(self.house.clock() // MS + ahead_ms)
        signature = signing.sign(self.secret, timestamp, nonce, method, path, body)
        return {
            "x-interlock-key": self.view.id,
            "x-interlock-timestamp": timestamp,
            "x-interlock-nonce": nonce,
            "x-interlock-signature": signature,
        }

    def asks(self, address: str = HOME, **parts: Any) -> Caller | Problem:
        return self.house.let_in(self.headers(**parts), address=address)


def code(answer: object) -> str:
    """The code of a problem; nothing for anything else."""
    return answer.code if isinstance(answer, Problem) else ""
