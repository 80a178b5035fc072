"""Firing: a held leg becomes due, and takes the claim that lets it trade.

Decides when a touch or a condition makes a leg due, and freezes its siblings in the same step by
claiming every ``oco`` above it. Invariant: a leg fires once, and only while it is armed.
"""

from interlock.engine import arming, conditions, scope
from interlock.engine.order import Leg, Order
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.tree import OnGap


def refresh(turn: Turn, order: Order, number: int) -> None:
    """Look at every atom again; write down a change and fire what has become due."""
    leg = order.legs[number]
    if leg.terms.when is None or not leg.armed:
        return
    atoms = 0
    for index, atom in enumerate(leg.terms.when.atoms):
        if conditions.atom_now(turn, order, number, atom):
            atoms |= 1 << index
    now = conditions.holds(leg.terms.when.logic, atoms)
    if atoms != leg.atoms or now != leg.holds:
        turn.emit(f.ConditionChanged(turn.at, order.id, number, atoms, now))
    if not leg.holds:
        return
    if arming.waits_for_price(leg):
        check_through(turn, order, number)
    else:
        view = turn.state.markets[leg.terms.instrument]
        fire(turn, order, number, "condition", view.reference() or 0)


def from_volume(turn: Turn, leg: Leg) -> None:
    """Write down the volume so far, for a volume condition to count from."""
    assert leg.terms.when is not None
    for atom in leg.terms.when.atoms:
        if atom.kind.value == "volume":
            view = turn.state.markets[atom.instrument]
            if view.volume > view.counted:
                turn.emit(f.VolumeCounted(turn.at, atom.instrument, view.volume))


def check_through(turn: Turn, order: Order, number: int) -> None:
    """A leg armed with the market already beyond its level is due now."""
    leg = order.legs[number]
    if not leg.armed:
        return
    hit = arming.through(turn.state, order, number)
    if hit is None or leg.terms.confirm_ticks > 1 or leg.terms.confirm_ns:
        return
    channel, price = hit
    level = arming.trigger_level(turn.state, order, number)
    if arming.activates(leg):
        turn.emit(f.TrailActivated(turn.at, order.id, number, price))
        return
    fire(turn, order, number, str(channel), price, level)


def fire(
    turn: Turn, order: Order, number: int, source: str, price: int, level: int | None = None
) -> None:
    """A held leg is due: it claims every ``oco`` above it, or waits if it may not."""
    leg = order.legs[number]
    view = turn.state.markets[leg.terms.instrument]
    gap = view.fresh and arming.is_stop(leg)
    if gap and order.terms.policy.on_gap is OnGap.HOLD_AND_ALERT:
        turn.incident(
            order,
            f.IncidentKind.GAP,
            number,
            "the market was beyond the trigger when we could look again; amend or cancel the leg",
            "on_gap=hold_and_alert",
        )
        turn.emit(f.LegDisarmed(turn.at, order.id, number, "gap"))
        return
    if level is None:
        level = leg.armed_level
    turn.emit(f.LegTriggered(turn.at, order.id, number, source, price, level))
    claim(turn, order, number)
    turn.touch(order)


def claim(turn: Turn, order: Order, number: int) -> None:
    """Take the exclusive right to trade in every free ``oco`` above; its other nodes freeze now."""
    for relation, child in scope.chain(order, number):
        if order.relations[relation].kind != "oco" or relation in order.claims:
            continue
        turn.emit(f.LegClaimed(turn.at, order.id, number, relation))
        for other in order.relations[relation].children:
            if other == child:
                continue
            for sibling in scope.legs_under(order, other):
                if order.legs[sibling].armed:
                    turn.emit(f.LegDisarmed(turn.at, order.id, sibling, "frozen"))
