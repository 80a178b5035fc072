"""``interlock orders``: what became of the orders of a journal, from its projection.

Decides how an order reads as a tree. Invariant: nothing is changed but the projection, which is
caught up first when nobody else is writing.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.tree import Tree

from interlock.cli.errors import BadInput
from interlock.cli.facts import Folder, Json, OrderId, open_reader
from interlock.cli.text import err, out, plain_table, time_text
from interlock.journal.errors import JournalLocked
from interlock.journal.projection import NAME, Projection, Row
from interlock.journal.sqlite import SqliteJournal

SHOWN_MAX = 100_000


def orders(
    folder: Folder,
    *,
    order: OrderId = None,
    status: Annotated[
        str | None, Parameter(help="Only these: working, canceling, filled, canceled, expired ...")
    ] = None,
    json: Json = False,
) -> int:
    """List the orders of a journal, or show one with its legs, venue orders, fills and incidents.

    For example:

        interlock orders ./j

        interlock orders ./j --status working --json

        interlock orders ./j --order wheat-42
    """
    open_reader(folder).close()
    projection = _caught_up(folder)
    try:
        if order is None:
            rows = projection.orders(status=status, limit=SHOWN_MAX)[::-1]
            _show_json(rows) if json else _show_table(rows, out())
            return 0
        row = projection.order(order)
        if row is None:
            raise BadInput(
                f"--order {order}: the journal in {folder} knows no order of this id. List them "
                f"with: interlock orders {folder}"
            )
        whole = _whole(projection, row)
        _show_json(whole) if json else out().print(_tree(whole))
    finally:
        projection.close()
    return 0


Whole = dict[str, Row | list[Row]]
Legs = dict[object, Row]


def _caught_up(folder: Path) -> Projection:
    """The projection; as it is while another process has the journal."""
    notes = err()
    try:
        journal = SqliteJournal(folder, verify="tail", warn=notes.print)
    except JournalLocked:
        notes.print("Another process is writing this journal; it keeps these tables itself.")
        return Projection(folder / NAME, read_only=True)
    try:
        projection = Projection(folder / NAME, warn=notes.print)
        projection.catch_up(journal)
    finally:
        journal.close()
    return projection


def _whole(projection: Projection, row: Row) -> Whole:
    order_id = str(row["order_id"])
    return {
        "order": row,
        "legs": projection.legs(order_id),
        "venue_orders": projection.venue_orders(order_id),
        "fills": projection.fills(order_id, SHOWN_MAX),
        "incidents": projection.incidents(order_id=order_id),
    }


def _show_json(found: list[Row] | Whole) -> None:
    rows = found if isinstance(found, list) else [found["order"]]
    for row in rows:
        assert isinstance(row, dict)
        row["document"] = msgspec.json.decode(str(row["document"]))
    for leg in found["legs"] if isinstance(found, dict) else ():
        assert isinstance(leg, dict)
        leg["document"] = msgspec.json.decode(str(leg["document"]))
    print(msgspec.json.encode(found).decode())


def _show_table(rows: list[Row], console: Console) -> None:
    if not rows:
        console.print("No order.")
        return
    table = plain_table(
        console, "order", "client id", "account", "instrument", "status", "accepted", "done"
    )
    for row in rows:
        table.add_row(
            *(str(row[name]) for name in ("order_id", "client_order_id", "account")),
            *(str(row[name]) for name in ("instrument", "status")),
            _time(row["accepted_at"]),
            _time(row["done_at"]),
        )
    console.print(table)


def _time(at: object) -> str:
    return time_text(at) if isinstance(at, int) else "-"


def _tree(whole: Whole) -> Tree:
    order = whole["order"]
    assert isinstance(order, dict)
    document = msgspec.json.decode(str(order["document"]))
    legs: Legs = {leg["leg"]: leg for leg in _rows(whole, "legs")}
    top = Tree(
        f"{order['client_order_id']} ({order['order_id']}) {order['status']}, account "
        f"{order['account']}, accepted {_time(order['accepted_at'])}, done "
        f"{_time(order['done_at'])}"
    )
    shown = _add_node(top, document, legs, whole)
    for name, leg in legs.items():
        if name not in shown:
            _add_leg(top, leg, whole)
    for incident in _rows(whole, "incidents"):
        ended = f"closed {_time(incident['closed_at'])}: {incident['outcome']}"
        top.add(
            f"incident {incident['kind']} {_time(incident['opened_at'])}: {incident['detail']} "
            f"({'open' if incident['closed_at'] is None else ended})"
        )
    return top


def _add_node(above: Tree, node: dict[str, object], legs: Legs, whole: Whole) -> set[object]:
    """A relation with what is below it, or a leg; answers the legs shown."""
    children = [node[name] for name in ("first", "then") if name in node]
    several = node.get("legs")
    children += several if isinstance(several, list) else []
    if not children:
        leg = legs.get(node["id"])
        if leg is not None:
            _add_leg(above, leg, whole)
        return {node["id"]}
    branch = above.add(f"{node['type']} ({node['id']})")
    shown: set[object] = set()
    for child in children:
        assert isinstance(child, dict)
        shown |= _add_node(branch, child, legs, whole)
    return shown


def _add_leg(above: Tree, leg: Row, whole: Whole) -> None:
    at = [f"{name} {leg[name]}" for name in ("price", "trigger_price") if leg[name] is not None]
    why = f" ({leg['reason']})" if leg["reason"] else ""
    branch = above.add(
        f"{leg['leg']}: {leg['type']} {leg['side']} {leg['quantity']} {leg['instrument']}"
        f"{' '.join(['', *at])}: {leg['status']}, filled {leg['cum_quantity']}{why}"
    )
    for venue_order in _rows(whole, "venue_orders"):
        if venue_order["leg"] != leg["leg"]:
            continue
        sent = branch.add(
            f"{venue_order['venue_order_id']} {venue_order['order_type']} "
            f"{venue_order['quantity']}: {venue_order['status']}, sent "
            f"{_time(venue_order['sent_at'])}"
        )
        for fill in _rows(whole, "fills"):
            if fill["venue_order_id"] == venue_order["venue_order_id"]:
                sent.add(
                    f"fill {fill['quantity']} @ {fill['price']} {_time(fill['at'])} "
                    f"({fill['exec_id']})"
                )


def _rows(whole: Whole, name: str) -> list[Row]:
    rows = whole[name]
    assert isinstance(rows, list)
    return rows
