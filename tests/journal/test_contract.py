"""The journal port's contract: one suite, every implementation."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from interlock.journal.frames import GENESIS, decode_facts, digest
from interlock.journal.memory import MemoryJournal
from interlock.journal.port import AppendResult, Journal, Snapshot, Tail, settle
from interlock.journal.sqlite import SqliteJournal

from .stories import facts_of, grow, next_frame

Reopen = Callable[[Journal], Journal]


KEY = bytes(range(32))


@pytest.fixture(params=["memory", "sqlite", "encrypted"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Journal, Reopen]]:
    opened: list[Journal] = []
    key = KEY if request.param == "encrypted" else None

    def reopen(journal: Journal) -> Journal:
        journal.close()
        if isinstance(journal, MemoryJournal):
            opened.append(journal.crash())
        else:
            opened.append(SqliteJournal(tmp_path, key=key))
        return opened[-1]

    memory = request.param == "memory"
    opened.append(MemoryJournal() if memory else SqliteJournal(tmp_path, key=key))
    yield opened[0], reopen
    opened[-1].close()


def test_an_empty_journal_ends_before_its_first_frame(world: tuple[Journal, Reopen]) -> None:
    journal, _ = world
    assert journal.tail() == Tail(0, GENESIS, 1)
    assert list(journal.read(1)) == []
    assert journal.latest_snapshot() is None
    assert journal.recovered is None


def test_what_was_appended_is_read_back_in_order(world: tuple[Journal, Reopen]) -> None:
    journal, _ = world
    frames = grow(journal, 7)
    assert [frame.n for frame in frames] == [1, 2, 3, 4, 5, 6, 7]
    assert [decode_facts(frame.payload) for frame in frames] == [facts_of(n) for n in range(1, 8)]
    assert list(journal.read(5)) == frames[4:]
    assert list(journal.read(8)) == []


def test_event_seq_counts_facts_from_one(world: tuple[Journal, Reopen]) -> None:
    journal, _ = world
    seq = 1
    for frame in grow(journal, 6):
        assert frame.first_seq == seq
        seq += len(decode_facts(frame.payload))
    assert journal.tail().next_seq == seq


def test_the_chain_holds_from_frame_to_frame(world: tuple[Journal, Reopen]) -> None:
    journal, _ = world
    previous = GENESIS
    for frame in grow(journal, 4):
        assert frame.previous == previous
        previous = digest(frame)
    assert journal.tail().hash == previous


def test_a_reopened_journal_goes_on_where_it_ended(world: tuple[Journal, Reopen]) -> None:
    journal, reopen = world
    frames = grow(journal, 3)
    tail = journal.tail()
    again = reopen(journal)
    assert again.tail() == tail
    assert list(again.read(1)) == frames
    assert len(grow(again, 2)) == 5


def test_an_append_that_does_not_follow_is_refused(world: tuple[Journal, Reopen]) -> None:
    journal, _ = world
    frames = grow(journal, 2)
    right = next_frame(journal)
    wrong = [
        (1, right),
        (3, right),
        (2, structs.replace(right, n=4)),
        (2, structs.replace(right, previous=GENESIS)),
        (2, structs.replace(right, first_seq=right.first_seq + 1)),
        (1, frames[1]),
    ]
    for expected_n, frame in wrong:
        assert journal.append(expected_n, frame) is AppendResult.REFUSED
    assert list(journal.read(1)) == frames
    assert journal.append(2, right) is AppendResult.OK


def test_a_writer_whose_epoch_is_over_is_fenced_off(world: tuple[Journal, Reopen]) -> None:
    journal, reopen = world
    new = next_frame(journal, epoch=2)
    assert journal.append(0, new) is AppendResult.OK
    for each in (journal, reopen(journal)):
        assert each.append(1, next_frame(each, epoch=1)) is AppendResult.REFUSED
    assert each.append(1, next_frame(each, epoch=2)) is AppendResult.OK


def test_settling_reads_what_became_of_an_append(world: tuple[Journal, Reopen]) -> None:
    journal, _ = world
    grow(journal, 1)
    landed, other = next_frame(journal), next_frame(journal, epoch=9)
    assert settle(journal, landed) is AppendResult.REFUSED
    journal.append(1, landed)
    assert settle(journal, landed) is AppendResult.OK
    assert settle(journal, other) is AppendResult.REFUSED


def test_the_two_latest_snapshots_are_kept(world: tuple[Journal, Reopen]) -> None:
    journal, reopen = world
    grow(journal, 5)
    for n in (1, 3, 5):
        journal.save_snapshot(n, b"state %d" % n)
        assert journal.latest_snapshot() == Snapshot(n, b"state %d" % n)
    again = reopen(journal)
    assert again.latest_snapshot() == Snapshot(5, b"state 5")
    again.save_snapshot(5, b"again")
    assert again.latest_snapshot() == Snapshot(5, b"again")


def seen(journal: Journal) -> list[object]:
    """All that a journal tells, but for the hashes: those of an encrypted one are its own."""
    tail = journal.tail()
    frames = [(f.n, f.epoch, f.at, f.first_seq, f.payload) for f in journal.read(1)]
    return [tail.n, tail.next_seq, journal.latest_snapshot(), *frames]


@pytest.mark.parametrize("key", [None, KEY])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["append", "stale", "reopen", "snapshot"]), max_size=12))
def test_all_journals_tell_the_same_story(
    tmp_path_factory: pytest.TempPathFactory, key: bytes | None, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    memory: MemoryJournal = MemoryJournal()
    sqlite = SqliteJournal(folder, key=key)
    try:
        for step in steps:
            if step == "append":
                frame, other = next_frame(memory), next_frame(sqlite)
                assert memory.append(frame.n - 1, frame) is sqlite.append(other.n - 1, other)
            elif step == "stale":
                frame = structs.replace(next_frame(memory), n=1, previous=GENESIS, first_seq=1)
                assert memory.append(0, frame) is sqlite.append(0, frame)
            elif step == "snapshot":
                for journal in (memory, sqlite):
                    journal.save_snapshot(journal.tail().n, b"state")
            else:
                memory = memory.crash()
                sqlite.close()
                sqlite = SqliteJournal(folder, verify="tail", key=key)
            assert seen(memory) == seen(sqlite)
        if key is None:
            assert memory.tail() == sqlite.tail()
            assert list(memory.read(1)) == list(sqlite.read(1))
    finally:
        sqlite.close()
