"""The board: live orders of a server with their legs, the market, and facts scrolling by.

Decides how a moment looks. Invariant: what an order looks like is asked of the server, never
guessed from facts; the facts only say whose turn it is to be asked again.
"""

import time
from collections import deque
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree

from interlock.cli.demo_view import COLOURS, LOUD
from interlock.cli.text import time_text
from interlock.client import Client, Fact, Message, Refused, Snapshot
from interlock.client.views import FromEntry, Leg, Level, Order

ORDERS_SHOWN = 12
ASKED_MAX = 6
"""Orders asked about between two drawings: a busy server is not kept busy by being watched."""
FACTS_KEPT = 60
LOOK_EVERY_S = 0.2
QUIET = frozenset(("WatermarkMoved", "RequestAnswered"))


class Board:
    """Hears a stream; ``look`` asks about what has changed, ``drawn`` is how it stands."""

    def __init__(self, client: Client, title: str) -> None:
        self._client = client
        self._title = title
        self._orders: dict[str, Order | None] = {}
        self._changed: dict[str, None] = {}
        self._facts: deque[Text] = deque(maxlen=FACTS_KEPT)
        self._market = ""
        self._looked = 0.0

    def due(self) -> bool:
        """Whether it is time for another look, however much is heard."""
        return time.monotonic() - self._looked >= LOOK_EVERY_S

    def hear(self, message: Message) -> None:
        if isinstance(message, Snapshot):
            for line in message.orders[:ORDERS_SHOWN]:
                self._note(line.order_id)
            return
        if message.order_id:
            self._note(message.order_id)
        if message.type not in QUIET:
            style = LOUD.get(message.type, "")
            self._facts.append(
                Text(fact_line(message), style=style, no_wrap=True, overflow="ellipsis")
            )

    def _note(self, order_id: str) -> None:
        self._orders.setdefault(order_id, None)
        self._changed[order_id] = None
        while len(self._orders) > ORDERS_SHOWN:
            # The one that is done goes first, else the oldest.
            done = (name for name, order in self._orders.items() if order and order.done)
            gone = next(done, next(iter(self._orders)))
            del self._orders[gone]
            self._changed.pop(gone, None)

    def look(self) -> None:
        self._looked = time.monotonic()
        for order_id in list(self._changed)[:ASKED_MAX]:
            del self._changed[order_id]
            try:
                self._orders[order_id] = self._client.order(order_id)
            except Refused as why:
                if why.code != "NOT_FOUND":
                    raise
                self._orders.pop(order_id, None)
        self._market = "   ".join(
            f"{one.symbol} {one.last}" + (" halted" if one.halted else "")
            for one in self._client.instruments()
            if one.last is not None
        )

    def drawn(self, height: int) -> RenderableType:
        layout = Layout()
        layout.split_column(
            Layout(Panel(Text(self._market or "no price yet"), title=self._title), size=3),
            Layout(name="middle"),
        )
        facts = Group(*list(self._facts)[-max(1, height - 5) :])
        layout["middle"].split_row(
            Layout(Panel(self._trees(), title="orders")),
            Layout(Panel(facts, title="facts")),
        )
        return layout

    def _trees(self) -> RenderableType:
        orders = [order for order in self._orders.values() if order is not None]
        if not orders:
            return Text("no order yet", style="dim")
        return Group(*(tree(order) for order in reversed(orders)))


def tree(order: Order) -> Tree:
    top = Tree(
        Text(f"{order.client_order_id}: {order.status}", style="dim" if order.done else "bold")
    )
    for leg in order.legs:
        top.add(leg_text(leg))
    return top


def leg_text(leg: Leg) -> Text:
    level = leg.trigger_price if leg.trigger_price is not None else leg.price
    at = f" @ {level_text(level)}" if level is not None else ""
    filled = f" {leg.cum_quantity} filled" if leg.cum_quantity else ""
    return Text.assemble(
        f"{leg.leg} {leg.side} {leg.type}{at} ",
        (leg.status, COLOURS.get(leg.status, "")),
        filled,
        no_wrap=True,
        overflow="ellipsis",
    )


def level_text(level: Level) -> str:
    """A price; one that waits for its entry as the distance it will be at."""
    if isinstance(level, FromEntry):
        return f"entry {level.from_entry}"
    return str(level)


def fact_line(fact: Fact) -> str:
    """When, what, whose, and what it is about."""
    whom = fact.client_order_id or fact.order_id
    whom = f"{whom}.{fact.leg}" if fact.leg else whom
    quantity = fact.get("quantity")
    price = fact.get("price")
    price = fact.get("trigger_price") if price is None else price
    about: Iterable[object] = (
        *([quantity] if quantity is not None else []),
        *([f"@ {price}"] if price is not None else []),
        *(fact.get(name) for name in ("status", "reason", "kind", "detail") if fact.get(name)),
    )
    words = (time_text(fact.at)[11:], fact.type.ljust(22), whom, *about)
    return " ".join(str(word) for word in words if word)
