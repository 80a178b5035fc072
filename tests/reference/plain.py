"""What plain orders do, in the plainest words: one walk over trades, no engine.

A stop sells at the first trade at or below its level, at that trade's price; a resting target at
the first trade at or above its price, at its own price; whichever comes first wins. A trailing stop
follows the highest trade since it was placed, the one it was placed on included.
"""

from typing import NamedTuple

from interlock.orders.ticks import Trade


class Won(NamedTuple):
    """Which leg won, at which trade's time, at which price."""

    leg: str
    at: int
    price: int


def exit_of(
    trades: list[Trade], start: int, side: int, stop: int | None, target: int | None
) -> Won | None:
    """A stop and a target for a position of ``side``, from trade ``start`` on."""
    for trade in trades[start:]:
        if stop is not None and (trade.price - stop) * side <= 0:
            return Won("stop", trade.at, trade.price)
        if target is not None and trade.quantity and (trade.price - target) * side >= 0:
            return Won("target", trade.at, target)
    return None


def trail_of(
    trades: list[Trade], start: int, seen: int, side: int, ticks: int, bps: int
) -> Won | None:
    """A trailing stop for a position of ``side`` that has seen the price ``seen``."""
    best = seen
    for trade in trades[start:]:
        best = max(best, trade.price) if side > 0 else min(best, trade.price)
        distance = max(1, best * bps // 10_000) if bps else ticks
        if (trade.price - (best - side * distance)) * side <= 0:
            return Won("trail", trade.at, trade.price)
    return None
