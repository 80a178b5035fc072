"""The demonstration on a real server: both orders end, and nothing is left behind, ever."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.cli.demo_serve import missed
from interlock.cli.errors import WorldTrouble

SECONDS_MAX = 90


def begun(folder: Path, speed: str = "400") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "interlock", "demo", "--serve", "--speed", speed],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
    )


def test_a_bracket_and_a_straddle_are_watched_until_they_are_done(tmp_path: Path) -> None:
    demo = begun(tmp_path)
    told, _ = demo.communicate(timeout=SECONDS_MAX)
    assert demo.returncode == 0, told
    assert "OrderDone              bracket" in told
    assert "OrderDone              straddle" in told
    assert "\x1b" not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_no_server_and_no_file(tmp_path: Path, number: int) -> None:
    demo = begun(tmp_path, "1")
    assert demo.stdout is not None
    port = 0
    for line in demo.stdout:
        if "A server in" in line:
            port = int(line.split("127.0.0.1:")[1].split()[0])
        if "Following" in line:
            break
    socket.create_connection(("127.0.0.1", port)).close()
    demo.send_signal(number)
    told, _ = demo.communicate(timeout=SECONDS_MAX)
    assert demo.returncode == 130, told
    assert "Interrupted" in told and "Traceback" not in told
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_server_that_ended_by_itself_says_why(tmp_path: Path) -> None:
    errors = tmp_path / "errors.txt"
    errors.write_text("the disk is full\n")
    with subprocess.Popen([sys.executable, "-c", ""], text=True) as server:
        server.wait()
        with pytest.raises(WorldTrouble, match="the disk is full"):
            missed(server, errors)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as server:
        missed(server, errors)
        assert server.stdin is not None
        server.stdin.close()
