"""Tokens: OAuth 2.0 client credentials, for programs that know nothing else.

Decides which token stands for which key. Invariant: a token is never enough by itself (a request
that bears one is signed all the same), and it is void with its key, its minutes, or a halt.
"""

import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

from interlock.api.access.halt import Halts
from interlock.api.access.keys import Key, KeyStore
from interlock.api.access.signing import same
from interlock.api.access.vault import Vault
from interlock.api.problems import ApiCode, Problem, problem
from interlock.api.route import Caller, Scope

ALGORITHM: Final = "HS256"
ISSUER: Final = "interlock"
GRANT: Final = "client_credentials"
MINUTES: Final = 15
TOKEN_LENGTH_MAX: Final = 2_048
SECOND: Final = 10**9
_NOBODY: Final = secrets.token_urlsafe(32)
"""What the secret of a key that is not there is compared with: the answer takes as long."""


class TokenDocument(Struct, frozen=True):
    """RFC 6749, 5.1."""

    access_token: str
    expires_in: int
    scope: str
    token_type: str = "Bearer"


class TokenError(Struct, frozen=True):
    """RFC 6749, 5.2. The route answers it with ``status``, which is no part of the document."""

    error: str
    error_description: str

    @property
    def status(self) -> int:
        unknown = self.error == "invalid_client"
        return int(HTTPStatus.UNAUTHORIZED if unknown else HTTPStatus.BAD_REQUEST)


class Claims(Struct, frozen=True):
    """What a token says. Times in seconds, as its RFC has them."""

    iss: str
    sub: str
    iat: int
    exp: int
    scope: str
    era: int
    """How many halts there had been; see ``Halts.era``."""


class Tokens:
    """Issues and verifies; keeps nothing, so that there is nothing to fill up."""

    def __init__(
        self,
        keys: KeyStore,
        halts: Halts,
        vault: Vault,
        now: Callable[[], int],
        minutes: int = MINUTES,
    ) -> None:
        self._keys = keys
        self._halts = halts
        self._signing = OctKey.import_key(vault.derive("tokens"))
        self._now = now
        self._seconds = minutes * 60

    def issue(
        self,
        client_id: str,
        client_secret: str,
        address: str,
        scope: str = "",
        grant_type: str = GRANT,
    ) -> TokenDocument | TokenError:
        """A token for the key ``client_id``, with all its scopes or those of ``scope``."""
        if grant_type != GRANT:
            return TokenError("unsupported_grant_type", f"grant_type must be {GRANT}.")
        key = self._keys.find(client_id)
        right = same(client_secret, _NOBODY if key is None else key.secret)
        if key is None or not right:
            return TokenError("invalid_client", "There is no such key with this secret.")
        refused = self._keys.refusal(key, address)
        if refused is not None:
            return TokenError("invalid_client", refused.detail)
        wanted = frozenset(scope.split()) or key.caller.scopes
        if not wanted <= key.caller.scopes:
            return TokenError("invalid_scope", "This key does not have all of these scopes.")
        granted = " ".join(one for one in Scope if one in wanted)
        return TokenDocument(self._token(client_id, granted), self._seconds, granted)

    def _token(self, key_id: str, scope: str) -> str:
        at = self._now() // SECOND
        claims = Claims(ISSUER, key_id, at, at + self._seconds, scope, self._halts.era)
        header = {"alg": ALGORITHM}
        return jwt.encode(header, msgspec.to_builtins(claims), self._signing, [ALGORITHM])

    def verify(self, token: str) -> tuple[Key, Caller] | Problem:
        """The key a token stands for, and who may do what by it. The signature is still to come."""
        claims = self._claims(token)
        key = self._keys.find(claims.sub) if claims is not None else None
        if claims is None or key is None:
            return _invalid("The token is not one of this server's.")
        if self._now() >= claims.exp * SECOND:
            return _invalid("The token has expired.")
        if claims.era != self._halts.era:
            return _invalid("The token was issued before trading was halted, and is void.")
        ended = self._keys.ended(key)
        if ended is not None:
            return ended
        scopes = frozenset(Scope(one) for one in claims.scope.split())
        caller = key.caller
        return key, Caller(caller.key_id, scopes & caller.scopes, caller.accounts)

    def _claims(self, token: str) -> Claims | None:
        if len(token) > TOKEN_LENGTH_MAX or not token.isascii():
            return None
        try:
            found = jwt.decode(token, self._signing, [ALGORITHM])
            claims = msgspec.convert(found.claims, Claims)
        except (JoseError, ValueError, RecursionError):
            return None
        return claims if claims.iss == ISSUER else None


def _invalid(detail: str) -> Problem:
    return problem(ApiCode.TOKEN_INVALID, detail, "Get another at POST /oauth/token.")
