"""A small stage for stories about the paper exchange: short words for requests and ticks."""

from collections.abc import Iterable

from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Fees, Instrument, PositionMode
from interlock.orders.reports import Canceled, Filled, Rejected, Report
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    QueryOpenOrders,
    QueryPosition,
    QueryVenueOrder,
    SubmitVenueList,
    SubmitVenueOrder,
    VenueOrderType,
)
from interlock.orders.ticks import Depth, Index, Level, Mark, Quote, Trade
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.faults import Faults
from interlock.venues.paper.matching import MatchingModel

SYMBOL = "BTC.PAPER"
ACCOUNT = "main"
MS = 1_000_000
FOR_EVER = 1 << 62

BTC = Instrument(
    symbol=SYMBOL,
    price_increment="1",
    quantity_increment="1",
    fees=Fees(maker_bps="0", taker_bps="0"),
)
HEDGED = Instrument(
    symbol=SYMBOL,
    price_increment="1",
    quantity_increment="1",
    position_mode=PositionMode.HEDGE,
)
EVERYTHING = Capabilities(native_oco=True, native_stop=True, native_amend=True, iceberg=True)

Fields = dict[str, object]


def order(client_id: str, side: int, quantity: int, **fields: object) -> SubmitVenueOrder:
    """A limit if it has a price, a stop if it has a trigger, else a market order."""
    priced, stop = "price" in fields, "trigger_price" in fields
    kinds = {
        (False, False): VenueOrderType.MARKET,
        (True, False): VenueOrderType.LIMIT,
        (False, True): VenueOrderType.STOP,
        (True, True): VenueOrderType.STOP_LIMIT,
    }
    values: Fields = {
        "client_id": client_id,
        "account": ACCOUNT,
        "instrument": SYMBOL,
        "side": side,
        "order_type": kinds[priced, stop],
        "quantity": quantity,
        "valid_until": FOR_EVER,
        **fields,
    }
    return SubmitVenueOrder(**values)  # type: ignore[arg-type]


def buy(client_id: str, quantity: int, **fields: object) -> SubmitVenueOrder:
    return order(client_id, 1, quantity, **fields)


def sell(client_id: str, quantity: int, **fields: object) -> SubmitVenueOrder:
    return order(client_id, -1, quantity, **fields)


class World:
    """An exchange, the time, and every report there has been. One tick or request per ms."""

    def __init__(
        self,
        instrument: Instrument = BTC,
        can: Capabilities = EVERYTHING,
        faults: Faults = Faults(),
        seed: int = 0,
        model: MatchingModel = MatchingModel(),
    ) -> None:
        self.venue = PaperExchange("PAPER", [instrument], can, faults, seed, model)
        self.at = MS
        self.reports: list[Report] = []
        self.fresh: list[Report] = []

    def step(self) -> int:
        self.at += MS
        return self.at

    def poll(self) -> list[Report]:
        self.fresh = self.venue.poll(self.at)
        self.reports += self.fresh
        return self.fresh

    def wait(self, ms: int) -> list[Report]:
        self.at += ms * MS
        return self.poll()

    def send(self, *orders: SubmitVenueOrder) -> list[Report]:
        for one in orders:
            self.venue.send(one, self.step())
        return self.poll()

    def send_list(self, *orders: SubmitVenueOrder) -> list[Report]:
        self.venue.send(SubmitVenueList("list", orders), self.step())
        return self.poll()

    def cancel(self, client_id: str) -> list[Report]:
        self.venue.send(CancelVenueOrder(client_id, ACCOUNT, SYMBOL, 1), self.step())
        return self.poll()

    def amend(
        self,
        client_id: str,
        quantity: int,
        price: int | None = None,
        trigger_price: int | None = None,
        valid_until: int = 0,
    ) -> list[Report]:
        request = AmendVenueOrder(
            client_id, ACCOUNT, SYMBOL, 1, quantity, price, trigger_price, valid_until
        )
        self.venue.send(request, self.step())
        return self.poll()

    def query(self, client_id: str) -> list[Report]:
        self.venue.send(QueryVenueOrder(client_id, ACCOUNT, SYMBOL, 7), self.step())
        return self.poll()

    def query_open(self) -> list[Report]:
        self.venue.send(QueryOpenOrders("PAPER"), self.step())
        return self.poll()

    def query_position(self) -> list[Report]:
        self.venue.send(QueryPosition(ACCOUNT, SYMBOL), self.step())
        return self.poll()

    def trade(self, price: int, quantity: int, aggressor: int = 0) -> list[Report]:
        self.venue.on_tick(Trade(SYMBOL, self.step(), price, quantity, aggressor))
        return self.poll()

    def quote(self, bid: int, bid_size: int, ask: int, ask_size: int) -> list[Report]:
        self.venue.on_tick(Quote(SYMBOL, self.step(), bid, bid_size, ask, ask_size))
        return self.poll()

    def depth(self, bids: Iterable[Level], asks: Iterable[Level]) -> list[Report]:
        self.venue.on_tick(Depth(SYMBOL, self.step(), tuple(bids), tuple(asks)))
        return self.poll()

    def mark(self, price: int) -> list[Report]:
        self.venue.on_tick(Mark(SYMBOL, self.step(), price))
        return self.poll()

    def index(self, price: int) -> list[Report]:
        self.venue.on_tick(Index(SYMBOL, self.step(), price))
        return self.poll()

    def hold(self, quantity: int, price: int = 100) -> None:
        """Give the account a position, and forget that it was told."""
        self.venue.outside_trade(ACCOUNT, SYMBOL, quantity, price, self.step())
        self.venue.poll(self.at)

    @property
    def position(self) -> int:
        return self.venue.position(ACCOUNT, SYMBOL).quantity


def told(reports: Iterable[Report]) -> list[str]:
    """Reports as a story: one short line each."""
    return [_line(report) for report in reports]


def _line(report: Report) -> str:
    name = type(report).__name__
    match report:
        case Filled():
            done = report.execution
            return f"{name} {report.client_id} {done.quantity} @ {done.price}"
        case Canceled():
            return f"{name} {report.client_id} {report.reason.value} cum {report.cum_quantity}"
        case Rejected():
            return f"{name} {report.client_id} {report.code.value}"
    code = getattr(report, "code", None)
    words = [name, getattr(report, "client_id", ""), "" if code is None else code.value]
    return " ".join(word for word in words if word)
