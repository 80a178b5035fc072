"""Instruments: what may be traded, in which steps and with which venue rules.

Decides how decimal text of an instrument becomes whole increments. Invariant: a ``Grid`` is the
only place where prices and quantities change between text and integers.
"""

from enum import StrEnum

from msgspec import Struct

from interlock.orders.numbers import UNITS_MAX, Increment, NumberProblem, increment, parse_decimal

MEMO_MAX = 8192
"""Texts remembered per grid and kind; the memo is emptied when full."""


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


class Grid:
    """An instrument in whole increments: prices, quantities and money as integers.

    Money is in units of price increment x quantity increment x multiplier, so that
    ``price * quantity`` needs no conversion.
    """

    __slots__ = (
        "_prices",
        "_quantities",
        "instrument",
        "judges_value",
        "max_quantity",
        "min_notional",
        "min_quantity",
        "money",
        "most",
        "one_way",
        "price",
        "quantity",
        "symbol",
        "venue",
    )

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.venue = instrument.venue
        self.price = _step(instrument.price_increment)
        self.quantity = _step(instrument.quantity_increment)
        multiplier = _step(instrument.multiplier)
        self.money = Increment(
            self.price.mantissa * self.quantity.mantissa * multiplier.mantissa,
            self.price.places + self.quantity.places + multiplier.places,
        )
        self.min_quantity = max(1, _ceil(self.quantity, instrument.min_quantity))
        self.max_quantity = (
            None
            if instrument.max_quantity is None
            else _floor(self.quantity, instrument.max_quantity)
        )
        self.min_notional = _ceil(self.money, instrument.min_notional)
        self.most = UNITS_MAX if self.max_quantity is None else self.max_quantity
        self.one_way = instrument.position_mode is PositionMode.ONE_WAY
        self.judges_value = bool(self.min_notional or instrument.price_band)
        """Whether an order's price or worth can break a rule of the venue."""
        self._prices: dict[str, int] = {}
        self._quantities: dict[str, int] = {}

    def price_units(self, text: str) -> int | NumberProblem:
        """A price in price increments."""
        known = self._prices.get(text)
        return known if known is not None else _remember(self._prices, self.price, text)

    def quantity_units(self, text: str) -> int | NumberProblem:
        """A quantity in quantity increments."""
        known = self._quantities.get(text)
        return known if known is not None else _remember(self._quantities, self.quantity, text)

    def price_text(self, units: int) -> str:
        return self.price.text(units)

    def quantity_text(self, units: int) -> str:
        return self.quantity.text(units)

    def money_text(self, units: int) -> str:
        return self.money.text(units)

    def fee(self, price: int, quantity: int, maker: bool) -> int:
        """The venue's fee in money units, rounded away from the trader's favour."""
        fees = self.instrument.fees
        rate = parse_decimal(fees.maker_bps if maker else fees.taker_bps)
        assert not isinstance(rate, NumberProblem), "fees are checked by instrument_problem"
        scale: int = 10**rate.places * 10_000
        return -(-price * quantity * rate.mantissa // scale)


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


def _step(text: str) -> Increment:
    step = increment(text)
    assert not isinstance(step, NumberProblem), "call instrument_problem first"
    return step


def _split(step: Increment, text: str) -> tuple[int, bool]:
    value = parse_decimal(text)
    assert not isinstance(value, NumberProblem), "call instrument_problem first"
    return step.split(value)


def _floor(step: Increment, text: str) -> int:
    return _split(step, text)[0]


def _ceil(step: Increment, text: str) -> int:
    low, more = _split(step, text)
    return low + more


def _remember(memo: dict[str, int], step: Increment, text: str) -> int | NumberProblem:
    units = step.units(text)
    if isinstance(units, int):
        if len(memo) >= MEMO_MAX:
            memo.clear()
        memo[text] = units
    return units
