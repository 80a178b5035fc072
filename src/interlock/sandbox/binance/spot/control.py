"""What people and accidents do to the spot sandbox, over its control endpoint.

Decides nothing of its own. Invariant: whatever is done here could happen at the real exchange.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from interlock.sandbox.binance.controls import Act, told_of
from interlock.sandbox.binance.gate import Gate
from interlock.sandbox.binance.hub import Hub
from interlock.sandbox.binance.spot.exchange import Spot


class _Set(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Whatever is given changes."""

    silent: bool | None = None
    ahead_ms: int | None = None
    fee_bps: str | None = None
    wallet: dict[str, str] | None = None


class SpotControl:
    """Controls one exchange."""

    def __init__(
        self,
        spot: Spot,
        gate: Gate,
        hub: Hub,
        now: Callable[[], int],
    ) -> None:
        self._spot = spot
        self._gate = gate
        self._hub = hub
        self._now = now

    def acts(self) -> dict[str, Act]:
        return {
            "set": self._set,
            "state": lambda _: self.state(),
        }

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

    def state(self) -> dict[str, Any]:
        """Everything that tests want to see."""
        spot = self._spot
        return {
            "balances": spot.wallet.view(spot.locked()),
            "open_orders": [order.view() for order in spot.open_orders()],
            "open_lists": [of.view() for of in spot.lists.values() if not of.done],
            "orders": [order.view() for order in spot.orders.values()],
            "trades": len(spot.exchange.executions()),
            **told_of(self._gate, self._hub),
        }
