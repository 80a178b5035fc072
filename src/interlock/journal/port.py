"""The journal port: all that the runtime knows of where facts are kept.

Decides the contract that memory, SQLite and a later replicated log pass alike. Invariant: an append
takes effect only on top of the frame the writer believes to be last; an ambiguous append is settled
by reading, never by hoping.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol

from msgspec import Struct, structs

from interlock.journal.frames import Frame


class AppendResult(StrEnum):
    """``ok``: durable. ``refused``: not written, and somebody else's frame may be there.

    ``ambiguous``: it may or may not be durable; ask ``settle``.
    """

    OK = "ok"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"


class Tail(Struct, frozen=True):
    """The end of the journal. An empty one has ``n`` 0, the genesis hash and ``next_seq`` 1."""

    n: int
    hash: bytes
    next_seq: int


class Snapshot(Struct, frozen=True):
    """State after frame ``n``, in whatever encoding its writer chose."""

    n: int
    data: bytes


class Damage(Struct, frozen=True):
    """What recovery cut back: frames ``first_n..last_n`` and facts from ``first_seq`` on.

    ``facts`` is how many facts their heads claim, -1 when that cannot be read any more.
    """

    first_n: int
    last_n: int
    first_seq: int
    facts: int
    reason: str
    aside: str = ""
    """The file the damaged frames were kept in."""

    def __str__(self) -> str:
        frames = (
            f"frame {self.first_n}"
            if self.first_n == self.last_n
            else f"frames {self.first_n} to {self.last_n}"
        )
        last_seq = self.first_seq + self.facts - 1
        facts = (
            f"event_seq {self.first_seq} to {last_seq}"
            if self.facts > 0
            else f"event_seq {self.first_seq} and after"
        )
        kept = f"; what was left of it is kept in {self.aside}" if self.aside else ""
        return (
            f"the journal's tail was damaged and was cut back: {frames} ({facts}) lost, "
            f"because {self.reason}{kept}. Open orders are asked for at their venues."
        )


class Journal(Protocol):
    """Where facts are kept. One writer; reading is allowed from any thread."""

    @property
    def recovered(self) -> Damage | None:
        """What opening had to cut back, if anything."""

    def append(self, expected_n: int, frame: Frame) -> AppendResult:
        """Make ``frame`` durable if the last frame is number ``expected_n`` and precedes it.

        ``frame.n`` is ``expected_n + 1``. An append by a writer whose epoch is over is refused.
        """

    def read(self, from_n: int) -> Iterator[Frame]:
        """Frames from number ``from_n`` on, as far as the journal reached at each batch read."""

    def tail(self) -> Tail: ...

    def save_snapshot(self, n: int, data: bytes) -> None:
        """Keep state after frame ``n``; the two latest snapshots are kept."""

    def latest_snapshot(self) -> Snapshot | None:
        """The latest snapshot that is whole; damaged ones are passed over with a warning."""

    def close(self) -> None: ...


def settle(journal: Journal, frame: Frame) -> AppendResult:
    """Whether an ambiguous append of ``frame`` took effect. Never answers ``ambiguous``."""
    for found in journal.read(frame.n):
        same = structs.replace(found, sealed=b"") == frame
        return AppendResult.OK if same else AppendResult.REFUSED
    return AppendResult.REFUSED
