"""``interlock paper-venue`` as a process that a test can kill."""

import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType


class Venue:
    """``interlock paper-venue`` as a process, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0

    def __enter__(self) -> "Venue":
        self.start()
        return self

    def start(self) -> None:
        command = [sys.executable, "-m", "interlock", "paper-venue", "--data", str(self.folder)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        assert found is not None
        self.port = int(found[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
