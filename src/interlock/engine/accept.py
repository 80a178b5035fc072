"""Acceptance: from a placed tree to terms, or to the one refusal that comes first.

Decides whether an order may exist. Reads the tree in the trader's order, unfolds sugar, lets
children inherit, and checks shape, numbers, instrument, market and venue in that order. Invariant:
nothing half-accepted stays: terms are complete, or nothing happened.
"""

import hashlib
from typing import Final

import msgspec

from interlock.engine import checks, gating, rules, whens
from interlock.engine.branches import Branch, Leaf, Place
from interlock.engine.legbuild import build_leg
from interlock.engine.refusal import Refused, refuse
from interlock.engine.state import State
from interlock.engine.unfold import given_ids, unfold
from interlock.orders.commands import PlaceOrder
from interlock.orders.ids import order_id
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.terms import LegTerms, OrderTerms, Relation
from interlock.orders.tree import LEGS_MAX, OnPartialFill

ID_LENGTH_MAX = 64
_BODY: Final = msgspec.msgpack.Encoder()
_HASHER: Final = hashlib.blake2b(digest_size=8)


def digest(place: PlaceOrder) -> str:
    """Of the request's body: what "the same request again" means."""
    hasher = _HASHER.copy()  # cheaper than a new one
    hasher.update(_BODY.encode(msgspec.structs.replace(place, key="") if place.key else place))
    return hasher.hexdigest()


def accept(state: State, place: PlaceOrder, at: int) -> OrderTerms | Reject:
    """Terms for the order, or why there can be none."""
    try:
        return _accept(state, place, at)
    except Refused as refused:
        return refused.reject


def _accept(state: State, place: PlaceOrder, at: int) -> OrderTerms:
    if not 0 < len(place.client_order_id) <= ID_LENGTH_MAX:
        refuse(
            RejectCode.MALFORMED,
            "client_order_id",
            f"An id has 1 to {ID_LENGTH_MAX} characters.",
        )
    if not place.account:
        refuse(RejectCode.MALFORMED, "account", "An account must be named.")
    if place.max_age_ms is not None:
        _check_age(place, at)
    root = unfold(place.order)
    reader = TreeReader(state, place, at, given_ids(root))
    top = reader.node(root, None)
    if len(reader.legs) > LEGS_MAX:
        refuse(RejectCode.TREE_TOO_WIDE, "order", f"An order has at most {LEGS_MAX} legs.")
    legs = whens.attach(state, tuple(reader.legs), reader.leaves)
    policy = checks.policy_terms(state, place, legs, at)
    terms = OrderTerms(
        id=order_id(state.seq + 1),
        client_order_id=place.client_order_id,
        account=place.account,
        digest=digest(place),
        legs=legs,
        root=top,
        relations=tuple(r for r in reader.relations if r is not None),
        policy=policy,
        tag=place.tag,
        key=place.key,
    )
    checks.exits_can_rest(state, terms)
    checks.signals_protect_nothing(terms)
    terms = checks.with_safety_stops(state, terms)
    terms = msgspec.structs.replace(terms, rules=rules.compiled(state, place, terms))
    checks.cycles(terms, reader.leaves)
    checks.market(state, terms, reader.leaves, at)
    gating.check_new(state, terms, reader.leaves, at)
    return terms


def _check_age(place: PlaceOrder, at: int) -> None:
    if place.made_at is None:
        refuse(RejectCode.MISSING_FIELD, "made_at", "max_age_ms needs to know when it was made.")
    age_ms = (at - place.made_at) // 1_000_000
    if place.max_age_ms is not None and age_ms > place.max_age_ms:
        refuse(
            RejectCode.SIGNAL_TOO_OLD,
            "made_at",
            f"It was made {age_ms} ms ago; max_age_ms is {place.max_age_ms}.",
            "Make it anew from the market as it is.",
        )


class TreeReader:
    """Numbers legs and relations while walking the unfolded tree."""

    def __init__(self, state: State, place: PlaceOrder, at: int, given: dict[str, bool]) -> None:
        self.state = state
        self.place = place
        self.at = at
        self.legs: list[LegTerms] = []
        self.leaves: list[Leaf] = []
        self.relations: list[Relation | None] = []
        self.ids: dict[str, str] = {}
        self.given = given
        """The ids the trader gave, wherever in the tree."""

    def node(self, node: Branch | Leaf, above: Place | None) -> int:
        """The number of a leg, or ``~n`` of a relation."""
        if isinstance(node, Leaf):
            return self.leaf(node, above)
        number = len(self.relations)
        self.relations.append(None)
        first = len(self.legs)
        if node.kind == "oto":
            children = self.oto(node, above)
        else:
            children = tuple(self.node(child, above) for child in node.children)
            if node.kind == "all" and above is not None:
                self.check_shares(node, children, above)
        mine = self.legs[first:]
        mode = node.on_partial_fill
        if mode is None:
            mode = OnPartialFill.REDUCE if _all_exits(mine) else OnPartialFill.CANCEL
        self.relations[number] = Relation(node.kind, children, -1, node.id, mode, node.activate_on)
        return ~number

    def leaf(self, leaf: Leaf, above: Place | None) -> int:
        number = len(self.legs)
        name = leaf.leg.id or self.free_id(leaf.name or f"leg_{number + 1}")
        if not 0 < len(name) <= ID_LENGTH_MAX:
            refuse(
                RejectCode.MALFORMED,
                f"{leaf.path}.id",
                f"An id has 1 to {ID_LENGTH_MAX} characters.",
            )
        if name in self.ids:
            refuse(
                RejectCode.DUPLICATE_LEG_ID,
                f"{leaf.path}.id",
                f"{name!r} is the id of the leg at {self.ids[name]} already.",
                "Give every leg its own id.",
            )
        self.ids[name] = leaf.path
        self.legs.append(build_leg(self.state, self.place, leaf, name, above, self.at))
        self.leaves.append(leaf)
        return number

    def free_id(self, wanted: str) -> str:
        """An id for a leg that was given none, out of the way of those that were."""
        name, count = wanted, 1
        while name in self.ids or name in self.given:
            count += 1
            name = f"{wanted}_{count}"
        return name

    def oto(self, node: Branch, above: Place | None) -> tuple[int, ...]:
        first = self.node(node.children[0], above)
        inside = self.place_of(first)
        then = self.node(node.children[1], inside)
        return (first, then)

    def place_of(self, node: int) -> Place:
        """What a child inherits from the node it exists for."""
        leg = self.legs[self.first_leg(node)]
        return Place(leg.instrument, leg.side, self.whole(node), leg.position_side, leg)

    def first_leg(self, node: int) -> int:
        while node < 0:
            relation = self.relations[~node]
            assert relation is not None
            node = relation.children[0]
        return node

    def whole(self, node: int) -> int:
        if node >= 0:
            return self.legs[node].quantity
        relation = self.relations[~node]
        assert relation is not None
        if relation.kind == "oto":
            return self.whole(relation.children[0])
        sizes = [self.whole(child) for child in relation.children]
        return max(sizes) if relation.kind == "oco" else sum(sizes)

    def check_shares(self, node: Branch, children: tuple[int, ...], above: Place) -> None:
        """Side by side, exits may not add up to more than there is."""
        exits = [c for c in children if all(leg.exits for leg in self.legs_of(c))]
        stops = [c for c in exits if any("stop" in leg.type for leg in self.legs_of(c))]
        total = sum(self.whole(c) for c in exits if c not in stops)
        if total > above.quantity:
            refuse(
                RejectCode.SHARES_EXCEED_WHOLE,
                node.path if node.sugar else f"{node.path}.legs",
                "Side by side these exit more than the entry brings.",
                "Let the quantities add up to the entry's, or put alternatives in an oco.",
            )

    def legs_of(self, node: int) -> list[LegTerms]:
        if node >= 0:
            return [self.legs[node]]
        relation = self.relations[~node]
        assert relation is not None
        return [leg for child in relation.children for leg in self.legs_of(child)]


def _all_exits(legs: list[LegTerms]) -> bool:
    return (
        bool(legs)
        and all(leg.exits for leg in legs)
        and len({(leg.instrument, leg.side) for leg in legs}) == 1
    )
