"""Firing: a held leg becomes due, and takes the claim that lets it trade.

Decides when a touch or a condition makes a leg due, and freezes its siblings in the same step by
claiming every ``oco`` above it. Invariants: a leg fires once, and only while it is armed; every
condition that one moment changes is looked at before any leg fires.
"""

from collections.abc import Iterable

from interlock.engine import arming, conditions, prices, scope
from interlock.engine.order import TRAILS, Leg, Order
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.tree import OnGap


def refresh(turn: Turn, order: Order, number: int) -> None:
    """Look at every atom again; write down a change and fire what has become due."""
    look_again(turn, order, number)
    if_due(turn, order, number)


def refresh_together(turn: Turn, order: Order, numbers: Iterable[int]) -> None:
    """Several legs of one order at one moment: who is due first does not depend on whose
    condition is looked at first."""
    conditioned = [n for n in numbers if order.legs[n].terms.when is not None]
    if not conditioned:
        return
    for number in conditioned:
        look_again(turn, order, number)
    for number in sorted(conditioned, key=lambda n: rank(order, n)):
        if_due(turn, order, number)


def rank(order: Order, number: int) -> tuple[int, int]:
    """Of legs due at one moment a protective stop comes first, else the one listed first."""
    return (0 if order.legs[number].protective else 1, number)


def look_again(turn: Turn, order: Order, number: int) -> None:
    """Look at every atom of a waiting leg again, and write down a change."""
    leg = order.legs[number]
    if leg.terms.when is None or not leg.armed:
        return
    atoms = 0
    for index, atom in enumerate(leg.terms.when.atoms):
        if conditions.atom_now(turn, order, number, atom):
            atoms |= 1 << index
    now = conditions.holds(leg.terms.when.logic, atoms)
    if turn.state.signal_book and conditions.frozen(turn, leg.terms.when.atoms):
        now = False  # whatever else it says, and be it that the signal does not hold
    if atoms != leg.atoms or now != leg.holds:
        mark = _trails_from(turn, leg) if now and not leg.holds else None
        turn.emit(f.ConditionChanged(turn.at, order.id, number, atoms, now, mark))


def _trails_from(turn: Turn, leg: Leg) -> int | None:
    """What a trailing stop starts from when its condition comes to hold: the price there is, as
    when it is armed. Waiting for the next one would let a gap pass unseen."""
    if leg.terms.type not in TRAILS or arming.activates(leg):
        return None
    price = turn.state.markets[leg.terms.instrument].price(prices.channels_of(leg)[0])
    known = [mark for mark in (price, leg.watermark) if mark is not None]
    if not known:
        return None
    return max(known) if leg.terms.side < 0 else min(known)


def if_due(turn: Turn, order: Order, number: int) -> None:
    """Fire a leg whose condition holds, if nothing more is waited for or the price is there."""
    leg = order.legs[number]
    if leg.terms.when is None or not leg.armed or not leg.holds:
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
