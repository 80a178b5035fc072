"""Calendars: when instruments trade, as the calendars of exchanges have it.

Decides how far ahead the line is told of sessions, and when it is told again. Invariant: holidays,
half days and clock changes are the library's; what leaves here are instants, so that the engine,
and a replay, need neither calendar nor time zone.

The library brings pandas with it: it is imported where a calendar is configured, and only there.
"""

import asyncio
import difflib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from interlock.engine.inputs import SetSessions
from interlock.orders.sessions import DAY_NS, SECOND_NS, Hours
from interlock.runtime.errors import RuntimeTrouble

AHEAD: Final = timedelta(days=21)
"""So far ahead sessions are told; the longest holidays of exchanges last a week and a half."""
BEHIND: Final = timedelta(days=4)
AGAIN_NS: Final = DAY_NS
"""They are told again a day later: long before they run out, and corrected soon after the library
was."""
LOOK_S: Final = 60.0
"""Between two looks at the clock, and at which instruments there are."""


class CalendarWrong(RuntimeTrouble):
    """A calendar that is configured cannot be used; the message says which, and a way out."""


class Calendars:
    """The calendars of one server's instruments."""

    def __init__(self, configured: Mapping[str, str]) -> None:
        """``configured``: calendars by instrument (``SPY.IB``) or by venue (``IB``). Raises
        ``CalendarWrong`` for a calendar that there is not."""
        self._configured = dict(configured)
        self._told: dict[str, int] = {}
        """When each instrument's sessions were told last; ns UTC."""
        for name in dict.fromkeys(self._configured.values()):
            _known(name)

    def of(self, symbol: str) -> str | None:
        """An instrument's calendar: its own before its venue's."""
        own = self._configured.get(symbol)
        return own if own is not None else self._configured.get(symbol.rpartition(".")[2])

    def due(self, symbols: Iterable[str], at: int) -> list[SetSessions]:
        """What the line is to be told at ``at``."""
        out = []
        for symbol in symbols:
            name = self.of(symbol)
            if name is None or at < self._told.get(symbol, -AGAIN_NS) + AGAIN_NS:
                continue
            out.append(SetSessions(symbol, name, hours(name, at)))
            self._told[symbol] = at
        return out

    def unused(self, symbols: Iterable[str]) -> list[str]:
        """Names that are configured and mean nothing here."""
        known = {name for symbol in symbols for name in (symbol, symbol.rpartition(".")[2])}
        return [name for name in self._configured if name not in known]

    async def keep(
        self,
        symbols: Callable[[], Iterable[str]],
        now: Callable[[], int],
        tell: Callable[[SetSessions], None],
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Tell the line of sessions, now and whenever they are due. The library works beside the
        loop: a calendar takes it a tenth of a second and more."""
        loop = asyncio.get_running_loop()
        if unused := self.unused(symbols()):
            told(f"sessions.calendars names {', '.join(unused)}: no instrument or venue here")
        while self._configured:
            for found in await loop.run_in_executor(None, self.due, list(symbols()), now()):
                tell(found)
            await asyncio.sleep(LOOK_S)


def hours(name: str, at: int) -> tuple[Hours, ...]:
    """A calendar's sessions around ``at`` (ns UTC), oldest first. A midday break does not end one.

    Where the library's knowledge ends there are fewer, or none: what it does not know is closed.
    """
    day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at // 1000)).date()
    calendar = _calendar(name, day - BEHIND, day + AHEAD)
    if calendar is None:
        return ()
    out = []
    for label, close in calendar.closes[: str(day + AHEAD)].items():
        opens, closes = _ns(calendar.session_open(label)), _ns(close)
        shown = close.tz_convert(calendar.tz)
        offset = int(shown.utcoffset().total_seconds())
        out.append(Hours(opens, closes, offset, _early(calendar, label.date(), closes, offset)))
    return tuple(out)


def _early(calendar: Any, day: date, closes: int, offset_s: int) -> int:
    """How much earlier than usual a session ends, in seconds."""
    since = [(start, usual) for start, usual in calendar.close_times]
    usual = [time for start, time in since if start is None or start.date() <= day][-1]
    usual_s = usual.hour * 3_600 + usual.minute * 60 + usual.second
    midnight = (day - date(1970, 1, 1)).days * 86_400 + calendar.close_offset * 86_400
    early: int = midnight + usual_s - offset_s - closes // SECOND_NS
    return max(0, early)


def _ns(moment: Any) -> int:
    return int(moment.as_unit("ns").value)


def _calendar(name: str, first: date, last: date) -> Any | None:
    """A calendar for some days; of those, as many as the library knows the holidays of."""
    import exchange_calendars

    for bounds in ({"end": str(last)}, {}):
        try:
            return exchange_calendars.get_calendar(name, start=str(first), **bounds)
        except (exchange_calendars.errors.CalendarError, ValueError):
            continue
    return None


def _known(name: str) -> None:
    import exchange_calendars

    names = exchange_calendars.get_calendar_names()
    if name not in names:
        near = difflib.get_close_matches(name.upper(), names, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise CalendarWrong(
            f"there is no calendar {name!r} in exchange_calendars; an exchange's is named by its "
            f"MIC, as XNYS.{hint}"
        )
