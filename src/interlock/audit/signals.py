"""Signals: a value outside of its schema changes nothing, and a frozen signal fires nothing.

Decides from schemas, values and facts, by its own reading, whether what counted was allowed to and
what froze a signal was outside, and whether a person was told. Invariant: where a schema changes
while a value is under way, or something else may have come before it, the answer is not judged.
"""

from typing import Final

from msgspec import Struct, field

from interlock.audit.breach import Tell
from interlock.audit.limits import Records
from interlock.audit.record import STOPS, Record
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.numbers import NumberProblem, parse_decimal
from interlock.orders.rejects import Reject
from interlock.orders.signals import SignalRules
from interlock.orders.terms import BPS, AtomKind, LegTerms
from interlock.orders.ticks import Tick, Trade

PLACES: Final = 9
MS_NS: Final = 1_000_000
SECOND_NS: Final = 1_000_000_000
SKEW_NS: Final = 10 * SECOND_NS
"""More than the clocks of a market and of a process lie apart."""


class Known(Struct):
    """One signal under a schema."""

    rules: SignalRules
    counted_at: int = 0
    frozen_at: int = 0
    sound: int = 0
    thawed: bool = False
    """No value has counted since it was frozen."""
    heard: dict[str, tuple[int, int]] = field(default_factory=dict)


class Signals:
    """All signals that have a schema."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._last: dict[str, int] = {}
        """The value that counted last, with or without a schema."""
        self._untold: dict[str, bool] = {}
        """Frozen in this batch of facts, and nobody was told."""
        self._under_way: dict[int, SignalRules | None] = {}
        self._trades: dict[str, list[tuple[int, int]]] = {}
        self._now = 0

    def frozen(self, leg: LegTerms) -> str:
        """A frozen signal that a leg's condition looks at."""
        for name in names_of(leg):
            known = self._known.get(name)
            if known is not None and known.frozen_at:
                return name
        return ""

    # Facts

    def fact(self, tell: Tell, fact: f.Fact, records: Records) -> None:
        """A fact is about to be read into the records."""
        self._now = max(self._now, fact.at)
        match fact:
            case f.SignalDefined():
                self._known.pop(fact.name, None)
                if fact.rules is not None:
                    self._known[fact.name] = Known(fact.rules)
            case f.SignalHeard():
                self._known[fact.name].heard[fact.source] = (units(fact.value), fact.at)
            case f.SignalReceived():
                if fact.name in self._known:
                    self._counts(tell, self._known[fact.name], fact)
                self._last[fact.name] = units(fact.value)
            case f.SignalFrozen():
                self._freezes(tell, self._known[fact.name], fact)
            case f.SignalSound():
                self._sounds(tell, self._known[fact.name], fact)
            case f.IncidentOpened() if fact.kind == "signal_frozen":
                self._untold.pop(fact.detail.partition(":")[0], None)
            case f.ConditionChanged() if fact.holds:
                self._fires(tell, records[fact.order_id], fact.leg, "is said to be due")
            case f.LegTriggered():
                self._fires(tell, records[fact.order_id], fact.leg, "was triggered")
            case f.OrderAccepted():
                unprotected(tell, Record(fact.terms, list(fact.terms.legs)))
            case _:
                pass

    def _fires(self, tell: Tell, record: Record, number: int, what: str) -> None:
        leg = record.legs[number]
        name = self.frozen(leg)
        if name:
            tell("signal", f"{leg.id} of {record.id} {what}, and {name} is frozen")

    def _counts(self, tell: Tell, known: Known, fact: f.SignalReceived) -> None:
        rules, value, last = known.rules, units(fact.value), self._last.get(fact.name)
        if known.frozen_at:
            tell("signal", f"{fact.name} is frozen, and {fact.value} counts")
        if _outside(rules, value):
            tell("signal", f"{fact.value} of {fact.name} is outside, and counts")
        judged = rules.quorum == 1 and not known.thawed and last is not None
        step = abs(value - (last or 0)) if judged else 0
        if rules.max_step is not None and step > units(rules.max_step):
            tell("signal", f"{fact.name} steps to {fact.value} from {last}")
        if rules.quorum > 1 and rules.max_age_ms is not None:
            oldest = fact.at - rules.max_age_ms * MS_NS
            found = sorted(one for one, at in known.heard.values() if at >= oldest)
            low, high = (len(found) - 1) // 2, len(found) // 2
            if len(found) < rules.quorum:
                tell("signal", f"{fact.name} counts by the word of {len(found)}")
            elif (found[low] + found[high]) // 2 != value:
                tell("signal", f"{fact.value} of {fact.name} is not the middle of {found}")
        self._moved(tell, rules, fact)
        known.counted_at, known.thawed = fact.at, False

    def _moved(self, tell: Tell, rules: SignalRules, fact: f.SignalReceived) -> None:
        """The price that is to have moved as well may have."""
        move = rules.corroborated_by
        if move is None:
            return
        trades = self._trades.get(move.instrument, [])
        since = fact.at - move.within_s * SECOND_NS - SKEW_NS
        before = [price for at, price in trades if at < since][-1:]
        prices = before + [price for at, price in trades if at >= since]
        low, high = min(prices, default=1), max(prices, default=1)
        if (high - low) * BPS < move.move_bps * low:
            tell("signal", f"{fact.name} counts, and {move.instrument} stood at {low} to {high}")

    def _freezes(self, tell: Tell, known: Known, fact: f.SignalFrozen) -> None:
        rules, setting = known.rules, fact.setting
        limit = getattr(rules, setting)
        if str(limit) != fact.limit:
            tell("signal", f"{fact.name} was frozen by {setting} {fact.limit}: it is {limit}")
        elif setting == "max_age_ms":
            if abs(int(fact.figure)) < int(limit):
                tell("signal", f"{fact.name} was frozen at an age of {fact.figure} ms")
        elif setting == "max_step":
            if units(fact.figure) <= units(limit):
                tell("signal", f"{fact.name} was frozen by a step of {fact.figure}")
        elif not _outside(rules, units(fact.figure)):
            tell("signal", f"{fact.name} was frozen by {fact.figure}, which is sound")
        known.frozen_at, known.sound = fact.at, 0
        self._untold[fact.name] = True

    def _sounds(self, tell: Tell, known: Known, fact: f.SignalSound) -> None:
        rules = known.rules
        early = fact.at < known.frozen_at + rules.cool_s * SECOND_NS
        enough = fact.count >= rules.calm_values
        if not known.frozen_at or early or fact.count != known.sound + 1 or fact.thawed != enough:
            tell("signal", f"{fact.name} is sound for the {fact.count}. time, and is not")
        known.sound = fact.count
        if fact.thawed:
            known.frozen_at, known.sound, known.thawed = 0, 0, True

    def batch_over(self, tell: Tell, records: Records) -> None:
        """A batch of facts has been read: people know, and nothing is held to be due."""
        for name in self._untold:
            tell("signal", f"{name} was frozen, and nobody was told")
        self._untold.clear()
        if not self._known:
            return
        for record in records.values():
            if record.done:
                continue
            for number in record.armed:
                leg = record.legs[number]
                for name in names_of(leg):
                    self._waits(tell, record, number, name)

    def _waits(self, tell: Tell, record: Record, number: int, name: str) -> None:
        known = self._known.get(name)
        if known is None:
            return
        leg = record.legs[number]
        if known.frozen_at and record.holds.get(number):
            tell("signal", f"the condition of {leg.id} of {record.id} holds: {name} is frozen")
        age = known.rules.max_age_ms
        silent = age is not None and known.counted_at + age * MS_NS < self._now
        if silent and known.counted_at and not known.frozen_at:
            tell("signal", f"{name} is silent, {leg.id} of {record.id} waits for it: not frozen")

    # Values

    def tick(self, tick: Tick) -> None:
        if isinstance(tick, Trade) and self._known:
            self._trades.setdefault(tick.instrument, []).append((tick.at, tick.price))

    def stirred(self) -> None:
        """Something else has come in, or the process has gone: no answer is judged."""
        self._under_way.clear()

    def asked(self, number: int, command: c.Command) -> None:
        if self._under_way:
            self.stirred()
        known = self._known.get(command.name) if isinstance(command, c.Signal) else None
        self._under_way[number] = None if known is None else known.rules

    def answered(self, tell: Tell, number: int, command: c.Command, answer: c.Answer) -> None:
        """What its schema does not allow is refused, and freezes it; what it allows is taken."""
        sure, rules = number in self._under_way, self._under_way.pop(number, None)
        if not isinstance(command, c.Signal):
            return
        refused = isinstance(answer, Reject)
        said = f"{command.value!r} of {command.name} by {command.source or 'nobody'}"
        if isinstance(parse_decimal(command.value), NumberProblem):
            if not refused:
                tell("signal", f"{said} is no number, and was taken")
            return
        known = self._known.get(command.name)
        if not sure or rules is None or known is None or known.rules is not rules:
            return
        stranger = bool(rules.sources) and command.source not in rules.sources
        outside = _outside(rules, units(command.value))
        if (stranger or outside) and not refused:
            tell("signal", f"{said} was taken")
        if outside and not stranger and not known.frozen_at:
            tell("signal", f"{said} is outside, and freezes nothing")
        aged = rules.max_age_ms is not None and command.made_at is not None
        if refused and not (stranger or outside or aged or rules.max_step is not None):
            tell("signal", f"{said} is sound, and was refused: {answer}")


def names_of(leg: LegTerms) -> list[str]:
    """The signals that a leg's condition looks at."""
    atoms = leg.when.atoms if leg.when is not None else ()
    return [one.name for one in atoms if one.kind is AtomKind.SIGNAL]


def unprotected(tell: Tell, record: Record) -> None:
    """Not every stop of a position waits for a number from outside."""
    for number, relation in enumerate(record.relations):
        if relation.kind == "oto":
            legs = [record.legs[n] for n in record.exits(number)]
            stops = [leg for leg in legs if leg.type in STOPS]
            if stops and all(names_of(leg) for leg in stops):
                tell("signal", f"every stop of {record.id} waits for a signal")


def units(text: str) -> int:
    """A value in thousand-millionths."""
    value = parse_decimal(text)
    assert not isinstance(value, NumberProblem), text
    scale: int = 10**PLACES
    return value.mantissa * scale // int(10**value.places)


def _outside(rules: SignalRules, value: int) -> bool:
    low, high = rules.low, rules.high
    return (low is not None and value < units(low)) or (high is not None and value > units(high))
