"""Unfolding: sugar becomes relations, and every node learns its path in the request.

Decides the shape limits (depth, width, node counts). Invariant: after this there are only legs,
``oco``, ``oto`` and ``all``, and each still knows where the trader wrote it.
"""

from interlock.engine.branches import Branch, Leaf
from interlock.engine.refusal import refuse
from interlock.orders.rejects import RejectCode
from interlock.orders.tree import (
    DEPTH_MAX,
    WIDTH_MAX,
    All,
    Bracket,
    Node,
    Oco,
    Oto,
)


def given_ids(node: Branch | Leaf) -> dict[str, bool]:
    """Every leg id the trader wrote."""
    if isinstance(node, Leaf):
        return {node.leg.id: True} if node.leg.id else {}
    out: dict[str, bool] = {}
    for child in node.children:
        out |= given_ids(child)
    return out


def unfold(node: Node, path: str = "order", depth: int = 1, name: str = "") -> Branch | Leaf:
    """The tree without sugar."""
    if depth > DEPTH_MAX:
        refuse(
            RejectCode.TREE_TOO_DEEP,
            path,
            f"Relations nest at most {DEPTH_MAX} deep (DEPTH_MAX).",
            "Split the order.",
        )
    match node:
        case Oco():
            children = _many(node.legs, f"{path}.legs", depth, 2, "An oco")
            return Branch("oco", children, path, node.id or "", node.on_partial_fill)
        case All():
            children = _many(node.legs, f"{path}.legs", depth, 1, "An all")
            return Branch("all", children, path, node.id or "")
        case Oto():
            first = unfold(node.first, f"{path}.first", depth + 1)
            then = unfold(node.then, f"{path}.then", depth + 1)
            return Branch("oto", (first, then), path, node.id or "", activate_on=node.activate_on)
        case Bracket():
            return _bracket(node, path, depth)
        case _:
            return Leaf(node, path, name)


def _many(
    nodes: tuple[Node, ...], path: str, depth: int, least: int, what: str
) -> tuple[Branch | Leaf, ...]:
    if len(nodes) < least:
        refuse(
            RejectCode.TOO_FEW_NODES, path, f"{what} has {least} nodes or more, not {len(nodes)}."
        )
    if len(nodes) > WIDTH_MAX:
        refuse(
            RejectCode.TREE_TOO_WIDE,
            path,
            f"A relation has at most {WIDTH_MAX} nodes (WIDTH_MAX), not {len(nodes)}.",
            "Split the order.",
        )
    return tuple(unfold(n, f"{path}[{i}]", depth + 1) for i, n in enumerate(nodes))


def _bracket(node: Bracket, path: str, depth: int) -> Branch:
    entry = unfold(node.entry, f"{path}.entry", depth + 1, "entry")
    exits: list[Branch | Leaf] = []
    target = node.take_profit
    if isinstance(target, tuple):
        where = f"{path}.take_profit"
        many = _many(target, where, depth + 1, 1, "A list of targets")
        named = tuple(
            Leaf(n.leg, n.path, f"take_profit_{i + 1}") if isinstance(n, Leaf) else n
            for i, n in enumerate(many)
        )
        exits.append(Branch("all", named, where, sugar=True) if len(named) > 1 else named[0])
    elif target is not None:
        exits.append(unfold(target, f"{path}.take_profit", depth + 2, "take_profit"))
    if node.stop_loss is not None:
        exits.append(unfold(node.stop_loss, f"{path}.stop_loss", depth + 2, "stop_loss"))
    if not exits:
        refuse(
            RejectCode.MISSING_FIELD,
            path,
            "A bracket has a take_profit, a stop_loss or both.",
            "Add one, or place the entry alone.",
        )
    then = exits[0]
    if len(exits) == 2:
        then = Branch("oco", tuple(exits), path, "", node.on_partial_fill)
    return Branch("oto", (entry, then), path, node.id or "", activate_on=node.activate_on)
