"""The control endpoint of one exchange: prices, faults, bans, cut streams, and acts of its own.

Decides nothing of its own. Invariant: whatever is done here could happen at the real exchange.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from interlock.orders.grid import Grid
from interlock.orders.ticks import Quote, Tick, Trade
from interlock.sandbox.binance.faults import Fault
from interlock.sandbox.binance.gate import Gate
from interlock.sandbox.binance.hub import Hub

Act = Callable[[bytes], Any]
"""Something to be done, from its JSON body; ``ValueError`` for what cannot be meant."""


class _Price(Struct, forbid_unknown_fields=True):
    symbol: str
    price: str
    quantity: str = "1"
    """Of the trade; the quote around it is a tick wide."""


class _Ban(Struct, forbid_unknown_fields=True):
    ms: int


class Controls:
    """Of one exchange. ``happen`` is a tick of this very moment."""

    def __init__(
        self,
        gate: Gate,
        hub: Hub,
        grid_of: Callable[[str], Grid],
        happen: Callable[[Tick], None],
        now: Callable[[], int],
        acts: Mapping[str, Act],
    ) -> None:
        self._gate = gate
        self._grid_of = grid_of
        self._happen = happen
        self._now = now
        self._acts: dict[str, Act] = {
            "faults": self._faults,
            "price": self._price,
            "ban": self._ban,
            "cut": lambda _: hub.cut(),
            **acts,
        }

    def __call__(self, what: str, body: bytes) -> Any:
        if what not in self._acts:
            raise ValueError(f"there is no /sandbox/{what}; there is {', '.join(self._acts)}")
        found = self._acts[what](body)
        return {"done": what} if found is None else found

    def _faults(self, body: bytes) -> None:
        """The faults to come, instead of any that were still to come."""
        self._gate.faults.coming[:] = msgspec.json.decode(body, type=list[Fault])

    def _price(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=_Price)
        grid = self._grid_of(asked.symbol)
        price, quantity = grid.price_units(asked.price), grid.quantity_units(asked.quantity)
        if not isinstance(price, int):
            raise ValueError(price.detail)
        if not isinstance(quantity, int):
            raise ValueError(quantity.detail)
        at = self._now()
        self._happen(Quote(grid.symbol, at, price - 1, quantity, price + 1, quantity))
        self._happen(Trade(grid.symbol, at, price, quantity))

    def _ban(self, body: bytes) -> None:
        self._gate.limits.ban(msgspec.json.decode(body, type=_Ban).ms)


def told_of(gate: Gate, hub: Hub) -> dict[str, Any]:
    """What every exchange's state tells of its wire."""
    return {
        "requests": gate.count,
        "weight": gate.limits.weight.used,
        "listeners": len(hub.listeners),
        "faults": gate.faults.coming,
    }
