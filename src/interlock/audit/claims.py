"""I1, the claim: at most one leg of an ``oco`` is claimed, and a frozen leg does nothing.

Also the recall: a claimed leg waits until its siblings can no longer trade; and the confirmation
window: a fill told once stands its siblings still, and takes nothing back.
"""

from interlock.audit.breach import Tell
from interlock.audit.record import Record
from interlock.orders import facts as f


def claimed(tell: Tell, record: Record, fact: f.LegClaimed) -> None:
    if fact.oco in record.claims:
        tell("I1", f"oco {fact.oco} of {record.id} is claimed twice")
    if fact.leg not in record.under(~fact.oco):
        tell("I1", f"{_name(record, fact.leg)} claims an oco it does not stand in")
    record.claims[fact.oco] = fact.leg


def released(tell: Tell, record: Record, fact: f.ClaimReleased, least: int = 1) -> None:
    """``least``: the venue's minimum; a share below it can't be sent before its entry fills on."""
    if record.claims.pop(fact.oco, None) != fact.leg:
        tell("I1", f"{_name(record, fact.leg)} gives back a claim it does not hold")
    due = fact.leg in record.triggered and fact.leg not in record.ended
    others = [n for n in record.under(~fact.oco) if n != fact.leg]
    unsent = not any(n == fact.leg for n, _ in record.attempts)
    small = _share_so_far(record, fact.leg) < least
    if due and unsent and not small and not any(record.cum.get(n) for n in others):
        tell("I1", f"{_name(record, fact.leg)} gives its claim back before it is sent")


def frozen(tell: Tell, record: Record, leg: int, what: str) -> None:
    """A leg whose sibling holds the claim neither triggers, nor is armed, nor is sent."""
    for oco, holder in record.claims.items():
        mine = [c for c in record.relations[oco].children if leg in record.under(c)]
        if not mine or holder in record.under(mine[0]):
            continue
        if not _covers_a_fill(record, leg, mine[0]):
            tell("I1", f"{_name(record, leg)} was {what} while frozen")


def sent(tell: Tell, record: Record, fact: f.VenueOrderSending) -> None:
    """Nothing of a claimed oco but the holder's own side may still trade, unless exits race or
    cover what their own side has filled as well."""
    racing = record.terms.policy.on_recall == "race" and fact.reduce_only
    if racing or record.legs[fact.leg].system:
        return
    for oco, holder in record.claims.items():
        children = record.relations[oco].children
        mine = [c for c in children if fact.leg in record.under(c)]
        if not mine or holder not in record.under(mine[0]):
            continue
        for other in children:
            if other != mine[0] and any(
                record.live(n) and not _covers_a_fill(record, n, other) for n in record.under(other)
            ):
                tell("I1", f"{_name(record, fact.leg)} was sent before its siblings were gone")
            elif other != mine[0] and _lost_to(record, oco, mine[0], other, fact.leg):
                tell("I1", f"{_name(record, fact.leg)} was sent though its sibling had filled")


def _lost_to(record: Record, oco: int, mine: int, other: int, leg: int) -> bool:
    """Whether an entry's place in a canceling oco was taken by a fill of another node."""
    relation = record.relations[oco]
    if relation.on_partial_fill != "cancel" or record.legs[leg].exits or record.fill(mine):
        return False
    legs = [record.legs[n] for n in relation.children if n >= 0]
    one = len({(terms.instrument, terms.side) for terms in legs}) == 1
    if one and len(legs) == len(relation.children):
        return False  # they share one quantity: the rest of it is still to be had
    return sure(record, other) > 0


def unclaimed(tell: Tell, record: Record) -> None:
    """In a canceling oco the first fill that is sure claims, however small."""
    for number, relation in enumerate(record.relations):
        if relation.kind != "oco" or relation.on_partial_fill != "cancel":
            continue
        if number not in record.claims and any(sure(record, c) > 0 for c in relation.children):
            tell("I1", f"oco {number} of {record.id} has filled, and nobody holds its claim")


def sure(record: Record, node: int) -> int:
    """What a node has filled without what is still to be confirmed."""
    while node < 0 and record.relations[~node].kind == "oto":
        node = record.relations[~node].children[0]
    return record.fill(node) - sum(record.unconfirmed(n) for n in record.under(node))


def paused(tell: Tell, record: Record, leg: int, what: str) -> None:
    """While a fill of another node waits to be confirmed, this leg does nothing."""
    for oco, relation in enumerate(record.relations):
        if relation.kind != "oco" or oco in record.claims:
            continue
        mine = [c for c in relation.children if leg in record.under(c)]
        if not mine or _fill_inside(record, leg, mine[0]):
            continue
        for other in relation.children:
            waiting = sum(record.unconfirmed(n) for n in record.under(other))
            if other != mine[0] and waiting and _entry(record, other, waiting):
                tell("confirmation", f"{_name(record, leg)} was {what} before a fill was confirmed")


def _entry(record: Record, node: int, waiting: int) -> bool:
    """Whether the unconfirmed fill is the node's own: an oto's is what its first has filled."""
    while node < 0 and record.relations[~node].kind == "oto":
        node = record.relations[~node].children[0]
    return bool(waiting) and any(record.unconfirmed(n) for n in record.under(node))


def recalled(tell: Tell, record: Record, leg: int, what: str = "recalled") -> None:
    """A recall in the confirmation window needs another reason than the fill."""
    if record.winding or record.expiring or record.amended or leg in record.canceling:
        return
    if record.legs[leg].expire_at is not None or record.legs[leg].system:
        return
    if _nothing_held(record, leg):
        return
    paused(tell, record, leg, what)


def _nothing_held(record: Record, leg: int) -> bool:
    """Whether nothing is left for an exit, whatever becomes of fills still to be confirmed: the
    fill that its position came from may have been taken back meanwhile."""
    above = record.oto_above(leg)
    if above is None:
        return False
    exits = record.exits(above)
    out = sum(record.cum.get(n, 0) - record.unconfirmed(n) for n in exits)
    return record.fill(record.relations[above].children[0]) <= out


def _covers_a_fill(record: Record, leg: int, node: int) -> bool:
    """A filled quantity keeps its exits even on the losing side, unless it is flattened."""
    return record.terms.policy.on_overfill != "flatten" and _fill_inside(record, leg, node)


def _fill_inside(record: Record, leg: int, node: int) -> bool:
    """Whether the leg exits what has filled inside this very node."""
    above = record.oto_above(leg)
    if above is None:
        return False
    first = record.relations[above].children[0]
    inside = set(record.under(first)) <= set(record.under(node))
    return inside and record.fill(first) > 0


def _share_so_far(record: Record, leg: int) -> int:
    """A leg's part of what its entry has filled; all of it for a leg without one.

    A ladder's slices are cut by running sums. Rounded up one by one, a slice too small to be sent
    would look large enough. What others have closed is no part of either.
    """
    above = record.oto_above(leg)
    if above is None:
        return record.legs[leg].quantity - record.adjusted
    share = _slice(record, leg, above)
    if not record.adjusted:
        return share
    # Which of several entries was closed by others is the engine's to say: no more than this one.
    return min(share, record.held(above) - (0 if record.alone(above) else record.adjusted))


def _slice(record: Record, leg: int, above: int) -> int:
    first = record.relations[above].children[0]
    whole = max(1, sum(record.legs[n].quantity for n in record.under(first)))
    for relation in record.relations:
        if relation.kind == "all" and leg in relation.children and min(relation.children) >= 0:
            before = relation.children[: relation.children.index(leg)]
            begin = sum(record.legs[n].quantity for n in before)
            end = begin + record.legs[leg].quantity
            filled = record.fill(first)
            return end * filled // whole - begin * filled // whole
    return -(-record.fill(first) * record.legs[leg].quantity // whole)


def _name(record: Record, leg: int) -> str:
    return f"{record.legs[leg].id} of {record.id}"
