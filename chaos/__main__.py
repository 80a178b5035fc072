"""``script/chaos``: kill the real process, hurt its disk and its clock, and check what must hold.

Exits 1 when a promise was broken; the report names the seed and the folder, which is then kept.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from chaos.kills import KillRun
from chaos.life import Lives
from chaos.trial import Trial


def progress(what: str) -> None:
    sys.stderr.write(f"  {what}\n")
    sys.stderr.flush()


async def run(given: argparse.Namespace, folder: Path) -> int:
    until = time.monotonic() + given.minutes * 60
    async with Lives(folder) as lives:
        trial = Trial(lives, folder / "journal", given.seed)
        kills = await KillRun(trial, progress).run(given.kills, until)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(kills)).decode() + "\n")
    return 1 if kills.breaches else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="interlock-chaos-"))
    code = 1
    try:
        code = asyncio.run(run(given, folder))
    finally:
        if code == 0:
            shutil.rmtree(folder)
        else:
            sys.stderr.write(f"kept: {folder}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
