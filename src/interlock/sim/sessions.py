"""Sessions in a world: markets that close and open, orders for the day, what comes before a close.

Decides what is drawn of them on top of a plan that is drawn already, for seeds from
``SESSIONS_FROM`` on. Invariants: it has a ``Random`` of its own and comes after everything else, so
that an older seed means what it meant, and what is switched off is drawn all the same.
"""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from interlock.orders import commands as c
from interlock.orders.instruments import Session
from interlock.orders.limits import Limits
from interlock.orders.sessions import Hours
from interlock.sim.plan import Deed, FaultClass, Given, Plan, Told
from interlock.sim.risks import MS, OFFICER, PLACE, SECOND, RiskDraw

SESSIONS_FROM: Final = 3_000_000
"""The first seed whose markets close."""
LONG_NS: Final = 3 * 3600 * SECOND
"""A session that outlasts the world."""
CALENDAR: Final = "XSIM"
NONE: Final = Limits()


def with_sessions(plan: Plan, without: frozenset[FaultClass]) -> Plan:
    """The plan, with markets that close."""
    draw = SessionDraw(plan)
    told = draw.calendars()
    venues = draw.own_hours()
    commands = draw.for_the_day(draw.ends())
    deeds = draw.at_the_venue(told)
    if FaultClass.SESSIONS in without:
        return plan
    return replace(
        plan,
        venues=venues,
        sessions=tuple(sorted(told, key=lambda one: one.at)),
        commands=tuple(sorted(commands, key=lambda given: given.at)),
        deeds=tuple(sorted([*plan.deeds, *deeds], key=lambda deed: deed.at)),
    )


class SessionDraw(RiskDraw):
    """What is drawn for one world."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "sessions")
        self.closes: dict[str, Hours] = {}
        """A session of each instrument whose close lies in the world."""

    # Hours

    def calendars(self) -> list[Told]:
        """What the calendars say when the world begins, and now and then something else later."""
        rng = self.rng
        out: list[Told] = []
        for symbol in self.symbols:
            count = rng.choice((0, 1, 1, 1, 2))
            for number in range(count):
                hours = self._hours()
                at = self.plan.start if number == 0 and self._chance(0.8) else self._moment()
                out.append(Told(at, symbol, CALENDAR, hours))
                if number == 0 and hours:
                    self.closes[symbol] = hours[0]
        return out

    def _hours(self) -> tuple[Hours, ...]:
        """One to three sessions; at times the world begins or ends outside of any."""
        rng, start = self.rng, self.plan.start
        span = max(10, (self.end - start) // SECOND)
        offset_s, early_s = rng.choice((0, 3600, -18_000, 19_800)), rng.choice((0, 0, 0, 10_800))
        opens = start - 3600 * SECOND
        if self._chance(0.15):
            opens = start + rng.randrange(1, span) * SECOND // 2
        out: list[Hours] = []
        for _ in range(rng.choice((1, 1, 2))):
            close = max(opens, start) + rng.randrange(3000, span * 1000) * MS
            out.append(Hours(opens, close, offset_s, early_s))
            opens = close + rng.choice((0, 1000, 5000, 20_000, 60_000)) * MS
        if self._chance(0.85):
            out.append(Hours(opens, opens + LONG_NS, offset_s, early_s))
        return tuple(out)

    def own_hours(self) -> tuple[Any, ...]:
        """Some instruments have a session of their own definition, in minutes UTC."""
        rng = self.rng
        first = self.plan.start // (60 * SECOND) % 1440
        out = []
        for venue in self.plan.venues:
            instruments = []
            for one in venue.instruments:
                opens = rng.choice((0, 0, first, first + 1))
                close = rng.choice((first + 1, first + 2, 1440))
                if self._chance(0.15) and opens < close:
                    one = replace(one, session=Session(opens, close))
                    day = self.plan.start - self.plan.start % (1440 * 60 * SECOND)
                    ends = day + close * 60 * SECOND
                    self.closes.setdefault(one.symbol, Hours(day + opens * 60 * SECOND, ends))
                instruments.append(one)
            out.append(replace(venue, instruments=tuple(instruments)))
        return tuple(out)

    # Orders and limits

    def for_the_day(self, given: list[Given]) -> list[Given]:
        """Some entries, and now and then an exit, end with their session."""
        chosen: dict[tuple[str, str], int] = {}
        out: list[Given] = []
        for one in given:
            place = one.command
            if isinstance(place, c.PlaceOrder):
                key = (place.account, place.client_order_id)
                chance = chosen.setdefault(key, self.rng.randrange(12))
                if chance < 4:
                    body = msgspec.to_builtins(place)
                    _for_the_day(body["order"], chance == 0)
                    one = Given(one.at, PLACE.decode(msgspec.json.encode(body)))
            out.append(one)
        return out

    def ends(self) -> list[Given]:
        """Limits on the end of a session, in limits that are there and in some of their own."""
        rng = self.rng
        out: list[Given] = []
        for given in self.plan.commands:
            command = given.command
            if isinstance(command, c.SetLimits) and command.limits is not None:
                moments = self._moments()
                if self._chance(0.5):
                    limits = replace(command.limits, **moments)
                    given = Given(given.at, replace(command, limits=limits))
            out.append(given)
        for _ in range(rng.choice((0, 1, 1, 2))):
            scope, moments = self.scope(), self._moments()
            at = self.plan.start if self._chance(0.6) else self._moment()
            out.append(Given(at, c.SetLimits(scope, replace(NONE, **moments), OFFICER)))
            if self._chance(0.2):
                later = replace(NONE, **self._moments()) if self._chance(0.5) else None
                out.append(Given(self._moment(), c.SetLimits(scope, later, OFFICER)))
        return out

    def _moments(self) -> dict[str, str]:
        names = ("no_new_after", "reduce_before_close", "flatten_at")
        return {name: self._text() for name in names if self._chance(0.45)}

    def _text(self) -> str:
        """A time before the close, or a time of day on the exchange's own clocks."""
        rng = self.rng
        before = f"close-{rng.choice((0, 1, 3, 10, 30))}s"
        symbol = rng.choice(self.symbols)
        hours = self.closes.get(symbol)
        if hours is None or self._chance(0.6):
            return before if self._chance(0.97) else "close-5m"
        shown = hours.close // SECOND + hours.offset_s + hours.early_s
        minute = shown // 60 - rng.choice((0, 0, 1, -1))
        return f"{minute // 60 % 24:02d}:{minute % 60:02d}"

    # Venues

    def at_the_venue(self, told: list[Told]) -> list[Deed]:
        """A venue may stop trading with its session, or list an instrument no more."""
        rng = self.rng
        out: list[Deed] = []
        for one in told:
            venue, symbol = one.instrument.rpartition(".")[2], one.instrument
            stops = self._chance(0.3)
            for hours in one.hours:
                late = rng.randrange(-2000, 2000) * MS
                if stops and hours.close < self.end:
                    out.append(Deed(hours.close + late, "halt", venue, instrument=symbol))
                if stops and self.plan.start < hours.open < self.end:
                    out.append(Deed(hours.open + late, "resume", venue, instrument=symbol))
        if self._chance(0.1):
            symbol, at = rng.choice(self.symbols), self._moment()
            venue = symbol.rpartition(".")[2]
            out.append(Deed(at, "delist", venue, instrument=symbol))
            if self._chance(0.6):
                at += rng.randrange(1, 30) * SECOND
                out.append(Deed(at, "resume", venue, instrument=symbol))
        return out


def _for_the_day(node: Any, exits: bool) -> None:
    """Make the entries of a tree last for the day; its exits as well, if asked to."""
    if isinstance(node, list):
        for one in node:
            _for_the_day(one, exits)
    elif isinstance(node, dict) and "side" in node:
        if node.get("time_in_force", "gtc") == "gtc" and node["type"] != "market":
            node["time_in_force"] = "day"
    elif isinstance(node, dict):
        for name in ("first", "entry", "legs", "then", "take_profit", "stop_loss"):
            if name in node and (exits or name not in ("then", "take_profit", "stop_loss")):
                _for_the_day(node[name], exits)
