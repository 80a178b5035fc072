"""The trading desk of one account: requests out, and reports of what became of them.

Decides what is asked, in which order, and what an answer proves. Invariants: a request whose fate
is not proven is reported as unknown; an absence is believed only after every place has been looked
in, and a read that failed or is incomplete reports nothing at all (I6, VENUES 6.1 C1 to C3).
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from interlock.orders.grid import Grid
from interlock.orders.reports import (
    Acknowledged,
    Amended,
    AmendRefused,
    Canceled,
    CancelReason,
    CancelRefused,
    Execution,
    OpenOrder,
    OpenOrders,
    OrderStatus,
    OutcomeUnknown,
    Rejected,
    Report,
    VenueReject,
    VenueStatus,
)
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    QueryOpenOrders,
    QueryPosition,
    QueryVenueOrder,
    Request,
    SubmitVenueList,
    SubmitVenueOrder,
)
from interlock.venues.binance import events, params
from interlock.venues.binance.answers import Failure, Kind, kind_of, reject_of
from interlock.venues.binance.budget import Budget, Priority
from interlock.venues.binance.calls import Calls
from interlock.venues.binance.ids import ClientIds
from interlock.venues.binance.params import symbol_of

FOK_UNFILLED: Final = -5021
TRIGGERING: Final = -4117
QUESTION_S_MAX: Final = 10.0
"""A question that cannot leave within this is not asked: it will be again."""
SECOND_NS: Final = 1_000_000_000

ORDER_STATUS: Final = {
    "NEW": VenueStatus.WORKING,
    "PARTIALLY_FILLED": VenueStatus.WORKING,
    "FILLED": VenueStatus.FILLED,
    "CANCELED": VenueStatus.CANCELED,
    "EXPIRED": VenueStatus.EXPIRED,
    "EXPIRED_IN_MATCH": VenueStatus.EXPIRED,
    "REJECTED": VenueStatus.REJECTED,
}
ALGO_STATUS: Final = {
    "NEW": VenueStatus.WORKING,
    "TRIGGERING": VenueStatus.WORKING,
    "CANCELED": VenueStatus.CANCELED,
    "EXPIRED": VenueStatus.EXPIRED,
    "REJECTED": VenueStatus.REJECTED,
}


class Known(Struct):
    """What we know of one of our orders there, while it may be open."""

    conditional: bool
    """It is of the algo family, as far as we know: it may have triggered since."""
    side: int
    price: int | None
    canceling: bool = False
    told: bool = False
    """The user stream has told of it."""


class Desk:
    """One account's orders. ``tell`` hears every report."""

    def __init__(
        self,
        name: str,
        account: str,
        calls: Calls,
        budget: Budget,
        ids: ClientIds,
        now: Callable[[], int],
        tell: Callable[[Report], None],
    ) -> None:
        self._name = name
        self._account = account
        self._calls = calls
        self._budget = budget
        self._ids = ids
        self._now = now
        self._tell = tell
        self.grids: dict[str, Grid] = {}
        """By the exchange's symbol."""
        self.quotes: dict[str, str] = {}
        """The asset that each symbol's money is in."""
        self.known: dict[str, Known] = {}
        """By our client id."""
        self.clock_is_off: Callable[[], None] = lambda: None
        self._steady = asyncio.get_running_loop().time

    async def carry_out(self, request: Request) -> None:
        """Ask, and report. Never raises for what the exchange or the network does."""
        match request:
            case SubmitVenueOrder():
                await self._submit(request)
            case SubmitVenueList():
                for order in request.orders:
                    rule = "order lists are not accepted here"
                    self._reject(order, VenueReject.UNSUPPORTED, rule)
            case CancelVenueOrder():
                await self._cancel(request)
            case AmendVenueOrder():
                await self._amend(request)
            case QueryVenueOrder():
                await self._query(request)
            case QueryOpenOrders():
                await self._query_open()
            case QueryPosition():
                await self._query_position(request.instrument)

    # Asking

    async def _ask(
        self,
        method: str,
        path: str,
        asked: dict[str, Any],
        weight: int,
        priority: Priority,
        orders: int = 0,
        within_s: float = QUESTION_S_MAX,
        api: str = "fapiPrivate",
    ) -> Any | Failure | None:
        """The answer, a failure, or nothing when the budget did not let it leave in time."""
        until = self._steady() + within_s
        if not await self._budget.take(weight, orders, priority, until):
            return None
        found = await self._calls.ask(method, path, asked, api)
        if isinstance(found, Failure):
            kind = kind_of(found)
            if kind is Kind.LATER:
                self._budget.block(found.retry_after_s or 1.0)
            elif kind is Kind.CLOCK:
                self.clock_is_off()
        return found

    def _window(self, valid_until: int) -> float:
        return max(0.0, (valid_until - self._now()) / SECOND_NS)

    # Submits

    async def _submit(self, order: SubmitVenueOrder) -> None:
        symbol = symbol_of(order.instrument)
        grid = self.grids.get(symbol)
        problem = params.unsupported(order)
        if order.account != self._account:
            problem = f"the credentials of {self._name} are of the account {self._account!r}"
        if grid is None or problem:
            code = VenueReject.UNKNOWN_INSTRUMENT if grid is None else VenueReject.UNSUPPORTED
            self._reject(order, code, problem or f"{symbol} is not among the symbols traded here")
            return
        conditional = order.order_type in params.STOPS
        priority = Priority.PROTECTIVE if order.protective else Priority.ENTRY
        if not await self._budget.take(
            0, 1, priority, self._steady() + self._window(order.valid_until)
        ):
            self._later(order, self._budget.wait_s(0, 1, priority), "no request is left in budget")
            return
        asked = params.of_submit(order, grid, self._ids.theirs(order.client_id), self._now())
        if asked["recvWindow"] <= 0:
            self._reject(order, VenueReject.TOO_LATE, "its validity was over before it was sent")
            return
        self.known[order.client_id] = Known(conditional, order.side, order.price)
        path = "algoOrder" if conditional else "order"
        found = await self._calls.ask("POST", path, asked)
        if not isinstance(found, Failure):
            venue_id = str(found["algoId"] if conditional else found["orderId"])
            self._tell(Acknowledged(self._now(), order.client_id, venue_id))
            return
        self._submit_failed(order, found)

    def _submit_failed(self, order: SubmitVenueOrder, failure: Failure) -> None:
        match kind_of(failure):
            case Kind.UNKNOWN:
                self._tell(OutcomeUnknown(self._now(), order.client_id, failure.detail))
                return
            case Kind.LATER:
                self._budget.block(failure.retry_after_s or 1.0)
                self._later(order, self._budget.blocked_s, failure.detail)
                return
            case Kind.CLOCK:
                self.clock_is_off()
        if failure.code == FOK_UNFILLED:
            self.known.pop(order.client_id, None)
            reason = CancelReason.IMMEDIATE
            self._tell(Canceled(self._now(), order.client_id, 0, reason))
            return
        self._reject(order, reject_of(failure), failure.detail)

    def _later(self, order: SubmitVenueOrder, wait_s: float, detail: str) -> None:
        self.known.pop(order.client_id, None)
        now = self._now()
        retry_at = now + int(wait_s * SECOND_NS)
        code = VenueReject.RATE_LIMITED
        self._tell(Rejected(now, order.client_id, code, detail, retry_at))

    def _reject(self, order: SubmitVenueOrder, code: VenueReject, detail: str) -> None:
        if code is not VenueReject.DUPLICATE_CLIENT_ID:  # that one says that it is there
            self.known.pop(order.client_id, None)
        self._tell(Rejected(self._now(), order.client_id, code, detail))

    # Cancels and amends

    async def _cancel(self, request: CancelVenueOrder) -> None:
        known = self.known.get(request.client_id)
        if known is not None:
            known.canceling = True
        symbol, written = symbol_of(request.instrument), self._ids.theirs(request.client_id)
        families = (True, False) if known is None or known.conditional else (False,)
        for conditional in families:
            path = "algoOrder" if conditional else "order"
            asked = {"clientAlgoId": written} if conditional else {"origClientOrderId": written}
            found = await self._ask(
                "DELETE", path, {"symbol": symbol, **asked}, 1, Priority.PROTECTIVE
            )
            if found is None:
                self._refuse_cancel(request, VenueReject.RATE_LIMITED)
                return
            if not isinstance(found, Failure):
                filled = "0" if conditional else found.get("executedQty", "0")
                cum = events.units(self.grids[symbol], filled)
                self._tell(Canceled(self._now(), request.client_id, cum))
                return
            kind = kind_of(found)
            if kind is Kind.UNKNOWN:
                self._tell(OutcomeUnknown(self._now(), request.client_id, found.detail))
                return
            if reject_of(found) is not VenueReject.UNKNOWN_ORDER or found.code == TRIGGERING:
                self._refuse_cancel(request, reject_of(found))
                return
        self._refuse_cancel(request, VenueReject.UNKNOWN_ORDER)

    def _refuse_cancel(self, request: CancelVenueOrder, code: VenueReject) -> None:
        self._tell(CancelRefused(self._now(), request.client_id, request.request, code))

    async def _amend(self, request: AmendVenueOrder) -> None:
        known = self.known.get(request.client_id)
        price = request.price if known is None or request.price is not None else known.price
        if known is None or price is None:
            self._refuse_amend(request, VenueReject.UNSUPPORTED, "its price is not known here")
            return
        grid = self.grids[symbol_of(request.instrument)]
        written = self._ids.theirs(request.client_id)
        asked = params.of_amend(request, grid, written, known.side, price, self._now())
        if asked["recvWindow"] <= 0:
            self._refuse_amend(request, VenueReject.TOO_LATE, "its validity was over")
            return
        window = self._window(request.valid_until)
        found = await self._ask("PUT", "order", asked, 1, Priority.PROTECTIVE, 1, window)
        if found is None:
            self._refuse_amend(request, VenueReject.RATE_LIMITED, "no request is left in budget")
            return
        if not isinstance(found, Failure) or kind_of(found) is Kind.NOTHING:
            known.price = price
            amended = Amended(
                self._now(), request.client_id, request.quantity, price, None, request.request
            )
            self._tell(amended)
            return
        if kind_of(found) is Kind.UNKNOWN:
            self._tell(OutcomeUnknown(self._now(), request.client_id, found.detail))
            return
        self._refuse_amend(request, reject_of(found), found.detail)

    def _refuse_amend(self, request: AmendVenueOrder, code: VenueReject, detail: str) -> None:
        self._tell(AmendRefused(self._now(), request.client_id, request.request, code, detail))

    # Questions

    async def _query(self, request: QueryVenueOrder) -> None:
        status = await self._looked_up(request)
        if status is None:
            detail = "it could not be asked about"
            self._tell(OutcomeUnknown(self._now(), request.client_id, detail))
        else:
            self._tell(status)

    async def _looked_up(self, request: QueryVenueOrder) -> OrderStatus | None:
        """What became of an order; nothing when that could not be read to the end."""
        as_of, symbol = self._now(), symbol_of(request.instrument)
        written = self._ids.theirs(request.client_id)
        order = await self._read("order", {"symbol": symbol, "origClientOrderId": written})
        if order is None:
            return None
        if isinstance(order, Failure):
            algo = await self._read("algoOrder", {"symbol": symbol, "clientAlgoId": written})
            if algo is None:
                return None
            if isinstance(algo, Failure):
                gone = await self._is_nowhere(symbol, written)
                status = VenueStatus.NOT_FOUND
                return (
                    OrderStatus(self._now(), request.client_id, request.request, status, as_of)
                    if gone
                    else None
                )
            if algo["algoStatus"] in ALGO_STATUS:
                return self._algo_status(request, algo, as_of)
            number = {"symbol": symbol, "orderId": algo["actualOrderId"]}
            order = await self._read("order", number)
            if order is None or isinstance(order, Failure):
                return None
        fills = await self._fills(symbol, order)
        return None if fills is None else self._order_status(request, order, fills, as_of)

    async def _read(self, path: str, asked: dict[str, Any]) -> Any | Failure | None:
        """An answer, a documented *there is none*, or nothing for everything else."""
        found = await self._ask("GET", path, asked, 1, Priority.PROTECTIVE)
        if isinstance(found, Failure) and reject_of(found) is not VenueReject.UNKNOWN_ORDER:
            return None
        return found

    async def _is_nowhere(self, symbol: str, written: str) -> bool:
        """The second look: neither family's open orders know it."""
        for path, name in (("openOrders", "clientOrderId"), ("openAlgoOrders", "clientAlgoId")):
            found = await self._read(path, {"symbol": symbol})
            if not isinstance(found, list) or any(one[name] == written for one in found):
                return False
        return True

    async def _fills(self, symbol: str, order: dict[str, Any]) -> tuple[Execution, ...] | None:
        """Every fill of an order, if they add up to what it says has filled."""
        grid = self.grids[symbol]
        filled = events.units(grid, order["executedQty"])
        if not filled:
            return ()
        asked = {"symbol": symbol, "orderId": order["orderId"]}
        found = await self._ask("GET", "userTrades", asked, 5, Priority.PROTECTIVE)
        if not isinstance(found, list):
            return None
        fills = tuple(events.execution(grid, self.quotes[symbol], one) for one in found)
        return fills if sum(fill.quantity for fill in fills) == filled else None

    def _order_status(
        self,
        request: QueryVenueOrder,
        order: dict[str, Any],
        fills: tuple[Execution, ...],
        as_of: int,
    ) -> OrderStatus:
        grid = self.grids[symbol_of(request.instrument)]
        status = ORDER_STATUS[order["status"]]
        price = events.price(grid, order["price"]) or None
        side = 1 if order["side"] == "BUY" else -1
        self._remember(request.client_id, status, Known(False, side, price))
        quantity = events.units(grid, order["origQty"])
        return OrderStatus(
            self._now(),
            request.client_id,
            request.request,
            status,
            as_of,
            quantity,
            price,
            events.price(grid, order.get("stopPrice") or "0") or None,
            fills,
        )

    def _algo_status(
        self, request: QueryVenueOrder, algo: dict[str, Any], as_of: int
    ) -> OrderStatus:
        grid = self.grids[symbol_of(request.instrument)]
        status = ALGO_STATUS[algo["algoStatus"]]
        price = events.price(grid, algo["price"]) or None
        side = 1 if algo["side"] == "BUY" else -1
        self._remember(request.client_id, status, Known(True, side, price))
        return OrderStatus(
            self._now(),
            request.client_id,
            request.request,
            status,
            as_of,
            events.units(grid, algo["quantity"]),
            price,
            events.price(grid, algo["triggerPrice"]) or None,
        )

    def _remember(self, client_id: str, status: VenueStatus, known: Known) -> None:
        if status is not VenueStatus.WORKING:
            self.known.pop(client_id, None)
        elif client_id in self.known:
            before = self.known[client_id]
            known.canceling, known.told = before.canceling, before.told
            self.known[client_id] = known
        else:
            self.known[client_id] = known

    async def _query_open(self) -> None:
        """Both families, of all symbols: an order of ours may be of one that is traded no more."""
        as_of, found, complete = self._now(), [], True
        for path, name, size in (
            ("openOrders", "clientOrderId", "origQty"),
            ("openAlgoOrders", "clientAlgoId", "quantity"),
        ):
            listed = await self._ask("GET", path, {}, 40, Priority.QUESTION)
            if not isinstance(listed, list):
                complete = False
                continue
            for one in listed:
                client_id, grid = self._ids.ours(one[name]), self.grids.get(one["symbol"])
                if client_id is None or grid is None:
                    continue
                cum = events.units(grid, one.get("executedQty", "0"))
                quantity = events.units(grid, one[size])
                instrument = f"{one['symbol']}.{self._name}"
                found.append(OpenOrder(client_id, self._account, instrument, quantity, cum))
        self._tell(OpenOrders(self._now(), self._name, as_of, tuple(found), complete))

    async def _query_position(self, instrument: str) -> None:
        as_of, symbol = self._now(), symbol_of(instrument)
        found = await self._ask(
            *("GET", "positionRisk", {"symbol": symbol}, 5, Priority.QUESTION),
            api="fapiPrivateV2",
        )
        if not isinstance(found, list):
            return  # nothing is concluded from it; it is asked again
        for report in events.of_positions(
            self._account, self._name, self.grids, found, self._now(), as_of
        ):
            self._tell(report)
