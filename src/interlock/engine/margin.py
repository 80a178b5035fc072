"""Margin: what a venue has left for an account, kept fresh, and told of before the venue refuses.

Decides when balances are asked for and when a person is advised to take risk off. Invariants: a
word that is not fresh is not believed; what was let through since counts as taken.
"""

from typing import Final

from interlock.engine import guard
from interlock.engine.exposure import entries
from interlock.engine.state import State
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.reports import Balance, BalancesTold
from interlock.orders.requests import QueryBalances
from interlock.risk.asked import Asked
from interlock.risk.gates import free_margin, needed
from interlock.risk.limited import Limited
from interlock.risk.money import amount, amount_text, common

EVERY_NS: Final = 5_000_000_000
"""Between two questions for balances, while a margin is limited."""
FRESH_NS: Final = 20_000_000_000
"""A word older than this is not believed."""
ADVISED: Final = 3
"""Entries that are named as the first to take off."""


def limited_by_margin(state: State) -> list[Limited]:
    every = state.risk.limited.values()
    return [one for one in every if one.limits.min_free_margin is not None]


def ask(turn: Turn) -> None:
    """Ask for the balances that limits are held against, when it is time to."""
    risk = turn.state.risk
    mine = limited_by_margin(turn.state)
    if not mine or turn.at < risk.balances_at:
        return
    risk.balances_at = turn.at + EVERY_NS
    asked: dict[tuple[str, str], None] = {}
    for limited in mine:
        scope = limited.scope
        venues = [scope.venue] if scope.venue is not None else list(turn.state.capabilities)
        if scope.instrument is not None:
            venues = [scope.instrument.rpartition(".")[2]]
        for venue in venues:
            asked[(venue, scope.account or "")] = None
    for venue, account in asked:
        if not turn.state.down.get(venue, False):
            turn.requests.append(QueryBalances(venue, account))


def told(turn: Turn, report: BalancesTold) -> None:
    """Keep a venue's word, and advise where little is left."""
    risk = turn.state.risk
    risk.balances[(report.venue, report.account)] = (turn.at, report.balances)
    risk.spent.pop(report.account, None)
    for limited in limited_by_margin(turn.state):
        scope = limited.scope
        if scope.account == report.account and scope.venue in (None, report.venue):
            _advise(turn, limited, report.balances)


def known(state: State, account: str, instrument: str, at: int) -> tuple[Balance, ...] | None:
    """What the instrument's venue said of an account, while that is fresh."""
    told = state.risk.balances.get((instrument.rpartition(".")[2], account))
    if told is None or at - told[0] > FRESH_NS:
        return None
    return told[1]


def spend(state: State, asked: Asked, scopes: tuple[Limited, ...]) -> None:
    """What was let through is taken, until the venue says what is left."""
    most = max(
        [needed(one.limits, asked) for one in scopes if one.limits.min_free_margin is not None],
        default=0,
    )
    if most:
        state.risk.spent[asked.account] = state.risk.spent.get(asked.account, 0) + most


def _advise(turn: Turn, limited: Limited, balances: tuple[Balance, ...]) -> None:
    text = limited.limits.min_free_margin
    assert text is not None
    free = free_margin(balances, limited.limits.margin_asset)
    low = free < amount(text)
    if low is limited.margin_low:
        return
    turn.emit(f.MarginSeen(turn.at, limited.scope, free, low))
    if low:
        detail = (
            f"{limited.scope}: {amount_text(free)} is free, and min_free_margin is {text}; "
            f"entries are refused. {_advice(turn.state, limited)}"
        )
        guard.incident(turn, f.IncidentKind.MARGIN_LOW, detail, "min_free_margin")
    else:
        kind, how = f.IncidentKind.MARGIN_LOW, f"{amount_text(free)} is free again"
        guard.settled(turn, kind, str(limited.scope), how)


def _advice(state: State, limited: Limited) -> str:
    """Which live entries would free most."""
    found: list[tuple[int, str]] = []
    for order in state.orders.living():
        if order.done or order.terms.account != limited.scope.account:
            continue
        worth = 0
        for sides in entries(order, order.terms.root):
            for (instrument, _), units in sides.items():
                view = state.markets[instrument]
                worth += common(view.grid, units * (view.reference() or 0))
        if worth:
            found.append((worth, order.id))
    if not found:
        return "No entry is live: reduce a position, or add margin."
    first = sorted(found, reverse=True)[:ADVISED]
    named = ", ".join(f"{order_id} ({amount_text(worth)})" for worth, order_id in first)
    return f"The largest live entries are {named}: cancel those first, or add margin."
