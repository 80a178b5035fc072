"""The trading desk of one spot account: single orders, lists, cancels and smaller quantities.

Decides what is asked for and what the answer proves. Invariants: a list is accepted or refused as a
whole; a request whose fate is not proven is reported as unknown.
"""

from typing import Any

from interlock.orders.reports import (
    Acknowledged,
    Amended,
    AmendRefused,
    OutcomeUnknown,
    VenueReject,
)
from interlock.orders.requests import AmendVenueOrder, SubmitVenueList, SubmitVenueOrder
from interlock.venues.binance import spotparams
from interlock.venues.binance.account import Known
from interlock.venues.binance.answers import Failure, Kind, kind_of, reject_of
from interlock.venues.binance.budget import Priority
from interlock.venues.binance.desk import Desk
from interlock.venues.binance.params import symbol_of, validity_ms

AMEND_WEIGHT = 4


class SpotDesk(Desk):
    """Of one account."""

    async def _submit(self, order: SubmitVenueOrder) -> None:
        await self._send((order,), spotparams.unsupported(order), None)

    async def _submit_list(self, request: SubmitVenueList) -> None:
        problem = spotparams.list_problem(request)
        await self._send(request.orders, problem, None if problem else request)

    async def _send(
        self, orders: tuple[SubmitVenueOrder, ...], problem: str, pair: SubmitVenueList | None
    ) -> None:
        """One request for one order or for a list; every outcome is of all of them."""
        first, count = orders[0], len(orders)
        symbol = symbol_of(first.instrument)
        grid = self._grids.get(symbol)
        code = VenueReject.UNSUPPORTED
        if first.account != self._account.label:
            theirs = self._account.label
            problem = f"the credentials of {self._account.name} are of the account {theirs!r}"
        elif grid is None:
            code = VenueReject.UNKNOWN_INSTRUMENT
            problem = f"{symbol} is not among the symbols traded here"
        if grid is None or problem:
            for order in orders:
                self._reject(order, code, problem)
            return
        priority = Priority.PROTECTIVE if first.protective else Priority.ENTRY
        until = self._account.steady() + self._account.window_s(first.valid_until)
        if not await self._budget.take(count, count, priority, until):
            for order in orders:
                wait_s = self._budget.wait_s(count, count, priority)
                self._later(order, wait_s, "no request is left in budget")
            return
        names = [self._ids.theirs(order.client_id) for order in orders]
        if pair is None:
            path, asked = "order", spotparams.of_submit(first, grid, names[0], self._now())
        else:
            written = self._ids.theirs(pair.list_id), *names
            path = spotparams.list_path(pair)
            asked = spotparams.of_list(pair, grid, written, self._now())
        if asked["recvWindow"] <= 0:
            for order in orders:
                detail = "its validity was over before it was sent"
                self._reject(order, VenueReject.TOO_LATE, detail)
            return
        for order in orders:
            self._known[order.client_id] = Known(False, order.side, order.price)
        found = await self._account.calls.ask("POST", path, asked, self._account.wording.api)
        if isinstance(found, Failure):
            for order in orders:
                self._submit_failed(order, found)
            return
        numbers = {one["clientOrderId"]: one for one in found.get("orders", (found,))}
        for order, name in zip(orders, names, strict=True):
            known = self._known.get(order.client_id)
            if known is not None:
                known.list_id = int(found.get("orderListId", -1))
            self._tell(Acknowledged(self._now(), order.client_id, str(numbers[name]["orderId"])))

    async def _amend(self, request: AmendVenueOrder) -> None:
        """A smaller quantity in place is all that there is (VENUES 1.7); the engine knows."""
        symbol = symbol_of(request.instrument)
        grid, written = self._grids[symbol], self._ids.theirs(request.client_id)
        asked: dict[str, Any] = {
            "symbol": symbol,
            "origClientOrderId": written,
            "newClientOrderId": written,  # without it the order would get another one
            "newQty": grid.quantity_text(request.quantity),
            "recvWindow": validity_ms(request.valid_until, self._now()),
        }
        if asked["recvWindow"] <= 0:
            self._refuse_amend(request, VenueReject.TOO_LATE, "its validity was over")
            return
        self._account.amending[request.client_id] = request.quantity
        window = self._account.window_s(request.valid_until)
        path = "order/amend/keepPriority"
        found = await self._account.ask(
            "PUT", path, asked, AMEND_WEIGHT, Priority.PROTECTIVE, 0, window
        )
        now, name = self._now(), request.client_id
        if found is None:
            self._refuse_amend(request, VenueReject.RATE_LIMITED, "no request is left in budget")
        elif not isinstance(found, Failure):
            shown = request.price, request.trigger_price
            self._tell(Amended(now, name, request.quantity, *shown, request.request))
        elif kind_of(found) is Kind.UNKNOWN:
            self._tell(OutcomeUnknown(now, name, found.detail))
        else:
            code = reject_of(found)
            self._tell(AmendRefused(now, name, request.request, code, found.detail))
