"""``script/wires``: worlds over the wire from seeds, several at once, each on a port of its own.

Decides what is run and how it is told. Exits 1 when a world broke. A seed repeats what is drawn;
sockets and timers are real, so what it meets can differ from run to run.
"""

import argparse
import asyncio
import sys
import time
import traceback

from wires.world import Outcome, World

AT_ONCE = 12
TOLD_MAX = 20


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


async def all_of(wanted: range, at_once: int, story: bool) -> list[Outcome]:
    turn = asyncio.Semaphore(at_once)
    done: list[Outcome] = []
    began = time.monotonic()

    async def guarded(seed: int) -> None:
        async with turn:
            outcome = await one(seed, story)
        done.append(outcome)
        for breach in outcome.breaches[:TOLD_MAX]:
            say(f"seed {seed}: {breach}")
        if len(done) % 50 == 0:
            rate = len(done) / (time.monotonic() - began)
            sys.stderr.write(f"{len(done)} of {len(wanted)} worlds, {rate:.1f}/s\n")

    await asyncio.gather(*(guarded(seed) for seed in wanted))
    return done


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/wires", description=__doc__)
    parser.add_argument("--seeds", default="0..100", help="FIRST..LAST, without the last")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="worlds at the same time")
    parser.add_argument("--story", action="store_true", help="what happened, and every fact")
    given = parser.parse_args()
    began = time.monotonic()
    found = asyncio.run(all_of(seeds(given.seeds), given.at_once, given.story))
    broken = sorted(outcome.seed for outcome in found if outcome.breaches)
    say(
        f"{len(found)} worlds in {time.monotonic() - began:.0f} s: "
        f"{sum(o.orders for o in found):,} orders, {sum(o.executions for o in found):,} "
        f"executions, {sum(o.faults for o in found):,} faults, {sum(o.kills for o in found):,} "
        f"kills, {sum(o.facts for o in found):,} facts; "
        + (f"broken: {broken}" if broken else "none broken")
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
