"""The entry: who a request is from, or why it is not let in.

Decides in which order proofs are looked at. Invariant: whoever has not proved to hold a key's
secret learns nothing about the key, not even that it exists, and uses up nothing of it.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

from interlock.api.access import signing
from interlock.api.access.halt import Halts
from interlock.api.access.keys import KeyStore
from interlock.api.access.nonces import Nonces
from interlock.api.access.sessions import Sessions
from interlock.api.access.signing import Stamp
from interlock.api.access.tickets import Tickets
from interlock.api.access.tokens import Tokens
from interlock.api.problems import ApiCode, Problem, problem
from interlock.api.route import Caller, Scope

EVERY_SCOPE: Final = frozenset(Scope)
_KEY, _TIMESTAMP = signing.KEY_HEADER.lower(), signing.TIMESTAMP_HEADER.lower()
_NONCE, _SIGNATURE = signing.NONCE_HEADER.lower(), signing.SIGNATURE_HEADER.lower()
_NOBODY: Final = secrets.token_urlsafe(32)
"""The secret of every key that is not there."""


class Entry:
    """Lets requests in, and streams by ticket. Everything it needs is in memory."""

    def __init__(
        self,
        keys: KeyStore,
        sessions: Sessions,
        tokens: Tokens,
        halts: Halts,
        nonces: Nonces,
        now: Callable[[], int],
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._tokens = tokens
        self._halts = halts
        self._nonces = nonces
        self._tickets = Tickets(now)

    def authenticate(
        self,
        method: str,
        raw_path: str,
        headers: Mapping[str, str],
        body: bytes,
        address: str,
    ) -> Caller | Problem:
        """Who asks. ``raw_path`` is path and query as they came; header names in lower case."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        scheme, value = scheme.lower(), value.strip()
        if scheme == "session":
            return self._of_session(value)
        key_id, caller = headers.get(_KEY, ""), None
        if scheme == "bearer":
            found = self._tokens.verify(value)
            if isinstance(found, Problem):
                return found
            _, caller = found
            if key_id and not signing.same(key_id, caller.key_id):
                return problem(
                    ApiCode.TOKEN_INVALID,
                    "The token belongs to another key.",
                    f"Leave {signing.KEY_HEADER} out, or name the token's key.",
                )
            key_id = caller.key_id
        if not key_id:
            return problem(
                ApiCode.UNAUTHENTICATED,
                "The request carries no key and no session.",
                "Sign it with a key; docs/SIGNING.md shows how.",
            )
        return self._of_signature(key_id, caller, method, raw_path, headers, body, address)

    def _of_session(self, token: str) -> Caller | Problem:
        session = self._sessions.find(token)
        if session is None:
            return problem(
                ApiCode.UNAUTHENTICATED,
                "There is no such session, or it has ended.",
                "Log in again.",
            )
        return Caller(session.id, EVERY_SCOPE, session=True)

    def _of_signature(
        self,
        key_id: str,
        caller: Caller | None,
        method: str,
        raw_path: str,
        headers: Mapping[str, str],
        body: bytes,
        address: str,
    ) -> Caller | Problem:
        stamp = Stamp(*(headers.get(name, "") for name in (_TIMESTAMP, _NONCE, _SIGNATURE)))
        wrong = signing.malformed(stamp)
        if wrong:
            return problem(
                ApiCode.UNAUTHENTICATED,
                f"The header {wrong} is missing, or is not what it must be.",
                "docs/SIGNING.md says what it holds.",
            )
        # These refusals are the same for every key, so they may come before the signature.
        outside = self._nonces.outside(stamp.ms)
        if outside is not None:
            return outside
        key = self._keys.find(key_id)
        secret = _NOBODY if key is None else key.secret
        right = signing.signed(secret, stamp, method, raw_path, body)
        if key is None or not right or not signing.signable(method, raw_path):
            return problem(
                ApiCode.SIGNATURE_WRONG,
                "There is no such key, or the signature is not that of this request.",
                "Check key and secret, and that path, query and body are signed as they are sent.",
            )
        refused = self._keys.refusal(key, address)
        if refused is None:
            # Only now: a stranger who knows a nonce must not be able to use it up.
            refused = self._nonces.remember(key_id, stamp.nonce, stamp.ms)
        if refused is not None:
            return refused
        self._keys.used(key_id)
        return caller or key.caller

    def ticket(self, caller: Caller) -> str:
        """For one stream of this caller's, within half a minute."""
        return self._tickets.give(caller, self._halts.era)

    def redeem(self, ticket: str, address: str) -> Caller | Problem:
        """Whose ticket it is; it is used up by this."""
        caller = self._tickets.take(ticket, self._halts.era)
        if caller is None:
            return problem(
                ApiCode.UNAUTHENTICATED,
                "There is no such ticket, or it was used, or it is over.",
                "Ask for another.",
            )
        return self.refusal(caller, address) or caller

    def refusal(self, caller: Caller, address: str) -> Problem | None:
        """Why somebody who was let in may not go on; for streams, which last."""
        if caller.session:
            if self._sessions.alive(caller.key_id):
                return None
            return problem(ApiCode.UNAUTHENTICATED, "The session has ended.", "Log in again.")
        key = self._keys.find(caller.key_id)
        if key is None:
            return problem(ApiCode.KEY_REVOKED, "This key is gone.", "Use another key.")
        return self._keys.refusal(key, address)
