"""The plainest decimal texts, read the short way.

Decides nothing that ``numbers`` would decide otherwise. Invariant: exact, or not read at all.
"""

from typing import Final

DIGITS_MAX: Final = 15
"""Most digits read here: no number of increments is beyond ``numbers.UNITS_MAX``."""
_TENS: Final = [10**power for power in range(DIGITS_MAX + 1)]


def plain_units(text: str, places: int) -> int:
    """Increments of ``10 ** -places`` in the plainest of texts; -1 for any other, to be parsed.

    Most prices are plain, and there are too many of them to remember.
    """
    if places > 0:
        point = len(text) - places - 1
        if point > 0 and text[point] == ".":  # written out to the last place: the plainest of all
            digits = text[:point] + text[point + 1 :]
            if len(digits) <= DIGITS_MAX and digits.isdigit() and digits.isascii():
                return int(digits)
            return -1
    whole, dot, fraction = text.partition(".")
    digits = whole + fraction
    left = places - len(fraction)
    if not whole or left < 0 or (dot and not fraction) or len(digits) + left > DIGITS_MAX:
        return -1
    if not (digits.isdigit() and digits.isascii()):
        return -1
    return int(digits) * _TENS[left] if left else int(digits)
