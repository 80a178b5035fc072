"""What the auditor keeps of limits and blocks, each check shown to fire on a history made bad."""

import pytest

from interlock.audit.auditor import Auditor
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.instruments import Instrument
from interlock.orders.legs import LegType, Market, Side
from interlock.orders.limits import (
    Block,
    BlockCause,
    BlockLevel,
    Countdown,
    Limits,
    RiskScope,
)
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import Change, LegTerms, OrderTerms, PolicyTerms, Relation
from interlock.orders.ticks import Quote
from tests.worlds.test_auditor import AT, ID, STOP, TARGET
from tests.worlds.test_auditor import History as Bracket

BTC = Instrument("BTC.PAPER", price_increment="1", quantity_increment="1")
EVERYTHING = RiskScope()
ELSEWHERE = RiskScope(instrument="ETH.PAPER")
HERE = RiskScope("main", "BTC.PAPER")
SECOND = 1_000_000_000


def entry(quantity: int = 10, side: int = 1, **more) -> LegTerms:
    return LegTerms("entry", LegType.LIMIT, "BTC.PAPER", side, quantity, price=100, **more)


def block(
    level=BlockLevel.RECALL_ENTRIES, scope=EVERYTHING, cause=BlockCause.KILL, **more
) -> Block:
    return Block(cause, str(scope), scope, level, AT, **more)


class Book:
    """Orders of one entry each, under limits and blocks."""

    def __init__(self, **limits) -> None:
        self.auditor = Auditor()
        self.seq = 0
        self.say(f.InstrumentDefined(AT, BTC))
        if limits:
            self.limit(**limits)

    def say(self, *facts: f.Fact) -> None:
        self.auditor.hear(self.seq + 1, facts)
        self.seq += len(facts)

    def limit(self, scope: RiskScope = HERE, **limits) -> None:
        self.say(f.LimitsSet(AT, scope, Limits(**limits), "officer"))

    def place(
        self, leg: LegTerms | None = None, name: str = ID, at: int = AT, key: str = ""
    ) -> str:
        legs = (leg or entry(),)
        terms = OrderTerms(name, name, "main", "", legs, 0, (), PolicyTerms(), key=key)
        self.say(f.OrderAccepted(at, terms))
        return name

    def send(self, name: str = ID, quantity: int = 10, attempt: int = 1) -> None:
        kind = VenueOrderType.LIMIT
        self.say(f.VenueOrderSending(AT, name, 0, attempt, kind, 1, quantity, AT, 100))

    def fill(self, quantity: int, name: str = ID) -> None:
        self.say(
            f.VenueOrderFilled(AT, name, 0, 1, f"e{self.seq}", quantity, 100, quantity, 0, True)
        )

    def rules(self) -> list[str]:
        return [breach.rule for breach in self.auditor.breaches]


# Blocks.


@pytest.mark.parametrize(("scope", "rules"), [(HERE, ["block"]), (ELSEWHERE, [])])
def test_an_order_taken_while_a_block_stands(scope, rules):
    book = Book()
    book.say(f.BlockSet(AT, block(scope=scope)))
    book.place()
    assert book.rules() == rules


@pytest.mark.parametrize(("key", "rules"), [("mine", ["block"]), ("theirs", []), ("", [])])
def test_an_order_taken_while_its_keys_block_stands(key, rules):
    book = Book()
    book.say(f.BlockSet(AT, block(scope=RiskScope(key="mine"), cause=BlockCause.COUNTDOWN)))
    book.place(key=key)
    assert book.rules() == rules


def test_an_entry_sent_while_a_block_stands_and_an_exit_that_may_go():
    book = Book()
    book.place()
    book.say(f.BlockSet(AT, block(BlockLevel.BLOCK_NEW)))
    book.place(entry(exits=True), "o0000002")
    book.send("o0000002")
    assert book.rules() == []
    book.send()
    assert book.rules() == ["block"]


def test_an_entry_made_larger_while_a_block_stands():
    book = Book()
    book.place()
    book.send()
    book.say(f.BlockSet(AT, block(BlockLevel.BLOCK_NEW)))
    book.say(f.VenueOrderAcknowledged(AT, ID, 0, 1))
    book.say(f.VenueOrderAmending(AT, ID, 0, 1, 1, 8))
    book.say(f.VenueOrderAmended(AT, ID, 0, 1, 1, 8))
    assert book.rules() == []
    book.say(f.OrderAmended(AT, ID, 2, (Change(0, entry(20)),), "trader"))
    book.say(f.VenueOrderAmending(AT, ID, 0, 1, 2, 20))
    assert book.rules() == ["block", "block"]


def test_a_half_open_breaker_lets_one_order_try_and_closes_when_it_has_ended():
    book = Book()
    cause = BlockCause.BREAKER
    book.say(f.BlockSet(AT, block(cause=cause, until=AT + SECOND)))
    book.say(f.BlockSet(AT + SECOND, block(cause=cause, until=AT + SECOND, half_open=True)))
    book.place()
    assert book.rules() == []
    book.say(f.BlockLifted(AT + SECOND, cause, "all", "interlock"))
    assert book.rules() == ["breaker"]
    again = block(BlockLevel.BLOCK_NEW, cause=cause, until=AT + 2 * SECOND)
    book.say(f.BlockSet(AT + SECOND, again))
    book.say(f.BlockSet(AT + SECOND, block(cause=cause, until=AT, half_open=True)))
    assert book.rules() == ["breaker", "breaker"]
    book.place(name="o0000002")
    book.place(name="o0000003")
    assert book.rules() == ["breaker", "breaker", "block"]


@pytest.mark.parametrize("level", [BlockLevel.RECALL_ENTRIES, BlockLevel.FLATTEN])
def test_what_a_kill_leaves_as_it_was(level):
    book = Book()
    book.place()
    book.say(f.BlockSet(AT, block(level)))
    assert book.rules() == ["kill"]


@pytest.mark.parametrize(("mode", "rules"), [("flatten", []), ("protect", ["kill"])])
def test_a_kill_that_flattens_flattens_every_order_of_its_scope(mode, rules):
    book = Book()
    book.place()
    book.say(f.BlockSet(AT, block(BlockLevel.FLATTEN)), f.OrderCanceling(AT, ID, mode, "kill"))
    assert book.rules() == rules


def test_an_entry_that_is_still_there_when_all_is_calm():
    book = Book()
    book.place()
    book.send()
    book.say(f.BlockSet(AT, block()), f.OrderCanceling(AT, ID, "protect", "kill all"))
    assert book.rules() == []
    assert [breach.rule for breach in book.auditor.finish()] == ["kill"]


def test_a_countdown_that_runs_out_unseen():
    book = Book()
    silent = Countdown("bot", EVERYTHING, SECOND, AT + SECOND, BlockLevel.RECALL_ENTRIES)
    book.say(f.CountdownArmed(AT, silent))
    book.place(at=AT + SECOND)
    assert book.rules() == []
    book.say(f.SignalReceived(AT + SECOND + 1, "mood", "1"))
    assert book.rules() == ["countdown"]


def test_a_countdown_that_runs_out_before_its_time():
    book = Book()
    book.say(f.CountdownArmed(AT, Countdown("b", EVERYTHING, 9, AT + 9, BlockLevel.FLATTEN)))
    ran_out = Block(BlockCause.COUNTDOWN, "b", EVERYTHING, BlockLevel.FLATTEN, AT + 8)
    book.say(f.CountdownDisarmed(AT + 8, "b", "interlock"), f.BlockSet(AT + 8, ran_out))
    assert book.rules() == ["countdown"]


def test_a_countdown_that_runs_out_and_pulls_nothing():
    book = Book()
    book.say(f.CountdownArmed(AT, Countdown("b", EVERYTHING, 9, AT + 9, BlockLevel.FLATTEN)))
    book.say(f.CountdownDisarmed(AT + 9, "b", "interlock"))
    assert book.rules() == ["countdown"]


def test_a_venue_gone_for_too_long():
    book = Book(scope=EVERYTHING, venue_gone_s=3)
    book.say(f.VenueDisconnected(AT, "PAPER", ""), f.SignalReceived(AT + 3 * SECOND, "mood", "1"))
    assert book.rules() == []
    book.say(f.SignalReceived(AT + 3 * SECOND + 1, "mood", "1"))
    assert book.rules() == ["outage"]


@pytest.mark.parametrize(("told", "rules"), [(True, []), (False, ["feed"])])
def test_a_crossed_quote_makes_a_feed_unfit(told, rules):
    book = Book(scope=EVERYTHING, feed_stale_ms=1000)
    book.auditor.tick(Quote("BTC.PAPER", AT, 101, 1, 100, 1), AT)
    if told:
        feed = Block(BlockCause.FEED, "BTC.PAPER", HERE, BlockLevel.BLOCK_NEW, AT)
        book.say(f.BlockSet(AT, feed))
    book.auditor.ticked()
    assert book.rules() == rules


# Exits.


def test_an_exit_that_was_due_and_refused():
    history = Bracket().entered()
    no = Reject(RejectCode.RISK_POSITION, "", "")
    history.say(f.LegRefused(AT, ID, STOP, no))
    assert history.rules() == ["exits"]


@pytest.mark.parametrize(("reduce_only", "rules"), [(True, ["exits"]), (False, [])])
def test_a_reduce_only_order_refused_for_what_is_risked(reduce_only, rules):
    one = Market(
        id="x", instrument="BTC.PAPER", side=Side.BUY, quantity="1", reduce_only=reduce_only
    )
    place = c.PlaceOrder("one", "main", one)
    auditor = Auditor()
    auditor.asked(0, place)
    auditor.answered(0, place, Reject(RejectCode.RISK_BLOCKED, "", ""))
    assert [breach.rule for breach in auditor.breaches] == rules


@pytest.mark.parametrize(
    "gone", [f.LegDisarmed(AT, ID, STOP, "gone"), f.LegDone(AT, ID, STOP, "canceled", 0)]
)
def test_a_flattening_that_takes_the_stop_back_before_the_target(gone):
    history = Bracket().entered()
    history.send(TARGET, 10)
    history.say(f.OrderCanceling(AT, ID, "flatten", "kill all"), gone)
    assert history.rules() == ["flatten"]
    history = Bracket().entered()
    history.say(f.OrderCanceling(AT, ID, "flatten", "kill all"), gone)
    assert history.rules() == []


# Limits.


@pytest.mark.parametrize(
    "limits",
    [
        {"max_order_quantity": "9"},
        {"max_order_notional": "999"},
        {"max_position": "9"},
        {"max_open_orders": 0},
        {"max_orders_per_s": 0},
        {"reduce_only": True},
        {"instruments": ("ETH.PAPER",)},
        {"sides": (Side.SELL,)},
        {"leg_types": (LegType.STOP,)},
    ],
    ids=lambda limits: next(iter(limits)),
)
def test_an_order_accepted_beyond_a_limit(limits):
    book = Book(**limits)
    book.place()
    assert book.rules() == ["limit"]
    book = Book(scope=ELSEWHERE, **limits)
    book.place()
    assert book.rules() == []


def test_an_order_within_its_limits():
    book = Book(max_order_quantity="10", max_order_notional="1000", max_position="10")
    book.limit(max_open_orders=1, max_orders_per_s=1)
    book.place()
    assert book.rules() == []


def test_a_position_counts_what_has_filled_what_may_fill_and_what_is_on_its_way_back():
    book = Book(max_position="25")
    book.place()
    book.send()
    book.fill(10)
    book.place(name="o0000002")
    book.send("o0000002")
    assert book.rules() == []
    book.say(f.OrderCanceling(AT, "o0000002", "protect", "canceled by the trader"))
    book.place(entry(6), "o0000003")
    assert book.rules() == ["limit"]


def test_of_two_of_which_one_trades_the_larger_counts():
    one, other = entry(10), LegTerms("b", LegType.LIMIT, "BTC.PAPER", 1, 8, price=90)
    for kind, rules in (("oco", []), ("all", ["limit"])):
        book = Book(max_position="12")
        relations = (Relation(kind, (0, 1)),)
        terms = OrderTerms(ID, "x", "main", "", (one, other), ~0, relations, PolicyTerms())
        book.say(f.OrderAccepted(AT, terms))
        assert book.rules() == rules


@pytest.mark.parametrize(("quantity", "rules"), [(12, []), (13, ["limit"])])
def test_an_amend_beyond_a_limit(quantity, rules):
    book = Book(max_position="12")
    book.place()
    book.say(f.OrderAmended(AT, ID, 2, (Change(0, entry(quantity)),), "trader"))
    assert book.rules() == rules


def test_an_entry_sent_beyond_limits_that_were_set_since_it_was_taken():
    book = Book()
    book.place()
    book.limit(max_order_quantity="9", max_position="9", reduce_only=True)
    book.send()
    assert book.rules() == ["limit", "limit", "limit"]


@pytest.mark.parametrize(("amended", "rules"), [(True, []), (False, ["I8"])])
def test_what_a_trader_takes_out_of_a_stop_is_bare_by_wish(amended, rules):
    history = Bracket().entered()
    smaller = LegTerms("stop", LegType.STOP, "BTC.PAPER", -1, 4, trigger_price=95, exits=True)
    if amended:
        history.say(f.OrderAmended(AT, ID, 2, (Change(STOP, smaller),), "trader"))
    history.say(f.LegDisarmed(AT, ID, STOP, "nothing to exit"), f.LegArmed(AT, ID, STOP, 4, 95))
    assert [breach.rule for breach in history.auditor.finish()] == rules
