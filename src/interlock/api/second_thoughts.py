"""Second thoughts: what a person is told before protection is taken away.

Decides with a stated simple model: prices walk at random without drift, with the volatility of the
last half hour (log returns of ten seconds), for one hour from now. ``touch`` is the probability
that the stop's level is reached within it (reflection principle), ``shortfall`` the mean loss in
the worst 5 % of ends (of a stopped position: at its stop, no slippage). Invariant: with too little
seen nothing is estimated; the figures inform, and decide nothing.
"""

import math
from collections import deque
from itertools import pairwise
from statistics import NormalDist
from typing import Final

from msgspec import Struct

from interlock.orders.numbers import NumberProblem, parse_decimal
from interlock.orders.rejects import SecondThought, Weakened
from interlock.orders.ticks import Quote, Tick, Trade

STEP_NS: Final = 10_000_000_000
KEPT: Final = 180
"""Steps of ten seconds: half an hour."""
LEAST: Final = 12
"""Fewer steps than that say nothing about volatility."""
HORIZON_STEPS: Final = 360
"""An hour."""
TAIL: Final = 0.05
NORMAL: Final = NormalDist()


class Estimate(Struct, frozen=True):
    """Of one weakened stop. Money in the quote currency, for the quantity that is weakened."""

    leg: str
    price: str
    volatility_1h_pct: float | None
    """Nothing where too little has been seen."""
    touch_now: float | None = None
    touch_after: float | None = None
    shortfall_now: float | None = None
    shortfall_after: float | None = None


class ThoughtView(Struct, frozen=True):
    token: str
    order_id: str
    valid_from: int
    until: int
    weakened: tuple[Weakened, ...]
    estimates: list[Estimate]
    model: str = (
        "random walk without drift, volatility of the last 30 min, one hour ahead; shortfall is "
        "the mean loss of the worst 5 %, a stop without slippage"
    )


class Volatility:
    """Hears every tick of one line, and keeps a price every ten seconds, in increments."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}
        self._next: dict[str, int] = {}

    def hear(self, tick: Tick) -> None:
        if type(tick) is Trade:
            price = float(tick.price)
        elif type(tick) is Quote and 0 < tick.bid < tick.ask:
            price = (tick.bid + tick.ask) / 2
        else:
            return
        if price <= 0 or tick.at < self._next.get(tick.instrument, 0):
            return
        self._next[tick.instrument] = tick.at + STEP_NS
        self._seen.setdefault(tick.instrument, deque(maxlen=KEPT + 1)).append(price)

    def of_step(self, instrument: str) -> float | None:
        """The deviation of one step's log return, where enough was seen."""
        seen = self._seen.get(instrument, ())
        if len(seen) <= LEAST:
            return None
        prices = list(seen)
        returns = [math.log(b / a) for a, b in pairwise(prices)]
        return math.sqrt(sum(r * r for r in returns) / len(returns))


def touch(distance: float, deviation: float) -> float:
    """The probability that a random walk reaches ``distance`` before the horizon."""
    if distance <= 0:
        return 1.0
    return 0.0 if deviation <= 0 else 2 * (1 - NORMAL.cdf(distance / deviation))


def shortfall(deviation: float, stop: float | None) -> float:
    """The mean loss of the worst ends, as a part of the price; at most what a stop lets through."""
    open_ended = deviation * NORMAL.pdf(NORMAL.inv_cdf(TAIL)) / TAIL
    return open_ended if stop is None else min(open_ended, max(0.0, stop))


def estimated(one: Weakened, price: float, step: float | None) -> Estimate:
    """What a request changes for one stop. ``price`` is the market's, in the quote currency."""
    shown = f"{price:g}"
    if step is None or price <= 0:
        return Estimate(one.leg, shown, None)
    deviation = step * math.sqrt(HORIZON_STEPS)
    sign = -1 if one.side == "sell" else 1
    gaps = [
        None if text is None else sign * (_number(text) - price) / price
        for text in (one.stop, one.stop_after)
    ]
    quantity, kept = _number(one.quantity), _number(one.quantity_after)
    free = shortfall(deviation, None)
    now = shortfall(deviation, gaps[0]) * quantity
    after = shortfall(deviation, gaps[1]) * kept + free * (quantity - kept)
    chances = [None if gap is None else round(touch(gap, deviation), 4) for gap in gaps]
    losses = (round(now * price, 2), round(after * price, 2))
    volatility = round(100 * deviation, 3)
    return Estimate(one.leg, shown, volatility, chances[0], chances[1], losses[0], losses[1])


def _number(text: str) -> float:
    value = parse_decimal(text)
    assert not isinstance(value, NumberProblem), "it is our own text"
    return float(value.mantissa / 10**value.places)


def view(thought: SecondThought, prices: dict[str, float], seen: Volatility) -> ThoughtView:
    """A held-back request as its sender reads it."""
    estimates = [
        estimated(one, prices.get(one.instrument, 0.0), seen.of_step(one.instrument))
        for one in thought.weakened
    ]
    return ThoughtView(
        *(thought.token, thought.order_id, thought.valid_from, thought.until, thought.weakened),
        estimates,
    )
