"""Spot itself: orders, order lists, balances, and what is told of them.

Decides what a request does and what follows from it. Invariants: orders match in the paper exchange
and nowhere else; of two legs of which one cancels the other only one can ever trade (VENUES 1.4).
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.orders.instruments import Instrument
from interlock.orders.legs import TimeInForce
from interlock.orders.reports import (
    Acknowledged,
    Canceled,
    CancelReason,
    Execution,
    Filled,
    Rejected,
    Report,
)
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    SubmitVenueOrder,
    VenueOrderType,
)
from interlock.orders.ticks import Tick, Trade
from interlock.sandbox.binance.spot.checks import BALANCE, REASONS, check, named, would_trigger
from interlock.sandbox.binance.spot.lists import LIST_ID_FIRST, OrderList
from interlock.sandbox.binance.spot.orders import (
    ORDER_ID_FIRST,
    PRICED,
    Asked,
    Order,
    Paid,
    trade_id,
)
from interlock.sandbox.binance.spot.wallet import Wallet, assets, need
from interlock.sandbox.binance.wire import WireError
from interlock.venues.paper.book import Market
from interlock.venues.paper.exchange import PaperExchange

VENUE, ACCOUNT = "SPOT", "account"
FAR_OFF = 1 << 62
PAPER = Capabilities(native_amend=True, id_promise=IdPromise.NONE, request_validity_ns=FAR_OFF)
TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
UNFILLED = {
    "IOC": "UNFILLED_IOC_QUANTITY_EXPIRED",
    "FOK": "UNFILLED_FOK_ORDER_EXPIRED",
    "GTC": "INSUFFICIENT_LIQUIDITY",
}

Tell = Callable[[dict[str, Any]], None]


class Spot:
    """One account on one exchange. Times given are nanoseconds, times told milliseconds."""

    def __init__(self, instruments: Iterable[Instrument], tell: Tell, cash: str = "100000") -> None:
        listed = [named(instrument, VENUE) for instrument in instruments]
        self._names = {one.symbol for one in listed}
        self.exchange = PaperExchange(VENUE, listed, PAPER)
        self._tell = tell
        self.symbols = [one.symbol.removesuffix(f".{VENUE}") for one in listed]
        held = {asset: Decimal(0) for symbol in self.symbols for asset in assets(symbol)}
        self.wallet = Wallet({**held, assets(self.symbols[0])[1]: Decimal(cash)})
        self.orders: dict[int, Order] = {}
        self.lists: dict[int, OrderList] = {}
        self._open: dict[int, Order] = {}
        self._released: list[OrderList] = []
        """Lists whose working order has filled, until their pending ones are released."""
        self._executions = 0

    def market(self, symbol: str) -> Market:
        name = f"{symbol}.{VENUE}"
        if name not in self._names:
            raise WireError(-1121, "Invalid symbol.")
        return self.exchange.market(name)

    # The market

    def on_tick(self, tick: Tick) -> None:
        """A touched limit executes first, and what waits for its trigger comes after."""
        symbol = tick.instrument.rpartition(".")[0]
        self.exchange.on_tick(named(tick, VENUE))
        self._hear(tick.at)
        self._settle(tick.at)
        if isinstance(tick, Trade):
            for order in [one for one in self._open.values() if one.waits]:
                here = order.waits and order.asked.symbol == symbol
                if here and would_trigger(order.asked, tick.price):
                    self._fire(order, tick.at)
                    self._settle(tick.at)

    def _fire(self, order: Order, at: int) -> None:
        """Activated: the other leg goes before this one trades."""
        self._end_sibling(order, at)
        asset, needed = need(order.asked, order.market, order.leaves)
        priced = order.asked.kind in PRICED
        if not priced and needed > self._free(asset, without=order):
            self._fail(order, at, "INSUFFICIENT_BALANCES")
            return
        self._to_book(order, at, activated=True)

    # What clients ask

    def place(self, asked: Asked, at: int) -> Order:
        self.admit(asked)
        order = self._new(asked, at)
        self._enter(order, at)
        return order

    def admit(self, asked: Asked) -> None:
        """Raises ``WireError`` for an order that would be refused."""
        self._fresh(asked.client_id)
        market = self.market(asked.symbol)
        check(asked, market)
        self._pay(asked, market)

    def place_oco(self, client_id: str, legs: tuple[Asked, Asked], at: int) -> OrderList:
        """Two legs, of which one goes when the other trades or triggers."""
        self._fresh_list(client_id)
        for leg in legs:
            self._fresh(leg.client_id)
            check(leg, self.market(leg.symbol))
        self._pay(max(legs, key=self._need), self.market(legs[0].symbol))
        made = self._listed(client_id, None, legs, at)
        for order in made.orders:
            self._enter(order, at)
        self._tell(made.event(at // 1_000_000))
        return made

    def place_oto(
        self, client_id: str, working: Asked, pending: tuple[Asked, ...], at: int
    ) -> tuple[OrderList, list[dict[str, Any]]]:
        """A working order and what its complete fill releases; the second is how they stood when
        the request was answered: still pending, though they may be live already (VENUES 1.6).
        """
        self._fresh_list(client_id)
        for one in pending:
            self._fresh(one.client_id)
        self.admit(working)
        made = self._listed(client_id, working, pending, at)
        ms = at // 1_000_000
        for order in made.pair:
            order.status = "PENDING_NEW"
        assert made.working is not None
        made.working.working_since = ms
        self._event(made.working, "NEW", ms)
        for order in made.pair:
            self._event(order, "NEW", ms)
        self._tell(made.event(ms))
        self._to_book(made.working, at)
        answer = [order.placed("RESULT") for order in made.orders]
        self._settle(at)
        return made, answer

    def cancel(self, order: Order, by: str, at: int) -> None:
        """An order, and with it the whole list it is in."""
        if not order.open:
            raise WireError(-2011, "Unknown order sent.")
        of = self.lists.get(order.list_id)
        for one in (order,) if of is None else of.orders:
            if one.open:
                self._cancel(one, by, at)
        if of is not None:
            self._finish(of, at)

    def amend(self, order: Order, quantity: int, client_id: str, at: int) -> None:
        """A smaller quantity, in place; of both legs where one cancels the other."""
        if not order.open or not order.told < quantity < order.quantity:
            raise WireError(-2038, "The requested action would change no state; rejecting.")
        of, ms = self.lists.get(order.list_id), at // 1_000_000
        other = of.sibling(order) if of is not None else None
        for one in (order, other):
            if one is None:
                continue
            if one.paper is not None:
                name = str(one.order_id)
                self.exchange.send(AmendVenueOrder(name, ACCOUNT, "", 1, quantity), at)
                self.exchange.poll(at)
            one.quantity, one.updated = quantity, ms
        before, order.client_id = order.client_id, client_id
        event = order.event("REPLACED", ms, self._next_execution(), by=client_id)
        self._tell({**event, "C": before})
        if other is not None:
            self._event(other, "REPLACED", ms)
        if of is not None:
            self._tell(of.event(ms, "UPDATED"))

    def find(self, order_id: int | None, client_id: str | None) -> Order | None:
        """By number, or the latest of a client id."""
        if order_id is not None:
            return self.orders.get(order_id)
        named = (o for o in reversed(self.orders.values()) if o.client_id == client_id)
        return next(named, None)

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        return [o for o in self._open.values() if symbol in (None, o.asked.symbol)]

    def locked(self) -> dict[str, Decimal]:
        return self.wallet.locked(self._open.values(), self.lists)

    def account_position(self, ms: int) -> None:
        """Tell of the balances."""
        shown = [
            {"a": one["asset"], "f": one["free"], "l": one["locked"]}
            for one in self.wallet.view(self.locked())
        ]
        self._tell({"e": "outboundAccountPosition", "E": ms, "u": ms, "B": shown})

    # Inside

    def _fresh(self, client_id: str) -> None:
        if any(order.client_id == client_id for order in self._open.values()):
            raise WireError(-2010, "Duplicate order sent.")

    def _fresh_list(self, client_id: str) -> None:
        if any(one.client_id == client_id and not one.done for one in self.lists.values()):
            raise WireError(-2010, "Duplicate order sent.")

    def _need(self, asked: Asked) -> Decimal:
        return need(asked, self.market(asked.symbol), asked.quantity)[1]

    def _pay(self, asked: Asked, market: Market) -> None:
        asset, needed = need(asked, market, asked.quantity)
        if needed > self._free(asset):
            raise WireError(-2010, BALANCE)

    def _free(self, asset: str, without: Order | None = None) -> Decimal:
        orders = [one for one in self._open.values() if one is not without]
        locked = self.wallet.locked(orders, self.lists)
        return self.wallet.of(asset) - locked.get(asset, Decimal(0))

    def _new(self, asked: Asked, at: int, list_id: int = -1) -> Order:
        number, ms = ORDER_ID_FIRST + len(self.orders) + 1, at // 1_000_000
        market = self.market(asked.symbol)
        order = Order(asked, number, market, ms, ms, asked.client_id, asked.quantity)
        order.list_id = list_id
        self.orders[number] = self._open[number] = order
        return order

    def _listed(
        self, client_id: str, working: Asked | None, pair: tuple[Asked, ...], at: int
    ) -> OrderList:
        number = LIST_ID_FIRST + len(self.lists)
        first = None if working is None else self._new(working, at, number)
        made = tuple(self._new(one, at, number) for one in pair)
        of = OrderList(number, client_id, pair[0].symbol, at // 1_000_000, first, made)
        self.lists[number] = of
        return of

    def _enter(self, order: Order, at: int) -> None:
        """Accepted: it waits for its trigger, or goes to the book."""
        order.status = "NEW"
        if order.asked.conditional:
            self._event(order, "NEW", at // 1_000_000)
            self.account_position(at // 1_000_000)
        else:
            order.working_since = at // 1_000_000
            self._event(order, "NEW", at // 1_000_000)
            self._to_book(order, at)

    def _to_book(self, order: Order, at: int, activated: bool = False) -> None:
        asked = order.asked
        priced = asked.kind in PRICED
        order.working_since = at // 1_000_000
        submit = SubmitVenueOrder(
            str(order.order_id),
            ACCOUNT,
            order.grid.symbol,
            asked.side,
            VenueOrderType.LIMIT if priced else VenueOrderType.MARKET,
            order.quantity,
            valid_until=FAR_OFF,
            price=asked.price if priced else None,
            time_in_force=TIMES[asked.time_in_force],
            post_only=asked.kind == "LIMIT_MAKER",
        )
        self.exchange.send(submit, at)
        self._hear(at, order, activated)

    def _hear(self, at: int, entering: Order | None = None, activated: bool = False) -> None:
        """What the matching engine has to say."""
        told = False
        for report in self.exchange.poll(at):
            told = told or isinstance(report, Filled)
            if isinstance(report, Acknowledged) and entering is not None:
                entering.paper = self.exchange.order(report.client_id)
                if activated:
                    self._event(entering, "NEW", at // 1_000_000)
            elif isinstance(report, Rejected) and entering is not None:
                self._fail(entering, at, "WOULD_MATCH_IMMEDIATELY")
            else:
                self._moved(report, at)
        if told or entering is not None:
            self.account_position(at // 1_000_000)

    def _moved(self, report: Report, at: int) -> None:
        match report:
            case Filled():
                self._filled(self.orders[int(report.client_id)], report.execution, at)
            case Canceled(reason=CancelReason.IMMEDIATE):
                order = self.orders[int(report.client_id)]
                self._expire(order, UNFILLED[order.asked.time_in_force], at)

    def _filled(self, order: Order, fill: Execution, at: int) -> None:
        ms = order.updated = at // 1_000_000
        asked = order.asked
        fee, asset = self.wallet.fill(asked, order.grid, fill.price, fill.quantity)
        paid = Paid(trade_id(fill), ms, fill.price, fill.quantity, fee, asset, fill.maker)
        order.fills.append(paid)
        order.told += fill.quantity
        order.value += fill.quantity * fill.price
        order.status = "FILLED" if order.told == order.quantity else "PARTIALLY_FILLED"
        if not order.open:
            self._open.pop(order.order_id, None)
        self._tell(order.event("TRADE", ms, self._next_execution(), paid))
        self._end_sibling(order, at)
        of = self.lists.get(order.list_id)
        if of is not None and order.status == "FILLED":
            if order is of.working:
                self._released.append(of)
            else:
                self._finish(of, at)

    def _settle(self, at: int) -> None:
        """Release what complete fills release; a release may fill and release nothing more."""
        while self._released:
            of = self._released.pop()
            for order in of.pair:
                if order.pending:
                    self._release(of, order, at)
            if not of.done:
                self._tell(of.event(at // 1_000_000))
                self._finish(of, at)

    def _release(self, of: OrderList, order: Order, at: int) -> None:
        """A pending order goes live, or expires when the account or the market is against it."""
        market = order.market
        try:
            check(order.asked, market, order.quantity)
            asset, needed = need(order.asked, market, order.quantity)
            sibling = of.sibling(order)
            shares = sibling if sibling is not None and not sibling.pending else None
            if needed > self._free(asset, without=shares):
                raise WireError(-2010, BALANCE)
        except WireError as refused:
            self._fail(order, at, REASONS.get(refused.msg, "NONE"))
            return
        self._enter(order, at)

    def _fail(self, order: Order, at: int, why: str) -> None:
        order.refused = why
        self._expire(order, "REJECTED", at)

    def _end_sibling(self, order: Order, at: int) -> None:
        of = self.lists.get(order.list_id)
        other = of.sibling(order) if of is not None else None
        if other is not None and other.open:
            self._expire(other, "OCO_TRIGGER", at)

    def _expire(self, order: Order, reason: str, at: int) -> None:
        self._off_book(order, at)
        order.reason = reason
        self._close(order, "EXPIRED", at)
        self._event(order, "EXPIRED", at // 1_000_000)
        of = self.lists.get(order.list_id)
        if of is None:
            return
        if order is of.working:
            for one in of.pair:
                if one.open:
                    self._expire(one, "OTO_PHASE_ONE_EXPIRED", at)
        elif reason == "REJECTED":
            self._end_sibling(order, at)
        self._finish(of, at)

    def _cancel(self, order: Order, by: str, at: int) -> None:
        self._off_book(order, at)
        self._close(order, "CANCELED", at)
        ms = at // 1_000_000
        self._tell(order.event("CANCELED", ms, self._next_execution(), by=by))
        self.account_position(ms)

    def _off_book(self, order: Order, at: int) -> None:
        if order.paper is not None and order.paper.open:
            self.exchange.send(CancelVenueOrder(str(order.order_id), ACCOUNT, "", 0), at)
            self.exchange.poll(at)

    def _close(self, order: Order, status: str, at: int) -> None:
        order.status, order.updated = status, at // 1_000_000
        self._open.pop(order.order_id, None)

    def _finish(self, of: OrderList, at: int) -> None:
        if not of.done and not any(order.open for order in of.orders):
            of.done, of.at = True, at // 1_000_000
            self._tell(of.event(of.at))

    def _event(self, order: Order, kind: str, ms: int) -> None:
        self._tell(order.event(kind, ms, self._next_execution()))

    def _next_execution(self) -> int:
        self._executions += 1
        return self._executions
