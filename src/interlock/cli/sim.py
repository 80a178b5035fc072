"""``interlock sim``: whole worlds from seeds, and an auditor watching.

Decides how a run of worlds looks on a terminal. Invariant: a seed is the same world here and under
``python -m interlock.sim``; Ctrl-C leaves nothing running and says what was done.
"""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from interlock.cli.errors import BadInput
from interlock.cli.text import err
from interlock.sim.command import Refused, classes_of, folder_of, many, one, recipe_of, seeds_of
from interlock.sim.draw import plan_of
from interlock.sim.swarm import Tally

Seeds = Annotated[str, Parameter(help="FIRST..END, the end left out.")]
Seed = Annotated[int | None, Parameter(help="One world only.")]
Recipe = Annotated[Path | None, Parameter(help="A world written down when a seed broke.")]
Print = Annotated[bool, Parameter(name="--print", negative="", help="Tell the world's story.")]
Minutes = Annotated[float | None, Parameter(help="Stop after so many minutes.")]
Jobs = Annotated[int | None, Parameter(help="Processes; as many as there are cores.")]
Without = Annotated[
    str, Parameter(help="Classes of faults to leave out, with commas between them, or all.")
]
Recipes = Annotated[Path | None, Parameter(help="A folder for recipes; made if missing.")]


def sim(
    *,
    seeds: Seeds = "0..1000",
    seed: Seed = None,
    recipe: Recipe = None,
    story: Print = False,
    minutes: Minutes = None,
    jobs: Jobs = None,
    without: Without = "",
    recipes: Recipes = None,
) -> int:
    """Play made-up worlds full of faults and check every guarantee at every step.

    For example:

        interlock sim --seeds 0..1000

        interlock sim --seed 7 --print

        interlock sim --seeds 0..100000 --minutes 30 --jobs 2
    """
    _check(minutes, jobs)
    try:
        kinds = classes_of(without)
        if recipe is not None:
            return one(recipe_of(recipe), _say, story)
        folder = folder_of(recipes) if recipes is not None else None
        if seed is not None:
            return one(plan_of(seed, kinds), _say, story, folder)
        chosen = seeds_of(seeds)
    except Refused as refused:
        raise BadInput(str(refused)) from refused
    with _Bar(len(chosen)) as bar:
        cores = jobs or os.cpu_count() or 1
        return many(chosen, bar.say, kinds, cores, minutes, bar.advance, folder)


def _check(minutes: float | None, jobs: int | None) -> None:
    if minutes is not None and minutes <= 0:
        raise BadInput(f"--minutes {minutes}: more than 0. Leave it out to play every seed.")
    if jobs is not None and jobs < 1:
        raise BadInput(f"--jobs {jobs}: 1 or more. Leave it out to use every core.")


def _say(line: str) -> None:
    print(line, flush=True)


class _Bar:
    """Progress on a terminal, nothing in a pipe."""

    def __init__(self, seeds: int) -> None:
        console = err()
        self._bar = Progress(
            TextColumn("[bold]worlds"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[broken]} broken"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("worlds", total=seeds, broken=0)

    def __enter__(self) -> "_Bar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, total: Tally) -> None:
        self._bar.update(self._task, completed=total.worlds, broken=len(total.broken))

    def say(self, line: str) -> None:
        """A line beside the bar."""
        _say(line)
