"""Exact conversion between decimal text and whole increments.

Decides how a number written by a person or a venue becomes an integer, once, at the border.
Invariant: no value is ever rounded unless the caller asked for it, and no float is involved.
"""

from enum import StrEnum

from msgspec import Struct

from interlock.orders.plain import plain_units

DIGITS_MAX = 40
"""Longest decimal text accepted, sign and point not counted: limits what a hostile body costs."""


UNITS_MAX = 10**15
"""Most whole increments of a price or quantity: beyond any market, and inside 64 bits."""


class NumberFault(StrEnum):
    """Why a decimal text was refused."""

    MALFORMED = "malformed"
    EXPONENT = "exponent"
    NOT_A_NUMBER = "not_a_number"
    NEGATIVE_ZERO = "negative_zero"
    TOO_LONG = "too_long"
    OFF_INCREMENT = "off_increment"
    TOO_LARGE = "too_large"


class NumberProblem(Struct, frozen=True):
    """A refused number: the rule it broke and what to write instead."""

    fault: NumberFault
    detail: str
    nearest: tuple[str, ...] = ()


class Decimal10(Struct, frozen=True):
    """An exact decimal: ``mantissa / 10 ** places``."""

    mantissa: int
    places: int


def parse_decimal(text: str) -> Decimal10 | NumberProblem:
    """Read plain decimal text (``-?digits[.digits]``), or say why it is not that."""
    body = text[1:] if text.startswith("-") else text
    whole, point, fraction = body.partition(".")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit() and whole and (fraction or not point)):
        return _malformed(text, body)
    if len(digits) > DIGITS_MAX:
        return NumberProblem(
            NumberFault.TOO_LONG, f"{len(digits)} digits; at most {DIGITS_MAX} are accepted"
        )
    mantissa = int(digits)
    if body is not text:
        if mantissa == 0:
            return NumberProblem(NumberFault.NEGATIVE_ZERO, "negative zero; write 0", ("0",))
        mantissa = -mantissa
    return Decimal10(mantissa, len(fraction))


def _malformed(text: str, body: str) -> NumberProblem:
    shown = text if len(text) <= DIGITS_MAX else text[:DIGITS_MAX] + "..."
    lowered = body.lower()
    if lowered in ("nan", "inf", "infinity", "+inf", "+infinity", "snan"):
        return NumberProblem(NumberFault.NOT_A_NUMBER, f"{shown!r} is not a finite number")
    if "e" in lowered and any(c.isdigit() for c in lowered):
        return NumberProblem(
            NumberFault.EXPONENT, f"{shown!r} uses an exponent; write all digits out"
        )
    return NumberProblem(
        NumberFault.MALFORMED,
        f"{shown!r} is not plain decimal text such as '28000' or '0.25'",
    )


def decimal_text(mantissa: int, places: int) -> str:
    """Plain decimal text of ``mantissa / 10 ** places``, without needless trailing zeros."""
    if places <= 0:
        return str(mantissa * 10**-places)
    sign = "-" if mantissa < 0 else ""
    digits = str(abs(mantissa)).rjust(places + 1, "0")
    fraction = digits[-places:].rstrip("0")
    return f"{sign}{digits[:-places]}.{fraction}" if fraction else sign + digits[:-places]


class Increment(Struct, frozen=True):
    """A step that prices or quantities come in, as ``mantissa / 10 ** places``; never zero."""

    mantissa: int
    places: int

    def units(self, text: str) -> int | NumberProblem:
        """Whole increments in ``text``, or why there is no such whole number."""
        if self.mantissa == 1:
            units = plain_units(text, self.places)
            if units >= 0:
                return units
        parsed = parse_decimal(text)
        if isinstance(parsed, NumberProblem):
            return parsed
        low, remainder = self.split(parsed)
        if abs(low) > UNITS_MAX:
            most = self.text(UNITS_MAX)
            return NumberProblem(
                NumberFault.TOO_LARGE, f"{text} is beyond the {most} that can be kept exactly"
            )
        if remainder:
            nearest = (self.text(low), self.text(low + 1))
            return NumberProblem(
                NumberFault.OFF_INCREMENT,
                f"{text} is not a multiple of {self.text(1)}; "
                f"the nearest are {nearest[0]} and {nearest[1]}",
                nearest,
            )
        return low

    def split(self, value: Decimal10) -> tuple[int, bool]:
        """Whole increments at or below ``value``, and whether anything is left over."""
        shift = max(self.places, value.places)
        numerator = value.mantissa * 10 ** (shift - value.places)
        denominator = self.mantissa * 10 ** (shift - self.places)
        low, remainder = divmod(numerator, denominator)
        return low, remainder != 0

    def text(self, units: int) -> str:
        """Decimal text of a whole number of increments."""
        return decimal_text(units * self.mantissa, self.places)


def increment(text: str) -> Increment | NumberProblem:
    """An increment from its decimal text; it must be above zero."""
    parsed = parse_decimal(text)
    if isinstance(parsed, NumberProblem):
        return parsed
    if parsed.mantissa <= 0:
        return NumberProblem(NumberFault.MALFORMED, f"an increment must be above zero, not {text}")
    mantissa, places = parsed.mantissa, parsed.places
    while places and mantissa % 10 == 0:
        mantissa, places = mantissa // 10, places - 1
    return Increment(mantissa, places)
