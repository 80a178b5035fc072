"""Tickets: a stream opened by a browser, which can put neither key nor session into a header.

Decides who holds a ticket. Invariant: one lets in once, within seconds, from whoever it was given
to, and only what its holder could still do by itself.
"""

import secrets
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Final

from msgspec import Struct

from interlock.api.route import Caller

LIFE_NS: Final = 30 * 10**9
TICKETS_MAX: Final = 10_000
_TOKEN_BYTES: Final = 32


class _Ticket(Struct, frozen=True):
    caller: Caller
    era: int
    ends_at: int


class Tickets:
    """Those not yet used, by their hash."""

    def __init__(self, now: Callable[[], int], tickets_max: int = TICKETS_MAX) -> None:
        self._now = now
        self._max = tickets_max
        self._lock = Lock()
        self._open: dict[bytes, _Ticket] = {}

    def give(self, caller: Caller, era: int) -> str:
        text = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._now()
        with self._lock:
            # In the order they were given, so the first are the first to be over.
            while self._open:
                first = next(iter(self._open))
                if len(self._open) < self._max and now < self._open[first].ends_at:
                    break
                del self._open[first]
            self._open[_hash(text)] = _Ticket(caller, era, now + LIFE_NS)
        return text

    def take(self, text: str, era: int) -> Caller | None:
        """Whose it is; nothing for one used, over, from before a halt, or never given."""
        with self._lock:
            ticket = self._open.pop(_hash(text), None)
        if ticket is None or self._now() >= ticket.ends_at or ticket.era != era:
            return None
        return ticket.caller


def _hash(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
