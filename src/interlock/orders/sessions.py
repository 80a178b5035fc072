"""Sessions: when an instrument trades, and moments told relative to a session's close.

Decides what a moment's text may say and when it comes. Invariant: hours are instants; only their
maker knows calendars and time zones, and no reader has to.
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from interlock.orders.instruments import Session

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
DAY_NS: Final = 86_400 * SECOND_NS
ALWAYS: Final = Session()
UNITS: Final = {"s": 1, "m": 60, "h": 3_600}
_BEFORE: Final = re.compile(r"close-([0-9]{1,5})([smh])")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
MOMENT_RULE: Final = (
    'A time before the close such as "close-10m", or a time of day such as "15:50".'
)


class Hours(Struct, frozen=True, array_like=True, gc=False):
    """One trading session: from ``open`` until before ``close``, ns UTC."""

    open: int
    close: int
    offset_s: int = 0
    """What the instrument's own clocks show then, ahead of UTC."""
    early_s: int = 0
    """How much earlier than usual it closes: a half day."""


def moment_problem(text: str) -> bool:
    """Whether a moment's text is none."""
    return not (_BEFORE.fullmatch(text) or _TIME.fullmatch(text))


def moment(text: str, hours: Hours) -> int:
    """When a moment comes in one session; ns UTC, never after its close.

    A time of day moves with the close of a half day: what is 10 minutes before the usual close is
    10 minutes before the early one. One that is not within the session comes at its close.
    """
    before = _BEFORE.fullmatch(text)
    if before is not None:
        return hours.close - int(before[1]) * UNITS[before[2]] * SECOND_NS
    hour, minute = text.split(":")
    shown = hours.close + (hours.offset_s + hours.early_s) * SECOND_NS
    usual = shown - shown % DAY_NS + (int(hour) * 60 + int(minute)) * MINUTE_NS
    if usual > shown:
        usual -= DAY_NS  # of a session that closes at or after midnight
    at = usual - (hours.offset_s + hours.early_s) * SECOND_NS
    return at if at >= hours.open else hours.close


def daily(session: Session, at: int) -> Iterator[Hours]:
    """An instrument's own sessions in minutes UTC, from the day before ``at`` on."""
    day = at // DAY_NS - 1
    for ahead in range(10):
        weekday = (day + ahead + 3) % 7 + 1  # 1970-01-01 was a Thursday, ISO 4
        if weekday in session.days:
            start = (day + ahead) * DAY_NS
            yield Hours(start + session.open * MINUTE_NS, start + session.close * MINUTE_NS)
