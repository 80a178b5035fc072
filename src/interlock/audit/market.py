"""What has been seen of the markets, and what each armed leg makes of it.

Decides, by walking every armed leg on every tick, whether one fired that should not have, and
whether one did not that should have. Invariants: a stale, late, one-sided, crossed or locked price
fires nothing; a trailing stop never loosens.
"""

from collections.abc import Iterable, Iterator

from interlock.audit import conditions
from interlock.audit.breach import Tell
from interlock.audit.record import STOPS, TRAILS, Record, Waiting
from interlock.orders import facts as f
from interlock.orders.legs import LegType
from interlock.orders.terms import BPS, LegTerms, Span
from interlock.orders.ticks import Depth, Quote, Tick, Trade

UNPRICED = (LegType.MARKET, LegType.LIMIT)
"""With a condition, these wait for nothing else."""
STALE_NS = 5_000_000_000
CHANNELS = {"last": "last", "mid": "mid", "mark": "mark", "index": "index"}


class Seen:
    """The prices one instrument has shown to this process."""

    def __init__(self) -> None:
        self.prices: dict[str, int] = {}
        self.trade_at = 0
        self.quote_at = 0

    def take(self, tick: Tick) -> list[str]:
        """Take in a tick; the channels on which it shows a sound price."""
        if isinstance(tick, Trade):
            if tick.at < self.trade_at or tick.price <= 0:
                return []
            self.trade_at = tick.at
            self.prices["last"] = tick.price
            return ["last"]
        if isinstance(tick, Quote | Depth):
            return self._quote(tick)
        if tick.price <= 0:
            return []
        name = type(tick).__name__.lower()
        self.prices[name] = tick.price
        return [name]

    def _quote(self, tick: Quote | Depth) -> list[str]:
        if isinstance(tick, Quote):
            bid, ask = tick.bid, tick.ask
        elif tick.bids and tick.asks:
            bid, ask = tick.bids[0][0], tick.asks[0][0]
        else:
            return []
        if tick.at < self.quote_at:
            return []
        self.quote_at = tick.at
        for name in ("bid", "ask", "mid"):
            self.prices.pop(name, None)
        if not 0 < bid < ask:
            return []
        self.prices |= {"bid": bid, "ask": ask, "mid": bid + ask}
        return ["bid", "ask", "mid"]


class Markets:
    """All instruments."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        self._shown: list[str] = []
        self._instrument = ""
        self._now = 0
        self._clock = 0
        """The process's own clock as it is, which may step back."""
        self._due_now: dict[tuple[str, int], bool] = {}
        """What this tick alone makes due, as long as nothing else was said of it."""
        self._last_fired: tuple[str, tuple[bool, int]] = ("", (False, -1))
        self._fired_now: dict[tuple[str, int], bool] = {}
        """What has fired of that, while the tick is being dealt with."""
        self._last_sent = ""

    def restart(self, records: Iterable[Record]) -> None:
        """A new process: it has seen nothing yet, and of its trails what was durable."""
        self._seen.clear()
        self._due_now.clear()
        self._fired_now.clear()
        for record in records:
            for waiting in record.armed.values():
                waiting.touches = 0
                waiting.sure = waiting.durable

    def tick(self, tick: Tick, now: int, records: Iterable[Record]) -> None:
        """A tick reaches the process at its own time ``now``."""
        self._now = max(self._now, now)
        self._clock = now
        seen = self._seen.setdefault(tick.instrument, Seen())
        self._instrument = tick.instrument
        self._due_now.clear()
        self._last_fired, self._last_sent = ("", (False, -1)), ""
        self._shown = [] if self._now - tick.at > STALE_NS else seen.take(tick)
        if not self._shown:
            return
        for record, leg, waiting in self._armed(records):
            terms = record.legs[leg]
            for channel in watched(terms):
                if channel in self._shown and _looks(record, leg):
                    self._follow(record, leg, waiting, seen.prices[channel])
            if terms.when is None and self._due(record, leg, waiting):
                self._due_now[record.id, leg] = True

    def price(self, instrument: str, channel: str) -> int | None:
        """The last price there is."""
        seen = self._seen.get(instrument)
        return seen.prices.get(channel) if seen is not None else None

    def shown(self, instrument: str, channel: str) -> int | None:
        """The price that this very tick shows."""
        here = instrument == self._instrument and channel in self._shown
        return self.price(instrument, channel) if here else None

    def _armed(self, records: Iterable[Record]) -> Iterator[tuple[Record, int, Waiting]]:
        for record in records:
            for leg, waiting in list(record.armed.items()):
                if record.legs[leg].instrument == self._instrument:
                    yield record, leg, waiting

    def _follow(self, record: Record, leg: int, waiting: Waiting, price: int) -> None:
        terms = record.legs[leg]
        if terms.type in TRAILS and trailing(record, leg):
            better = max if terms.side < 0 else min
            waiting.sure = price if waiting.sure is None else better(waiting.sure, price)
            waiting.best = price if waiting.best is None else better(waiting.best, price)
        level = _level(record, leg, waiting, waiting.sure)
        if level is not None and _beyond(terms, price, level, trailing(record, leg)):
            waiting.touches += 1
            if waiting.touches == 1:
                waiting.touched_at = self._clock
        else:
            waiting.touches = 0

    def begins(self, tell: Tell, record: Record, fact: f.ConditionChanged) -> None:
        """A trail's condition has come to hold: it goes on from the price there is, or from the
        best it had seen before, whichever is nearer to firing."""
        terms, waiting = record.legs[fact.leg], record.armed[fact.leg]
        seen = self._seen.get(terms.instrument)
        price = seen.prices.get(watched(terms)[0]) if seen is not None else None
        better = max if terms.side < 0 else min
        known = [mark for mark in (price, waiting.sure) if mark is not None]
        wanted = better(known) if known else None
        if fact.watermark != wanted:
            name = f"{terms.id} of {record.id}"
            tell("trailing", f"{name} begins to trail from {fact.watermark}, not {wanted}")

    def ticked(self, tell: Tell, records: Iterable[Record]) -> None:
        """After the process has dealt with the tick: nothing that was due still waits."""
        self._fired_now.clear()
        if not self._shown:
            return
        seen = self._seen[self._instrument]
        for record in records:
            for leg in record.armed:
                if record.legs[leg].when is not None:
                    conditions.unsaid(tell, record, leg, self.shown)
        for record, leg, waiting in self._armed(records):
            terms = record.legs[leg]
            if not _plain(terms):
                continue
            level = _level(record, leg, waiting, waiting.sure)
            if level is None or record.told("gap"):
                continue
            for channel in watched(terms):
                price = seen.prices.get(channel)
                if channel not in self._shown or price is None:
                    continue
                if _beyond(terms, price, level, trailing(record, leg)):
                    name = f"{terms.id} of {record.id}"
                    tell("trigger", f"{name} waits at {level} though {channel} shows {price}")

    def triggered(self, tell: Tell, record: Record, fact: f.LegTriggered) -> None:
        """A leg is said to be due: was it?"""
        terms = record.legs[fact.leg]
        name = f"{terms.id} of {record.id}"
        waiting = record.armed.get(fact.leg)
        if waiting is None:
            tell("trigger", f"{name} fired though it was not armed")
            return
        if fact.source == "condition":
            if terms.when is None or not record.holds.get(fact.leg):
                tell("trigger", f"{name} fired on a condition that was not said to hold")
            return
        if terms.when is not None and not record.holds.get(fact.leg):
            tell("trigger", f"{name} fired though its condition does not hold")
        if fact.source not in watched(terms):
            tell("trigger", f"{name} fired on {fact.source}, and watches {watched(terms)}")
            return
        seen = self._seen.get(terms.instrument)
        if seen is None or seen.prices.get(fact.source) != fact.price:
            tell("trigger", f"{name} fired at {fact.price}, which {fact.source} does not show")
        self._at_its_level(tell, record, fact, waiting)
        self._first(tell, record, fact.leg)
        self._in_turn(tell, record, fact.leg)

    def _in_turn(self, tell: Tell, record: Record, fired: int) -> None:
        """What one tick makes due fires order by order as accepted, in an order stops first."""
        if not self._due_now.pop((record.id, fired), False):
            return
        mine = (record.id, _rank(record, fired))
        if mine < self._last_fired:
            name = f"{record.legs[fired].id} of {record.id}"
            tell("trigger", f"{name} fired after a leg of {self._last_fired[0]} that comes later")
        self._last_fired = mine
        self._fired_now[record.id, fired] = True

    def sent(self, tell: Tell, record: Record, leg: int) -> None:
        """What one tick made due, and waits for no recall, is sent order by order as well."""
        if not self._fired_now.pop((record.id, leg), False):
            return
        if record.id < self._last_sent:
            name = f"{record.legs[leg].id} of {record.id}"
            tell("trigger", f"{name} was sent after {self._last_sent}, which comes later")
        self._last_sent = record.id

    def moved_on(self, record: Record, leg: int) -> None:
        """Something else than the tick was said of a leg: its turn is over."""
        self._due_now.pop((record.id, leg), None)

    def _first(self, tell: Tell, record: Record, fired: int) -> None:
        """Of two legs due on one tick a protective stop comes first, else the one listed first."""
        seen = self._seen.get(self._instrument)
        for number, relation in enumerate(record.relations if seen is not None else ()):
            mine = [c for c in relation.children if fired in record.under(c)]
            if relation.kind != "oco" or not mine:
                continue
            beside = [n for n in record.under(~number) if n not in record.under(mine[0])]
            for leg in beside:
                if leg in record.armed and _rank(record, leg) < _rank(record, fired):
                    self._told_late(tell, record, fired, leg)

    def _told_late(self, tell: Tell, record: Record, fired: int, leg: int) -> None:
        here = record.legs[leg].instrument == self._instrument
        if here and self._due(record, leg, record.armed[leg]):
            name = f"{record.legs[fired].id} of {record.id}"
            tell("trigger", f"{name} fired on a tick that made {record.legs[leg].id} due first")

    def _due(self, record: Record, leg: int, waiting: Waiting) -> bool:
        """Whether the last tick alone makes a leg due that waits for nothing else."""
        terms = record.legs[leg]
        if terms.when is not None and record.holds.get(leg) and terms.type in UNPRICED:
            return True
        level = _level(record, leg, waiting, waiting.sure)
        if level is None or record.told("gap") or not _unconfirmed(terms):
            return False
        if not _looks(record, leg):
            return False
        prices = self._seen[terms.instrument].prices
        return any(
            channel in self._shown
            and channel in prices
            and _beyond(terms, prices[channel], level, trailing(record, leg))
            for channel in watched(terms)
        )

    def through(self, tell: Tell, record: Record) -> None:
        """What was said of an order leaves nothing waiting for a price that is there already."""
        for leg, waiting in record.armed.items():
            terms = record.legs[leg]
            seen = self._seen.get(terms.instrument)
            level = _level(record, leg, waiting, waiting.sure)
            if seen is None or level is None or not _plain(terms) or record.told("gap"):
                continue
            for channel in watched(terms):
                price = seen.prices.get(channel)
                if price is not None and _beyond(terms, price, level, trailing(record, leg)):
                    name = f"{terms.id} of {record.id}"
                    tell("trigger", f"{name} waits at {level} though {channel} is at {price}")

    def _at_its_level(
        self, tell: Tell, record: Record, fact: f.LegTriggered, waiting: Waiting
    ) -> None:
        terms = record.legs[fact.leg]
        name = f"{terms.id} of {record.id}"
        trails = trailing(record, fact.leg)
        tightest = _level(record, fact.leg, waiting, waiting.best)
        if tightest is None or fact.trigger_price is None:
            tell("trigger", f"{name} fired without a level to fire at")
            return
        if not _beyond(terms, fact.price, tightest, trails):
            tell("trigger", f"{name} fired at {fact.price} before its level {tightest}")
        loosest = _level(record, fact.leg, waiting, waiting.sure)
        if loosest is not None and trails:
            low, high = sorted((loosest, tightest))
            if not low <= fact.trigger_price <= high:
                said = f"says it trailed to {fact.trigger_price}"
                tell("trailing", f"{name} {said}; that is between {low} and {high}")
        elif fact.trigger_price != tightest:
            tell("trigger", f"{name} says it waited at {fact.trigger_price}, not {tightest}")
        if terms.confirm_ticks > 1 and waiting.touches < terms.confirm_ticks:
            tell("trigger", f"{name} fired after {waiting.touches} touches")
        lasted = fact.at - waiting.touched_at
        if terms.confirm_ns and waiting.touches and lasted < terms.confirm_ns:
            tell("trigger", f"{name} fired when its touch had lasted {lasted} ns")


def watched(terms: LegTerms) -> tuple[str, ...]:
    """The channels of prices a held leg watches."""
    side = "ask" if terms.side > 0 else "bid"
    if terms.type is LegType.LIMIT:
        return ("last", side)
    return (CHANNELS.get(terms.trigger_by, side),)


def _rank(record: Record, leg: int) -> tuple[bool, int]:
    terms = record.legs[leg]
    return not (terms.exits and terms.type in STOPS), leg


def _plain(terms: LegTerms) -> bool:
    """Whether one price alone makes the leg due."""
    return terms.when is None and _unconfirmed(terms)


def _unconfirmed(terms: LegTerms) -> bool:
    """Whether one touch is enough."""
    return terms.confirm_ticks <= 1 and not terms.confirm_ns


def _looks(record: Record, leg: int) -> bool:
    """Whether prices mean anything to an armed leg: its condition holds, where it has one."""
    return record.holds.get(leg, record.legs[leg].when is None)


def trailing(record: Record, leg: int) -> bool:
    """Whether the leg follows the market, and does not wait for its activation."""
    terms = record.legs[leg]
    plain = terms.activation_price is None or record.active.get(leg, False)
    return terms.type in TRAILS and plain


def _level(record: Record, leg: int, waiting: Waiting, best: int | None) -> int | None:
    """Where an armed leg fires, in its channel's units; nothing for one that only activates."""
    terms = record.legs[leg]
    if terms.type in TRAILS:
        if not trailing(record, leg) or best is None or terms.trail is None:
            return None
        distance = terms.trail.ticks * (2 if watched(terms) == ("mid",) else 1)
        if terms.trail.bps:
            distance = max(1, best * terms.trail.bps // BPS)
        return best + terms.side * distance
    if terms.type is LegType.MARKET or waiting.level is None:
        return None
    return waiting.level * (2 if watched(terms) == ("mid",) else 1)


def _beyond(terms: LegTerms, price: int, level: int, trailing: bool) -> bool:
    """Whether a price has reached the level from the side the leg waits on."""
    rising = (terms.side > 0) is (terms.type in STOPS)
    if trailing:
        rising = terms.side > 0
    return price >= level if rising else price <= level


def armed(tell: Tell, record: Record, fact: f.LegArmed, instead: Waiting | None) -> Waiting:
    """A leg begins, or goes on, to wait; ``instead``: what it waited for until now."""
    terms = record.legs[fact.leg]
    name = f"{terms.id} of {record.id}"
    mark = fact.watermark
    waiting = Waiting(fact.quantity, fact.trigger_price, mark, mark, mark)
    if terms.type in TRAILS:
        _check_trail(tell, name, terms, waiting, instead)
    elif terms.type is not LegType.MARKET:
        term = terms.price if terms.type is LegType.LIMIT else terms.trigger_price
        wanted = _absolute(record, fact.leg, term)
        if wanted is not None and fact.trigger_price is not None:
            away = abs(wanted - fact.trigger_price)
            if away > (1 if isinstance(term, Span) else 0):
                tell("trigger", f"{name} waits at {fact.trigger_price} instead of {wanted}")
    if instead is not None and instead.level == waiting.level:
        waiting.touches, waiting.touched_at = instead.touches, instead.touched_at
    return waiting


def _check_trail(
    tell: Tell, name: str, terms: LegTerms, waiting: Waiting, instead: Waiting | None
) -> None:
    if instead is None or instead.sure is None or waiting.sure is None:
        return
    loosened = (waiting.sure - instead.sure) * terms.side > 0
    if loosened:
        tell("trailing", f"{name} goes on from {waiting.sure}; it had seen {instead.sure}")
    waiting.best = instead.best


def _absolute(record: Record, leg: int, term: int | Span | None) -> int | None:
    """A relative price measured from the average entry fill, by the auditor's own arithmetic."""
    if term is None or isinstance(term, int):
        return term
    above = record.oto_above(leg)
    if above is None:
        return None
    entry = record.under(record.relations[above].children[0])
    fills = [i for i in record.fills.values() if i.leg in entry and not record.legs[i.leg].exits]
    if len(entry) == 1:
        fills = [i for i in record.fills.values() if i.leg in entry]
    size = sum(i.quantity for i in fills)
    if not size:
        return None
    value = sum(i.quantity * i.price for i in fills)
    favour = -record.legs[leg].side
    if term.bps:
        return max(1, value * (BPS + favour * term.bps) // (size * BPS))
    return max(1, (value + favour * term.ticks * size) // size)


def goes_on(record: Record, fact: f.ConditionChanged) -> None:
    """A trail whose condition has come to hold has seen what the fact says, and that is durable."""
    if fact.watermark is None:
        return
    waiting = record.armed[fact.leg]
    waiting.sure = waiting.best = waiting.durable = fact.watermark


def moved(records: Iterable[Record], fact: f.WatermarkMoved) -> None:
    """A durable new extreme: what every trail on that channel has surely seen."""
    for record in records:
        for leg, waiting in record.armed.items():
            terms = record.legs[leg]
            if terms.instrument != fact.instrument or fact.channel not in watched(terms):
                continue
            if not trailing(record, leg) or not _looks(record, leg):
                continue  # the fact is one for all: it moves those that trail at this moment
            better = max if terms.side < 0 else min
            price = fact.price
            waiting.sure = price if waiting.sure is None else better(waiting.sure, price)
            waiting.best = price if waiting.best is None else better(waiting.best, price)
            mark = waiting.durable
            waiting.durable = price if mark is None else better(mark, price)
