"""Credentials: an admin's session, keys, short-lived tokens, tickets for streams.

Decides how each is asked for. Invariant: a key can't make or revoke keys, and a secret is in one
answer only, the one that made it.
"""

import asyncio
import base64
import binascii
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from msgspec import Struct

from interlock.api.access.keyterms import KeyView
from interlock.api.access.opening import Access
from interlock.api.access.tokens import GRANT, TokenDocument, TokenError
from interlock.api.problems import ApiCode, Problem
from interlock.api.route import Asked, Param, Reply, Route, Scope
from interlock.api.views import Page

AT = 1_723_161_286_851_053_928
NO_STORE = {"Cache-Control": "no-store"}


class LoginBody(Struct, frozen=True, forbid_unknown_fields=True):
    password: str


class PasswordBody(Struct, frozen=True, forbid_unknown_fields=True):
    old: str
    new: str


class KeyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a key may do. ``accounts`` empty: all; ``allowed_ips`` empty: from anywhere."""

    name: str
    scopes: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    expires_in_days: int | None = None


class SessionView(Struct, frozen=True):
    session: str
    use: str = "Send it as: Authorization: Session TOKEN"


class NewKey(Struct, frozen=True):
    """A key with its secret, which is never shown again."""

    key: KeyView
    secret: str


class Ticket(Struct, frozen=True):
    ticket: str
    expires_in: int = 30


KEY_EXAMPLE: dict[str, Any] = {
    "id": "ik_gezdgnbvgy3tqojq",
    "name": "desk bot",
    "scopes": ["read", "trade"],
    "accounts": ["main"],
    "allowed_ips": ["127.0.0.1"],
    "created_at": AT,
    "expires_at": 0,
    "revoked_at": 0,
    "last_used_at": 0,
    "damaged": False,
}


class Credentials:
    """Requests about who may do what."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def login(self, asked: Asked) -> Reply | Problem:
        body = asked.read(LoginBody)
        if isinstance(body, Problem):
            return body
        # On a thread: the password's hash is made to be slow.
        found = await asyncio.to_thread(self._access.admin.login, body.password, asked.address)
        if isinstance(found, Problem):
            return found
        return Reply(SessionView(found), headers=dict(NO_STORE))

    async def logout(self, asked: Asked) -> Reply:
        token = asked.headers.get("authorization", "").partition(" ")[2].strip()
        self._access.admin.logout(token)
        return Reply({"ended": True})

    async def password(self, asked: Asked) -> Reply | Problem:
        body = asked.read(PasswordBody)
        if isinstance(body, Problem):
            return body
        change = self._access.admin.change_password
        refused = await asyncio.to_thread(change, body.old, body.new, asked.address)
        return refused or Reply({"changed": True})

    async def make(self, asked: Asked) -> Reply | Problem:
        body = asked.read(KeyBody)
        if isinstance(body, Problem):
            return body
        made = self._access.keys.make(
            body.name, body.scopes, body.accounts, body.allowed_ips, body.expires_in_days
        )
        if isinstance(made, Problem):
            return made
        return Reply(NewKey(*made), headers=dict(NO_STORE))

    async def listed(self, asked: Asked) -> Reply:
        return Reply(Page(list(self._access.keys.listed()), 0))

    async def revoke(self, asked: Asked) -> Reply | Problem:
        found = self._access.keys.revoke(asked.path["key_id"])
        return found if isinstance(found, Problem) else Reply(found)

    async def token(self, asked: Asked) -> Reply:
        """RFC 6749 4.4: the client's id and secret as Basic authentication or in the form."""
        form = {
            name: values[0] for name, values in parse_qs(asked.body.decode("latin-1"), True).items()
        }
        client = basic(asked.headers.get("authorization", "")) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        found = self._access.tokens.issue(
            *client, asked.address, form.get("scope", ""), form.get("grant_type", "")
        )
        headers = {**NO_STORE, "Pragma": "no-cache"}
        if isinstance(found, TokenError):
            if found.status == 401:
                headers["WWW-Authenticate"] = 'Basic realm="interlock"'
            return Reply(found, found.status, headers)
        return Reply(found, headers=headers)

    async def ticket(self, asked: Asked) -> Reply:
        given = self._access.entry.ticket(asked.caller)
        return Reply(Ticket(given), headers=dict(NO_STORE))


def basic(header: str) -> tuple[str, str] | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (unquote_plus(name), unquote_plus(secret)) if colon else None


OWNER: dict[str, Any] = {"scope": Scope.ADMIN, "session_only": True, "tag": "Access"}


def routes(credentials: Credentials) -> list[Route]:
    return [
        *session_routes(credentials),
        *key_routes(credentials),
        *token_routes(credentials),
    ]


def session_routes(credentials: Credentials) -> list[Route]:
    password = {"owner": {"password": "correct horse battery staple"}}
    return [
        Route(
            *("POST", "/v1/session", credentials.login, "Begin an admin session"),
            "With the password that the first start has shown.",
            scope=None,
            tag="Access",
            body=LoginBody,
            bodies=password,
            answer=SessionView,
            example={"session": "8Jw1...", "use": "Send it as: Authorization: Session TOKEN"},
            errors=(ApiCode.UNAUTHENTICATED, ApiCode.RATE_LIMITED),
        ),
        Route(
            *("DELETE", "/v1/session", credentials.logout, "End the session"),
            **OWNER,
            answer=dict[str, bool],
            example={"ended": True},
        ),
        Route(
            *("POST", "/v1/session/password", credentials.password, "Change the admin password"),
            "Ends every session.",
            **OWNER,
            body=PasswordBody,
            bodies={"new": {"old": "correct horse battery staple", "new": "a longer one"}},
            answer=dict[str, bool],
            example={"changed": True},
            errors=(ApiCode.UNAUTHENTICATED, ApiCode.RATE_LIMITED),
        ),
    ]


def key_routes(credentials: Credentials) -> list[Route]:
    key_id = Param("key_id", "The key's id", place="path", required=True, example="ik_gezdg")
    new_key = {"a bot": {k: KEY_EXAMPLE[k] for k in ("name", "scopes", "accounts")}}
    return [
        Route(
            *("POST", "/v1/keys", credentials.make, "Make a key"),
            "The secret is in this answer and never shown again.",
            **{**OWNER, "status": 201},
            body=KeyBody,
            bodies=new_key,
            answer=NewKey,
            example={"key": KEY_EXAMPLE, "secret": "TGl0dGxlIHNlY3JldCB0aGF0IGlzIG5vdCBvbmU"},
        ),
        Route(
            *("GET", "/v1/keys", credentials.listed, "List keys"),
            "What they may do; never their secrets.",
            **OWNER,
            answer=Page,
            example={"items": [KEY_EXAMPLE], "as_of_seq": 0},
        ),
        Route(
            *("DELETE", "/v1/keys/{key_id}", credentials.revoke, "Revoke a key"),
            "At once, its streams included.",
            **OWNER,
            params=(key_id,),
            answer=KeyView,
            example={**KEY_EXAMPLE, "revoked_at": AT},
            errors=(ApiCode.NOT_FOUND,),
        ),
    ]


def token_routes(credentials: Credentials) -> list[Route]:
    return [
        Route(
            *("POST", "/oauth/token", credentials.token, "A short-lived token (OAuth 2.0)"),
            "Client credentials: the key's id and secret. The token is bound to the key and does "
            "not replace the signature.",
            scope=None,
            tag="Access",
            media_types=("application/x-www-form-urlencoded",),
            body=dict[str, str],
            bodies={"token": {"grant_type": GRANT, "client_id": "ik_x", "client_secret": "x"}},
            answer=TokenDocument,
            other=((400, TokenError), (401, TokenError)),
            example=None,
        ),
        Route(
            *("POST", "/v1/stream-tickets", credentials.ticket, "A ticket for one stream"),
            "For clients that cannot set headers: `?ticket=` of `/v1/events` and `/v1/stream`.",
            tag="Streams",
            answer=Ticket,
            example={"ticket": "t_Zm9v", "expires_in": 30},
        ),
    ]
