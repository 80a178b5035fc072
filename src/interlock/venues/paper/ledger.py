"""The ledger: the one place where an order fills or ends, and where that is told.

Decides what a fill and an end entail: position, fee, report, the sibling of an order list.
Invariant: no order fills beyond its quantity, an order that only reduces never opens or flips a
position, and nothing happens to an order after its end.
"""

from msgspec import Struct

from interlock.orders.legs import PositionSide
from interlock.orders.reports import (
    Acknowledged,
    Canceled,
    CancelReason,
    Execution,
    Expired,
    Filled,
    OrderStatus,
    Rejected,
    VenueReject,
    VenueStatus,
)
from interlock.orders.requests import SubmitVenueOrder
from interlock.venues.paper.accounts import Accounts
from interlock.venues.paper.book import Market
from interlock.venues.paper.delivery import Outbox
from interlock.venues.paper.resting import STOPS, PaperOrder
from interlock.venues.paper.rules import only_reduces, reducible


class PaperExecution(Struct, frozen=True):
    """One execution as the venue's own books have it; ``client_id`` is empty for an outsider's."""

    at: int
    client_id: str
    account: str
    instrument: str
    side: int
    position_side: PositionSide | None
    execution: Execution


class Ledger:
    """Orders, executions and accounts of one paper exchange."""

    def __init__(self, name: str, outbox: Outbox, conditional_ids: bool = False) -> None:
        self._name = name
        self._outbox = outbox
        self._conditional_ids = conditional_ids
        self._seq = 0
        self.accounts = Accounts()
        self.executions: list[PaperExecution] = []
        self.by_client: dict[str, PaperOrder] = {}
        self.refused: dict[str, SubmitVenueOrder] = {}
        """Ids the venue has seen and refused; they are spent where ids are unique for ever."""
        self.open: dict[str, PaperOrder] = {}
        """By venue id, in the order of acceptance."""
        self.changed: dict[str, PaperOrder] = {}
        self.newly_refused: dict[str, bool] = {}
        """By client id, since a memory has last written them down."""
        self.released: list[PaperOrder] = []
        """What complete fills have released, until it has entered the market."""

    def accept(self, submit: SubmitVenueOrder, market: Market, at: int) -> PaperOrder:
        self._seq += 1
        waits = self._conditional_ids and submit.order_type in STOPS
        venue_id = f"{self._name}-{'c' if waits else 'o'}{self._seq}"
        order = PaperOrder(submit, market, venue_id, self._seq, at)
        self.refused.pop(submit.client_id, None)
        self.by_client[submit.client_id] = order
        self.open[venue_id] = order
        self.changed[submit.client_id] = order
        market.open_orders += 1
        return order

    def refuse(self, submit: SubmitVenueOrder) -> None:
        """An id that was refused is known from now on."""
        self.refused[submit.client_id] = submit
        self.newly_refused[submit.client_id] = True

    def put_back(self, execution: PaperExecution) -> None:
        """An execution of an earlier life, in its order."""
        self.executions.append(execution)
        key = (execution.account, execution.instrument, execution.position_side)
        of = execution.execution
        self.accounts.trade(key, execution.side * of.quantity, of.price, of.fee)

    def put_back_order(self, order: PaperOrder) -> None:
        number = int(order.venue_id.rpartition("-")[2][1:])
        self._seq = max(self._seq, order.seq, number)
        self.by_client[order.client_id] = order
        if order.open:
            self.open[order.venue_id] = order
            order.market.open_orders += 1

    def trigger(self, order: PaperOrder, at: int, refused: bool) -> bool:
        """A stop has fired. Where conditional orders have ids of their own it is another order
        now, told under the same client id; that order may be refused, and then nothing is left."""
        order.triggered = True
        self.changed[order.client_id] = order
        if self._conditional_ids:
            if refused:
                self._close(order, VenueStatus.REJECTED, at)
                code = VenueReject.INSUFFICIENT_MARGIN
                detail = "refused when it triggered"
                self._outbox.tell(Rejected(at, order.client_id, code, detail), at)
                return False
            del self.open[order.venue_id]
            self._seq += 1
            order.venue_id = f"{self._name}-o{self._seq}"
            self.open[order.venue_id] = order
            self._outbox.tell(Acknowledged(at, order.client_id, order.venue_id), at)
        self.end_sibling(order, at)
        return True

    def position(self, submit: SubmitVenueOrder) -> int:
        return self.accounts.quantity((submit.account, submit.instrument, submit.position_side))

    def fillable(self, order: PaperOrder) -> int:
        """The most an order may fill now."""
        if not only_reduces(order.submit):
            return order.leaves
        return min(order.leaves, reducible(order.side, self.position(order.submit)))

    def fill(
        self, order: PaperOrder, wanted: int, price: int, maker: bool, at: int, late_ns: int = 0
    ) -> int:
        """Fill up to ``wanted`` and tell; what may only reduce is clipped, and ends at flat."""
        assert order.open, order
        quantity = min(wanted, self.fillable(order))
        if quantity > 0:
            self._execute(order, quantity, price, maker, at, late_ns)
            if order.leaves == 0:
                self._close(order, VenueStatus.FILLED, at)
                self._release(order)
            self.end_sibling(order, at)
        if order.open and self.fillable(order) == 0:
            self.cancel(order, CancelReason.REDUCE_ONLY, at)
        return quantity

    def renew(self, order: PaperOrder) -> None:
        """An amended order has lost its place: it is the latest now."""
        self._seq += 1
        order.seq = self._seq
        self.changed[order.client_id] = order

    def fill_before_cancel(
        self, order: PaperOrder, quantity: int, at: int, late_ns: int, quietly: bool
    ) -> None:
        """A fill that beat a cancel but is told after it: the cancel's report knows nothing."""
        known = order.cum
        assert order.price is not None, order
        self._execute(order, quantity, order.price, True, at, late_ns)
        self._close(order, VenueStatus.CANCELED, at)
        if not quietly:
            self._outbox.tell(Canceled(at, order.client_id, known), at)
        self.end_sibling(order, at)

    def cancel(
        self, order: PaperOrder, reason: CancelReason, at: int, quietly: bool = False
    ) -> None:
        self._close(order, VenueStatus.CANCELED, at)
        if not quietly:
            self._outbox.tell(Canceled(at, order.client_id, order.cum, reason), at)
        self.end_sibling(order, at)

    def expire(self, order: PaperOrder, at: int) -> None:
        self._close(order, VenueStatus.EXPIRED, at)
        self._outbox.tell(Expired(at, order.client_id, order.cum), at)
        self.end_sibling(order, at)

    def reject(self, order: PaperOrder, code: VenueReject, detail: str, at: int) -> None:
        """A released order that the market or the account is against by now."""
        self._close(order, VenueStatus.REJECTED, at)
        self._outbox.tell(Rejected(at, order.client_id, code, detail), at)
        self.end_sibling(order, at)

    def _release(self, entry: PaperOrder) -> None:
        for order in entry.releases:
            order.pending, order.waits_for = False, None
            self.changed[order.client_id] = order
        self.released += entry.releases
        entry.releases = ()

    def _end_list(self, order: PaperOrder, at: int) -> None:
        """An entry that ends without a complete fill takes what waits for it, and the other way."""
        entry = order.waits_for or order
        for other in (entry, *entry.releases):
            other.pending, other.waits_for, other.sibling = False, None, None
            self.changed[other.client_id] = other
        listed, entry.releases = (entry, *entry.releases), ()
        for other in listed:
            if other.open:
                self.cancel(other, CancelReason.OCO, at)

    def end_sibling(self, order: PaperOrder, at: int) -> None:
        """One of an order list traded, triggered or ended: the other goes."""
        if not order.open and (order.releases or order.waits_for is not None):
            self._end_list(order, at)
            return
        sibling = order.sibling
        if sibling is None:
            return
        # Unlinked first, or the sibling's own end would come back and end a survivor.
        order.sibling = sibling.sibling = None
        self.changed[sibling.client_id] = sibling
        if sibling.open:
            self.cancel(sibling, CancelReason.OCO, at)

    def status(self, client_id: str, request: int, at: int, behind_ns: int = 0) -> OrderStatus:
        """What the venue's own books have of an order, or had ``behind_ns`` ago."""
        order = self.by_client.get(client_id)
        as_of = at - behind_ns
        if order is not None and order.accepted_at <= as_of:
            return OrderStatus(
                at,
                client_id,
                request,
                order.status if order.ended_at <= as_of else VenueStatus.WORKING,
                as_of,
                order.quantity,
                order.price,
                order.trigger_price,
                tuple(
                    e
                    for e, when in zip(order.fills, order.fill_times, strict=True)
                    if when <= as_of
                ),
            )
        refused = self.refused.get(client_id)
        if refused is None:
            return OrderStatus(at, client_id, request, VenueStatus.NOT_FOUND, as_of)
        return OrderStatus(
            at,
            client_id,
            request,
            VenueStatus.REJECTED,
            at,
            refused.quantity,
            refused.price,
            refused.trigger_price,
        )

    def trade_outside(
        self, key: tuple[str, str, PositionSide | None], signed: int, price: int, at: int
    ) -> None:
        """Somebody else traded on the account; the venue charges no fee here."""
        execution = Execution(self._next_exec_id(), abs(signed), price)
        account, instrument, position_side = key
        side = 1 if signed > 0 else -1
        self.executions.append(
            PaperExecution(at, "", account, instrument, side, position_side, execution)
        )
        self.accounts.trade(key, signed, price, 0)

    def _execute(
        self, order: PaperOrder, quantity: int, price: int, maker: bool, at: int, late_ns: int
    ) -> None:
        submit = order.submit
        assert 0 < quantity <= order.leaves, order
        fee = order.market.grid.fee(price, quantity, maker)
        execution = Execution(self._next_exec_id(), quantity, price, fee, maker)
        self.changed[order.client_id] = order
        order.cum += quantity
        order.fills.append(execution)
        order.fill_times.append(at)
        self.executions.append(
            PaperExecution(
                at,
                submit.client_id,
                submit.account,
                submit.instrument,
                submit.side,
                submit.position_side,
                execution,
            )
        )
        key = (submit.account, submit.instrument, submit.position_side)
        self.accounts.trade(key, submit.side * quantity, price, fee)
        self._outbox.tell(Filled(at, submit.client_id, execution), at, late_ns)

    def _close(self, order: PaperOrder, status: VenueStatus, at: int) -> None:
        assert order.open, order
        order.status = status
        order.ended_at = at
        self.changed[order.client_id] = order
        if order.ladder is not None:
            order.ladder.remove(order)
        order.market.open_orders -= 1
        del self.open[order.venue_id]

    def _next_exec_id(self) -> str:
        return f"{self._name}-{len(self.executions) + 1}"
