"""What real calendars say, as the line is told of it."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from interlock.engine.inputs import SetSessions
from interlock.orders.sessions import DAY_NS, SECOND_NS, Hours
from interlock.runtime.calendars import Calendars, CalendarWrong, hours


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


def of(calendar: str, day: str) -> Hours:
    """The session that opens on a day, UTC."""
    start = instant(day)
    return next(one for one in hours(calendar, start) if start <= one.open < start + DAY_NS)


@pytest.mark.parametrize(
    ("calendar", "day", "opens", "closes", "offset_h", "early_h"),
    [
        ("XNYS", "2026-11-25", "2026-11-25 14:30", "2026-11-25 21:00", -5, 0),
        ("XNYS", "2026-11-27", "2026-11-27 14:30", "2026-11-27 18:00", -5, 3),
        ("XNYS", "2026-10-30", "2026-10-30 13:30", "2026-10-30 20:00", -4, 0),
        ("XNYS", "2026-11-02", "2026-11-02 14:30", "2026-11-02 21:00", -5, 0),
        ("XNYS", "2027-03-15", "2027-03-15 13:30", "2027-03-15 20:00", -4, 0),
        ("XLON", "2026-10-26", "2026-10-26 08:00", "2026-10-26 16:30", 0, 0),
        ("XTKS", "2026-11-25", "2026-11-25 00:00", "2026-11-25 06:30", 9, 0),  # a midday break
        ("CMES", "2026-11-24", "2026-11-24 23:00", "2026-11-25 23:00", -6, 0),  # over midnight
    ],
)
def test_sessions_are_instants_and_know_a_half_day(
    calendar: str, day: str, opens: str, closes: str, offset_h: int, early_h: int
):
    seen = of(calendar, day)
    assert (seen.open, seen.close) == (instant(opens), instant(closes))
    assert (seen.offset_s, seen.early_s) == (offset_h * 3_600, early_h * 3_600)


def test_a_holiday_is_no_session():
    opened = [one.open // DAY_NS for one in hours("XNYS", instant("2026-11-25"))]
    assert instant("2026-11-26") // DAY_NS not in opened


def test_where_the_library_knows_no_holidays_there_are_no_sessions():
    assert hours("XSHG", instant("2040-06-01")) == ()


def test_an_instrument_has_its_own_calendar_before_its_venue_s():
    calendars = Calendars({"IB": "XNYS", "VOD.IB": "XLON"})
    assert calendars.of("SPY.IB") == "XNYS"
    assert calendars.of("VOD.IB") == "XLON"
    assert calendars.of("BTC.PAPER") is None
    assert calendars.unused(["SPY.IB"]) == ["VOD.IB"]


def test_sessions_are_told_once_a_day():
    calendars, at = Calendars({"IB": "XNYS"}), instant("2026-11-25 12:00")
    assert [one.instrument for one in calendars.due(["SPY.IB", "BTC.PAPER"], at)] == ["SPY.IB"]
    assert calendars.due(["SPY.IB"], at + DAY_NS - 1) == []
    assert [one.instrument for one in calendars.due(["SPY.IB", "QQQ.IB"], at + DAY_NS - 1)] == [
        "QQQ.IB"
    ]
    assert [one.instrument for one in calendars.due(["SPY.IB"], at + DAY_NS)] == ["SPY.IB"]


def test_the_line_is_told_and_a_name_that_means_nothing_is_said():
    heard: list[SetSessions] = []
    said: list[str] = []

    async def story() -> None:
        calendars = Calendars({"IB": "XNYS", "SPZ.IB": "XNYS"})
        enough = asyncio.Event()

        def tell(one: SetSessions) -> None:
            heard.append(one)
            enough.set()

        at = instant("2026-11-25 12:00")
        work = asyncio.create_task(
            calendars.keep(lambda: ["SPY.IB"], lambda: at, tell, said.append)
        )
        await asyncio.wait_for(enough.wait(), 30)
        work.cancel()

    asyncio.run(story())
    assert [(one.instrument, one.calendar) for one in heard] == [("SPY.IB", "XNYS")]
    assert said == ["sessions.calendars names SPZ.IB: no instrument or venue here"]


def test_a_calendar_that_there_is_not_is_refused_with_the_nearest():
    with pytest.raises(CalendarWrong, match=r"no calendar 'XNYZ'.*Did you mean"):
        Calendars({"IB": "XNYZ"})


def test_where_no_calendar_is_configured_its_library_is_not_imported():
    code = (
        "import sys, interlock.main\n"
        "from interlock.runtime.calendars import Calendars\n"
        "Calendars({})\n"
        "sys.exit(bool({'pandas', 'numpy', 'exchange_calendars'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
