"""Frames: one commit each, chained by hash.

Decides what a commit looks like on disk. Invariant: a frame's digest covers every field of it, the
digest of the frame before and the format version, so no frame can be changed, dropped, repeated or
moved without the chain showing where.
"""

import struct
from collections.abc import Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct

from interlock.orders.facts import Fact

FORMAT = 2
"""Raised when frames, their digests or the encoding of facts change in a way that is not additive.

Facts grow by appended fields with defaults, which older journals read as they are: no new format.
"""
DIGEST_LEN = 16
GENESIS = bytes(DIGEST_LEN)
"""The ``previous`` of the first frame."""
SEALED = 0xC1
"""What an encrypted payload begins with: the one byte that no MessagePack begins with."""

_HEAD = struct.Struct("<IQQqQI")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Fact])


class Frame(Struct, frozen=True, gc=False):
    """One commit. Frames count from 1; ``first_seq`` is the event_seq of its first fact.

    ``sealed`` is what lies on the disk instead of the payload, in an encrypted journal.
    """

    n: int
    epoch: int
    previous: bytes
    at: int
    first_seq: int
    payload: bytes
    sealed: bytes = b""

    @property
    def next_seq(self) -> int:
        """The event_seq of the first fact after this frame."""
        return self.first_seq + fact_count(self.payload)


def encode_facts(facts: Sequence[Fact | msgspec.Raw]) -> bytes:
    """The payload of a frame; a fact that was encoded before may come as its bytes."""
    return _ENCODER.encode(facts)


def decode_facts(payload: bytes) -> list[Fact]:
    return _DECODER.decode(payload)


def digest(frame: Frame) -> bytes:
    """What the next frame names as its ``previous``: made of what lies on the disk, so that the
    chain can be checked without a key and says nothing about what is encrypted.
    """
    head = _HEAD.pack(FORMAT, frame.n, frame.epoch, frame.at, frame.first_seq, len(frame.previous))
    hasher = blake2b(head, digest_size=DIGEST_LEN)
    hasher.update(frame.previous)
    hasher.update(frame.sealed or frame.payload)
    return hasher.digest()


def fact_count(payload: bytes) -> int:
    """How many facts a payload holds, from the head of its array or of its seal alone."""
    kind = payload[0] if payload else 0
    if kind == SEALED:
        return int.from_bytes(payload[2:6], "little")
    if 0x90 <= kind <= 0x9F:
        return kind & 0x0F
    if kind == 0xDC:
        return int.from_bytes(payload[1:3], "big")
    if kind == 0xDD:
        return int.from_bytes(payload[1:5], "big")
    return 0
