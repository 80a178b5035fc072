"""Credentials of venues: a key and a secret each, sealed, and tagged with their environment.

Decides which credentials a venue is started with. Invariant: those of one environment never serve
another, and what is kept leaves this module only for the venue it was given by.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct

from interlock.api.access.database import Database
from interlock.api.access.errors import SealBroken, VenueCredentialsMissing
from interlock.api.access.vault import Vault

Environment = Literal["paper", "testnet", "live"]
ENVIRONMENTS: Final[tuple[str, ...]] = get_args(Environment)
LENGTH_MAX: Final = 8_192
"""Some venues give a private key as PEM."""
_VENUE = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


class VenueCredentialView(Struct, frozen=True):
    """What may be shown of them."""

    venue: str
    environment: str
    set_at: int
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class VenueCredential:
    """What an adapter signs its requests with."""

    venue: str
    environment: str
    key: str
    secret: str

    def __repr__(self) -> str:
        return f"VenueCredential({self.venue}, {self.environment})"  # a traceback is a log, too


class _Sealed(Struct, array_like=True):
    key: str
    secret: str


class VenueCredentials:
    """All credentials of one database. Read from it each time: it is asked once per start."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], int]) -> None:
        self._database = database
        self._vault = vault
        self._now = now

    def keep(self, venue: str, environment: str, key: str, secret: str) -> VenueCredentialView:
        """Keep them, in place of those that were there. Raises ``ValueError`` for what cannot be
        credentials; its message does not quote them.
        """
        if not _VENUE.fullmatch(venue):
            raise ValueError("a venue is named with capitals and digits, as BINANCE")
        if environment not in ENVIRONMENTS:
            raise ValueError(f"environment is one of {', '.join(ENVIRONMENTS)}")
        for name, value in (("key", key), ("secret", secret)):
            if not value.strip() or len(value) > LENGTH_MAX:
                raise ValueError(f"the {name} must have 1 to {LENGTH_MAX} characters")
        at = self._now()
        plain = msgspec.msgpack.encode(_Sealed(key, secret))
        sealed = self._vault.seal(plain, _about(venue, environment, at))
        with self._database.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO credentials VALUES (?, ?, ?, ?)",
                (venue, environment, at, sealed),
            )
        return VenueCredentialView(venue, environment, at)

    def remove(self, venue: str, environment: str) -> bool:
        """Whether there were any."""
        with self._database.write() as db:
            gone = db.execute(
                "DELETE FROM credentials WHERE venue=? AND environment=?", (venue, environment)
            )
            return gone.rowcount > 0

    def listed(self) -> list[VenueCredentialView]:
        """What is kept, without what is secret; damaged rows say so."""
        return [
            VenueCredentialView(str(venue), str(environment), at if isinstance(at, int) else 0)
            if self._opened(venue, environment, at, sealed) is not None
            else VenueCredentialView(str(venue), str(environment), 0, damaged=True)
            for venue, environment, at, sealed in self._database.rows(
                "SELECT venue, environment, set_at, sealed FROM credentials ORDER BY 1, 2"
            )
        ]

    def of(self, venue: str, environment: str) -> VenueCredential:
        """What a venue is started with in one environment.

        Raises ``VenueCredentialsMissing`` if there are none, or only those of another environment,
        and ``SealBroken`` if they were altered.
        """
        rows = self._database.rows(
            "SELECT environment, set_at, sealed FROM credentials WHERE venue=? ORDER BY 1", venue
        )
        for found, at, sealed in rows:
            if found == environment:
                opened = self._opened(venue, environment, at, sealed)
                if opened is None:
                    raise SealBroken(
                        f"the credentials of {venue} for {environment} do not open: they were "
                        f"altered or moved. Set them again: {_way_out(venue, environment)}"
                    )
                return VenueCredential(venue, environment, opened.key, opened.secret)
        others = ", ".join(str(row[0]) for row in rows)
        what = (
            f"the credentials kept of {venue} are for {others}, and this server is {environment}"
            if others
            else f"there are no credentials of {venue}"
        )
        raise VenueCredentialsMissing(f"{what}. {_way_out(venue, environment)}")

    def _opened(self, venue: str, environment: str, at: int, sealed: bytes) -> _Sealed | None:
        try:
            plain = self._vault.open(sealed, _about(venue, environment, at))
            return msgspec.msgpack.decode(plain, type=_Sealed)
        except (SealBroken, TypeError):  # SQLite keeps anything in any column
            return None


def _about(venue: str, environment: str, at: int) -> bytes:
    return f"credentials {venue} {environment} {at}".encode()


def _way_out(venue: str, environment: str) -> str:
    return f"interlock credentials set {venue} --environment {environment}"
