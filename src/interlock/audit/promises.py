"""What an order's own settings promise: how it winds down, expires, escalates and undoes.

Decides whether policies and terms were followed, from the facts alone. Invariant: it asks only what
the trader wrote in the order, never how the engine came to it.
"""

from interlock.audit.breach import Tell
from interlock.audit.record import STOPS, Fill, Record
from interlock.audit.sizes import gate_open
from interlock.orders import facts as f
from interlock.orders.legs import LegType
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import BPS, Span

HELD_UP = ("flatten_failed", "in_doubt", "dust_left", "outside_change")
"""Incidents by which a person knows that a close could not be done."""


def in_time(tell: Tell, record: Record, leg: int, at: int, what: str) -> None:
    """Nothing begins after the leg's time, or after its order was told to expire."""
    terms = record.legs[leg]
    name = f"{terms.id} of {record.id}"
    if terms.expire_at is not None and at >= terms.expire_at:
        tell("expiry", f"{name} was {what} after its time")
    if record.expiring and not terms.exits and not terms.system:
        tell("expiry", f"{name} was {what} after its order was told to expire")


def priced(tell: Tell, record: Record, leg: int, kind: VenueOrderType, price: int | None) -> None:
    """A trailing stop-limit rests on its own side of where it triggered."""
    terms = record.legs[leg]
    fired = record.fired.get(leg)
    if terms.type is not LegType.TRAILING_STOP_LIMIT or kind is not VenueOrderType.LIMIT:
        return
    if fired is None or price is None or terms.limit_offset is None:
        return
    wanted = max(1, fired + terms.side * _offset(terms.limit_offset, fired))
    if abs(price - wanted) > 1:  # the middle of a quote has halves
        tell("price", f"{terms.id} of {record.id} is sent at {price}, it limits at {wanted}")


def _offset(span: Span, level: int) -> int:
    return level * span.bps // BPS if span.bps else span.ticks


def added(tell: Tell, record: Record, fact: f.LegAdded) -> None:
    """What undoes an excess trades against the leg that made it."""
    terms = fact.terms
    if terms.system == "flatten" and terms.side == record.legs[terms.scope].side:
        tell("I2", f"{terms.id} of {record.id} adds to the excess it is to undo")


def undone(tell: Tell, record: Record) -> None:
    """An excess that was told is flattened once if ``on_overfill`` says so, and else never."""
    told = record.incidents.get("double_fill", 0)
    wanted = told if record.terms.policy.on_overfill == "flatten" else 0
    flat = sum(leg.quantity for leg in record.legs if leg.system == "flatten")
    if flat != wanted:
        tell(
            "I2", f"{record.id} flattens {flat} of an excess of {told}, and {wanted} is its policy"
        )


def gave_up(tell: Tell, record: Record, fact: f.LegDone) -> None:
    """An exit that ends refused is told of; a stop only after the market was tried (I8)."""
    terms = record.legs[fact.leg]
    if fact.status != "rejected" or not terms.exits or terms.system:
        return
    name = f"{terms.id} of {record.id}"
    if not record.told("exit_rejected"):
        tell("I8", f"{name} was given up, untold")
    alert = record.terms.policy.on_exit_reject == "alert"
    if terms.type in STOPS and not alert and fact.leg not in record.at_market:
        tell("I8", f"{name} was given up, and never tried at the market")


def kept(tell: Tell, record: Record, fact: f.LegDone) -> None:
    """A cancel that protects takes no exit away."""
    protects = record.winding == "protect" and fact.reason == record.winding_reason
    if protects and record.legs[fact.leg].exits and fact.leg not in record.canceling:
        tell("I8", f"{record.legs[fact.leg].id} of {record.id} was canceled with its entry")


def needed(tell: Tell, record: Record, fact: f.LegDone) -> None:
    """A stop does not end for want of quantity while there is something to exit."""
    terms, above = record.legs[fact.leg], record.oto_above(fact.leg)
    if above is None or terms.system or not terms.exits or terms.type not in STOPS:
        return
    tried = any(leg == fact.leg for leg, _ in record.attempts)
    excused = record.winding in ("release", "flatten") or record.told("dust_left", "double_fill")
    excused = excused or fact.leg in record.canceling or _may_lose(record, fact.leg)
    if fact.status != "canceled" or tried or excused or not gate_open(record, fact.leg):
        return
    held = record.guarded(above) - sum(fill.quantity for fill in _unsure(record))
    if held > 0:
        tell("I8", f"{terms.id} of {record.id} ended though {held} is held")


def _may_lose(record: Record, leg: int) -> bool:
    """Whether all the leg exits may be undone because another entry has won."""
    ocos = [n for n, r in enumerate(record.relations) if r.kind == "oco"]
    return any(
        record.relations[n].on_partial_fill == "cancel" and leg in record.under(~n) for n in ocos
    )


def _unsure(record: Record) -> list[Fill]:
    return [fill for fill in record.fills.values() if not fill.confirmed]


def closed(tell: Tell, record: Record) -> None:
    """After a flatten nothing is left of what the order itself had opened (I8)."""
    if record.winding != "flatten" or record.adjusted or record.told(*HELD_UP):
        return
    if all(leg.exits for leg in record.legs if not leg.system):
        return
    net: dict[tuple[str, str], int] = {}
    for number, leg in enumerate(record.legs):
        key = (leg.instrument, str(leg.position_side or ""))
        net[key] = net.get(key, 0) + leg.side * record.cum.get(number, 0)
    for (instrument, _), left in net.items():
        if left:
            tell("I8", f"{record.id} was flattened and has {left} of {instrument}")


def escalated(tell: Tell, record: Record) -> None:
    """Long after its time a triggered leg that escalates rests no more."""
    for leg, terms in enumerate(record.legs):
        due = terms.escalate_ns is not None and leg in record.triggered
        if due and leg not in record.at_market and record.live(leg):
            tell("escalation", f"{terms.id} of {record.id} rests, and was to go to the market")


def by_others(tell: Tell, record: Record) -> None:
    """A venue order that somebody took away is told of."""
    if record.taken:
        tell("outside", f"{record.taken} of {record.id} was canceled by others, untold")
        record.taken = ""
