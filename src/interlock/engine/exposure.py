"""What an order risks, as it stands: exposure, what covers it, and how it could grow.

Decides nothing; it reads. Invariant: whole increments in, whole increments out, and what is not
covered is never counted as a bounded loss.
"""

from msgspec import Struct

from interlock.engine import scope
from interlock.engine.order import TRAILS, Leg, Order
from interlock.engine.state import State

Side = tuple[str, str]
"""Instrument and position side."""


class OrderRisk(Struct):
    """One order's risk in one instrument. Quantities signed: long is above zero."""

    order_id: str
    account: str
    instrument: str
    position_side: str
    exposure: int = 0
    covered: int = 0
    """How much of the exposure a live stop would close."""
    most: int = 0
    least: int = 0
    """The exposure if every live entry filled that buys, or sells; of an ``oco`` one does."""
    stop_loss: int = 0
    """Money lost on the covered part if its stops are hit at their levels; below zero: a gain."""

    @property
    def uncovered(self) -> int:
        return abs(self.exposure) - self.covered


def of_order(state: State, order: Order) -> list[OrderRisk]:
    """One line per instrument that the order holds something of or could come to."""
    found: dict[Side, OrderRisk] = {}

    def line(leg: Leg) -> OrderRisk:
        terms = leg.terms
        key = (terms.instrument, str(terms.position_side or ""))
        if key not in found:
            found[key] = OrderRisk(order.id, order.terms.account, *key)
        return found[key]

    for leg in order.legs:
        if leg.cum:
            line(leg).exposure += leg.terms.side * leg.cum
    if order.adjusted and len(found) == 1:
        for one in found.values():
            sign = 1 if one.exposure > 0 else -1
            one.exposure = sign * max(0, abs(one.exposure) - order.adjusted)
    for number, leg in enumerate(order.legs):
        if leg.protective and not leg.ended:
            _cover(state, order, number, line(leg))
    buys, sells = entries(order, order.terms.root)
    for key in {**buys, **sells}:
        one = found.setdefault(key, OrderRisk(order.id, order.terms.account, *key))
        one.most, one.least = buys.get(key, 0), -sells.get(key, 0)
    for one in found.values():
        one.most += max(0, one.exposure)
        one.least += min(0, one.exposure)
    return [one for one in found.values() if one.exposure or one.most or one.least]


def of_positions(state: State, orders: list[OrderRisk]) -> list[OrderRisk]:
    """What our fills have made of positions and no live order answers for: nothing covers it."""
    rest = dict(state.net)
    for one in orders:
        key = (one.account, one.instrument, one.position_side)
        rest[key] = rest.get(key, 0) - one.exposure
    return [
        OrderRisk("", *key, exposure=units, most=max(0, units), least=min(0, units))
        for key, units in rest.items()
        if units
    ]


def _cover(state: State, order: Order, number: int, into: OrderRisk) -> None:
    """What one live stop would close, and what that would cost."""
    leg = order.legs[number]
    if leg.venue is not None:
        live = leg.venue.quantity - leg.venue.cum
    elif leg.armed:
        live = leg.armed_quantity - leg.cum
    else:
        return
    takes = min(max(0, live), into.uncovered)
    into.covered += takes
    level = _level(state, order, number)
    entry = scope.entry_of(order, number)
    if level is None or entry is None or not takes:
        return
    value, quantity = scope.entry_value(order, entry)
    if quantity > 0:
        sign = 1 if into.exposure > 0 else -1
        into.stop_loss += sign * (value * takes // quantity - level * takes)


def _level(state: State, order: Order, number: int) -> int | None:
    leg = order.legs[number]
    if leg.terms.type in TRAILS:
        for entry in state.entries.get((order.id, number), ()):
            return entry.channel.level(entry)
    return leg.armed_level if leg.armed_level is not None else leg.trigger_level


def entries(order: Order, node: int) -> tuple[dict[Side, int], dict[Side, int]]:
    """What live entries under a node could still buy and sell."""
    if node >= 0:
        leg = order.legs[node]
        if leg.ended or leg.terms.exits or leg.terms.reduce_only:
            return {}, {}
        if order.winding and leg.venue is None:
            return {}, {}  # what is on its way back may fill until the venue says it is gone
        key = (leg.terms.instrument, str(leg.terms.position_side or ""))
        there = leg.venue.quantity - leg.venue.cum if leg.venue is not None else 0
        left = {key: max(there, leg.terms.quantity - leg.cum, 0)}  # others may have made it larger
        return (left, {}) if leg.terms.side > 0 else ({}, left)
    relation = order.relations[~node]
    parts = [entries(order, child) for child in relation.children]
    combine = _most if relation.kind == "oco" else _sum
    return combine([part[0] for part in parts]), combine([part[1] for part in parts])


def _sum(parts: list[dict[Side, int]]) -> dict[Side, int]:
    out: dict[Side, int] = {}
    for part in parts:
        for key, quantity in part.items():
            out[key] = out.get(key, 0) + quantity
    return out


def _most(parts: list[dict[Side, int]]) -> dict[Side, int]:
    out: dict[Side, int] = {}
    for part in parts:
        for key, quantity in part.items():
            out[key] = max(out.get(key, 0), quantity)
    return out
