"""I2 and I3, the sizes: exits never exceed what is held, children never what their first filled.

Decides by adding up, over the auditor's own record. What a leg has open counts unless a question
about it is in flight: it can't be changed before the answer.
"""

from interlock.audit.breach import Tell
from interlock.audit.claims import sure
from interlock.audit.record import STOPS, Attempt, Record
from interlock.orders import facts as f
from interlock.orders.legs import TimeInForce
from interlock.orders.terms import LegTerms

AMENDING = "VenueOrderAmending"


def child(tell: Tell, record: Record, fact: f.VenueOrderSending) -> None:
    """A child is never larger than what its first has filled, and has not been undone (I3)."""
    terms = record.legs[fact.leg]
    above = record.oto_above(fact.leg)
    if terms.system or fact.reduce_only or above is None:
        return
    has = record.fill(record.relations[above].children[0])
    if terms.exits:
        gone = sum(record.cum.get(n, 0) for n in record.exits(above))
        if fact.quantity > has - gone:
            name = f"{terms.id} of {record.id}"
            tell("I3", f"{name} exits {fact.quantity} of {has} filled and {gone} exited already")
    elif has <= 0:
        tell("I3", f"{terms.id} of {record.id} is sent though nothing has filled before it")


def together(tell: Tell, record: Record, since: int) -> None:
    """All exits at the venue that may fill side by side close no more than there is (I2).

    ``since``: where this batch of facts begins; a question asked before it is still open, and
    nothing could be changed.
    """
    for number, relation in enumerate(record.relations):
        if relation.kind != "oto" or not record.exits(number):
            continue
        asked = _demand(record, relation.children[1], since)
        held = max(0, record.held(number), record.held_then.get(number, 0))
        # A fill that is not believed yet freezes what it would shrink, and recalls nothing (3.1.6).
        held += sum(record.unconfirmed(n) for n in record.exits(number))
        if asked > held:
            tell("I2", f"{record.id} has exits of {asked} at the venue and holds {held}")


def plain_exits(tell: Tell, record: Record, least: dict[str, int]) -> None:
    """Plain exits of a position held elsewhere: what one fills the others no longer cover (I2).

    What is on its way was judged when it was asked for, and can't be changed before the answer:
    of the reports that are dealt with in one batch, a fill may come after it. A market order is
    never made smaller.
    """
    number = _plain_exits(record)
    for leg in record.relations[number].children if number is not None else ():
        for attempt in record.live(leg):
            market = attempt.price is None and attempt.trigger_price is None
            if not (market or attempt.recalled or attempt.question or attempt.asking):
                _fits(tell, record, leg, attempt.leaves, attempt.reduce_only, least)


def asked(
    tell: Tell, record: Record, leg: int, works: int, reduce_only: bool, least: dict[str, int]
) -> None:
    """A plain exit is sent, or amended, for no more than its siblings have left to trade (I2)."""
    number = _plain_exits(record)
    if number is not None and leg in record.relations[number].children:
        _fits(tell, record, leg, works, reduce_only, least)


def _plain_exits(record: Record) -> int | None:
    """The oco of plain legs that is the whole order, if they share one quantity."""
    root = record.terms.root
    if root >= 0 or record.amended:
        return None
    relation = record.relations[~root]
    shares = relation.kind == "oco" and relation.on_partial_fill == "reduce"
    return ~root if shares and all(child >= 0 for child in relation.children) else None


def _fits(
    tell: Tell, record: Record, leg: int, works: int, reduce_only: bool, least: dict[str, int]
) -> None:
    children = record.relations[~record.terms.root].children
    whole = max(record.legs[n].quantity for n in children)
    traded = sum(record.cum.get(n, 0) for n in children)
    # A fill of another that is not believed yet pauses the leg, and takes nothing back (3.1.6).
    left = max(0, whole - traded + sum(record.unconfirmed(n) for n in children if n != leg))
    smallest = least.get(record.legs[leg].instrument, 1)
    if record.terms.policy.dust == "round_up_reduce_only" and reduce_only and 0 < left < smallest:
        left = smallest  # the policy rounds it up, and the venue trades no more than there is
    if works > left:
        name = f"{record.legs[leg].id} of {record.id}"
        tell("I2", f"{name} works {works}, {traded} of {whole} has been traded")


def note_held(record: Record) -> None:
    """Something is sent: what is held at this moment is what it may be for."""
    for number, relation in enumerate(record.relations):
        if relation.kind == "oto":
            held = record.held(number)
            record.held_then[number] = max(held, record.held_then.get(number, 0))


def _demand(record: Record, node: int, since: int) -> int:
    """What a node may trade at the venue as it is or was asked to be; of an oco one side."""
    if node >= 0:
        terms = record.legs[node]
        if not terms.exits or terms.display_quantity is not None:
            return 0
        return sum(_open(a, since) for a in record.live(node))
    relation = record.relations[~node]
    if relation.kind == "oto":
        return _demand(record, relation.children[0], since)
    parts = [_demand(record, c, since) for c in relation.children]
    return max(parts) if relation.kind == "oco" else sum(parts)


def _open(attempt: Attempt, since: int) -> int:
    if (
        attempt.asking
        or attempt.reduce_only
        or attempt.recalled
        or (attempt.question and attempt.since < since)
    ):
        return 0
    if attempt.question == "VenueOrderAmending":
        return attempt.asked - attempt.filled
    if attempt.price is None and attempt.trigger_price is None and attempt.born < since:
        return 0  # a market order on its way can't be made smaller by what fills late elsewhere
    return 0 if attempt.question not in ("", "VenueOrderSending") else attempt.leaves


def excess(tell: Tell, record: Record) -> None:
    """What was exited beyond what was held is in a double-fill incident (I2)."""
    for number, relation in enumerate(record.relations):
        if relation.kind != "oto":
            continue
        exits = record.exits(number)
        if not exits:
            continue
        first = relation.children[0]
        over = sum(record.cum.get(n, 0) for n in exits) - record.fill(first)
        told = record.incidents.get("double_fill", 0) + record.incidents.get("phantom_fill", 0)
        if over > told:
            tell("I2", f"{record.id} exited {over} more than it held, untold")


def both_sides(tell: Tell, record: Record) -> None:
    """Two sides of a canceling oco that both traded are in an incident (I2)."""
    for relation in record.relations:
        if relation.kind != "oco" or relation.on_partial_fill != "cancel":
            continue
        sizes = [sure(record, c) for c in relation.children]
        traded = [size for size in sizes if size > 0]
        if len(traded) < 2:
            continue
        legs = [record.legs[n] for c in relation.children for n in record.under(c)]
        over = sum(traded) - max(traded)
        if all(c >= 0 for c in relation.children) and _one_way(legs):
            over = sum(traded) - max(leg.quantity for leg in legs)
        told = record.incidents.get("double_fill", 0) + record.incidents.get("phantom_fill", 0)
        if over > 0 and told == 0:
            tell("I2", f"{record.id} traded {traded} on two sides of an oco, untold")


def _one_way(legs: list[LegTerms]) -> bool:
    return len({(leg.instrument, leg.side) for leg in legs}) == 1


def slices(tell: Tell, record: Record, least: dict[str, int]) -> None:
    """At rest, the targets of a ladder cover what running sums say, farthest cut first.

    ``least``: the smallest order per instrument; less than that waits for more.
    """
    for number, relation in enumerate(record.relations):
        if relation.kind != "all":
            continue
        legs = list(relation.children)
        if not all(c >= 0 and record.legs[c].exits for c in legs):
            continue
        above = record.oto_above(legs[0])
        if above is None or _disturbed(record, legs):
            continue
        first = record.relations[above].children[0]
        if first < 0 or number in record.claims:
            continue
        wanted = _cut(record, legs, record.fill(first), record.legs[first].quantity)
        over = sum(wanted.values()) - max(0, record.held(above))
        over = max(over, _taken_beside(record, number, above))
        for leg in sorted(legs, key=lambda n: (_distance(record, n), n), reverse=True):
            cut = min(max(0, over), wanted[leg])
            wanted[leg] -= cut
            over -= cut
        for leg in legs:
            covered = covered_by(record, leg)
            if covered == 0 and wanted[leg] < least.get(record.legs[leg].instrument, 1):
                continue
            if covered != wanted[leg] and gate_open(record, leg):
                name = f"{record.legs[leg].id} of {record.id}"
                tell("sizes", f"{name} covers {covered}, its slice is {wanted[leg]}")


def _taken_beside(record: Record, number: int, above: int) -> int:
    """What fills of others take off the targets ``number`` (2.4: a fill of the stop reduces them,
    farthest first), whatever is held besides: targets of 60 % under a stop of the whole have 60 %
    less what the stop has filled."""
    cut, node = 0, ~number
    first = record.relations[above].children[0]
    filled, whole = record.fill(first), record.legs[first].quantity
    while (oco := record.relation_of(node)) is not None and oco != above:
        relation = record.relations[oco]
        if relation.kind == "oco" and relation.on_partial_fill == "reduce":
            size = _size(record, node, filled, whole)
            others = record.fill(~oco) - record.fill(~number)
            cut = max(cut, _size(record, ~number, filled, whole) - size + others)
        node = ~oco
    return cut


def _size(record: Record, node: int, filled: int, whole: int) -> int:
    """What a node of exits is there for, its own fills included: the largest side of an oco."""
    if node >= 0:
        terms = record.legs[node]
        share = terms.quantity * filled // whole
        return max(share, min(terms.quantity, filled)) if terms.type in STOPS else share
    relation = record.relations[~node]
    if relation.kind == "oco":
        return max(_size(record, child, filled, whole) for child in relation.children)
    return sum(record.legs[n].quantity for n in record.under(node)) * filled // whole


def sliced(tell: Tell, record: Record, fact: f.VenueOrderSending) -> None:
    """A target is first sent for exactly its slice of what has filled, less what others of the
    ladder still work beyond theirs: of slices cut by running sums one may shrink as others grow."""
    above = record.oto_above(fact.leg)
    for relation in record.relations:
        if relation.kind != "all" or fact.leg not in relation.children or above is None:
            continue
        legs = list(relation.children)
        plain = all(c >= 0 and record.legs[c].exits for c in legs)
        first = record.relations[above].children[0]
        if not plain or first < 0 or _disturbed(record, legs) or record.claims:
            continue
        if any(record.cum.get(n) for n in record.exits(above)) or record.unconfirmed(first):
            continue
        cut = _cut(record, legs, record.fill(first), record.legs[first].quantity)
        live = {n: record.live(n) for n in legs if n != fact.leg}
        others = {n: sum(a.leaves for a in live[n] if not a.reduce_only) for n in live}
        beyond = sum(max(0, works - cut[n]) for n, works in others.items())
        wanted = cut[fact.leg] - max(0, beyond - max(0, record.held(above) - sum(cut.values())))
        if fact.quantity != wanted:
            name = f"{record.legs[fact.leg].id} of {record.id}"
            tell("sizes", f"{name} is sent for {fact.quantity}, its slice is {wanted}")


def _cut(record: Record, legs: list[int], filled: int, whole: int) -> dict[int, int]:
    """Slices by running sums, less what has filled of each."""
    out: dict[int, int] = {}
    begin = 0
    for leg in legs:
        end = begin + record.legs[leg].quantity
        size = end * filled // whole - begin * filled // whole
        out[leg] = max(0, size - record.cum.get(leg, 0))
        begin = end
    return out


def _distance(record: Record, leg: int) -> int:
    terms = record.legs[leg]
    term = terms.price if terms.price is not None else terms.trigger_price
    return term * -terms.side if isinstance(term, int) else 0


def _disturbed(record: Record, legs: list[int]) -> bool:
    """Whether something else than arithmetic decides what the legs cover."""
    return bool(
        record.winding
        or record.amended
        or record.adjusted
        or record.incidents
        or record.terms.policy.dust != "leave"
        or any(n in record.ended or n in record.canceling for n in legs)
        or any(not isinstance(record.legs[n].price, int) for n in legs)
        or any(record.legs[n].when is not None for n in legs)
        or any(record.legs[n].display_quantity is not None for n in legs)
        or any(record.legs[n].time_in_force is not TimeInForce.GTC for n in legs)
    )


def gate_open(record: Record, leg: int) -> bool:
    """Whether no sibling of the leg, or of what it stands under, holds a claim."""
    for oco, holder in record.claims.items():
        mine = [c for c in record.relations[oco].children if leg in record.under(c)]
        if mine and holder not in record.under(mine[0]):
            return False
    return True


def covered_by(record: Record, leg: int) -> int:
    """What a leg covers: it waits here for it, or has it working at the venue."""
    waiting = record.armed.get(leg)
    working = sum(a.leaves for a in record.live(leg))
    return working + (waiting.quantity if waiting is not None else 0)


def stops(tell: Tell, record: Record, least: dict[str, int]) -> None:
    """At rest, a living stop covers exactly what is held, up to its own quantity."""
    told = ("gap", "dust_left", "in_doubt", "flatten_failed", "exit_rejected", "naked_position")
    if record.winding in ("release", "flatten") or record.told(*told):
        return
    for leg, terms in enumerate(record.legs):
        above = record.oto_above(leg)
        if terms.type not in STOPS or not terms.exits or terms.system or above is None:
            continue
        if leg in record.ended or leg in record.canceling or terms.when is not None:
            continue
        if not gate_open(record, leg) or _shared(record, leg) or leg in record.triggered:
            continue
        if record.adjusted and not record.alone(above):
            continue  # which of them was closed by others is the engine's to say
        relation = record.relations[above]
        entry = record.under(relation.children[0])
        if relation.activate_on == "full_fill" and any(n not in record.ended for n in entry):
            continue
        held = max(0, record.guarded(above))
        own = terms.quantity - record.cum.get(leg, 0)
        wanted = held if record.told("overfill") else min(held, own)
        covered = covered_by(record, leg)
        if covered == 0 and wanted < least.get(terms.instrument, 1):
            continue
        if covered != wanted:
            name = f"{terms.id} of {record.id}"
            tell("coverage", f"{name} covers {covered}, and {wanted} is to be covered")


def _shared(record: Record, leg: int) -> bool:
    """Whether the stop shares what is held with other exits beside it."""
    for number, relation in enumerate(record.relations):
        if relation.kind == "all" and leg in record.under(~number):
            return any(record.legs[n].exits for n in record.under(~number) if n != leg)
    return False
