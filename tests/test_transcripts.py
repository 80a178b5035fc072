"""Golden transcripts: a trader's story line by line, and below each line what Interlock said.

A block is one or more inputs, ``----``, then facts (``>``), requests to the venue (``<``) and
answers (``=``). ``REWRITE=1 script/test tests/test_transcripts.py`` writes what is said now, here
and where ``docs/SEMANTICS.md`` quotes it; read every difference before committing it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlock.engine.order import Order
from interlock.orders.commands import Accepted
from interlock.orders.rejects import Reject
from interlock.orders.reports import (
    Amended,
    CancelReason,
    Connection,
    Position,
    VenueReject,
    VenueStatus,
)
from interlock.orders.requests import AmendVenueOrder
from interlock.orders.ticks import Trade
from tests import golden
from tests.scenarios.orders import bracket, exits, ladder, straddle
from tests.tape import MS, SECOND, Tape

FOLDER = Path(__file__).with_name("transcripts")
STORIES = sorted(FOLDER.glob("*.txt"))
DOCUMENT = Path(__file__).parent.parent / "docs" / "SEMANTICS.md"
QUOTED = re.compile(r"^```text (\w+\.txt)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

ORDERS: dict[str, Callable[..., dict[str, Any]]] = {
    "bracket": bracket,
    "ladder": ladder,
    "exits": exits,
    "straddle": straddle,
    "breakdown": lambda: straddle() | {"legs": straddle()["legs"][::-1]},
}
SPANS = {"ms": MS, "s": SECOND}
POLICY = ("hold", "on_", "dust", "confirm_fill_ms")


class Story:
    """Plays one transcript: each input line is a method, its words are the arguments."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.order_id = ""

    @property
    def order(self) -> Order:
        return self.tape.state.orders[self.order_id]

    def line(self, text: str) -> list[str]:
        """One input; what was said because of it."""
        verb, *words = text.split()
        tape = self.tape
        said: list[str] = []
        give = tape._give

        def heard(item: Any) -> Any:
            tape.said = []
            decision = give(item)
            said.extend(tape.said)
            return decision

        tape.answer = None
        tape._give = heard  # type: ignore[method-assign]
        getattr(self, verb)(*words)
        tape._give = give  # type: ignore[method-assign]
        if isinstance(tape.answer, Reject):
            said.append(f"= refused: {tape.answer.code}")
        elif isinstance(tape.answer, Accepted):
            said.append("= accepted")
        return said

    def venue(self, *abilities: str) -> None:
        """What the venue can do, before anything is placed."""
        self.tape = Tape(**dict.fromkeys(abilities, True))

    def place(self, name: str, *settings: str) -> None:
        pairs = dict(setting.split("=") for setting in settings)
        policy = {
            key: int(value) if value.isdigit() else value
            for key, value in pairs.items()
            if key.startswith(POLICY)
        }
        shape = {key: value for key, value in pairs.items() if key not in policy}
        order = ORDERS[name](**shape)
        answer = self.tape.refused_or_placed(order, policy=policy)
        assert isinstance(answer, Accepted), answer
        self.order_id = answer.order_id

    def ack(self, *legs: str) -> None:
        self.tape.ack(self.order, *legs)

    def trade(self, price: str) -> None:
        self.tape.trade(price)

    def trade_of(self, age: str, price: str) -> None:
        """A trade that reaches us late."""
        units = self.tape._price(price, "BTC.PAPER")
        self.tape.give(Trade("BTC.PAPER", self.tape.at - span(age), units, 1))

    def quote(self, bid: str, ask: str) -> None:
        self.tape.quote(bid, ask)

    def fill(self, leg: str, quantity: str, at: str, price: str, exec_id: str = "") -> None:
        assert at == "@"
        self.tape.fill(self.order, leg, int(quantity), price, exec_id)

    def canceled(self, leg: str, reason: str = "requested") -> None:
        self.tape.canceled(self.order, leg, CancelReason(reason))

    def cancel_refused(self, leg: str, code: str) -> None:
        self.tape.cancel_refused(self.order, leg, VenueReject(code))

    def rejected(self, leg: str, code: str) -> None:
        self.tape.rejected(self.order, leg, VenueReject(code))

    def amended(self, leg: str) -> None:
        """The venue does what it was last asked to change about this leg."""
        asked = [
            request
            for request in self.tape.requests
            if isinstance(request, AmendVenueOrder)
            and request.client_id == self.tape.id(self.order, leg)
        ]
        one = asked[-1]
        self.tape.give(
            Amended(
                self.tape.at,
                one.client_id,
                one.quantity,
                one.price,
                one.trigger_price,
                one.request,
            )
        )

    def status(self, leg: str, status: str, *fills: str) -> None:
        """The answer to a query; fills as ``exec_id:quantity@price``."""
        told = [re.split("[:@]", fill) for fill in fills]
        executions = [(name, int(quantity), price) for name, quantity, price in told]
        self.tape.status(self.order, leg, VenueStatus(status), *executions)

    def wait(self, time: str) -> None:
        self.tape.wait(span(time))

    def restart(self) -> None:
        self.tape.restart()

    def disconnect(self) -> None:
        self.tape.give(Connection(self.tape.at, "PAPER", up=False))

    def reconnect(self) -> None:
        self.tape.give(Connection(self.tape.at, "PAPER", up=True))

    def position(self, quantity: str) -> None:
        self.tape.at += SECOND
        tape = self.tape
        tape.give(Position(tape.at, "main", "BTC.PAPER", int(quantity), tape.at))

    def cancel(self, exposure: str) -> None:
        self.tape.command("cancel", order_id=self.order_id, exposure=exposure)

    def amend(self, leg: str, field: str, value: str) -> None:
        self.tape.command("amend", order_id=self.order_id, legs={leg: {field: value}})


def span(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(ms|s)", text).groups()  # type: ignore[union-attr]
    return int(number) * SPANS[unit]


def played(script: str) -> str:
    """The transcript anew: comments and inputs kept, everything below ``----`` as said now."""
    story = Story()
    out: list[str] = []
    for block in script.strip().split("\n\n"):
        inputs = block.split("\n----")[0].split("\n")
        out += inputs
        said = [x for line in inputs if not line.startswith("#") for x in story.line(line)]
        if any(not line.startswith("#") for line in inputs):
            out += ["----", *said]
        out.append("")
    return "\n".join(out[:-1]) + "\n"


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_is_told_as_it_was(path):
    golden.check(path, played(path.read_text()))


def test_every_quoted_transcript_is_the_one_that_is_played():
    text = DOCUMENT.read_text()
    if golden.REWRITE:
        text = QUOTED.sub(lambda m: f"```text {m[1]}\n{(FOLDER / m[1]).read_text()}```", text)
        DOCUMENT.write_text(text)
    quoted = dict(QUOTED.findall(text))
    assert sorted(quoted) == [path.name for path in STORIES], "every story is told in the document"
    for name, block in quoted.items():
        assert block == (FOLDER / name).read_text(), name


def test_the_drawn_table_of_leg_states_is_quoted():
    drawing = Path(__file__).with_name("engine") / "leg_table.txt"
    text = DOCUMENT.read_text()
    if golden.REWRITE:
        text = re.sub(
            r"```text leg_table\n.*?```",
            f"```text leg_table\n{drawing.read_text()}```",
            text,
            flags=re.S,
        )
        DOCUMENT.write_text(text)
    assert f"```text leg_table\n{drawing.read_text()}```" in text


def test_a_story_can_fail():
    good = (FOLDER / "late_fill.txt").read_text()
    assert played(good) == good
    assert played(good.replace("trade 94.00", "trade 96.00")) != good
