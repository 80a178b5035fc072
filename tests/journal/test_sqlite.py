"""SQLite's own dangers: locks, formats, full disks, failed syncs and what they leave behind."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from interlock.journal.errors import (
    JournalDamaged,
    JournalFormatUnknown,
    JournalLocked,
    JournalUnavailable,
)
from interlock.journal.port import AppendResult, Snapshot, settle
from interlock.journal.reader import SqliteReader
from interlock.journal.sqlite import SqliteJournal

from .stories import grow, next_frame

OPEN_AND_SAY = """
import sys
from pathlib import Path
from interlock.journal.errors import JournalLocked
from interlock.journal.sqlite import SqliteJournal
try:
    SqliteJournal(Path(sys.argv[1])).close()
except JournalLocked as error:
    print(error)
    sys.exit(3)
"""


def sql(folder: Path, statement: str, *values: object) -> None:
    """Change the file behind the journal's back."""
    connection = sqlite3.connect(folder / "journal.db")
    with connection:
        connection.execute(statement, values)
    connection.close()


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AND_SAY, str(tmp_path)]
    journal = SqliteJournal(tmp_path)
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 3, refused.stderr
    pid = (tmp_path / "journal.lock").read_text().strip()
    assert f"pid {pid}" in refused.stdout
    assert "Stop that one first" in refused.stdout
    journal.close()
    assert subprocess.run(command, check=False).returncode == 0


def test_one_process_cannot_open_a_journal_twice(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    with pytest.raises(JournalLocked):
        SqliteJournal(tmp_path)
    journal.close()
    journal.close()
    SqliteJournal(tmp_path).close()


def test_an_unknown_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    grow(journal, 2)
    journal.close()
    sql(tmp_path, "UPDATE meta SET value='99' WHERE key='format'")
    with pytest.raises(JournalFormatUnknown, match=r"format 99.*Start it with the version"):
        SqliteJournal(tmp_path)
    sql(tmp_path, "UPDATE meta SET value='2' WHERE key='format'")
    journal = SqliteJournal(tmp_path)
    assert journal.tail().n == 2
    journal.close()


def test_a_journal_without_its_format_is_damaged_not_of_another_version(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    grow(journal, 2)
    journal.close()
    sql(tmp_path, "DELETE FROM meta")
    with pytest.raises(JournalDamaged, match=r"format is not in it.*from a backup"):
        SqliteJournal(tmp_path)


def test_the_writer_syncs_every_commit_and_never_checkpoints_by_itself(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    settings = [
        journal._writer.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "wal_autocheckpoint")
    ]
    assert settings == ["wal", 2, 0]
    journal.close()


def test_a_checkpoint_runs_beside_the_writer(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    over = threading.Event()

    def checkpoints() -> None:
        while not over.is_set():
            journal.checkpoint()

    thread = threading.Thread(target=checkpoints)
    thread.start()
    frames = grow(journal, 200)
    over.set()
    thread.join()
    journal.checkpoint()
    assert [frame.n for frame in frames] == list(range(1, 201))
    journal.close()


def test_a_log_that_grew_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.journal.sqlite.WAL_BYTES_MAX", 1)
    journal = SqliteJournal(tmp_path)
    grow(journal, 5)
    journal.checkpoint()
    assert (tmp_path / "journal.db-wal").stat().st_size == 0
    assert len(grow(journal, 1)) == 6
    journal.close()


def test_a_full_disk_writes_nothing_and_says_so(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    grow(journal, 1)
    pages = journal._writer.execute("PRAGMA page_count").fetchone()[0]
    journal._writer.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalUnavailable, match="disk is full"):
        grow(journal, 1_000)
    kept = journal.tail().n
    journal._writer.execute("PRAGMA max_page_count=100000")
    assert len(grow(journal, 1)) == kept + 1
    journal.close()


def test_a_read_only_journal_says_what_to_check(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal._writer.execute("PRAGMA query_only=1")
    with pytest.raises(JournalUnavailable, match="read-only disk"):
        grow(journal, 1)
    assert journal.tail().n == 0
    journal.close()


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnavailable, match="cannot make"):
        SqliteJournal(tmp_path / "file" / "journal")


class FailingSync:
    """A connection whose next insert fails while it is synced, after landing or without."""

    def __init__(self, connection: sqlite3.Connection, landed: bool) -> None:
        self._connection = connection
        self._landed = landed

    def execute(self, statement: str, *values: Any) -> Any:
        if self._landed:
            self._connection.execute(statement, *values)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise error


@pytest.mark.parametrize("landed", [True, False])
@pytest.mark.parametrize("nth", range(1, 6))
def test_a_failed_sync_is_ambiguous_and_settled_by_reading(
    tmp_path: Path, nth: int, landed: bool
) -> None:
    journal = SqliteJournal(tmp_path)
    grow(journal, nth - 1)
    frame = next_frame(journal)
    writer = journal._writer
    journal._writer = FailingSync(writer, landed)  # type: ignore[assignment]
    assert journal.append(nth - 1, frame) is AppendResult.AMBIGUOUS
    journal._writer = writer
    assert settle(journal, frame) is (AppendResult.OK if landed else AppendResult.REFUSED)
    assert journal.tail().n == (nth if landed else nth - 1)
    grow(journal, 5 - journal.tail().n)
    journal.close()
    journal = SqliteJournal(tmp_path)
    assert (journal.tail().n, journal.recovered) == (5, None)
    journal.close()


def test_a_frame_somebody_else_wrote_is_not_overwritten(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    grow(journal, 1)
    theirs, ours = next_frame(journal, epoch=2), next_frame(journal, epoch=1)
    journal._writer.execute(
        "INSERT INTO frames SELECT 2, 2, previous, at, first_seq, hash, payload FROM frames"
    )
    assert journal.append(1, ours) is AppendResult.REFUSED
    assert settle_raises(journal)
    assert theirs.n == 2
    journal.close()


def settle_raises(journal: SqliteJournal) -> bool:
    """That other frame was no frame at all: reading on says so instead of going on."""
    with pytest.raises(JournalDamaged, match="frame 2 no longer matches"):
        journal.tail()
    return True


def test_a_reader_follows_a_journal_in_use(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    grow(journal, 3)
    reader = SqliteReader(tmp_path)
    assert list(reader.read(1)) == list(journal.read(1))
    grow(journal, 2)
    assert reader.tail() == journal.tail()
    assert [frame.n for frame in reader.read(4)] == [4, 5]
    with pytest.raises(JournalUnavailable):
        reader._connection.execute("PRAGMA query_only=0")
        SqliteReader(tmp_path / "nowhere")
    reader.close()
    journal.close()


def test_a_damaged_snapshot_gives_way_to_the_one_before(tmp_path: Path) -> None:
    warnings: list[str] = []
    journal = SqliteJournal(tmp_path)
    grow(journal, 4)
    journal.save_snapshot(2, b"state 2")
    journal.save_snapshot(4, b"state 4")
    journal.close()
    sql(tmp_path, "UPDATE snapshots SET data=? WHERE n=4", b"state 5")
    journal = SqliteJournal(tmp_path, verify="tail", warn=warnings.append)
    assert journal.latest_snapshot() == Snapshot(2, b"state 2")
    assert "snapshot after frame 4" in warnings[-1]
    assert journal.tail().n == 4
    journal.close()


def test_verifying_the_tail_begins_at_the_latest_snapshot(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    grow(journal, 6)
    journal.save_snapshot(4, b"state")
    journal.close()
    sql(tmp_path, "UPDATE frames SET payload=x'90' WHERE n=2")
    SqliteJournal(tmp_path, verify="tail").close()
    with pytest.raises(JournalDamaged, match="frame 2 does not match"):
        SqliteJournal(tmp_path, verify="all")
    sql(tmp_path, "UPDATE frames SET payload=x'90' WHERE n=5")
    with pytest.raises(JournalDamaged, match="frame 5 does not match"):
        SqliteJournal(tmp_path, verify="tail")
