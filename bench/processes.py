"""The processes of ``serve``: started here, spoken to in lines, and ended by their own pid."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Spoken:
    """``python -m MODULE ARGUMENTS``, which answers a line with a line."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it ended with {self._process.wait(30)}"
        return line.strip()

    def ask(self, line: str) -> Any:
        self.say(line)
        return json.loads(self.hear())

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """SIGTERM; whatever it says at its end can still be heard."""
        self._process.send_signal(signal.SIGTERM)

    def __enter__(self) -> "Spoken":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._process.wait(60)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def memory_mb(self) -> float:
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", text)
        return int(found[1]) / 1024 if found else 0.0

    def cpu_s(self) -> float:
        """Seconds of a core it has taken so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Served(Spoken):
    """The server, in a folder that goes with it."""

    def __init__(self, *switches: object) -> None:
        self._folder = tempfile.TemporaryDirectory()
        super().__init__("bench.host", self._folder.name, *switches)
        port, self.password = self.hear().split()
        self.port = int(port)

    def recalls(self) -> dict[str, list[int]]:
        """End it; what it wrote down."""
        self.end()
        found: dict[str, list[int]] = json.loads(self.hear())
        return found

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._folder.cleanup()

    def load(self, kind: str, connections: int, count: int, batch: int = 500) -> dict[str, Any]:
        """What one client process says of one kind of load."""
        with self.begin(kind, connections, count, batch) as client:
            said: dict[str, Any] = json.loads(client.hear())
        return said

    def begin(self, kind: str, connections: int, count: int, batch: int) -> Spoken:
        """A client process; it says what it has measured when it is done."""
        arguments = (kind, self.port, self.password, connections, count, batch)
        return Spoken("bench.load", *arguments)
