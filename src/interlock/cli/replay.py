"""``interlock replay``: recorded or hand-written orders in a recorded market.

Decides what a run reads and leaves behind. Invariant: what a run says is done is done: a facts file
is complete or has another name, and what is in the journal is durable.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from interlock.audit.auditor import Auditor
from interlock.cli.errors import BadInput, Exit
from interlock.cli.facts_file import FactsFile
from interlock.cli.faults_file import Weathered, load_faults
from interlock.cli.keeping import Keeping
from interlock.cli.markets import Markets, find_markets
from interlock.cli.orders_file import OrdersFile, read_orders
from interlock.cli.playing import Play, Scene, same_frames
from interlock.cli.progress import ReplayProgress
from interlock.cli.report import CheckResult, Report, Skipped, run_result, show, skipped_rows
from interlock.cli.text import err, out, time_text
from interlock.journal.memory import MemoryJournal
from interlock.market.readers import MarketFile, merge
from interlock.orders.ticks import Tick
from interlock.runtime.summary import Summary

Orders = Annotated[
    Path,
    Parameter(
        help='One command per line: {"at": "<ISO 8601 or integer ns>", "place": {...}}, or amend, '
        "cancel, cancel_leg, cancel_all, close, expire, signal; and set_limits, kill, lift, "
        "define_signal, arm_countdown, disarm_countdown."
    ),
]
Market = Annotated[
    list[str],
    Parameter(
        consume_multiple=True,
        negative="",
        help="Files of trades, quotes, bars or depth (CSV, gzip or not), as FILE or SYMBOL=FILE.",
    ),
]
Instruments = Annotated[
    Path | None,
    Parameter(
        help="TOML with [[instrument]] tables. An instrument described nowhere gets its increments "
        "from the decimals of its data, and the run says so."
    ),
]
FaultsToml = Annotated[
    Path | None,
    Parameter(help="TOML with the paper exchange's faults; its [venue] table holds capabilities."),
]
JournalFolder = Annotated[
    Path | None,
    Parameter(
        help="A folder for the journal and its projection, which must hold no journal yet. In "
        "memory if left out."
    ),
]
FactsOut = Annotated[
    Path | None,
    Parameter(
        help="Write every fact as a line of JSON. Complete once it has its name; until then it is "
        "FILE.partial."
    ),
]
Json = Annotated[bool, Parameter(negative="", help="Print one summary object instead of tables.")]
Check = Annotated[
    bool,
    Parameter(
        negative="",
        help="Verify the guarantees I1 to I8 over the run, then play it a second time and compare "
        "every byte. A breach ends the run with exit code 1 and its name.",
    ),
]
SkipBad = Annotated[
    bool,
    Parameter(
        negative="", help="Count malformed lines and pass over them, instead of stopping at one."
    ),
]
Seed = Annotated[int, Parameter(help="Of the faults' chance.")]


def replay(
    *,
    orders: Orders,
    market: Market,
    instruments: Instruments = None,
    faults: FaultsToml = None,
    journal: JournalFolder = None,
    facts: FactsOut = None,
    json: Json = False,
    check: Check = False,
    skip_bad: SkipBad = False,
    seed: Seed = 0,
) -> int:
    """Play recorded or hand-written orders into a recorded market.

    The same inputs and seed give the same facts, byte for byte. For example:

        interlock replay --orders examples/orders.jsonl --market examples/BTCUSDT_trades.csv

        interlock replay --orders o.jsonl --market ES.CME=es.csv.gz GC.COMEX=gc.csv.gz --check

        interlock replay --orders o.jsonl --market m.csv --journal ./j --facts f.jsonl --json
    """
    if facts is not None and not facts.absolute().parent.is_dir():
        raise BadInput(f"--facts {facts}: there is no folder {facts.parent} to write it to.")
    asked = read_orders(orders, skip_bad)
    weathered = Weathered() if faults is None else load_faults(faults)
    markets = find_markets(market, instruments)
    scene = _scene(asked, weathered, markets, seed)
    notes = err()
    for inferred in markets.inferred:
        notes.print(inferred.note, style="yellow")
    keeping = Keeping(journal, notes)
    run = _Run(markets, skip_bad, keeping, scene, FactsFile(facts) if facts else None, check)
    try:
        report = run.report(asked, orders)
    except KeyboardInterrupt:
        notes.print(run.stopped())
        return Exit.INTERRUPTED
    finally:
        run.close()
    failed = report.check is not None and not report.check.passed
    if not json:
        show(report, out())
    else:
        print(report.json())
        if report.check is not None and failed:
            notes.print(f"check failed: {report.check.breaches[0]}", style="bold red")
    return Exit.CHECK_FAILED if failed else Exit.OK


def _scene(asked: OrdersFile, weathered: Weathered, markets: Markets, seed: int) -> Scene:
    for halt in weathered.faults.halts:
        if halt.instrument not in markets.instruments:
            known = ", ".join(markets.instruments)
            raise BadInput(f"halts: {halt.instrument!r} is not traded in this run. Known: {known}.")
    return Scene(
        instruments=tuple(markets.instruments.values()),
        commands=asked.commands,
        faults=weathered.faults,
        capabilities=weathered.capabilities,
        seed=seed,
    )


class _Run:
    """One replay with all that listens to it."""

    def __init__(
        self,
        markets: Markets,
        skip_bad: bool,
        keeping: Keeping,
        scene: Scene,
        facts: FactsFile | None,
        check: bool,
    ) -> None:
        self._markets = markets
        self._skip_bad = skip_bad
        self._keeping = keeping
        self._facts = facts
        self._check = check
        self._summary = Summary()
        listeners = [self._summary.hear] + ([] if facts is None else [facts.hear])
        self._play = Play(scene, keeping.journal, listeners, Auditor() if check else None)

    def report(self, asked: OrdersFile, orders: Path) -> Report:
        """Play, and say what came of it."""
        play = self._play
        files = self._files(play)
        with ReplayProgress(files) as progress:
            began = time.perf_counter()

            def advance(ticks: int, tick: Tick) -> None:
                progress.advance(ticks, tick)
                self._keeping.catch_up()

            play.run(_ticks(files), advance)
            seconds = time.perf_counter() - began
        self._keeping.catch_up(at_once=True)
        if self._facts is not None:
            self._facts.complete()
        skipped = skipped_rows(files)
        if asked.skipped:
            skipped.append(Skipped(str(orders), len(asked.skipped), asked.skipped[0]))
        run = run_result(play, self._summary.facts, seconds, self._markets.inferred, skipped)
        check = self._checked() if self._check else None
        return Report(tuple(self._summary.results()), run, check)

    def _checked(self) -> CheckResult:
        found = self._play.breaches()
        again = Play(self._play.scene, MemoryJournal())
        again.run(_ticks(self._files(again)))
        differs = same_frames(self._play.journal, again.journal)
        if differs is not None:
            found.append(differs)
        return CheckResult(not found, tuple(found))

    def _files(self, play: Play) -> list[MarketFile]:
        return [
            MarketFile(
                source.path,
                self._markets.instruments[source.symbol],
                self._skip_bad,
                play.position_sign,
            )
            for source in self._markets.sources
        ]

    def stopped(self) -> str:
        """What an interrupted run leaves behind."""
        play = self._play
        reached = f", at {time_text(play.now)} of the market" if play.now else ""
        said = [f"Interrupted after about {play.ticks:,} ticks{reached}."]
        said.append(self._keeping.durable())
        if self._facts is not None and self._facts.partial.exists():
            said.append(f"The facts so far are in {self._facts.partial}, which is not complete.")
        return " ".join(said)

    def close(self) -> None:
        if self._facts is not None:
            self._facts.abandon()
        self._keeping.close()


def _ticks(files: list[MarketFile]) -> Iterator[Tick]:
    return iter(merge(files))
