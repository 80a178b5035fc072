"""Signing: what a client signs of a request, and whether it did.

Decides the canonical text. Invariant: two requests that differ in anything signed have different
texts: each part stands on a line of its own, and a part that could hold a line break is refused.
"""

import hmac
import re
from hashlib import sha256
from typing import Final

from msgspec import Struct

VERSION: Final = "INTERLOCK1"
KEY_HEADER: Final = "X-Interlock-Key"
TIMESTAMP_HEADER: Final = "X-Interlock-Timestamp"
NONCE_HEADER: Final = "X-Interlock-Nonce"
SIGNATURE_HEADER: Final = "X-Interlock-Signature"

_TIMESTAMP = re.compile(r"[0-9]{1,15}", re.ASCII)
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_METHOD = re.compile(r"[A-Z]{1,16}", re.ASCII)
_BREAKS = re.compile(r"[\x00-\x20\x7f]")
"""No request line holds these unescaped; in a signed text they could move a line."""


class Stamp(Struct, frozen=True):
    """What the headers of a signed request say beside its key."""

    timestamp: str
    """Milliseconds since the epoch, as decimal digits."""
    nonce: str
    signature: str = ""

    @property
    def ms(self) -> int:
        return int(self.timestamp)


def malformed(stamp: Stamp) -> str:
    """The header that cannot be what it must be, or nothing."""
    if not _TIMESTAMP.fullmatch(stamp.timestamp):
        return TIMESTAMP_HEADER
    if not _NONCE.fullmatch(stamp.nonce):
        return NONCE_HEADER
    return ""


def signable(method: str, path: str) -> bool:
    """Whether method and path fit on a line each."""
    return bool(_METHOD.fullmatch(method)) and not _BREAKS.search(path)


def canonical(timestamp: str, nonce: str, method: str, path: str, body: bytes) -> bytes:
    """The text that is signed; ``path`` is path and query exactly as they are sent."""
    lines = (VERSION, timestamp, nonce, method, path, sha256(body).hexdigest())
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def sign(secret: str, timestamp: str, nonce: str, method: str, path: str, body: bytes) -> str:
    """The signature as lowercase hex. The HMAC's key is the secret's text as it was shown."""
    text = canonical(timestamp, nonce, method, path, body)
    return hmac.digest(secret.encode("utf-8", "surrogatepass"), text, "sha256").hex()


def signed(secret: str, stamp: Stamp, method: str, path: str, body: bytes) -> bool:
    """Whether the signature is that of this request; takes as long for a near miss as for a far."""
    wanted = sign(secret, stamp.timestamp, stamp.nonce, method, path, body)
    return same(wanted, stamp.signature)


def same(one: str, other: str) -> bool:
    """Compared in constant time; text of any kind, as a header or a body may hold."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )
