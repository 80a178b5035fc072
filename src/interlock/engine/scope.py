"""Reading the tree: fills, averages and who stands where.

Pure questions about one order's relations, shared by wants, prices and incidents. A node's fill is
a leg's own fills; an ``oto``'s is its first's (what its children exist for); an ``oco``'s and an
``all``'s are the sums of their nodes'.
"""

from interlock.engine.order import Order


def legs_under(order: Order, node: int) -> list[int]:
    """Leg numbers under a node, in the trader's order."""
    if node >= 0:
        return [node]
    out: list[int] = []
    for child in order.relations[~node].children:
        if child >= 0:
            out.append(child)
        else:
            out += legs_under(order, child)
    return out


def fill(order: Order, node: int, confirmed: bool = False) -> int:
    """What a node has filled; with ``confirmed`` leaving out fills still to be confirmed."""
    if node >= 0:
        leg = order.legs[node]
        return leg.cum - leg.unconfirmed if confirmed and leg.fills else leg.cum
    relation = order.relations[~node]
    if relation.kind == "oto":
        return fill(order, relation.children[0], confirmed)
    return sum(fill(order, child, confirmed) for child in relation.children)


def whole(order: Order, node: int) -> int:
    """The full quantity of a node, as ordered."""
    if node >= 0:
        return order.legs[node].terms.quantity
    relation = order.relations[~node]
    if relation.kind == "oto":
        return whole(order, relation.children[0])
    sizes = [whole(order, child) for child in relation.children]
    return max(sizes) if relation.kind == "oco" else sum(sizes)


def settled(order: Order, node: int) -> bool:
    """Whether nothing under the node can fill any more."""
    return all(
        order.legs[leg].ended and order.legs[leg].venue is None for leg in legs_under(order, node)
    )


def parents(order: Order) -> tuple[list[int], list[int]]:
    """The relation above each leg, and above each relation; -1 at the top."""
    above_leg = [-1] * len(order.legs)
    above_relation = [-1] * len(order.relations)
    for number, relation in enumerate(order.relations):
        for child in relation.children:
            if child >= 0:
                above_leg[child] = number
            else:
                above_relation[~child] = number
    return above_leg, above_relation


def chain(order: Order, leg: int) -> list[tuple[int, int]]:
    """From a leg upwards: each relation above it, with the child of it that the leg is under."""
    if not order.relations or order.legs[leg].terms.system:
        return []
    above_leg, above_relation = parents(order)
    out: list[tuple[int, int]] = []
    node, relation = leg, above_leg[leg]
    while relation != -1:
        out.append((relation, node))
        node, relation = ~relation, above_relation[relation]
    return out


def entry_of(order: Order, leg: int) -> int | None:
    """The node whose fills this leg exists for: the first of the nearest ``oto`` above it."""
    terms = order.legs[leg].terms
    if terms.system == "safety_stop":
        return order.relations[terms.scope].children[0]
    if terms.system:
        return None
    for relation, child in chain(order, leg):
        shape = order.relations[relation]
        if shape.kind == "oto" and child == shape.children[1]:
            return shape.children[0]
    return None


def entry_value(order: Order, node: int) -> tuple[int, int]:
    """(sum of quantity x price, quantity) of an entry node's fills."""
    if node < 0 and order.relations[~node].kind == "oto":
        return entry_value(order, order.relations[~node].children[0])
    value = quantity = 0
    for number in legs_under(order, node):
        leg = order.legs[number]
        if node < 0 and leg.terms.exits:
            continue
        value += leg.value
        quantity += leg.cum
    return value, quantity


def net(order: Order) -> dict[tuple[str, str], int]:
    """Signed quantity bought or sold and not undone, per (instrument, position side)."""
    out: dict[tuple[str, str], int] = {}
    for leg in order.legs:
        if leg.cum:
            key = (leg.terms.instrument, str(leg.terms.position_side or ""))
            out[key] = out.get(key, 0) + leg.terms.side * leg.cum
    return out


def child_with(order: Order, relation: int, leg: int) -> int:
    """The node directly under a relation that a leg stands under."""
    children = order.relations[relation].children
    return next(child for child in children if leg in legs_under(order, child))


def listed_entry(order: Order, leg: int) -> int:
    """The entry whose venue order is still live in the list that an exit waits in, or waited in:
    -1 when there is none."""
    if order.legs[leg].terms.system or not order.legs[leg].terms.exits:
        return -1
    entry = entry_of(order, leg)
    venue = order.legs[entry].venue if entry is not None and entry >= 0 else None
    return entry if entry is not None and venue is not None and venue.list_id else -1


def waits_in_list(order: Order, leg: int) -> bool:
    """Whether an exit waits at the venue for its entry, which is live there beside it."""
    venue = order.legs[leg].venue
    return venue is not None and venue.pending and listed_entry(order, leg) >= 0


def waited(order: Order, leg: int) -> bool:
    """Whether an exit was sent to wait for its entry, and that has not filled as far as we know."""
    venue = order.legs[leg].venue
    if venue is None or not venue.pending:
        return False
    entry = entry_of(order, leg)
    return entry is not None and fill(order, entry) < whole(order, entry)
