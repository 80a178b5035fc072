"""Other hands: what people and accidents do at a venue, past every rule of ours.

Decides what a deed of the plan means at the moment it comes. Invariant: it acts on what is there;
where there is nothing to act on, nothing happens.
"""

from interlock.orders.instruments import PositionMode
from interlock.orders.legs import PositionSide
from interlock.sim.plan import Deed
from interlock.venues.paper.exchange import PaperExchange


def do(exchange: PaperExchange, deed: Deed, at: int) -> str:
    """Carry out a deed; in words, what was done."""
    match deed.what:
        case "cancel" | "amend":
            return _to_an_order(exchange, deed, at)
        case "close":
            return _close(exchange, deed, at)
        case "open":
            return _open(exchange, deed, at)
        case "halt":
            exchange.halt(deed.instrument, at)
            return f"{deed.instrument} is halted"
        case "resume":
            exchange.resume(deed.instrument, at)
            return f"{deed.instrument} trades again"
        case "delist":
            exchange.delist(deed.instrument, at)
            return f"{deed.instrument} is listed no more"
        case "down":
            exchange.disconnect(at)
            return f"the connection to {deed.venue} goes down"
        case "up":
            exchange.reconnect(at)
            return f"the connection to {deed.venue} is back"
    raise ValueError(f"no deed {deed.what!r}")


def _to_an_order(exchange: PaperExchange, deed: Deed, at: int) -> str:
    orders = exchange.open_orders()
    if not orders:
        return f"somebody finds no order at {deed.venue} to {deed.what}"
    order = orders[deed.pick % len(orders)]
    if deed.what == "cancel":
        exchange.outside_cancel(order.client_id, at)
        return f"somebody cancels {order.client_id} at {deed.venue}"
    quantity = order.cum + 1 + deed.pick % (2 * order.leaves)
    exchange.outside_amend(order.client_id, at, quantity=quantity)
    return f"somebody changes {order.client_id} at {deed.venue} to {quantity}"


def _close(exchange: PaperExchange, deed: Deed, at: int) -> str:
    """All or half of the first position there is."""
    for held in exchange.positions():
        if held.quantity and held.instrument == deed.instrument:
            size = max(1, abs(held.quantity) // (1 + deed.pick % 2))
            signed = -size if held.quantity > 0 else size
            price = 1 + deed.pick
            exchange.outside_trade(
                held.account, held.instrument, signed, price, at, held.position_side
            )
            return f"somebody trades {signed} of the position of {held.account}"
    return f"somebody finds no position in {deed.instrument} to close"


def _open(exchange: PaperExchange, deed: Deed, at: int) -> str:
    """A position of somebody's own, which is none of ours."""
    sides: tuple[PositionSide | None, ...] = (None,)
    if exchange.position_mode(deed.instrument) is PositionMode.HEDGE:
        sides = (PositionSide.LONG, PositionSide.SHORT)
    side = sides[deed.pick % len(sides)]
    size = 1 + deed.pick % 40
    signed = size if side is PositionSide.LONG or (side is None and deed.pick % 3) else -size
    exchange.outside_trade("main", deed.instrument, signed, 1 + deed.pick, at, side)
    return f"somebody opens {signed} of {deed.instrument} for main"
