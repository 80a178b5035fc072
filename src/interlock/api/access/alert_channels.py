"""Alert channels: where a person is told, each an address that holds its own tokens; sealed.

Decides what may be known of them. Invariant: an address leaves this module only for whoever sends
there.
"""

import re
from collections.abc import Callable

from interlock.api.access.database import Database
from interlock.api.access.errors import SealBroken
from interlock.api.access.vault import Vault

LENGTH_MAX = 4_096
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class AlertChannels:
    """All channels of one database. Read from it each time: it is asked once per start."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], int]) -> None:
        self._database = database
        self._vault = vault
        self._now = now

    def keep(self, name: str, url: str) -> None:
        """Keep an address, in place of one of that name. Raises ``ValueError``, which does not
        quote it."""
        if not _NAME.fullmatch(name):
            raise ValueError("a channel is named with small letters, digits, - and _, as phone")
        if not url.strip() or len(url) > LENGTH_MAX:
            raise ValueError(f"an address has 1 to {LENGTH_MAX} characters")
        at = self._now()
        sealed = self._vault.seal(url.strip().encode(), _about(name, at))
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO alert_channels VALUES (?, ?, ?)", (name, at, sealed))

    def remove(self, name: str) -> bool:
        """Whether there was one."""
        with self._database.write() as db:
            return db.execute("DELETE FROM alert_channels WHERE name=?", (name,)).rowcount > 0

    def all(self) -> dict[str, str]:
        """Addresses by name. Raises ``SealBroken`` where one was altered."""
        out = {}
        for name, at, sealed in self._database.rows("SELECT * FROM alert_channels ORDER BY name"):
            try:
                out[str(name)] = self._vault.open(sealed, _about(name, at)).decode()
            except (SealBroken, TypeError) as error:
                raise SealBroken(
                    f"the alert channel {name} does not open: it was altered or moved. "
                    f"Set it again: interlock alerts add {name}"
                ) from error
        return out


def _about(name: str, at: int) -> bytes:
    return f"alert channel {name} {at}".encode()
