"""Reconciling: what the venues say of orders and positions now, beside what we have.

Decides what a difference is called. Invariants: every figure of a venue names the moment it was
true of, an incomplete or missing answer concludes nothing, and a position that our orders do not
explain is shown as that and never explained away by a fill that nobody reported.
"""

import asyncio
from typing import Final

from msgspec import Struct

from interlock.orders.commands import Answer, PlaceOrders
from interlock.orders.facts import Fact, IncidentOpened, StrayRecalled, VenueOrderFilled
from interlock.orders.ids import client_id, parse_client_id
from interlock.orders.reports import Balance, BalancesTold, FillsTold, OpenOrders, Position, Report
from interlock.orders.requests import QueryBalances, QueryFills, QueryOpenOrders, QueryPosition
from interlock.runtime.live import Live

ANSWER_S_MAX: Final = 15.0
"""A venue that has not answered by then is said to have not."""
LOOK_S: Final = 0.01


class Difference(Struct, frozen=True):
    """Something that a venue and we do not agree on, at the moment the venue was asked."""

    kind: str
    """``missing``: live here, not open there. ``stray``: open there under our mark, unknown here.
    ``quantity``: another filled quantity. ``position``: held there and explained by none of our
    orders, or the other way round.
    """
    what: str
    """A venue order's client id, or account, instrument and side of a position."""
    here: str
    there: str


class AccountBalances(Struct, frozen=True):
    """What a venue says an account has there. ``as_of`` is when it looked, ns UTC."""

    account: str
    as_of: int
    balances: tuple[Balance, ...]


class VenueReconciled(Struct, frozen=True):
    """One venue. ``as_of`` is when it looked, ns UTC; 0 when it has not answered."""

    venue: str
    connected: bool
    as_of: int
    complete: bool
    """Everything was read to the end; without it an absence means nothing."""
    fills_told_to: int
    """Every fill up to then is known; 0 where the venue cannot tell."""
    open_orders: int
    differences: list[Difference]
    balances: list[AccountBalances]


class Settled(Struct, frozen=True):
    """What asking has led to: each is a fact in the journal, at ``event_seq``."""

    event_seq: int
    type: str
    what: str


class Reconciliation(Struct, frozen=True):
    venues: list[VenueReconciled]
    settled: list[Settled]


class _Heard:
    """What one venue has answered so far."""

    def __init__(self, asked_at: int, positions: set[tuple[str, str]]) -> None:
        self.asked_at = asked_at
        self.orders: OpenOrders | None = None
        self.fills: FillsTold | None = None
        self.positions: dict[tuple[str, str, str], Position] = {}
        self.unread = positions
        self.balances: dict[str, AccountBalances] = {}

    def take(self, report: Report) -> None:
        if isinstance(report, OpenOrders) and report.as_of >= self.asked_at:
            if self.orders is None or not self.orders.complete:
                self.orders = report  # the first: what was settled because of it is told apart
        elif isinstance(report, FillsTold) and report.until >= self.asked_at:
            self.fills = report
        elif isinstance(report, Position) and report.as_of >= self.asked_at:
            side = str(report.position_side or "")
            self.positions[report.account, report.instrument, side] = report
            self.unread.discard((report.account, report.instrument))
        elif isinstance(report, BalancesTold) and report.as_of >= self.asked_at:
            told = AccountBalances(report.account, report.as_of, report.balances)
            self.balances[report.account] = told


class Reconciling:
    """Asks the venues of one line."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._asking: dict[str, _Heard] = {}
        self._settled: list[Settled] = []
        self._one_at_a_time = asyncio.Lock()
        live.on_report.append(self._hear)
        live.line.listeners.append(self._note)

    async def now(self) -> Reconciliation:
        """Ask everything, let the line settle what it can, and say what is left."""
        async with self._one_at_a_time:
            self._settled = []
            try:
                for name in self._live.line.venues:
                    self._ask(name)
                await self._answers()
                await self._dealt_with()
                return Reconciliation(
                    [self._compared(name) for name in self._live.line.venues], self._settled
                )
            finally:
                self._asking = {}

    def _ask(self, name: str) -> None:
        line, now = self._live.line, self._live.clock.now()
        state = line.state
        accounts = state.orders.accounts() or ["main"]
        symbols = [s for s, view in state.markets.items() if view.grid.venue == name]
        wanted = {(account, symbol) for account in accounts for symbol in symbols}
        self._asking[name] = _Heard(now, set(wanted))
        venue = line.venues[name]
        venue.send(QueryOpenOrders(name), now)
        if state.capabilities[name].fills_since:
            venue.send(QueryFills(name, line.told_to(name)), now)
        for account, symbol in sorted(wanted):
            venue.send(QueryPosition(account, symbol), now)
        for account in accounts:
            venue.send(QueryBalances(name, account), now)

    async def _answers(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + ANSWER_S_MAX
        while loop.time() < end and not all(self._whole(name) for name in self._asking):
            await asyncio.sleep(LOOK_S)

    async def _dealt_with(self) -> None:
        """Everything that was answered has been decided on and is durable: reports go first, so a
        command that does nothing is answered after them.
        """
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._live.ask(PlaceOrders(()), done.set_result)
        await asyncio.wait([done], timeout=ANSWER_S_MAX)

    def _whole(self, name: str) -> bool:
        heard = self._asking[name]
        told = heard.fills is not None or not self._live.line.state.capabilities[name].fills_since
        money = bool(heard.balances)  # of a venue's own account: it has no others
        return heard.orders is not None and told and money and not heard.unread

    def _hear(self, report: Report) -> None:
        if isinstance(report, Position):
            name = report.instrument.rpartition(".")[2]
        else:
            name = getattr(report, "venue", "")
        if name in self._asking:
            self._asking[name].take(report)

    def _note(self, first: int, facts: list[Fact]) -> None:
        if not self._asking:
            return
        for seq, fact in enumerate(facts, first):
            if isinstance(fact, IncidentOpened):
                self._settled.append(Settled(seq, "IncidentOpened", f"{fact.kind}: {fact.detail}"))
            elif isinstance(fact, StrayRecalled):
                self._settled.append(Settled(seq, "StrayRecalled", fact.client_id))
            elif isinstance(fact, VenueOrderFilled):
                self._settled.append(Settled(seq, "VenueOrderFilled", fact.exec_id))

    # Comparing

    def _compared(self, name: str) -> VenueReconciled:
        heard, state = self._asking[name], self._live.line.state
        orders = heard.orders
        complete = self._whole(name) and orders is not None and orders.complete
        differences: list[Difference] = []
        if orders is not None:
            differences += self._orders(name, orders)
        differences += self._positions(name, heard)
        return VenueReconciled(
            name,
            not state.down.get(name, False),
            0 if orders is None else orders.as_of,
            complete,
            0 if heard.fills is None else heard.fills.until,
            0 if orders is None else len(orders.orders),
            differences,
            [heard.balances[account] for account in sorted(heard.balances)],
        )

    def _orders(self, name: str, listed: OpenOrders) -> list[Difference]:
        there = {one.client_id: one for one in listed.orders}
        found: list[Difference] = []
        state = self._live.line.state
        for order in state.orders.living():
            for number, leg in enumerate(order.legs):
                view = state.markets[leg.terms.instrument]
                venue = leg.venue
                if venue is None or view.grid.venue != name:
                    continue
                name_there = client_id(order.id, number, venue.attempt)
                one = there.pop(name_there, None)
                size = view.grid.quantity_text
                if one is None and listed.complete and venue.sent_at < listed.as_of:
                    found.append(Difference("missing", name_there, str(leg.state), ""))
                elif one is not None and one.cum_quantity != venue.cum:
                    texts = size(venue.cum), size(one.cum_quantity)
                    found.append(Difference("quantity", name_there, *texts))
        for stray, left in there.items():
            known = parse_client_id(stray)
            ended = known is not None and known[0] in state.orders
            found.append(
                Difference("stray", stray, "ended" if ended else "unknown", left.instrument)
            )
        return found

    def _positions(self, name: str, heard: _Heard) -> list[Difference]:
        state = self._live.line.state
        found: list[Difference] = []
        for (account, symbol, side), told in sorted(heard.positions.items()):
            ours = state.net.get((account, symbol, side), 0)
            positions = state.capabilities[name].positions
            # A balance has other people's coins in it: it differs when ours are not there.
            if told.quantity != ours if positions else told.quantity < ours:
                size = state.markets[symbol].grid.quantity_text
                what = " ".join(filter(None, (account, symbol, side)))
                found.append(Difference("position", what, size(ours), size(told.quantity)))
        return found
