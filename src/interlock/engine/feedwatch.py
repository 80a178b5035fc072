"""Which instruments' prices are judged, and by what.

Decides nothing about prices. Invariant: what is watched follows from the limits in force; what was
seen is volatile, as prices are.
"""

from interlock.engine.signalbook import Path
from interlock.engine.state import State
from interlock.orders.limits import BlockCause, Limits
from interlock.risk.feed import MS_NS, Feed

SECOND_NS = 1_000_000_000


def watch_all(state: State, at: int) -> None:
    """Judge the prices of every instrument that limits ask it for, from now on."""
    asking = [
        (one.scope, one.limits)
        for one in state.risk.limited.values()
        if one.limits.feed_stale_ms is not None or one.limits.feed_jump_bps is not None
    ]
    for symbol, view in state.markets.items():
        mine = [
            limits
            for scope, limits in asking
            if scope.instrument in (None, symbol) and scope.venue in (None, view.grid.venue)
        ]
        keep = max(
            [
                rules.corroborated_by.within_s
                for book in state.signal_book.values()
                if (rules := book.rules).corroborated_by is not None
                and rules.corroborated_by.instrument == symbol
            ],
            default=0,
        )
        if not keep:
            view.path = None
        elif view.path is None:
            view.path = Path(keep * SECOND_NS)
        view.feed = _feed(mine, at) if mine or keep else None
        if (BlockCause.FEED, symbol) in state.risk.blocks:
            said_unfit(state, symbol, True)


def _feed(asking: list[Limits], at: int) -> Feed:
    """The tightest of several demands."""
    stale = min([one.feed_stale_ms for one in asking if one.feed_stale_ms], default=0)
    jump = min([one.feed_jump_bps for one in asking if one.feed_jump_bps], default=0)
    calm = max([one.feed_calm_ms for one in asking], default=0)
    return Feed(stale * MS_NS, jump, calm * MS_NS, at)


def said_unfit(state: State, symbol: str, unfit: bool) -> None:
    view = state.markets.get(symbol)
    if view is not None and view.feed is not None:
        view.feed.unfit = unfit
