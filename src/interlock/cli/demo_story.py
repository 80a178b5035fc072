"""The demonstration's market and orders: calm, a trend, a flash crash with a wick, a recovery.

Decides what is shown. Invariant: everything follows from the seed; orders know the market up to
their own moment and no further.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import msgspec

from interlock.market.generator import Regime, Stretch, generate
from interlock.market.script import SECOND_NS, START_NS
from interlock.orders.commands import PlaceOrder
from interlock.orders.grid import Grid
from interlock.orders.instruments import Fees, Instrument
from interlock.orders.ticks import Quote, Trade
from interlock.runtime.replay import Timed

INSTRUMENT = Instrument(
    "BTCUSDT.PAPER",
    price_increment="0.01",
    quantity_increment="0.001",
    fees=Fees(maker_bps="2", taker_bps="5"),
)
STRETCHES = (
    Stretch(Regime.CALM, 60),
    Stretch(Regime.RISE, 420),
    Stretch(Regime.CALM, 60),
    Stretch(Regime.CRASH, 240),
)
CRASH_AT_NS = START_NS + sum(s.seconds for s in STRETCHES[:-1]) * SECOND_NS
PACE = ((60, 4.0), (480, 9.0), (540, 3.0), (552, 8.0), (780, 5.0))
"""Until which second of the market, how many seconds on the wall: slow in the crash."""

Body = dict[str, Any]


class Story:
    """One seed's market and the orders that live in it."""

    def __init__(self, seed: int) -> None:
        self.ticks: list[Quote | Trade] = list(
            generate(seed, instrument=INSTRUMENT, stretches=STRETCHES)
        )
        self._grid = Grid(INSTRUMENT)
        self._trades = [tick for tick in self.ticks if isinstance(tick, Trade)]

    def commands(self) -> Iterator[Timed]:
        """A bracket, a ladder with its break-even rule, a trailing stop, and a straddle."""
        yield self._place(5, "bracket", self._bracket())
        yield self._place(10, "ladder", self._ladder(), rules=[_break_even()])
        yield self._place(15, "trail", self._trail())
        yield self._place(500, "straddle", self._straddle(self._price(500)))

    def _place(self, second: int, name: str, order: Body, **more: Any) -> Timed:
        body = {"client_order_id": name, "account": "demo", "order": order, **more}
        command = msgspec.convert(body, PlaceOrder)
        return Timed(START_NS + second * SECOND_NS, command)

    def _price(self, second: int) -> int:
        """The last trade at that moment."""
        at = START_NS + second * SECOND_NS
        found = bisect_right(self._trades, at, key=lambda trade: trade.at)
        return self._trades[max(0, found - 1)].price

    def _bracket(self) -> Body:
        return {
            "type": "bracket",
            "entry": _market("entry", "0.5"),
            "take_profit": _target("take_profit", 300),
            "stop_loss": _stop("stop_loss", -150),
        }

    def _ladder(self) -> Body:
        return {
            "type": "bracket",
            "entry": _market("entry", "1"),
            "take_profit": [
                _target("target_1", 10, quantity="50%"),
                _target("target_2", 40, quantity="30%"),
                _target("target_3", 200, quantity="20%"),
            ],
            "stop_loss": _stop("stop_loss", -100),
        }

    def _trail(self) -> Body:
        trail = {"type": "trailing_stop", "id": "trail", "side": "sell", "trail": {"bps": 45}}
        return {"type": "oto", "first": _market("entry", "0.4"), "then": trail}

    def _straddle(self, price: int) -> Body:
        """Whichever way it breaks out: each side is an entry with exits of its own."""

        def side(name: str, way: str, back: str, level: int) -> Body:
            entry = {
                "type": "stop",
                "id": name,
                "instrument": INSTRUMENT.symbol,
                "side": way,
                "quantity": "0.6",
                "trigger_price": self._grid.price_text(level),
            }
            return {
                "type": "bracket",
                "entry": entry,
                "take_profit": _target(f"{name}_target", 250, side=back),
                "stop_loss": _stop(f"{name}_stop", -120, side=back),
            }

        width = price // 200
        return {
            "type": "oco",
            "legs": [
                side("up", "buy", "sell", price + width),
                side("down", "sell", "buy", price - width),
            ],
        }


def wall_seconds(at: int) -> float:
    """How long after its beginning the demonstration has reached a moment of its market."""
    second = (at - START_NS) / SECOND_NS
    before, passed = 0.0, 0.0
    for until, share in PACE:
        if second <= until:
            return passed + share * max(0.0, second - before) / (until - before)
        before, passed = until, passed + share
    return passed


def _market(name: str, quantity: str) -> Body:
    return {
        "type": "market",
        "id": name,
        "instrument": INSTRUMENT.symbol,
        "side": "buy",
        "quantity": quantity,
    }


def _target(name: str, bps: int, side: str = "sell", **more: Any) -> Body:
    price = {"from_entry": {"bps": bps}}
    return {"type": "limit", "id": name, "side": side, "price": price, **more}


def _stop(name: str, bps: int, side: str = "sell") -> Body:
    trigger = {"from_entry": {"bps": bps}}
    return {"type": "stop", "id": name, "side": side, "trigger_price": trigger}


def _break_even() -> Body:
    """After the first target the stop moves to the entry: what is left can't lose any more."""
    trigger = {"from_entry": {"bps": 0}}
    return {
        "when": {"leg_filled": "target_1"},
        "amend": {"stop_loss": {"trigger_price": trigger}},
    }
