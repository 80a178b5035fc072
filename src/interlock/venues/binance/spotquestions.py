"""Questions to Spot: as everywhere, but what is held is a balance.

Decides what an answer proves. Invariant: a balance is all that the account has of an asset, what
others put there included; the engine asks no more of it than whether our part is still there.
"""

from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from interlock.orders.grid import Grid
from interlock.orders.reports import Position
from interlock.venues.binance.budget import Priority
from interlock.venues.binance.params import symbol_of
from interlock.venues.binance.questions import Questions

ACCOUNT_WEIGHT: Final = 20


class SpotQuestions(Questions):
    """Of one account."""

    async def _query_position(self, instrument: str) -> None:
        as_of, symbol = self._now(), symbol_of(instrument)
        grid = self._grids.get(symbol)
        if grid is None:
            return
        asked = {"omitZeroBalances": "true"}
        path, weight = "account", ACCOUNT_WEIGHT
        found = await self._account.ask("GET", path, asked, weight, Priority.QUESTION)
        if not isinstance(found, dict):
            return  # nothing is concluded from it; it is asked again
        base = symbol.removesuffix(self._quotes[symbol])
        held = {one["asset"]: (one["free"], one["locked"]) for one in found["balances"]}
        free, locked = held.get(base, ("0", "0"))
        self._tell(balance(self._account.label, instrument, grid, free, locked, self._now(), as_of))


def balance(
    label: str, instrument: str, grid: Grid, free: Any, locked: Any, at: int, as_of: int
) -> Position:
    """What is held of an instrument's base asset, in whole increments; dust is not counted."""
    size = Decimal(grid.quantity.mantissa).scaleb(-grid.quantity.places)
    total = Decimal(str(free)) + Decimal(str(locked))
    units = int((total / size).to_integral_value(ROUND_FLOOR))
    return Position(at, label, instrument, units, as_of)
