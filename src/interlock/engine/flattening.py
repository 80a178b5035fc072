"""Flattening what no live order answers for: positions that past orders have left.

Decides which positions a kill has to close besides those of live orders, and with what. Invariants:
reduce-only or by position side, so that no position is ever opened or turned round; asked again
while it is under way, nothing is sent twice.
"""

from typing import Final

from interlock.engine import exposure
from interlock.engine.state import State
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.ids import order_id
from interlock.orders.legs import Hold, LegType, PositionSide
from interlock.orders.limits import Block, RiskScope
from interlock.orders.terms import LegTerms, OrderTerms
from interlock.risk.book import HoldingKey

NAMED: Final = "flatten:"
"""Begins the client order id of an order made here."""


def held(state: State, scope: RiskScope) -> dict[HoldingKey, int]:
    """Signed quantities in a scope. Whose key made them is not kept: none is of a key's scope."""
    if scope.key is not None:
        return {}
    return {
        key: holding.net
        for key, holding in sorted(state.risk.holdings.items())
        if holding.net and scope.covers(key[0], (key[1],), key[3])
    }


def left_over(state: State, scope: RiskScope) -> dict[HoldingKey, int]:
    """Signed quantities in a scope that no live order answers for."""
    left = held(state, scope)
    for order in state.orders.living() if left else ():
        if order.done:
            continue
        if order.terms.client_order_id.startswith(NAMED):  # it is being closed
            leg = order.terms.legs[0]
            side = str(leg.position_side or "")
            left.pop((order.terms.account, leg.instrument, side, order.terms.tag), None)
            continue
        for one in exposure.of_order(state, order):
            key = (one.account, one.instrument, one.position_side, order.terms.tag)
            if key in left:
                left[key] -= one.exposure
    return {key: units for key, units in left.items() if units}


def close(turn: Turn, block: Block) -> tuple[str, ...]:
    """Send a closing order for each; the orders made."""
    made = []
    for key, units in left_over(turn.state, block.scope).items():
        account, instrument, side, tag = key
        by_side = PositionSide(side) if side else None
        if by_side is None and not turn.state.capabilities_of(instrument).reduce_only:
            grid = turn.state.markets[instrument].grid
            detail = (
                f"{grid.quantity_text(abs(units))} {instrument} of {account} belongs to no live "
                "order, and its venue knows no reduce-only: close it by hand"
            )
            kind = f.IncidentKind.FLATTEN_REFUSED
            turn.emit(f.IncidentOpened(turn.at, "", kind, -1, detail, "reduce_only"))
            continue
        name = order_id(turn.state.seq + 1)
        leg = LegTerms(
            id="close",
            type=LegType.MARKET,
            instrument=instrument,
            side=-1 if units > 0 else 1,
            quantity=abs(units),
            reduce_only=by_side is None,
            position_side=by_side,
            hold=Hold.VENUE,
            exits=True,
        )
        terms = OrderTerms(name, f"{NAMED}{name}", account, "", (leg,), tag=tag)
        turn.emit(f.OrderAccepted(turn.at, terms))
        turn.touch(turn.state.orders[name])
        made.append(name)
    return tuple(made)
