"""Commits: what was decided gathers here, becomes one frame, and is let go once it is durable.

Decides when a commit is due, and what is done when an append is in doubt. Invariant (I5): requests
and replies leave a ``Batch`` only after ``write`` has returned for it. While one batch is written,
on whatever thread, the next may gather.
"""

from typing import Final

from msgspec import Raw

from interlock.journal.frames import Frame, encode_facts
from interlock.journal.port import AppendResult, Journal, settle
from interlock.orders.commands import Answer
from interlock.orders.facts import Fact, VolumeCounted, WatermarkMoved
from interlock.orders.requests import Request
from interlock.runtime.errors import JournalFenced, JournalUnwritten
from interlock.runtime.inbox import Reply

LAZY_FACTS_MAX: Final = 256
LAZY_NS_MAX: Final = 500_000_000
"""Watermarks and volume alone wait this long for a commit they can share."""
APPEND_TRIES: Final = 3
"""An append that proved not to have landed is made again this often."""
EPOCH: Final = 1
"""Of this writer. A journal of one machine has one writer for ever."""
_RAW: Final = Raw


class Batch:
    """What one commit makes durable, and what waits for it."""

    __slots__ = ("expected_n", "facts", "frame", "replies", "requests")

    def __init__(
        self,
        expected_n: int,
        frame: Frame | None,
        facts: list[Fact],
        requests: list[Request],
        replies: list[tuple[Reply, Answer]],
    ) -> None:
        self.expected_n = expected_n
        self.frame = frame
        """Nothing, when nothing has happened that the journal must know."""
        self.facts = facts
        self.requests = requests
        self.replies = replies


class Commits:
    """What is to be committed next to one journal."""

    __slots__ = ("_encoded", "_facts", "_since", "journal", "replies", "requests", "sealed", "tail")

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.tail = journal.tail()
        """Where the journal ends, as far as batches have been ``landed``."""
        self.requests: list[Request] = []
        self.replies: list[tuple[Reply, Answer]] = []
        self._facts: list[Fact] = []
        self._encoded: list[Fact | Raw] = []
        """The same, with the bytes of what was encoded already."""
        self._since = 0
        self.sealed = False
        """Whether a batch is on its way: the next one needs to know where it ends."""

    def add(self, facts: list[Fact], encoded: bytes | None, now: int) -> None:
        if not self._facts:
            self._since = now
        if encoded is None:
            self._facts.extend(facts)
            self._encoded.extend(facts)
        else:
            self._facts.append(facts[0])
            self._encoded.append(_RAW(encoded))

    def due(self, at: int) -> bool:
        """Whether somebody waits, or facts must not wait any longer."""
        return bool(self.requests or self.replies) or self._must(at)

    def seal(self, now: int) -> Batch:
        """Close what has gathered; what comes from now on goes into the next one."""
        assert not self.sealed, "a batch is still being written"
        tail, facts = self.tail, self._facts
        self.sealed = bool(facts)
        frame = None
        if facts:
            head = (tail.n + 1, EPOCH, tail.hash, now, tail.next_seq)
            frame = Frame(*head, encode_facts(self._encoded))
        batch = Batch(tail.n, frame, facts, self.requests, self.replies)
        self._facts, self._encoded, self.requests, self.replies = [], [], [], []
        return batch

    def write(self, batch: Batch) -> None:
        """Make it durable; may block. Raises when that cannot be had."""
        frame, journal = batch.frame, self.journal
        if frame is None:
            return
        result = AppendResult.AMBIGUOUS
        for _ in range(APPEND_TRIES):
            result = journal.append(batch.expected_n, frame)
            if result is not AppendResult.AMBIGUOUS:
                break
            result = settle(journal, frame)
            if result is AppendResult.OK or journal.tail().n != batch.expected_n:
                break  # it landed after all, or somebody else's frame did
        if result is AppendResult.OK:
            return
        if journal.tail().n == batch.expected_n:
            raise JournalUnwritten(
                f"the journal could not be written: frame {frame.n} failed {APPEND_TRIES} times on "
                f"its way to the disk. What was not answered is not promised; check the disk."
            )
        raise JournalFenced(f"frame {frame.n} was refused: another writer has the journal")

    def landed(self) -> None:
        """The last sealed batch was written: the next follows it."""
        self.tail = self.journal.tail()
        self.sealed = False

    def _must(self, at: int) -> bool:
        if not self._facts:
            return False
        if len(self._facts) >= LAZY_FACTS_MAX or at - self._since >= LAZY_NS_MAX:
            return True
        return not all(isinstance(f, WatermarkMoved | VolumeCounted) for f in self._facts)
