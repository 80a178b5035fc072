"""Limits: what is accepted or sent stays within those in force at that moment.

Decides by adding up fills and live entries over all records, order by order; the gates count as
they go. Invariant: a figure that others' hands have moved is not judged; all others are exact, or
lower than the true ones.
"""

from collections.abc import Callable, Iterable

from interlock.audit.breach import Tell
from interlock.audit.record import STOPS, Record
from interlock.audit.scopes import Market, adds, could, covers, held, market_of, over
from interlock.orders import facts as f
from interlock.orders.grid import Grid
from interlock.orders.limits import Limits, RiskScope
from interlock.orders.numbers import Decimal10, NumberProblem, parse_decimal
from interlock.orders.terms import LegTerms, OrderTerms

SECOND_NS = 1_000_000_000
Records = dict[str, Record]


class InForce:
    """Limits by scope, and the orders that were taken in this second."""

    def __init__(self) -> None:
        self._limits: dict[RiskScope, Limits] = {}
        self._grids: dict[str, Grid] = {}
        self._taken: dict[RiskScope, tuple[int, int]] = {}
        """The second, and how many placements and amends were taken in it."""

    def fact(self, tell: Tell, fact: f.Fact, records: Records) -> None:
        """A fact is about to be read into the records."""
        match fact:
            case f.InstrumentDefined():
                self._grids[fact.instrument.symbol] = Grid(fact.instrument)
            case f.LimitsSet():
                self._set(fact)
            case f.OrderAccepted() if self._limits:
                self._accepted(tell, fact, records)
            case f.OrderAmended() if self._limits and fact.by == "trader":
                self._amended(tell, fact, records)
            case f.VenueOrderSending() if self._limits:
                self._sending(tell, fact, records)
            case _:
                pass

    def _set(self, fact: f.LimitsSet) -> None:
        if fact.limits is None:
            self._limits.pop(fact.scope, None)
            self._taken.pop(fact.scope, None)
        else:
            self._limits[fact.scope] = fact.limits

    def all(self) -> list[tuple[RiskScope, Limits]]:
        """Every scope with its limits."""
        return list(self._limits.items())

    def ends(self) -> bool:
        """Whether limits say anything about the end of a session."""
        names = ("no_new_after", "reduce_before_close", "flatten_at")
        return any(getattr(one, name) for one in self._limits.values() for name in names)

    def instruments(self) -> list[str]:
        """All that are defined."""
        return list(self._grids)

    def watches(self, symbol: str) -> bool:
        """Whether limits ask that the prices of an instrument be judged."""
        return any(
            scope.instrument in (None, symbol)
            and (scope.venue is None or symbol.endswith("." + scope.venue))
            and (limits.feed_stale_ms is not None or limits.feed_jump_bps is not None)
            for scope, limits in self._limits.items()
        )

    def venue_gone(self, venue: str) -> int | None:
        """The least time, in ns, after which a lost stream of a whole venue pulls its entries."""
        seconds = [
            limits.venue_gone_s
            for scope, limits in self._limits.items()
            if limits.venue_gone_s is not None
            and scope.instrument is None
            and scope.venue in (None, venue)
        ]
        return min(seconds) * SECOND_NS if seconds else None

    # What is judged

    def _accepted(self, tell: Tell, fact: f.OrderAccepted, records: Records) -> None:
        terms = fact.terms
        entries = [leg for leg in terms.legs if adds(leg)]
        own = Record(terms, list(terms.legs))
        for scope, limits in self._over(terms):
            taken = self._take(scope, fact.at)
            if not entries:
                continue
            say = _say(tell, f"{terms.id} was accepted", scope)
            self._leg_limits(say, limits, entries)
            if limits.max_orders_per_s is not None and taken > limits.max_orders_per_s:
                say("max_orders_per_s", taken, limits.max_orders_per_s)
            live = [one for one in records.values() if not one.done and over(scope, one.terms)]
            if limits.max_open_orders is not None and len(live) >= limits.max_open_orders:
                say("max_open_orders", len(live) + 1, limits.max_open_orders)
            for market, side in _ways(entries, terms, scope):
                if could(own, market, side):
                    self._position(say, (scope, limits), market, side, [*records.values(), own])

    def _amended(self, tell: Tell, fact: f.OrderAmended, records: Records) -> None:
        record = records[fact.order_id]
        legs = list(record.legs)
        for change in fact.changes:
            legs[change.leg] = change.terms
        grown = [
            leg for leg, old in zip(legs, record.legs, strict=True) if leg.quantity > old.quantity
        ]
        new = Record(record.terms, legs, cum=record.cum, ended=record.ended)
        new.attempts, new.winding = record.attempts, record.winding
        changed = [record.legs[change.leg] for change in fact.changes]
        stops = all(leg.exits and leg.type in STOPS for leg in changed)
        others = [one for one in records.values() if one.id != record.id]
        for scope, limits in self._over(record.terms):
            taken = self._take(scope, fact.at)
            say = _say(tell, f"an amend of {record.id} was taken", scope)
            most = limits.max_orders_per_s
            if most is not None and taken > most and not stops:  # those that tighten always pass
                say("max_orders_per_s", taken, most)
            for market, side in _ways([leg for leg in grown if adds(leg)], record.terms, scope):
                if could(new, market, side) > could(record, market, side):
                    self._position(say, (scope, limits), market, side, [*others, new])

    def _sending(self, tell: Tell, fact: f.VenueOrderSending, records: Records) -> None:
        record = records[fact.order_id]
        leg = record.legs[fact.leg]
        if not adds(leg):
            return
        where = (record.terms.account, record.terms.tag, (leg.instrument,))
        for scope, limits in self._limits.items():
            if not covers(scope, *where):
                continue
            say = _say(tell, f"{leg.id} of {record.id} was sent", scope)
            most = self._units(limits.max_order_quantity, leg)
            if most is not None and fact.quantity > most:
                say("max_order_quantity", fact.quantity, most)
            if limits.reduce_only:
                say("reduce_only", 1, 0)
            every = list(records.values())
            self._position(say, (scope, limits), market_of(leg), leg.side, every)

    def _leg_limits(self, say: "Say", limits: Limits, entries: list[LegTerms]) -> None:
        for leg in entries:
            most = self._units(limits.max_order_quantity, leg)
            if most is not None and leg.quantity > most:
                say("max_order_quantity", leg.quantity, most)
            prices = [one for one in (leg.price, leg.trigger_price) if isinstance(one, int)]
            worth = leg.quantity * max(prices, default=0)
            most = self._units(limits.max_order_notional, leg, of_money=True)
            if most is not None and worth > most:
                say("max_order_notional", worth, most)
            if limits.reduce_only:
                say("reduce_only", 1, 0)
            if limits.instruments is not None and leg.instrument not in limits.instruments:
                say("instruments", 1, 0)
            if limits.sides is not None and leg.side not in [one.sign for one in limits.sides]:
                say("sides", 1, 0)
            if limits.leg_types is not None and leg.type not in limits.leg_types:
                say("leg_types", 1, 0)

    def _position(
        self,
        say: "Say",
        limit: tuple[RiskScope, Limits],
        market: Market,
        side: int,
        records: Iterable[Record],
    ) -> None:
        """Held and possible together, if every live entry that adds to it fills."""
        scope, limits = limit
        if limits.max_position is None:
            return
        total, symbol = 0, market[0]
        for record in records:
            if not covers(scope, record.terms.account, record.terms.tag, (symbol,)):
                continue
            if record.adjusted:
                return  # what others closed is told to the order, not to the scope
            total += side * held(record, market) + could(record, market, side)
        most = self._grids[symbol].quantity.split(_decimal(limits.max_position))[0]
        if total > most:
            say("max_position", total, most)

    def _over(self, terms: OrderTerms) -> list[tuple[RiskScope, Limits]]:
        return [one for one in self._limits.items() if over(one[0], terms)]

    def _take(self, scope: RiskScope, at: int) -> int:
        second, count = self._taken.get(scope, (0, 0))
        count = count + 1 if second == at // SECOND_NS else 1
        self._taken[scope] = (at // SECOND_NS, count)
        return count

    def _units(self, text: str | None, leg: LegTerms, of_money: bool = False) -> int | None:
        if text is None:
            return None
        grid = self._grids[leg.instrument]
        return (grid.money if of_money else grid.quantity).split(_decimal(text))[0]


Say = Callable[[str, int, int], None]


def _say(tell: Tell, what: str, scope: RiskScope) -> Say:
    def say(setting: str, figure: int, limit: int) -> None:
        tell("limit", f"{what}: {setting} of {scope} is {limit}, and this comes to {figure}")

    return say


def _ways(entries: list[LegTerms], terms: OrderTerms, scope: RiskScope) -> list[tuple[Market, int]]:
    """Where, and which way, entries go in the part of the scope that is theirs."""
    found = [
        (market_of(leg), leg.side)
        for leg in entries
        if covers(scope, terms.account, terms.tag, (leg.instrument,))
    ]
    return list(dict.fromkeys(found))


def _decimal(text: str) -> Decimal10:
    value = parse_decimal(text)
    assert not isinstance(value, NumberProblem), "limits are checked before they are set"
    return value
