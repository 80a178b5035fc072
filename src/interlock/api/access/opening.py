"""Access as a whole: opened over one data folder, flushed from a thread, closed at the end.

Decides what hears of what. Invariant: a halt ends every session, and a revoked key is forgotten
everywhere, whichever process of this machine it was halted or revoked in.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from interlock.api.access import limits, nonces, tokens, trail
from interlock.api.access.admin import Admin
from interlock.api.access.alert_channels import AlertChannels
from interlock.api.access.database import NAME, Database
from interlock.api.access.entry import Entry
from interlock.api.access.halt import Halts
from interlock.api.access.keys import KeyStore
from interlock.api.access.limits import Allowance, Limits, Rate
from interlock.api.access.master import master_key
from interlock.api.access.nonces import Nonces
from interlock.api.access.passwords import Cost
from interlock.api.access.sessions import Sessions
from interlock.api.access.tokens import Tokens
from interlock.api.access.trail import Trail
from interlock.api.access.vault import Vault
from interlock.api.access.venue_credentials import VenueCredentials
from interlock.api.problems import Problem
from interlock.api.route import Budget, Caller

JOURNAL = "journal"
"""The purpose under which the vault makes the key of an encrypted journal."""
LAST_USED_NS = 60 * 10**9
"""How often it is written when keys were last used: each time is a sync of the disk."""


@dataclass(frozen=True)
class AccessSettings:
    """What a configuration may say about access."""

    key_file: Path | None = None
    keyring_service: str = ""
    window_ms: int = nonces.WINDOW_MS
    token_minutes: int = tokens.MINUTES
    rates: Mapping[Budget, Rate] = field(default_factory=lambda: limits.DEFAULTS)
    trail_bytes_max: int = trail.BYTES_MAX
    trail_files_max: int = trail.FILES_MAX
    password_cost: Cost = field(default_factory=Cost)


class Access:
    """Everything that decides who may do what, over one folder."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        now: Callable[[], int],
        settings: AccessSettings | None = None,
    ) -> None:
        """Raises ``AccessError``, with a message for a person."""
        asked = settings or AccessSettings()
        first = not (folder / NAME).exists()
        self.vault = Vault(
            master_key(folder, environ, first, asked.key_file, asked.keyring_service)
        )
        self._now = now
        self._used_at = now()
        self._changed = False
        self._database = Database(folder / NAME, self.vault)
        self.sessions = Sessions(now)
        self.keys = KeyStore(self._database, self.vault, now)
        self.admin = Admin(self._database, self.sessions, now, asked.password_cost)
        self.halts = Halts(self._database, now)
        self.tokens = Tokens(self.keys, self.halts, self.vault, now, asked.token_minutes)
        self.venues = VenueCredentials(self._database, self.vault, now)
        self.alert_channels = AlertChannels(self._database, self.vault, now)
        self._nonces = Nonces(now, asked.window_ms)
        self.limits = Limits(now, asked.rates)
        self.entry = Entry(self.keys, self.sessions, self.tokens, self.halts, self._nonces, now)
        self.trail = Trail(folder, now, asked.trail_bytes_max, asked.trail_files_max)
        self.keys.on_revoked.append(self._nonces.forget_key)
        self.halts.on_halted.append(self.sessions.end_all)

    def authenticate(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, address: str
    ) -> Caller | Problem:
        """Who asks; ``target`` is path and query exactly as they were sent."""
        return self.entry.authenticate(method, target, headers, body, address)

    def redeem(self, ticket: str, address: str) -> Caller | Problem:
        return self.entry.redeem(ticket, address)

    def alive(self, caller: Caller, address: str) -> bool:
        return self.entry.refusal(caller, address) is None

    def take(self, caller: Caller, budget: Budget, cost: int) -> Allowance:
        """Count ``cost`` against one of the caller's budgets."""
        return self.limits.take(caller.key_id, budget, cost)

    def record(
        self, caller: Caller, address: str, method: str, path: str, status: int, code: str, id: str
    ) -> None:
        """Keep one answered request for the trail."""
        self.trail.record(caller.key_id, address, method, path, status, code, id)

    def flush(self) -> None:
        """Several times a second, on a thread: write the trail, hear of other processes."""
        self.trail.flush()
        self._nonces.tidy()
        self._changed |= self._database.changed_elsewhere()
        if self._changed:
            self.keys.reload()
            self.admin.reload()
            self.halts.reload()
            self._changed = False  # only once all of them know
        self.halts.flush()
        if self._now() - self._used_at >= LAST_USED_NS:
            self._used_at = self._now()
            self.keys.flush()

    def close(self) -> None:
        with ExitStack() as closing:  # in the opposite order, each whatever became of the others
            closing.callback(self._database.close)
            closing.callback(self.keys.flush)
            closing.callback(self.halts.flush)
            closing.callback(self.trail.close)
