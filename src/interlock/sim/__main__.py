"""Worlds from seeds: ``python -m interlock.sim --seed 7 [--print]``, or ``--seeds 0..1000``.

Exits 1 when a world broke a guarantee, 2 when an argument cannot be used.
"""

import argparse
import sys
from pathlib import Path

from interlock.sim.command import Refused, classes_of, folder_of, many, one, recipe_of, seeds_of
from interlock.sim.draw import plan_of


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m interlock.sim", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--seed", type=int, help="one world")
    what.add_argument("--seeds", default="0..100", help="FIRST..END, the end left out")
    what.add_argument("--recipe", type=Path, help="a world written down when a seed broke")
    parser.add_argument("--print", action="store_true", help="tell the world's story")
    parser.add_argument("--without", default="", help="classes of faults to leave out, or all")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--recipes", type=Path, help="a folder for recipes, made if missing")
    given = parser.parse_args(arguments)
    try:
        without = classes_of(given.without)
        if given.recipe is not None:
            return one(recipe_of(given.recipe), say, given.print)
        folder = folder_of(given.recipes) if given.recipes is not None else None
        if given.seed is not None:
            return one(plan_of(given.seed, without), say, given.print, folder)
        seeds = seeds_of(given.seeds)
    except Refused as refused:
        parser.error(str(refused))
    return many(seeds, say, without, max(1, given.jobs), given.minutes, folder=folder)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
