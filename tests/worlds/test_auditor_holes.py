"""Checks that planted bugs had slipped past, each shown to fire on a history made bad by hand."""

import pytest

from interlock.audit.auditor import Auditor
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.conditions import Condition, SignalWatch, TimeWatch
from interlock.orders.legs import LegType, Market
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import Atom, AtomKind, Logic, OrderTerms, PolicyTerms, When
from interlock.orders.ticks import Trade
from tests.worlds.test_auditor import ENTRY
from tests.worlds.test_auditor import History as Bracket
from tests.worlds.test_auditor_promises import AT, FIRST, ID, SECOND, History, leg

HOUR = 3600 * 10**9
MOOD = Atom(AtomKind.SIGNAL, 5 * 10**9, True, name="mood")
LATER = Atom(AtomKind.TIME, AT + HOUR, True)
EITHER = When((MOOD, LATER), Logic("any", parts=(Logic("atom", 0), Logic("atom", 1))))
ABOVE_100 = When((Atom(AtomKind.PRICE, 100, True, "BTC.PAPER"),), Logic("atom", 0))


def waiting(when: When) -> History:
    one = leg("one", LegType.MARKET, 1, when=when)
    history = History(one, leg("two", LegType.STOP, -1, trigger_price=1))
    history.say(f.LegArmed(AT, ID, FIRST, 10))
    return history


@pytest.mark.parametrize(
    ("value", "parts", "holds", "rules"),
    [
        ("7", 1, True, []),
        ("7", 1, False, ["condition"]),
        ("3", 1, True, ["condition"]),
        ("7", 3, True, ["condition"]),
    ],
)
def test_a_condition_is_what_its_parts_make_of_it(value, parts, holds, rules):
    history = waiting(EITHER)
    history.say(f.SignalReceived(AT, "mood", value))
    history.say(f.ConditionChanged(AT, ID, FIRST, parts, holds))
    assert history.rules() == rules


@pytest.mark.parametrize(("told", "rules"), [(True, []), (False, ["condition"])])
def test_a_price_that_changes_a_condition_is_told(told, rules):
    history = waiting(ABOVE_100)
    history.auditor.tick(Trade("BTC.PAPER", AT, 101, 1), AT)
    if told:
        history.say(f.ConditionChanged(AT, ID, FIRST, 1, True))
    history.auditor.ticked()
    assert history.rules() == rules


@pytest.mark.parametrize(("op", "rules"), [("any", []), ("all", ["condition"])])
def test_the_condition_that_was_asked_for_is_the_one_that_is_kept(op, rules):
    mood = Condition(signal=SignalWatch("mood", at_or_above="5"))
    later = Condition(time=TimeWatch(at_or_after="2100-01-01T00:00:00Z"))
    order = Market(id="one", quantity="10", when=Condition(any_of=(mood, later)))
    place = c.PlaceOrder("one", "main", order)
    kept = When((MOOD, LATER), Logic(op, parts=EITHER.logic.parts))
    auditor = Auditor()
    terms = leg("one", LegType.MARKET, 1, when=kept)
    auditor.asked(0, place)
    auditor.hear(
        1, [f.OrderAccepted(AT, OrderTerms(ID, "one", "main", "", (terms,), 0, (), PolicyTerms()))]
    )
    auditor.answered(0, place, c.Accepted(ID, 1))
    assert [breach.rule for breach in auditor.breaches] == rules


@pytest.mark.parametrize(("first", "rules"), [("o0000001", []), ("o0000002", ["trigger"])])
def test_what_one_tick_makes_due_fires_as_it_was_accepted(first, rules):
    auditor = Auditor()
    stop = leg("stop", LegType.STOP, 1, trigger_price=105)
    names = ["o0000001", "o0000002"]
    for seq, name in enumerate(names):
        terms = OrderTerms(name, name, "main", "", (stop,), 0, (), PolicyTerms())
        auditor.hear(2 * seq + 1, [f.OrderAccepted(AT, terms), f.LegArmed(AT, name, 0, 10, 105)])
    auditor.tick(Trade("BTC.PAPER", AT, 110, 1), AT)
    order = [first, *(name for name in names if name != first)]
    auditor.hear(5, [f.LegTriggered(AT, name, 0, "last", 110, 105) for name in order])
    assert [breach.rule for breach in auditor.breaches] == rules


def held(adjusted: int = 0) -> Bracket:
    """Ten bought; of which others have closed some, by our facts."""
    bracket = Bracket().entered()
    if adjusted:
        bracket.say(f.ExposureAdjusted(AT, ID, adjusted, "twice"))
    return bracket


def position(quantity: int) -> r.Position:
    return r.Position(AT + HOUR, "main", "BTC.PAPER", quantity, AT + HOUR)


@pytest.mark.parametrize(
    ("quantity", "noticed", "rules"), [(10, False, []), (4, True, []), (4, False, ["I4"])]
)
def test_a_position_that_is_too_small_is_noticed(quantity, noticed, rules):
    bracket = held()
    bracket.auditor.at_rest()
    bracket.auditor.heard(position(quantity))
    if noticed:
        bracket.say(f.PositionSeen(AT, "main", "BTC.PAPER", quantity))
    bracket.auditor.at_rest()
    assert bracket.rules() == rules


@pytest.mark.parametrize(("adjusted", "rules"), [(6, []), (0, ["I4"]), (5, ["I4"])])
def test_exits_follow_a_position_that_others_closed(adjusted, rules):
    bracket = held()
    more = [f.ExposureAdjusted(AT, ID, adjusted, "twice")] if adjusted else []
    bracket.say(f.PositionSeen(AT, "main", "BTC.PAPER", 4, doubted=False), *more)
    assert bracket.rules() == rules


def test_a_word_that_can_not_be_compared_is_not_judged():
    bracket = Bracket()
    bracket.send(ENTRY, 10)
    bracket.auditor.at_rest()
    bracket.auditor.heard(position(0))
    bracket.auditor.at_rest()
    assert bracket.rules() == []


def test_a_process_that_starts_asks_about_what_was_in_flight():
    history = History(*(leg(name, LegType.LIMIT, 1, price=90) for name in ("one", "two")))
    history.send(SECOND, 1, VenueOrderType.LIMIT, 90)
    history.auditor.started()
    history.auditor.begun()
    assert history.rules() == ["I5"]
