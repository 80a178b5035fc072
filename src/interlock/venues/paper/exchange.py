"""The paper exchange itself: the venue port on one side, the market's ticks on the other.

Decides what happens first. Invariant: everything happens in the order of its time; requests that
have arrived by a tick's instant are processed before the tick, and nothing here ever sleeps.
"""

from collections.abc import Iterable

from msgspec import Struct

from interlock.orders.capabilities import Capabilities
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument, PositionMode
from interlock.orders.legs import PositionSide
from interlock.orders.reports import (
    CancelReason,
    Connection,
    InstrumentStatus,
    OutcomeUnknown,
    Report,
)
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    Request,
    SubmitVenueList,
    SubmitVenueOrder,
)
from interlock.orders.ticks import Depth, Mark, Quote, Tick, Trade
from interlock.venues.paper.accounts import PaperPosition
from interlock.venues.paper.book import Market
from interlock.venues.paper.delivery import NEVER, Agenda, Outbox
from interlock.venues.paper.faults import Faults, Weather
from interlock.venues.paper.intake import Intake
from interlock.venues.paper.ledger import Ledger, PaperExecution
from interlock.venues.paper.matching import Matching, MatchingModel
from interlock.venues.paper.resting import PaperOrder
from interlock.venues.port import VenueHealth


class _Arrival(Struct):
    request: Request
    muted: bool


class _Expiry(Struct):
    order: PaperOrder


class _Connect(Struct):
    up: bool


class _Trading(Struct):
    instrument: str
    on: bool


_Event = _Arrival | _Expiry | _Connect | _Trading


class PaperExchange:
    """A venue in memory. Implements ``venues.port.Venue``; ticks come in through ``on_tick``."""

    def __init__(
        self,
        name: str,
        instruments: Iterable[Instrument] = (),
        capabilities: Capabilities = Capabilities(),
        faults: Faults = Faults(),
        seed: int = 0,
        model: MatchingModel = MatchingModel(),
    ) -> None:
        self._name = name
        self._capabilities = capabilities
        self._model = model
        self._now = 0
        self._connected_since = 0
        self._agenda: Agenda[_Event] = Agenda()
        self._markets: dict[str, Market] = {}
        self._weather = Weather(faults, seed)
        self._outbox = Outbox(self._weather)
        separate = capabilities.conditional_ids
        self._ledger = Ledger(name, self._outbox, separate)
        refuses = self._weather.refuses if separate else lambda: False
        self._matching = Matching(model, self._ledger, refuses)
        self._intake = Intake(
            name,
            capabilities,
            self._markets,
            self._ledger,
            self._matching,
            self._outbox,
            self._weather,
        )
        self._schedule(faults)
        for instrument in instruments:
            self.define(instrument)

    # The venue port

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def send(self, request: Request, at: int) -> None:
        """A request sets out at ``at``. With no latency it has been processed on return."""
        self._advance(at)
        weather, faults = self._weather, self._weather.faults
        muted = False
        if weather.strikes(faults.ban_permille) and at >= self._intake.banned_until:
            self._intake.banned_until = at + faults.ban_ns
        if isinstance(
            request, SubmitVenueOrder | SubmitVenueList | CancelVenueOrder | AmendVenueOrder
        ):
            if not self._outbox.up:
                self._give_up(request, at, "not connected")
                return
            if weather.strikes(faults.lose_request_permille):
                return
            if weather.strikes(faults.unknown_outcome_permille):
                self._give_up(request, at + faults.timeout_ns, "timed out")
                if weather.even():
                    return
                muted = True
        elif not self._outbox.up:
            return
        self._agenda.push(at + weather.latency_out(), _Arrival(request, muted))
        self._advance(at)

    def poll(self, at: int) -> list[Report]:
        self._advance(at)
        return self._outbox.arrived(at)

    def next_at(self) -> int | None:
        while isinstance(head := self._agenda.head(), _Expiry) and not head.order.open:
            self._agenda.pop()
        at = min(self._agenda.head_at, self._outbox.head_at)
        return None if at == NEVER else at

    def health(self) -> VenueHealth:
        """By this venue's own clock; connected, it is always heard."""
        up, now = self._outbox.up, self._now
        banned = max(0, self._intake.banned_until)
        heard_at = now if up else self._connected_since
        return VenueHealth(up, self._connected_since, heard_at, blocked_until=banned)

    # The market

    def define(self, instrument: Instrument) -> None:
        """Admit an instrument to trading; one that is known already stays as it is."""
        if instrument.symbol not in self._markets:
            grid = Grid(instrument)
            self._markets[instrument.symbol] = Market(grid, self._model.limit_taker_by_volume)

    def on_tick(self, tick: Tick) -> None:
        """Market data. Instruments that are not traded here are ignored."""
        at = tick.at
        if self._agenda.head_at <= at:
            self._advance(at)
        elif at > self._now:
            self._now = at
        market = self._markets.get(tick.instrument)
        if market is None:
            return
        if self._weather.strikes_on_ticks:
            self._strike(tick.instrument, at)
        kind = type(tick)
        shown = True
        if kind is Trade:
            shown = market.see_trade(tick)  # type: ignore[arg-type]
        elif kind is Quote:
            shown = market.see_quote(tick)  # type: ignore[arg-type]
        elif kind is Depth:
            shown = market.see_depth(tick)  # type: ignore[arg-type]
        elif kind is Mark:
            market.mark = tick.price  # type: ignore[union-attr]
        else:
            market.index = tick.price  # type: ignore[union-attr]
        if market.open_orders and not market.halted:
            self._matching.on_tick(market, tick, shown)
            if self._ledger.released:
                self._intake.enter_released(at)

    # What people and accidents do

    def outside_cancel(self, client_id: str, at: int) -> bool:
        """Somebody cancels an order in the venue's own screen. False: it was not open."""
        self._advance(at)
        order = self._open_order(client_id)
        if order is not None:
            self._ledger.cancel(order, CancelReason.OUTSIDE, self._now)
        return order is not None

    def outside_amend(
        self,
        client_id: str,
        at: int,
        quantity: int | None = None,
        price: int | None = None,
        trigger_price: int | None = None,
    ) -> bool:
        """Somebody changes an order there, past every rule of ours. False: it was not open."""
        self._advance(at)
        order = self._open_order(client_id)
        if order is None:
            return False
        total = order.quantity if quantity is None else quantity
        if total <= order.cum:
            self._ledger.cancel(order, CancelReason.OUTSIDE, self._now)
        else:
            self._intake.amend(order, total, price, trigger_price, None, self._now)
        return True

    def outside_trade(
        self,
        account: str,
        instrument: str,
        signed_quantity: int,
        price: int,
        at: int,
        position_side: PositionSide | None = None,
    ) -> None:
        """Somebody trades on the account without us; a position report tells."""
        self._advance(at)
        mode = self._markets[instrument].grid.instrument.position_mode
        assert (mode is PositionMode.HEDGE) is (position_side is not None), instrument
        assert signed_quantity != 0
        key = (account, instrument, position_side)
        self._ledger.trade_outside(key, signed_quantity, price, self._now)
        for position in self._intake.positions(account, instrument, self._now):
            if position.position_side is position_side:
                self._outbox.tell(position, self._now)

    def halt(self, instrument: str, at: int) -> None:
        """Trading stops: nothing fills or fires, submits and amends are refused."""
        self._advance(at)
        self._set_trading(instrument, False, self._now)

    def resume(self, instrument: str, at: int) -> None:
        self._advance(at)
        self._set_trading(instrument, True, self._now)

    def delist(self, instrument: str, at: int) -> None:
        """Trading stops, for good as far as is known; ``resume`` lists it again."""
        self._advance(at)
        market = self._markets[instrument]
        if not market.delisted:
            market.halted = market.delisted = True
            self._outbox.tell(self._status(instrument, self._now), self._now)

    def disconnect(self, at: int) -> None:
        """The connection goes down: the venue trades on, its reports are lost."""
        self._advance(at)
        self._set_connection(False, self._now)

    def reconnect(self, at: int) -> None:
        self._advance(at)
        self._set_connection(True, self._now)

    def change_faults(self, faults: Faults) -> None:
        """Other weather from now on. What is under way already is not touched."""
        self._weather.change(faults)
        self._schedule(faults)

    # Views: for tests, auditors and the command line

    @property
    def now(self) -> int:
        """The latest instant this venue has lived through."""
        return self._now

    @property
    def connected(self) -> bool:
        return self._outbox.up

    def open_orders(self) -> list[PaperOrder]:
        """In the order of acceptance. To look at, not to touch."""
        return list(self._ledger.open.values())

    def order(self, client_id: str) -> PaperOrder | None:
        return self._ledger.by_client.get(client_id)

    def executions(self) -> list[PaperExecution]:
        return list(self._ledger.executions)

    def positions(self) -> list[PaperPosition]:
        return self._ledger.accounts.positions()

    def position(
        self, account: str, instrument: str, position_side: PositionSide | None = None
    ) -> PaperPosition:
        return self._ledger.accounts.position((account, instrument, position_side))

    def position_mode(self, instrument: str) -> PositionMode:
        return self._markets[instrument].grid.instrument.position_mode

    def is_halted(self, instrument: str) -> bool:
        return self._markets[instrument].halted

    # An earlier life: for ``memory``

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    def market(self, instrument: str) -> Market:
        return self._markets[instrument]

    def put_back(self, order: PaperOrder) -> None:
        """An order as it stood: where it waited, it waits again."""
        self._ledger.put_back_order(order)
        if not order.open:
            return
        self._matching.put_back(order)
        if order.submit.expire_at is not None:
            self._agenda.push(order.submit.expire_at, _Expiry(order))

    # The course of time

    def _advance(self, at: int) -> None:
        """Live through everything due by ``at``, in the order of its time."""
        agenda = self._agenda
        while agenda.head_at <= at:
            due, event = agenda.pop()
            self._now = max(self._now, due)
            self._process(event, self._now)
        self._now = max(self._now, at)

    def _process(self, event: _Event, at: int) -> None:
        match event:
            case _Arrival():
                taken = self._intake.receive(event.request, at, event.muted)
                self._intake.enter_released(at)
                for order in taken:
                    expire_at = order.submit.expire_at
                    if order.open and expire_at is not None:
                        self._agenda.push(max(expire_at, at), _Expiry(order))
            case _Expiry():
                if event.order.open:
                    self._ledger.expire(event.order, at)
            case _Connect():
                self._set_connection(event.up, at)
            case _Trading():
                self._set_trading(event.instrument, event.on, at)

    def _schedule(self, faults: Faults) -> None:
        for window in faults.disconnects:
            self._agenda.push(window.from_ns, _Connect(False))
            self._agenda.push(window.to_ns, _Connect(True))
        for halt in faults.halts:
            self._agenda.push(halt.from_ns, _Trading(halt.instrument, False))
            self._agenda.push(halt.to_ns, _Trading(halt.instrument, True))

    def _strike(self, instrument: str, at: int) -> None:
        weather, faults = self._weather, self._weather.faults
        if weather.strikes(faults.disconnect_permille) and self._outbox.up:
            self._set_connection(False, at)
            self._agenda.push(at + faults.disconnect_ns, _Connect(True))
        if weather.strikes(faults.halt_permille) and not self._markets[instrument].halted:
            self._set_trading(instrument, False, at)
            self._agenda.push(at + faults.halt_ns, _Trading(instrument, True))

    def _set_connection(self, up: bool, at: int) -> None:
        if up is self._outbox.up:
            return
        self._connected_since = at
        if up:
            self._outbox.up = True
        else:
            self._outbox.cut()
        self._outbox.notice(Connection(at, self._name, up), at)
        if up:  # what was told of halts meanwhile is lost, and nobody can ask for it
            for symbol in self._markets:
                self._outbox.tell(self._status(symbol, at), at)

    def _set_trading(self, instrument: str, on: bool, at: int) -> None:
        market = self._markets.get(instrument)
        if market is None or market.halted is not on:
            return
        market.halted = not on
        market.delisted = market.delisted and not on
        self._outbox.tell(self._status(instrument, at), at)

    def _status(self, instrument: str, at: int) -> InstrumentStatus:
        market = self._markets[instrument]
        return InstrumentStatus(at, instrument, not market.halted, "", market.delisted)

    def _open_order(self, client_id: str) -> PaperOrder | None:
        order = self._ledger.by_client.get(client_id)
        return order if order is not None and order.open else None

    def _give_up(
        self,
        request: SubmitVenueOrder | SubmitVenueList | CancelVenueOrder | AmendVenueOrder,
        at: int,
        detail: str,
    ) -> None:
        """All that will ever be heard of these requests themselves."""
        orders = request.orders if isinstance(request, SubmitVenueList) else (request,)
        for order in orders:
            self._outbox.notice(OutcomeUnknown(at, order.client_id, detail), at)
