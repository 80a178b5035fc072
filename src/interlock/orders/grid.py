"""An instrument in whole increments.

Decides how decimal text of an instrument becomes whole increments. Invariant: a ``Grid`` is the
only place where prices and quantities change between text and integers.
"""

from interlock.orders.instruments import Instrument, PositionMode
from interlock.orders.numbers import UNITS_MAX, Increment, NumberProblem, increment, parse_decimal
from interlock.orders.plain import plain_units

MEMO_MAX = 8192
"""Texts remembered per grid and kind; the memo is emptied when full."""


class Grid:
    """An instrument in whole increments: prices, quantities and money as integers.

    Money is in units of price increment x quantity increment x multiplier, so that
    ``price * quantity`` needs no conversion.
    """

    __slots__ = (
        "_prices",
        "_quantities",
        "decimal_price",
        "instrument",
        "judges_value",
        "max_quantity",
        "min_notional",
        "min_quantity",
        "money",
        "most",
        "one_way",
        "price",
        "price_places",
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
        self.decimal_price = self.price.mantissa == 1
        """Whether the increment is a power of ten: most are, and such prices read quickest."""
        self.price_places = self.price.places
        self._prices: dict[str, int] = {}
        self._quantities: dict[str, int] = {}

    def price_units(self, text: str) -> int | NumberProblem:
        """A price in price increments."""
        if self.decimal_price:
            units = plain_units(text, self.price_places)
            if units >= 0:
                return units
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
