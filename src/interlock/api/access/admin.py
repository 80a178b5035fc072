"""The admin: one password for the person who owns the desk, and the sessions it opens.

Decides who is let in by password. Invariant: the password is shown once, when it is made; whoever
changes it ends every session, in every process that has this database open.
"""

from collections.abc import Callable
from threading import Lock
from typing import Final

from interlock.api.access.database import Database
from interlock.api.access.lockout import Lockout
from interlock.api.access.passwords import LENGTH_MAX, LENGTH_MIN, Cost, fits, hashed, new_password
from interlock.api.access.sessions import Sessions
from interlock.api.problems import ApiCode, Problem, problem
from interlock.orders.rejects import RejectCode

_META: Final = "admin_password"


class Admin:
    """Checks the password. One attempt takes a tenth of a second of a core: call it on a thread."""

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        now: Callable[[], int],
        cost: Cost | None = None,
    ) -> None:
        self._database = database
        self._cost = cost or Cost()
        self._lockout = Lockout(now)
        # One guess at a time: guessing takes one core and 32 MB, and the desk has the others.
        self._hashing = Lock()
        self.sessions = sessions
        self._kept = ""
        self.reload()

    def first_password(self) -> str | None:
        """The password made at the very first start, for its owner's eyes; later nothing."""
        if self._kept:
            return None
        made = new_password()
        row = (_META, hashed(made, self._cost))
        with self._database.write() as db:
            done = db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", row)
        self.reload()
        return made if done.rowcount else None

    def login(self, password: str, address: str) -> str | Problem:
        """A session's token. Too many wrong passwords from an address are refused unheard."""
        refused = self._checked(password, address)
        return self.sessions.open(address) if refused is None else refused

    def logout(self, token: str) -> bool:
        return self.sessions.end(token)

    def change_password(self, old: str, new: str, address: str) -> Problem | None:
        """The old one is asked for again: a session left open on a desk is not its owner."""
        if not LENGTH_MIN <= len(new) <= LENGTH_MAX:
            return problem(
                RejectCode.MALFORMED,
                f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters.",
                pointer="/new_password",
            )
        refused = self._checked(old, address)
        if refused is None:
            self._set(new)
        return refused

    def reset_password(self) -> str:
        """A new one, for whoever can write to this machine's data folder: they own the desk."""
        made = new_password()
        self._set(made)
        return made

    def reload(self) -> None:
        """Read the hash, as another process may have changed it; that ends every session here."""
        before, kept = self._kept, self._database.meta(_META)
        self._kept = kept if isinstance(kept, str) else ""
        if before and before != self._kept:
            self.sessions.end_all()

    def _checked(self, password: str, address: str) -> Problem | None:
        wait = self._lockout.attempt(address)
        if wait:
            return problem(
                ApiCode.RATE_LIMITED,
                f"Too many wrong passwords from this address; the next is heard in {wait} s.",
                "Wait, or reset the password on the machine that runs the server.",
            )
        with self._hashing:
            kept = self._kept
            right = len(password) <= LENGTH_MAX and fits(password, kept)
        if not right or kept != self._kept:  # it was changed while this one was looked at
            return problem(ApiCode.UNAUTHENTICATED, "The password is wrong.")
        self._lockout.passed(address)
        return None

    def _set(self, password: str) -> None:
        row = (_META, hashed(password, self._cost))
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", row)
        self.reload()
