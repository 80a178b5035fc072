"""Sessions end, and nothing is forgotten: holidays, half days, clock changes, policies, delistings.

Hours come from the real calendar library, as they do in a server; the engine is given instants.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from interlock.engine.decide import next_wakeup
from interlock.engine.digest import digest, image, restore
from interlock.engine.inputs import SetSessions
from interlock.engine.order import Order
from interlock.orders import facts as f
from interlock.orders.commands import Accepted
from interlock.orders.instruments import Instrument, Session
from interlock.orders.rejects import RejectCode
from interlock.orders.reports import Expired, InstrumentStatus, VenueReject
from interlock.runtime.calendars import hours
from tests.scenarios.orders import bracket, limit, stop
from tests.tape import BTC as ONLY
from tests.tape import SECOND, Tape

C = RejectCode
BTC = "BTC.PAPER"
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
CLOSED = "instrument BTC.PAPER"


def instant(text: str) -> int:
    """``2026-11-27 17:50`` UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def at(text: str, calendar: str = "XNYS") -> Tape:
    """A tape whose one instrument trades by a calendar."""
    tape = Tape(ONLY)
    tape.at = instant(text)
    tape.give(SetSessions(BTC, calendar, hours(calendar, tape.at)))
    return tape


def until(tape: Tape, text: str) -> list[str]:
    return tape.wait(instant(text) - tape.at)


def blocks(tape: Tape) -> list[tuple[str, str, bool]]:
    found = tape.state.risk.blocks.values()
    return [(one.name, str(one.level), one.waits) for one in found]


def expiry(tape: Tape) -> str:
    order = tape.place(limit("buy", "90.00", "1", id="entry", time_in_force="day"))
    end = order.legs[0].terms.expire_at
    assert end is not None
    return f"{datetime.fromtimestamp(end / SECOND, UTC):%Y-%m-%d %H:%M}"


def held(tape: Tape, **more: Any) -> Order:
    """A bracket whose entry has filled: the target rests, the stop is held here."""
    order = tape.place(bracket("10"), **more)
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    return order


# Day orders end with the session as it really is (scenario 27).


@pytest.mark.parametrize(
    ("placed", "ends"),
    [
        ("2026-11-25 20:59", "2026-11-25 21:00"),  # in the session
        ("2026-11-25 21:00", "2026-11-27 18:00"),  # a holiday lies between, and half a day ends it
        ("2026-11-26 15:00", "2026-11-27 18:00"),  # on the holiday
        ("2026-11-27 18:00", "2026-11-30 21:00"),  # over the weekend
        ("2026-10-30 19:30", "2026-10-30 20:00"),
        ("2026-10-31 12:00", "2026-11-02 21:00"),  # clocks go back on Sunday
        ("2027-03-12 21:00", "2027-03-15 20:00"),  # and forward
    ],
)
def test_a_day_order_ends_at_the_close_of_the_session_it_falls_in_or_before(placed, ends):
    assert expiry(at(placed)) == ends


def test_london_changes_its_clocks_on_another_day_than_new_york():
    assert expiry(at("2026-10-23 12:00", "XLON")) == "2026-10-23 15:30"
    assert expiry(at("2026-10-26 12:00", "XLON")) == "2026-10-26 16:30"
    assert expiry(at("2026-10-26 12:00", "XNYS")) == "2026-10-26 20:00"


@pytest.mark.parametrize("wrong_s", [-5, 0, 5])
@pytest.mark.parametrize("venue_first", [True, False])
def test_a_session_ends_and_a_clock_wrong_by_5_s_changes_nothing(wrong_s: int, venue_first: bool):
    """The venue's clock is right, ours is not; whichever speaks first, the legs end as declared
    and the position keeps its stop."""
    tape = at("2026-11-27 15:00")
    tape.at += wrong_s * SECOND
    order = held(tape)
    waiting = tape.place(limit("buy", "90.00", "1", id="entry", time_in_force="day"))
    tape.ack(waiting, "entry")
    close = instant("2026-11-27 18:00")
    if venue_first:
        tape.wait(close - SECOND - tape.at)
        tape.give(Expired(tape.at, tape.id(waiting, "entry"), 0))
    else:
        tape.wait(close + SECOND - tape.at)
        tape.canceled(waiting, "entry")
    tape.wait(close + 60 * SECOND - tape.at)
    assert waiting.done == "expired"
    assert (tape.working(order), tape.armed(order)) == ({"target": 10}, ["stop"])
    assert tape.incidents() == []


@pytest.mark.parametrize(
    "over", ["2026-11-25 22:00", "2026-11-26 15:00", "2026-11-27 19:00", "2026-11-30 21:30"]
)
def test_no_end_of_any_session_takes_a_position_s_stop(over: str):
    tape = at("2026-11-25 15:00")
    order = held(tape)
    until(tape, over)
    assert tape.armed(order) == ["stop"]
    tape.trade("94.00")
    tape.canceled(order, "target")
    assert [one.quantity for one in tape.submits("stop")] == [10]  # exits pass, open or closed


@pytest.mark.parametrize("hold", ["engine", "venue"])
def test_a_stop_that_was_declared_for_the_day_ends_with_it_and_its_loss_is_told(hold: str):
    tape = Tape(native_stop=True)
    tape.at = instant("2026-11-27 15:00")
    tape.give(SetSessions(BTC, "XNYS", hours("XNYS", tape.at)))
    leg = stop("sell", "95.00", None, id="stop", time_in_force="day", hold=hold)
    order = tape.place(
        {"type": "bracket", "entry": limit("buy", "100.00", "10", id="entry"), "stop_loss": leg}
    )
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    if hold == "venue":
        tape.ack(order, "stop")
    until(tape, "2026-11-27 18:00")
    if hold == "venue":
        tape.canceled(order, "stop")
    assert tape.incidents() == ["naked_position"]


# Outside the session.


def test_outside_the_session_entries_wait_for_the_open_and_each_change_is_a_fact():
    tape = at("2026-11-25 20:00")
    armed = tape.place(stop("buy", "105.00", "1", id="entry"))
    until(tape, "2026-11-25 21:00")
    assert blocks(tape) == [(CLOSED, "block_new", True)]
    tape.trade("106.00")
    placed = tape.place(limit("buy", "90.00", "1", id="entry"))
    assert tape.submits() == []
    until(tape, "2026-11-27 14:29")
    assert tape.submits() == []
    until(tape, "2026-11-27 14:30")
    assert len(tape.submits("entry")) == 2
    assert blocks(tape) == []
    assert set(tape.working(armed)) == set(tape.working(placed)) == {"entry"}
    told = [one for one in tape.facts if isinstance(one, f.BlockSet | f.BlockLifted)]
    assert [type(one).__name__ for one in told] == ["BlockSet", "BlockLifted"]
    assert "closed until 2026-11-27 14:30 UTC" in told[0].block.why


def test_the_engine_is_woken_when_something_is_due_and_at_no_other_time():
    tape = at("2026-11-25 20:00")
    assert next_wakeup(tape.state) == instant("2026-11-25 21:00")
    until(tape, "2026-11-25 21:00")
    assert next_wakeup(tape.state) == instant("2026-11-27 14:30")
    assert next_wakeup(Tape().state) is None


def test_hours_that_run_out_are_not_guessed():
    tape = at("2026-11-25 20:00")
    until(tape, "2027-02-01 15:00")
    assert blocks(tape) == [(CLOSED, "block_new", True)]
    assert next_wakeup(tape.state) is None
    assert tape.refuse(limit("buy", "90.00", "1", time_in_force="day")).code is C.SESSION_UNKNOWN
    tape.give(SetSessions(BTC, "XNYS", hours("XNYS", tape.at)))
    assert blocks(tape) == []


def test_a_start_finds_the_session_that_closed_meanwhile():
    tape = at("2026-11-25 20:00")
    tape.at = instant("2026-11-25 22:00")
    tape.restart()
    assert blocks(tape) == [(CLOSED, "block_new", True)]
    again = restore(image(tape.state))
    assert digest(again) == digest(tape.state)
    assert again.risk.look_at == 1
    tape.at = instant("2026-11-27 15:00")
    tape.restart()
    assert blocks(tape) == []


def test_an_instrument_s_own_minutes_are_sessions_too():
    own = Instrument(
        BTC, price_increment="0.01", quantity_increment="1", session=Session(810, 1200, (1, 2, 3))
    )
    tape = Tape(own)
    tape.at = instant("2026-11-25 20:00")  # a Wednesday
    assert tape.wait(SECOND)
    assert blocks(tape) == [(CLOSED, "block_new", True)]
    until(tape, "2026-11-30 13:30")
    assert blocks(tape) == []
    assert expiry(tape) == "2026-11-30 20:00"


# The overnight policy.


def policy(tape: Tape, scope: dict[str, str] | None = None) -> None:
    tape.limits(
        scope,
        no_new_after="close-30m",
        reduce_before_close="close-15m",
        flatten_at="15:55",  # where the exchange is
    )


@pytest.mark.parametrize(
    "close", ["2026-11-25 21:00", "2026-11-27 18:00", "2026-10-28 20:00", "2027-03-15 20:00"]
)
def test_before_the_close_nothing_new_then_entries_go_then_positions(close: str):
    closing = instant(close)
    tape = Tape(ONLY)
    tape.at = closing - HOUR
    tape.give(SetSessions(BTC, "XNYS", hours("XNYS", tape.at)))
    policy(tape)
    order, resting = held(tape), tape.place(limit("buy", "90.00", "1", id="entry"))
    tape.ack(resting, "entry")
    tape.wait(closing - 30 * MINUTE - 1 - tape.at)
    assert blocks(tape) == []
    tape.wait(1)
    assert blocks(tape) == [(CLOSED, "block_new", False)]
    assert tape.refuse(limit("buy", "90.00", "1")).code is C.RISK_BLOCKED
    assert tape.working(resting) == {"entry": 1}
    tape.wait(15 * MINUTE)
    assert blocks(tape) == [(CLOSED, "recall_entries", False)]
    tape.canceled(resting, "entry")
    assert (tape.working(order), tape.armed(order)) == ({"target": 10}, ["stop"])
    tape.wait(10 * MINUTE)
    tape.canceled(order, "target")
    assert [one.quantity for one in tape.submits("close_1")] == [10]
    tape.fill(order, "close_1", 10, "99.00")
    tape.wait(5 * MINUTE)
    assert blocks(tape) == [(CLOSED, "block_new", True)]
    assert tape.incidents() == []


def test_a_policy_is_of_its_scope():
    tape = at("2026-11-25 20:00")
    policy(tape, {"tag": "day trades"})
    kept, gone = held(tape), held(tape, tag="day trades")
    until(tape, "2026-11-25 20:56")
    assert kept.winding == ""
    assert gone.winding == "flatten"
    tape.place(limit("buy", "90.00", "1"))
    assert tape.refuse(limit("buy", "90.00", "1"), tag="day trades").code is C.RISK_BLOCKED


def test_an_entry_that_comes_due_when_nothing_new_is_taken_is_refused_and_told():
    tape = at("2026-11-25 20:00")
    policy(tape)
    order = tape.place(stop("buy", "105.00", "1", id="entry"))
    until(tape, "2026-11-25 20:31")
    tape.trade("106.00")
    assert (tape.submits(), order.done) == ([], "rejected")


def test_a_position_that_is_still_there_at_the_close_is_told_of():
    tape = at("2026-11-25 20:00")
    policy(tape)
    order = held(tape)
    until(tape, "2026-11-25 20:56")
    assert order.winding == "flatten"
    until(tape, "2026-11-25 21:01")
    assert tape.incidents().count("flatten_missed") == 1


def test_a_close_that_no_process_saw_is_told_of_by_the_next():
    tape = at("2026-11-25 20:00")
    policy(tape, {"account": "main"})
    order = held(tape)
    tape.at = instant("2026-11-25 22:00")
    tape.restart()
    assert tape.incidents() == ["flatten_missed"]
    assert (order.winding, tape.armed(tape.state.orders[order.id])) == ("", ["stop"])
    tape.restart()
    assert tape.incidents() == ["flatten_missed"]


def test_a_market_that_never_closes_may_have_a_policy_for_the_end_of_its_day():
    tape = Tape()
    tape.at = instant("2026-11-25 23:00")
    tape.limits(flatten_at="23:50")
    order = held(tape)
    until(tape, "2026-11-25 23:49")
    assert order.winding == ""
    until(tape, "2026-11-25 23:50")
    assert order.winding == "flatten"
    assert tape.incidents() == []
    until(tape, "2026-11-26 00:00")
    assert blocks(tape) == []
    assert tape.incidents()[-1] == "flatten_missed"  # nobody has answered: it is still held


@pytest.mark.parametrize("text", ["close-", "close+5m", "5m", "25:00", "9:30", ""])
def test_what_is_no_moment_is_refused_by_name(text: str):
    answer = Tape().command("set_limits", scope={}, limits={"flatten_at": text})
    assert not isinstance(answer, Accepted)
    assert (answer.code, answer.path) == (C.LIMITS_INVALID, "limits.flatten_at")


# Halts and delistings.


def delist(tape: Tape) -> None:
    tape.give(InstrumentStatus(tape.at, BTC, False, "CLOSE", delisted=True))


def test_a_delisting_suspends_what_is_there_and_tells_whose_it_is():
    tape = Tape()
    order = held(tape)
    other = tape.place(limit("buy", "90.00", "1", id="entry", instrument="ETH.PAPER"))
    delist(tape)
    delist(tape)  # told again, nothing more is said
    told = [one for one in tape.facts if isinstance(one, f.IncidentOpened)]
    assert [(str(one.kind), one.order_id) for one in told] == [
        ("delisted", order.id),
        ("delisted", ""),
    ]
    assert "target, stop" in told[0].detail
    assert "main holds 10" in told[1].detail
    assert tape.refuse(bracket()).code is C.INSTRUMENT_DELISTED
    tape.ack(other, "entry")
    assert tape.working(other) == {"entry": 1}


def test_an_exit_that_cannot_trade_is_not_tried_again_and_again_and_goes_when_it_can():
    tape = Tape()
    order = held(tape)
    tape.trade("94.00")
    delist(tape)
    tape.canceled(order, "target")
    tape.wait(10 * MINUTE)
    assert tape.submits("stop") == []
    tape.give(InstrumentStatus(tape.at, BTC, True))
    assert [one.quantity for one in tape.submits("stop")] == [10]
    assert order.incidents == {}
    assert not tape.state.markets[BTC].delisted


def test_a_refusal_because_of_a_halt_waits_for_its_end():
    tape = Tape()
    order = held(tape)
    tape.trade("94.00")
    tape.canceled(order, "target")
    tape.rejected(order, "stop", VenueReject.HALTED)
    tape.give(InstrumentStatus(tape.at, BTC, False, "BREAK"))
    sent = len(tape.submits("stop"))
    tape.wait(HOUR)
    assert len(tape.submits("stop")) == sent
    tape.give(InstrumentStatus(tape.at, BTC, True))
    assert len(tape.submits("stop")) == sent + 1


def test_a_delisting_survives_a_restart_and_its_image():
    tape = Tape()
    held(tape)
    delist(tape)
    tape.restart()
    again = restore(image(tape.state))
    assert again.markets[BTC].delisted
    assert digest(again) == digest(tape.state)
    assert tape.incidents().count("delisted") == 2
