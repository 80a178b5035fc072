"""Signing: docs/SIGNING.md in ten lines.

Decides nothing of its own. Invariant: every attempt has a timestamp and a nonce of its own, a
repeated request too.
"""

import hashlib
import hmac
import secrets
import time


def signature(secret: str, timestamp: str, nonce: str, method: str, path: str, body: bytes) -> str:
    """``path`` is path and query exactly as they are sent."""
    digest = hashlib.sha256(body).hexdigest()
    text = "\n".join(["INTERLOCK1", timestamp, nonce, method, path, digest])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def signed_headers(key_id: str, secret: str, method: str, path: str, body: bytes) -> dict[str, str]:
    timestamp, nonce = str(time.time_ns() // 1_000_000), secrets.token_hex(16)
    return {
        "X-Interlock-Key": key_id,
        "X-Interlock-Timestamp": timestamp,
        "X-Interlock-Nonce": nonce,
        "X-Interlock-Signature": signature(secret, timestamp, nonce, method, path, body),
    }
