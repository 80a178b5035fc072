"""Damage: a torn tail is cut back and named, everything else stops the start."""

import random
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest

from interlock.journal.errors import JournalDamaged, JournalError
from interlock.journal.frames import Frame, digest
from interlock.journal.memory import AppendFault, MemoryJournal
from interlock.journal.port import AppendResult, Damage, settle
from interlock.journal.recovery import Stored
from interlock.journal.repair import cut_at
from interlock.journal.sqlite import SqliteJournal
from interlock.journal.wal import inspect

from .stories import grow, next_frame

FRAMES = 6


def closed_journal(folder: Path, frames: int = FRAMES) -> list[Frame]:
    journal = SqliteJournal(folder)
    written = grow(journal, frames)
    journal.close()
    return written


def killed_journal(folder: Path, frames: int = FRAMES) -> list[Frame]:
    """What ``kill -9`` leaves: the database file and the log as they are between two commits."""
    living = folder / "living"
    journal = SqliteJournal(living)
    written = grow(journal, frames)
    for name in ("journal.db", "journal.db-wal"):
        shutil.copyfile(living / name, folder / name)
    journal.close()
    shutil.rmtree(living)
    return written


def set_payload(folder: Path, n: int, payload: bytes) -> None:
    """And no mark, as after a crash of the machine, where it may lag behind: it is never synced."""
    (folder / "journal.mark").unlink(missing_ok=True)
    connection = sqlite3.connect(folder / "journal.db")
    with connection:
        connection.execute("UPDATE frames SET payload=? WHERE n=?", (payload, n))
    connection.close()


def test_a_torn_last_frame_is_cut_at_every_length(tmp_path: Path) -> None:
    frames = closed_journal(tmp_path)
    last = frames[-1]
    for length in range(len(last.payload)):
        warnings: list[str] = []
        set_payload(tmp_path, last.n, last.payload[:length])
        journal = SqliteJournal(tmp_path, warn=warnings.append)
        damage = journal.recovered
        assert damage is not None
        assert (damage.first_n, damage.last_n, damage.first_seq) == (6, 6, last.first_seq)
        assert "frame 6" in warnings[0]
        assert f"event_seq {last.first_seq}" in warnings[0]
        assert list(journal.read(1)) == frames[:-1]
        assert journal.append(5, last) is AppendResult.OK
        journal.close()
        kept = msgspec.msgpack.decode((tmp_path / damage.aside).read_bytes(), type=list[Stored])
        assert kept[0].frame.payload == last.payload[:length]
    assert len(list(tmp_path.glob("journal.cut-6*.bin"))) == len(last.payload)


def test_several_damaged_frames_at_the_end_are_one_torn_tail(tmp_path: Path) -> None:
    frames = closed_journal(tmp_path)
    for n in (5, 6):
        set_payload(tmp_path, n, b"")
    journal = SqliteJournal(tmp_path)
    assert journal.recovered is not None
    assert (journal.recovered.first_n, journal.recovered.last_n) == (5, 6)
    assert str(journal.recovered).startswith(
        f"the journal's tail was damaged and was cut back: frames 5 to 6 "
        f"(event_seq {frames[4].first_seq} and after) lost"
    )
    assert list(journal.read(1)) == frames[:4]
    journal.close()


@pytest.mark.parametrize("n", range(1, FRAMES))
def test_damage_before_the_tail_stops_the_start(tmp_path: Path, n: int) -> None:
    closed_journal(tmp_path)
    set_payload(tmp_path, n, b"\x90")
    with pytest.raises(JournalDamaged) as caught:
        SqliteJournal(tmp_path)
    assert caught.value.first_bad == n
    assert f"frame {n} does not match its checksum" in str(caught.value)
    assert f"--cut-at {n}" in str(caught.value)
    assert "Restore the journal's folder from a backup" in str(caught.value)


def test_a_missing_frame_stops_the_start(tmp_path: Path) -> None:
    closed_journal(tmp_path)
    connection = sqlite3.connect(tmp_path / "journal.db")
    with connection:
        connection.execute("DELETE FROM frames WHERE n=3")
    connection.close()
    with pytest.raises(JournalDamaged, match="frame 3 is missing, yet frame 4"):
        SqliteJournal(tmp_path)


def test_a_frame_from_another_journal_stops_the_start(tmp_path: Path) -> None:
    other = MemoryJournal()
    grow(other, 2)
    stranger = next_frame(other, epoch=7)
    other.append(2, stranger)
    journal = SqliteJournal(tmp_path)
    grow(journal, 3)
    row = [stranger.n, 7, b"\1" * 16, stranger.at, stranger.first_seq]
    forged = msgspec.structs.replace(stranger, previous=b"\1" * 16)
    journal._writer.execute("DELETE FROM frames WHERE n=3")
    journal._writer.execute(
        "INSERT INTO frames VALUES (?,?,?,?,?,?,?)", [*row, digest(forged), forged.payload]
    )
    journal.close()
    with pytest.raises(JournalDamaged, match="frame 3 does not follow frame 2"):
        SqliteJournal(tmp_path)


def test_a_person_can_cut_what_the_start_would_not(tmp_path: Path) -> None:
    frames = closed_journal(tmp_path)
    journal = SqliteJournal(tmp_path)
    journal.save_snapshot(2, b"kept")
    journal.save_snapshot(6, b"of the lost frames")
    journal.close()
    set_payload(tmp_path, 4, b"\x90")
    aside = cut_at(tmp_path, 4)
    assert aside.name == "journal.cut-4.bin"
    journal = SqliteJournal(tmp_path)
    assert list(journal.read(1)) == frames[:3]
    snapshot = journal.latest_snapshot()
    assert snapshot is not None
    assert snapshot.data == b"kept"
    journal.close()


@pytest.mark.parametrize("verify", ["all", "tail"])
def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path, verify: str) -> None:
    closed_journal(tmp_path)
    (tmp_path / "journal.db").write_bytes(b"no database, but long enough to be one\n" * 500)
    with pytest.raises(JournalDamaged, match=r"journal\.db itself is damaged.*backup"):
        SqliteJournal(tmp_path, verify=verify)  # type: ignore[arg-type]


def test_a_cut_short_file_stops_the_start(tmp_path: Path) -> None:
    closed_journal(tmp_path, 400)
    data = (tmp_path / "journal.db").read_bytes()
    (tmp_path / "journal.db").write_bytes(data[: len(data) // 2])
    with pytest.raises(JournalDamaged):
        SqliteJournal(tmp_path)


def test_a_log_without_its_database_stops_the_start(tmp_path: Path) -> None:
    killed_journal(tmp_path)
    (tmp_path / "journal.db").unlink()
    with pytest.raises(JournalDamaged, match=r"journal\.db is not"):
        SqliteJournal(tmp_path)


def test_after_a_kill_every_commit_is_there(tmp_path: Path) -> None:
    frames = killed_journal(tmp_path)
    assert not inspect(tmp_path / "journal.db-wal").torn
    journal = SqliteJournal(tmp_path)
    assert (list(journal.read(1)), journal.recovered) == (frames, None)
    journal.close()


def test_a_log_torn_anywhere_in_its_last_commit_loses_that_commit_only(tmp_path: Path) -> None:
    before = len(killed_log(tmp_path / "before", FRAMES - 1))
    frames = killed_journal(tmp_path)
    whole = (tmp_path / "journal.db-wal").read_bytes()
    database = (tmp_path / "journal.db").read_bytes()
    # Every offset is 4 KiB of the same story: the edges, and every 61st byte between.
    edges = {before + 1, before + 23, before + 24, before + 25, len(whole) - 1}
    for length in sorted(edges | set(range(before + 1, len(whole), 61))):
        (tmp_path / "journal.db").write_bytes(database)
        (tmp_path / "journal.db-wal").write_bytes(whole[:length])
        (tmp_path / "journal.db-shm").unlink(missing_ok=True)
        journal = SqliteJournal(tmp_path)
        damage = journal.recovered
        assert damage is not None, length
        assert list(journal.read(1)) == frames[:-1]
        assert (damage.first_n, damage.first_seq) == (6, frames[-1].first_seq)
        assert (tmp_path / damage.aside).read_bytes() == whole[:length]
        journal.close()


def killed_log(folder: Path, frames: int) -> bytes:
    folder.mkdir()
    killed_journal(folder, frames)
    return (folder / "journal.db-wal").read_bytes()


def test_a_log_damaged_before_its_last_commit_stops_the_start(tmp_path: Path) -> None:
    frames = killed_journal(tmp_path)
    three = len(killed_log(tmp_path / "three", 3))
    log = bytearray((tmp_path / "journal.db-wal").read_bytes())
    log[three + 100] ^= 1
    (tmp_path / "journal.db-wal").write_bytes(log)
    for _ in range(2):
        with pytest.raises(JournalDamaged, match="3 commits follow its first bad page") as caught:
            SqliteJournal(tmp_path)
        assert caught.value.first_bad == 4
    cut_at(tmp_path, 4)
    assert (tmp_path / "journal.cut-4.wal").read_bytes() == bytes(log)
    journal = SqliteJournal(tmp_path)
    assert list(journal.read(1)) == frames[:3]
    journal.close()


def test_a_log_whose_header_is_damaged_stops_the_start(tmp_path: Path) -> None:
    killed_journal(tmp_path)
    log = bytearray((tmp_path / "journal.db-wal").read_bytes())
    log[17] ^= 1
    (tmp_path / "journal.db-wal").write_bytes(log)
    with pytest.raises(JournalDamaged, match="header cannot be read"):
        SqliteJournal(tmp_path)


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal"])
def test_flipped_bits_are_noticed_or_harmless(tmp_path: Path, name: str) -> None:
    """No flip may change what is read back: it is refused, cut back with a warning, or nothing."""
    frames = (closed_journal if name == "journal.db" else killed_journal)(tmp_path, 60)
    files = {path: path.read_bytes() for path in tmp_path.glob("journal.db*")}
    chance = random.Random(7)
    noticed = 0
    for _ in range(300):
        for path in tmp_path.glob("journal.*"):
            path.unlink()
        for path, data in files.items():
            path.write_bytes(data)
        damaged = bytearray(files[tmp_path / name])
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        (tmp_path / name).write_bytes(damaged)
        try:
            journal = SqliteJournal(tmp_path)
        except JournalError:
            noticed += 1
            continue
        read = list(journal.read(1))
        journal.close()
        if journal.recovered is None:
            assert read == frames
        else:
            noticed += 1
            assert read == frames[: journal.recovered.first_n - 1]
    assert noticed > 30


@pytest.mark.parametrize("nth", range(1, FRAMES + 1))
@pytest.mark.parametrize("fault", AppendFault)
def test_the_nth_append_of_a_story_may_fail(nth: int, fault: AppendFault) -> None:
    """Whatever fails, a writer that settles by reading ends with the story written once."""
    journal = MemoryJournal(faults={nth: fault})
    written = 0
    while written < FRAMES:
        frame = next_frame(journal)
        try:
            result = journal.append(written, frame)
        except OSError as error:
            assert "full" in str(error)
            continue
        if result is AppendResult.AMBIGUOUS:
            result = settle(journal, frame)
        written += result is AppendResult.OK
    assert [frame.n for frame in journal.read(1)] == list(range(1, FRAMES + 1))
    assert journal.appends == FRAMES + (fault is not AppendFault.LANDED)


@pytest.mark.parametrize("keep", range(4))
@pytest.mark.parametrize("tear", [False, True])
def test_a_crash_loses_what_was_not_synced_and_nothing_else(keep: int, tear: bool) -> None:
    warnings: list[str] = []
    journal = MemoryJournal(auto_sync=False, warn=warnings.append)
    grow(journal, 3)
    journal.save_snapshot(3, b"state 3")
    journal.sync()
    frames = grow(journal, 3)
    journal.save_snapshot(6, b"state 6")
    assert journal.unsynced == 3
    after = journal.crash(keep, tear)
    assert list(after.read(1)) == frames[: 3 + keep]
    snapshot = after.latest_snapshot()
    assert snapshot is not None
    assert snapshot.n == (6 if keep == 3 else 3)
    torn = tear and keep < 3
    assert (after.recovered is not None) == torn
    assert len(warnings) == torn
    grow(after, 1)


def test_damage_in_memory_is_judged_the_same() -> None:
    journal = MemoryJournal()
    frames = grow(journal, 4)
    journal.save_snapshot(2, b"good")
    journal.save_snapshot(3, b"bad")
    journal.damage_snapshot(3, lambda data: data[:-1])
    snapshot = journal.latest_snapshot()
    assert snapshot is not None
    assert snapshot.n == 2
    journal.damage_frame(4, lambda payload: payload[:-1])
    again = journal.crash()
    assert isinstance(again.recovered, Damage)
    assert list(again.read(1)) == frames[:3]
    again.damage_frame(1, lambda payload: b"")
    with pytest.raises(JournalDamaged, match="Known good: nothing"):
        again.crash()
