"""An order as a tree on a terminal: relations, legs, what was sent for each, and its fills.

Decides how it reads. Invariant: it is made of a journal's rows or of a server's answer alike, for
their fields have the same names.
"""

import msgspec
from rich.tree import Tree

from interlock.cli.text import time_text
from interlock.journal.projection import Row

Whole = dict[str, Row | list[Row]]
Legs = dict[object, Row]


def moment(at: object) -> str:
    return time_text(at) if isinstance(at, int) else "-"


def tree_of(whole: Whole) -> Tree:
    order = whole["order"]
    assert isinstance(order, dict)
    document = msgspec.json.decode(str(order["document"]))
    legs: Legs = {leg["leg"]: leg for leg in _rows(whole, "legs")}
    top = Tree(
        f"{order['client_order_id']} ({order['order_id']}) {order['status']}, account "
        f"{order['account']}, accepted {moment(order['accepted_at'])}, done "
        f"{moment(order['done_at'])}"
    )
    shown = _add_node(top, document, legs, whole)
    for name, leg in legs.items():
        if name not in shown:
            _add_leg(top, leg, whole)
    for incident in _rows(whole, "incidents"):
        ended = f"closed {moment(incident['closed_at'])}: {incident['outcome']}"
        top.add(
            f"incident {incident['kind']} {moment(incident['opened_at'])}: {incident['detail']} "
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
            f"{moment(venue_order['sent_at'])}"
        )
        for fill in _rows(whole, "fills"):
            if fill["venue_order_id"] == venue_order["venue_order_id"]:
                sent.add(
                    f"fill {fill['quantity']} @ {fill['price']} {moment(fill['at'])} "
                    f"({fill['exec_id']})"
                )


def _rows(whole: Whole, name: str) -> list[Row]:
    rows = whole[name]
    assert isinstance(rows, list)
    return rows
