"""Worth: limits that need a price, a fill's price or a balance, by what this process was shown.

Decides how far a limit lies from the market, how far a stop from its entry, what a scope holds and
could come to at the market's prices, what it has lost since its day began, and what its venue had
left. Invariants: money is exact decimals; where a price or a position is not sure nothing is said.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from msgspec import Struct

from interlock.audit.breach import Tell
from interlock.audit.limits import InForce, Records
from interlock.audit.record import STOPS, Record
from interlock.audit.scopes import Market, adds, could, covers, held, market_of, over
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.grid import Grid
from interlock.orders.legs import LegType
from interlock.orders.limits import BlockCause, Limits, RiskScope
from interlock.orders.terms import BPS, LegTerms, OrderTerms

ROUNDING: Final = Decimal("0.000001")
"""More than rounding each line of a scope to a hundred-millionth comes to."""
Price = Callable[[str, str], int | None]


class Day(Struct):
    """A day of ``max_daily_loss``: what a scope was worth when it began, and until when it is."""

    equity: Decimal | None
    until: int


class Told(Struct):
    """A venue's word on an account, and what was let through since."""

    balances: tuple[r.Balance, ...]
    spent: dict[RiskScope, Decimal]


class Worth:
    """Figures in money."""

    def __init__(self, limits: InForce, price: Price) -> None:
        self._limits = limits
        self._price = price
        self._grids: dict[str, Grid] = {}
        self._fees: dict[str, int] = {}
        self._days: dict[RiskScope, Day] = {}
        self._told: dict[tuple[str, str], Told] = {}
        self._lost: dict[RiskScope, bool] = {}
        """Scopes that are stopped for what they have lost."""

    def reference(self, symbol: str) -> int | None:
        """The price that things are valued at: the last trade's, else the middle of the quote."""
        last, mid = self._price(symbol, "last"), self._price(symbol, "mid")
        return last if last is not None else None if mid is None else mid // 2

    def restart(self) -> None:
        self._told.clear()

    def heard(self, report: r.Report) -> None:
        if isinstance(report, r.BalancesTold):
            self._told[report.venue, report.account] = Told(report.balances, {})
            for (_, account), told in self._told.items():
                if account == report.account:
                    told.spent.clear()

    def fact(self, tell: Tell, fact: f.Fact, records: Records) -> None:
        """A fact is about to be read into the records."""
        match fact:
            case f.InstrumentDefined():
                self._grids[fact.instrument.symbol] = Grid(fact.instrument)
            case f.VenueOrderFilled():
                self._fees[fact.exec_id] = fact.fee
            case f.LimitsSet() if fact.limits is None:
                self._days.pop(fact.scope, None)
            case f.LossDayBegan():
                self._begins(tell, fact, records)
            case f.BlockSet() if fact.block.cause is BlockCause.LOSS:
                self._lost[fact.block.scope] = True
                self._stops(tell, fact.block.scope, records)
            case f.BlockLifted() if fact.cause is BlockCause.LOSS:
                gone = [scope for scope in self._lost if str(scope) == fact.name]
                self._lost = {one: True for one in self._lost if one not in gone}
            case f.OrderAccepted():
                self._accepted(tell, fact.terms, records)
            case f.OrderAmended() if fact.by == "trader":
                self._amended(tell, fact, records[fact.order_id])
            case f.VenueOrderSending():
                self._sending(tell, fact, records)
            case _:
                pass

    def _accepted(self, tell: Tell, terms: OrderTerms, records: Records) -> None:
        own = Record(terms, list(terms.legs))
        entries = [leg for leg in terms.legs if adds(leg)]
        for scope, limits in self._limits.all():
            if not over(scope, terms):
                continue
            for leg in terms.legs:
                if not leg.system and covers(scope, terms.account, terms.tag, (leg.instrument,)):
                    levels = _int(leg.price), _int(leg.trigger_price)
                    self._collar(tell, limits, leg, levels, f"{leg.id} of {terms.id}")
                    self._distance(tell, limits, own, leg)
            if entries:
                self._gross(tell, (scope, limits), own, records)
                self._loss(tell, (scope, limits), f"{terms.id} was accepted", records)
                self._margin(tell, (scope, limits), terms, entries)

    def _amended(self, tell: Tell, fact: f.OrderAmended, record: Record) -> None:
        for change in fact.changes:
            old, new = record.legs[change.leg], change.terms
            before, after = _int(old.price), _int(new.price)
            for scope, limits in self._limits.all():
                where = (record.terms.account, record.terms.tag, (new.instrument,))
                if not covers(scope, *where):
                    continue
                if before and after and (after - before) * new.side > 0:
                    levels = after, _int(new.trigger_price)
                    self._collar(tell, limits, new, levels, f"{new.id} of {record.id}, amended,")

    def _sending(self, tell: Tell, fact: f.VenueOrderSending, records: Records) -> None:
        record = records[fact.order_id]
        leg = record.legs[fact.leg]
        if not adds(leg):
            return
        what = f"{leg.id} of {record.id} was sent"
        for scope, limits in self._limits.all():
            if covers(scope, record.terms.account, record.terms.tag, (leg.instrument,)):
                levels = fact.price or 0, fact.trigger_price or 0
                self._collar(tell, limits, leg, levels, f"{leg.id} of {record.id}, sent,")
                self._gross(tell, (scope, limits), None, records)
                self._loss(tell, (scope, limits), what, records)

    # Prices

    def _collar(
        self, tell: Tell, limits: Limits, leg: LegTerms, levels: tuple[int, int], what: str
    ) -> None:
        """A limit lies no farther on its costly side than it may."""
        most, (limit, trigger) = limits.max_price_deviation_bps, levels
        about = trigger or self.reference(leg.instrument)
        if (
            most is None
            or not limit
            or (not trigger and leg.trigger_price is not None and leg.exits)
        ):
            return  # a stop measured from an entry is one whose own level is not known yet
        if about is None or (limit - about) * leg.side * BPS > most * about:
            tell("collar", f"{what} limits at {limit} about {about}, and {most} bps is the most")

    def _distance(self, tell: Tell, limits: Limits, order: Record, leg: LegTerms) -> None:
        """A protective stop lies as far from its entry as it must and may."""
        least, most = limits.min_stop_distance_bps, limits.max_stop_distance_bps
        trigger, number = _int(leg.trigger_price), order.legs.index(leg)
        above = order.oto_above(number)
        if (least is None and most is None) or not trigger or above is None:
            return
        if leg.type not in STOPS or not leg.exits:
            return
        first = order.under(order.relations[above].children[0])
        entry = order.legs[first[0]]
        if len(first) > 1 or entry.type is not LegType.LIMIT or not _int(entry.price):
            return
        distance = abs(_int(entry.price) - trigger) * BPS // _int(entry.price)
        if (least is not None and distance < least) or (most is not None and distance > most):
            tell("distance", f"{leg.id} of {order.id} lies {distance} bps from its entry")

    # Scopes

    def _gross(
        self, tell: Tell, limit: tuple[RiskScope, Limits], own: Record | None, records: Records
    ) -> None:
        """What is held and could come to be, longs and shorts added, at the market's prices."""
        scope, limits = limit
        if limits.max_gross_notional is None:
            return
        most = Decimal(limits.max_gross_notional) + ROUNDING
        before = self._worst(scope, list(records.values()))
        after = before if own is None else self._worst(scope, [*records.values(), own])
        if before is None or after is None or after <= most:
            return
        if own is None or after > before:
            what = "an entry was sent" if own is None else f"{own.id} was accepted"
            tell("gross", f"{what}: {scope} comes to {after}, and {most} is the most")

    def _worst(self, scope: RiskScope, records: list[Record]) -> Decimal | None:
        markets: dict[Market, bool] = {}
        mine = []
        for record in records:
            for leg in record.legs:
                if covers(scope, record.terms.account, record.terms.tag, (leg.instrument,)):
                    if record.adjusted:
                        return None
                    markets[market_of(leg)] = True
                    mine.append(record)
        mine = list({record.id: record for record in mine}.values())
        total = Decimal(0)
        for market in markets:
            net = sum(held(record, market) for record in mine)
            buys = sum(could(record, market, 1) for record in mine)
            sells = sum(could(record, market, -1) for record in mine)
            worst = max(net + buys, sells - net, 0)
            price = self.reference(market[0]) if worst else 0
            if price is not None:  # one without a price may count for nothing here
                total += self._money(market[0], worst * price)
        return total

    def equity(self, scope: RiskScope, records: Records) -> Decimal | None:
        """What a scope has taken in and paid, with what it holds at the market's price."""
        total = Decimal(0)
        net: dict[Market, int] = {}
        for record in records.values():
            where = record.terms.account, record.terms.tag
            for exec_id, fill in record.fills.items():
                leg = record.legs[fill.leg]
                if not covers(scope, *where, (leg.instrument,)):
                    continue
                if record.adjusted:
                    return None
                paid = leg.side * fill.quantity * fill.price + self._fees.get(exec_id, 0)
                total -= self._money(leg.instrument, paid)
                market = market_of(leg)
                net[market] = net.get(market, 0) + leg.side * fill.quantity
        for (symbol, _), units in net.items():
            price = self.reference(symbol) if units else 0
            if price is None:
                return None
            total += self._money(symbol, units * price)
        return total

    def _begins(self, tell: Tell, fact: f.LossDayBegan, records: Records) -> None:
        own = self.equity(fact.scope, records)
        said = Decimal(fact.equity).scaleb(-8)
        if own is not None and abs(own - said) > ROUNDING:
            tell("loss", f"the day of {fact.scope} begins at {said}, and it is worth {own}")
        self._days[fact.scope] = Day(own, fact.until)

    def _lost_today(self, scope: RiskScope, records: Records) -> Decimal | None:
        day, now = self._days.get(scope), self.equity(scope, records)
        return None if day is None or day.equity is None or now is None else day.equity - now

    def _loss(
        self, tell: Tell, limit: tuple[RiskScope, Limits], what: str, records: Records
    ) -> None:
        scope, limits = limit
        if limits.max_daily_loss is None:
            return
        lost, most = self._lost_today(scope, records), Decimal(limits.max_daily_loss)
        if lost is not None and lost > most + ROUNDING:
            tell("loss", f"{what}, and {scope} has lost {lost}; {most} is the most")

    def _stops(self, tell: Tell, scope: RiskScope, records: Records) -> None:
        limits = dict(self._limits.all()).get(scope)
        lost = self._lost_today(scope, records)
        if limits is None or limits.max_daily_loss is None or lost is None:
            return
        if lost < Decimal(limits.max_daily_loss) - ROUNDING:
            tell("loss", f"{scope} is stopped, and has lost {lost} today")

    def _margin(
        self,
        tell: Tell,
        limit: tuple[RiskScope, Limits],
        terms: OrderTerms,
        entries: list[LegTerms],
    ) -> None:
        """What the venue has left is enough, after what was let through since it said so."""
        scope, limits = limit
        if limits.min_free_margin is None:
            return
        told = self._told.get((terms.legs[0].instrument.rpartition(".")[2], terms.account))
        if told is None:
            tell("margin", f"{terms.id} was accepted, and no balance of {terms.account} is known")
            return
        need = Decimal(0)
        for leg in entries:
            price = max(_int(leg.price), _int(leg.trigger_price))
            price = price or self.reference(leg.instrument) or 0
            worth = leg.quantity * price * limits.initial_margin_bps // BPS
            need += self._money(leg.instrument, worth)
        free = sum(
            Decimal(one.available_margin if one.available_margin is not None else one.free)
            for one in told.balances
            if limits.margin_asset in (None, one.asset)
        )
        spent = told.spent.get(scope, Decimal(0))
        if free - spent - need < Decimal(limits.min_free_margin) - ROUNDING:
            tell("margin", f"{terms.id} takes {need} of {free - spent}")
        told.spent[scope] = spent + need

    def _money(self, symbol: str, units: int) -> Decimal:
        step = self._grids[symbol].money
        return Decimal(units * step.mantissa).scaleb(-step.places)

    def finish(self, tell: Tell, records: Records) -> None:
        """In a calm market a scope that has lost too much, and holds something, is stopped."""
        for scope, limits in self._limits.all():
            lost, most = self._lost_today(scope, records), limits.max_daily_loss
            holds = any(
                held(record, market_of(leg))
                for record in records.values()
                for leg in record.legs
                if covers(scope, record.terms.account, record.terms.tag, (leg.instrument,))
            )
            if most is None or lost is None or not holds or scope in self._lost:
                continue
            if lost > Decimal(most) + ROUNDING:
                tell("loss", f"{scope} has lost {lost}, and goes on")


def _int(price: object) -> int:
    """An absolute price, or 0."""
    return price if isinstance(price, int) else 0
