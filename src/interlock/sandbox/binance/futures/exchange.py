"""USD-M itself: two families of orders, positions in one-way or hedge mode, and what is told.

Decides what a request does. Invariant: orders match in the paper exchange and nowhere else; the two
families have ids of their own, and only a trigger leads from one to the other.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import structs

from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.orders.instruments import Instrument, PositionMode
from interlock.orders.legs import PositionSide
from interlock.orders.reports import (
    Acknowledged,
    Amended,
    AmendRefused,
    Canceled,
    CancelReason,
    Expired,
    Filled,
    Rejected,
    Report,
    VenueReject,
    VenueStatus,
)
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    SubmitVenueOrder,
    VenueOrderType,
)
from interlock.orders.ticks import Mark, Quote, Tick, Trade
from interlock.sandbox.binance.futures.algos import Algo, AlgoBook
from interlock.sandbox.binance.futures.margin import Margin
from interlock.sandbox.binance.futures.orders import (
    ORDER_ID_FIRST,
    TIME_IN_FORCE,
    Asked,
    Order,
    trade_id,
)
from interlock.sandbox.binance.wire import WireError
from interlock.venues.paper.book import Market
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.resting import PaperOrder

VENUE, ACCOUNT = "USDM", "account"
FAR_OFF = 1 << 62
PAPER = Capabilities(
    native_amend=True, iceberg=False, id_promise=IdPromise.NONE, request_validity_ns=FAR_OFF
)
"""Ids are judged here: the two families are refused the same way."""
ALGOS_MAX = 200

REFUSALS: dict[VenueReject, tuple[int, str]] = {
    VenueReject.BELOW_MINIMUM: (-4003, "Quantity less than or equal to zero."),
    VenueReject.OFF_INCREMENT: (-4005, "Quantity greater than max quantity."),
    VenueReject.BELOW_NOTIONAL: (-4164, "Order's notional must be no smaller than the minimum."),
    VenueReject.PRICE_BAND: (-4016, "Limit price can't be higher than the cap."),
    VenueReject.POST_ONLY_WOULD_CROSS: (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
    VenueReject.REDUCE_ONLY: (-2022, "ReduceOnly Order is rejected."),
    VenueReject.POSITION_SIDE: (-4061, "Order's position side does not match user's setting."),
    VenueReject.HALTED: (-4108, "Symbol is on delivering or delivered or settling or closed."),
}

Tell = Callable[[dict[str, Any]], None]


class Futures:
    """One account on one exchange. Times given are nanoseconds, times told milliseconds."""

    def __init__(
        self,
        instruments: Iterable[Instrument],
        tell: Tell,
        hedge: bool = False,
        wallet: str = "100000",
    ) -> None:
        self._listed = [renamed(instrument) for instrument in instruments]
        self._tell = tell
        self.algo_first = False
        """Whether an ``ALGO_UPDATE`` goes before the order event that it belongs to."""
        self.unlisted: set[str] = set()
        """Symbols that the listing leaves out."""
        self.trims = True
        """Whether a closing order larger than its hedge side is trimmed; else it is refused."""
        self.algos = AlgoBook()
        self.orders: dict[int, Order] = {}
        self.traded: dict[int, int] = {}
        """Order ids by trade ids."""
        self._by_client: dict[str, Order] = {}
        self._by_venue: dict[str, Order] = {}
        self.hedge = hedge
        self._begin()
        self.margin = Margin(self.exchange, ACCOUNT, wallet)

    def _begin(self) -> None:
        mode = PositionMode.HEDGE if self.hedge else PositionMode.ONE_WAY
        moded = [structs.replace(one, position_mode=mode) for one in self._listed]
        self.exchange = PaperExchange(VENUE, moded, PAPER)

    def switch_mode(self, hedge: bool) -> None:
        """Raises ``WireError`` as the exchange does while anything is open."""
        if hedge is self.hedge:
            raise WireError(-4059, "No need to change position side.")
        if self.exchange.open_orders() or self.algos.waiting():
            raise WireError(-4067, "Position side cannot be changed if there exists open orders.")
        if any(position.quantity for position in self.exchange.positions()):
            raise WireError(-4068, "Position side cannot be changed if there exists position.")
        before, self.hedge = self.exchange, hedge
        self._begin()
        self.margin.moved(self.exchange)
        for one in self._listed:
            old, new = before.market(one.symbol), self.exchange.market(one.symbol)
            new.see_quote(Quote(one.symbol, before.now, old.bid, 0, old.ask, 0))
            new.last, new.mark = old.last, old.mark

    def market(self, symbol: str) -> Market:
        name = f"{symbol}.{VENUE}"
        if not any(one.symbol == name for one in self._listed):
            raise WireError(-1121, "Invalid symbol.")
        return self.exchange.market(name)

    @property
    def symbols(self) -> list[str]:
        return [one.symbol.removesuffix(f".{VENUE}") for one in self._listed]

    # The market

    def on_tick(self, tick: Tick) -> None:
        """A tick of one of the listed instruments, whatever venue its symbol names."""
        name = f"{tick.instrument.rpartition('.')[0]}.{VENUE}"
        tick = structs.replace(tick, instrument=name)
        self.exchange.on_tick(tick)
        self._hear(tick.at)
        symbol = name.removesuffix(f".{VENUE}")
        if isinstance(tick, Trade):
            self._trigger(symbol, "CONTRACT_PRICE", tick.price, tick.at)
        elif isinstance(tick, Quote) and tick.sound:
            mark = (tick.bid + tick.ask) // 2
            self.exchange.on_tick(Mark(name, tick.at, mark))
            self._trigger(symbol, "MARK_PRICE", mark, tick.at)

    def _trigger(self, symbol: str, working_type: str, price: int, at: int) -> None:
        for algo in list(self.algos.due(symbol, working_type, price)):
            if algo.open:
                self._fire(algo, at)

    def _fire(self, algo: Algo, at: int) -> None:
        ms = at // 1_000_000
        algo.triggered_at = ms
        self.algos.close(algo, "TRIGGERING", ms)
        self._tell(algo.event(ms))
        asked = algo.asked
        if asked.close_position:
            held = self.exchange.position(ACCOUNT, f"{asked.symbol}.{VENUE}", asked.hedge_side)
            asked = structs.replace(asked, quantity=abs(held.quantity), reduce_only=not self.hedge)
        try:
            self._check(asked)
            told: list[dict[str, Any]] = []
            order = self._enter(asked, at, told, algo)
        except WireError as refused:
            algo.reason = "Reduce Only reject" if refused.code == -2022 else refused.msg
            self.algos.close(algo, "REJECTED", ms)
            self._tell(algo.event(ms))
            return
        algo.order = order
        if algo.status == "TRIGGERING":
            algo.status = "TRIGGERED"
        mine = [algo.event(ms)]
        if order.status not in ("NEW", "PARTIALLY_FILLED"):
            self.algos.close(algo, "FINISHED", ms)
            mine.append(algo.event(ms))
        for event in (*mine, *told) if self.algo_first else (*told, *mine):
            self._tell(event)
        self._sweep_closers(at)

    # What clients ask

    def place(self, asked: Asked, at: int) -> Order:
        """A limit or market order. Raises ``WireError`` for what is refused."""
        self._fresh(asked.client_id)
        self._check(asked)
        told: list[dict[str, Any]] = []
        order = self._enter(asked, at, told, None)
        for event in told:
            self._tell(event)
        self._sweep_closers(at)
        return order

    def place_algo(self, algo: Algo, at: int) -> None:
        self._fresh(algo.asked.client_id, algo=True)
        if len(self.algos.waiting()) >= ALGOS_MAX:
            raise WireError(-4045, "Reach max stop order limit.")
        market = self.market(algo.asked.symbol)
        price = market.mark if algo.asked.working_type == "MARK_PRICE" else market.last
        trailing = algo.rate > 0
        if price and not trailing and algo.due(price):
            raise WireError(-2021, "Order would immediately trigger.")
        beyond = algo.activation is not None and (price - algo.activation) * algo.asked.side < 0
        if price and trailing and beyond:
            raise WireError(-2021, "Order would immediately trigger.")
        self.algos.add(algo)
        self._tell(algo.event(at // 1_000_000))
        self._sweep_closers(at)

    def cancel(self, order: Order, at: int) -> None:
        if not order.paper.open:
            raise WireError(-2011, "Unknown order sent.")
        self.exchange.send(CancelVenueOrder(order.paper.client_id, ACCOUNT, "", 0), at)
        self._hear(at)

    def cancel_algo(self, algo: Algo, at: int, status: str = "CANCELED") -> None:
        if not algo.open:
            raise WireError(-2011, "Unknown order sent.")
        self.algos.close(algo, status, at // 1_000_000)
        self._tell(algo.event(at // 1_000_000))

    def amend(self, order: Order, quantity: int, price: int, at: int) -> None:
        if not order.paper.open:
            raise WireError(-2013, "Order does not exist.")
        if (quantity, price) == (order.paper.quantity, order.paper.price):
            raise WireError(-5027, "No need to modify the order.")
        request = AmendVenueOrder(order.paper.client_id, ACCOUNT, "", 1, quantity, price)
        self.exchange.send(request, at)
        refused = self._hear(at)
        if isinstance(refused, AmendRefused):
            raise no(refused.code)

    def find(self, order_id: int | None, client_id: str | None) -> Order | None:
        if order_id is not None:
            return self.orders.get(order_id)
        return self._by_client.get(client_id or "")

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        return [
            order
            for order in self.orders.values()
            if order.paper.open and symbol in (None, order.asked.symbol)
        ]

    # What others do

    def trade_outside(
        self, symbol: str, side: PositionSide | None, signed: int, client_id: str, at: int
    ) -> None:
        """A person, a liquidation or ADL trades on the account under an id that is not ours."""
        market = self.market(symbol)
        price = market.last or market.mark
        name = market.grid.symbol
        self.exchange.outside_trade(ACCOUNT, name, signed, price, at, side)
        execution = self.exchange.executions()[-1].execution
        ms = at // 1_000_000
        kind = "CALCULATED" if client_id.startswith("autoclose-") else "TRADE"
        asked = Asked(
            symbol,
            client_id,
            1 if signed > 0 else -1,
            "LIQUIDATION" if kind == "CALCULATED" else "MARKET",
            VenueOrderType.MARKET,
            side.value.upper() if side else "BOTH",
            abs(signed),
        )
        paper = PaperOrder(self._submit(asked), market, f"{VENUE}-x{len(self.orders)}", 0, at)
        paper.status = VenueStatus.FILLED
        order = Order(asked, paper, self._next_id(), ms, ms, abs(signed), abs(signed) * price)
        order.status = "FILLED"
        self.orders[order.order_id] = order
        self.traded[trade_id(execution.exec_id)] = order.order_id
        self.exchange.poll(at)
        self._tell(order.event(kind, ms, execution))
        self._tell_account(asked.symbol, "ORDER", ms)
        self._sweep_closers(at)

    # Inside

    def _fresh(self, client_id: str, algo: bool = False) -> None:
        order, waiting = self._by_client.get(client_id), self.algos.find(None, client_id)
        taken = (waiting is not None and waiting.open) if algo else False
        if taken or (order is not None and order.paper.open):
            raise WireError(-4116, "ClientOrderId is duplicated.")

    def _check(self, asked: Asked) -> None:
        """What the paper exchange does not know of: modes, margin and the size of closing ones."""
        if (asked.position_side == "BOTH") is self.hedge:
            raise no(VenueReject.POSITION_SIDE)
        market = self.market(asked.symbol)
        held = self.exchange.position(ACCOUNT, market.grid.symbol, asked.hedge_side).quantity
        closes = asked.reduce_only or (
            self.hedge and (asked.side > 0) is (asked.position_side == "SHORT")
        )
        closable = max(0, -asked.side * held)
        if closes and (not closable or (asked.quantity > closable and not self.trims)):
            raise no(VenueReject.REDUCE_ONLY)
        if not closes and not self.margin.carries(asked, market, closable):
            raise WireError(-2019, "Margin is insufficient.")

    def _enter(self, asked: Asked, at: int, told: list[dict[str, Any]], algo: Algo | None) -> Order:
        """To the matching engine; what follows from it is added to ``told``."""
        self.exchange.send(self._submit(asked), at)
        outcome = self._hear(at, told, asked)
        if isinstance(outcome, Rejected):
            raise no(outcome.code)
        return self._by_client[asked.client_id]

    def _submit(self, asked: Asked) -> SubmitVenueOrder:
        return SubmitVenueOrder(
            asked.client_id,
            ACCOUNT,
            f"{asked.symbol}.{VENUE}",
            asked.side,
            asked.order_type,
            asked.quantity,
            valid_until=FAR_OFF,
            price=asked.price,
            time_in_force=TIME_IN_FORCE[asked.time_in_force],
            expire_at=asked.expire_at,
            post_only=asked.time_in_force == "GTX",
            reduce_only=asked.reduce_only,
            position_side=asked.hedge_side,
        )

    def _hear(
        self, at: int, told: list[dict[str, Any]] | None = None, entering: Asked | None = None
    ) -> Report | None:
        """Tell what the matching engine has to say; give back what it refused."""
        refused: Report | None = None
        events: list[dict[str, Any]] = [] if told is None else told
        for report in self.exchange.poll(at):
            if isinstance(report, Rejected | AmendRefused):
                refused = report
            elif isinstance(report, Acknowledged) and entering is not None:
                self._accepted(entering, report, events)
            elif isinstance(report, Filled | Canceled | Expired | Amended):
                events += self._moved(report)
        if told is None:
            for event in events:
                self._tell(event)
        return refused

    def _accepted(self, asked: Asked, report: Acknowledged, events: list[dict[str, Any]]) -> None:
        ms = report.at // 1_000_000
        paper = self.exchange.order(report.client_id)
        assert paper is not None
        order = Order(asked, paper, self._next_id(), ms, ms)
        self.orders[order.order_id] = self._by_client[asked.client_id] = order
        events.append(order.event("NEW", ms))

    def _moved(self, report: Filled | Canceled | Expired | Amended) -> list[dict[str, Any]]:
        order = self._by_client.get(report.client_id)
        if order is None:
            return []
        ms = order.updated = report.at // 1_000_000
        match report:
            case Filled():
                fill = report.execution
                self.traded[trade_id(fill.exec_id)] = order.order_id
                order.told += fill.quantity
                order.value += fill.quantity * fill.price
                whole = order.told == order.paper.quantity
                order.status = "FILLED" if whole else "PARTIALLY_FILLED"
                events = [order.event("TRADE", ms, fill)]
                events.append(self.account_update(order.asked.symbol, "ORDER", ms))
            case Amended():
                return [order.event("AMENDMENT", ms)]
            case Canceled(reason=CancelReason.IMMEDIATE | CancelReason.REDUCE_ONLY):
                order.status = "EXPIRED"
                order.expiry_reason = 4 if report.reason is CancelReason.REDUCE_ONLY else 9
                events = [order.event("EXPIRED", ms)]
            case Expired():
                order.status = "EXPIRED"
                events = [order.event("EXPIRED", ms)]
            case _:
                order.status = "CANCELED"
                events = [order.event("CANCELED", ms)]
        algo = self.algos.of_order(order)
        if algo is not None and not order.paper.open and algo.status != "FINISHED":
            self.algos.close(algo, "FINISHED", ms)
            finished = algo.event(ms)
            events = [finished, *events] if self.algo_first else [*events, finished]
        return events

    def account_update(self, symbol: str, reason: str, ms: int) -> dict[str, Any]:
        """Positions of one symbol and the wallet, as ``ACCOUNT_UPDATE`` has them."""
        balance = self.margin.wallet_text()
        positions = [
            {
                "s": symbol,
                "pa": shown["positionAmt"],
                "ep": shown["entryPrice"],
                "bep": shown["breakEvenPrice"],
                "cr": "0",
                "up": shown["unRealizedProfit"],
                "mt": "cross",
                "iw": "0",
                "ps": shown["positionSide"],
            }
            for shown in self.margin.positions(self.market(symbol), self.hedge, ms)
        ]
        wallet = {"a": "USDT", "wb": balance, "cw": balance, "bc": "0"}
        update = {"m": reason, "B": [wallet], "P": positions}
        return {"e": "ACCOUNT_UPDATE", "E": ms, "T": ms, "a": update}

    def _tell_account(self, symbol: str, reason: str, ms: int) -> None:
        self._tell(self.account_update(symbol, reason, ms))

    def _sweep_closers(self, at: int) -> None:
        """Orders that close a whole position go with the position."""
        for algo in self.algos.waiting():
            asked = algo.asked
            if not asked.close_position:
                continue
            name = f"{asked.symbol}.{VENUE}"
            if self.exchange.position(ACCOUNT, name, asked.hedge_side).quantity:
                algo.guards = True
            elif algo.guards:
                self.cancel_algo(algo, at, "EXPIRED")

    def _next_id(self) -> int:
        return ORDER_ID_FIRST + len(self.orders) + 1


def renamed(instrument: Instrument) -> Instrument:
    name = instrument.symbol.rpartition(".")[0]
    return structs.replace(instrument, symbol=f"{name}.{VENUE}")


def no(code: VenueReject) -> WireError:
    number, text = REFUSALS.get(code, (-2010, "NEW_ORDER_REJECTED"))
    return WireError(number, text)
