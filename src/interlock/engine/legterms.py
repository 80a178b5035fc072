"""From a leg as written to a leg in whole increments.

Decides every number of one leg: converts it exactly (or rounds towards safety when asked to) and
checks it against its instrument's own rules. Invariant: what leaves here fits the venue's
increments and minimums, or was refused naming field, rule and way out.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from interlock.engine.refusal import refuse, refuse_number
from interlock.orders.grid import Grid
from interlock.orders.legs import Distance, FromEntry, Price
from interlock.orders.numbers import NumberProblem, parse_decimal
from interlock.orders.rejects import RejectCode
from interlock.orders.terms import BPS, PriceTerm, Span

SHARE_WHOLE = 100
INSTANT_MAX = 1 << 62


def number(
    grid_units: Callable[[str], int | NumberProblem],
    floor_units: Callable[[str], tuple[int, bool]],
    text: str,
    path: str,
    rounding: int | None,
) -> int:
    """``text`` in whole increments. ``rounding``: None refuses, -1 rounds down, +1 up."""
    units = grid_units(text)
    if isinstance(units, int):
        return units
    if rounding is None or units.fault.value != "off_increment":
        refuse_number(units, path)
    low, more = floor_units(text)
    return low + (1 if more and rounding > 0 else 0)


def price_units(grid: Grid, text: str, path: str, rounding: int | None = None) -> int:
    """A price; it must be above zero."""
    units = number(grid.price_units, lambda t: _floor(grid.price.split, t), text, path, rounding)
    if units <= 0:
        refuse(RejectCode.NOT_POSITIVE, path, "A price must be above zero.")
    return units


def quantity_units(grid: Grid, text: str, path: str, rounding: int | None = None) -> int:
    """A quantity between the venue's minimum and maximum."""
    units = number(
        grid.quantity_units, lambda t: _floor(grid.quantity.split, t), text, path, rounding
    )
    if units <= 0:
        refuse(RejectCode.NOT_POSITIVE, path, "A quantity must be above zero.")
    check_quantity(grid, units, path)
    return units


def check_quantity(grid: Grid, units: int, path: str) -> None:
    if units < grid.min_quantity:
        least = grid.quantity_text(grid.min_quantity)
        refuse(
            RejectCode.QUANTITY_BELOW_MINIMUM,
            path,
            f"{grid.symbol} trades at least {least}, not {grid.quantity_text(units)}.",
            f"Send {least} or more.",
        )
    if grid.max_quantity is not None and units > grid.max_quantity:
        most = grid.quantity_text(grid.max_quantity)
        refuse(
            RejectCode.QUANTITY_ABOVE_MAXIMUM,
            path,
            f"{grid.symbol} takes at most {most} in one order.",
            f"Send {most} or less.",
        )


def check_notional(grid: Grid, price: int, quantity: int, path: str, where: str) -> None:
    """The venue's least value of an order, at the price it would trade at."""
    if price * quantity < grid.min_notional:
        least = grid.money_text(grid.min_notional)
        refuse(
            RejectCode.NOTIONAL_BELOW_MINIMUM,
            path,
            f"{grid.quantity_text(quantity)} at the {where} of {grid.price_text(price)} is worth "
            f"{grid.money_text(price * quantity)}; {grid.symbol} takes orders worth {least} up.",
            "Send a larger quantity.",
        )


def check_band(grid: Grid, price: int, reference: int | None, path: str) -> None:
    """The venue's price band around the market."""
    band = grid.instrument.price_band
    if band is None or reference is None:
        return
    low = reference * (BPS - band.below_bps) // BPS
    high = reference * (BPS + band.above_bps) // BPS
    if not low <= price <= high:
        refuse(
            RejectCode.PRICE_OUTSIDE_BAND,
            path,
            f"{grid.price_text(price)} is outside {grid.symbol}'s band of {grid.price_text(low)} "
            f"to {grid.price_text(high)}.",
            "Send a price inside the band.",
        )


def span(grid: Grid, distance: Distance, path: str, signed: bool) -> Span:
    """A distance: exactly one of offset, bps, ticks; above zero unless ``signed``."""
    given = [name for name in ("offset", "bps", "ticks") if getattr(distance, name) is not None]
    if len(given) != 1:
        refuse(
            RejectCode.MALFORMED if given else RejectCode.MISSING_FIELD,
            path,
            'A distance is exactly one of "offset", "bps" and "ticks".',
            'Send for example {"ticks": 20}.',
        )
    if distance.offset is not None:
        text = distance.offset
        units = grid.price_units(text)
        if not isinstance(units, int):
            refuse_number(units, f"{path}.offset")
        out = Span(ticks=units)
    elif distance.bps is not None:
        out = Span(bps=distance.bps)
    else:
        out = Span(ticks=distance.ticks or 0)
    size = out.ticks or out.bps
    if not signed and size <= 0:
        refuse(RejectCode.NOT_POSITIVE, f"{path}.{given[0]}", "A distance must be above zero.")
    if abs(out.bps) >= BPS:
        refuse(RejectCode.BAD_NUMBER, f"{path}.bps", "10000 bps is the whole price; stay below.")
    return out


def price_term(
    grid: Grid, price: Price, path: str, has_entry: bool, rounding: int | None
) -> PriceTerm:
    """An absolute price in increments, or a span from the average entry."""
    if isinstance(price, FromEntry):
        if not has_entry:
            refuse(
                RejectCode.NOTHING_TO_EXIT,
                path,
                "A price from the entry needs an entry: the leg is under no oto's then.",
                "Send an absolute price.",
            )
        return span(grid, price.from_entry, f"{path}.from_entry", signed=True)
    return price_units(grid, price, path, rounding)


def share(text: str, path: str) -> tuple[int, int] | None:
    """``"50%"`` as a fraction; nothing when the text is no share."""
    if not text.endswith("%"):
        return None
    parsed = parse_decimal(text[:-1])
    if isinstance(parsed, NumberProblem):
        refuse_number(parsed, path)
    numerator, denominator = parsed.mantissa, SHARE_WHOLE * 10**parsed.places
    if not 0 < numerator <= denominator:
        refuse(RejectCode.SHARES_EXCEED_WHOLE, path, "A share is above 0% and at most 100%.")
    return numerator, denominator


def instant(value: str | int, path: str) -> int:
    """ISO 8601 with a zone, or integer ns, as ns UTC; between 1970 and ``INSTANT_MAX``."""
    at = value if isinstance(value, int) else _moment(value, path)
    if not 0 <= at < INSTANT_MAX:
        refuse(
            RejectCode.BAD_NUMBER,
            path,
            f"A time is between 1970 and 2116, not {value}.",
            "Whole numbers are nanoseconds UTC.",
        )
    return at


def _moment(value: str, path: str) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        refuse(
            RejectCode.MALFORMED,
            path,
            f"{value!r} is not a time.",
            "Send ISO 8601 such as 2026-01-05T15:30:00Z, or integer nanoseconds UTC.",
        )
    if moment.tzinfo is None:
        refuse(
            RejectCode.MALFORMED,
            path,
            f"{value!r} names no time zone.",
            "End it with Z or an offset.",
        )
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


def _floor(split: Callable[..., tuple[int, bool]], text: str) -> tuple[int, bool]:
    parsed = parse_decimal(text)
    assert not isinstance(parsed, NumberProblem), "an off-increment text is a number"
    return split(parsed)
