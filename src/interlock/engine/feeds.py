"""Feeds: whether an instrument's prices are fit to trade by, and what then becomes of held stops.

Decides when a feed is declared unfit and fit again. Invariants: an unfit feed takes no new risk;
a stop that is held here while its feed is silent is told of, rests at the venue, or is flattened,
as ``on_stale_feed`` says.
"""

from msgspec.structs import replace

from interlock.engine import guard, winding
from interlock.engine.order import TRAILS, Leg, Order
from interlock.engine.state import MarketView
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.commands import CancelMode
from interlock.orders.legs import Hold
from interlock.orders.limits import Block, BlockCause, BlockLevel, RiskScope
from interlock.orders.terms import Change
from interlock.orders.ticks import Depth, Quote, Tick, Trade
from interlock.orders.tree import OnStaleFeed
from interlock.risk.feed import Feed

BY_FEED = "feed"


def seen(turn: Turn, view: MarketView, feed: Feed, tick: Tick) -> None:
    """Judge one tick."""
    why = ""
    if view.path is not None and isinstance(tick, Trade) and tick.price > 0:
        view.path.saw(tick.at, tick.price)
    if isinstance(tick, Quote):
        why = feed.quoted(tick.at, tick.bid, tick.ask)
    elif isinstance(tick, Trade):
        why = feed.traded(tick.at, tick.price)
    elif isinstance(tick, Depth):
        bid = tick.bids[0][0] if tick.bids else 0
        ask = tick.asks[0][0] if tick.asks else 0
        why = feed.quoted(tick.at, bid, ask)
    if why and not feed.unfit:
        declare(turn, view, why)
    elif feed.unfit and not why and feed.calm(tick.at):
        _recovered(turn, view)
    if not turn.state.risk.look_at and feed.stale_ns and not feed.unfit:
        turn.state.risk.look_at = feed.stale_at()


def declare(turn: Turn, view: MarketView, why: str) -> None:
    """The feed is unfit: nothing new by it, and every stop held by it is seen to."""
    symbol = view.grid.symbol
    scope, level = RiskScope(instrument=symbol), BlockLevel.BLOCK_NEW
    block = Block(
        *(BlockCause.FEED, symbol, scope, level, turn.at, guard.ITSELF, f"the feed is {why}"),
        waits=True,
    )
    guard.raise_block(turn, block)
    for order in turn.state.orders.living():
        if order.done or order.winding:
            continue
        held = [number for number, leg in enumerate(order.legs) if _held_by(leg, symbol)]
        if held:
            _see_to(turn, order, held, why)


def _held_by(leg: Leg, symbol: str) -> bool:
    armed = leg.armed and leg.venue is None and leg.protective
    return armed and leg.terms.instrument == symbol and not leg.ended


def _see_to(turn: Turn, order: Order, held: list[int], why: str) -> None:
    policy = order.terms.policy.on_stale_feed
    setting = f"on_stale_feed={policy}"
    detail = f"its feed is {why}; a stop that is held here may not fire"
    for number in held:
        if f"{f.IncidentKind.STALE_FEED}:{number}" not in order.incidents:
            turn.incident(order, f.IncidentKind.STALE_FEED, number, detail, setting, 1)
    if policy is OnStaleFeed.FLATTEN:
        winding.wind(turn, order, CancelMode.FLATTEN, f"the feed is {why}")
    elif policy is OnStaleFeed.SAFETY_STOP:
        _rest(turn, order, held)


def _rest(turn: Turn, order: Order, held: list[int]) -> None:
    """Stops at a level rest at the venue until the feed is fit again, where it takes stops."""
    made = []
    for number in held:
        leg = order.legs[number]
        can = turn.state.capabilities_of(leg.terms.instrument).native_stop
        if can and leg.terms.type not in TRAILS and leg.terms.when is None:
            made.append(Change(number, replace(leg.terms, hold=Hold.VENUE)))
    if made:
        version = order.version + 1
        turn.emit(f.OrderAmended(turn.at, order.id, version, tuple(made), BY_FEED))
        turn.touch(order)


def _recovered(turn: Turn, view: MarketView) -> None:
    symbol = view.grid.symbol
    guard.lift(turn, BlockCause.FEED, symbol, guard.ITSELF, "sound prices again")
    for order in turn.state.orders.living():
        back: list[Change] = []
        for number, leg in enumerate(order.legs):
            kind = f.IncidentKind.STALE_FEED
            if leg.terms.instrument != symbol or f"{kind}:{number}" not in order.incidents:
                continue
            turn.emit(f.IncidentClosed(turn.at, order.id, kind, number, "sound prices again"))
            resting = order.terms.policy.on_stale_feed is OnStaleFeed.SAFETY_STOP
            if resting and leg.terms.hold is Hold.VENUE and not leg.ended and not order.winding:
                back.append(Change(number, replace(leg.terms, hold=Hold.ENGINE)))
        if back:
            version = order.version + 1
            turn.emit(f.OrderAmended(turn.at, order.id, version, tuple(back), BY_FEED))
            turn.touch(order)
