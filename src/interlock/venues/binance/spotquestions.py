"""Questions to Spot: as everywhere, but what is held is a balance.

Decides what an answer proves. Invariant: a balance is all that the account has of an asset, what
others put there included; the engine asks no more of it than whether our part is still there.
"""

from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from interlock.orders.grid import Grid
from interlock.orders.reports import Balance, Position
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
        listed = await self._listed()
        if listed is None:
            return  # nothing is concluded from it; it is asked again
        base = symbol.removesuffix(self._quotes[symbol])
        held = {one["asset"]: (one["free"], one["locked"]) for one in listed}
        free, locked = held.get(base, ("0", "0"))
        self._tell(balance(self._account.label, instrument, grid, free, locked, self._now(), as_of))

    async def _query_balances(self) -> None:
        as_of, listed = self._now(), await self._listed()
        if listed is not None:
            found = [Balance(one["asset"], one["free"], one["locked"]) for one in listed]
            self._tell_balances(as_of, found)

    async def _listed(self) -> list[dict[str, str]] | None:
        """What there is of each asset, if it can be read."""
        asked, priority = {"omitZeroBalances": "true"}, Priority.QUESTION
        found = await self._account.ask("GET", "account", asked, ACCOUNT_WEIGHT, priority)
        return found["balances"] if isinstance(found, dict) else None


def balance(
    label: str, instrument: str, grid: Grid, free: Any, locked: Any, at: int, as_of: int
) -> Position:
    """What is held of an instrument's base asset, in whole increments; dust is not counted."""
    size = Decimal(grid.quantity.mantissa).scaleb(-grid.quantity.places)
    total = Decimal(str(free)) + Decimal(str(locked))
    units = int((total / size).to_integral_value(ROUND_FLOOR))
    return Position(at, label, instrument, units, as_of)
