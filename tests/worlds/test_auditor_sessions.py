"""What the auditor keeps of sessions, each check shown to fire on a history made bad."""

import pytest

from interlock.audit.sessions import moment
from interlock.orders import facts as f
from interlock.orders import sessions
from interlock.orders.legs import LegType, TimeInForce
from interlock.orders.limits import Block, BlockCause, BlockLevel, RiskScope
from interlock.orders.sessions import Hours
from interlock.orders.terms import LegTerms
from tests.worlds.test_auditor import AT
from tests.worlds.test_auditor_risk import Book, entry

SECOND = 1_000_000_000
CLOSE = AT + 100 * SECOND
HERE = RiskScope(instrument="BTC.PAPER")
CLOSED = Block(BlockCause.SESSION, str(HERE), HERE, BlockLevel.BLOCK_NEW, AT, waits=True)


class Day(Book):
    """A book whose one market closes in 100 s."""

    def __init__(self, close: int = CLOSE, **limits) -> None:
        super().__init__(**limits)
        self.say(f.SessionsSet(AT, "BTC.PAPER", "XSIM", (Hours(AT - SECOND, close),)))

    def later(self, at: int, *facts: f.Fact) -> None:
        self.say(f.VenueConnected(at, "PAPER"), *facts)

    def closed(self, *facts: f.Fact) -> None:
        self.later(CLOSE, f.BlockSet(CLOSE, CLOSED), *facts)


def told(symbol: str = "BTC.PAPER") -> f.IncidentOpened:
    detail = f"main still holds 10 {symbol} after the close"
    return f.IncidentOpened(CLOSE, "", f.IncidentKind.FLATTEN_MISSED, -1, detail)


def test_a_closed_market_is_blocked_and_one_that_opened_is_not():
    day = Day()
    day.later(CLOSE)
    assert day.rules() == ["session"]
    day = Day()
    day.closed()
    assert day.rules() == []
    day.say(f.SessionsSet(CLOSE, "BTC.PAPER", "XSIM", (Hours(AT, CLOSE + SECOND),)))
    assert day.rules() == ["session"]


def test_an_entry_sent_while_its_market_is_closed_and_an_exit_that_may_go():
    day = Day()
    day.place()
    day.place(entry(exits=True), "o0000002")
    day.closed()
    day.send("o0000002")
    assert day.rules() == []
    day.seq += 0
    kind = f.VenueOrderSending
    leg = (0, 1, "limit", 1, 10)
    day.say(kind(CLOSE, "o0000001", *leg, CLOSE, 100))
    assert "session" in day.rules()


@pytest.mark.parametrize("setting", ["no_new_after", "reduce_before_close", "flatten_at"])
def test_an_order_taken_after_the_last_moment_for_new_ones(setting):
    day = Day(**{setting: "close-200s"})
    day.place()
    assert "session" in day.rules()


def test_the_blocks_before_a_close_are_as_strong_as_they_are_to_be():
    day = Day(no_new_after="close-30s", flatten_at="close-10s")
    scope = RiskScope("main", "BTC.PAPER")
    day.later(CLOSE - 31 * SECOND)
    assert day.rules() == []
    block = Block(BlockCause.SESSION, str(scope), scope, BlockLevel.BLOCK_NEW, AT)
    day.later(CLOSE - 30 * SECOND, f.BlockSet(CLOSE - 30 * SECOND, block))
    assert day.rules() == []
    day.later(CLOSE - 10 * SECOND)
    assert day.rules() == ["session"]


@pytest.mark.parametrize(
    ("facts", "rules"), [((), ["session"]), ((told("ETH.PAPER"),), ["session"]), ((told(),), [])]
)
def test_a_position_that_is_there_at_the_close_is_told(facts, rules):
    day = Day(flatten_at="close-0s")
    day.place()
    day.send()
    day.fill(10)
    day.closed(*facts)
    assert day.rules() == rules


@pytest.mark.parametrize(("end", "rules"), [(CLOSE, []), (CLOSE + 1, ["day"]), (None, ["day"])])
def test_a_day_order_ends_at_the_close(end, rules):
    day = Day()
    day.place(entry(time_in_force=TimeInForce.DAY, expire_at=end))
    assert day.rules() == rules


def test_a_leg_that_lives_on_after_its_time():
    day = Day()
    day.place(entry(time_in_force=TimeInForce.DAY, expire_at=CLOSE))
    day.send()
    day.closed()
    day.later(CLOSE + 90 * SECOND)
    day.auditor.finish()
    assert "day" in day.rules()


def test_what_is_taken_and_sent_where_nothing_trades_and_suspended_untold():
    day = Day()
    day.place()
    day.say(f.InstrumentDelisted(AT, "BTC.PAPER"))
    assert day.rules() == ["session"]
    day.place(LegTerms("out", LegType.MARKET, "BTC.PAPER", -1, 1, exits=True), "o0000002")
    day.send()
    assert day.rules() == ["session"] * 3


@pytest.mark.parametrize("text", ["close-10s", "close-2m", "22:10", "23:59", "00:00", "15:50"])
@pytest.mark.parametrize("early_s", [0, 10_800])
@pytest.mark.parametrize("offset_s", [0, 3600, -18_000, 19_800])
def test_moments_are_read_as_they_are_meant(text, early_s, offset_s):
    hours = Hours(AT - 3600 * SECOND, AT + 1234 * SECOND, offset_s, early_s)
    assert moment(text, hours) == sessions.moment(text, hours)
