"""What ``interlock sim`` and ``python -m interlock.sim`` do.

Decides what a run of worlds says: progress, the tally, and of each broken seed the breach, the
smallest world that still breaks, and its story. Invariant: the exit code is 1 when anything broke.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from interlock.sim.draw import plan_of
from interlock.sim.plan import FaultClass, Plan, decode, encode
from interlock.sim.shrink import shrink
from interlock.sim.swarm import Tally, tallies
from interlock.sim.telling import Telling
from interlock.sim.world import play

SHOWN_MAX = 5
"""Broken seeds whose stories are told; the others are only named."""
SHRINK_S = 20.0

Say = Callable[[str], None]
Progress = Callable[[Tally], None]


class Refused(Exception):
    """An argument that cannot be used; the message names it, the rule and the way out."""


def seeds_of(text: str) -> range:
    """``A..B``: from A up to B, the end left out."""
    first, dots, end = text.partition("..")
    if not (dots and first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise Refused(
            f"--seeds {text}: two whole numbers, the first smaller, the last left out. "
            f"Write for example --seeds 0..1000."
        )
    return range(int(first), int(end))


def classes_of(text: str) -> tuple[FaultClass, ...]:
    """Names of fault classes, with commas between them."""
    known = [kind.value for kind in FaultClass]
    names = known if text == "all" else [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            raise Refused(
                f"--without {name}: no such class of faults. Name some of {', '.join(known)}, "
                f"with commas between them, or all."
            )
    return tuple(FaultClass(name) for name in names)


def recipe_of(path: Path) -> Plan:
    """A world written down."""
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise Refused(f"--recipe {path}: it cannot be read ({error.strerror}).") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise Refused(
            f"--recipe {path}: it is no recipe ({error}). Recipes are written when a seed breaks."
        ) from error


def folder_of(path: Path) -> Path:
    """A folder for recipes, made if it is not there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(
            f"--recipes {path}: no folder can be made there ({error.strerror})."
        ) from error
    return path


def one(plan: Plan, say: Say, story: bool, folder: Path | None = None) -> int:
    """Play one world; tell its story if asked to, or if it breaks."""
    outcome = play(plan)
    if story and not outcome.breaches:
        _story(plan, say)
    say(
        f"seed {plan.seed}: {len(plan.commands)} commands, {outcome.accepted} accepted, "
        f"{outcome.facts} facts, {outcome.restarts} restarts: "
        + (f"{len(outcome.breaches)} breaches" if outcome.breaches else "clean")
    )
    if not outcome.breaches:
        return 0
    broken(plan, say, folder)
    return 1


def broken(plan: Plan, say: Say, folder: Path | None = None, seconds: float = SHRINK_S) -> None:
    """Make a broken world small, tell its story, and leave its recipe."""
    small = shrink(plan, seconds)
    for breach in play(small).breaches[:3]:
        say(f"  {breach}")
    if folder is not None:
        path = folder / f"seed-{plan.seed}.json"
        path.write_bytes(encode(small))
        say("  the smallest world that still breaks, to be played again with:")
        say(f"    python -m interlock.sim --recipe {path} --print")
    _story(small, say)


def _story(plan: Plan, say: Say) -> None:
    telling = Telling(plan)
    outcome = play(plan, telling)
    for line in telling.lines:
        say(line)
    for breach in outcome.breaches:
        say(f"!! {breach}")


def many(
    seeds: range,
    say: Say,
    without: tuple[FaultClass, ...] = (),
    jobs: int = 1,
    minutes: float | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Play many worlds, and say what became of them; what was done by then if interrupted."""
    began = clock()
    end = None if minutes is None else began + minutes * 60
    total = Tally(broken={})
    interrupted = False
    blocks = tallies(seeds, without, jobs)
    try:
        for block in blocks:
            total.add(block)
            for seed, breach in block.broken.items():
                say(f"seed {seed}: {breach}")
            if progress is not None:
                progress(total)
            if end is not None and clock() >= end:
                break
    except KeyboardInterrupt:
        interrupted = True
    finally:
        blocks.close()  # type: ignore[attr-defined]
    say(summary(total, clock() - began, jobs))
    if interrupted:
        say(f"Interrupted after {total.worlds:,} of {len(seeds):,} seeds.")
        return 130
    _tell_broken(sorted(total.broken), without, say, folder)
    return 1 if total.broken else 0


def _tell_broken(
    seeds: Iterable[int], without: tuple[FaultClass, ...], say: Say, folder: Path | None
) -> None:
    for seed in list(seeds)[:SHOWN_MAX]:
        say(f"\nseed {seed}:")
        broken(plan_of(seed, without), say, folder)


def summary(total: Tally, seconds: float, jobs: int) -> str:
    rate = total.worlds / seconds if seconds else 0.0
    return (
        f"{total.worlds:,} worlds in {seconds:,.0f} s ({rate:,.1f} a second on {jobs} "
        f"{'core' if jobs == 1 else 'cores'}), {total.accepted:,} of {total.commands:,} commands "
        f"accepted, {total.facts:,} facts, {total.restarts:,} restarts: "
        f"{len(total.broken)} broke a guarantee"
    )
