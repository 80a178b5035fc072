"""Halts: trading stopped for one account or for all, until a person resumes it.

Decides what may not be placed. Invariant: a halt is in force from the moment it is asked for, and
survives a restart; every session and every token from before it is void, even after it is lifted.
"""

from collections.abc import Callable
from threading import RLock
from typing import Final

from msgspec import Struct

from interlock.api.access.database import Database
from interlock.api.problems import ApiCode, Problem, problem

TEXT_LENGTH_MAX: Final = 500
_STANDING = "SELECT account, at, by, why FROM halts WHERE resumed_at = 0 ORDER BY n"


class Halt(Struct, frozen=True):
    """One halt in force; ``account`` is nothing for all accounts."""

    account: str | None
    at: int
    by: str
    why: str


class Halts:
    """Those in force, in memory and in the database."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._lock = RLock()
        self._standing: dict[str | None, Halt] = {}
        self._unwritten: list[tuple[Halt, bool]] = []
        self.era = 0
        """How many halts there ever were. What was issued in an earlier era is void: no clock that
        is set back makes it good again."""
        self.on_halted: list[Callable[[], None]] = []
        self.reload()

    def halt(self, account: str | None, by: str, why: str) -> Halt:
        """Stop one account, or all. Stopping what is stopped keeps the first halt's words, and
        ends sessions and tokens again."""
        with self._lock:
            new = Halt(account, self._now(), by[:TEXT_LENGTH_MAX], why[:TEXT_LENGTH_MAX])
            try:
                # In memory first: a full disk must not keep anybody from stopping.
                standing = self._standing.setdefault(account, new)
                self._unwritten.append((new, standing is not new))
                self.era += 1
                self.flush()
            finally:
                self._tell()
            return standing

    def resume(self, account: str | None, by: str) -> Problem | None:
        """Lift the halt of one account, or the one of all; the others stay."""
        with self._lock:
            if account not in self._standing:
                what = "all accounts" if account is None else f"the account {account[:64]!r}"
                return problem(ApiCode.NOT_FOUND, f"There is no halt of {what}.")
            self.flush()  # or a restart would forget that there was this halt, and its era
            with self._database.write() as db:
                db.execute(
                    "UPDATE halts SET resumed_at=?, resumed_by=? "
                    "WHERE account IS ? AND resumed_at = 0",
                    (max(self._now(), 1), by[:TEXT_LENGTH_MAX], account),
                )
            del self._standing[account]
            return None

    def refusal(self, account: str) -> Problem | None:
        """Why nothing may be placed for an account now. Only a look into memory."""
        if not self._standing:
            return None
        halt = self._standing.get(None) or self._standing.get(account)
        if halt is None:
            return None
        what = "all accounts" if halt.account is None else f"the account {account!r}"
        why = f": {halt.why}" if halt.why else ""
        return problem(
            ApiCode.TRADING_HALTED,
            f"Trading is halted for {what} by {halt.by}{why}.",
            "An admin must resume it. Cancels and closes are still taken.",
        )

    def standing(self) -> list[Halt]:
        with self._lock:
            return list(self._standing.values())

    def reload(self) -> None:
        """Read what stands, as another process may have changed it."""
        with self._lock:
            rows = self._database.rows(_STANDING)
            standing: dict[str | None, Halt] = {}
            for account, at, by, why in rows:
                standing.setdefault(account, Halt(account, at, by, why))
            for halt, _ in self._unwritten:
                standing.setdefault(halt.account, halt)
            ((count,),) = self._database.rows("SELECT count(*) FROM halts")
            halted = count > self.era
            self._standing, self.era = standing, max(self.era, int(count))
        if halted:
            self._tell()

    def flush(self) -> None:
        """Write what a full disk refused so far; most of the time there is nothing."""
        with self._lock:
            if not self._unwritten:
                return
            rows = [(h.account, h.at, h.by, h.why, h.at * again) for h, again in self._unwritten]
            with self._database.write() as db:
                # One that repeats a halt never stands by itself, and counts as an era all the same.
                db.executemany(
                    "INSERT INTO halts (account, at, by, why, resumed_at) VALUES (?, ?, ?, ?, ?)",
                    rows,
                )
            self._unwritten.clear()

    def _tell(self) -> None:
        for listener in self.on_halted:
            listener()
