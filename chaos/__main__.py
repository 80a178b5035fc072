"""``script/chaos``: kill the real process, hurt its disk and its clock, and check what must hold.

Decides what is run and how it is told. Exits 1 when a promise was broken; the report names the
seed and the folder, which is then kept. Invariant: it leaves no process, and without a breach no
file behind, however it ends.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from chaos.cases import CASES
from chaos.disks import NotAllowed
from chaos.kills import KillRun, Kills
from chaos.life import Lives
from chaos.trial import Outcome, Trial

INTERRUPTED = 130
BREACHES_SHOWN = 10
KILLS = "kills"


def progress(what: str) -> None:
    sys.stderr.write(f"{what}\n")
    sys.stderr.flush()


async def kills(lives: Lives, folder: Path, given: argparse.Namespace) -> tuple[Outcome, Kills]:
    until = time.monotonic() + given.minutes * 60
    trial = Trial(lives, folder / "journal", given.seed)
    found = await KillRun(trial, lambda what: progress(f"  {what}")).run(given.kills, until)
    seen = (
        f"{found.starting} while starting, {found.committing} at a write, {found.torn} left a torn "
        f"commit; {found.requests:,} requests, {found.resent:,} asked again, {found.landed:,} of "
        f"them had landed; "
        f"{found.orders:,} orders, {found.executions:,} executions, {found.facts:,} facts"
    )
    return Outcome(f"kill -9, {found.kills} times", seen, found.breaches), found


async def case(lives: Lives, folder: Path, seed: int, name: str) -> Outcome:
    folder.mkdir()
    began = time.perf_counter()
    try:
        outcome = await CASES[name](lives, folder, seed)
    except NotAllowed as why:
        outcome = Outcome(name, str(why), [], skipped=True)
    outcome.seconds = round(time.perf_counter() - began, 1)
    return outcome


async def everything(given: argparse.Namespace, folder: Path) -> tuple[list[Outcome], Kills | None]:
    outcomes: list[Outcome] = []
    found = None
    async with Lives(folder) as lives:
        for name in given.only or [KILLS, *CASES]:
            progress(f"{name} ...")
            if name == KILLS:
                (folder / KILLS).mkdir()
                outcome, found = await kills(lives, folder / KILLS, given)
                outcome.seconds = found.seconds
            else:
                outcome = await case(lives, folder / name, given.seed, name)
            outcomes.append(outcome)
            progress(f"  {verdict(outcome)} {outcome.seen}")
    return outcomes, found


def verdict(outcome: Outcome) -> str:
    if outcome.skipped:
        return "skipped"
    return "BROKEN" if outcome.breaches else "held"


def table(outcomes: list[Outcome]) -> str:
    lines = []
    for one in outcomes:
        lines.append(f"{verdict(one):8} {one.name:22} {one.seconds:6.1f} s  {one.seen}")
        lines += [f"           {breach[:2000]}" for breach in one.breaches[:BREACHES_SHOWN]]
        if len(one.breaches) > BREACHES_SHOWN:
            lines.append(f"           and {len(one.breaches) - BREACHES_SHOWN} more")
    return "\n".join(lines) + "\n"


async def run(given: argparse.Namespace, folder: Path) -> int:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    outcomes, found = await everything(given, folder)
    broken = any(outcome.breaches for outcome in outcomes)
    if given.json:
        document = {"seed": given.seed, "cases": outcomes, "kills": found}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document)).decode() + "\n")
    else:
        sys.stdout.write(table(outcomes))
    return 1 if broken else 0


def read(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=15.0, help="stop killing after so long")
    parser.add_argument("--only", action="append", choices=[KILLS, *CASES], help="repeatable")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def main() -> int:
    given = read()
    folder = Path(tempfile.mkdtemp(prefix="interlock-chaos-"))
    code = 1
    try:
        code = asyncio.run(run(given, folder))
    except (asyncio.CancelledError, KeyboardInterrupt):
        code = INTERRUPTED
    finally:
        if code in (0, INTERRUPTED):
            shutil.rmtree(folder)
        else:
            words = f"again: script/chaos --seed {given.seed} --kills {given.kills}"
            progress(f"Kept, journals included: {folder}\nThe same draws {words}")
    return code


if __name__ == "__main__":
    sys.exit(main())
