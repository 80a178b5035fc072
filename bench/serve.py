"""Pairs per second over HTTP, signed and durable before their answer, and how long a request takes.

The server is its own process on the real entrance; the client another, on the same two cores.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAIRS, BATCH, SINGLES = 40_000, 500, 1_000
LIMITS = {
    "INTERLOCK_LIMITS_READING_PER_S": "10000000",
    "INTERLOCK_LIMITS_READING_BURST": "10000000",
    "INTERLOCK_LIMITS_PLACING_PER_S": "10000000",
    "INTERLOCK_LIMITS_PLACING_BURST": "10000000",
}


class Served:
    """A server with a key, in a folder that goes with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        environ = {**os.environ, **LIMITS, "INTERLOCK_MARKET_SOURCE": "generated:1"}
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "interlock", "serve", "--port", "0"),
                *("--data", self._folder.name),
            ],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        said = ""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said += line
            if line.startswith("Ctrl-C"):
                break
        port = re.search(r"127\.0\.0\.1:(\d+)/v1", said)
        password = re.search(r"once: (\S+)", said)
        assert port is not None and password is not None, said
        self.port, self.password = int(port[1]), password[1]

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()

    def memory_mb(self) -> float:
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", text)
        return int(found[1]) / 1024 if found else 0.0


def run(quick: bool) -> list[dict[str, Any]]:
    rows = []
    with Served() as server:
        for connections in (1,) if quick else (1, 2, 4):
            rows.append(load(server, "batches", connections, 1_000 if quick else PAIRS))
        rows.append(load(server, "singles", 1, 50 if quick else SINGLES))
        rows.append(load(server, "empty", 1, 50 if quick else SINGLES))
        rows.append({"server's memory, MB": round(server.memory_mb(), 1)})
    singles, empty = rows[-3], rows[-2]
    rows.append(
        {"single place to empty request, p50": round(singles["p50, ms"] / empty["p50, ms"], 2)}
    )
    return rows


def load(server: Served, kind: str, connections: int, count: int) -> dict[str, Any]:
    """What one client process says of one kind of load."""
    said = subprocess.run(
        [
            *(sys.executable, "-m", "bench.load", kind, str(server.port), server.password),
            *(str(connections), str(count), str(BATCH)),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    row: dict[str, Any] = json.loads(said)
    return row
