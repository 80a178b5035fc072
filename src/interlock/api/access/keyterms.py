"""What a key is: its terms, as they are asked for and as they are shown.

Decides which terms a key may have. Invariant: terms never change once a key is made, so that its
sealed secret can be bound to them; only its revocation and its last use come later.
"""

from collections.abc import Sequence

from msgspec import Struct

from interlock.api.access.addresses import read_network
from interlock.api.problems import Problem, problem
from interlock.api.route import Scope
from interlock.orders.rejects import RejectCode

NAME_LENGTH_MAX = 64
DAYS_MAX = 3_650
LIST_MAX = 256
DAY_NS = 86_400 * 10**9


class Terms(Struct, frozen=True):
    """What was agreed when a key was made."""

    name: str
    scopes: tuple[Scope, ...]
    accounts: tuple[str, ...]
    """Empty: all accounts."""
    allowed_ips: tuple[str, ...]
    """Addresses and networks; empty: from anywhere."""
    created_at: int
    expires_at: int
    """0: never."""


class KeyView(Struct, frozen=True):
    """What anybody is shown of a key: everything but its secret. Times in nanoseconds UTC."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    accounts: tuple[str, ...]
    allowed_ips: tuple[str, ...]
    created_at: int
    expires_at: int
    """0: never."""
    revoked_at: int
    """0: not revoked."""
    last_used_at: int
    """0: never used."""
    damaged: bool = False
    """Its row was altered from outside: it lets nobody in. Revoke it and make another."""


def agreed(
    name: str,
    scopes: Sequence[str],
    accounts: Sequence[str],
    allowed_ips: Sequence[str],
    expires_in_days: int | None,
    now: int,
) -> Terms | Problem:
    """The terms asked for, or the first that cannot be."""
    if not 1 <= len(name) <= NAME_LENGTH_MAX or not name.isprintable() or not name.strip():
        return problem(
            RejectCode.MALFORMED,
            f"The name of a key has 1 to {NAME_LENGTH_MAX} printable characters.",
            pointer="/name",
        )
    known = [scope.value for scope in Scope]
    if not scopes:
        return problem(
            RejectCode.MISSING_FIELD,
            "A key needs at least one scope.",
            f"Use one or more of {', '.join(known)}.",
            "/scopes",
        )
    for number, scope in enumerate(scopes):
        if scope not in known:
            return problem(
                RejectCode.UNKNOWN_VALUE,
                f"There is no scope {scope[:NAME_LENGTH_MAX]!r}.",
                f"Use one or more of {', '.join(known)}.",
                f"/scopes/{number}",
            )
    wrong = _wrong_list(accounts, allowed_ips)
    if wrong is not None:
        return wrong
    expires_at = 0
    if expires_in_days is not None:
        if not 1 <= expires_in_days <= DAYS_MAX:
            return problem(
                RejectCode.BAD_NUMBER,
                f"A key expires in 1 to {DAYS_MAX} days.",
                "Leave expires_in_days out for a key that does not expire.",
                "/expires_in_days",
            )
        expires_at = now + expires_in_days * DAY_NS
    return Terms(
        name,
        tuple(scope for scope in Scope if scope in scopes),
        tuple(sorted(set(accounts))),
        tuple(dict.fromkeys(allowed_ips)),
        now,
        expires_at,
    )


def _wrong_list(accounts: Sequence[str], allowed_ips: Sequence[str]) -> Problem | None:
    for field, items in (("accounts", accounts), ("allowed_ips", allowed_ips)):
        if len(items) > LIST_MAX:
            return problem(
                RejectCode.MALFORMED, f"{field} has at most {LIST_MAX} items.", pointer=f"/{field}"
            )
    for number, account in enumerate(accounts):
        if not 1 <= len(account) <= NAME_LENGTH_MAX or not account.isprintable():
            return problem(
                RejectCode.MALFORMED,
                f"The name of an account has 1 to {NAME_LENGTH_MAX} printable characters.",
                pointer=f"/accounts/{number}",
            )
    for number, text in enumerate(allowed_ips):
        network = read_network(text)
        if isinstance(network, str):
            return problem(
                RejectCode.MALFORMED,
                f"This is no address and no network: {network}",
                "Write an address (192.0.2.7, 2001:db8::7) or a network (192.0.2.0/24).",
                f"/allowed_ips/{number}",
            )
    return None
