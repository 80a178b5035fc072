"""A trial: one planted bug in a copy of the source, and worlds played with the copy.

Decides whether the worlds' auditor notices a bug, and by what. Invariants: the source itself is
never touched; the worlds run in a process of their own, from the copy's folder, so that nothing
but the copy is imported; that process and the copy are gone when the trial is over.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from msgspec import Struct

from mutants.bug import Bug, NotPlantable, planted

SOURCE = Path(__file__).parent.parent / "src" / "interlock"
SECONDS_LEAST = 30.0
SECONDS_PER_SEED = 0.2
"""A trial gets so long. One that runs out of time has caught nothing."""
BROKEN = re.compile(r"seed (\d+): (.+?) broken at event_seq \d+: (.*)")
CLEAN = re.compile(r"worlds in .*: 0 broke a guarantee")


class Verdict(Struct):
    """What became of one trial."""

    name: str
    area: str
    bound: int
    """Seeds within which it must be caught."""
    caught_by: str = ""
    """The rule that was seen broken; empty when the bug survived."""
    seed: int = -1
    seconds: float = 0.0
    detail: str = ""

    @property
    def caught(self) -> bool:
        return bool(self.caught_by)


def try_out(bug: Bug, source: Path = SOURCE) -> Verdict:
    """Plant the bug in a copy, and play the seeds within which it must be caught."""
    verdict = Verdict(bug.name, bug.area, bug.seeds)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="interlock-mutant-") as folder:
        copy = copied(source, Path(folder))
        try:
            (copy / bug.path).write_text(planted(bug, copy))
        except NotPlantable as why:
            verdict.detail = str(why)
            return verdict
        play(Path(folder), verdict, bug.first)
    verdict.seconds = round(time.perf_counter() - began, 1)
    return verdict


def unharmed(seeds: int, first: int = 0, source: Path = SOURCE) -> Verdict:
    """The same worlds without any bug: they must be clean, or no catch means anything."""
    verdict = Verdict("(none)", "", seeds)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="interlock-mutant-") as folder:
        copied(source, Path(folder))
        play(Path(folder), verdict, first)
    verdict.seconds = round(time.perf_counter() - began, 1)
    return verdict


def copied(source: Path, folder: Path) -> Path:
    """The source without what was compiled or cached of it: that would not have the edit."""
    left_out = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    return Path(shutil.copytree(source, folder / "interlock", ignore=left_out))


def play(folder: Path, verdict: Verdict, first: int = 0) -> None:
    """Play seeds from ``first`` on with what lies in ``folder``, up to the first that breaks."""
    process = subprocess.Popen(
        [sys.executable, "-m", "interlock.sim", "--seeds", f"{first}..{first + verdict.bound}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    end = time.monotonic() + max(SECONDS_LEAST, SECONDS_PER_SEED * verdict.bound)
    try:
        _listen(process, verdict, end)
    finally:
        process.kill()
        process.communicate()


def _listen(process: "subprocess.Popen[str]", verdict: Verdict, end: float) -> None:
    assert process.stdout is not None
    said: list[str] = []
    clock = _alarm(process, end)
    try:
        for line in process.stdout:
            found = BROKEN.match(line)
            if found is not None:
                verdict.seed, verdict.caught_by = int(found[1]), found[2]
                verdict.detail = found[3].strip()
                return
            said.append(line.strip())
            if CLEAN.search(line):
                return
    finally:
        clock.cancel()
    over = time.monotonic() >= end
    verdict.detail = "out of time" if over else "did not run: " + " ".join(said[-2:])


def _alarm(process: "subprocess.Popen[str]", end: float) -> threading.Timer:
    """Ends the process when its time is over, which ends its output."""
    clock = threading.Timer(max(0.0, end - time.monotonic()), process.kill)
    clock.daemon = True
    clock.start()
    return clock
