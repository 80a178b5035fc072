"""Keys: made, listed, revoked, and found at every request.

Decides whether a key lets in. Invariant: what a request needs is in memory and is what the disk
says; a secret is shown once, and lies on the disk sealed to its own row, terms and revocation.
"""

import base64
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Final

import msgspec

from interlock.api.access.addresses import Network, inside, read_network
from interlock.api.access.database import Database
from interlock.api.access.errors import SealBroken
from interlock.api.access.keyterms import KeyView, Terms, agreed
from interlock.api.access.vault import Vault
from interlock.api.problems import ApiCode, Problem, problem
from interlock.api.route import Caller

_ID_BYTES: Final = 10
_SECRET_BYTES: Final = 32
_ROWS = "SELECT id, terms, sealed, revoked_at, last_used_at FROM keys"
_UNKNOWN = Terms("(damaged)", (), (), (), 0, 0)


@dataclass(frozen=True, slots=True)
class Key:
    """One key as requests meet it."""

    caller: Caller
    secret: str
    networks: tuple[Network, ...]
    expires_at: int
    revoked_at: int

    def __repr__(self) -> str:
        return f"Key({self.caller.key_id})"  # a secret in a traceback is a secret in a log


class KeyStore:
    """All keys of one database."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], int]) -> None:
        self._database = database
        self._vault = vault
        self._now = now
        self._lock = RLock()
        self._views: dict[str, KeyView] = {}
        self._keys: dict[str, Key] = {}
        self._used: dict[str, int] = {}
        self.on_revoked: list[Callable[[str], None]] = []
        self.reload()

    def make(
        self,
        name: str,
        scopes: Sequence[str],
        accounts: Sequence[str] = (),
        allowed_ips: Sequence[str] = (),
        expires_in_days: int | None = None,
    ) -> tuple[KeyView, str] | Problem:
        """A new key and its secret, which nobody can be shown again."""
        terms = agreed(name, scopes, accounts, allowed_ips, expires_in_days, self._now())
        if isinstance(terms, Problem):
            return terms
        key_id = "ik_" + base64.b32encode(os.urandom(_ID_BYTES)).decode().lower()
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        text = msgspec.json.encode(terms).decode()
        sealed = self._vault.seal(secret.encode(), _about(key_id, text, 0))
        with self._lock:
            with self._database.write() as db:
                db.execute("INSERT INTO keys VALUES (?, ?, ?, 0, 0)", (key_id, text, sealed))
            view = self._views[key_id] = _view(key_id, terms, 0, 0)
            self._keys[key_id] = _key(view, secret)
            return view, secret

    def listed(self) -> list[KeyView]:
        """Every key that ever was, oldest first, without secrets."""
        with self._lock:
            views = [
                msgspec.structs.replace(view, last_used_at=self._used.get(name, view.last_used_at))
                for name, view in self._views.items()
            ]
        return sorted(views, key=lambda view: (view.created_at, view.id))

    def revoke(self, key_id: str) -> KeyView | Problem:
        """At once and for good; whoever listens cuts what the key holds open."""
        with self._lock:
            view = self._views.get(key_id)
            if view is None:
                return problem(ApiCode.NOT_FOUND, f"There is no key {key_id[:64]!r}.")
            if view.revoked_at:
                self._write_revocation(key_id)  # it may have failed the first time
                return view
            try:
                # In memory first: even on a full disk the key is shut out of this process.
                self._revoke_here(view, self._now())
                self._write_revocation(key_id)
            finally:
                self._tell([key_id])
            return self._views[key_id]

    def _revoke_here(self, view: KeyView, at: int) -> None:
        view = self._views[view.id] = msgspec.structs.replace(view, revoked_at=at)
        key = self._keys.get(view.id)
        if key is not None:
            self._keys[view.id] = _key(view, key.secret)

    def _write_revocation(self, key_id: str) -> None:
        """Sealed anew with its revocation: changing that back leaves a seal that does not open."""
        at, key = self._views[key_id].revoked_at, self._keys.get(key_id)
        with self._database.write() as db:
            for (text,) in db.execute("SELECT terms FROM keys WHERE id=?", (key_id,)).fetchall():
                about = _about(key_id, text, at)
                sealed = b"" if key is None else self._vault.seal(key.secret.encode(), about)
                db.execute(
                    "UPDATE keys SET revoked_at=?, sealed=? WHERE id=?", (at, sealed, key_id)
                )

    def _tell(self, revoked: list[str]) -> None:
        for key_id in revoked:
            for listener in self.on_revoked:
                listener(key_id)

    def find(self, key_id: str) -> Key | None:
        """The key, whatever became of it; nothing for a damaged one. Only a look into memory."""
        return self._keys.get(key_id)

    def ended(self, key: Key) -> Problem | None:
        """Why a key lets nobody in any more."""
        if key.revoked_at:
            return problem(ApiCode.KEY_REVOKED, "This key was revoked.", "Use another key.")
        if key.expires_at and self._now() >= key.expires_at:
            return problem(ApiCode.KEY_EXPIRED, "This key has expired.", "Make a new key.")
        return None

    def refusal(self, key: Key, address: str) -> Problem | None:
        """Why a key whose holder proved to have the secret is not let in all the same."""
        ended = self.ended(key)
        if ended is None and key.networks and not inside(address, key.networks):
            return problem(
                ApiCode.IP_NOT_ALLOWED,
                f"This key may not be used from {address[:64]}.",
                "Use it from an allowed address, or make a key that allows this one.",
                setting="allowed_ips",
            )
        return ended

    def used(self, key_id: str) -> None:
        self._used[key_id] = self._now()

    def flush(self) -> None:
        """Write when keys were last used; off the hot path."""
        with self._lock:
            # The copy is one step of the interpreter: requests go on marking keys meanwhile.
            used = [(at, n) for n, at in dict(self._used).items() if self._last_used(n) != at]
            if not used:
                return
            with self._database.write() as db:
                db.executemany("UPDATE keys SET last_used_at=? WHERE id=?", used)
            for at, name in used:
                if name in self._views:
                    view = self._views[name]
                    self._views[name] = msgspec.structs.replace(view, last_used_at=at)

    def _last_used(self, key_id: str) -> int:
        view = self._views.get(key_id)
        return view.last_used_at if view is not None else 0

    def reload(self) -> None:
        """Read all keys, as another process may have changed them; tells of those revoked."""
        with self._lock:
            before, held = self._views, self._keys
            views, keys = {}, {}
            for row in self._database.rows(_ROWS):
                view, secret = self._opened(*row)
                views[view.id] = view
                if secret:
                    keys[view.id] = _key(view, secret)
            self._views, self._keys = views, keys  # at once: requests look in here meanwhile
            for name, view in before.items():
                # What was revoked here stays so, even if the disk could not be told.
                if view.revoked_at and name in views and not views[name].revoked_at:
                    self._revoke_here(views[name], view.revoked_at)
        self._tell([n for n in held if not held[n].revoked_at and not self._alive(n)])

    def _alive(self, key_id: str) -> bool:
        key = self._keys.get(key_id)
        return key is not None and not key.revoked_at

    def _opened(
        self, name: str, text: str, sealed: bytes, revoked_at: int, used_at: int
    ) -> tuple[KeyView, str]:
        """A row as it is shown, and its secret; none for a damaged one."""
        try:
            secret = self._vault.open(sealed, _about(name, text, revoked_at)).decode()
        except (SealBroken, TypeError):
            # One damaged row shuts out one key, not the desk. SQLite keeps anything in any column.
            revoked = revoked_at if isinstance(revoked_at, int) else 0
            return _view(str(name), _UNKNOWN, revoked, 0, damaged=True), ""
        terms = msgspec.json.decode(text, type=Terms)
        return _view(name, terms, revoked_at, used_at), secret


def _about(key_id: str, terms: str, revoked_at: int) -> bytes:
    return f"key {key_id} {revoked_at} {terms}".encode()


def _view(name: str, terms: Terms, revoked_at: int, used_at: int, damaged: bool = False) -> KeyView:
    fields = msgspec.structs.asdict(terms)
    return KeyView(id=name, **fields, revoked_at=revoked_at, last_used_at=used_at, damaged=damaged)


def _key(view: KeyView, secret: str) -> Key:
    networks = [read_network(text) for text in view.allowed_ips]
    return Key(
        Caller(view.id, frozenset(view.scopes), frozenset(view.accounts)),
        secret,
        tuple(network for network in networks if not isinstance(network, str)),
        view.expires_at,
        view.revoked_at,
    )
