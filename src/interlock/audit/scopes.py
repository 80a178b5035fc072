"""Scopes, and what adds risk in them, as the auditor reads them.

Decides what a limit or a block covers, and what a live order could still buy and sell. It shares no
code with the gates. Invariant: it reads records and terms alone, from end to end.
"""

from collections.abc import Iterable

from interlock.audit.record import STOPS, Record
from interlock.orders.limits import RiskScope
from interlock.orders.terms import LegTerms, OrderTerms

Market = tuple[str, str]
"""Instrument and position side."""


def covers(
    scope: RiskScope, account: str, tag: str, instruments: Iterable[str], key: str = ""
) -> bool:
    """Whether any of the instruments is in the scope, of this account, strategy and key."""
    if scope.key is not None and scope.key != key:
        return False
    if scope.account is not None and scope.account != account:
        return False
    if scope.tag is not None and scope.tag != tag:
        return False
    traded = list(instruments)
    if scope.instrument is not None and scope.instrument not in traded:
        return False
    return scope.venue is None or any(one.endswith("." + scope.venue) for one in traded)


def over(scope: RiskScope, terms: OrderTerms) -> bool:
    """Whether a scope covers an order."""
    return covers(
        scope, terms.account, terms.tag, [leg.instrument for leg in terms.legs], terms.key
    )


def adds(leg: LegTerms) -> bool:
    """Whether a leg could add to a position."""
    return not (leg.exits or leg.reduce_only or leg.system)


def protects(leg: LegTerms) -> bool:
    return leg.exits and leg.type in STOPS


def market_of(leg: LegTerms) -> Market:
    return leg.instrument, str(leg.position_side or "")


def entries_open(record: Record) -> list[int]:
    """Entries that may still trade."""
    return [
        number
        for number, leg in enumerate(record.legs)
        if adds(leg) and (number not in record.ended or record.live(number))
    ]


def could(record: Record, market: Market, side: int) -> int:
    """What an order's entries could still buy (``side`` 1) or sell (-1) in a market."""
    return 0 if record.done else _under(record, record.terms.root, market, side)


def _under(record: Record, node: int, market: Market, side: int) -> int:
    if node >= 0:
        leg = record.legs[node]
        if not adds(leg) or leg.side != side or market_of(leg) != market:
            return 0
        if record.winding:  # what is on its way back may fill until it is gone
            return sum(max(0, attempt.leaves) for attempt in record.live(node))
        return 0 if node in record.ended else max(0, leg.quantity - record.cum.get(node, 0))
    relation = record.relations[~node]
    parts = [_under(record, child, market, side) for child in relation.children]
    return max(parts, default=0) if relation.kind == "oco" else sum(parts)


def held(record: Record, market: Market) -> int:
    """What an order's own fills have made of a market: long above zero."""
    return sum(
        leg.side * record.cum.get(number, 0)
        for number, leg in enumerate(record.legs)
        if market_of(leg) == market
    )
