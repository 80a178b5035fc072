"""Trading: whether an instrument is halted, delisted or trades, as its venue says.

Decides what becomes of legs there. Invariants: a halt or a delisting is a state, left when the
venue says that it trades again: nothing is sent meanwhile, and nothing is tried again and again; a
delisting is told of for every order that has something there, and for every position.
"""

from interlock.engine import flattening, guard, lookout
from interlock.engine.order import Order
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.limits import RiskScope
from interlock.orders.reports import InstrumentStatus

SETTING = "delisted"


def told(turn: Turn, report: InstrumentStatus) -> None:
    """Take in a venue's word on one of its instruments that is known here."""
    symbol, at = report.instrument, turn.at
    view = turn.state.markets[symbol]
    if report.trading:
        if view.halted:
            delisted = view.delisted
            turn.emit(f.InstrumentResumed(at, symbol))
            if delisted:
                _listed_again(turn, symbol)
            for order in turn.state.orders.living():
                turn.touch(order)
    elif report.delisted:
        if not view.delisted:
            turn.emit(f.InstrumentDelisted(at, symbol, report.detail))
            _tell(turn, symbol, report.detail)
    elif not view.halted:
        turn.emit(f.InstrumentHalted(at, symbol, report.detail))
        lookout.halted(turn, symbol, report.detail)


def _tell(turn: Turn, symbol: str, detail: str) -> None:
    """Say whose legs are suspended, and who holds what can no longer be sold there."""
    why = f"{symbol} is delisted{': ' if detail else ''}{detail}"
    for one in turn.state.orders.sketches():
        if one.done:
            continue
        numbers = _legs_at(one, symbol)
        if numbers:
            names = ", ".join(one.legs[number].terms.id for number in numbers)
            text = f"{why}; suspended until it trades again: {names}"
            order = turn.state.orders[one.id]
            turn.incident(order, f.IncidentKind.DELISTED, numbers[0], text, SETTING, 1)
    held = flattening.held(turn.state, RiskScope(instrument=symbol))
    for (account, _, side, _), units in held.items():
        size = turn.state.markets[symbol].grid.quantity_text(units)
        text = (
            f"{why}; {account} holds {size} {side}".rstrip() + ": ask the venue what becomes of it"
        )
        guard.incident(turn, f.IncidentKind.DELISTED, text, SETTING)


def _legs_at(order: Order, symbol: str) -> list[int]:
    return [
        number
        for number, leg in enumerate(order.legs)
        if leg.terms.instrument == symbol and not leg.ended
    ]


def _listed_again(turn: Turn, symbol: str) -> None:
    for order in turn.state.orders.living():
        for number, leg in enumerate(order.legs):
            kind = f.IncidentKind.DELISTED
            if leg.terms.instrument == symbol and f"{kind}:{number}" in order.incidents:
                turn.emit(f.IncidentClosed(turn.at, order.id, kind, number, "it trades again"))
