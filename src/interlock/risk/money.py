"""Money of several instruments in one unit.

Decides how amounts in an instrument's own money units are added up: in whole hundred-millionths of
the quote currency. Invariant: integers only; what does not divide is rounded against the trader.
"""

from typing import Final

from interlock.orders.grid import Grid
from interlock.orders.numbers import NumberProblem, decimal_text, parse_decimal

PLACES: Final = 8


def common(grid: Grid, units: int) -> int:
    """An instrument's money units in hundred-millionths, rounded down."""
    step = grid.money
    return _shifted(units * step.mantissa, PLACES - step.places)


def amount(text: str) -> int:
    """Decimal text in hundred-millionths, rounded down; checked before."""
    value = parse_decimal(text)
    assert not isinstance(value, NumberProblem), "limits are checked before they are set"
    return _shifted(value.mantissa, PLACES - value.places)


def _shifted(mantissa: int, places: int) -> int:
    """``mantissa`` times ten to the power of ``places``, rounded down."""
    factor: int = 10 ** abs(places)
    return mantissa * factor if places >= 0 else mantissa // factor


def amount_text(hundred_millionths: int) -> str:
    return decimal_text(hundred_millionths, PLACES)


def units_of(grid: Grid, text: str, of_money: bool) -> int:
    """A limit in whole increments of an instrument's quantity or money, rounded down."""
    value = parse_decimal(text)
    assert not isinstance(value, NumberProblem), "limits are checked before they are set"
    return (grid.money if of_money else grid.quantity).split(value)[0]
