"""The vault: secrets at rest, sealed under the master key.

Decides how a secret is encrypted. Invariant: what is opened is what was sealed, for the very same
row: the row is associated data of the AEAD, so a seal moved to another row does not open.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from interlock.api.access.errors import SealBroken

KEY_BYTES: Final = 32
_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12


class Vault:
    """Seals and opens under one master key, which it does not keep: each use has its own key."""

    def __init__(self, master: bytes) -> None:
        assert len(master) == KEY_BYTES
        self._master = HKDF(SHA256(), KEY_BYTES, None, b"interlock purposes").derive(master)
        self._aead = AESGCM(self.derive("seal"))

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose, that says nothing about the keys for others."""
        info = b"interlock 1 " + purpose.encode()
        return HKDF(SHA256(), KEY_BYTES, None, info).derive(self._master)

    def seal(self, plain: bytes, about: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._aead.encrypt(nonce, plain, _FORMAT + about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """What was sealed; raises ``SealBroken`` for anything but that seal in that row."""
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _FORMAT or len(nonce) != _NONCE_BYTES:
            raise SealBroken("a sealed secret is not in a form this version knows")
        try:
            return self._aead.decrypt(nonce, rest, _FORMAT + about)
        except InvalidTag:
            raise SealBroken(
                "a sealed secret does not open: it was altered, moved here from another row, or "
                "sealed under another master key"
            ) from None
