"""What became of each order, told from facts alone: quantities, average prices, fees and profit.

Decides how fills add up to an order's result. Invariant: quantities and money are exact; an average
that has no end as a decimal is given to ``AVERAGE_PLACES`` more places than the price increment.
"""

from collections.abc import Iterable
from fractions import Fraction

from msgspec import Struct, field

from interlock.orders import facts as f
from interlock.orders.documents import side_text
from interlock.orders.facts import Fact
from interlock.orders.grid import Grid
from interlock.orders.legs import LegType
from interlock.orders.numbers import decimal_text
from interlock.orders.terms import LegTerms, OrderTerms

AVERAGE_PLACES = 8
STOPS = (LegType.STOP, LegType.STOP_LIMIT, LegType.TRAILING_STOP, LegType.TRAILING_STOP_LIMIT)


class Filled(Struct, frozen=True):
    """What was bought or sold: nothing has a price when the quantity is zero."""

    quantity: str
    average_price: str | None


class LegResult(Struct, frozen=True):
    leg: str
    type: str
    side: str
    status: str
    quantity: str
    filled: Filled


class IncidentResult(Struct, frozen=True):
    kind: str
    leg: str | None
    detail: str
    setting: str
    open: bool


class OrderResult(Struct, frozen=True):
    """``realised_profit`` is before fees, of what was closed within the order."""

    order_id: str
    client_order_id: str
    account: str
    instrument: str
    status: str
    entry: Filled
    exit: Filled
    correction: Filled
    """What was traded back after more had been exited or opened than the order may."""
    fees: str
    realised_profit: str
    incidents: tuple[IncidentResult, ...]
    legs: tuple[LegResult, ...]
    accepted_at: int
    done_at: int | None


class LegTrack(Struct):
    """One leg so far, in whole increments."""

    terms: LegTerms
    status: str = "held"
    cum: int = 0
    value: int = 0
    live: int = 0
    """What watches the market or is at the venue for it now."""
    trigger_price: int | None = None
    reason: str = ""


class Holding(Struct):
    """What an order holds of one instrument: quantity, what it was entered for, profit made."""

    quantity: int = 0
    cost: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)

    def trade(self, signed: int, price: int) -> None:
        """Close what points the other way first, open with the rest."""
        closing = min(abs(signed), abs(self.quantity)) if self.quantity * signed < 0 else 0
        if closing:
            cost = self.cost * closing / abs(self.quantity)
            self.realised += (price * closing - cost) * (1 if self.quantity > 0 else -1)
            self.cost -= cost
        self.cost += price * (abs(signed) - closing)
        self.quantity += signed


class OrderTrack(Struct):
    """One order so far."""

    terms: OrderTerms
    at: int
    legs: list[LegTrack]
    status: str = "working"
    done_at: int | None = None
    fees: dict[str, int] = field(default_factory=dict)
    """By instrument."""
    executions: dict[str, int] = field(default_factory=dict)
    """The fee of each execution, for one that is taken back."""
    holdings: dict[str, Holding] = field(default_factory=dict)
    incidents: list[f.IncidentOpened] = field(default_factory=list)
    closed: list[bool] = field(default_factory=list)

    @property
    def exposure(self) -> int:
        """What it holds and has not exited, over all its instruments."""
        return sum(abs(holding.quantity) for holding in self.holdings.values())

    @property
    def covered(self) -> int:
        """How much of that a live stop of its own would exit."""
        stops = (leg for leg in self.legs if leg.terms.exits and leg.terms.type in STOPS)
        return min(self.exposure, sum(leg.live for leg in stops))


class Summary:
    """Hears committed facts, as a listener of the line, and keeps every order's result."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderTrack] = {}
        self.grids: dict[str, Grid] = {}
        self.facts = 0

    def hear(self, _: int, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self.facts += 1
            if isinstance(fact, f.InstrumentDefined):
                self.grids[fact.instrument.symbol] = Grid(fact.instrument)
            elif isinstance(fact, f.OrderAccepted):
                legs = [LegTrack(leg) for leg in fact.terms.legs]
                track = self.orders[fact.terms.id] = OrderTrack(fact.terms, fact.at, legs)
                for armed in f.armed_at_once(fact):
                    _apply(track, armed)
            else:
                order = self.orders.get(getattr(fact, "order_id", ""))
                if order is not None:
                    _apply(order, fact)

    def results(self) -> list[OrderResult]:
        return [self._result(order) for order in self.orders.values()]

    def _result(self, order: OrderTrack) -> OrderResult:
        main = order.terms.legs[0].instrument
        grid = self.grids[main]
        entries = [leg for leg in order.legs if not _exits(leg)]
        exits = [leg for leg in order.legs if _exits(leg) and leg.terms.system != "flatten"]
        undone = [leg for leg in order.legs if leg.terms.system == "flatten"]
        return OrderResult(
            order_id=order.terms.id,
            client_order_id=order.terms.client_order_id,
            account=order.terms.account,
            instrument=main,
            status=order.status,
            entry=_filled(entries, grid),
            exit=_filled(exits, grid),
            correction=_filled(undone, grid),
            fees=self._money(dict(order.fees.items())),
            realised_profit=self._money({s: h.realised for s, h in order.holdings.items()}),
            incidents=tuple(
                IncidentResult(
                    opened.kind.value,
                    order.legs[opened.leg].terms.id if opened.leg >= 0 else None,
                    opened.detail,
                    opened.setting,
                    not closed,
                )
                for opened, closed in zip(order.incidents, order.closed, strict=True)
            ),
            legs=tuple(self._leg(leg) for leg in order.legs),
            accepted_at=order.at,
            done_at=order.done_at,
        )

    def _leg(self, leg: LegTrack) -> LegResult:
        grid = self.grids[leg.terms.instrument]
        return LegResult(
            leg=leg.terms.id,
            type=leg.terms.type.value,
            side=side_text(leg.terms.side),
            status=leg.status,
            quantity=grid.quantity_text(leg.terms.quantity),
            filled=_filled([leg], grid),
        )

    def _money(self, by_symbol: dict[str, int] | dict[str, Fraction]) -> str:
        """The sum over instruments, which is a sum only where they are quoted in one currency."""
        total = Fraction(0)
        for symbol, units in by_symbol.items():
            money = self.grids[symbol].money
            total += Fraction(units) * money.mantissa / 10**money.places
        places = max((self.grids[s].money.places for s in by_symbol), default=0)
        return fraction_text(total, places + AVERAGE_PLACES)


def fraction_text(value: Fraction, places_max: int) -> str:
    """Exact decimal text where there is one in ``places_max`` places, else the nearest."""
    return decimal_text(round(value * 10**places_max), places_max)


def _exits(leg: LegTrack) -> bool:
    return leg.terms.exits or bool(leg.terms.system)


def _filled(legs: list[LegTrack], grid: Grid) -> Filled:
    mine = [leg for leg in legs if leg.terms.instrument == grid.symbol]
    quantity = sum(leg.cum for leg in mine)
    if quantity == 0:
        return Filled("0", None)
    step = grid.price
    average = Fraction(sum(leg.value for leg in mine) * step.mantissa, quantity * 10**step.places)
    return Filled(
        grid.quantity_text(quantity), fraction_text(average, step.places + AVERAGE_PLACES)
    )


def _apply(order: OrderTrack, fact: Fact) -> None:
    match fact:
        case f.VenueOrderFilled():
            order.executions[fact.exec_id] = fact.fee
            _book(order, fact, fact.quantity, fact.fee)
        case f.FillRefuted():
            _book(order, fact, -fact.quantity, -order.executions.pop(fact.exec_id, 0))
        case f.LegAdded():
            order.legs.append(LegTrack(fact.terms))
            order.status, order.done_at = "working", None
        case f.OrderAmended():
            for change in fact.changes:
                order.legs[change.leg].terms = change.terms
        case f.OrderCanceling():
            order.status = "canceling"
        case f.OrderDone():
            order.status, order.done_at = fact.status, fact.at
        case f.IncidentOpened():
            order.incidents.append(fact)
            order.closed.append(False)
        case f.IncidentClosed():
            _close_incident(order, fact)
        case _:
            _leg_fact(order, fact)


def _leg_fact(order: OrderTrack, fact: Fact) -> None:
    number = getattr(fact, "leg", -1)
    if number < 0:
        return
    leg = order.legs[number]
    match fact:
        case f.LegArmed():
            leg.status, leg.live, leg.trigger_price = "armed", fact.quantity, fact.trigger_price
        case f.LegDisarmed():
            leg.status, leg.live, leg.reason = "held", 0, fact.reason
        case f.LegTriggered():
            leg.status = "triggered"
        case f.VenueOrderSending():
            leg.status, leg.live = "sending", fact.quantity
        case f.VenueOrderAcknowledged():
            leg.status = "working"
        case f.VenueOrderAmended():
            leg.live = fact.quantity
        case f.VenueOrderCanceling():
            leg.status = "recalling"
        case f.VenueOrderUnknown():
            leg.status = "unknown"
        case f.VenueOrderCanceled() | f.VenueOrderExpired() | f.VenueOrderRejected():
            leg.status, leg.live = "held", 0
        case f.LegDone():
            leg.status, leg.live, leg.reason = fact.status, 0, fact.reason
        case _:
            pass


def _book(
    order: OrderTrack, fact: f.VenueOrderFilled | f.FillRefuted, signed: int, fee: int
) -> None:
    leg = order.legs[fact.leg]
    symbol = leg.terms.instrument
    order.fees[symbol] = order.fees.get(symbol, 0) + fee
    leg.cum += signed
    leg.value += signed * fact.price
    leg.live = max(0, leg.live - signed)
    holding = order.holdings.setdefault(symbol, Holding())
    holding.trade(leg.terms.side * signed, fact.price)


def _close_incident(order: OrderTrack, fact: f.IncidentClosed) -> None:
    for number, opened in enumerate(order.incidents):
        if not order.closed[number] and (opened.kind, opened.leg) == (fact.kind, fact.leg):
            order.closed[number] = True
            return
