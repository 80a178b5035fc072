"""Many worlds: ``python -m interlock.sim --seeds 0..1000 [--faults] [--crashes N]``.

Exits 1 when any world broke a guarantee, naming its seed and the first breach.
"""

import argparse
import sys
import time

from interlock.sim.world import World


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m interlock.sim", description=__doc__)
    parser.add_argument("--seeds", default="0..100", help="FIRST..END, the end left out")
    parser.add_argument("--faults", action="store_true", help="a venue and a wire with faults")
    parser.add_argument("--crashes", type=int, default=0, help="kills per world, at random sends")
    given = parser.parse_args(arguments)
    first, dots, end = given.seeds.partition("..")
    if not (dots and first.isdigit() and end.isdigit() and int(first) < int(end)):
        parser.error(f"--seeds {given.seeds}: write FIRST..END, such as 0..100")
    began = time.perf_counter()
    broken = accepted = facts = restarts = 0
    for seed in range(int(first), int(end)):
        world = World(seed, given.faults, crashes=given.crashes)
        outcome = world.run()
        accepted += outcome.accepted
        facts += len(outcome.facts)
        restarts += world.restarts
        if outcome.breaches:
            broken += 1
            sys.stdout.write(f"seed {seed}: {outcome.breaches[0]}\n")
            sys.stdout.flush()
    count = int(end) - int(first)
    seconds = time.perf_counter() - began
    sys.stdout.write(
        f"{count:,} worlds, {accepted:,} commands accepted, {facts:,} facts, {restarts:,} kills, "
        f"{count / seconds:.1f} worlds/s: {broken} broke a guarantee\n"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
