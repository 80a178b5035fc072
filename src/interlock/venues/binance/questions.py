"""Questions to the exchange: what became of an order, what is open, what has filled, what is held.

Decides what an answer proves. Invariant: an absence is believed only after every place has been
looked in, and a read that failed or is incomplete reports nothing at all (VENUES 6.1 C2).
"""

import asyncio
from typing import Any, Final

from interlock.orders.reports import (
    Balance,
    BalancesTold,
    CancelReason,
    Execution,
    Filled,
    FillsTold,
    OpenOrder,
    OpenOrders,
    OrderStatus,
    VenueReject,
    VenueStatus,
)
from interlock.orders.requests import (
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryPosition,
    QueryVenueOrder,
)
from interlock.venues.binance import events
from interlock.venues.binance.account import Account, Known
from interlock.venues.binance.answers import Failure, reject_of
from interlock.venues.binance.budget import Priority
from interlock.venues.binance.params import symbol_of

PAUSE_S, PAUSE_S_MAX = 0.1, 2.0
"""Between two attempts to read what became of an order."""
TRADES_MAX: Final = 1_000
ACCOUNT_WEIGHT: Final = 5
AGREE_MS: Final = 500
"""Clocks that differ by less are taken for one: what was measured is the wire as much."""
TRADES_SINCE_MS_MAX: Final = 6 * 24 * 3_600_000
"""The exchange tells trades of at most seven days at a time."""

ORDER_STATUS: Final = {
    "NEW": VenueStatus.WORKING,
    "PENDING_NEW": VenueStatus.WORKING,
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


Question = QueryVenueOrder | QueryOpenOrders | QueryFills | QueryPosition | QueryBalances


class Questions:
    """Of one account. Positions and margin are USD-M's: a market that has none overrides them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tell = account.tell
        self._now = account.now
        self._grids = account.grids
        self._ids = account.ids
        self._known = account.known
        self._quotes = account.quotes
        self._wording = account.wording
        self._read_whole = False

    async def ask(self, question: Question) -> None:
        """Ask, and report. Never raises for what the exchange or the network does."""
        match question:
            case QueryVenueOrder():
                await self._query(question)
            case QueryOpenOrders():
                await self._query_open()
            case QueryFills():
                await self._query_fills(question)
            case QueryPosition():
                await self._query_position(question.instrument)
            case QueryBalances() if question.account == self._account.label:
                await self._query_balances()

    async def _query(self, request: QueryVenueOrder) -> None:
        """What cannot be read is read again after a pause, until somebody asks anew."""
        asking, pause = self._account.asking, PAUSE_S
        asking[request.client_id] = request
        while (status := await self._looked_up(request)) is None:
            await asyncio.sleep(pause)
            pause = min(PAUSE_S_MAX, 2 * pause)
            if self._account.calls.over or asking.get(request.client_id) is not request:
                return
        if asking.get(request.client_id) is request:
            del asking[request.client_id]
        self._tell(status)

    async def _looked_up(self, request: QueryVenueOrder) -> OrderStatus | None:
        """What became of an order; nothing when that could not be read to the end."""
        as_of, symbol = self._now(), symbol_of(request.instrument)
        written = self._ids.theirs(request.client_id)
        order = await self._read("order", {"symbol": symbol, "origClientOrderId": written})
        if order is None:
            return None
        if isinstance(order, Failure) and not self._wording.algos:
            return await self._absent(request, symbol, written, as_of)
        if isinstance(order, Failure):
            algo = await self._read("algoOrder", {"symbol": symbol, "clientAlgoId": written})
            if algo is None:
                return None
            if isinstance(algo, Failure):
                return await self._absent(request, symbol, written, as_of)
            if algo["algoStatus"] in ALGO_STATUS:
                return self._algo_status(request, algo, as_of)
            number = {"symbol": symbol, "orderId": algo["actualOrderId"]}
            order = await self._read("order", number)
            if order is None or isinstance(order, Failure):
                return None
        fills = await self._fills(symbol, order)
        return None if fills is None else self._order_status(request, order, fills, as_of)

    async def _absent(
        self, request: QueryVenueOrder, symbol: str, written: str, as_of: int
    ) -> OrderStatus | None:
        if not await self._is_nowhere(symbol, written):
            return None
        status = VenueStatus.NOT_FOUND
        return OrderStatus(self._now(), request.client_id, request.request, status, as_of)

    async def _read(
        self, path: str, asked: dict[str, Any], weight: int | None = None
    ) -> Any | Failure | None:
        """An answer, a documented *there is none*, or nothing for everything else."""
        cost = self._wording.order_weight if weight is None else weight
        found = await self._account.ask("GET", path, asked, cost, Priority.PROTECTIVE)
        if isinstance(found, Failure) and reject_of(found) is not VenueReject.UNKNOWN_ORDER:
            return None
        return found

    async def _is_nowhere(self, symbol: str, written: str) -> bool:
        """The second look: no family's open orders know it."""
        for family in self._wording.families:
            asked, weight = {"symbol": symbol}, self._wording.open_weight
            found = await self._read(family.open_path, asked, weight)
            if not isinstance(found, list) or any(one[family.id_name] == written for one in found):
                return False
        return True

    async def _fills(self, symbol: str, order: dict[str, Any]) -> tuple[Execution, ...] | None:
        """Every fill of an order, if they add up to what it says has filled."""
        grid = self._grids[symbol]
        filled = events.units(grid, order["executedQty"])
        if not filled:
            return ()
        asked = {"symbol": symbol, "orderId": order["orderId"]}
        path, weight = self._wording.trades, self._wording.trades_weight
        found = await self._account.ask("GET", path, asked, weight, Priority.PROTECTIVE)
        if not isinstance(found, list):
            return None
        fills = tuple(events.execution(grid, self._quotes[symbol], one) for one in found)
        return fills if sum(fill.quantity for fill in fills) == filled else None

    def _order_status(
        self,
        request: QueryVenueOrder,
        order: dict[str, Any],
        fills: tuple[Execution, ...],
        as_of: int,
    ) -> OrderStatus:
        grid = self._grids[symbol_of(request.instrument)]
        status = ORDER_STATUS[order["status"]]
        if order.get("expiryReason") in events.FOR_ITS_LIST:
            status = VenueStatus.CANCELED
        price = events.price(grid, order["price"]) or None
        side = 1 if order["side"] == "BUY" else -1
        known = Known(False, side, price, list_id=int(order.get("orderListId", -1)))
        self._remember(request.client_id, status, known)
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
            self._ended_by(order, status),
        )

    def _ended_by(self, order: dict[str, Any], status: VenueStatus) -> CancelReason | None:
        if status is not VenueStatus.CANCELED:
            return None
        fired = self._account.fired(order["symbol"], int(order["updateTime"]))
        return CancelReason.COUNTDOWN if fired else None

    def _algo_status(
        self, request: QueryVenueOrder, algo: dict[str, Any], as_of: int
    ) -> OrderStatus:
        grid = self._grids[symbol_of(request.instrument)]
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
            self._known.pop(client_id, None)
        elif client_id in self._known:
            before = self._known[client_id]
            known.canceling, known.told = before.canceling, before.told
            self._known[client_id] = known
        else:
            self._known[client_id] = known

    async def _query_open(self) -> None:
        """Every family, of all symbols: an order of ours may be of one that is traded no more."""
        as_of, found, complete = self._now(), [], True
        weight = self._wording.all_open_weight
        for family in self._wording.families:
            path, name, size = family.open_path, family.id_name, family.size_name
            listed = await self._account.ask("GET", path, {}, weight, Priority.QUESTION)
            if not isinstance(listed, list):
                complete = False
                continue
            for one in listed:
                client_id, grid = (
                    self._ids.ours(one[name]),
                    self._grids.get(one["symbol"]),
                )
                if client_id is None or grid is None:
                    continue
                cum = events.units(grid, one.get("executedQty", "0"))
                quantity = events.units(grid, one[size])
                instrument = f"{one['symbol']}.{self._account.name}"
                found.append(OpenOrder(client_id, self._account.label, instrument, quantity, cum))
        self._tell(OpenOrders(self._now(), self._account.name, as_of, tuple(found), complete))

    async def _query_fills(self, request: QueryFills) -> None:
        """Trades are told by order number; whose each order is, is asked once."""
        until, whole = self._now(), True
        for symbol, grid in self._grids.items():
            for trade in await self._trades(symbol, request.since // 1_000_000) or ():
                client_id = await self._whose(symbol, str(trade["orderId"]))
                if client_id is None:
                    whole = False
                elif client_id:
                    fill = events.execution(grid, self._quotes[symbol], trade)
                    self._tell(Filled(self._now(), client_id, fill))
            whole = whole and self._read_whole
        if whole:
            self._tell(FillsTold(self._now(), self._account.name, until))

    async def _trades(self, symbol: str, since_ms: int) -> list[dict[str, Any]]:
        """Every trade on the account since then; ``_read_whole`` says whether that is all."""
        found: list[dict[str, Any]] = []
        self._read_whole = False
        asked: dict[str, Any] = {"symbol": symbol, "limit": TRADES_MAX}
        since_ms = max(since_ms, self._now() // 1_000_000 - TRADES_SINCE_MS_MAX)
        behind_ms = -self._account.calls.ahead_ms
        asked["startTime"] = since_ms - (behind_ms if behind_ms > AGREE_MS else 0)
        while True:
            path, weight = self._wording.trades, self._wording.trades_weight
            some = await self._account.ask("GET", path, asked, weight, Priority.QUESTION)
            if not isinstance(some, list):
                return found
            found += some
            if len(some) < TRADES_MAX:
                self._read_whole = True
                return found
            asked = {"symbol": symbol, "limit": TRADES_MAX, "fromId": some[-1]["id"] + 1}

    async def _whose(self, symbol: str, number: str) -> str | None:
        """Our id of an order, empty when it is not ours; nothing when that cannot be read."""
        if number not in self._account.numbers:
            asked, weight = {"symbol": symbol, "orderId": number}, self._wording.order_weight
            found = await self._account.ask("GET", "order", asked, weight, Priority.QUESTION)
            if not isinstance(found, dict):
                return None
            self._account.note(number, found["clientOrderId"])
        return self._account.numbers[number]

    async def _query_position(self, instrument: str) -> None:
        as_of, symbol = self._now(), symbol_of(instrument)
        found = await self._account.ask(
            *("GET", "positionRisk", {"symbol": symbol}, 5, Priority.QUESTION),
            api="fapiPrivateV2",
        )
        if not isinstance(found, list):
            return  # nothing is concluded from it; it is asked again
        for report in events.of_positions(
            self._account.label,
            self._account.name,
            self._grids,
            found,
            self._now(),
            as_of,
        ):
            self._tell(report)

    async def _query_balances(self) -> None:
        as_of, weight = self._now(), ACCOUNT_WEIGHT
        priority, api = Priority.QUESTION, "fapiPrivateV3"
        found = await self._account.ask("GET", "account", {}, weight, priority, api=api)
        if isinstance(found, dict):
            self._tell_balances(as_of, [margin_balance(one) for one in found["assets"]])

    def _tell_balances(self, as_of: int, balances: list[Balance]) -> None:
        name, label = self._account.name, self._account.label
        self._tell(BalancesTold(self._now(), name, label, as_of, tuple(balances)))


def margin_balance(told: dict[str, Any]) -> Balance:
    """One asset as the exchange tells it, to the digit."""
    return Balance(
        told["asset"],
        told["maxWithdrawAmount"],
        told["initialMargin"],
        told["walletBalance"],
        told["availableBalance"],
        told["maintMargin"],
    )
