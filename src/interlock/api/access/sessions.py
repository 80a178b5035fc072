"""Sessions: a person who gave the password, until they leave or are idle.

Decides how long a session lives. Invariant: its token is known to its holder alone; here is a hash
of it, in memory only, so a restart, a halt or a new password ends every session.
"""

import secrets
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Final

from msgspec import Struct

MINUTE_NS: Final = 60 * 10**9
IDLE_NS: Final = 30 * MINUTE_NS
LONGEST_NS: Final = 12 * 60 * MINUTE_NS
OPEN_MAX: Final = 64
_TOKEN_BYTES: Final = 32
_ID_BYTES: Final = 8


class Session(Struct):
    """``id`` names it in the audit record, and says nothing of its token."""

    id: str
    address: str
    opened_at: int
    used_at: int


class Sessions:
    """The open ones, by the hash of their tokens."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._lock = Lock()
        self._open: dict[bytes, Session] = {}
        self.on_ended: list[Callable[[str], None]] = []

    def open(self, address: str) -> str:
        """A new token; the session idle for longest makes room where there are too many."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._now()
        with self._lock:
            gone = [kept for kept, session in self._open.items() if self._over(session)]
            left = [kept for kept in self._open if kept not in gone]
            if len(left) >= OPEN_MAX:
                gone.append(min(left, key=lambda kept: self._open[kept].used_at))
            ended = [self._open.pop(kept).id for kept in gone]
            name = "se_" + secrets.token_hex(_ID_BYTES)
            self._open[_hash(token)] = Session(name, address, now, now)
        self._tell(ended)
        return token

    def find(self, token: str) -> Session | None:
        """The session of a token, which is now in use; nothing for one that ended."""
        kept = _hash(token)
        with self._lock:
            session = self._open.get(kept)
            if session is None:
                return None
            if not self._over(session):
                session.used_at = self._now()
                return session
            del self._open[kept]
        self._tell([session.id])
        return None

    def alive(self, session_id: str) -> bool:
        """Whether a session is open, without using it."""
        with self._lock:
            found = [one for one in self._open.values() if one.id == session_id]
            return bool(found) and not self._over(found[0])

    def end(self, token: str) -> bool:
        with self._lock:
            session = self._open.pop(_hash(token), None)
        if session is not None:
            self._tell([session.id])
        return session is not None

    def end_all(self) -> None:
        with self._lock:
            ended = [session.id for session in self._open.values()]
            self._open.clear()
        self._tell(ended)

    def _over(self, session: Session) -> bool:
        now = self._now()
        return now - session.used_at >= IDLE_NS or now - session.opened_at >= LONGEST_NS

    def _tell(self, ended: list[str]) -> None:
        for name in ended:
            for listener in self.on_ended:
                listener(name)


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
