"""Accepted terms as a readable document: the order tree again, with every number as decimal text.

Decides how ``terms`` look on the wire. Invariant: what is absent or at its default is left out, and
every name and shape is the one a trader would have written (DESIGN 2.1 to 2.5).
"""

from collections.abc import Callable, Mapping

import msgspec

from interlock.orders.conditions import PriceSource
from interlock.orders.grid import Grid
from interlock.orders.legs import TimeInForce
from interlock.orders.numbers import decimal_text
from interlock.orders.terms import (
    Atom,
    AtomKind,
    LegTerms,
    Logic,
    OrderTerms,
    PolicyTerms,
    PriceTerm,
    Relation,
    RuleChange,
    Span,
    When,
)
from interlock.orders.tree import ActivateOn

Document = dict[str, object]
Grids = Mapping[str, Grid]
LegName = Callable[[int], str | int]

SIGNAL_PLACES = 18
NS_PER_MS = 1_000_000


def side_text(sign: int) -> str:
    return "buy" if sign > 0 else "sell"


def relation_name(number: int, relation: Relation) -> str:
    """What the wire calls a relation: its own id, or its kind and number, ``oco#1``."""
    return relation.id or f"{relation.kind}#{number}"


def order_document(terms: OrderTerms, grids: Grids) -> Document:
    """Everything of an accepted order but its ids."""

    def name(leg: int) -> str:
        return terms.legs[leg].id

    document: Document = {
        "account": terms.account,
        "order": _node(terms, terms.root, grids, name),
        "policy": _policy(terms.policy),
    }
    if terms.rules:
        document["rules"] = [
            {
                "when": {"leg_filled": name(rule.leg)},
                "amend": {
                    name(change.leg): _change(change, grids.get(terms.legs[change.leg].instrument))
                    for change in rule.changes
                },
            }
            for rule in terms.rules
        ]
    if terms.tag:
        document["tag"] = terms.tag
    if terms.key:
        document["key"] = terms.key
    if terms.digest:
        document["digest"] = terms.digest
    return document


def leg_document(leg: LegTerms, grids: Grids, name: LegName) -> Document:
    """One leg as its trader would have written it, plus what was resolved for it."""
    grid = grids.get(leg.instrument)
    document: Document = {
        "type": leg.type.value,
        "id": leg.id,
        "instrument": leg.instrument,
        "side": side_text(leg.side),
        "quantity": quantity_text(leg.quantity, grid),
        "hold": leg.hold.value,
    }
    document.update(_prices(leg, grid))
    if leg.trigger_by is not PriceSource.LAST:
        document["trigger_by"] = leg.trigger_by.value
    if leg.confirm_ticks:
        document["trigger_confirm"] = {"ticks": leg.confirm_ticks}
    elif leg.confirm_ns:
        document["trigger_confirm"] = {"ms": leg.confirm_ns // NS_PER_MS}
    if leg.display_quantity is not None:
        document["display_quantity"] = quantity_text(leg.display_quantity, grid)
    if leg.time_in_force is not TimeInForce.GTC:
        document["time_in_force"] = leg.time_in_force.value
    if leg.expire_at is not None:
        document["expire_at"] = leg.expire_at
    for flag in ("post_only", "reduce_only", "exits"):
        if getattr(leg, flag):
            document[flag] = True
    if leg.position_side is not None:
        document["position_side"] = leg.position_side.value
    if leg.when is not None:
        document["when"] = _when(leg.when, leg.instrument, grids, name)
    if leg.escalate_ns is not None:
        document["escalate"] = {"after_ms": leg.escalate_ns // NS_PER_MS, "to": "market"}
    if leg.system:
        document["system"] = leg.system
    return document


def price_text(units: int, grid: Grid | None, halves: bool = False) -> str | int:
    """Decimal text of a price; the bare increments where the instrument is not known any more."""
    if grid is None:
        return units
    if halves:
        return decimal_text(units * grid.price.mantissa * 5, grid.price.places + 1)
    return grid.price_text(units)


def quantity_text(units: int, grid: Grid | None) -> str | int:
    return units if grid is None else grid.quantity_text(units)


def money_text(units: int, grid: Grid | None) -> str | int:
    return units if grid is None else grid.money_text(units)


def _node(terms: OrderTerms, node: int, grids: Grids, name: LegName) -> Document:
    if node >= 0:
        return leg_document(terms.legs[node], grids, name)
    relation = terms.relations[~node]
    document: Document = {"type": relation.kind, "id": relation_name(~node, relation)}
    children = [_node(terms, child, grids, name) for child in relation.children]
    if relation.kind != "oto":
        if relation.kind == "oco":
            document["on_partial_fill"] = relation.on_partial_fill.value
        return {**document, "legs": children}
    first, then = children
    document["first"] = first
    if relation.activate_on is not ActivateOn.EACH_FILL:
        document["activate_on"] = relation.activate_on.value
    return {**document, "then": then}


def _span(span: Span) -> Document:
    return {"bps": span.bps} if span.bps else {"ticks": span.ticks}


def _price_term(term: PriceTerm, grid: Grid | None) -> object:
    return {"from_entry": _span(term)} if isinstance(term, Span) else price_text(term, grid)


def _prices(source: LegTerms | RuleChange, grid: Grid | None) -> Document:
    document: Document = {}
    if source.price is not None:
        document["price"] = _price_term(source.price, grid)
    if source.trigger_price is not None:
        document["trigger_price"] = _price_term(source.trigger_price, grid)
    if source.trail is not None:
        document["trail"] = _span(source.trail)
    if source.activation_price is not None:
        document["activation_price"] = _price_term(source.activation_price, grid)
    if source.limit_offset is not None:
        document["limit_offset"] = _span(source.limit_offset)
    return document


def _change(change: RuleChange, grid: Grid | None) -> Document:
    document = _prices(change, grid)
    if change.quantity is not None:
        document["quantity"] = quantity_text(change.quantity, grid)
    return document


def _policy(policy: PolicyTerms) -> Document:
    document: Document = msgspec.to_builtins(policy)
    if document.pop("confirm_ns", None) is not None:
        document["confirm_fill_ms"] = policy.confirm_ns // NS_PER_MS
    if policy.safety_stop is not None:
        document["safety_stop"] = _span(policy.safety_stop)
    return document


def _when(when: When, own: str, grids: Grids, name: LegName) -> Document:
    return _logic(when.logic, [_atom(atom, own, grids, name) for atom in when.atoms])


def _logic(logic: Logic, atoms: list[Document]) -> Document:
    if logic.op == "atom":
        return atoms[logic.atom]
    parts = [_logic(part, atoms) for part in logic.parts]
    return {"not": parts[0]} if logic.op == "not" else {logic.op: parts}


def _atom(atom: Atom, own: str, grids: Grids, name: LegName) -> Document:
    grid = grids.get(atom.instrument or own)
    bound = "at_or_above" if atom.rising else "at_or_below"
    watched: Document = {"instrument": atom.instrument} if atom.instrument else {}
    match atom.kind:
        case AtomKind.PRICE:
            watched["source"] = atom.source.value
            watched[bound] = price_text(atom.level, grid)
        case AtomKind.VOLUME:
            watched["at_least"] = quantity_text(atom.level, grid)
        case AtomKind.TIME:
            watched["at_or_after" if atom.rising else "before"] = atom.level
        case AtomKind.SIGNAL:
            watched["name"] = atom.name
            watched[bound] = decimal_text(atom.level, SIGNAL_PLACES)
        case AtomKind.LEG_FILLED:
            return {"leg_filled": name(atom.leg)}
    return {atom.kind.value: watched}
