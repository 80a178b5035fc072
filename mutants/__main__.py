"""``script/mutants``: plant one bug after another, and see the simulator catch each.

Decides which bugs are tried and how it is told. Exits 1 when a bug survived its seeds, when an
edit no longer applies, or when the worlds are not clean without any bug. Invariant: a bug counts
as caught only when a world broke a guarantee; one that merely ran out of time has survived.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
from rich.console import Console
from rich.table import Table

from mutants.bug import Bug
from mutants.table import BUGS
from mutants.trial import Verdict, try_out, unharmed

INTERRUPTED = 130


def main(arguments: list[str] | None = None, bugs: tuple[Bug, ...] = BUGS) -> int:
    given = read(arguments, bugs)
    chosen = [bug for bug in bugs if not given.only or bug.name in given.only]
    clean: list[Verdict] = []
    for first in sorted({bug.first for bug in chosen}):
        seeds = max(bug.seeds for bug in chosen if bug.first == first)
        clean.append(unharmed(seeds, first))
        progress(told(clean[-1], "clean"))
        if clean[-1].caught or clean[-1].detail:
            progress("The worlds are not clean without any bug: a catch would mean nothing.")
            return 1
    verdicts: list[Verdict] = []
    try:
        for verdict in verdicts_of(chosen, given.jobs):
            progress(told(verdict, "SURVIVED"))
            verdicts.append(verdict)
    except KeyboardInterrupt:
        return INTERRUPTED
    if given.json:
        document = {"unharmed": clean, "bugs": verdicts}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document)).decode() + "\n")
    else:
        tell(verdicts)
    return 0 if all(verdict.caught for verdict in verdicts) else 1


def read(arguments: list[str] | None, bugs: tuple[Bug, ...]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/mutants", description=__doc__)
    names = [bug.name for bug in bugs]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="repeatable")
    parser.add_argument("--jobs", type=int, default=1, help="trials at one time")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def verdicts_of(bugs: list[Bug], jobs: int) -> Iterator[Verdict]:
    """In the table's order, whoever is done first."""
    if jobs <= 1:
        yield from map(try_out, bugs)
        return
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(try_out, bugs)
        finally:
            pool.shutdown(cancel_futures=True)


def told(verdict: Verdict, otherwise: str) -> str:
    outcome = f"{verdict.caught_by} at seed {verdict.seed}" if verdict.caught else otherwise
    return f"{verdict.name}: {outcome} ({verdict.seconds} s) {verdict.detail}"


def tell(verdicts: list[Verdict]) -> None:
    """The table, as ``docs/SIMULATION.md`` shows it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("area", "planted bug", "caught by"):
        table.add_column(heading, no_wrap=True)
    for heading in ("seed", "within", "s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in verdicts:
        by = one.caught_by or "SURVIVED"
        seed = str(one.seed) if one.caught else "-"
        table.add_row(one.area, one.name, by, seed, str(one.bound), f"{one.seconds:.1f}")
    console = Console(width=max(100, Console().width) if not sys.stdout.isatty() else None)
    console.print(table)
    caught = sum(verdict.caught for verdict in verdicts)
    console.print(f"{caught} of {len(verdicts)} planted bugs caught", highlight=False)
    for one in verdicts:
        if not one.caught:
            console.print(f"{one.name}: {one.detail or 'survived all its seeds'}", highlight=False)


def progress(what: str) -> None:
    sys.stderr.write(f"{what[:200]}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
