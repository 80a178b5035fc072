"""What the auditor keeps of prices and money, each check shown to fire on a history made bad."""

import pytest

from interlock.orders import facts as f
from interlock.orders.legs import LegType
from interlock.orders.limits import Block, BlockCause, BlockLevel, RiskScope
from interlock.orders.reports import Balance, BalancesTold
from interlock.orders.terms import Change, LegTerms, OrderTerms, Relation
from interlock.orders.ticks import Trade
from tests.worlds.test_auditor import AT, ID
from tests.worlds.test_auditor_risk import Book, entry

HERE = RiskScope("main", "BTC.PAPER")
DAY = 86_400 * 10**9


class Market(Book):
    """A book under limits, in a market at 100."""

    def __init__(self, price: int = 100, **limits) -> None:
        super().__init__(**limits)
        self.at(price)

    def at(self, price: int) -> None:
        self.auditor.tick(Trade("BTC.PAPER", AT, price, 1), AT)
        self.auditor.ticked()

    def begins(self, equity: int = 0) -> None:
        self.say(f.LossDayBegan(AT, HERE, equity * 10**8, AT + DAY))

    def told(self, free: str) -> None:
        balances = (Balance("USD", free, "0"),)
        self.auditor.heard(BalancesTold(AT, "PAPER", "main", AT, balances))


@pytest.mark.parametrize(("at", "rules"), [(100, []), (99, ["collar"]), (101, [])])
def test_a_limit_beyond_the_collar_is_taken(at, rules):
    book = Market(at, max_price_deviation_bps=0)
    book.place()
    assert book.rules() == rules


def test_a_limit_is_amended_beyond_the_collar():
    book = Market(max_price_deviation_bps=0)
    book.place()
    leg = LegTerms("entry", LegType.LIMIT, "BTC.PAPER", 1, 10, price=101)
    book.say(f.OrderAmended(AT, ID, 2, (Change(0, leg),), "trader"))
    assert book.rules() == ["collar"]


def test_a_collar_without_a_price_lets_nothing_pass():
    book = Book(max_price_deviation_bps=500)
    book.place()
    assert book.rules() == ["collar"]


@pytest.mark.parametrize(("trigger", "rules"), [(95, []), (99, ["distance"]), (80, ["distance"])])
def test_a_stop_too_near_or_too_far(trigger, rules):
    book = Market(min_stop_distance_bps=200, max_stop_distance_bps=1000)
    stop = LegTerms("stop", LegType.STOP, "BTC.PAPER", -1, 10, trigger_price=trigger, exits=True)
    legs = (entry(), stop)
    terms = OrderTerms(ID, ID, "main", "", legs, ~0, (Relation("oto", (0, 1)),))
    book.say(f.OrderAccepted(AT, terms))
    assert book.rules() == rules


def test_held_and_possible_together_come_to_too_much():
    book = Market(max_gross_notional="1500")
    book.place()
    book.send()
    book.fill(10)
    assert book.rules() == []
    book.place(name="o0000002")
    assert book.rules() == ["gross"]
    book.place(entry(side=-1), "o0000003")
    assert book.rules() == ["gross"]


def test_an_entry_is_sent_that_has_become_too_dear():
    book = Market(max_gross_notional="1500")
    book.place()
    book.at(160)
    book.send()
    assert book.rules() == ["gross"]


@pytest.mark.parametrize(("price", "rules"), [(95, []), (94, ["loss"])])
def test_an_order_is_taken_after_the_day_s_loss(price, rules):
    book = Market(max_daily_loss="50")
    book.begins()
    book.place()
    book.send()
    book.fill(10)
    book.at(price)
    book.place(name="o0000002")
    assert book.rules() == rules


def test_a_day_begins_with_what_a_scope_is_worth_and_ends_when_too_much_is_lost():
    book = Market()
    book.place()
    book.send()
    book.fill(10)
    book.at(90)
    book.limit(max_daily_loss="50")
    book.begins(-100)
    assert book.rules() == []
    book.begins(0)
    assert book.rules() == ["loss"]
    block = Block(BlockCause.LOSS, str(HERE), HERE, BlockLevel.RECALL_ENTRIES, AT)
    book.say(f.BlockSet(AT, block))
    assert book.rules()[:2] == ["loss", "loss"]


def test_a_scope_that_has_lost_too_much_goes_on():
    book = Market(max_daily_loss="50")
    book.begins()
    book.place()
    book.send()
    book.fill(10)
    book.at(90)
    book.auditor.finish()
    assert "loss" in book.rules()


@pytest.mark.parametrize(("free", "rules"), [("2000", []), ("1500", ["margin"])])
def test_what_was_let_through_is_taken(free, rules):
    book = Market(min_free_margin="0")
    book.told(free)
    book.place()
    book.place(name="o0000002")
    assert book.rules() == rules


def test_no_balance_lets_nothing_pass():
    book = Market(min_free_margin="0")
    book.place()
    assert book.rules() == ["margin"]
