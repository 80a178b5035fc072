"""What the auditor makes of conditions, on histories made bad by hand."""

import pytest

from interlock.orders import facts as f
from interlock.orders.legs import LegType
from interlock.orders.terms import Atom, AtomKind, Logic, Span, When
from interlock.orders.ticks import Trade
from tests.worlds.test_auditor_promises import AT, FIRST, ID, SECOND, History, leg

ABOVE_100 = When((Atom(AtomKind.PRICE, 100, True, "BTC.PAPER"),), Logic("atom", 0))


def shown(history: History, *prices: int) -> None:
    for price in prices:
        at = AT + history.seq
        history.auditor.tick(Trade("BTC.PAPER", at, price, 1), at)


def trail() -> History:
    """A sell trail that follows while its condition holds, beside a stop far away."""
    conditioned = leg("trail", LegType.TRAILING_STOP, -1, trail=Span(5), when=ABOVE_100)
    history = History(conditioned, leg("far", LegType.STOP, -1, trigger_price=1))
    history.say(f.LegArmed(AT, ID, FIRST, 10))
    return history


@pytest.mark.parametrize(("watermark", "rules"), [(101, []), (None, ["trailing"])])
def test_a_trail_begins_with_the_price_at_which_its_condition_comes_to_hold(watermark, rules):
    history = trail()
    shown(history, 101)
    history.say(f.ConditionChanged(AT, ID, FIRST, 1, True, watermark))
    assert history.rules() == rules


def test_a_watermark_moves_only_the_trails_whose_condition_holds():
    history = trail()
    shown(history, 101)
    history.say(f.ConditionChanged(AT, ID, FIRST, 1, True, 101))
    shown(history, 99)
    history.say(f.ConditionChanged(AT, ID, FIRST, 0, False))
    shown(history, 120)
    history.say(f.WatermarkMoved(AT, "BTC.PAPER", "last", 120))
    history.say(f.LegArmed(AT, ID, FIRST, 8, None, 101))
    assert history.rules() == []
    history.say(f.LegArmed(AT, ID, FIRST, 7, None, 99))
    assert history.rules() == ["trailing"]


@pytest.mark.parametrize(("first_holds", "rules"), [(False, []), (True, ["trigger"])])
def test_a_leg_whose_condition_a_tick_made_hold_counts_for_who_is_first(first_holds, rules):
    conditioned = leg("one", LegType.STOP, 1, trigger_price=105, when=ABOVE_100)
    history = History(conditioned, leg("two", LegType.STOP, 1, trigger_price=104))
    history.say(f.LegArmed(AT, ID, FIRST, 10, 105), f.LegArmed(AT, ID, SECOND, 10, 104))
    shown(history, 106)
    if first_holds:
        history.say(f.ConditionChanged(AT, ID, FIRST, 1, True))
    history.say(f.LegTriggered(AT, ID, SECOND, "last", 106, 104))
    assert history.rules()[:1] == rules
