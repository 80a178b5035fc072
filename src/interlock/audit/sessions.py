"""Sessions: when a market trades, what is stopped before it closes, and what a close must tell.

Decides from hours as they were told, by reading moments itself, whether a block of a session stands
exactly while it should, and whether anything went that was to wait. Invariant: what no hours say is
not judged.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from interlock.audit.breach import Tell
from interlock.audit.limits import InForce, Records
from interlock.audit.record import Record
from interlock.audit.scopes import adds, covers, market_of
from interlock.orders import facts as f
from interlock.orders.instruments import Session
from interlock.orders.legs import TimeInForce
from interlock.orders.limits import Block, BlockCause, BlockLevel, Limits, RiskScope
from interlock.orders.sessions import Hours
from interlock.orders.terms import OrderTerms

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
DAY_NS: Final = 1440 * MINUTE_NS
UNITS: Final = {"s": 1, "m": 60, "h": 3600}
STAGES: Final = (
    ("no_new_after", BlockLevel.BLOCK_NEW),
    ("reduce_before_close", BlockLevel.RECALL_ENTRIES),
    ("flatten_at", BlockLevel.FLATTEN),
)
LATE_NS: Final = 60 * SECOND_NS
"""So long after its time a leg is gone, whatever a venue made of its recall."""
Wanted = dict[str, tuple[BlockLevel, bool]]
"""Blocks by name: their level, and whether entries wait for their end."""


class Sessions:
    """Hours of every instrument, and what follows from them."""

    def __init__(self, limits: InForce) -> None:
        self._limits = limits
        self._told: dict[str, tuple[Hours, ...]] = {}
        self._own: dict[str, Session] = {}
        self._standing: Wanted = {}
        self._stopped: dict[str, str] = {}
        """Instruments that do not trade, and why."""
        self._untold: list[tuple[str, str]] = []
        """Positions that are still there at a close: account and instrument."""
        self._said: list[str] = []
        """What was said in this batch of facts of positions that are."""
        self._suspended: list[tuple[Record, str]] = []
        self._now = 0

    def fact(self, tell: Tell, fact: f.Fact, records: Records) -> None:
        """A fact is about to be read into the records."""
        self._now = max(self._now, fact.at)
        match fact:
            case f.InstrumentDefined() if fact.instrument.session != Session():
                self._own[fact.instrument.symbol] = fact.instrument.session
            case f.SessionsSet():
                self._told.pop(fact.instrument, None)
                if fact.calendar:
                    self._told[fact.instrument] = fact.hours
            case f.BlockSet() if fact.block.cause is BlockCause.SESSION:
                self._set(fact.block, records)
            case f.BlockLifted() if fact.cause is BlockCause.SESSION:
                self._standing.pop(fact.name, None)
            case f.InstrumentHalted():
                self._stopped[fact.instrument] = "halted"
            case f.InstrumentDelisted():
                self._stopped[fact.instrument] = "delisted"
                self._suspended += [(one, fact.instrument) for one in records.values()]
            case f.InstrumentResumed():
                self._stopped.pop(fact.instrument, None)
            case f.IncidentOpened() if fact.kind == "flatten_missed":
                self._said.append(fact.detail)
            case f.OrderAccepted():
                self._accepted(tell, fact)
            case f.VenueOrderSending():
                self._sending(tell, fact, records[fact.order_id])
            case f.VenueOrderAmending() | f.OrderAmended():
                self._grown(tell, fact, records[fact.order_id])
            case _:
                pass

    # What goes

    def _accepted(self, tell: Tell, fact: f.OrderAccepted) -> None:
        terms = fact.terms
        for leg in terms.legs:
            stopped = self._stopped.get(leg.instrument)
            if stopped and not terms.client_order_id.startswith("flatten:"):
                tell("session", f"{terms.id} was accepted, and {leg.instrument} is {stopped}")
            if adds(leg):
                self._late(tell, terms, leg.instrument, fact.at, f"{terms.id} was accepted")
            if leg.time_in_force is TimeInForce.DAY and self.timed(leg.instrument):
                now, after = self.around(leg.instrument, fact.at)
                hours = now or after
                if hours is None or leg.expire_at != hours.close:
                    wanted = None if hours is None else hours.close
                    tell("day", f"{leg.id} of {terms.id} ends at {leg.expire_at}, not {wanted}")

    def _sending(self, tell: Tell, fact: f.VenueOrderSending, record: Record) -> None:
        leg = record.legs[fact.leg]
        what = f"{leg.id} of {record.id} was sent"
        if leg.instrument in self._stopped:
            stopped = self._stopped[leg.instrument]
            tell("session", f"{what}, and {leg.instrument} is {stopped}")
        if adds(leg):
            self._closed(tell, leg.instrument, fact.at, what)
            self._late(tell, record.terms, leg.instrument, fact.at, what)

    def _grown(
        self, tell: Tell, fact: f.VenueOrderAmending | f.OrderAmended, record: Record
    ) -> None:
        grown: list[int] = []
        if isinstance(fact, f.VenueOrderAmending):
            if fact.quantity > record.attempts[fact.leg, fact.attempt].quantity:
                grown = [fact.leg]
        elif fact.by == "trader":
            grown = [
                change.leg
                for change in fact.changes
                if change.terms.quantity > record.legs[change.leg].quantity
            ]
        for number in grown:
            leg = record.legs[number]
            if adds(leg):
                what = f"{leg.id} of {record.id} was made larger"
                self._closed(tell, leg.instrument, fact.at, what)
                self._late(tell, record.terms, leg.instrument, fact.at, what)

    def _closed(self, tell: Tell, symbol: str, at: int, what: str) -> None:
        if self.timed(symbol) and self.around(symbol, at)[0] is None:
            tell("session", f"{what} while {symbol} is closed")

    def _late(self, tell: Tell, terms: OrderTerms, symbol: str, at: int, what: str) -> None:
        now = self.around(symbol, at)[0]
        for scope, limits in self._ends(symbol):
            if now is None or not covers(scope, terms.account, terms.tag, (symbol,)):
                continue
            for setting, _ in STAGES:
                text = getattr(limits, setting)
                if text is not None and moment(text, now) <= at:
                    tell("session", f"{what} after {setting} ({text}) of {scope}")

    # Hours

    def timed(self, symbol: str) -> bool:
        return symbol in self._told or symbol in self._own

    def around(self, symbol: str, at: int) -> tuple[Hours | None, Hours | None]:
        """The session that a moment lies in, and the next one."""
        hours: Iterable[Hours] = self._told.get(symbol, ())
        if symbol not in self._told:
            hours = _daily(self._own.get(symbol, Session()), at)
        now = [one for one in hours if one.open <= at < one.close]
        after = [one for one in hours if one.open > at]
        first = min(after, key=lambda one: one.open, default=None)
        return (now[-1] if now else None), first

    def _ends(self, symbol: str) -> Iterator[tuple[RiskScope, Limits]]:
        for scope, limits in self._limits.all():
            if scope.instrument in (None, symbol) and (
                scope.venue is None or symbol.endswith("." + scope.venue)
            ):
                yield scope, limits

    # Blocks

    def _set(self, block: Block, records: Records) -> None:
        before = self._standing.get(block.name)
        self._standing[block.name] = block.level, block.waits
        symbol = block.scope.instrument
        if not block.waits or symbol is None or (before is not None and before[1]):
            return
        for scope, limits in self._ends(symbol):
            if limits.flatten_at is not None:
                only = RiskScope(scope.account, symbol, scope.tag)
                self._untold += [(account, symbol) for account in _holders(only, records)]

    def batch_over(self, tell: Tell) -> None:
        """A batch of facts has been read: the blocks are those that the hour asks for."""
        if self._told or self._own or self._standing or self._limits.ends():
            wanted = self._wanted()
            for name, (level, waits) in wanted.items():
                if self._standing.get(name) != (level, waits):
                    found = self._standing.get(name)
                    tell("session", f"{name} is to be at {level}, and is at {found}")
            for name in self._standing:
                if name not in wanted:
                    tell("session", f"{name} is blocked, and its session goes on")
        for account, symbol in self._untold:
            if any(_named(detail, account, symbol) for detail in self._said):
                continue
            tell("session", f"{account} holds {symbol} after its close, untold")
        for record, symbol in self._suspended:
            there = [leg.id for n, leg in enumerate(record.legs) if leg.instrument == symbol]
            live = not record.done and len(record.ended) < len(record.legs)
            if live and there and not record.told("delisted") and not _over(record, symbol):
                tell("session", f"{there} of {record.id} are suspended, untold")
        self._untold.clear()
        self._said.clear()
        self._suspended.clear()

    def _wanted(self) -> Wanted:
        out: Wanted = {}
        symbols = dict.fromkeys([*self._told, *self._own, *self._limits.instruments()])
        for symbol in symbols:
            now = self.around(symbol, self._now)[0]
            if now is None:
                out[str(RiskScope(instrument=symbol))] = BlockLevel.BLOCK_NEW, True
                continue
            for scope, limits in self._ends(symbol):
                name = str(RiskScope(scope.account, symbol, scope.tag))
                for setting, level in STAGES:
                    text = getattr(limits, setting)
                    known = out.get(name)
                    stronger = known is None or known[0].strength < level.strength
                    if text is not None and moment(text, now) <= self._now and stronger:
                        out[name] = level, False
        return out

    def finish(self, tell: Tell, records: Records) -> None:
        """What was to end with its day, or at another time, is gone long after it."""
        for record in records.values():
            for number, leg in enumerate(record.legs):
                over = leg.expire_at is not None and leg.expire_at + LATE_NS < self._now
                if over and (record.live(number) or number in record.armed):
                    tell("day", f"{leg.id} of {record.id} lives on after its time")


def moment(text: str, hours: Hours) -> int:
    """When something that is said of a session's end comes in one of them."""
    if text.startswith("close-"):
        return hours.close - int(text[6:-1]) * UNITS[text[-1]] * SECOND_NS
    shifted = timedelta(seconds=hours.offset_s + hours.early_s)
    clock = EPOCH + timedelta(microseconds=hours.close // 1000) + shifted
    shown = clock.replace(hour=int(text[:2]), minute=int(text[3:]), second=0, microsecond=0)
    if shown > clock:
        shown -= timedelta(days=1)
    at = (shown - shifted - EPOCH) // timedelta(microseconds=1) * 1000
    return at if hours.open <= at else hours.close


def _daily(session: Session, at: int) -> list[Hours]:
    """The sessions of an instrument's own definition, from yesterday's on."""
    out = []
    for day in range(at // DAY_NS - 1, at // DAY_NS + 9):
        if (EPOCH + timedelta(days=day)).isoweekday() in session.days:
            start = day * DAY_NS
            opens, close = start + session.open * MINUTE_NS, start + session.close * MINUTE_NS
            out.append(Hours(opens, close))
    return out


def _holders(scope: RiskScope, records: Records) -> list[str]:
    """Accounts with a position in the scope that is sure: nobody else has touched it."""
    net: dict[tuple[str, str, str], int] = {}
    unsure: dict[str, bool] = {}
    for record in records.values():
        account, tag = record.terms.account, record.terms.tag
        if record.adjusted:
            unsure[account] = True
        for number, leg in enumerate(record.legs):
            if covers(scope, account, tag, (leg.instrument,)):
                key = (account, market_of(leg)[1], tag)
                net[key] = net.get(key, 0) + leg.side * record.cum.get(number, 0)
    found = {account: True for (account, _, _), units in net.items() if units}
    return [account for account in found if account not in unsure]


def _named(detail: str, account: str, symbol: str) -> bool:
    return detail.startswith(f"{account} still holds") and symbol in detail


def _over(record: Record, symbol: str) -> bool:
    """Whether all of an order's legs on an instrument have ended."""
    legs = [n for n, leg in enumerate(record.legs) if leg.instrument == symbol]
    return all(n in record.ended for n in legs)
