"""Preview: what placing an order would do, without doing it.

Decides with the same ``decide`` in a state of its own that knows the same instruments, venues and
prices. Invariant: nothing of the real state changes.
"""

from interlock.engine import tally
from interlock.engine.decide import decide
from interlock.engine.exposure import OrderRisk, of_order
from interlock.engine.inputs import Decision
from interlock.engine.state import MarketView, State
from interlock.orders.commands import PlaceOrder


def preview(state: State, place: PlaceOrder, at: int) -> tuple[Decision, list[OrderRisk]]:
    """The decision, and what the order could come to risk."""
    other = State(state.settings)
    other.now = state.now
    other.seq = state.seq
    other.capabilities = state.capabilities
    other.down = dict(state.down)
    other.signals = dict(state.signals)
    other.signal_book = dict(state.signal_book)
    for symbol, view in state.markets.items():
        mine = other.markets[symbol] = MarketView(view.grid)
        mine.last, mine.bid, mine.ask = view.last, view.bid, view.ask
        mine.last_at, mine.quote_at = view.last_at, view.quote_at
        mine.marks = dict(view.marks)
        mine.delisted, mine.calendar, mine.hours = view.delisted, view.calendar, view.hours
        mine.halted, mine.volume, mine.fresh = view.halted, view.volume, False
    tally.refresh(state)
    other.risk = state.risk.sketch(other.markets)
    decision = decide(other, place, at)
    risks = [risk for order in other.orders.sketches() for risk in of_order(other, order)]
    return decision, risks
