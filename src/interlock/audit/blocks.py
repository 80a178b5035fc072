"""Blocks: while one stands nothing that adds risk is taken or sent in its scope, and what it pulls
is pulled.

Decides from facts alone: kills, breakers, countdowns, unfit feeds, venues gone, and in which order
a flattening takes things back. Invariant: exits are never what a gate holds back.
"""

from typing import Final

from interlock.audit.breach import Tell
from interlock.audit.limits import InForce, Records
from interlock.audit.record import Record
from interlock.audit.scopes import adds, covers, entries_open, over, protects
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.limits import Block, BlockCause, BlockLevel, Countdown
from interlock.orders.rejects import Reject
from interlock.orders.terms import OrderTerms
from interlock.orders.ticks import Depth, Quote, Tick

Key = tuple[str, str]
ITSELF: Final = "interlock"
PULLS: Final = (BlockLevel.RECALL_ENTRIES, BlockLevel.RECALL_ALL, BlockLevel.FLATTEN)
CARELESS: Final = ("RISK_NOT_ALLOWED", "RISK_PRICE_COLLAR", "RISK_STOP_DISTANCE")
"""Refusals that an exit may get when it is placed: it is of a kind, or at a price, that is no
exit's."""


class Blocks:
    """Blocks in force, and what else will set one."""

    def __init__(self, limits: InForce) -> None:
        self._limits = limits
        self._known: dict[Key, Block] = {}
        self._tries: dict[Key, str] = {}
        """The one order of a half-open breaker."""
        self._pulled: list[tuple[Block, list[Record]]] = []
        """Set in this batch of facts, with the orders that lived then."""
        self._countdowns: dict[str, Countdown] = {}
        self._ran_out: list[str] = []
        """Countdowns, in this batch of facts."""
        self._gone: dict[str, int] = {}
        self._now = 0
        self._unsound = ""
        """An instrument that the tick at hand shows no sound price of."""

    def fact(self, tell: Tell, fact: f.Fact, records: Records) -> None:
        """A fact is about to be read into the records."""
        self._now = max(self._now, fact.at)
        match fact:
            case f.BlockSet():
                self._set(tell, fact.block, records)
            case f.BlockLifted():
                self._lifted(tell, fact, records)
            case f.CountdownArmed():
                self._armed(tell, fact)
            case f.CountdownDisarmed():
                self._disarmed(tell, fact)
            case f.VenueDisconnected():
                self._gone.setdefault(fact.venue, fact.at)
            case f.VenueConnected():
                self._gone.pop(fact.venue, None)
            case f.OrderAccepted() if self._known:
                self._accepted(tell, fact.terms)
            case f.LegRefused():
                self._refused(tell, records[fact.order_id], fact.leg)
            case f.VenueOrderSending() if self._known:
                what = f"attempt {fact.attempt}"
                self._grows(tell, records[fact.order_id], fact.leg, what)
            case f.VenueOrderAmending() if self._known:
                record = records[fact.order_id]
                if fact.quantity > record.attempts[fact.leg, fact.attempt].quantity:
                    self._grows(tell, record, fact.leg, f"{fact.quantity} instead of less")
            case f.OrderAmended() if self._known and fact.by == "trader":
                self._amended(tell, records[fact.order_id], fact)
            case f.VenueOrderCanceling() | f.LegDisarmed() if fact.reason != "replace":
                stop_last(tell, records[fact.order_id], fact.leg)
            case f.LegDone() if fact.leg in records[fact.order_id].armed:
                stop_last(tell, records[fact.order_id], fact.leg)
            case _:
                pass

    # Blocks

    def _set(self, tell: Tell, block: Block, records: Records) -> None:
        key = (str(block.cause), block.name)
        before = self._known.get(key)
        if block.cause is BlockCause.COUNTDOWN and block.name in self._ran_out:
            self._ran_out.remove(block.name)
        if block.half_open:
            if before is None or before.until > self._now:
                tell("breaker", f"{key} is half open before its time")
            self._tries.pop(key, None)
        elif block.level in PULLS:
            live = [one for one in records.values() if not one.done]
            self._pulled.append((block, [one for one in live if over(block.scope, one.terms)]))
        if not block.half_open:
            self._tries.pop(key, None)
        self._known[key] = block

    def _lifted(self, tell: Tell, fact: f.BlockLifted, records: Records) -> None:
        key = (str(fact.cause), fact.name)
        block = self._known.pop(key, None)
        tried = records.get(self._tries.pop(key, ""))
        if block is None:
            tell("block", f"{key} is lifted and was not set")
        elif fact.cause is BlockCause.BREAKER and fact.by == ITSELF:
            if not block.half_open or tried is None or not tried.done:
                tell("breaker", f"{key} closed by itself, and no order had tried")
        elif fact.cause is BlockCause.KILL and fact.by == ITSELF:
            tell("kill", f"{key} was lifted by nobody")

    def _covering(self, terms: OrderTerms, instruments: list[str]) -> dict[Key, Block]:
        return {
            key: block
            for key, block in self._known.items()
            if covers(block.scope, terms.account, terms.tag, instruments, terms.key)
        }

    def _accepted(self, tell: Tell, terms: OrderTerms) -> None:
        if not any(adds(leg) for leg in terms.legs):
            return
        instruments = [leg.instrument for leg in terms.legs]
        for key, block in self._covering(terms, instruments).items():
            if block.waits and block.cause is BlockCause.SESSION:
                continue  # an order may be placed while its market is closed
            if not block.half_open or self._tries.setdefault(key, terms.id) != terms.id:
                tell("block", f"{terms.id} was accepted while {key} stood")

    def _grows(self, tell: Tell, record: Record, number: int, what: str) -> None:
        leg = record.legs[number]
        if not adds(leg):
            return
        for key, block in self._covering(record.terms, [leg.instrument]).items():
            if not block.half_open or self._tries.setdefault(key, record.id) != record.id:
                tell("block", f"{leg.id} of {record.id} was sent ({what}) while {key} stood")

    def _amended(self, tell: Tell, record: Record, fact: f.OrderAmended) -> None:
        for change in fact.changes:
            old = record.legs[change.leg]
            if change.terms.quantity > old.quantity:
                self._grows(tell, record, change.leg, "a larger entry, by an amend")

    def _refused(self, tell: Tell, record: Record, number: int) -> None:
        leg = record.legs[number]
        if not adds(leg):
            tell("exits", f"{leg.id} of {record.id} exits, and a gate refused it")

    def answered(self, tell: Tell, command: c.Command, answer: c.Answer) -> None:
        """A placement that only takes risk away is not refused for what is risked."""
        if not isinstance(command, c.PlaceOrder) or not isinstance(answer, Reject):
            return
        code = str(answer.code)
        if (
            code.startswith("RISK_")
            and code not in CARELESS
            and getattr(command.order, "reduce_only", False)
        ):
            tell("exits", f"{command.client_order_id} is reduce-only, and was refused: {code}")

    # What is due by time

    def _armed(self, tell: Tell, fact: f.CountdownArmed) -> None:
        countdown = fact.countdown
        if countdown.until != fact.at + countdown.after_ns:
            tell("countdown", f"{countdown.name} counts from another moment than now")
        self._countdowns[countdown.name] = countdown

    def _disarmed(self, tell: Tell, fact: f.CountdownDisarmed) -> None:
        countdown = self._countdowns.pop(fact.name, None)
        if fact.by != ITSELF:
            return
        self._ran_out.append(fact.name)
        if countdown is None or countdown.until > fact.at:
            tell("countdown", f"{fact.name} ran out before its time")

    def batch_over(self, tell: Tell) -> None:
        """A batch of facts has been read: what they set is carried out, what is due is done."""
        for block, found in self._pulled:
            for record in found:
                if not record.done:
                    _pulled(tell, block, record)
        self._pulled.clear()
        for name in self._ran_out:
            if (str(BlockCause.COUNTDOWN), name) not in self._known:
                tell("countdown", f"{name} ran out, and its scope goes on")
        self._ran_out.clear()
        for countdown in self._countdowns.values():
            if countdown.until < self._now:
                tell("countdown", f"{countdown.name} ran out, and its scope goes on")
        for venue, since in self._gone.items():
            spell = self._limits.venue_gone(venue)
            if spell is not None and since + spell < self._now and not self._outage(venue):
                tell("outage", f"{venue} has been gone for too long, and nothing is pulled")

    def _outage(self, venue: str) -> bool:
        return any(
            block.cause is BlockCause.OUTAGE and block.scope.venue == venue
            for block in self._known.values()
        )

    # Feeds

    def tick(self, tick: Tick) -> None:
        """A tick is about to be taken in."""
        self._unsound = ""
        if self._limits.watches(tick.instrument):
            bid, ask = 1, 2
            if isinstance(tick, Quote):
                bid, ask = tick.bid, tick.ask
            elif isinstance(tick, Depth):
                bid = tick.bids[0][0] if tick.bids else 0
                ask = tick.asks[0][0] if tick.asks else 0
            self._unsound = "" if 0 < bid < ask else tick.instrument

    def ticked(self, tell: Tell) -> None:
        """It has been dealt with."""
        if self._unsound and (str(BlockCause.FEED), self._unsound) not in self._known:
            tell("feed", f"{self._unsound} shows no sound price, and entries are taken")

    # The end

    def finish(self, tell: Tell, records: Records) -> None:
        """In calm weather a scope that was pulled has no entry left."""
        for key, block in self._known.items():
            if block.level not in PULLS or block.half_open or key in self._tries:
                continue
            for record in records.values():
                left = entries_open(record) if over(block.scope, record.terms) else []
                if left and not record.done and not record.told("in_doubt"):
                    names = ", ".join(record.legs[n].id for n in left)
                    tell("kill", f"{names} of {record.id} may still trade under {key}")


def _pulled(tell: Tell, block: Block, record: Record) -> None:
    flat = block.level is BlockLevel.FLATTEN
    if flat and record.winding != "flatten":
        tell("kill", f"{record.id} is not flattened by {block.cause} {block.name}")
    if not flat and not record.winding and entries_open(record):
        tell("kill", f"entries of {record.id} stay through {block.cause} {block.name}")


def stop_last(tell: Tell, record: Record, number: int) -> None:
    """A flattening takes a protective stop back only when nothing else of its order is live."""
    leg = record.legs[number]
    if record.winding != "flatten" or not protects(leg) or record.claims:
        return
    if number in record.canceling or number in record.triggered:
        return
    if any(not fill.confirmed for fill in record.fills.values()):
        return  # it waits until a fill is believed, and then goes on
    above = record.oto_above(number)
    if above is not None and record.held(above) <= 0:
        return  # nothing is left to protect
    others = [n for n, _ in record.attempts if n != number and record.live(n)]
    if any(not protects(record.legs[n]) for n in others):
        tell("flatten", f"{leg.id} of {record.id} is taken back before everything else")
