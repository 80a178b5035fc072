"""What people and accidents do to the futures sandbox, over its control endpoint.

Decides nothing of its own. Invariant: whatever is done here could happen at the real exchange.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from interlock.orders.legs import PositionSide
from interlock.sandbox.binance.controls import Act, told_of
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


class _Symbol(Struct, forbid_unknown_fields=True):
    symbol: str


class _Set(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Whatever is given changes."""

    silent: bool | None = None
    algo_first: bool | None = None
    trims: bool | None = None
    ahead_ms: int | None = None
    wallet: str | None = None


class FuturesControl:
    """Controls one exchange."""

    def __init__(
        self,
        futures: Futures,
        gate: Gate,
        hub: Hub,
        now: Callable[[], int],
        countdowns: Mapping[str, int],
    ) -> None:
        self._futures = futures
        self._gate = gate
        self._hub = hub
        self._now = now
        self._countdowns = countdowns

    def acts(self) -> dict[str, Act]:
        return {
            "close": self._close,
            "open": self._open,
            "set": self._set,
            "expire-listen-keys": lambda _: self._hub.expire_listen_keys(),
            "halt": lambda body: self._trading(body, False),
            "resume": lambda body: self._trading(body, True),
            "delist": self._delist,
            "state": lambda _: self.state(),
        }

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

    def _trading(self, body: bytes, on: bool) -> None:
        asked = msgspec.json.decode(body, type=_Symbol)
        name = self._futures.market(asked.symbol).grid.symbol
        switch = self._futures.exchange.resume if on else self._futures.exchange.halt
        switch(name, self._now())
        if on:
            self._futures.unlisted.discard(asked.symbol)

    def _delist(self, body: bytes) -> None:
        self._trading(body, False)
        self._futures.unlisted.add(msgspec.json.decode(body, type=_Symbol).symbol)

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
            "countdowns": sorted(self._countdowns),
            **told_of(self._gate, self._hub),
        }


def _side(text: str) -> PositionSide | None:
    return None if text == "BOTH" else PositionSide(text.lower())
