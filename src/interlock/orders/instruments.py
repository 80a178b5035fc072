"""Instruments: what may be traded, in which steps and with which venue rules.

Decides what an instrument's own text may say. Invariant: an instrument without a problem makes a
``Grid``.
"""

from enum import StrEnum

from msgspec import Struct

from interlock.orders.numbers import NumberProblem, increment, parse_decimal


class PositionMode(StrEnum):
    """``one_way``: one net position. ``hedge``: a long and a short side by side."""

    ONE_WAY = "one_way"
    HEDGE = "hedge"


class Fees(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Fees in basis points of notional, as decimal text. Negative is a rebate."""

    maker_bps: str = "0"
    taker_bps: str = "0"


class PriceBand(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How far from the reference price an order may be, in whole basis points each way."""

    below_bps: int = 10_000
    above_bps: int = 10_000


class Session(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trading day. ``day`` orders expire at ``close``, in minutes after midnight UTC.

    ``days`` are ISO weekdays that trade. A session that never closes has ``close`` 1440 on all 7.
    """

    open: int = 0
    close: int = 1440
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)


class Instrument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One tradable thing at one venue. ``symbol`` is ``NAME.VENUE``."""

    symbol: str
    price_increment: str
    quantity_increment: str
    min_quantity: str = "0"
    max_quantity: str | None = None
    min_notional: str = "0"
    multiplier: str = "1"
    price_band: PriceBand | None = None
    position_mode: PositionMode = PositionMode.ONE_WAY
    fees: Fees = Fees()
    session: Session = Session()

    @property
    def venue(self) -> str:
        return self.symbol.rpartition(".")[2]


def instrument_problem(instrument: Instrument) -> str | None:
    """Why an instrument's own text makes no sense, or nothing."""
    name, dot, venue = instrument.symbol.rpartition(".")
    if not (name and dot and venue):
        return f"symbol {instrument.symbol!r} must be NAME.VENUE, such as BTCUSDT.PAPER"
    for field in ("price_increment", "quantity_increment", "multiplier"):
        step = increment(getattr(instrument, field))
        if isinstance(step, NumberProblem):
            return f"{field}: {step.detail}"
    for field in ("min_quantity", "max_quantity", "min_notional"):
        text = getattr(instrument, field)
        if text is None:
            continue
        value = parse_decimal(text)
        if isinstance(value, NumberProblem):
            return f"{field}: {value.detail}"
        if value.mantissa < 0:
            return f"{field} must not be negative"
    for field in ("maker_bps", "taker_bps"):
        rate = parse_decimal(getattr(instrument.fees, field))
        if isinstance(rate, NumberProblem):
            return f"fees.{field}: {rate.detail}"
    session = instrument.session
    if not 0 <= session.open < session.close <= 1440:
        return "session: open must be before close, both minutes of one UTC day (0 to 1440)"
    if not session.days or any(day not in range(1, 8) for day in session.days):
        return "session.days: ISO weekdays, 1 (Monday) to 7 (Sunday), at least one"
    return None
