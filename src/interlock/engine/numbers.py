"""Signals in whole numbers: decimal text times ``10 ** 9``, exactly or not at all."""

from interlock.orders.numbers import Increment, NumberProblem

SIGNAL_PLACES = 9
_STEP = Increment(1, SIGNAL_PLACES)


def signal_units(text: str) -> int | NumberProblem:
    """A signal's value or level, in units of ``10 ** -9``."""
    return _STEP.units(text)
