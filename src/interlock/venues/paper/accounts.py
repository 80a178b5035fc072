"""Accounts: positions, realised profit and fees, in whole increments and money units.

Decides what a fill does to a position. Invariant: the position is the sum of all executions, and
money paid, profit and the open position's cost always add up, to the unit.
"""

from fractions import Fraction

from msgspec import Struct

from interlock.orders.legs import PositionSide

Key = tuple[str, str, PositionSide | None]
"""Account, instrument, and the side in hedge mode."""


class PaperPosition(Struct):
    """What an account holds of one instrument, on one side in hedge mode.

    ``cost`` is what the open quantity was entered for, ``realised`` profit before ``fees``; all
    three are in the instrument's money units.
    """

    account: str
    instrument: str
    position_side: PositionSide | None = None
    quantity: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0

    @property
    def average_price(self) -> Fraction | None:
        """Exact, in price increments; nothing when flat."""
        return Fraction(self.cost, abs(self.quantity)) if self.quantity else None

    def trade(self, signed: int, price: int, fee: int) -> None:
        """Close what points the other way first, open with the rest."""
        self.fees += fee
        closing = 0
        if self.quantity * signed < 0:
            closing = min(abs(signed), abs(self.quantity))
            cost = self.cost * closing // abs(self.quantity)
            sign = 1 if self.quantity > 0 else -1
            self.realised += sign * (price * closing - cost)
            self.cost -= cost
        self.cost += price * (abs(signed) - closing)
        self.quantity += signed


class Accounts:
    """Every position, kept in the order they were first touched."""

    def __init__(self) -> None:
        self._positions: dict[Key, PaperPosition] = {}

    def quantity(self, key: Key) -> int:
        position = self._positions.get(key)
        return 0 if position is None else position.quantity

    def trade(self, key: Key, signed: int, price: int, fee: int) -> None:
        position = self._positions.get(key)
        if position is None:
            position = self._positions[key] = PaperPosition(*key)
        position.trade(signed, price, fee)

    def positions(self) -> list[PaperPosition]:
        return list(self._positions.values())

    def position(self, key: Key) -> PaperPosition:
        return self._positions.get(key) or PaperPosition(*key)
