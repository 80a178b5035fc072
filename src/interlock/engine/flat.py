"""Flat orders: one leg, or one ``oco`` of legs, all waiting here for prices of their own.

Decides such an order in one look instead of the general walk of ``accept`` and ``reconcile``: the
plainest orders are the most frequent. Invariant: whatever is out of the ordinary is left to the
general way, refusals above all; the state after both ways is the same (a property test says so).
"""

from typing import Any, Final

from msgspec.structs import astuple

from interlock.engine import checks, gating, legterms, prices, tally
from interlock.engine.arming import ON_LAST, ON_MID, Wait
from interlock.engine.book import terms_digest
from interlock.engine.order import STOPS
from interlock.engine.refusal import Refused
from interlock.engine.state import MarketView, State
from interlock.orders.commands import PlaceOrder
from interlock.orders.conditions import PriceSource
from interlock.orders.facts import Armed, OrderAccepted
from interlock.orders.grid import Grid
from interlock.orders.ids import order_id
from interlock.orders.legs import (
    Hold,
    LegType,
    LimitIfTouched,
    MarketIfTouched,
    Side,
    Stop,
    StopLimit,
    TimeInForce,
    TrailingStop,
)
from interlock.orders.terms import BPS, LegTerms, OrderTerms, PolicyTerms, Relation, RuleTerms
from interlock.orders.tree import WIDTH_MAX, Oco, OnPartialFill, Policy
from interlock.risk.limited import Bounds

ID_LENGTH_MAX: Final = 64
USUAL_POLICY: Final = Policy()
USUAL_TERMS: Final = PolicyTerms()
NO_RELATIONS: Final[tuple[Relation, ...]] = ()
HELD_HERE: Final = (None, Hold.AUTO, Hold.ENGINE)
LASTING: Final = (None, TimeInForce.GTC)
FIELDS: Final = (
    *("id", "instrument", "side", "quantity", "time_in_force", "expire_at", "reduce_only"),
    *("position_side", "when", "hold", "trigger_by", "trigger_confirm"),
)
"""Every leg type here begins with these; a test says so."""
USUAL_FIELDS: Final = (None, None, False, None, None, None, PriceSource.LAST, None)
"""From time in force on, of a leg that says nothing about them."""
PAIR: Final = (0, 1)
PAIR_NAMES: Final = ("leg_1", "leg_2")
PLAIN_PAIR: Final = (Relation("oco", PAIR, -1, "", OnPartialFill.CANCEL),)
BUY: Final = Side.BUY
LAST: Final = PriceSource.LAST
STOP_LIMIT: Final = LegType.STOP_LIMIT
LIMIT_IF_TOUCHED: Final = LegType.LIMIT_IF_TOUCHED
TRAILING_STOP: Final = LegType.TRAILING_STOP
"""Names of this module: an enum's member costs a look-up each time it is named."""
NO_RULES: Final[tuple[RuleTerms, ...]] = ()
_ACCEPTED: Final = OrderAccepted
_ARMED: Final = Armed
_TERMS: Final = OrderTerms
_LEG_TERMS: Final = LegTerms
_OCO: Final = Oco
"""So are classes of other modules, in compiled code."""
UNLIMITED: Final[tuple[tuple[Bounds, ...], int, int]] = ((), 0, 0)
LegRead = tuple[LegTerms, MarketView, LegType, int, int | None, PriceSource]
"""A leg's terms, its market, and of the terms: type, side, trigger price, whose price."""
KINDS: Final[dict[type, LegType]] = {
    Stop: LegType.STOP,
    StopLimit: LegType.STOP_LIMIT,
    MarketIfTouched: LegType.MARKET_IF_TOUCHED,
    LimitIfTouched: LegType.LIMIT_IF_TOUCHED,
    TrailingStop: LegType.TRAILING_STOP,
}


Flat = tuple[OrderAccepted, list[Wait], tuple[Bounds, ...], int, int]
"""An acceptance, where its legs wait, the limits it falls under, what it could buy and sell."""


def accept(state: State, place: PlaceOrder, at: int) -> Flat | None:
    """The acceptance of a flat order with every leg armed; nothing for any other order."""
    if state.down and any(state.down.values()):
        return None
    armed: list[Armed] = []
    waits: list[Wait] = []
    try:
        read = _read(state, astuple(place), order_id(state.seq + 1), True)
        if read is None:
            return None
        terms, parts = read
        for leg, view, kind, side, level, source in parts:
            if view.halted:
                return None
            if view.grid.judges_value:
                checks.value(view.grid, view.reference(), leg, "")
            name = ON_LAST if source is LAST else prices.channel_of(source, side)
            price = view.last if name is ON_LAST else view.price(name) or 0
            if level is None:
                mark = price or None
                armed.append(_ARMED(None, mark))
                waits.append((view, name, mark, None, leg))
                continue
            there = level * 2 if name is ON_MID else level
            rises = (kind in STOPS) is (side > 0)
            if price and (price >= there if rises else price <= there):
                return None  # the market is there already
            armed.append(_ARMED(level))
            waits.append((view, name, there, rises, leg))
    except Refused:
        return None  # the general way says why
    scopes, buys, sells = UNLIMITED
    if not state.risk.quiet:
        passed = _passes(state, terms, parts, at)
        if passed is None:
            return None
        scopes, buys, sells = passed
    return _ACCEPTED(at, terms, tuple(armed)), waits, scopes, buys, sells


def _passes(
    state: State, terms: OrderTerms, parts: list[LegRead], at: int
) -> tuple[tuple[Bounds, ...], int, int] | None:
    """The limits the order falls under and what it adds there; nothing where a gate may hold it
    back, or is to be asked in the general way."""
    account, tag = terms.account, terms.tag
    if state.risk.blocks:
        return UNLIMITED if gating.of_new(state, terms, at) is None else None
    if state.risk.dirty:
        tally.refresh(state)
    view = parts[0][1]
    scopes = state.risk.bounds(account, tag, view.grid)
    reference = view.last or view.reference() or 0
    quantity = worth = beyond = buys = sells = 0
    for leg, other, kind, side, level, _ in parts:
        if other is not view:
            return UNLIMITED if gating.of_new(state, terms, at) is None else None
        size: int = leg.quantity
        quantity = max(quantity, size)
        price = level or reference
        if kind is STOP_LIMIT or kind is LIMIT_IF_TOUCHED:
            limit = leg.price
            assert isinstance(limit, int), "a span is read in the general way"
            about = level or 1
            beyond = max(beyond, -(-(limit - about) * side * BPS // about))
            price = max(price, limit)
        if not price:
            return None
        worth = max(worth, size * price)
        if side > 0:
            buys = max(buys, size)
        else:
            sells = max(sells, size)
        for one in scopes:
            if one.kinds is not None and kind not in one.kinds:
                return None
    for one in scopes:
        if not one.lets(quantity, worth, beyond, buys, sells, reference, at):
            return UNLIMITED if gating.of_new(state, terms, at) is None else None
    return scopes, buys, sells


def body_digest(state: State, place: PlaceOrder) -> str:
    """What ``OrderBook.body_digest`` gives for a flat order of this body; nothing if it is not.

    Two bodies of flat orders are the same when they mean the same terms.
    """
    try:
        read = _read(state, astuple(place), "", False)
    except Refused:
        return ""
    return "" if read is None else terms_digest(read[0])


def _read(
    state: State, place: tuple[Any, ...], name: str, new: bool
) -> tuple[OrderTerms, list[LegRead]] | None:
    """The terms of a flat order, whatever the market; nothing for any other order.

    ``new`` orders have an id that their client has not used.
    """
    client, account, node, policy, rules, tag, rounds, made_at, max_age, key = place
    if policy is not USUAL_POLICY and policy != USUAL_POLICY:
        return None
    if rules or rounds or made_at is not None or max_age is not None:
        return None
    if not account or not 0 < len(client) <= ID_LENGTH_MAX:
        return None
    if new and state.orders.named(account, client) is not None:
        return None
    if type(node) is _OCO:
        nodes: tuple[Any, ...] = node.legs
        if not 2 <= len(nodes) <= WIDTH_MAX:
            return None
        relations, root = _oco(node), -1
    elif type(node) in KINDS:
        nodes, relations, root = (node,), NO_RELATIONS, 0
    else:
        return None
    names = _names(nodes)
    if names is None:
        return None
    parts: list[LegRead] = []
    legs: list[LegTerms] = []
    for number, leg in enumerate(nodes):
        kind = KINDS.get(type(leg))
        if kind is None:
            return None
        part = _leg(state, astuple(leg), kind, names[number])
        if part is None:
            return None
        parts.append(part)
        legs.append(part[0])
    all_legs = tuple(legs)
    usual = USUAL_TERMS
    who = (usual, NO_RULES, tag, key)
    terms = _TERMS(name, client, account, "", all_legs, root, relations, *who)
    return terms, parts


def _oco(node: Oco) -> tuple[Relation, ...]:
    mode = node.on_partial_fill
    if mode is None:
        if not node.id and len(node.legs) == 2:
            return PLAIN_PAIR
        mode = OnPartialFill.CANCEL
    return (Relation("oco", tuple(range(len(node.legs))), -1, node.id or "", mode),)


def _names(nodes: tuple[Any, ...]) -> tuple[str, ...] | None:
    """The legs' ids; nothing where some were given that could be refused or in the way."""
    given = [leg.id for leg in nodes if leg.id is not None]
    if not given:
        count = len(nodes)
        return PAIR_NAMES if count == 2 else tuple([f"leg_{n + 1}" for n in range(count)])
    if len(given) < len(nodes) or len(set(given)) < len(given):
        return None
    return tuple(given) if all(0 < len(name) <= ID_LENGTH_MAX for name in given) else None


def _leg(state: State, fields: tuple[Any, ...], kind: LegType, name: str) -> LegRead | None:
    """One leg's terms, and what they say of its trigger.

    ``fields`` are as ``FIELDS`` names them, then the type's own prices.
    """
    usual = fields[4:12]
    if usual != USUAL_FIELDS and not _ordinary(usual):
        return None
    view = state.markets.get(fields[1] or "")
    side, text = fields[2], fields[3]
    if view is None or side is None or text is None:
        return None
    grid = view.grid
    quantity = grid.quantity_units(text)
    if type(quantity) is not int or not grid.min_quantity <= quantity <= grid.most:
        return None
    if not grid.one_way:
        return None
    price = level = trail = None
    if kind is TRAILING_STOP:
        if fields[13] is not None:
            return None
        trail = legterms.span(grid, fields[12], "", False)
    else:
        level = _price(grid, fields[12])
        if level is None:
            return None
        if kind is STOP_LIMIT or kind is LIMIT_IF_TOUCHED:
            price = _price(grid, fields[13])
            if price is None or fields[14] is not None:
                return None
    sign = 1 if side is BUY else -1
    by = fields[10]
    if by is LAST and trail is None:
        terms = _LEG_TERMS(name, kind, grid.symbol, sign, quantity, price, level)
    else:
        gap = (None, None)
        terms = LegTerms(*(name, kind, grid.symbol, sign, quantity, price, level, trail), *gap, by)
    return terms, view, kind, sign, level, by


def _ordinary(usual: tuple[Any, ...]) -> bool:
    """Whether nothing about the leg but its prices and quantity needs a thought."""
    tif, expire_at, reduce_only, position_side, when, hold, _, confirm = usual
    return (
        when is None
        and not reduce_only
        and position_side is None
        and expire_at is None
        and confirm is None
        and hold in HELD_HERE
        and tif in LASTING
    )


def _price(grid: Grid, text: Any) -> int | None:
    if type(text) is not str:
        return None
    units = grid.price_units(text)
    return units if type(units) is int and units > 0 else None
