"""What people and accidents do to the spot sandbox, over its control endpoint.

Decides nothing of its own. Invariant: whatever is done here could happen at the real exchange.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from interlock.orders.ticks import Quote, Tick, Trade
from interlock.sandbox.binance.faults import Fault
from interlock.sandbox.binance.gate import Gate
from interlock.sandbox.binance.hub import Hub
from interlock.sandbox.binance.spot.exchange import VENUE, Spot


class _Price(Struct, forbid_unknown_fields=True):
    symbol: str
    price: str
    quantity: str = "1"
    """Of the trade; the quote around it is a tick wide."""


class _Set(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Whatever is given changes."""

    silent: bool | None = None
    ahead_ms: int | None = None
    fee_bps: str | None = None
    wallet: dict[str, str] | None = None


class _Ban(Struct, forbid_unknown_fields=True):
    ms: int


class SpotControl:
    """Controls one exchange. ``happen`` is a tick of this very moment."""

    def __init__(
        self,
        spot: Spot,
        gate: Gate,
        hub: Hub,
        happen: Callable[[Tick], None],
        now: Callable[[], int],
    ) -> None:
        self._spot = spot
        self._gate = gate
        self._hub = hub
        self._happen = happen
        self._now = now

    def __call__(self, what: str, body: bytes) -> Any:
        doing: dict[str, Callable[[bytes], Any]] = {
            "faults": self._faults,
            "price": self._price,
            "set": self._set,
            "ban": self._ban,
            "cut": lambda _: self._hub.cut(),
            "state": lambda _: self.state(),
        }
        if what not in doing:
            raise ValueError(f"there is no /sandbox/{what}; there is {', '.join(doing)}")
        found = doing[what](body)
        return {"done": what} if found is None else found

    def _faults(self, body: bytes) -> None:
        """The faults to come, instead of any that were still to come."""
        self._gate.faults.coming[:] = msgspec.json.decode(body, type=list[Fault])

    def _price(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=_Price)
        grid = self._spot.market(asked.symbol).grid
        price, quantity = grid.price_units(asked.price), grid.quantity_units(asked.quantity)
        if not isinstance(price, int):
            raise ValueError(price.detail)
        if not isinstance(quantity, int):
            raise ValueError(quantity.detail)
        name, at = f"{asked.symbol}.{VENUE}", self._now()
        self._happen(Quote(name, at, price - 1, quantity, price + 1, quantity))
        self._happen(Trade(name, at, price, quantity))

    def _set(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=_Set)
        wallet = self._spot.wallet
        if asked.silent is not None:
            self._hub.silent = asked.silent
        if asked.ahead_ms is not None:
            self._gate.ahead_ms = asked.ahead_ms
        if asked.fee_bps is not None:
            wallet.fee_bps = msgspec.json.decode(f'"{asked.fee_bps}"', type=Decimal)
        for asset, amount in (asked.wallet or {}).items():
            wallet.held[asset] = msgspec.json.decode(f'"{amount}"', type=Decimal)
        if asked.wallet:
            self._spot.account_position(self._now() // 1_000_000)

    def _ban(self, body: bytes) -> None:
        self._gate.limits.ban(msgspec.json.decode(body, type=_Ban).ms)

    def state(self) -> dict[str, Any]:
        """Everything that tests want to see."""
        spot = self._spot
        return {
            "balances": spot.wallet.view(spot.locked()),
            "open_orders": [order.view() for order in spot.open_orders()],
            "open_lists": [of.view() for of in spot.lists.values() if not of.done],
            "orders": [order.view() for order in spot.orders.values()],
            "trades": len(spot.exchange.executions()),
            "requests": self._gate.count,
            "weight": self._gate.limits.weight.used,
            "listeners": len(self._hub.listeners),
            "faults": self._gate.faults.coming,
        }
