"""Routes: what can be asked of the server, each told once for the door and for the documentation.

Decides nothing by itself. Invariant: whatever the server answers to is a ``Route``, and the OpenAPI
document is made of the same ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from interlock.api.problems import Code, Problem, of_reject
from interlock.orders.decoding import decode_body
from interlock.orders.rejects import Reject

Body = TypeVar("Body")


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    TRADE = "trade"
    ADMIN = "admin"


class Budget(StrEnum):
    """What a request's rate is counted against."""

    PLACING = "placing"
    PROTECTING = "protecting"
    """Cancels, amends and closes: placements never use these up."""
    KILLING = "killing"
    """Kills and what belongs to them: nothing else ever uses these up."""
    READING = "reading"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``accounts`` is empty for all accounts."""

    key_id: str
    scopes: frozenset[Scope]
    accounts: frozenset[str] = frozenset()
    session: bool = False
    """A person who gave the admin password, not a key."""

    def may_touch(self, account: str) -> bool:
        return not self.accounts or account in self.accounts

    @property
    def key(self) -> str:
        """What its orders are placed with: the key's id, and nothing for a person."""
        return "" if self.session else self.key_id


NOBODY = Caller("", frozenset())


@dataclass(slots=True)
class Asked:
    """One request. The door finds out who its ``caller`` is."""

    caller: Caller = NOBODY
    body: bytes = b""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    address: str = ""

    def read(self, kind: type[Body], absent: bytes = b"") -> Body | Problem:
        """The body as one of a kind, or what is wrong with it. ``absent``: what no body means."""
        found = decode_body(self.body or absent, kind)
        return of_reject(found) if isinstance(found, Reject) else found

    def flag(self, name: str) -> bool:
        """Whether a query says that yes."""
        return self.query.get(name, "false").lower() in ("true", "1")


@dataclass(slots=True)
class Reply:
    """One answer: a struct, bytes of a media type, or a stream of bytes."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    stream: AsyncIterator[bytes] | None = None


Work = Callable[[Asked], Awaitable[Reply | Problem]]


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter in the path or the query."""

    name: str
    description: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    place: str = "query"
    required: bool = False
    example: Any = None


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. ``path`` names its parameters in braces, as OpenAPI does."""

    method: str
    path: str
    work: Work
    summary: str
    description: str = ""
    scope: Scope | None = Scope.READ
    """Nothing: open to everybody."""
    budget: Budget | None = Budget.READING
    """Nothing: the work counts by itself what it costs."""
    ticketed: bool = False
    """Takes a ticket instead of a signature."""
    session_only: bool = False
    """For a person with the admin password, whatever a key's scopes."""
    params: tuple[Param, ...] = ()
    body: Any = None
    bodies: Mapping[str, Any] = field(default_factory=dict)
    """Examples of the body by name."""
    media_types: tuple[str, ...] = ("application/json",)
    media: str = "application/json"
    """What an answer without a type is."""
    answer: Any = None
    example: Any = None
    other: tuple[tuple[int, Any], ...] = ()
    """Answers of other statuses that are not problems."""
    status: int = 200
    errors: tuple[Code, ...] = ()
    keyed: bool = False
    """Takes an ``Idempotency-Key``, and needs one."""
    tag: str = "Orders"
