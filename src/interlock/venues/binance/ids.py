"""Client ids as Binance takes them, and which of them are ours.

Decides how our ids are written there. Invariant: an id without our prefix is somebody else's, and
is never taken for ours (VENUES 6.1 C13).
"""

from typing import Final

LENGTH_MAX: Final = 36
PREFIX_LENGTH_MAX: Final = 12
ENDS_PREFIX: Final = "-"


class ClientIds:
    """Of one installation. ``prefix`` tells it from every other one on the same account."""

    def __init__(self, prefix: str) -> None:
        assert prefix.isalnum() and len(prefix) <= PREFIX_LENGTH_MAX, prefix
        self._prefix = prefix + ENDS_PREFIX

    def theirs(self, client_id: str) -> str:
        written = self._prefix + client_id
        assert len(written) <= LENGTH_MAX, written
        return written

    def ours(self, written: str) -> str | None:
        """Our id, or nothing for an order that is not ours."""
        return written.removeprefix(self._prefix) if written.startswith(self._prefix) else None
