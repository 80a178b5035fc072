"""Conditions: whether ``when`` holds.

Decides the truth of a condition's atoms from state. Invariant: what is not known is not true.
"""

from interlock.engine import prices
from interlock.engine.leg import LegState
from interlock.engine.order import Order
from interlock.engine.turn import Turn
from interlock.orders.terms import Atom, AtomKind, Logic


def holds(logic: Logic, atoms: int) -> bool:
    """The whole condition, from the bit mask of its atoms."""
    if logic.op == "atom":
        return bool(atoms >> logic.atom & 1)
    if logic.op == "not":
        return not holds(logic.parts[0], atoms)
    parts = (holds(part, atoms) for part in logic.parts)
    return all(parts) if logic.op == "all" else any(parts)


def atom_now(turn: Turn, order: Order, number: int, atom: Atom) -> bool:
    """Whether one atom is true by what is known now; unknown is not true."""
    state = turn.state
    if atom.kind is AtomKind.TIME:
        return (turn.at >= atom.level) == atom.rising
    if atom.kind is AtomKind.LEG_FILLED:
        return leg_filled(order, atom.leg)
    if atom.kind is AtomKind.VOLUME:
        base = order.legs[number].volume_base
        return state.markets[atom.instrument].volume >= base + atom.level
    value: int | None
    if atom.kind is AtomKind.SIGNAL:
        value = state.signals.get(atom.name)
        level = atom.level
    else:
        channel = prices.channel_of(atom.source, order.legs[number].terms.side)
        value = state.markets[atom.instrument].price(channel)
        level = prices.in_channel(channel, atom.level)
    if value is None:
        return False
    return value >= level if atom.rising else value <= level


def frozen(turn: Turn, atoms: tuple[Atom, ...]) -> bool:
    """Whether a condition looks at a signal that has broken its schema."""
    for atom in atoms:
        if atom.kind is AtomKind.SIGNAL:
            book = turn.state.signal_book.get(atom.name)
            if book is not None and book.frozen_at:
                return True
    return False


def leg_filled(order: Order, number: int) -> bool:
    leg = order.legs[number]
    return leg.state is LegState.FILLED or 0 < leg.terms.quantity <= leg.cum
