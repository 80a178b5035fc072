"""The auditor: checks the guarantees over a run, from facts, requests, reports and ticks alone.

Decides whether I1 to I8 of the design held. It shares no code with the engine: it knows an order
only by the tree in ``OrderAccepted`` and by what was said and sent afterwards, and it is simpler:
it walks everything it knows at every step. Invariant: it never changes what it watches.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from interlock.audit import claims, conditions, ending, market, promises, sizes
from interlock.audit.answers import Answers
from interlock.audit.breach import Breach
from interlock.audit.ending import VenueBooks
from interlock.audit.market import Markets
from interlock.audit.positions import Positions
from interlock.audit.record import Attempt, Fill, Record, Waiting
from interlock.audit.refuting import Refuting
from interlock.audit.risk import Risk
from interlock.audit.wire import Wire
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders import requests as q
from interlock.orders.commands import Accepted, Answer, Command, PlaceOrder
from interlock.orders.grid import Grid
from interlock.orders.ids import client_id
from interlock.orders.ticks import Tick


class Auditor:
    """Hears everything: ``hear`` facts as they are committed, ``sent`` requests, and, where there
    is somebody to tell it, ``heard`` reports, ``asked`` commands and ``tick`` markets."""

    def __init__(self) -> None:
        self.breaches: list[Breach] = []
        self.facts = 0
        self.seq = 0
        self._records: dict[str, Record] = {}
        self._live: dict[str, Record] = {}
        self._dirty: dict[str, bool] = {}
        self._least: dict[str, int] = {}
        """The smallest order of each instrument."""
        self._started = 0
        """The event_seq at which the last process began."""
        self._wire = Wire()
        self._refuting = Refuting()
        self._answers = Answers()
        self._markets: Markets | None = None
        self._positions = Positions()
        self._risk = Risk(self._price)
        self._signals: dict[str, str] = {}

    # What is watched

    def hear(self, first_seq: int, facts: Iterable[f.Fact]) -> None:
        """Take in one committed batch."""
        for seq, fact in enumerate(facts, first_seq):
            if self.seq and seq != self.seq + 1:
                self._tell("I5", f"event_seq {seq} follows {self.seq}")
            self.seq = seq
            self.facts += 1
            self._fact(fact)
        for order_id, moved in self._dirty.items():
            record = self._records[order_id]
            sizes.excess(self._tell, record)
            sizes.both_sides(self._tell, record)
            promises.undone(self._tell, record)
            promises.by_others(self._tell, record)
            if not record.done:
                claims.unclaimed(self._tell, record)
                sizes.plain_exits(self._tell, record, self._least)
                if self._markets is not None:
                    self._markets.through(self._tell, record)
            if moved:
                sizes.together(self._tell, record, first_seq)
                record.held_then.clear()
        self._dirty.clear()
        self._risk.batch_over(self._tell, self._live)
        self._refuting.batch_over(self._tell)
        self._positions.followed(self._tell, self._records.values())

    def sent(self, request: q.Request) -> None:
        """A request leaves."""
        self._wire.sent(self._tell, request)

    def heard(self, report: r.Report) -> None:
        """A report is about to be taken in."""
        self._wire.heard(report)
        self._risk.heard(report)
        self._positions.heard(report, self._records.values())

    def at_rest(self) -> None:
        """Everything heard so far has been dealt with."""
        self._wire.at_rest(self._tell, self._records)
        self._positions.at_rest(self._tell)

    def asked(self, number: int, command: Command) -> None:
        self._answers.asked(number, command, self._live.values())
        self._risk.asked(number, command, self._records)

    def answered(self, number: int, command: Command, answer: Answer) -> None:
        self._risk.answered(self._tell, number, command, answer)
        if isinstance(command, PlaceOrder) and isinstance(answer, Accepted):
            record = self._records.get(answer.order_id)
            if record is not None:
                conditions.asked_for(self._tell, record, command.order)
        every = list(self._records.values())
        self._answers.answered(self._tell, number, command, answer, every)

    def tick(self, tick: Tick, now: int) -> None:
        """A tick is about to be taken in; ``now`` is the process's own clock."""
        if self._markets is None:
            self._markets = Markets()
        self._markets.tick(tick, now, self._live.values())
        self._risk.tick(tick)

    def ticked(self) -> None:
        """The tick has been dealt with."""
        if self._markets is not None:
            self._markets.ticked(self._tell, self._live.values())
        self._risk.ticked(self._tell)

    def started(self) -> None:
        """A new process: what the last one had heard and not written down is gone."""
        self._wire.restart(
            client_id(record.id, leg, attempt)
            for record in self._records.values()
            for (leg, attempt), state in record.attempts.items()
            if state.live
        )
        self._answers.restart()
        self._risk.restart()
        self._positions.restart()
        if self._markets is not None:
            self._markets.restart(self._live.values())

    def begun(self) -> None:
        """The new process has started, and heard nothing yet."""
        self._wire.begun(self._tell)

    def finish(self, venues: Iterable[VenueBooks] = ()) -> list[Breach]:
        """After a run has settled: nothing left behind, nothing bare, and the books agree."""
        self._answers.finish(self._tell)
        self._risk.finish(self._tell, self._records)
        for record in self._records.values():
            ending.bare(self._tell, record)
            if record.done:
                promises.closed(self._tell, record)
        books = list(venues)
        if books:
            ending.settled(self._tell, self._records, self._wire, books)
            for record in self._live.values():
                sizes.slices(self._tell, record, self._least)
                sizes.stops(self._tell, record, self._least)
                promises.escalated(self._tell, record)
        return self.breaches

    # What is written down

    def _tell(self, rule: str, detail: str) -> None:
        self.breaches.append(Breach(rule, self.seq, detail))

    def _price(self, instrument: str, channel: str) -> int | None:
        return None if self._markets is None else self._markets.price(instrument, channel)

    def _fact(self, fact: f.Fact) -> None:
        self._risk.fact(self._tell, fact, self._records)
        if isinstance(fact, f.OrderAccepted):
            self._accepted(fact)
            return
        if isinstance(fact, f.InstrumentDefined):
            self._least[fact.instrument.symbol] = Grid(fact.instrument).min_quantity
        elif isinstance(fact, f.WatermarkMoved):
            market.moved(self._live.values(), fact)
        elif isinstance(fact, f.StrayRecalled):
            self._wire.recalled(fact.client_id)
        elif isinstance(fact, f.PositionSeen):
            self._positions.seen(fact)
        elif isinstance(fact, f.SignalReceived):
            self._signals[fact.name] = fact.value
        elif isinstance(fact, f.EngineStarted):
            self._started = self.seq
        record = self._records.get(getattr(fact, "order_id", ""))
        reader = READERS.get(type(fact))
        if record is None or reader is None:
            return
        self._dirty.setdefault(record.id, False)
        reader(self, record, fact)

    def _accepted(self, fact: f.OrderAccepted) -> None:
        key = (fact.terms.account, fact.terms.client_order_id)
        if key in self._answers.clients:
            self._tell("I6", f"{key} was accepted twice")
        self._answers.clients[key] = fact.terms.id
        record = self._records[fact.terms.id] = Record(fact.terms, list(fact.terms.legs))
        self._live[record.id] = record
        for armed in f.armed_at_once(fact):
            self._armed(record, armed)
        self._dirty[record.id] = False

    def _revived(self, record: Record) -> None:
        """Fills have changed after the fact: the order may live again."""
        record.done = ""
        self._live[record.id] = record

    # Legs

    def _armed(self, record: Record, fact: f.LegArmed) -> None:
        claims.frozen(self._tell, record, fact.leg, "armed")
        if self._markets is not None:
            self._markets.moved_on(record, fact.leg)
        instead = record.armed.get(fact.leg)
        if fact.trigger_price is not None:  # a trail waits for its activation, perhaps again
            record.active.pop(fact.leg, None)
        record.armed[fact.leg] = market.armed(self._tell, record, fact, instead)
        record.ended.pop(fact.leg, None)

    def _disarmed(self, record: Record, fact: f.LegDisarmed) -> None:
        record.armed.pop(fact.leg, None)
        record.triggered.pop(fact.leg, None)
        record.at_market.pop(fact.leg, None)
        record.forget_condition(fact.leg)  # what waits for nothing looks at no condition

    def _escalated(self, record: Record, fact: f.LegEscalated) -> None:
        record.at_market[fact.leg] = True

    def _activated(self, record: Record, fact: f.TrailActivated) -> None:
        record.active[fact.leg] = True
        record.armed[fact.leg] = Waiting(
            record.armed[fact.leg].quantity, None, fact.price, fact.price, fact.price
        )

    def _condition(self, record: Record, fact: f.ConditionChanged) -> None:
        began = fact.holds and not record.holds.get(fact.leg)
        known = self._price if self._markets is not None else None
        frozen = bool(self._risk.signals.frozen(record.legs[fact.leg]))
        conditions.said(self._tell, record, fact, known, self._signals, frozen)
        record.holds[fact.leg], record.parts[fact.leg] = fact.holds, fact.atoms
        if began and fact.leg in record.armed and market.trailing(record, fact.leg):
            if self._markets is not None:
                self._markets.begins(self._tell, record, fact)
            market.goes_on(record, fact)

    def _triggered(self, record: Record, fact: f.LegTriggered) -> None:
        claims.frozen(self._tell, record, fact.leg, "triggered")
        claims.paused(self._tell, record, fact.leg, "triggered")
        if self._markets is not None:
            self._markets.triggered(self._tell, record, fact)
        promises.in_time(self._tell, record, fact.leg, fact.at, "triggered")
        record.triggered[fact.leg] = True
        record.armed.pop(fact.leg, None)
        if fact.trigger_price is not None:
            halves = 2 if fact.source == "mid" else 1
            record.fired[fact.leg] = fact.trigger_price // halves

    def _claimed(self, record: Record, fact: f.LegClaimed) -> None:
        claims.claimed(self._tell, record, fact)

    def _released(self, record: Record, fact: f.ClaimReleased) -> None:
        least = self._least.get(record.legs[fact.leg].instrument, 1)
        claims.released(self._tell, record, fact, least)

    def _added(self, record: Record, fact: f.LegAdded) -> None:
        promises.added(self._tell, record, fact)
        record.legs.append(fact.terms)
        self._revived(record)

    def _canceling_leg(self, record: Record, fact: f.LegCanceling) -> None:
        record.canceling[fact.leg] = True

    def _leg_done(self, record: Record, fact: f.LegDone) -> None:
        record.armed.pop(fact.leg, None)
        record.ended[fact.leg] = fact.status
        promises.gave_up(self._tell, record, fact)
        promises.kept(self._tell, record, fact)
        promises.needed(self._tell, record, fact)
        untried = not any(n == fact.leg for n, _ in record.attempts)
        if fact.status == "canceled" and untried and not record.claims:
            claims.recalled(self._tell, record, fact.leg, "ended")
        if record.live(fact.leg):
            self._tell("I4", f"{record.legs[fact.leg].id} of {record.id} ended while it is live")

    # Orders

    def _amended(self, record: Record, fact: f.OrderAmended) -> None:
        record.amended = True
        for change in fact.changes:
            hold = change.terms.hold if fact.by == "feed" else record.legs[change.leg].hold
            resized = replace(record.legs[change.leg], quantity=change.terms.quantity, hold=hold)
            if fact.by != "outside" and resized != change.terms:
                claims.frozen(self._tell, record, change.leg, "amended")
            if record.legs[change.leg].trail != change.terms.trail:
                record.armed.pop(change.leg, None)
                record.forget_condition(change.leg)
            if record.legs[change.leg].when != change.terms.when:
                record.forget_condition(change.leg)
            record.legs[change.leg] = change.terms
            record.armed.pop(change.leg, None)

    def _winding(self, record: Record, fact: f.OrderCanceling) -> None:
        if fact.exposure == "expire":
            record.expiring = True
            return
        record.winding, record.winding_reason = fact.exposure, fact.reason

    def _adjusted(self, record: Record, fact: f.ExposureAdjusted) -> None:
        record.adjusted += fact.quantity

    def _incident(self, record: Record, fact: f.IncidentOpened) -> None:
        kind = str(fact.kind)
        if kind == "dust_left":
            symbol = record.legs[fact.leg].instrument
            if fact.quantity >= self._least.get(symbol, fact.quantity + 1):
                self._tell("sizes", f"{fact.quantity} of {record.id} is no dust on {symbol}")
        if kind == "outside_change":
            record.taken = ""
        record.incidents[kind] = record.incidents.get(kind, 0) + max(1, fact.quantity)

    def _done(self, record: Record, fact: f.OrderDone) -> None:
        record.done = fact.status
        self._live.pop(record.id, None)
        for (leg, attempt), state in record.attempts.items():
            if state.live:
                name = client_id(record.id, leg, attempt)
                self._tell("I4", f"{record.id} is done while {name} may be live")
        if record.armed:
            self._tell("I4", f"{record.id} is done while it still waits for the market")

    # Venue orders

    def _sending(self, record: Record, fact: f.VenueOrderSending) -> None:
        self._dirty[record.id] = True
        sizes.note_held(record)
        self._wire.sending(self._tell, record, fact)
        claims.frozen(self._tell, record, fact.leg, "sent")
        claims.sent(self._tell, record, fact)
        if self._markets is not None:
            self._markets.sent(self._tell, record, fact.leg)
        promises.in_time(self._tell, record, fact.leg, fact.at, "sent")
        promises.priced(self._tell, record, fact.leg, fact.order_type, fact.price)
        if fact.order_type is q.VenueOrderType.MARKET:
            record.at_market[fact.leg] = True
        sizes.child(self._tell, record, fact)
        sizes.sliced(self._tell, record, fact)
        asked = (fact.leg, fact.quantity, fact.reduce_only)
        sizes.asked(self._tell, record, *asked, self._least)
        record.attempts[fact.leg, fact.attempt] = Attempt(
            fact.quantity,
            fact.price,
            fact.trigger_price,
            question="VenueOrderSending",
            since=self.seq,
            reduce_only=fact.reduce_only,
            born=self.seq,
            list_id=fact.list_id,
            pending=fact.pending,
        )
        record.armed.pop(fact.leg, None)
        record.ended.pop(fact.leg, None)

    def _question(self, record: Record, fact: Any) -> None:
        """An amend or a recall opens: one at a time."""
        attempt = record.attempts[fact.leg, fact.attempt]
        kind = type(fact).__name__
        if attempt.question:
            name = client_id(record.id, fact.leg, fact.attempt)
            self._tell("one request in flight", f"{attempt.question} and {kind} of {name}")
        attempt.question, attempt.since = kind, self.seq
        if isinstance(fact, f.VenueOrderAmending):
            self._dirty[record.id] = True
            sizes.note_held(record)
            attempt.asked = fact.quantity
            asked = (fact.leg, fact.quantity - attempt.filled, attempt.reduce_only)
            sizes.asked(self._tell, record, *asked, self._least)
            self._wire.amending(record, fact)
        else:
            attempt.recalled = True
            claims.recalled(self._tell, record, fact.leg)
            self._wire.recalled(client_id(record.id, fact.leg, fact.attempt))

    def _acknowledged(self, record: Record, fact: f.VenueOrderAcknowledged) -> None:
        attempt = record.attempts[fact.leg, fact.attempt]
        if attempt.question == "VenueOrderSending":
            attempt.question = ""

    def _venue_amended(self, record: Record, fact: f.VenueOrderAmended) -> None:
        attempt = record.attempts[fact.leg, fact.attempt]
        attempt.quantity = fact.quantity
        attempt.price, attempt.trigger_price = fact.price, fact.trigger_price
        if attempt.question == "VenueOrderAmending":
            attempt.question = ""
        if attempt.leaves <= 0:
            attempt.live = False

    def _unsure(self, record: Record, fact: Any) -> None:
        """Unknown, or an amend refused: the question is closed, the venue is asked. Until it has
        answered, an order filled to its old size may have been made larger, and live on."""
        record.attempts[fact.leg, fact.attempt].question = ""

    def _asking(self, record: Record, fact: f.VenueOrderQuerying) -> None:
        record.attempts[fact.leg, fact.attempt].asking = True

    def _found(self, record: Record, fact: f.VenueOrderFound) -> None:
        if fact.status != "working":
            self._ended(record, fact)
            return
        attempt = record.attempts[fact.leg, fact.attempt]
        attempt.question, attempt.asking, attempt.quantity = "", False, fact.quantity
        attempt.price, attempt.trigger_price = fact.price, fact.trigger_price

    def _ended(self, record: Record, fact: Any) -> None:
        attempt = record.attempts[fact.leg, fact.attempt]
        attempt.live, attempt.question = False, ""
        told = isinstance(fact, f.VenueOrderCanceled | f.VenueOrderExpired)
        name = client_id(record.id, fact.leg, fact.attempt)
        self._wire.ended(self._tell, name, attempt.filled if told else None)
        if isinstance(fact, f.VenueOrderCanceled) and not attempt.recalled:
            others = fact.reason is r.CancelReason.OUTSIDE
            asked = fact.reason is r.CancelReason.REQUESTED and attempt.born > self._started
            record.taken = record.legs[fact.leg].id if others or asked else record.taken

    def _filled(self, record: Record, fact: f.VenueOrderFilled) -> None:
        if fact.exec_id in record.fills:
            self._tell("I6", f"execution {fact.exec_id} was counted twice")
        if fact.confirmed and record.terms.policy.confirm_ns:
            self._tell("confirmation", f"{fact.exec_id} was believed when it was told once")
        self._refuting.believe(fact.exec_id)
        record.fills[fact.exec_id] = Fill(
            fact.leg, fact.attempt, fact.quantity, fact.price, fact.confirmed
        )
        record.cum[fact.leg] = record.cum.get(fact.leg, 0) + fact.quantity
        if record.cum[fact.leg] != fact.cum_quantity:
            self._tell("I6", f"{fact.exec_id} makes {record.cum[fact.leg]}, not what is said")
        attempt = record.attempts[fact.leg, fact.attempt]
        if not attempt.live:
            self._revived(record)
        attempt.filled += fact.quantity
        self._positions.filled(fact.at)
        if attempt.question == "VenueOrderSending":
            attempt.question = ""
        if attempt.leaves <= 0 and attempt.question != "VenueOrderAmending":
            attempt.live, attempt.question = False, ""

    def _confirmed(self, record: Record, fact: f.FillConfirmed) -> None:
        record.fills[fact.exec_id].confirmed = True
        self._refuting.believe(fact.exec_id)
        self._wire.confirmed(self._tell, fact.exec_id)

    def _doubt(self, record: Record, fact: f.FillDoubted) -> None:
        self._refuting.doubt(fact.exec_id)

    def _refuted(self, record: Record, fact: f.FillRefuted) -> None:
        self._wire.refuted[fact.exec_id] = True
        self._refuting.take_back(fact.exec_id)
        if record.fills.pop(fact.exec_id, None) is None:
            self._tell("I6", f"{fact.exec_id} was taken back and never booked")
        record.cum[fact.leg] = record.cum.get(fact.leg, 0) - fact.quantity
        record.attempts[fact.leg, fact.attempt].filled -= fact.quantity
        self._revived(record)


READERS: dict[type, Callable[[Auditor, Record, Any], None]] = {
    f.LegArmed: Auditor._armed,
    f.LegDisarmed: Auditor._disarmed,
    f.TrailActivated: Auditor._activated,
    f.ConditionChanged: Auditor._condition,
    f.LegTriggered: Auditor._triggered,
    f.LegClaimed: Auditor._claimed,
    f.ClaimReleased: Auditor._released,
    f.LegAdded: Auditor._added,
    f.LegEscalated: Auditor._escalated,
    f.LegCanceling: Auditor._canceling_leg,
    f.LegDone: Auditor._leg_done,
    f.OrderAmended: Auditor._amended,
    f.OrderCanceling: Auditor._winding,
    f.ExposureAdjusted: Auditor._adjusted,
    f.IncidentOpened: Auditor._incident,
    f.OrderDone: Auditor._done,
    f.VenueOrderSending: Auditor._sending,
    f.VenueOrderAmending: Auditor._question,
    f.VenueOrderCanceling: Auditor._question,
    f.VenueOrderAcknowledged: Auditor._acknowledged,
    f.VenueOrderAmended: Auditor._venue_amended,
    f.VenueOrderAmendRefused: Auditor._unsure,
    f.VenueOrderUnknown: Auditor._unsure,
    f.VenueOrderQuerying: Auditor._asking,
    f.VenueOrderFound: Auditor._found,
    f.VenueOrderCanceled: Auditor._ended,
    f.VenueOrderExpired: Auditor._ended,
    f.VenueOrderRejected: Auditor._ended,
    f.VenueOrderFilled: Auditor._filled,
    f.FillConfirmed: Auditor._confirmed,
    f.FillDoubted: Auditor._doubt,
    f.FillRefuted: Auditor._refuted,
}
