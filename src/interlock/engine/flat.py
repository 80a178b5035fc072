"""Flat orders: one leg, or one ``oco`` of legs, all waiting here for prices of their own.

Decides such an order in one look instead of the general walk of ``accept`` and ``reconcile``: the
plainest orders are the most frequent. Invariant: whatever is out of the ordinary is left to the
general way, refusals above all; the state after both ways is the same (a property test says so).
"""

from typing import Any, Final

from msgspec.structs import astuple

from interlock.engine import checks, legterms, prices
from interlock.engine.accept import digest as body_digest
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
from interlock.orders.terms import LegTerms, OrderTerms, PolicyTerms, Relation
from interlock.orders.tree import WIDTH_MAX, Oco, OnPartialFill, Policy

ID_LENGTH_MAX: Final = 64
USUAL_POLICY: Final = Policy()
USUAL_TERMS: Final = PolicyTerms()
NO_RELATIONS: Final[tuple[Relation, ...]] = ()
HELD_HERE: Final = (None, Hold.AUTO, Hold.ENGINE)
LASTING: Final = (None, TimeInForce.GTC)
USUAL_FIELDS: Final = (None, None, False, None, None, None, PriceSource.LAST, None)
"""Of a leg as ``_Triggered`` orders them, from time in force to trigger confirm."""
PAIR: Final = (0, 1)
PAIR_NAMES: Final = ("leg_1", "leg_2")
PLAIN_PAIR: Final = (Relation("oco", PAIR, -1, "", OnPartialFill.CANCEL),)
BUY: Final = Side.BUY
LAST: Final = PriceSource.LAST
MID: Final = PriceSource.MID
STOP_LIMIT: Final = LegType.STOP_LIMIT
LIMIT_IF_TOUCHED: Final = LegType.LIMIT_IF_TOUCHED
TRAILING_STOP: Final = LegType.TRAILING_STOP
"""Names of this module: an enum's member costs a look-up each time it is named."""
KINDS: Final[dict[type, LegType]] = {
    Stop: LegType.STOP,
    StopLimit: LegType.STOP_LIMIT,
    MarketIfTouched: LegType.MARKET_IF_TOUCHED,
    LimitIfTouched: LegType.LIMIT_IF_TOUCHED,
    TrailingStop: LegType.TRAILING_STOP,
}


def accept(state: State, place: PlaceOrder, at: int) -> OrderAccepted | None:
    """The acceptance of a flat order with every leg armed; nothing for any other order."""
    if (
        (place.policy is not USUAL_POLICY and place.policy != USUAL_POLICY)
        or place.rules
        or place.round
        or place.max_age_ms is not None
        or not place.account
        or not 0 < len(place.client_order_id) <= ID_LENGTH_MAX
    ):
        return None
    try:
        return _accept(state, place, at)
    except Refused:
        return None  # the general way says why


def _accept(state: State, place: PlaceOrder, at: int) -> OrderAccepted | None:
    node: Any = place.order
    if type(node) is Oco:
        nodes: tuple[Any, ...] = node.legs
        if not 2 <= len(nodes) <= WIDTH_MAX:
            return None
        relations = _oco(node)
        root = -1
    elif type(node) in KINDS:
        nodes, relations, root = (node,), NO_RELATIONS, 0
    else:
        return None
    names = _names(nodes)
    if names is None or (state.down and any(state.down.values())):
        return None
    legs: list[LegTerms] = []
    armed: list[Armed] = []
    for number, leg in enumerate(nodes):
        kind = KINDS.get(type(leg))
        if kind is None:
            return None
        view = state.markets.get(leg.instrument or "")
        if view is None or view.halted or not view.grid.one_way:
            return None
        fields = astuple(leg)
        if fields[4:12] != USUAL_FIELDS and not _ordinary(leg):
            return None
        terms = _terms(leg, kind, names[number], view)
        if terms is None:
            return None
        wait = _waits(terms, view)
        if wait is None:
            return None
        legs.append(terms)
        armed.append(wait)
    terms_of_all = OrderTerms(
        order_id(state.seq + 1),
        place.client_order_id,
        place.account,
        body_digest(place),
        tuple(legs),
        root,
        relations,
        USUAL_TERMS,
        (),
        place.tag,
    )
    return OrderAccepted(at, terms_of_all, tuple(armed))


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


def _ordinary(leg: Any) -> bool:
    """Whether nothing about the leg but its prices and quantity needs a thought."""
    return (
        leg.when is None
        and not leg.reduce_only
        and leg.position_side is None
        and leg.expire_at is None
        and leg.trigger_confirm is None
        and leg.hold in HELD_HERE
        and leg.time_in_force in LASTING
    )


def _terms(leg: Any, kind: LegType, name: str, view: MarketView) -> LegTerms | None:
    grid = view.grid
    text, side = leg.quantity, leg.side
    if text is None or side is None:
        return None
    quantity = grid.quantity_units(text)
    if type(quantity) is not int or not grid.min_quantity <= quantity <= grid.most:
        return None
    price = level = trail = None
    if kind is TRAILING_STOP:
        if leg.activation_price is not None:
            return None
        trail = legterms.span(grid, leg.trail, "", False)
    else:
        level = _price(grid, leg.trigger_price)
        if level is None:
            return None
        if kind is STOP_LIMIT or kind is LIMIT_IF_TOUCHED:
            price = _price(grid, leg.price)
            if price is None or leg.escalate is not None:
                return None
    sign = 1 if side is BUY else -1
    by = leg.trigger_by
    if by is LAST and trail is None:
        terms = LegTerms(name, kind, grid.symbol, sign, quantity, price, level)
    else:
        gap = (None, None)
        terms = LegTerms(name, kind, grid.symbol, sign, quantity, price, level, trail, *gap, by)
    if grid.judges_value:
        checks.value(grid, view.reference(), terms, "")
    return terms


def _price(grid: Grid, text: Any) -> int | None:
    if type(text) is not str:
        return None
    units = grid.price_units(text)
    return units if type(units) is int and units > 0 else None


def _waits(terms: LegTerms, view: MarketView) -> Armed | None:
    """Where the leg waits; nothing when the market is there already."""
    source, side = terms.trigger_by, terms.side
    price = view.last if source is LAST else view.price(prices.channel_of(source, side)) or 0
    level = terms.trigger_price
    if level is None:
        return Armed(None, price or None)
    assert type(level) is int
    if price:
        at = level * 2 if source is MID else level
        if price >= at if (terms.type in STOPS) is (side > 0) else price <= at:
            return None
    return Armed(level)
