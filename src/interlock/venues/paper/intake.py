"""Intake: requests at the venue's door, at the instant they arrive.

Decides what becomes of each request. Invariant: a request is answered at most once, and one that
came after its validity has done nothing at all.
"""

from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.orders.instruments import PositionMode
from interlock.orders.legs import PositionSide
from interlock.orders.reports import (
    Acknowledged,
    Amended,
    AmendRefused,
    BalancesTold,
    CancelReason,
    CancelRefused,
    Execution,
    Filled,
    OpenOrder,
    OpenOrders,
    Position,
    Rejected,
    Report,
    VenueReject,
)
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    QueryBalances,
    QueryOpenOrders,
    QueryPosition,
    QueryVenueOrder,
    Request,
    SubmitVenueList,
    SubmitVenueOrder,
    VenueOrderType,
)
from interlock.venues.paper import money, rules
from interlock.venues.paper.book import Market
from interlock.venues.paper.delivery import Outbox
from interlock.venues.paper.faults import Weather
from interlock.venues.paper.ledger import Ledger
from interlock.venues.paper.matching import Matching
from interlock.venues.paper.resting import STOPS, PaperOrder
from interlock.venues.paper.rules import Refusal

LIST_LEN = 2
"""Orders in an order list."""


class Intake:
    """Answers the requests of one exchange."""

    def __init__(
        self,
        name: str,
        capabilities: Capabilities,
        markets: dict[str, Market],
        ledger: Ledger,
        matching: Matching,
        outbox: Outbox,
        weather: Weather,
    ) -> None:
        self._name = name
        self._can = capabilities
        self._markets = markets
        self._ledger = ledger
        self._matching = matching
        self._outbox = outbox
        self._weather = weather
        self._phantoms = 0
        self._muted = False
        self.banned_until = 0

    def _limited(self, at: int) -> bool:
        """Whether this request is one too many."""
        weather = self._weather
        return at < self.banned_until or weather.strikes(weather.faults.rate_limit_permille)

    def receive(self, request: Request, at: int, muted: bool) -> list[PaperOrder]:
        """Carry out a request; gives the orders that were accepted. ``muted``: no answer."""
        self._muted = muted
        match request:
            case SubmitVenueOrder():
                return self._submit((request,), None, at)
            case SubmitVenueList():
                return self._submit(request.orders, request, at)
            case CancelVenueOrder():
                self._cancel(request, at)
            case AmendVenueOrder():
                self._amend_requested(request, at)
            case _ if at < self.banned_until:  # a question
                pass
            case QueryVenueOrder():
                behind_ns = self._weather.lag()
                status = self._ledger.status(request.client_id, request.request, at, behind_ns)
                self._outbox.answer(status, at)
            case QueryOpenOrders():
                self._outbox.answer(self._open_orders(at), at)
            case QueryPosition():
                for position in self.positions(request.account, request.instrument, at):
                    self._outbox.answer(position, at)
            case QueryBalances():
                self._outbox.answer(self._balances(request.account, at), at)
        return []

    def _balances(self, account: str, at: int) -> BalancesTold:
        held = money.balances(account, self._markets, self._ledger.accounts.positions())
        return BalancesTold(at, self._name, account, at, held)

    def positions(self, account: str, instrument: str, at: int) -> list[Position]:
        """The account's position; in hedge mode one for each side."""
        market = self._markets.get(instrument)
        sides: tuple[PositionSide | None, ...] = (None,)
        hedge = PositionMode.HEDGE
        if market is not None and market.grid.instrument.position_mode is hedge:
            sides = (PositionSide.LONG, PositionSide.SHORT)
        accounts = self._ledger.accounts
        return [
            Position(
                at, account, instrument, accounts.quantity((account, instrument, side)), at, side
            )
            for side in sides
        ]

    def _open_orders(self, at: int) -> OpenOrders:
        orders = tuple(
            OpenOrder(o.client_id, o.submit.account, o.submit.instrument, o.quantity, o.cum)
            for o in self._ledger.open.values()
        )
        return OpenOrders(at, self._name, at, orders)

    def _tell(self, report: Report, at: int) -> None:
        if not self._muted:
            self._outbox.tell(report, at)

    def _answer(self, report: Report, at: int) -> None:
        if not self._muted:
            self._outbox.answer(report, at)

    # Submits

    def _submit(
        self, submits: tuple[SubmitVenueOrder, ...], listed: SubmitVenueList | None, at: int
    ) -> list[PaperOrder]:
        weather = self._weather
        # Ids first: a request that repeats one must not be told that no order exists under it.
        if any(self._known(submit.client_id) for submit in submits):
            known = (VenueReject.DUPLICATE_CLIENT_ID, "this client id has been used")
            self._reject(submits, known, at)
            return []
        if any(at > submit.valid_until for submit in submits):
            self._reject(submits, (VenueReject.TOO_LATE, "it arrived after its validity"), at)
            return []
        if self._limited(at):
            retry_at = max(at + weather.faults.retry_after_ns, self.banned_until)
            self._reject(submits, (VenueReject.RATE_LIMITED, "too many requests"), at, retry_at)
            return []
        refusal = self._refusal(submits, listed)
        if refusal is None and weather.strikes(weather.faults.reject_permille):
            refusal = VenueReject.INSUFFICIENT_MARGIN, "the account cannot carry this order"
        if refusal is not None:
            for submit in submits:
                self._ledger.refuse(submit)
            self._reject(submits, refusal, at)
            return []
        return self._accept(submits, listed is not None and listed.releases, at)

    def _known(self, client_id: str) -> bool:
        order = self._ledger.by_client.get(client_id)
        match self._can.id_promise:
            case IdPromise.UNIQUE_FOR_EVER:
                return order is not None or client_id in self._ledger.refused
            case IdPromise.UNIQUE_WHILE_OPEN:
                return order is not None and order.open
        return False

    def _refusal(
        self, submits: tuple[SubmitVenueOrder, ...], listed: SubmitVenueList | None
    ) -> Refusal | None:
        for place, submit in enumerate(submits):
            market = self._markets.get(submit.instrument)
            if market is None:
                return VenueReject.UNKNOWN_INSTRUMENT, f"{submit.instrument} is not traded here"
            if listed is not None and listed.releases and place:
                refusal = rules.waiting_refusal(submit, market, self._can)
            else:
                refusal = self._now_refusal(submit, market)
            if refusal is not None:
                return refusal
        return self._list_refusal(listed) if listed is not None else None

    def _now_refusal(self, submit: SubmitVenueOrder, market: Market) -> Refusal | None:
        return rules.submit_refusal(submit, market, self._can, self._ledger.position(submit))

    def _list_refusal(self, listed: SubmitVenueList) -> Refusal | None:
        submits, first = listed.orders, listed.orders[0]
        if not (self._can.native_oto if listed.releases else self._can.native_oco):
            return VenueReject.UNSUPPORTED, "such order lists are not accepted here"
        alike = all((s.account, s.instrument) == (first.account, first.instrument) for s in submits)
        if self._can.conditional_ids and any(s.order_type in STOPS for s in submits):
            return VenueReject.UNSUPPORTED, "conditional orders are not listed with others"
        distinct = len({s.client_id for s in submits}) == len(submits)
        if listed.releases:
            rests = first.order_type is VenueOrderType.LIMIT
            away = all(submit.side == -first.side for submit in submits[1:])
            if len(submits) not in (LIST_LEN, LIST_LEN + 1) or not (rests and away and alike):
                return VenueReject.UNSUPPORTED, "a list is a limit entry, and one or two exits"
        elif len(submits) != LIST_LEN or not alike:
            return VenueReject.UNSUPPORTED, "a list is two orders of one account and instrument"
        return None if distinct else (VenueReject.UNSUPPORTED, "each order has an id of its own")

    def _reject(
        self,
        submits: tuple[SubmitVenueOrder, ...],
        refusal: Refusal,
        at: int,
        retry_at: int | None = None,
    ) -> None:
        code, detail = refusal
        for submit in submits:
            self._tell(Rejected(at, submit.client_id, code, detail, retry_at), at)

    def _accept(
        self, submits: tuple[SubmitVenueOrder, ...], releases: bool, at: int
    ) -> list[PaperOrder]:
        ledger = self._ledger
        orders = [ledger.accept(s, self._markets[s.instrument], at) for s in submits]
        waiting = orders[1:] if releases else []
        pair = waiting if releases else orders
        if len(pair) == LIST_LEN:
            pair[0].sibling, pair[1].sibling = pair[1], pair[0]
        for order in waiting:
            order.pending, order.waits_for = True, orders[0]
        orders[0].releases = tuple(waiting)
        for order in orders:
            self._tell(Acknowledged(at, order.client_id, order.venue_id), at)
        for order in orders:
            if order.open and not order.pending and order not in ledger.released:
                self._matching.enter(order, at)
                self._haunt(order, at)
        return orders

    def enter_released(self, at: int) -> None:
        """What complete fills have released meets the market, or is refused by it."""
        released = self._ledger.released
        while released:
            order = released.pop(0)
            if not order.open:
                continue
            refusal = self._now_refusal(order.submit, order.market)
            if refusal is not None:
                self._ledger.reject(order, *refusal, at)
            else:
                self._matching.enter(order, at)
                self._haunt(order, at)

    def _haunt(self, order: PaperOrder, at: int) -> None:
        """The phantom fill: told for a resting limit, and unknown to every book of the venue."""
        weather = self._weather
        if not order.rests_as_limit:
            return
        if weather.strikes(weather.faults.phantom_fill_permille):
            assert order.price is not None, order
            self._phantoms += 1
            quantity = weather.up_to(order.leaves)
            fee = order.market.grid.fee(order.price, quantity, True)
            exec_id = f"{self._name}-x{self._phantoms}"
            execution = Execution(exec_id, quantity, order.price, fee, True)
            self._outbox.tell(Filled(at, order.client_id, execution), at)

    # Cancels

    def _cancel(self, request: CancelVenueOrder, at: int) -> None:
        weather, ledger = self._weather, self._ledger
        faults = weather.faults
        if self._limited(at):
            self._refuse_cancel(request, VenueReject.RATE_LIMITED, at)
            return
        order = ledger.by_client.get(request.client_id)
        if order is None:
            self._refuse_cancel(request, VenueReject.UNKNOWN_ORDER, at)
            return
        if not order.open:
            self._refuse_cancel(request, VenueReject.ALREADY_DONE, at)
            return
        if order.rests_as_limit and order.price is not None and ledger.fillable(order) > 0:
            if weather.strikes(faults.cancel_refused_filled_permille):
                ledger.fill(order, order.leaves, order.price, True, at)
                self._refuse_cancel(request, VenueReject.ALREADY_DONE, at)
                return
            if weather.strikes(faults.late_fill_after_cancel_permille):
                quantity = weather.up_to(ledger.fillable(order))
                late = weather.up_to(faults.late_fill_max_ns)
                ledger.fill_before_cancel(order, quantity, at, late, self._muted)
                return
        ledger.cancel(order, CancelReason.REQUESTED, at, quietly=self._muted)

    def _refuse_cancel(self, request: CancelVenueOrder, code: VenueReject, at: int) -> None:
        self._answer(CancelRefused(at, request.client_id, request.request, code), at)

    # Amends

    def _amend_requested(self, request: AmendVenueOrder, at: int) -> None:
        order = self._ledger.by_client.get(request.client_id)
        refusal = self._amend_refusal(request, order, at)
        if refusal is not None:
            code, detail = refusal
            refused = AmendRefused(at, request.client_id, request.request, code, detail)
            self._answer(refused, at)
            return
        assert order is not None, request
        if request.quantity <= order.cum:
            self._ledger.cancel(order, CancelReason.REQUESTED, at, quietly=self._muted)
            return
        self.amend(
            order, request.quantity, request.price, request.trigger_price, request.request, at
        )

    def _amend_refusal(
        self, request: AmendVenueOrder, order: PaperOrder | None, at: int
    ) -> Refusal | None:
        if request.valid_until and at > request.valid_until:
            return VenueReject.TOO_LATE, "it arrived after its validity"
        if self._limited(at):
            return VenueReject.RATE_LIMITED, "too many requests"
        if not self._can.native_amend and not self._only_reduces(request, order):
            return VenueReject.UNSUPPORTED, "orders are not amended here; cancel and send anew"
        if order is None:
            return VenueReject.UNKNOWN_ORDER, "no such order"
        if not order.open:
            return VenueReject.ALREADY_DONE, "the order is done"
        if order.market.halted:
            return rules.halted_refusal(order.market)
        if self._can.conditional_ids and not order.triggered:
            return VenueReject.UNSUPPORTED, "conditional orders are not amended; send anew"
        if request.quantity <= order.cum:
            return None
        return self._values_refusal(request, order)

    def _only_reduces(self, request: AmendVenueOrder, order: PaperOrder | None) -> bool:
        """Whether this is all that a venue which only makes quantities smaller would take."""
        if not self._can.native_reduce:
            return False
        if order is None:
            return True
        same = request.price in (None, order.price)
        same = same and request.trigger_price in (None, order.trigger_price)
        return same and order.cum < request.quantity < order.quantity

    def _values_refusal(self, request: AmendVenueOrder, order: PaperOrder) -> Refusal | None:
        submit, market, quantity = order.submit, order.market, request.quantity
        price = order.price if request.price is None else request.price
        trigger = order.trigger_price if request.trigger_price is None else request.trigger_price
        if order.price is None and request.price is not None:
            return VenueReject.OFF_INCREMENT, "this order has no limit price"
        waits = not order.triggered
        if not waits and request.trigger_price not in (None, order.trigger_price):
            return VenueReject.OFF_INCREMENT, "this order waits for no trigger"
        refusal = rules.number_refusal(submit, market, quantity, price, trigger)
        refusal = refusal or rules.price_refusal(submit, market, quantity, price, trigger)
        if refusal is None and waits:
            refusal = rules.trigger_refusal(submit, market, trigger)
        if refusal is None and not waits and price != order.price:
            refusal = rules.cross_refusal(submit, market, price)
        return refusal

    def amend(
        self,
        order: PaperOrder,
        quantity: int,
        price: int | None,
        trigger_price: int | None,
        request: int | None,
        at: int,
    ) -> None:
        """Change an order in place. A smaller quantity keeps its place; all else loses it."""
        moves = quantity > order.quantity
        moves = moves or (price is not None and price != order.price)
        moves = moves or (trigger_price is not None and trigger_price != order.trigger_price)
        order.quantity = quantity
        self._ledger.changed[order.client_id] = order
        if order.price is not None and price is not None:
            order.price = price
        if order.trigger_price is not None and trigger_price is not None:
            order.trigger_price = trigger_price
        report = Amended(
            at, order.client_id, order.quantity, order.price, order.trigger_price, request
        )
        if request is None:
            self._outbox.tell(report, at)
        else:
            self._tell(report, at)
        if moves and order.ladder is not None:
            order.ladder.remove(order)
            self._ledger.renew(order)
            self._matching.enter(order, at)
