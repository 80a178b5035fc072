"""A tape: drive the engine by hand and read what it says, in a trader's words.

The tape plays venue and market itself, one line at a time, so that every race can be staged
exactly. After every input the tape replays its facts into a fresh state and compares digests:
whatever a test does, it also proves that state is a fold over facts.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from interlock.engine.decide import decide, next_wakeup
from interlock.engine.digest import digest, image, restore
from interlock.engine.evolve import evolve
from interlock.engine.inputs import Decision, Define, Start, Wakeup
from interlock.engine.order import Leg, Order
from interlock.engine.settings import Settings
from interlock.engine.state import State
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders import requests as q
from interlock.orders.capabilities import Capabilities
from interlock.orders.ids import client_id
from interlock.orders.instruments import Instrument
from interlock.orders.rejects import Reject
from interlock.orders.ticks import Index, Mark, Quote, Trade
from interlock.sim.figures import figures

MS = 1_000_000
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
BTC = Instrument("BTC.PAPER", price_increment="0.01", quantity_increment="1", min_quantity="1")
ETH = Instrument("ETH.PAPER", price_increment="0.01", quantity_increment="1")

_COMMAND = msgspec.json.Decoder(c.Command)


class Tape:
    """An engine, a clock, and everything it has said."""

    def __init__(
        self,
        *instruments: Instrument,
        settings: Settings | None = None,
        **capabilities: Any,
    ) -> None:
        self.settings = settings
        self.state = State(settings)
        self.at = START
        self.facts: list[f.Fact] = []
        self.requests: list[q.Request] = []
        self.answer: c.Answer | None = None
        self.said: list[str] = []
        self.execs = 0
        venues = (("PAPER", msgspec.convert(capabilities, Capabilities)),)
        self.give(Define(instruments or (BTC, ETH), venues))
        self.said.clear()

    # Inputs.

    def give(self, item: Any) -> Decision:
        self.said = []
        return self._give(item)

    def _give(self, item: Any) -> Decision:
        decision = decide(self.state, item, self.at)
        self.facts.extend(decision.facts)
        self.requests.extend(decision.requests)
        self.answer = decision.answer
        for fact in decision.facts:
            self.said.append(self.show(fact))
            if isinstance(fact, f.OrderAccepted):
                self.said += [self.show(armed) for armed in f.armed_at_once(fact)]
        for request in decision.requests:
            self.said.append(self.ask(request))
        self.check()
        return decision

    def place(self, order: dict[str, Any], **more: Any) -> Order:
        self.refused_or_placed(order, **more)
        assert isinstance(self.answer, c.Accepted), self.answer
        return self.state.orders[self.answer.order_id]

    def refused_or_placed(self, order: dict[str, Any], **more: Any) -> c.Answer:
        body = {"type": "place", "client_order_id": f"c{len(self.facts)}", "account": "main"}
        body |= {"order": order, **more}
        self.give(_COMMAND.decode(json.dumps(body)))
        assert self.answer is not None
        return self.answer

    def refuse(self, order: dict[str, Any], **more: Any) -> Reject:
        before = (list(self.state.orders), self.state.orders.forgotten(), len(self.state.entries))
        answer = self.refused_or_placed(order, **more)
        assert isinstance(answer, Reject), "it was accepted"
        after = (list(self.state.orders), self.state.orders.forgotten(), len(self.state.entries))
        assert before == after, "something half-accepted stayed"
        assert not any(line.startswith("<") for line in self.said), "something was sent"
        return answer

    def command(self, kind: str, **body: Any) -> c.Answer:
        self.give(_COMMAND.decode(json.dumps({"type": kind, **body})))
        assert self.answer is not None
        return self.answer

    def limits(self, scope: dict[str, str] | None = None, **limits: Any) -> None:
        """Put a scope (all, when none is named) under these limits, and no others."""
        answer = self.command("set_limits", scope=scope or {}, limits=limits, by="risk officer")
        assert isinstance(answer, c.Accepted), answer

    def trade(self, price: str, quantity: int = 1, symbol: str = "BTC.PAPER") -> list[str]:
        self.at += MS
        self.give(Trade(symbol, self.at, self._price(price, symbol), quantity))
        return self.said

    def quote(self, bid: str, ask: str, symbol: str = "BTC.PAPER") -> list[str]:
        self.at += MS
        low = self._price(bid, symbol) if bid else 0
        high = self._price(ask, symbol) if ask else 0
        self.give(Quote(symbol, self.at, low, 1, high, 1))
        return self.said

    def mark(self, price: str, symbol: str = "BTC.PAPER") -> list[str]:
        self.at += MS
        self.give(Mark(symbol, self.at, self._price(price, symbol)))
        return self.said

    def index(self, price: str, symbol: str = "BTC.PAPER") -> list[str]:
        self.at += MS
        self.give(Index(symbol, self.at, self._price(price, symbol)))
        return self.said

    def wait(self, ns: int) -> list[str]:
        """Let time pass, stopping at every wake-up the engine asked for."""
        end = self.at + ns
        self.said = []
        while (due := next_wakeup(self.state)) is not None and due <= end:
            self.at = max(self.at, due)
            self._give(Wakeup())
        self.at = end
        return self.said

    # What the venue says.

    def ack(self, order: Order, *legs: str) -> None:
        for leg in legs:
            self.give(r.Acknowledged(self.at, self.id(order, leg), f"v-{leg}"))

    def fill(
        self, order: Order, leg: str, quantity: int, price: str, exec_id: str = "", attempt: int = 0
    ) -> list[str]:
        self.execs += 1
        number = self.number(order, leg)
        symbol = order.legs[number].terms.instrument
        execution = r.Execution(exec_id or f"x{self.execs}", quantity, self._price(price, symbol))
        self.give(r.Filled(self.at, self.id(order, leg, attempt), execution))
        return self.said

    def canceled(
        self,
        order: Order,
        leg: str,
        reason: r.CancelReason = r.CancelReason.REQUESTED,
        cum: int | None = None,
    ) -> list[str]:
        venue = self.leg(order, leg).venue
        filled = venue.cum if venue is not None else 0
        self.give(r.Canceled(self.at, self.id(order, leg), filled if cum is None else cum, reason))
        return self.said

    def rejected(self, order: Order, leg: str, code: r.VenueReject, **more: Any) -> list[str]:
        self.give(r.Rejected(self.at, self.id(order, leg), code, **more))
        return self.said

    def cancel_refused(self, order: Order, leg: str, code: r.VenueReject) -> list[str]:
        venue = self.leg(order, leg).venue
        assert venue is not None
        self.give(r.CancelRefused(self.at, self.id(order, leg), venue.request, code))
        return self.said

    def status(
        self,
        order: Order,
        leg: str,
        status: r.VenueStatus,
        *fills: tuple[str, int, str],
        attempt: int = 0,
        as_of: int | None = None,
        reason: r.CancelReason | None = None,
    ) -> list[str]:
        """Answer the last query about a leg."""
        venue = self.leg(order, leg).venue
        executions = tuple(
            r.Execution(name, quantity, self._price(price, "BTC.PAPER"))
            for name, quantity, price in fills
        )
        self.give(
            r.OrderStatus(
                self.at,
                self.id(order, leg, attempt),
                venue.request if venue is not None else 0,
                status,
                self.at if as_of is None else as_of,
                venue.quantity if venue is not None else 0,
                venue.price if venue is not None else None,
                venue.trigger_price if venue is not None else None,
                executions,
                reason,
            )
        )
        return self.said

    def amended(self, order: Order, leg: str) -> list[str]:
        """Accept the last amend that was asked for."""
        last = next(x for x in reversed(self.requests) if isinstance(x, q.AmendVenueOrder))
        assert last.client_id == self.id(order, leg)
        self.give(
            r.Amended(
                self.at, last.client_id, last.quantity, last.price, last.trigger_price, last.request
            )
        )
        return self.said

    def amend_to_last(self, order: Order, leg: str) -> list[str]:
        """Accept the last amend asked for about one leg."""
        name = self.id(order, leg)
        asked = [x for x in self.requests if isinstance(x, q.AmendVenueOrder)]
        last = next(x for x in reversed(asked) if x.client_id == name)
        self.give(
            r.Amended(self.at, name, last.quantity, last.price, last.trigger_price, last.request)
        )
        return self.said

    # Questions.

    def number(self, order: Order, leg: str) -> int:
        return next(n for n, one in enumerate(order.legs) if one.terms.id == leg)

    def leg(self, order: Order, leg: str) -> Leg:
        return order.legs[self.number(order, leg)]

    def id(self, order: Order, leg: str, attempt: int = 0) -> str:
        number = self.number(order, leg)
        return client_id(order.id, number, attempt or order.legs[number].attempts)

    def working(self, order: Order) -> dict[str, int]:
        """What of each leg may still trade at the venue."""
        return {
            leg.terms.id: leg.venue.quantity - leg.venue.cum
            for leg in order.legs
            if leg.venue is not None
        }

    def armed(self, order: Order) -> list[str]:
        return [leg.terms.id for leg in order.legs if leg.armed]

    def held(self, order: Order) -> int:
        """What the order has bought or sold and not undone."""
        return sum(leg.terms.side * leg.cum for leg in order.legs)

    def incidents(self) -> list[str]:
        return [str(x.kind) for x in self.facts if isinstance(x, f.IncidentOpened)]

    def submits(self, leg: str = "") -> list[q.SubmitVenueOrder]:
        out = []
        for request in self.requests:
            for one in request.orders if isinstance(request, q.SubmitVenueList) else (request,):
                if isinstance(one, q.SubmitVenueOrder) and (not leg or self._leg_of(one) == leg):
                    out.append(one)
        return out

    def _leg_of(self, request: q.SubmitVenueOrder) -> str:
        order_id, number, _ = request.client_id.split(".")
        return self.state.orders[order_id].legs[int(number)].terms.id

    def restart(self) -> list[str]:
        """Lose everything but the journal, and begin again."""
        fresh = State(self.settings)
        for fact in self.facts:
            evolve(fresh, fact)
        self.state = fresh
        self.give(Start(self.state.epoch + 1))
        return self.said

    def check(self) -> None:
        fresh = State(self.settings)
        for fact in self.facts:
            evolve(fresh, fact)
        assert digest(fresh) == digest(self.state), "state is not a fold over its facts"
        if fresh.risk.limited:
            again = restore(image(fresh), self.settings)
            assert figures(fresh) == figures(self.state) == figures(again), "risk miscounts"

    def _price(self, text: str, symbol: str) -> int:
        units = self.state.markets[symbol].grid.price_units(text)
        assert isinstance(units, int), units
        return units

    # Showing.

    def show(self, fact: f.Fact) -> str:
        order = self.state.orders.get(getattr(fact, "order_id", ""))
        words = [type(fact).__name__]
        number = getattr(fact, "leg", None)
        leg = (
            order.legs[number]
            if order and number is not None and number >= 0 and number < len(order.legs)
            else None
        )
        if leg is not None:
            words.append(leg.terms.id)
        for name in ("kind", "quantity", "price", "status", "exposure"):
            value = getattr(fact, name, None)
            if value is None or isinstance(value, Instrument):
                continue
            if name == "price" and isinstance(value, int):
                words.append(f"@ {value / 100:.2f}")
            else:
                words.append(str(value))
        return "> " + " ".join(words)

    def ask(self, request: q.Request) -> str:
        if isinstance(request, q.SubmitVenueOrder):
            order_id, number, attempt = request.client_id.split(".")
            leg = self.state.orders[order_id].legs[int(number)].terms.id
            side = "buy" if request.side > 0 else "sell"
            out = f"< Submit {leg}.{attempt} {side} {request.quantity} {request.order_type}"
            if request.trigger_price is not None:
                out += f" at {request.trigger_price / 100:.2f}"
            if request.price is not None:
                out += f" @ {request.price / 100:.2f}"
            return out + (" reduce-only" if request.reduce_only else "")
        client = getattr(request, "client_id", "")
        if client:
            order_id, number, attempt = client.split(".")
            order = self.state.orders.get(order_id)
            leg = order.legs[int(number)].terms.id if order else "?"
            kind = type(request).__name__.replace("VenueOrder", "")
            more = f" to {request.quantity}" if isinstance(request, q.AmendVenueOrder) else ""
            return f"< {kind} {leg}.{attempt}{more}"
        return f"< {type(request).__name__}"
