"""``interlock demo``: orders living through a flash crash, without files or network.

Decides the pace of what is shown. Invariant: the pace is the view's alone: what happens is the same
for the same seed, watched or not.
"""

import time
from collections.abc import Callable, Iterator
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.live import Live

from interlock.cli.demo_serve import SPEED, demo_serve
from interlock.cli.demo_story import CRASH_AT_NS, INSTRUMENT, STRETCHES, Story, wall_seconds
from interlock.cli.demo_view import View
from interlock.cli.errors import Exit
from interlock.cli.facts import fact_text
from interlock.cli.playing import Play, Scene
from interlock.cli.report import filled_text
from interlock.cli.text import out, plain_table
from interlock.journal.memory import MemoryJournal
from interlock.market.script import SECOND_NS, START_NS
from interlock.orders.documents import Document
from interlock.orders.facts import Fact, WatermarkMoved
from interlock.orders.grid import Grid
from interlock.orders.ticks import Quote, Tick, Trade
from interlock.orders.wire import FactWire
from interlock.runtime.summary import OrderResult, Summary

FRAME_S = 0.1
SEED = 4
PHASES = ("calm", "trend", "calm before the crash", "flash crash, wick and recovery")
NEXT = (
    "interlock demo --seed 7               another market, the same orders",
    "interlock replay --orders examples/orders.jsonl --market examples/BTCUSDT_trades.csv --check",
    "                                      orders from a file in a market from a file",
    "interlock replay ... --journal ./j    keep everything that happened",
    "interlock orders ./j --order ID       an order with its legs, venue orders and fills",
    "interlock facts ./j --order ID        why: every fact about it",
)

Seed = Annotated[int, Parameter(help="Of the made-up market.")]
Fast = Annotated[bool, Parameter(negative="", help="As fast as it goes, instead of 30 seconds.")]
Plain = Annotated[
    bool,
    Parameter(negative="", help="One line per fact; chosen by itself when there is no terminal."),
]


def demo(
    *,
    fast: Fast = False,
    plain: Plain = False,
    seed: Seed = SEED,
    serve: Annotated[
        bool,
        Parameter(negative="", help="On a real server instead: serve, place and watch, for real."),
    ] = False,
    speed: Annotated[
        float, Parameter(help="With --serve: how many times as fast as real time the market is.")
    ] = SPEED,
) -> int:
    """Watch a bracket, a ladder, a trailing stop and a straddle live through a flash crash.

    For example:

        interlock demo

        interlock demo --serve

        interlock demo --fast --plain

        interlock demo --seed 7
    """
    if serve:
        return demo_serve(seed, speed, plain)
    console = out()
    show = _Show(seed, console)
    try:
        if plain or not console.is_terminal:
            show.tell(paced=console.is_terminal and not fast)
        else:
            show.watch(paced=not fast)
    except KeyboardInterrupt:
        console.print("Interrupted. What had become of each order by then:")
        show.summarise()
        return Exit.INTERRUPTED
    show.summarise()
    return Exit.OK


class _Show:
    """One demonstration."""

    def __init__(
        self,
        seed: int,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._story = Story(seed)
        self._console = console
        self._clock = clock
        self._sleep = sleep
        self._summary = Summary()
        self._wire = FactWire()
        self._view = View(self._summary)
        self._scene = Scene((INSTRUMENT,), tuple(self._story.commands()))
        self._low = self._before = 0

    def tell(self, paced: bool) -> None:
        """One line per fact; in the end nothing is missing but the moves of the watermark."""

        def say(fact: Fact, document: Document) -> None:
            if not isinstance(fact, WatermarkMoved):
                self._console.print(fact_text(document))

        self._play(say, self._seen(paced, lambda: None, self._announce))

    def watch(self, paced: bool) -> None:
        """The live view, over the whole screen."""
        with Live(console=self._console, screen=True, auto_refresh=False) as live:

            def draw() -> None:
                size = self._console.size
                live.update(self._view.drawn(size.width, size.height), refresh=True)

            self._play(self._view.hear, self._seen(paced, draw, self._set_phase))
            draw()

    def _play(self, said: Callable[[Fact, Document], None], ticks: Iterator[Tick]) -> None:
        def hear(first_seq: int, facts: list[Fact]) -> None:
            for seq, fact in enumerate(facts, first_seq):
                said(fact, self._wire.document(seq, fact))

        play = Play(self._scene, MemoryJournal(), [self._summary.hear, hear])
        play.run(ticks)

    def _seen(
        self, paced: bool, draw: Callable[[], None], enter: Callable[[str], None]
    ) -> Iterator[Quote | Trade]:
        """Every tick at its moment: early enough is drawn, too early is waited for."""
        began = drawn = self._clock()
        ends = iter(_phase_begins())
        phase, phase_at = next(ends)
        for tick in self._story.ticks:
            while tick.at >= phase_at:
                enter(phase)
                phase, phase_at = next(ends, ("", 1 << 62))
            self._note(tick)
            self._view.see(tick)
            due = began + wall_seconds(tick.at) if paced else 0.0
            while (ahead := due - self._clock()) > 0:
                self._sleep(min(ahead, FRAME_S))
                drawn = self._drawn(draw, drawn)
            drawn = self._drawn(draw, drawn)
            yield tick

    def _drawn(self, draw: Callable[[], None], before: float) -> float:
        """Draw unless that was a moment ago; when it was last done."""
        if self._clock() - before < FRAME_S:
            return before
        draw()
        return self._clock()

    def _note(self, tick: Quote | Trade) -> None:
        """The extremes of the crash, for the summary."""
        if not isinstance(tick, Trade):
            return
        if tick.at < CRASH_AT_NS:
            self._before = self._low = tick.price
        else:
            self._low = min(self._low, tick.price)

    def _announce(self, phase: str) -> None:
        self._console.print(f"-- {phase}")

    def _set_phase(self, phase: str) -> None:
        self._view.phase = phase

    def summarise(self) -> None:
        """What each order did, and what to try next."""
        console, grid = self._console, Grid(INSTRUMENT)
        fell = (self._before - self._low) * 10_000 // self._before if self._before else 0
        console.print()
        console.print(
            f"The market stood at {grid.price_text(self._before)}; its lowest trade was "
            f"{grid.price_text(self._low)}, {fell // 100}.{fell % 100:02d} % below."
        )
        table = plain_table(console, "order", "status", "entered", "exited", "profit", "fees")
        table.add_column("what happened")
        for order in self._summary.results():
            table.add_row(
                order.client_order_id,
                order.status,
                filled_text(order.entry),
                filled_text(order.exit),
                order.realised_profit,
                order.fees,
                _told(order),
            )
        console.print(table)
        console.print("\nNothing is left behind. Try next:")
        for line in NEXT:
            console.print(f"  {line}")


def _phase_begins() -> Iterator[tuple[str, int]]:
    at = START_NS
    for phase, stretch in zip(PHASES, STRETCHES, strict=True):
        yield phase, at
        at += stretch.seconds * SECOND_NS


def _told(order: OrderResult) -> str:
    """An order's story in a few words: who won, and who was stood down."""
    won = [leg.leg for leg in order.legs if leg.status == "filled"]
    gone = [leg.leg for leg in order.legs if leg.status == "canceled"]
    said = f"{', '.join(won)} filled" if won else "nothing filled"
    said += f"; {', '.join(gone)} stood down" if gone else ""
    return f"{said}; {len(order.incidents)} incidents" if order.incidents else said
