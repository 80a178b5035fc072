"""What a run says at its end: one JSON object, or tables for people.

Decides the shape of the summary. Invariant: every number of an order is decimal text; floats only
ever say how long a run took.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct
from rich.console import Console

from interlock.audit.breach import Breach
from interlock.cli.playing import Play
from interlock.cli.text import plain_table, time_text
from interlock.market.inference import Inferred
from interlock.market.readers import MarketFile
from interlock.orders.rejects import Reject
from interlock.runtime.replay import Answered
from interlock.runtime.summary import Filled, OrderResult


class Refused(Struct, frozen=True):
    """A command that was answered with a no."""

    line: int
    at: int
    command: str
    client_order_id: str
    code: str
    path: str
    rule: str
    way_out: str


class Made(Struct, frozen=True):
    """An instrument that nobody described."""

    symbol: str
    price_increment: str
    quantity_increment: str
    note: str


class Skipped(Struct, frozen=True):
    file: str
    lines: int
    first: str
    """Why the first of them was passed over."""


class RunResult(Struct, frozen=True):
    began: int
    """The time of the first tick or command, ns UTC; ``ended`` is the last."""
    ended: int
    ticks: int
    facts: int
    commands: int
    seconds: float
    ticks_per_second: int
    seed: int
    refused: tuple[Refused, ...]
    inferred: tuple[Made, ...]
    skipped: tuple[Skipped, ...]


class CheckResult(Struct, frozen=True):
    passed: bool
    breaches: tuple[Breach, ...]


class Report(Struct, frozen=True, omit_defaults=True):
    orders: tuple[OrderResult, ...]
    run: RunResult
    check: CheckResult | None = None

    def json(self) -> str:
        return msgspec.json.encode(self).decode()


def run_result(
    play: Play,
    facts: int,
    seconds: float,
    inferred: Iterable[Inferred],
    skipped: Iterable[Skipped],
) -> RunResult:
    return RunResult(
        began=play.began,
        ended=play.now,
        ticks=play.ticks,
        facts=facts,
        commands=len(play.scene.commands),
        seconds=round(seconds, 3),
        ticks_per_second=int(play.ticks / seconds) if seconds else 0,
        seed=play.scene.seed,
        refused=tuple(_refused(answered) for answered in refusals(play)),
        inferred=tuple(
            Made(
                found.instrument.symbol,
                found.instrument.price_increment,
                found.instrument.quantity_increment,
                found.note,
            )
            for found in inferred
        ),
        skipped=tuple(skipped),
    )


def skipped_rows(files: Iterable[MarketFile]) -> list[Skipped]:
    return [
        Skipped(str(file.path), file.tally.skipped, file.tally.first_skipped)
        for file in files
        if file.tally.skipped
    ]


def refusals(play: Play) -> list[Answered]:
    return [found for found in play.answers if isinstance(found.answer, Reject)]


def _refused(answered: Answered) -> Refused:
    reject, command = answered.answer, answered.timed.command
    assert isinstance(reject, Reject)
    return Refused(
        line=answered.timed.line,
        at=answered.timed.at,
        command=str(command.__struct_config__.tag),
        client_order_id=getattr(command, "client_order_id", None) or "",
        code=reject.code.value,
        path=reject.path,
        rule=reject.rule,
        way_out=reject.way_out,
    )


def show(report: Report, console: Console) -> None:
    """The same for people."""
    show_orders(report.orders, console)
    run = report.run
    for refused in run.refused:
        where = f" at {refused.path}" if refused.path else ""
        console.print(
            f"line {refused.line}: {refused.command} {refused.client_order_id} refused: "
            f"{refused.code}{where}: {refused.rule} {refused.way_out}".rstrip(),
            style="yellow",
        )
    for skipped in run.skipped:
        console.print(f"{skipped.file}: {skipped.lines:,} lines skipped; first: {skipped.first}")
    console.print(
        f"{run.ticks:,} ticks, {run.commands:,} commands, {run.facts:,} facts; "
        f"{time_text(run.began)} to {time_text(run.ended)}; {run.seconds:.2f} s, "
        f"{run.ticks_per_second:,} ticks/s"
    )
    if report.check is not None:
        show_check(report.check, console)


def show_check(check: CheckResult, console: Console) -> None:
    if check.passed:
        console.print("check passed: I1 to I8 held, and a second run said the same", style="green")
        return
    console.print(f"check failed: {check.breaches[0]}", style="bold red")
    if len(check.breaches) > 1:
        console.print(f"and {len(check.breaches) - 1} more breaches after it", style="red")


def show_orders(orders: Iterable[OrderResult], console: Console) -> None:
    table = plain_table(
        console, "order", "client id", "instrument", "status", "entered", "exited", "fees", "profit"
    )
    table.add_column("incidents")
    rows = 0
    for order in orders:
        rows += 1
        table.add_row(
            order.order_id,
            order.client_order_id,
            order.instrument,
            order.status,
            filled_text(order.entry),
            filled_text(order.exit),
            order.fees,
            order.realised_profit,
            _incidents(order),
        )
    if rows:
        console.print(table)
    else:
        console.print("No order was accepted.")


def filled_text(filled: Filled) -> str:
    return "-" if filled.average_price is None else f"{filled.quantity} @ {filled.average_price}"


def _incidents(order: OrderResult) -> str:
    """What went wrong, and what was traded back because of it."""
    kinds = [i.kind + (" (open)" if i.open else "") for i in order.incidents]
    if order.correction.quantity != "0":
        kinds.append(f"undone {filled_text(order.correction)}")
    return ", ".join(kinds)
