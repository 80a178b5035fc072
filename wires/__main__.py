"""``script/wires``: worlds over the wire from seeds, several at once, each on a port of its own.

Decides what is run and how it is told. Exits 1 when a world broke. A seed repeats what is drawn;
sockets and timers are real, so what it meets can differ from run to run. Invariant: it leaves no
process, and without a breach no file behind, however it ends.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from chaos.life import Lives

from wires import session
from wires.world import Outcome, World

AT_ONCE, SERVED_AT_ONCE = 12, 2
TOLD_MAX = 20
INTERRUPTED = 130


class Played(Protocol):
    """What a seed came to."""

    @property
    def seed(self) -> int: ...
    @property
    def breaches(self) -> list[str]: ...


Kind = TypeVar("Kind", bound=Played)


def seeds(text: str) -> range:
    first, dots, last = text.partition("..")
    return range(int(first), int(last)) if dots else range(int(first), int(first) + 1)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def one(seed: int, story: bool) -> Outcome:
    """One world; its own bug is its verdict."""
    world = World(seed)
    (ended,) = await asyncio.gather(world.run(), return_exceptions=True)
    if isinstance(ended, BaseException):
        traceback.print_exception(ended)
        world.outcome.breaches.append(f"bug: {type(ended).__name__}: {ended}")
    if story:
        for line in world.story:
            say(line)
    return world.outcome


async def all_of(
    wanted: range, at_once: int, play: Callable[[int], Awaitable[Kind]], what: str
) -> list[Kind]:
    turn = asyncio.Semaphore(at_once)
    done: list[Kind] = []
    began = time.monotonic()
    every = 50 if what == "worlds" else 5

    async def guarded(seed: int) -> None:
        async with turn:
            outcome = await play(seed)
        done.append(outcome)
        for breach in outcome.breaches[:TOLD_MAX]:
            say(f"seed {seed}: {breach}")
        if len(done) % every == 0:
            rate = 60 * len(done) / (time.monotonic() - began)
            sys.stderr.write(f"{len(done)} of {len(wanted)} {what}, {rate:.0f} a minute\n")

    await asyncio.gather(*(guarded(seed) for seed in wanted))
    return done


async def in_process(given: argparse.Namespace) -> Sequence[Played]:
    began = time.monotonic()
    at_once = given.at_once or AT_ONCE
    wanted = seeds(given.seeds)
    found = await all_of(wanted, at_once, lambda seed: one(seed, given.story), "worlds")
    say(
        f"{len(found)} worlds in {time.monotonic() - began:.0f} s: "
        f"{sum(o.orders for o in found):,} orders, {sum(o.executions for o in found):,} "
        f"executions, {sum(o.faults for o in found):,} faults, {sum(o.kills for o in found):,} "
        f"kills, {sum(o.facts for o in found):,} facts; {verdict(found)}"
    )
    return found


async def served(given: argparse.Namespace, folder: Path) -> Sequence[Played]:
    began = time.monotonic()

    async def play(seed: int) -> session.Outcome:
        data = folder / f"seed-{seed}"
        played = await session.play(seed, lives, data, given.brackets)
        if given.story:
            for line in played.story:
                say(line)
        if played.outcome.breaches:
            (data / "story.txt").write_text("\n".join(played.story) + "\n")
        else:
            shutil.rmtree(data)
        return played.outcome

    async with Lives(folder) as lives:
        at_once = given.at_once or SERVED_AT_ONCE
        found = await all_of(seeds(given.seeds), at_once, play, "sessions")
    say(
        f"{sum(o.brackets for o in found):,} brackets in {len(found)} sessions and "
        f"{time.monotonic() - began:.0f} s: {sum(o.executions for o in found):,} executions, "
        f"{sum(o.struck for o in found):,} faults met, {sum(o.accidents for o in found):,} "
        f"accidents, {sum(o.others for o in found):,} acts of others, "
        f"{sum(o.kills for o in found):,} kills, {sum(o.repeated for o in found):,} asked again, "
        f"{sum(o.refused for o in found):,} refused, {sum(o.facts for o in found):,} facts; "
        f"{verdict(found)}"
    )
    return found


def verdict(found: Sequence[Played]) -> str:
    broken = sorted(outcome.seed for outcome in found if outcome.breaches)
    return f"broken: {broken}" if broken else "none broken"


async def run(given: argparse.Namespace, folder: Path) -> int:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    found = await (served(given, folder) if given.served else in_process(given))
    return 1 if any(outcome.breaches for outcome in found) else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/wires", description=__doc__)
    parser.add_argument("--seeds", default="0..100", help="FIRST..LAST, without the last")
    parser.add_argument("--at-once", type=int, help="worlds at the same time")
    parser.add_argument("--story", action="store_true", help="what happened, and every fact")
    parser.add_argument("--served", action="store_true", help="sessions of a real server instead")
    parser.add_argument("--brackets", type=int, default=session.BRACKETS, help="of each session")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="interlock-wires-"))
    code = 1
    try:
        code = asyncio.run(run(given, folder))
    except (asyncio.CancelledError, KeyboardInterrupt):
        code = INTERRUPTED
    finally:
        if code == 1 and given.served:
            sys.stderr.write(f"Kept, journals included: {folder}\n")
        else:
            shutil.rmtree(folder)
    return code


if __name__ == "__main__":
    sys.exit(main())
