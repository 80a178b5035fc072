"""Wants: what each leg should be doing right now, from state alone.

Decides, with one small function per relation, whether a leg should be gone, frozen, held or
working, and for how much. Restart, late fills and lost reports need no cases of their own: they
change the fills, and the wants follow. Invariant: under one ``oto`` the exits wanted never exceed
what its first has filled and the exits have not yet undone.
"""

from interlock.engine import scope
from interlock.engine.order import STOPS, Leg, Order
from interlock.engine.want import (
    DORMANT,
    FROZEN,
    GONE,
    PAUSED,
    WHOLE,
    WITHOUT_END,
    Gate,
    Kind,
    Share,
    Want,
)
from interlock.orders.terms import LegTerms
from interlock.orders.tree import ActivateOn, Dust, OnOverfill, OnPartialFill


class Walk:
    """One pass over an order's tree."""

    def __init__(self, order: Order, at: int, min_quantity: dict[str, int]) -> None:
        self.order = order
        self.at = at
        self.min_quantity = min_quantity
        self.wants: list[Want] = [GONE] * len(order.legs)
        self.adjusted = order.adjusted
        """Exposure closed by others that no scope has taken off its budget yet."""
        self.others_there = order.winding == "flatten" and any(
            leg.venue is not None and not leg.protective for leg in order.legs
        )
        """Something other than a protective stop is still at a venue."""
        self.held: dict[int, int] = {}
        """What is there to exit, by leg, for exits that stand beside legs that exit nothing."""

    def live(self, node: int, share: Share) -> int:
        """The live quantity of a node, filled part included."""
        if node >= 0:
            return self.live_leg(node, share)
        relation = self.order.relations[~node]
        if relation.kind == "oto":
            return self.live(relation.children[0], share)
        if relation.kind == "oco":
            return max(self.live(child, share) for child in relation.children)
        return share.of(scope.whole(self.order, node))

    def live_leg(self, number: int, share: Share) -> int:
        """A target takes its share of what has filled; a stop all of it, up to its own quantity."""
        leg = self.order.legs[number]
        quantity = leg.terms.quantity
        live = share.of(quantity)
        return max(live, min(quantity, share.num)) if leg.protective else live

    def node(self, node: int, share: Share, budget: int, gate: Gate, growing: bool) -> None:
        if node >= 0:
            self.leg(node, share, budget, gate, growing)
            return
        relation = self.order.relations[~node]
        if relation.kind == "oco":
            self.oco(~node, share, budget, gate, growing)
        elif relation.kind == "all":
            self.all(~node, share, budget, gate, growing)
        else:
            self.oto(~node, share, budget, gate, growing)

    def leg(self, number: int, share: Share, budget: int, gate: Gate, growing: bool) -> None:
        order = self.order
        leg = order.legs[number]
        terms = leg.terms
        if leg.ended or leg.canceling:
            return
        expired = terms.expire_at is not None and terms.expire_at <= self.at
        ends_now = order.winding and (order.winding != "protect" or not terms.exits)
        if order.winding == "flatten" and leg.protective and self.others_there:
            ends_now = False  # it protects until everything else is gone, and then goes at once
        if gate is Gate.CLOSED or expired or ends_now or (order.expiring and not terms.exits):
            return
        own = self.live_leg(number, share) - leg.cum
        left = min(own, budget, self.held.get(number, budget), self.kept(leg))
        if gate is Gate.PAUSED and own > 0:
            self.wants[number] = PAUSED  # even if a fill not yet believed leaves it nothing
        elif left <= 0:
            self.wants[number] = DORMANT if growing else GONE
        elif gate is Gate.FROZEN:
            self.wants[number] = FROZEN
        elif leg.triggered or (
            terms.hold.value == "venue" and terms.when is None and not leg.suspended
        ):
            self.wants[number] = Want(Kind.WORK, left)
        else:
            self.wants[number] = Want(Kind.HOLD, left)

    def oco(self, number: int, share: Share, budget: int, gate: Gate, growing: bool) -> None:
        order = self.order
        relation = order.relations[number]
        holder = order.claims.get(number)
        filled = {c: scope.fill(order, c, confirmed=True) for c in relation.children}
        total = sum(filled.values())
        pending = {c: scope.fill(order, c) > filled[c] for c in relation.children}
        reduce = relation.on_partial_fill is OnPartialFill.REDUCE
        for child in relation.children:
            wins = holder is not None and holder in scope.legs_under(order, child)
            inner = gate
            if holder is not None and not wins:
                winner_traded = total > filled[child]
                inner = max(gate, Gate.FROZEN if reduce or not winner_traded else Gate.CLOSED)
            elif holder is None and any(pending[c] for c in relation.children if c != child):
                inner = max(gate, Gate.PAUSED)
            left = budget
            others = total - filled[child]
            if reduce or (others and wins and shrinks(order, number)):
                own = scope.fill(order, child) - filled[child]
                stop = child >= 0 and order.legs[child].protective
                # A stop for a part of it covers that part as long as so much is there.
                shared = self.live(child, share)
                if stop:
                    shared = max(self.live(~number, share), share.num)
                left = min(budget, shared - total - own)
            self.node(child, share, left, Gate(inner), growing)

    def all(self, number: int, share: Share, budget: int, gate: Gate, growing: bool) -> None:
        order = self.order
        children = order.relations[number].children
        shares: list[Share] = []
        offset = share.offset
        for child in children:
            shares.append(Share(share.num, share.den, offset))
            offset += scope.whole(order, child)
        lefts = [
            max(0, self.live(child, one) - scope.fill(order, child))
            for child, one in zip(children, shares, strict=True)
        ]
        if order.terms.policy.dust is Dust.MARKET_WITH_LAST:
            lefts = self.folded(children, lefts)
        self.cut(children, lefts, budget)
        for child, one, left in zip(children, shares, lefts, strict=True):
            grown = left > self.live(child, one) - scope.fill(order, child)
            if grown and child >= 0:
                extra = Share(left + order.legs[child].cum, order.legs[child].terms.quantity)
                self.node(child, extra, left, gate, growing)
            else:
                self.node(child, one, min(left, budget), gate, growing)

    def cut(self, children: tuple[int, ...], lefts: list[int], budget: int) -> None:
        """Side by side no more than there is: the one that would fill last gives way first."""
        mine = list(range(len(children)))
        exits = [position for position in mine if children[position] in self.held]
        if exits:
            mine, budget = exits, min(budget, self.held[children[exits[0]]])
        over = sum(lefts[position] for position in mine) - budget
        for position in farthest_first(self.order, children) if over > 0 else []:
            if position in mine:
                less = min(over, lefts[position])
                lefts[position] -= less
                over -= less

    def folded(self, children: tuple[int, ...], lefts: list[int]) -> list[int]:
        """Quantities below the venue's minimum move to the last leg that can carry them: one that
        does the same on the same instrument. A stop's share never goes to a hedge beside it."""
        out = list(lefts)
        kinds = [_kind(self.order.legs[c].terms) if c >= 0 else None for c in children]
        for position, child in enumerate(children):
            if child < 0 or not out[position]:
                continue
            least = self.min_quantity.get(self.order.legs[child].terms.instrument, 1)
            carriers = [
                p
                for p, kind in enumerate(kinds)
                if p != position and kind == kinds[position] and out[p] >= least
            ]
            if out[position] < least and carriers:
                out[carriers[-1]] += out[position]
                out[position] = 0
        return out

    def oto(self, number: int, share: Share, budget: int, gate: Gate, growing: bool) -> None:
        order = self.order
        relation = order.relations[number]
        first, then = relation.children
        self.node(first, share, budget, gate, growing)
        has = scope.fill(order, first)
        size = scope.whole(order, first)
        over = scope.settled(order, first)
        if relation.activate_on is ActivateOn.FULL_FILL and not over and has < size:
            has = 0
        kinds = [order.legs[n].terms.exits for n in scope.legs_under(order, then)]
        exits = all(kinds)
        active = has
        if relation.activate_on is ActivateOn.FIRST_FILL and has and not over and not exits:
            active = size
        held = self.protectable(number, has) if any(kinds) else 0
        left = held if exits else WITHOUT_END
        if any(kinds) and not exits:
            self.held.update(dict.fromkeys(exits_of(order, number), held))
        inner = gate
        if gate >= Gate.FROZEN and has and order.terms.policy.on_overfill is not OnOverfill.FLATTEN:
            inner = Gate.OPEN  # a filled quantity is never left without its exits
        elif gate is Gate.PAUSED and has:
            inner = Gate.OPEN
        elif gate is Gate.CLOSED and not over:
            inner = Gate.FROZEN  # its first may yet fill on its way out
        self.node(then, Share(active, size), left, inner, growing or not over)
        for leg_number, leg in enumerate(order.legs):
            if leg.terms.system == "safety_stop" and leg.terms.scope == number:
                self.safety_stop(leg_number, held, not over)

    def protectable(self, number: int, has: int) -> int:
        """What an ``oto`` has open: filled, less what its exits and others have undone."""
        order = self.order
        out = sum(order.legs[n].cum for n in exits_of(order, number))
        if len(order.legs) > len(order.terms.legs):  # what we undo ourselves needs no exit
            inside = list(scope.legs_under(order, order.relations[number].children[0]))
            out += sum(
                leg.terms.quantity
                for leg in order.legs
                if leg.terms.system == "flatten" and leg.terms.scope in inside
            )
        left = max(0, has - out)
        taken = min(left, self.adjusted)
        self.adjusted -= taken
        return left - taken

    def kept(self, leg: Leg) -> int:
        """The most a leg may work: a stop that rests while its order is flattened is not made
        larger, for where that means another order it would be gone for a moment."""
        if self.order.winding != "flatten" or leg.venue is None or not leg.protective:
            return WITHOUT_END
        return leg.venue.quantity - leg.venue.cum

    def safety_stop(self, number: int, left: int, growing: bool) -> None:
        leg, winding = self.order.legs[number], self.order.winding
        if leg.ended or winding == "release" or (winding == "flatten" and not self.others_there):
            return  # in a flattening it goes with the other stops: last
        if left > 0:
            self.wants[number] = Want(Kind.WORK, min(left, self.kept(leg)))
        elif growing:
            self.wants[number] = DORMANT


def wants(order: Order, at: int, min_quantity: dict[str, int]) -> list[Want]:
    """What every leg of the order should be doing at ``at``."""
    walk = Walk(order, at, min_quantity)
    root = order.terms.root
    budget = WITHOUT_END
    if order.adjusted and all(order.legs[n].terms.exits for n in scope.legs_under(order, root)):
        budget = max(0, walk.live(root, WHOLE) - scope.fill(order, root) - order.adjusted)
    walk.node(root, WHOLE, budget, Gate.OPEN, False)
    for number, leg in enumerate(order.legs):
        if leg.terms.system in ("flatten", "close") and not leg.ended:
            left = leg.terms.quantity - leg.cum
            if order.adjusted and leg.terms.system == "close":
                left = min(left, _still_open(order, leg.terms, at))
            walk.wants[number] = Want(Kind.WORK, left) if left > 0 else GONE
    return walk.wants


def _still_open(order: Order, terms: LegTerms, at: int) -> int:
    """What a close has to close, now that others have closed a part of it."""
    key = (terms.instrument, str(terms.position_side or ""))
    return abs(open_quantity(order, at).get(key, 0))


def open_quantity(order: Order, at: int) -> dict[tuple[str, str], int]:
    """Signed quantity the order still answers for, per (instrument, position side).

    Orders that only exit answer for what they were placed to exit, and have not yet.
    """
    out = scope.net(order)
    user = [leg for leg in order.legs if not leg.terms.system]
    if user and all(leg.terms.exits for leg in user):
        walk = Walk(order, at, {})
        first = user[0].terms
        key = (first.instrument, str(first.position_side or ""))
        out[key] = out.get(key, 0) - first.side * walk.live(order.terms.root, WHOLE)
    if order.adjusted:
        for key, held in out.items():
            taken = min(abs(held), order.adjusted)
            out[key] = held - taken if held > 0 else held + taken
    return out


def _kind(terms: LegTerms) -> tuple[str, int, str, bool, bool]:
    """What a leg does: legs that do the same may trade for each other."""
    side = str(terms.position_side or "")
    return (terms.instrument, terms.side, side, terms.exits, terms.exits and terms.type in STOPS)


def held_for(order: Order, number: int, at: int) -> int:
    """What an exit and those beside it share: what its entry has open."""
    for relation, child in scope.chain(order, number):
        first, then = order.relations[relation].children[0], order.relations[relation].children[-1]
        if order.relations[relation].kind == "oto" and child == then:
            return Walk(order, at, {}).protectable(relation, scope.fill(order, first))
    return 0


def exits_of(order: Order, number: int) -> list[int]:
    """The legs that undo what the first of ``oto`` ``number`` has filled, our own included."""
    first, then = order.relations[number].children
    out = [n for n in scope.legs_under(order, then) if order.legs[n].terms.exits]
    if sum(relation.kind == "oto" for relation in order.relations) > 1:
        # What stands under a second oto in there undoes that one's first, not ours.
        out = [n for n in out if scope.entry_of(order, n) == first]
    out.extend(
        n
        for n, leg in enumerate(order.legs)
        if leg.terms.system == "safety_stop" and leg.terms.scope == number
    )
    return out


def shrinks(order: Order, number: int) -> bool:
    """Whether a canceling ``oco`` shares one quantity: plain legs, one instrument, one side."""
    children = order.relations[number].children
    if any(child < 0 for child in children):
        return False
    kinds = [(order.legs[c].terms.instrument, order.legs[c].terms.side) for c in children]
    return all(kind == kinds[0] for kind in kinds)


def farthest_first(order: Order, children: tuple[int, ...]) -> list[int]:
    """Positions of children, the one farthest from the market's way first, later ones first."""

    def distance(position: int) -> tuple[int, int]:
        child = children[position]
        leg = order.legs[scope.legs_under(order, child)[0]]
        term = leg.terms.price if leg.terms.price is not None else leg.terms.trigger_price
        if term is None:
            return (0, position)
        # A sell target lies farther the higher it is; relative spans count in its favour already.
        return (
            term * -leg.terms.side if isinstance(term, int) else term.ticks + term.bps,
            position,
        )

    return sorted(range(len(children)), key=distance, reverse=True)
