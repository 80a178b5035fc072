"""The gates: one ordered list of questions, each with a setting, a figure and a limit.

Decides whether something may be placed, amended or sent under one scope's limits. Invariants: what
only takes risk away passes; a figure that cannot be had does not pass where it is limited.
"""

from collections.abc import Callable
from typing import Final

from interlock.orders.legs import Side
from interlock.orders.limits import Breach, Gate, Limits
from interlock.orders.reports import Balance
from interlock.orders.terms import BPS
from interlock.risk.asked import Asked, AskedLeg
from interlock.risk.limited import NONE, Limited
from interlock.risk.money import amount, amount_text, common

Question = Callable[[Limited, Asked], Breach | None]
UNKNOWN: Final = "unknown"


def _breach(
    limited: Limited,
    gate: Gate,
    setting: str,
    figures: tuple[str, str],
    where: tuple[int, str] = (-1, ""),
) -> Breach:
    """``figures`` are what it comes to and the limit; ``where`` is a leg and its field."""
    figure, limit = figures
    unknown = figure == UNKNOWN
    return Breach(gate, limited.scope, setting, figure, limit, where[0], where[1], unknown)


def _allowed(limited: Limited, asked: Asked) -> Breach | None:
    limits = limited.limits
    for leg in asked.legs:
        found: tuple[str, str, tuple[str, ...]] | None = None
        symbol, side = leg.grid.symbol, (Side.BUY if leg.side > 0 else Side.SELL)
        if limits.leg_types is not None and leg.kind not in limits.leg_types:
            found = ("leg_types", leg.kind.value, tuple(one.value for one in limits.leg_types))
        if leg.exits and found is None:
            continue
        if limits.instruments is not None and symbol not in limits.instruments:
            found = ("instruments", symbol, limits.instruments)
        elif limits.sides is not None and side not in limits.sides:
            found = ("sides", side.value, tuple(one.value for one in limits.sides))
        if found is not None:
            setting, figure, allowed = found
            figures = figure, ", ".join(allowed) or "nothing"
            return _breach(limited, Gate.ALLOWED, setting, figures, (leg.number, ""))
    return None


def _reduce_only(limited: Limited, asked: Asked) -> Breach | None:
    for leg in asked.legs:
        if limited.limits.reduce_only and not leg.exits:
            figures = "an entry", "exits only"
            return _breach(limited, Gate.REDUCE_ONLY, "reduce_only", figures, (leg.number, ""))
    return None


def _order_quantity(limited: Limited, asked: Asked) -> Breach | None:
    for leg in asked.legs:
        most = limited.bounds(leg.grid).order_quantity
        if most != NONE and leg.quantity > most and not leg.exits:
            text = leg.grid.quantity_text
            figures = text(leg.quantity), text(most)
            where = leg.number, "quantity"
            return _breach(limited, Gate.ORDER_QUANTITY, "max_order_quantity", figures, where)
    return None


def _order_notional(limited: Limited, asked: Asked) -> Breach | None:
    for leg in asked.legs:
        most = limited.bounds(leg.grid).order_notional
        if most == NONE or leg.exits:
            continue
        worth = leg.quantity * leg.price
        if not worth or worth > most:
            text = leg.grid.money_text
            figures = (text(worth) if worth else UNKNOWN), text(most)
            where = leg.number, "quantity"
            return _breach(limited, Gate.ORDER_NOTIONAL, "max_order_notional", figures, where)
    return None


def _price_collar(limited: Limited, asked: Asked) -> Breach | None:
    most = limited.limits.max_price_deviation_bps
    if most is None:
        return None
    for leg in asked.legs:
        if not leg.limit:
            continue
        about = leg.reference if not leg.trigger else leg.trigger
        beyond = (leg.limit - about) * leg.side
        if about and beyond * BPS <= most * about:
            continue
        figures = (f"{beyond * BPS // about} bps" if about else UNKNOWN), f"{most} bps"
        where = leg.number, "price"
        return _breach(limited, Gate.PRICE_COLLAR, "max_price_deviation_bps", figures, where)
    return None


def _stop_distance(limited: Limited, asked: Asked) -> Breach | None:
    least = limited.limits.min_stop_distance_bps
    most = limited.limits.max_stop_distance_bps
    for leg in asked.legs:
        known = leg.away_bps >= 0 or (leg.entry and leg.trigger)
        if not leg.protects or not known:
            continue
        distance = leg.distance_bps()
        for setting, limit, broken in (
            ("min_stop_distance_bps", least, least is not None and distance < least),
            ("max_stop_distance_bps", most, most is not None and distance > most),
        ):
            if broken:
                figures = f"{distance} bps", f"{limit} bps"
                where = leg.number, "trigger_price"
                return _breach(limited, Gate.STOP_DISTANCE, setting, figures, where)
    return None


def _open_orders(limited: Limited, asked: Asked) -> Breach | None:
    most = limited.limits.max_open_orders
    if most is None or not asked.new or not asked.parts or limited.open < most:
        return None
    figures = str(limited.open + 1), str(most)
    return _breach(limited, Gate.OPEN_ORDERS, "max_open_orders", figures)


def _position(limited: Limited, asked: Asked) -> Breach | None:
    by_symbol: dict[str, AskedLeg] = {}
    for leg in asked.legs:  # the first entry of an instrument is named, not an exit of it
        before = by_symbol.setdefault(leg.grid.symbol, leg)
        if before.exits and not leg.exits:
            by_symbol[leg.grid.symbol] = leg
    for instrument, side, buys, sells in asked.parts:
        named = by_symbol.get(instrument)
        if named is None or limited.scope.instrument not in (None, instrument):
            continue
        most = limited.bounds(named.grid).position
        if most == NONE:
            continue
        line = limited.line(instrument, side)
        more = 0 if asked.counted else 1
        long = line.net + line.buys + more * buys if buys else 0
        short = line.sells + more * sells - line.net if sells else 0
        if long > most or short > most:
            text = named.grid.quantity_text
            figures = text(max(long, short)), text(most)
            where = named.number, "quantity"
            return _breach(limited, Gate.POSITION, "max_position", figures, where)
    return None


def _gross_exposure(limited: Limited, asked: Asked) -> Breach | None:
    text = limited.limits.max_gross_notional
    if text is None or not asked.parts:
        return None
    most = amount(text)
    after = limited.gross(() if asked.counted else asked.parts)
    if after is not None and after <= most:
        return None
    before = limited.gross() if not asked.counted else None
    if after is not None and before is not None and after <= before:
        return None
    figures = (UNKNOWN if after is None else amount_text(after)), amount_text(most)
    return _breach(limited, Gate.GROSS_EXPOSURE, "max_gross_notional", figures)


def _daily_loss(limited: Limited, asked: Asked) -> Breach | None:
    if limited.loss_max == NONE or not asked.parts:
        return None
    loss = limited.loss()
    if loss < limited.loss_max:
        return None
    figures = amount_text(loss), amount_text(limited.loss_max)
    return _breach(limited, Gate.DAILY_LOSS, "max_daily_loss", figures)


def _margin(limited: Limited, asked: Asked) -> Breach | None:
    text = limited.limits.min_free_margin
    if text is None or not asked.parts:
        return None
    if asked.balances is None:
        return _breach(limited, Gate.MARGIN, "min_free_margin", (UNKNOWN, text))
    free = free_margin(asked.balances, limited.limits.margin_asset) - asked.spent
    free -= needed(limited.limits, asked)
    if free >= amount(text):
        return None
    return _breach(limited, Gate.MARGIN, "min_free_margin", (amount_text(free), text))


def free_margin(balances: tuple[Balance, ...], asset: str | None) -> int:
    """What a venue lets new positions take, in hundred-millionths."""
    return sum(
        amount(one.available_margin if one.available_margin is not None else one.free)
        for one in balances
        if asset is None or one.asset == asset
    )


def needed(limits: Limits, asked: Asked) -> int:
    """What the entries are taken to need of it."""
    rate = limits.initial_margin_bps
    return sum(
        common(leg.grid, leg.quantity * leg.price * rate // BPS)
        for leg in asked.legs
        if not leg.exits
    )


def _rate(limited: Limited, asked: Asked) -> Breach | None:
    limits = limited.limits
    if not asked.parts and not asked.counts:
        return None  # an order that only exits, an amend that only tightens: never too much
    most = limits.max_orders_per_s
    if most is not None:
        count = (limited.sent if asked.counted else limited.placed).at(asked.at)
        if count >= most:
            figures = str(count + 1), str(most)
            return _breach(limited, Gate.RATE, "max_orders_per_s", figures)
    most = limits.max_cancels_per_s
    if most is not None and asked.new and not asked.counted:
        count = limited.canceled.at(asked.at)
        if count > most:
            figures = str(count), str(most)
            return _breach(limited, Gate.RATE, "max_cancels_per_s", figures)
    return None


GATES: Final[tuple[tuple[Question, tuple[str, ...]], ...]] = (
    (_allowed, ("instruments", "sides", "leg_types")),
    (_reduce_only, ("reduce_only",)),
    (_order_quantity, ("max_order_quantity",)),
    (_order_notional, ("max_order_notional",)),
    (_price_collar, ("max_price_deviation_bps",)),
    (_stop_distance, ("min_stop_distance_bps", "max_stop_distance_bps")),
    (_open_orders, ("max_open_orders",)),
    (_position, ("max_position",)),
    (_gross_exposure, ("max_gross_notional",)),
    (_daily_loss, ("max_daily_loss",)),
    (_margin, ("min_free_margin",)),
    (_rate, ("max_orders_per_s", "max_cancels_per_s")),
)
"""In the order in which they are asked, with the settings that make each of them ask anything."""


def questions(limits: Limits) -> list[tuple[int, Question]]:
    """The gates that a set of limits needs, with their places in the list."""
    return [
        (place, question)
        for place, (question, settings) in enumerate(GATES)
        if any(getattr(limits, name) not in (None, False) for name in settings)
    ]
