"""The audit trail: what is in it, what never is, and what a bad disk does to it."""

from __future__ import annotations

import os
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlock.api.access.errors import AccessUnavailable
from interlock.api.access.trail import NAME, Trail
from tests.api.access.desk import START, Clock


def lines(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def place(trail: Trail, number: int = 0) -> None:
    trail.record("ik_1", "192.0.2.7", "POST", "/v1/orders", 200, "", f"r{number}")


def test_a_request_is_a_line_without_its_query(tmp_path: Path):
    trail = Trail(tmp_path, Clock())
    trail.record("ik_1", "::1", "GET", "/v1/stream?ticket=secret", 403, "SCOPE_MISSING", "r1")
    assert not lines(tmp_path / NAME)
    trail.flush()
    assert lines(tmp_path / NAME) == [
        {
            "at": START,
            "who": "ik_1",
            "address": "::1",
            "method": "GET",
            "path": "/v1/stream",
            "status": 403,
            "code": "SCOPE_MISSING",
            "request_id": "r1",
        }
    ]
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    trail.close()


def test_what_a_client_sends_cannot_make_a_line_of_its_own(tmp_path: Path):
    trail = Trail(tmp_path, Clock())
    trail.record("ik_1", "::1", "GET", '/a\n{"at": 1}\r\u2028\ud800' + "x" * 10_000, 404)
    trail.close()
    (line,) = lines(tmp_path / NAME)
    assert line["path"].startswith('/a\n{"at": 1}')
    assert (tmp_path / NAME).stat().st_size < 2_000


def test_the_trail_goes_on_after_a_restart_and_after_a_torn_line(tmp_path: Path):
    for number in range(2):
        trail = Trail(tmp_path, Clock())
        place(trail, number)
        trail.close()
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"at": 18')
    trail = Trail(tmp_path, Clock())
    place(trail, 2)
    trail.close()
    whole = (tmp_path / NAME).read_bytes().splitlines()
    assert len(whole) == 4
    assert msgspec.json.decode(whole[3])["request_id"] == "r2"


def test_files_are_turned_over_and_the_oldest_goes(tmp_path: Path):
    trail = Trail(tmp_path, Clock(), bytes_max=1_000, files_max=3)
    for number in range(200):
        place(trail, number)
        trail.flush()
    trail.close()
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == [NAME, f"{NAME}.1", f"{NAME}.2"]
    assert all(path.stat().st_size <= 1_000 for path in files)
    kept = [line["request_id"] for path in reversed(files) for line in lines(path)]
    assert kept == [f"r{number}" for number in range(200 - len(kept), 200)]


def test_one_file_is_enough_where_only_one_may_be(tmp_path: Path):
    trail = Trail(tmp_path, Clock(), bytes_max=1_000, files_max=1)
    for number in range(50):
        place(trail, number)
        trail.flush()
    trail.close()
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert lines(tmp_path / NAME)[-1]["request_id"] == "r49"


def test_on_a_full_disk_requests_wait_in_memory_and_the_lost_ones_are_counted(tmp_path: Path):
    trail = Trail(tmp_path, Clock(), buffered_max=10)
    place(trail)
    trail.flush()
    size = (tmp_path / NAME).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 150, before[1]))
    try:
        for number in range(1, 16):
            place(trail, number)
        with pytest.raises(AccessUnavailable, match="Free space"):
            trail.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / NAME).stat().st_size == size  # no half of a batch
    trail.flush()
    trail.close()
    found = lines(tmp_path / NAME)
    assert [line["request_id"] for line in found[:-1]] == [f"r{n}" for n in range(11)]
    assert found[-1] == {"at": START, "lost": 5}


def test_a_trail_that_cannot_be_opened_ends_the_start(tmp_path: Path):
    (tmp_path / NAME).mkdir()
    with pytest.raises(AccessUnavailable, match="cannot be opened"):
        Trail(tmp_path, Clock())
    assert os.listdir(tmp_path) == [NAME]
