"""Numbers of a trader: decimal text on the wire, ``Decimal`` in the program, a float nowhere.

Decides what may be given as a price or a quantity. Invariant: what was written is what is sent, to
the last digit.
"""

from decimal import Decimal

Number = Decimal | str | int
"""A price or a quantity. Never a float: 0.1 is not a tenth there."""


def number_text(name: str, value: object) -> str:
    """The decimal text of an argument; ``name`` is what the caller calls it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(
            f"{name} is a {type(value).__name__}; give a Decimal, a str or an int, as in "
            f"{name}=Decimal('0.1') or {name}='0.1'"
        )
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"{name} is {value}; it must be a finite number")
    return str(value) if isinstance(value, int) else format(value, "f")


def whole(name: str, value: object) -> int:
    """A count, such as of basis points or ticks."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a {type(value).__name__}; give an int, as in {name}=50")
    return value
