"""Client ids as Binance takes them, and which of them are ours.

Decides how our ids are written there. Invariant: an id without our prefix is somebody else's, and
is never taken for ours (VENUES 6.1 C13).
"""

from typing import Final

LENGTH_MAX: Final = 36
PREFIX_LENGTH_MAX: Final = 12
ENDS_PREFIX: Final = "-"


class ClientIds:
    """Of one installation. ``prefix`` tells it from every other one on the same account.

    ``dot`` is how the dots of our ids are written where the exchange takes none.
    """

    def __init__(self, prefix: str, dot: str = ".") -> None:
        assert prefix.isalnum() and len(prefix) <= PREFIX_LENGTH_MAX, prefix
        self._prefix = prefix + ENDS_PREFIX
        self._dot = dot

    def theirs(self, client_id: str) -> str:
        written = self._prefix + client_id.replace(".", self._dot)
        assert len(written) <= LENGTH_MAX, written
        return written

    def ours(self, written: str) -> str | None:
        """Our id, or nothing for an order that is not ours."""
        if not written.startswith(self._prefix):
            return None
        return written.removeprefix(self._prefix).replace(self._dot, ".")
