"""The trading desk of one account: submits, cancels and amends, and what became of them.

Decides in which order families are tried, and what an answer proves. Invariant: a request whose
fate is not proven is reported as unknown, never as refused and never as done (I6).
"""

from typing import Final

from interlock.orders.reports import (
    Acknowledged,
    Amended,
    AmendRefused,
    Canceled,
    CancelReason,
    CancelRefused,
    OutcomeUnknown,
    Rejected,
    VenueReject,
)
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    SubmitVenueList,
    SubmitVenueOrder,
)
from interlock.venues.binance import events, params
from interlock.venues.binance.account import SECOND_NS, Account, Known
from interlock.venues.binance.answers import Failure, Kind, kind_of, reject_of
from interlock.venues.binance.budget import Priority
from interlock.venues.binance.params import symbol_of

FOK_UNFILLED: Final = -5021
TRIGGERING: Final = -4117

Doing = SubmitVenueOrder | SubmitVenueList | CancelVenueOrder | AmendVenueOrder


class Desk:
    """Of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tell = account.tell
        self._now = account.now
        self._grids = account.grids
        self._ids = account.ids
        self._known = account.known
        self._budget = account.budget

    async def carry_out(self, request: Doing) -> None:
        """Ask, and report. Never raises for what the exchange or the network does."""
        match request:
            case SubmitVenueOrder():
                await self._submit(request)
            case SubmitVenueList():
                await self._submit_list(request)
            case CancelVenueOrder():
                await self._cancel(request)
            case AmendVenueOrder():
                await self._amend(request)

    # Submits

    async def _submit(self, order: SubmitVenueOrder) -> None:
        symbol = symbol_of(order.instrument)
        grid = self._grids.get(symbol)
        problem = params.unsupported(order)
        if order.account != self._account.label:
            theirs = self._account.label
            problem = f"the credentials of {self._account.name} are of the account {theirs!r}"
        if grid is None or problem:
            code = VenueReject.UNKNOWN_INSTRUMENT if grid is None else VenueReject.UNSUPPORTED
            self._reject(order, code, problem or f"{symbol} is not among the symbols traded here")
            return
        conditional = order.order_type in params.STOPS
        priority = Priority.PROTECTIVE if order.protective else Priority.ENTRY
        if not await self._budget.take(
            0, 1, priority, self._account.steady() + self._account.window_s(order.valid_until)
        ):
            self._later(order, self._budget.wait_s(0, 1, priority), "no request is left in budget")
            return
        written, ahead_ms = self._ids.theirs(order.client_id), self._account.calls.ahead_ms
        asked = params.of_submit(order, grid, written, self._now(), ahead_ms)
        if asked["recvWindow"] <= 0:
            self._reject(order, VenueReject.TOO_LATE, "its validity was over before it was sent")
            return
        self._known[order.client_id] = Known(conditional, order.side, order.price)
        path = "algoOrder" if conditional else "order"
        found = await self._account.calls.ask("POST", path, asked)
        if not isinstance(found, Failure):
            venue_id = str(found["algoId"] if conditional else found["orderId"])
            self._tell(Acknowledged(self._now(), order.client_id, venue_id))
            return
        self._submit_failed(order, found)

    async def _submit_list(self, request: SubmitVenueList) -> None:
        for order in request.orders:
            self._reject(order, VenueReject.UNSUPPORTED, "order lists are not accepted here")

    def _submit_failed(self, order: SubmitVenueOrder, failure: Failure) -> None:
        self._account.heed(failure)
        match kind_of(failure):
            case Kind.UNKNOWN:
                self._tell(OutcomeUnknown(self._now(), order.client_id, failure.detail))
                return
            case Kind.LATER:
                self._later(order, self._budget.blocked_s, failure.detail)
                return
        if failure.code == FOK_UNFILLED:
            self._known.pop(order.client_id, None)
            reason = CancelReason.IMMEDIATE
            self._tell(Canceled(self._now(), order.client_id, 0, reason))
            return
        code = reject_of(failure)
        least = self._grids[symbol_of(order.instrument)].min_quantity
        if code is VenueReject.OFF_INCREMENT and order.quantity < least:
            code = VenueReject.BELOW_MINIMUM  # LOT_SIZE is the filter of both
        self._reject(order, code, failure.detail)

    def _later(self, order: SubmitVenueOrder, wait_s: float, detail: str) -> None:
        self._known.pop(order.client_id, None)
        now = self._now()
        retry_at = now + int(wait_s * SECOND_NS)
        code = VenueReject.RATE_LIMITED
        self._tell(Rejected(now, order.client_id, code, detail, retry_at))

    def _reject(self, order: SubmitVenueOrder, code: VenueReject, detail: str) -> None:
        if code is not VenueReject.DUPLICATE_CLIENT_ID:  # that one says that it is there
            self._known.pop(order.client_id, None)
        self._tell(Rejected(self._now(), order.client_id, code, detail))

    # Cancels and amends

    async def _cancel(self, request: CancelVenueOrder) -> None:
        known = self._known.get(request.client_id)
        if known is not None:
            known.canceling = True
            self._account.ending.add(known.list_id)
        symbol, written = symbol_of(request.instrument), self._ids.theirs(request.client_id)
        either = self._account.wording.algos and (known is None or known.conditional)
        families = (True, False) if either else (False,)
        for conditional in families:
            path = "algoOrder" if conditional else "order"
            asked = {"clientAlgoId": written} if conditional else {"origClientOrderId": written}
            found = await self._account.ask(
                "DELETE", path, {"symbol": symbol, **asked}, 1, Priority.PROTECTIVE
            )
            if found is None:
                self._refuse_cancel(request, VenueReject.RATE_LIMITED)
                return
            if not isinstance(found, Failure):
                self._account.ending.add(int(found.get("orderListId", -1)))
                filled = "0" if conditional else found.get("executedQty", "0")
                cum = events.units(self._grids[symbol], filled)
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
        known = self._known.get(request.client_id)
        price = request.price if known is None or request.price is not None else known.price
        if known is None or price is None:
            code = VenueReject.UNKNOWN_ORDER if known is None else VenueReject.UNSUPPORTED
            self._refuse_amend(request, code, "its terms are not known here")
            return
        grid = self._grids[symbol_of(request.instrument)]
        written = self._ids.theirs(request.client_id)
        asked = params.of_amend(request, grid, written, known.side, price, self._now())
        if asked["recvWindow"] <= 0:
            self._refuse_amend(request, VenueReject.TOO_LATE, "its validity was over")
            return
        known.amending = request.quantity, price
        window = self._account.window_s(request.valid_until)
        found = await self._account.ask("PUT", "order", asked, 1, Priority.PROTECTIVE, 1, window)
        if found is None:
            self._refuse_amend(request, VenueReject.RATE_LIMITED, "no request is left in budget")
            return
        if not isinstance(found, Failure) or kind_of(found) is Kind.NOTHING:
            known.price = price
            amended = Amended(
                self._now(),
                request.client_id,
                request.quantity,
                price,
                None,
                request.request,
            )
            self._tell(amended)
            return
        if kind_of(found) is Kind.UNKNOWN:
            self._tell(OutcomeUnknown(self._now(), request.client_id, found.detail))
            return
        self._refuse_amend(request, reject_of(found), found.detail)

    def _refuse_amend(self, request: AmendVenueOrder, code: VenueReject, detail: str) -> None:
        self._tell(AmendRefused(self._now(), request.client_id, request.request, code, detail))
