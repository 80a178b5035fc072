"""Short journals made of real facts, for the tests of this folder."""

from interlock.journal.frames import Frame, encode_facts
from interlock.journal.port import AppendResult, Journal
from interlock.orders.facts import EngineStarted, Fact, SignalReceived

START = 1_700_000_000_000_000_000


def facts_of(n: int) -> list[Fact]:
    """The facts of frame ``n``: one or more, all different."""
    signals: list[Fact] = [SignalReceived(START + n, f"signal{i}", str(n)) for i in range(n % 3)]
    return [EngineStarted(START + n, n), *signals]


def next_frame(journal: Journal, epoch: int = 1) -> Frame:
    tail = journal.tail()
    n = tail.n + 1
    return Frame(n, epoch, tail.hash, START + n, tail.next_seq, encode_facts(facts_of(n)))


def grow(journal: Journal, frames: int) -> list[Frame]:
    """Append ``frames`` frames and answer all that the journal then holds."""
    for _ in range(frames):
        frame = next_frame(journal)
        assert journal.append(frame.n - 1, frame) is AppendResult.OK
    return list(journal.read(1))
