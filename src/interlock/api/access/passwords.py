"""Passwords: made, hashed and checked.

Decides how a password lies on the disk. Invariant: as nothing but its scrypt hash, which carries
its own parameters, so that they can be raised later without shutting anybody out.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets

from msgspec import Struct

MADE_BYTES = 18
LENGTH_MIN, LENGTH_MAX = 12, 1_024
_SALT_BYTES = 16
_HASH_BYTES = 32


class Cost(Struct, frozen=True):
    """What a guess costs: ``128 * r * n`` bytes of memory, and as much time as that takes."""

    n: int = 2**15
    r: int = 8
    p: int = 1

    @property
    def sound(self) -> bool:
        """Whether it is one that was ever used; a damaged one could ask for all memory."""
        powers = self.n & (self.n - 1) == 0
        return powers and 2 <= self.n <= 2**20 and 1 <= self.r <= 32 and 1 <= self.p <= 16


def new_password() -> str:
    return secrets.token_urlsafe(MADE_BYTES)


def hashed(password: str, cost: Cost) -> str:
    salt = os.urandom(_SALT_BYTES)
    fields = (_text(salt), _text(_scrypt(password, salt, cost)))
    return "$".join(("scrypt", str(cost.n), str(cost.r), str(cost.p), *fields))


def fits(password: str, kept: str) -> bool:
    """Whether it is the password that ``kept`` was made of; a damaged hash fits none."""
    try:
        kind, n, r, p, salt, found = kept.split("$")
        cost = Cost(int(n), int(r), int(p))
        wanted = base64.b64decode(found, validate=True)
        if kind != "scrypt" or not cost.sound or len(wanted) != _HASH_BYTES:
            return False
        made = _scrypt(password, base64.b64decode(salt, validate=True), cost)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(made, wanted)


def _scrypt(password: str, salt: bytes, cost: Cost) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=256 * cost.r * cost.n,
        dklen=_HASH_BYTES,
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
