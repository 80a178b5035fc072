"""What people and accidents do to the futures sandbox, over its control endpoint.

Decides nothing of its own. Invariant: whatever is done here could happen at the real exchange.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from interlock.orders.legs import PositionSide
from interlock.orders.ticks import Quote, Tick, Trade
from interlock.sandbox.binance.faults import Fault
from interlock.sandbox.binance.futures.exchange import ACCOUNT, VENUE, Futures
from interlock.sandbox.binance.gate import Gate
from interlock.sandbox.binance.hub import Hub


class _Close(Struct, forbid_unknown_fields=True):
    """Close a position, or a part of it, by hand or by the exchange."""

    symbol: str
    position_side: str = "BOTH"
    quantity: str = ""
    by: str = "web"
    """``web``, ``autoclose`` (liquidation) or ``adl``."""


class _Open(Struct, forbid_unknown_fields=True):
    symbol: str
    side: str
    quantity: str
    position_side: str = "BOTH"


class _Price(Struct, forbid_unknown_fields=True):
    symbol: str
    price: str
    quantity: str = "1"
    """Of the trade; the quote around it is a tick wide."""


class _Set(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Whatever is given changes."""

    silent: bool | None = None
    algo_first: bool | None = None
    trims: bool | None = None
    ahead_ms: int | None = None
    wallet: str | None = None


class _Ban(Struct, forbid_unknown_fields=True):
    ms: int


class FuturesControl:
    """Controls one exchange."""

    def __init__(
        self,
        futures: Futures,
        gate: Gate,
        hub: Hub,
        happen: Callable[[Tick], None],
        now: Callable[[], int],
    ) -> None:
        self._futures = futures
        self._gate = gate
        self._hub = hub
        self._happen = happen
        self._now = now

    def __call__(self, what: str, body: bytes) -> Any:
        doing: dict[str, Callable[[bytes], Any]] = {
            "faults": self._faults,
            "close": self._close,
            "open": self._open,
            "price": self._price,
            "set": self._set,
            "ban": self._ban,
            "cut": lambda _: self._hub.cut(),
            "expire-listen-keys": lambda _: self._hub.expire_listen_keys(),
            "state": lambda _: self.state(),
        }
        if what not in doing:
            raise ValueError(f"there is no /sandbox/{what}; there is {', '.join(doing)}")
        found = doing[what](body)
        return {"done": what} if found is None else found

    def _faults(self, body: bytes) -> None:
        """The faults to come, instead of any that were still to come."""
        self._gate.faults.coming[:] = msgspec.json.decode(body, type=list[Fault])

    def _close(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=_Close)
        market = self._futures.market(asked.symbol)
        side = _side(asked.position_side)
        name = f"{asked.symbol}.{VENUE}"
        held = self._futures.exchange.position(ACCOUNT, name, side).quantity
        if not held:
            raise ValueError(f"{asked.symbol} {asked.position_side}: there is no position")
        units = market.grid.quantity_units(asked.quantity) if asked.quantity else abs(held)
        if not isinstance(units, int):
            raise ValueError(units.detail)
        signed = -min(units, abs(held)) * (1 if held > 0 else -1)
        number = len(self._futures.orders)
        names = {
            "web": f"web_{number}",
            "autoclose": f"autoclose-{number}",
            "adl": "adl_autoclose",
        }
        self._futures.trade_outside(asked.symbol, side, signed, names[asked.by], self._now())

    def _open(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=_Open)
        units = self._futures.market(asked.symbol).grid.quantity_units(asked.quantity)
        if not isinstance(units, int):
            raise ValueError(units.detail)
        signed = units if asked.side == "BUY" else -units
        name = f"web_{len(self._futures.orders)}"
        side = _side(asked.position_side)
        self._futures.trade_outside(asked.symbol, side, signed, name, self._now())

    def _price(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=_Price)
        grid = self._futures.market(asked.symbol).grid
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
        if asked.silent is not None:
            self._hub.silent = asked.silent
        if asked.algo_first is not None:
            self._futures.algo_first = asked.algo_first
        if asked.trims is not None:
            self._futures.trims = asked.trims
        if asked.ahead_ms is not None:
            self._gate.ahead_ms = asked.ahead_ms
        if asked.wallet is not None:
            self._futures.margin.deposit += (
                msgspec.json.decode(f'"{asked.wallet}"', type=type(self._futures.margin.deposit))
                - self._futures.margin.wallet()
            )

    def _ban(self, body: bytes) -> None:
        self._gate.limits.ban(msgspec.json.decode(body, type=_Ban).ms)

    def state(self) -> dict[str, Any]:
        """Everything that tests want to see."""
        futures = self._futures
        return {
            "positions": [
                shown
                for symbol in futures.symbols
                for shown in futures.margin.positions(futures.market(symbol), futures.hedge, 0)
            ],
            "open_orders": [order.view() for order in futures.open_orders()],
            "open_algos": [algo.view() for algo in futures.algos.waiting()],
            "orders": [order.view() for order in futures.orders.values()],
            "trades": len(futures.exchange.executions()),
            "requests": self._gate.count,
            "weight": self._gate.limits.weight.used,
            "listeners": len(self._hub.listeners),
            "faults": self._gate.faults.coming,
        }


def _side(text: str) -> PositionSide | None:
    return None if text == "BOTH" else PositionSide(text.lower())
