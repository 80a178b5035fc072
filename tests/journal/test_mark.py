"""The mark: a journal that has become shorter is noticed, and a mark never stops a whole one."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from interlock.journal.errors import JournalDamaged, JournalUnavailable
from interlock.journal.frames import Frame
from interlock.journal.mark import Mark
from interlock.journal.port import AppendResult
from interlock.journal.repair import cut_at
from interlock.journal.sqlite import SqliteJournal

from .stories import grow, next_frame

FRAMES = 5
FILES = ("journal.db", "journal.db-wal", "journal.mark")


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A folder as ``kill -9`` leaves it, and beside it the sizes of the log after each frame."""
    living, folder = tmp_path / "living", tmp_path / "killed"
    folder.mkdir()
    journal = SqliteJournal(living)
    sizes = []
    for _ in range(FRAMES):
        grow(journal, 1)
        sizes.append((living / "journal.db-wal").stat().st_size)
    for name in FILES:
        shutil.copyfile(living / name, folder / name)
    journal.close()
    (tmp_path / "sizes").write_text(" ".join(map(str, sizes)))
    return folder


def size_after(folder: Path, n: int) -> int:
    return int((folder.parent / "sizes").read_text().split()[n - 1])


def frames_of(folder: Path) -> list[Frame]:
    journal = SqliteJournal(folder)
    try:
        return list(journal.read(1))
    finally:
        journal.close()


def test_a_killed_journal_opens_whole(killed: Path) -> None:
    assert len(frames_of(killed)) == FRAMES


@pytest.mark.parametrize("kept", [1, 3, 4])
def test_a_log_cut_between_two_commits_stops_the_start(killed: Path, kept: int) -> None:
    """From the inside it is whole; only the mark knows that there was more."""
    os.truncate(killed / "journal.db-wal", size_after(killed, kept))
    for _ in range(2):
        with pytest.raises(JournalDamaged, match=f"--cut-at {kept + 1}") as caught:
            SqliteJournal(killed)
        assert caught.value.first_bad == kept + 1
        assert str(FRAMES) in str(caught.value)
    cut_at(killed, kept + 1)
    assert len(frames_of(killed)) == kept
    journal = SqliteJournal(killed)
    assert journal.append(kept, next_frame(journal)) is AppendResult.OK
    journal.close()


def test_a_changed_bit_in_an_acknowledged_last_commit_stops_the_start(killed: Path) -> None:
    """It looks like a write that never ended, but it had, and was answered."""
    log = killed / "journal.db-wal"
    data = bytearray(log.read_bytes())
    data[size_after(killed, FRAMES) - 100] ^= 4
    log.write_bytes(data)
    with pytest.raises(JournalDamaged, match="frame 5 had been made") as caught:
        SqliteJournal(killed)
    kept = next(killed.glob("journal.cut-*.wal"))
    assert kept.name in str(caught.value)
    assert kept.read_bytes() == data


def test_a_lost_database_file_stops_the_start(killed: Path) -> None:
    for name in ("journal.db", "journal.db-wal"):
        (killed / name).unlink()
    with pytest.raises(JournalDamaged, match="frames 1 to 5"):
        SqliteJournal(killed)


@pytest.mark.parametrize("text", [b"", b"\0" * 24, b"\xff" * 24, b"short"])
def test_a_mark_that_is_missing_or_damaged_stops_nothing(killed: Path, text: bytes) -> None:
    (killed / "journal.mark").write_bytes(text)
    assert len(frames_of(killed)) == FRAMES


def test_a_mark_that_lags_behind_stops_nothing_and_is_moved_on(killed: Path) -> None:
    mark = Mark(killed)
    mark.move(2)
    mark.close()
    assert len(frames_of(killed)) == FRAMES
    assert Mark(killed).n == FRAMES


def test_a_commit_that_was_not_acknowledged_is_cut_as_before(killed: Path) -> None:
    os.truncate(killed / "journal.db-wal", size_after(killed, FRAMES) - 10)
    mark = Mark(killed)
    mark.move(FRAMES - 1)
    mark.close()
    journal = SqliteJournal(killed)
    assert journal.recovered is not None
    assert journal.tail().n == FRAMES - 1
    journal.close()


def test_a_torn_log_that_cannot_be_kept_leaves_everything_as_it_was(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk: half a copy would only take more room."""
    os.truncate(killed / "journal.db-wal", size_after(killed, FRAMES) - 10)
    before = (killed / "journal.db-wal").read_bytes()

    def half_a_copy(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("interlock.journal.repair.shutil.copyfile", half_a_copy)
    with pytest.raises(JournalUnavailable, match=r"the disk is full. Free space. Nothing was"):
        SqliteJournal(killed)
    assert (killed / "journal.db-wal").read_bytes() == before
    assert not (killed / "journal.db-wal.torn").exists()
