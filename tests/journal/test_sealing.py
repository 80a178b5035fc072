"""Journals under a key: what lies on the disk, what opens it, and what somebody may have done."""

import os
import signal
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from interlock.journal import database, repair
from interlock.journal.errors import (
    JournalDamaged,
    JournalPlain,
    JournalSealed,
)
from interlock.journal.frames import GENESIS, SEALED, Frame, decode_facts, digest, fact_count
from interlock.journal.port import AppendResult, Snapshot
from interlock.journal.reader import SqliteReader
from interlock.journal.recovery import seal as checksum
from interlock.journal.rewriting import rewrite
from interlock.journal.sealed_projection import NAME as TABLES
from interlock.journal.sealed_projection import SealedProjection
from interlock.journal.sealing import SealBroken, Sealer
from interlock.journal.sqlite import SqliteJournal
from tests.journal.test_sqlite import sql

from .stories import START, facts_of, grow, next_frame

KEY, OTHER = bytes(range(32)), bytes(32)
GOLDEN = (
    "c10102000000ea723c694039f4351f026d7eca42b5b6010000000000000078b274e17b91c17c7852ac99"
    "e9fd267306595c94179431fa3b3f41dfcfe89fe29b08a3765df517b2d69be055379e27915980ed45e7fd"
    "fc5f4e3c3ad348d9af6bc38a189a2aae1fd39d183b2e4b"
)
"""The first frame of a journal under ``KEY``, as the first version to seal wrote it."""
NONCE = slice(6, 30)
"""Salt and count in a sealed payload: they make key and nonce."""


def payloads(folder: Path) -> list[bytes]:
    connection = sqlite3.connect(folder / database.NAME)
    rows = connection.execute("SELECT payload FROM frames ORDER BY n").fetchall()
    connection.close()
    return [row[0] for row in rows]


def grown(folder: Path, frames: int = 4) -> list[Frame]:
    journal = SqliteJournal(folder, key=KEY)
    written = grow(journal, frames)
    journal.save_snapshot(3, b"state with signal1 in it")
    journal.close()
    return written


def test_nothing_is_readable_on_the_disk(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path, key=KEY)
    frames = grow(journal, 6)
    journal.save_snapshot(6, b"state with signal1 in it")
    while_open = [path.read_bytes() for path in tmp_path.iterdir()]
    journal.close()
    assert b"signal1" in b"".join(frame.payload for frame in frames)
    for data in (*while_open, *(path.read_bytes() for path in tmp_path.iterdir())):
        assert b"signal" not in data


def test_the_chain_is_checked_without_a_key_and_the_facts_are_counted(tmp_path: Path) -> None:
    frames = grown(tmp_path)
    previous = GENESIS
    for frame, payload in zip(frames, payloads(tmp_path), strict=True):
        stored = structs.replace(frame, payload=payload, sealed=b"")
        assert stored.previous == previous
        assert fact_count(payload) == fact_count(frame.payload)
        previous = digest(stored)
        assert previous == digest(frame)


def test_a_key_is_asked_for_and_only_the_right_one_taken(tmp_path: Path) -> None:
    frames = grown(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for opening in (SqliteJournal, SqliteReader):
        with pytest.raises(JournalSealed, match=r"is encrypted\. Set journal.encrypt = true"):
            opening(tmp_path)
        with pytest.raises(JournalSealed, match="is not the one that the journal"):
            opening(tmp_path, key=OTHER)
    assert (tmp_path / database.NAME).read_bytes() == before[database.NAME]
    reader = SqliteReader(tmp_path, key=KEY)
    assert list(reader.read(1)) == frames
    reader.close()


def test_a_plain_journal_is_not_gone_on_with_under_a_key(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    grow(journal, 2)
    journal.close()
    with pytest.raises(JournalPlain, match="interlock encrypt"):
        SqliteJournal(tmp_path, key=KEY)
    assert not database.encrypted(tmp_path)


RESEALED = "UPDATE frames SET payload=?, hash=? WHERE n=?"


def put(folder: Path, n: int, payload: bytes) -> None:
    """As somebody would who can write to the file: with a checksum that is right."""
    connection = sqlite3.connect(folder / database.NAME)
    row = connection.execute(
        "SELECT n, epoch, previous, at, first_seq FROM frames WHERE n=?", (n,)
    ).fetchone()
    forged = digest(Frame(*row, payload))
    with connection:
        connection.execute(RESEALED, (payload, forged, n))
    connection.close()


@pytest.mark.parametrize("how", ["bit", "moved", "plain", "other journal"])
def test_what_somebody_put_there_does_not_open(tmp_path: Path, how: str) -> None:
    """The last frame, whose checksum anybody can make anew."""
    frames = grown(tmp_path / "one")
    grown(tmp_path / "two")
    lies = payloads(tmp_path / "one")
    forged = {
        "bit": lies[3][:-1] + bytes((lies[3][-1] ^ 1,)),
        "moved": lies[0],
        "plain": frames[3].payload,
        "other journal": payloads(tmp_path / "two")[3],
    }[how]
    put(tmp_path / "one", 4, forged)
    journal = SqliteJournal(tmp_path / "one", key=KEY)
    try:
        with pytest.raises(JournalDamaged, match="frame 4 cannot be opened") as caught:
            list(journal.read(1))
        assert caught.value.first_bad == 4
    finally:
        journal.close()


def test_a_sealed_frame_in_a_plain_journal_is_damage(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    grow(journal, 2)
    journal.close()
    put(tmp_path, 2, bytes((SEALED,)) + bytes(60))
    reader = SqliteReader(tmp_path)
    with pytest.raises(JournalDamaged, match="frame 2 cannot be opened"):
        list(reader.read(1))
    reader.close()


def test_a_snapshot_opens_only_after_its_own_frame(tmp_path: Path) -> None:
    grown(tmp_path)
    connection = sqlite3.connect(tmp_path / database.NAME)
    (data,) = connection.execute("SELECT data FROM snapshots").fetchone()
    connection.close()
    warnings: list[str] = []
    journal = SqliteJournal(tmp_path, key=KEY, warn=warnings.append)
    assert journal.latest_snapshot() == Snapshot(3, b"state with signal1 in it")
    journal.close()
    sql(tmp_path, "UPDATE snapshots SET n=4, seal=?", checksum(4, data))
    journal = SqliteJournal(tmp_path, key=KEY, warn=warnings.append)
    assert journal.latest_snapshot() is None
    assert "snapshot after frame 4" in warnings[-1]
    journal.close()


def test_a_torn_frame_is_cut_and_stays_sealed_in_its_copy(tmp_path: Path) -> None:
    frames = grown(tmp_path)
    (tmp_path / "journal.mark").unlink()
    sql(tmp_path, "UPDATE frames SET payload=substr(payload, 1, 40) WHERE n=4")
    journal = SqliteJournal(tmp_path, key=KEY)
    assert journal.recovered is not None
    assert (journal.recovered.first_n, journal.recovered.facts) == (
        4,
        fact_count(frames[3].payload),
    )
    assert list(journal.read(1)) == frames[:3]
    journal.close()
    assert b"signal" not in (tmp_path / journal.recovered.aside).read_bytes()


GROW_AND_DIE = """
import os, signal, sys
from pathlib import Path
from interlock.journal.sqlite import SqliteJournal
from tests.journal.stories import next_frame
journal = SqliteJournal(Path(sys.argv[1]), key=bytes(range(32)))
sealed = journal.sealer.sealed(next_frame(journal)).sealed
print(sealed.hex(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_before_its_commit_never_meets_its_nonces_again(tmp_path: Path) -> None:
    """Each life seals the same first frame, is killed before it is written, and begins again."""
    seen = []
    for _ in range(3):
        command = [sys.executable, "-c", GROW_AND_DIE, str(tmp_path)]
        died = subprocess.run(command, capture_output=True, text=True, check=False)
        assert died.returncode == -signal.SIGKILL, died.stderr
        seen.append(bytes.fromhex(died.stdout)[NONCE])
    journal = SqliteJournal(tmp_path, key=KEY)
    first = next_frame(journal)
    assert journal.append(0, first) is AppendResult.OK
    journal.close()
    seen += [payload[NONCE] for payload in payloads(tmp_path)]
    assert len(set(seen)) == 4


@given(st.lists(st.binary(max_size=40), max_size=8), st.binary(max_size=8), st.integers(0, 200))
def test_what_is_sealed_opens_there_and_nowhere_else(
    plains: list[bytes], about: bytes, at: int
) -> None:
    sealer = Sealer(KEY)
    sealed = [sealer.seal(plain, about) for plain in plains]
    assert len({one[NONCE] for one in sealed}) == len(plains)
    for plain, one in zip(plains, sealed, strict=True):
        assert Sealer(KEY).open(one, about) == plain
        broken = bytearray(one)
        broken[at % len(one)] ^= 1
        for wrong, place, key in (
            (bytes(broken), about, KEY),
            (one[: at % len(one)], about, KEY),
            (one, about + b"x", KEY),
            (one, about, OTHER),
        ):
            with pytest.raises(SealBroken):
                Sealer(key).open(wrong, place)


def test_counts_never_repeat_in_one_life() -> None:
    sealer = Sealer(KEY)
    counts = [struct.unpack_from("<Q", sealer.seal(b"", b""), 22)[0] for _ in range(100)]
    assert counts == list(range(1, 101))


@pytest.mark.parametrize(("old", "new"), [(None, KEY), (KEY, None), (KEY, OTHER)])
def test_a_journal_is_rewritten_whole(tmp_path: Path, old: bytes | None, new: bytes | None) -> None:
    journal = SqliteJournal(tmp_path, key=old)
    before = [(f.n, f.epoch, f.at, f.first_seq, f.payload) for f in grow(journal, 5)]
    journal.save_snapshot(4, b"state with signal1 in it")
    journal.close()
    assert rewrite(tmp_path, old, new) == 5
    journal = SqliteJournal(tmp_path, key=new)
    after = [(f.n, f.epoch, f.at, f.first_seq, f.payload) for f in journal.read(1)]
    assert after == before
    assert journal.latest_snapshot() == Snapshot(4, b"state with signal1 in it")
    grow(journal, 1)
    journal.close()
    plain = any(b"signal1" in path.read_bytes() for path in tmp_path.iterdir())
    assert plain == (new is None)


def test_tables_are_kept_sealed_and_begun_from(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path, key=KEY)
    assert journal.sealer is not None
    grow(journal, 3)
    (tmp_path / "projection.db").write_bytes(b"plain, of a time before")
    tables = SealedProjection(tmp_path, journal.sealer)
    assert tables.catch_up(journal) == 3
    tables.close()
    assert not (tmp_path / "projection.db").exists()
    assert os.stat(tmp_path / TABLES).st_mode & 0o077 == 0
    again = SealedProjection(tmp_path, journal.sealer)
    assert (again.tail.n, again.catch_up(journal)) == (3, 0)
    again.close()
    warnings: list[str] = []
    data = (tmp_path / TABLES).read_bytes()
    (tmp_path / TABLES).write_bytes(data[:-1])
    anew = SealedProjection(tmp_path, journal.sealer, warnings.append)
    assert anew.catch_up(journal) == 3
    assert "made anew from the journal" in warnings[0]
    assert anew.rebuild(journal) == 3
    anew.close()
    journal.close()


def test_tables_of_a_journal_that_was_cut_begin_anew(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path, key=KEY)
    assert journal.sealer is not None
    grow(journal, 3)
    tables = SealedProjection(tmp_path, journal.sealer)
    tables.catch_up(journal)
    tables.close()
    sql(tmp_path, "DELETE FROM frames WHERE n=3")
    (tmp_path / "journal.mark").unlink()
    journal.close()
    journal = SqliteJournal(tmp_path, key=KEY)
    warnings: list[str] = []
    assert journal.sealer is not None
    tables = SealedProjection(tmp_path, journal.sealer, warnings.append)
    assert tables.catch_up(journal) == 2
    assert "the journal ends at 2" in warnings[0]
    tables.close()
    journal.close()


def test_a_damaged_journal_is_cut_without_a_key(tmp_path: Path) -> None:
    frames = grown(tmp_path, 6)
    sql(tmp_path, "UPDATE frames SET payload=substr(payload, 1, 40) WHERE n=5")
    with pytest.raises(JournalDamaged, match="frame 5 does not match its checksum"):
        SqliteJournal(tmp_path, key=KEY)
    aside = repair.cut_at(tmp_path, 5)
    assert b"signal" not in aside.read_bytes()
    journal = SqliteJournal(tmp_path, key=KEY)
    assert list(journal.read(1)) == frames[:4]
    assert journal.latest_snapshot() == Snapshot(3, b"state with signal1 in it")
    journal.close()


def test_what_the_first_version_sealed_is_read_for_ever() -> None:
    stored = Frame(1, 1, GENESIS, START, 1, bytes.fromhex(GOLDEN))
    assert decode_facts(Sealer(KEY).opened(stored).payload) == facts_of(1)
