"""Many worlds, on one core or several.

Decides which process plays which seeds. Invariant: a seed's outcome does not depend on who played
it, and nothing is left running when the caller stops listening.
"""

import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice

from msgspec import Struct

from interlock.sim.draw import plan_of
from interlock.sim.plan import FaultClass
from interlock.sim.world import play

BLOCK = 25
"""Seeds that one process plays in a row."""


class Tally(Struct):
    """What became of some seeds."""

    worlds: int = 0
    commands: int = 0
    accepted: int = 0
    facts: int = 0
    restarts: int = 0
    broken: dict[int, str] = {}
    """By seed: the first breach."""

    def add(self, other: "Tally") -> None:
        self.worlds += other.worlds
        self.commands += other.commands
        self.accepted += other.accepted
        self.facts += other.facts
        self.restarts += other.restarts
        self.broken = self.broken | other.broken


def tally(seeds: Iterable[int], without: tuple[FaultClass, ...] = ()) -> Tally:
    """Play seeds one after another."""
    out = Tally()
    for seed in seeds:
        outcome = play(plan_of(seed, without))
        out.worlds += 1
        out.commands += len(outcome.plan.commands)
        out.accepted += outcome.accepted
        out.facts += outcome.facts
        out.restarts += outcome.restarts
        if outcome.breaches:
            out.broken[seed] = str(outcome.breaches[0])
    return out


def tallies(seeds: range, without: tuple[FaultClass, ...], jobs: int) -> Iterator[Tally]:
    """Play seeds in blocks; each is told of when it is done. Closing this stops the rest."""
    blocks = (seeds[n : n + BLOCK] for n in range(0, len(seeds), BLOCK))
    if jobs == 1:
        for block in blocks:
            yield tally(block, without)
        return
    pool = ProcessPoolExecutor(jobs, initializer=_leave_interrupts_alone)
    running: set[Future[Tally]] = set()
    try:
        for block in islice(blocks, jobs * 2):
            running.add(pool.submit(tally, block, without))
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for block in islice(blocks, len(done)):
                running.add(pool.submit(tally, block, without))
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts_alone() -> None:
    """Ctrl-C reaches the whole group; the one who asked stops the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
