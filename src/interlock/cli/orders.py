"""``interlock orders``: what became of orders, from a journal's projection or from a server.

Decides which of the two is asked. Invariant: nothing of a journal is changed but its projection,
which is caught up first when nobody else is writing.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console

from interlock.cli import looking
from interlock.cli.connect import ProfileName
from interlock.cli.errors import BadInput
from interlock.cli.facts import Json, OrderId, open_reader
from interlock.cli.journal_key import key_of
from interlock.cli.order_tree import Whole, moment, tree_of
from interlock.cli.text import err, out, plain_table
from interlock.journal.errors import JournalLocked
from interlock.journal.projection import NAME, Projection, Row
from interlock.journal.sealed_projection import SealedProjection, tables_of
from interlock.journal.sqlite import SqliteJournal

SHOWN_MAX = 100_000


def orders(
    folder: Annotated[
        Path | None, Parameter(help="A journal's folder; the profile's server when not given.")
    ] = None,
    *,
    order: OrderId = None,
    status: Annotated[
        str | None, Parameter(help="Only these: working, canceling, filled, canceled, expired ...")
    ] = None,
    profile: ProfileName = None,
    json: Json = False,
) -> int:
    """List orders, or show one with its legs, venue orders, fills and incidents.

    For example:

        interlock orders

        interlock orders ./j

        interlock orders ./j --status working --json

        interlock orders ./j --order wheat-42
    """
    if folder is None:
        if order is not None:
            return looking.order(order, profile=profile, json=json)
        return looking.list_orders(status, profile, json, SHOWN_MAX)
    open_reader(folder).close()
    projection = _caught_up(folder)
    try:
        if order is None:
            filters = {} if status is None else {"status": status}
            rows = projection.orders(filters=filters, limit=SHOWN_MAX)[::-1]
            _show_json(rows) if json else _show_table(rows, out())
            return 0
        row = projection.order(order)
        if row is None:
            raise BadInput(
                f"--order {order}: the journal in {folder} knows no order of this id. List them "
                f"with: interlock orders {folder}"
            )
        whole = _whole(projection, row)
        _show_json(whole) if json else out().print(tree_of(whole))
    finally:
        projection.close()
    return 0


def _caught_up(folder: Path) -> Projection:
    """The projection; as it is while another process has the journal."""
    notes = err()
    try:
        journal = SqliteJournal(folder, verify="tail", warn=notes.print, key=key_of(folder))
    except JournalLocked:
        return _beside_the_writer(folder, notes)
    try:
        projection = tables_of(folder, journal.sealer, notes.print)
        projection.catch_up(journal)
    finally:
        journal.close()
    return projection


def _beside_the_writer(folder: Path, notes: Console) -> Projection:
    reader = open_reader(folder)
    try:
        if reader.sealer is None:
            notes.print("Another process is writing this journal; it keeps these tables itself.")
            return Projection(folder / NAME, read_only=True)
        projection = SealedProjection(folder, reader.sealer, saves=False)
        projection.catch_up(reader)
        return projection
    finally:
        reader.close()


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
            moment(row["accepted_at"]),
            moment(row["done_at"]),
        )
    console.print(table)
