"""The demonstration's live view: price, orders as trees, exposure and cover, facts scrolling by.

Decides how a moment looks. Invariant: everything shown comes from ticks seen and facts committed;
the view never asks the engine.
"""

from collections import deque

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from interlock.cli.demo_story import INSTRUMENT
from interlock.cli.text import time_text
from interlock.orders.documents import Document
from interlock.orders.facts import Fact, WatermarkMoved
from interlock.orders.grid import Grid
from interlock.orders.ticks import Quote, Trade
from interlock.runtime.summary import LegTrack, OrderTrack, Summary

BARS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 96
SPARK_EVERY_NS = 4_000_000_000
FACTS_KEPT = 60
TREES_HEIGHT = 44
"""Lines a terminal must have for every order as a tree."""
COVER_WIDTH = 20
COLOURS = {
    "held": "dim",
    "armed": "cyan",
    "triggered": "bold yellow",
    "sending": "yellow",
    "working": "blue",
    "recalling": "magenta",
    "unknown": "bold red",
    "filled": "bold green",
    "canceled": "dim strike",
    "rejected": "red",
    "expired": "dim",
}
LOUD = {
    "LegTriggered": "bold yellow",
    "LegClaimed": "bold magenta",
    "VenueOrderFilled": "bold green",
    "OrderAmended": "bold cyan",
    "IncidentOpened": "bold red",
    "OrderDone": "bold",
}


class View:
    """Sees every tick and hears every fact; ``drawn`` is the moment as it is."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._grid = Grid(INSTRUMENT)
        self._prices: deque[int] = deque(maxlen=SPARK_WIDTH)
        self._next_spark = 0
        self._facts: deque[Text] = deque(maxlen=FACTS_KEPT)
        self._watermarks = 0
        self._at = 0
        self._last = self._first = 0
        self.phase = ""

    def see(self, tick: Quote | Trade) -> None:
        self._at = tick.at
        if isinstance(tick, Quote):
            return
        self._last = tick.price
        self._first = self._first or tick.price
        if tick.at >= self._next_spark or not self._prices:
            self._prices.append(tick.price)
            self._next_spark = tick.at + SPARK_EVERY_NS
        else:
            # What happened between two points is shown by the one furthest from the point before.
            before = self._prices[-2] if len(self._prices) > 1 else tick.price
            if abs(tick.price - before) > abs(self._prices[-1] - before):
                self._prices[-1] = tick.price

    def hear(self, fact: Fact, document: Document) -> None:
        if isinstance(fact, WatermarkMoved):
            self._watermarks += 1
            return
        style = LOUD.get(type(fact).__name__, "")
        line = Text(_brief(document), style=style, no_wrap=True, overflow="ellipsis")
        self._facts.append(line)

    def drawn(self, width: int, height: int) -> RenderableType:
        layout = Layout()
        layout.split_column(
            Layout(self._price(width - 4), size=4),
            Layout(name="middle"),
            Layout(self._cover(), size=7),
        )
        layout["middle"].split_row(
            Layout(Panel(self._orders(height >= TREES_HEIGHT), title="orders"), ratio=5),
            Layout(Panel(self._tail(height - 13), title="facts"), ratio=6),
        )
        return layout

    def _price(self, width: int) -> RenderableType:
        move = (self._last - self._first) * 10_000 // self._first if self._first else 0
        line = Text.assemble(
            (f"{INSTRUMENT.symbol}  {self._grid.price_text(self._last)}", "bold"),
            (f"  {move / 100:+.2f} %", "green" if move >= 0 else "red"),
            f"   {time_text(self._at) if self._at else ''}",
            f"   {self._watermarks} moves of the trailing watermark",
            no_wrap=True,
            overflow="ellipsis",
        )
        newest = list(self._prices)[-width:]
        title = f"market: {self.phase}" if self.phase else "market"
        return Panel(Group(line, Text(_spark(newest), style="cyan", no_wrap=True)), title=title)

    def _orders(self, trees: bool) -> RenderableType:
        orders = self._summary.orders.values()
        if not orders:
            return Text("no order yet", style="dim")
        return Group(*(self._tree(o) if trees else self._compact(o) for o in orders))

    def _compact(self, order: OrderTrack) -> Text:
        """An order in a line or two, for a terminal too low for trees."""
        parts: list[str | tuple[str, str]] = [(order.terms.client_order_id, "bold")]
        for leg in order.legs:
            if leg.status not in ("canceled", "held"):
                parts += [f" {leg.terms.id} ", (leg.status, COLOURS.get(leg.status, ""))]
        return Text.assemble(*parts)

    def _tree(self, order: OrderTrack) -> Tree:
        style = "bold" if order.status in ("working", "canceling") else "dim"
        tree = Tree(Text(f"{order.terms.client_order_id}: {order.status}", style=style))
        self._add(tree, order, order.terms.root)
        for leg in order.legs[len(order.terms.legs) :]:
            tree.add(self._leg(leg))
        return tree

    def _add(self, above: Tree, order: OrderTrack, node: int) -> None:
        if node >= 0:
            above.add(self._leg(order.legs[node]))
            return
        relation = order.terms.relations[~node]
        branch = above.add(Text(relation.kind, style="dim"))
        for child in relation.children:
            self._add(branch, order, child)

    def _leg(self, leg: LegTrack) -> Text:
        grid, terms = self._grid, leg.terms
        at = f" @ {grid.price_text(leg.trigger_price)}" if leg.trigger_price is not None else ""
        filled = f" {grid.quantity_text(leg.cum)} filled" if leg.cum else ""
        return Text.assemble(
            f"{terms.id} {terms.type.value}{at} ",
            (leg.status, COLOURS.get(leg.status, "")),
            filled,
            no_wrap=True,
            overflow="ellipsis",
        )

    def _tail(self, lines: int) -> RenderableType:
        return Group(*list(self._facts)[-max(1, lines) :])

    def _cover(self) -> RenderableType:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for order in self._summary.orders.values():
            held, covered = order.exposure, order.covered
            entered = max(1, *(leg.terms.quantity for leg in order.legs))
            whole = min(COVER_WIDTH, held * COVER_WIDTH // entered)
            safe = covered * whole // held if held else 0
            table.add_row(
                order.terms.client_order_id,
                f"holds {self._grid.quantity_text(held)}",
                f"covered {self._grid.quantity_text(covered)}",
                Text.assemble(("█" * safe, "green"), ("█" * (whole - safe), "red")),
            )
        return Panel(table, title="exposure, and how much of it a live stop covers")


def _brief(document: Document) -> str:
    """A fact in the width of a column: when, what, whose, and what it is about."""
    at = document["at"]
    assert isinstance(at, int)
    whom = document.get("client_order_id", "")
    leg = document.get("leg")
    whom = f"{whom}.{leg}" if isinstance(leg, str) else whom
    about = [f"{document['quantity']}"] if "quantity" in document else []
    price = document.get("price", document.get("trigger_price"))
    about += [f"@ {price}"] if isinstance(price, str) else []
    about += [str(document[name]) for name in ("status", "reason", "kind") if name in document]
    words = (time_text(at)[11:], str(document["type"]).ljust(22), whom, *about)
    return " ".join(str(word) for word in words if word)


def _spark(prices: list[int]) -> str:
    low, high = min(prices, default=0), max(prices, default=0)
    reach = max(1, high - low)
    return "".join(BARS[(price - low) * (len(BARS) - 1) // reach] for price in prices)
