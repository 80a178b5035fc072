"""Recovery: how far a journal can be trusted.

Decides, from stored frames alone, between three answers: whole, damaged at the tail (cut back), or
damaged before it (``JournalDamaged``). Invariant: a frame that is still whole is never cut without
a person saying so; only damaged frames with nothing whole after them are a torn tail.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from msgspec import Struct

from interlock.journal.errors import JournalDamaged
from interlock.journal.frames import DIGEST_LEN, GENESIS, Frame, digest, fact_count
from interlock.journal.port import Damage, Tail

SNAPSHOTS_KEPT = 2
"""The second one is for the day the first is damaged."""


class Stored(Struct, frozen=True, gc=False):
    """A frame as found, with the digest that was stored beside it."""

    frame: Frame
    hash: bytes

    @property
    def whole(self) -> bool:
        """Whether it is what was written, wherever in the chain it belongs."""
        return digest(self.frame) == self.hash


class Verdict(Struct, frozen=True):
    """The trusted end of a journal, and what lies beyond it."""

    tail: Tail
    damage: Damage | None = None
    cut: tuple[Stored, ...] = ()


EMPTY = Tail(0, GENESIS, 1)


def verify(stored: Iterable[Stored], start: Tail = EMPTY) -> Verdict:
    """Walk the chain that follows ``start``."""
    tail = start
    rest = iter(stored)
    for found in rest:
        reason = _fault(tail, found)
        if reason:
            return _damaged(tail, found, rest, reason)
        tail = Tail(found.frame.n, found.hash, found.frame.next_seq)
    return Verdict(tail)


def chained(tail: Tail, frame: Frame) -> bool:
    """Whether ``frame`` is the one that follows ``tail``."""
    return (
        frame.n == tail.n + 1 and frame.previous == tail.hash and frame.first_seq == tail.next_seq
    )


def _fault(tail: Tail, found: Stored) -> str:
    frame = found.frame
    if frame.n != tail.n + 1:
        return f"frame {tail.n + 1} is missing"
    if not found.whole:
        return f"frame {frame.n} does not match its checksum"
    if not chained(tail, frame):
        return f"frame {frame.n} does not follow frame {tail.n}"
    return ""


def _damaged(tail: Tail, first: Stored, rest: Iterator[Stored], reason: str) -> Verdict:
    cut = [first]
    if first.whole:
        raise _not_the_tail(tail, first.frame.n, reason)
    for found in rest:
        if found.whole:
            raise _not_the_tail(tail, found.frame.n, reason)
        cut.append(found)
    counts = [fact_count(found.frame.payload) for found in cut]
    damage = Damage(
        first_n=tail.n + 1,
        last_n=max(tail.n + 1, cut[-1].frame.n),
        first_seq=tail.next_seq,
        facts=sum(counts) if all(counts) else -1,
        reason=reason,
    )
    return Verdict(tail, damage, tuple(cut))


def _not_the_tail(tail: Tail, whole_n: int, reason: str) -> JournalDamaged:
    first_bad = tail.n + 1
    known = f"frames 1 to {tail.n}" if tail.n else "nothing"
    return JournalDamaged(
        f"the journal is damaged before its end: {reason}, yet frame {whole_n} after the damage "
        f"is whole, so this is not a torn write. Known good: {known} (event_seq below "
        f"{tail.next_seq}). Restore the journal's folder from a backup; or, to go on without "
        f"what came later, run: interlock repair DIR --cut-at {first_bad}: everything from frame "
        f"{first_bad} on is set aside in a file, and open orders are asked for at their venues.",
        first_bad,
    )


def seal(n: int, data: bytes) -> bytes:
    """The checksum of a snapshot after frame ``n``."""
    return blake2b(n.to_bytes(8, "little") + data, digest_size=DIGEST_LEN).digest()


def damaged_snapshot(n: int) -> str:
    """The warning for a snapshot that does not match its checksum."""
    return (
        f"the snapshot after frame {n} does not match its checksum and is passed over; "
        f"recovery goes on from an earlier snapshot, or from the journal's beginning"
    )
