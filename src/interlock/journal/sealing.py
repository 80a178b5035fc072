"""Sealing: what a journal looks like on the disk when nobody else may read it.

Decides how frames, snapshots and tables are encrypted: AES-256-GCM, each bound to its place.
Invariant: no key meets the same nonce twice. Every ``Sealer`` draws a salt of its own, which makes
its key, and counts what it seals; a process that is killed never comes back to its count.
"""

import itertools
import os
import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import structs

from interlock.journal.errors import JournalError
from interlock.journal.frames import FORMAT, SEALED, Frame, fact_count

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
VERSION: Final = 1
_LIVES_MAX: Final = 256
"""Keys of other lives kept at hand while reading."""

_HEAD = struct.Struct(f"<BBI{SALT_BYTES}sQ")
"""The mark that no MessagePack begins with, version, number of facts, salt, count."""
_PLACE = struct.Struct("<IQQqQI")
_NONCE_PAD: Final = bytes(4)


class SealBroken(JournalError):
    """Not what was sealed there: altered, moved from another place, or under another key."""


class Sealer:
    """Seals and opens under one key, for one life of a process."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES
        self._key = key
        self._salt = os.urandom(SALT_BYTES)
        self._counted = itertools.count(1)
        """One step of the interpreter, whichever thread asks."""
        self._lives: dict[bytes, AESGCM] = {}

    def seal(self, plain: bytes, about: bytes, facts: int = 0) -> bytes:
        """``about`` says what it is and where it belongs; it opens for the same ``about`` alone."""
        count = next(self._counted)
        head = _HEAD.pack(SEALED, VERSION, facts, self._salt, count)
        nonce = _NONCE_PAD + count.to_bytes(8, "little")
        return head + self._of_life(self._salt).encrypt(nonce, plain, head + about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Raises ``SealBroken`` for anything but that seal in that place."""
        head = sealed[: _HEAD.size]
        if len(head) < _HEAD.size:
            raise SealBroken("a sealed record is too short")
        mark, version, _, salt, count = _HEAD.unpack(head)
        if mark != SEALED or version != VERSION:
            raise SealBroken("a record is not sealed, or not in a way this version knows")
        nonce = _NONCE_PAD + count.to_bytes(8, "little")
        try:
            return self._of_life(salt).decrypt(nonce, sealed[_HEAD.size :], head + about)
        except InvalidTag:
            raise SealBroken(
                "a sealed record does not open: it was altered, moved here from another place, or "
                "sealed under another key"
            ) from None

    def sealed(self, frame: Frame) -> Frame:
        """The same frame, with what of it goes to the disk."""
        count = fact_count(frame.payload)
        return structs.replace(frame, sealed=self.seal(frame.payload, _place(frame), count))

    def opened(self, stored: Frame) -> Frame:
        """The frame that lies there sealed: its facts to be read, its seal for the chain."""
        plain = self.open(stored.payload, _place(stored))
        return structs.replace(stored, payload=plain, sealed=stored.payload)

    def _of_life(self, salt: bytes) -> AESGCM:
        found = self._lives.get(salt)
        if found is None:
            if len(self._lives) >= _LIVES_MAX:
                self._lives.clear()
            info = b"interlock journal %d" % VERSION
            found = AESGCM(HKDF(SHA256(), KEY_BYTES, salt, info).derive(self._key))
            self._lives[salt] = found
        return found


def _place(frame: Frame) -> bytes:
    """Where a frame stands: moved, repeated or put behind another past, it does not open."""
    head = (FORMAT, frame.n, frame.epoch, frame.at, frame.first_seq, len(frame.previous))
    return b"frame" + _PLACE.pack(*head) + frame.previous


def is_sealed(data: bytes) -> bool:
    return data[:1] == bytes((SEALED,))
