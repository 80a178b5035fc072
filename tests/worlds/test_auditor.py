"""Each check of the auditor, shown to fire on a history made bad by hand."""

import pytest
from msgspec.structs import replace

from interlock.audit.auditor import Auditor
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders import requests as q
from interlock.orders.legs import LegType
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import LegTerms, OrderTerms, PolicyTerms, Relation, Span
from interlock.orders.ticks import Trade
from interlock.orders.tree import Limit, OnPartialFill

ID = "o0000001"
ENTRY, TARGET, STOP = 0, 1, 2
AT = 1_000_000_000


def leg(name: str, kind: LegType, side: int, **more) -> LegTerms:
    return LegTerms(name, kind, "BTC.PAPER", side, 10, exits=side < 0, **more)


class History:
    """A bracket: buy 10, target at 110, stop at 95."""

    def __init__(self, trail: int = 0, **policy) -> None:
        self.auditor = Auditor()
        self.seq = 0
        stop = leg("stop", LegType.STOP, -1, trigger_price=95)
        if trail:
            stop = leg("stop", LegType.TRAILING_STOP, -1, trail=Span(trail))
        legs = (
            leg("entry", LegType.LIMIT, 1, price=100),
            leg("target", LegType.LIMIT, -1, price=110),
            stop,
        )
        relations = (
            Relation("oto", (ENTRY, ~1)),
            Relation("oco", (TARGET, STOP), 0, on_partial_fill=OnPartialFill.REDUCE),
        )
        terms = OrderTerms(ID, "one", "main", "", legs, ~0, relations, PolicyTerms(**policy))
        self.say(f.OrderAccepted(AT, terms))

    def say(self, *facts: f.Fact) -> None:
        self.auditor.hear(self.seq + 1, facts)
        self.seq += len(facts)

    def send(self, leg: int, quantity: int, attempt: int = 1, kind=VenueOrderType.LIMIT) -> None:
        side = 1 if leg == ENTRY else -1
        self.say(f.VenueOrderSending(AT, ID, leg, attempt, kind, side, quantity, AT))

    def fill(self, leg: int, quantity: int, exec_id: str, total: int, confirmed=True) -> None:
        one = (exec_id, quantity, 100, total, 0, confirmed)
        self.say(f.VenueOrderFilled(AT, ID, leg, 1, *one))

    def entered(self) -> "History":
        self.send(ENTRY, 10)
        self.fill(ENTRY, 10, "e1", 10)
        self.say(f.LegArmed(AT, ID, STOP, 10, 95))
        return self

    def rules(self) -> list[str]:
        return [breach.rule for breach in self.auditor.breaches]


def test_a_sound_history_breaks_nothing():
    history = History().entered()
    history.send(TARGET, 10)
    assert history.rules() == []
    assert History().entered().auditor.finish() == []


def test_i1_a_claim_taken_twice():
    history = History().entered()
    history.say(f.LegClaimed(AT, ID, STOP, 1), f.LegClaimed(AT, ID, TARGET, 1))
    assert history.rules() == ["I1"]


@pytest.mark.parametrize("what", ["sent", "armed"])
def test_i1_a_frozen_leg_moves(what):
    history = History().entered()
    history.say(f.LegClaimed(AT, ID, STOP, 1))
    if what == "sent":
        history.send(TARGET, 10)
    else:
        history.say(f.LegArmed(AT, ID, TARGET, 10, 110))
    assert history.rules() == ["I1"]


def test_i1_a_claimed_leg_does_not_wait_for_its_sibling():
    history = History().entered()
    history.send(TARGET, 10)
    history.say(f.LegClaimed(AT, ID, STOP, 1))
    history.send(STOP, 10, kind=VenueOrderType.MARKET)
    assert "I1" in history.rules()


def test_i2_exits_beyond_what_is_held_untold():
    history = History().entered()
    history.send(TARGET, 10)
    history.fill(TARGET, 10, "t1", 10)
    history.fill(TARGET, 3, "t2", 13)
    assert "I2" in history.rules()


def test_i2_an_amend_to_more_than_is_held():
    history = History().entered()
    history.send(TARGET, 10)
    history.say(f.VenueOrderAcknowledged(AT, ID, TARGET, 1))
    history.say(f.VenueOrderAmending(AT, ID, TARGET, 1, 1, 14))
    assert history.rules() == ["I2"]


def test_i3_a_child_larger_than_its_first():
    history = History()
    history.send(ENTRY, 10)
    history.fill(ENTRY, 4, "e1", 4)
    history.send(TARGET, 5)
    assert "I3" in history.rules()


def test_i4_done_with_a_venue_order_live():
    history = History().entered()
    history.send(TARGET, 10)
    history.say(f.LegDisarmed(AT, ID, STOP, ""), f.OrderDone(AT, ID, "filled"))
    assert history.rules() == ["I4"]


def test_i5_a_request_nobody_wrote_down():
    history = History()
    submit = q.SubmitVenueOrder(
        f"{ID}.0.1", "main", "BTC.PAPER", 1, VenueOrderType.LIMIT, 10, AT, 100
    )
    history.auditor.sent(submit)
    history.auditor.sent(q.AmendVenueOrder(f"{ID}.0.1", "main", "BTC.PAPER", 1, 5))
    history.auditor.sent(q.CancelVenueOrder(f"{ID}.0.1", "main", "BTC.PAPER", 2))
    history.auditor.at_rest()
    assert history.rules() == ["I5"] * 3


def test_i5_a_request_other_than_what_was_written_down():
    history = History()
    history.send(ENTRY, 10)
    submit = q.SubmitVenueOrder(f"{ID}.0.1", "main", "BTC.PAPER", 1, VenueOrderType.LIMIT, 11, AT)
    history.auditor.sent(submit)
    assert history.rules() == ["I5"]


def test_i6_two_live_attempts_of_one_leg():
    history = History()
    history.send(ENTRY, 10)
    history.send(ENTRY, 10, attempt=2)
    assert history.rules() == ["I6"]


def test_i6_an_execution_told_and_not_booked_or_booked_twice():
    history = History()
    history.send(ENTRY, 10)
    history.auditor.heard(r.Filled(AT, f"{ID}.0.1", r.Execution("e1", 4, 100)))
    history.auditor.at_rest()
    assert history.rules() == ["I6"]
    history.fill(ENTRY, 4, "e1", 4)
    history.fill(ENTRY, 4, "e1", 8)
    assert history.rules() == ["I6"] * 2


def test_i8_a_position_left_bare_untold():
    history = History()
    history.send(ENTRY, 10)
    history.fill(ENTRY, 10, "e1", 10)
    history.say(f.LegDone(AT, ID, STOP, "expired", 0))
    assert [breach.rule for breach in history.auditor.finish()] == ["I8"]


def test_two_questions_at_once():
    history = History()
    history.send(ENTRY, 10)
    history.say(f.VenueOrderCanceling(AT, ID, ENTRY, 1, 1, ""))
    assert history.rules() == ["one request in flight"]


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_fill_in_its_confirmation_window(confirmed):
    history = History(confirm_ns=5).entered()
    history.auditor.breaches.clear()
    history.send(TARGET, 10)
    history.fill(TARGET, 4, "t1", 4, confirmed)
    if not confirmed:
        history.say(f.LegTriggered(AT, ID, STOP, "last", 94, 95))
    assert history.rules() == ["confirmation"]


def placed(name: str, quantity: str = "1") -> c.PlaceOrder:
    return c.PlaceOrder(name, "main", Limit(price="100", quantity=quantity))


def test_answers_given_twice_never_or_differently():
    auditor = History().auditor
    auditor.asked(0, placed("one"))
    auditor.answered(0, placed("one"), c.Accepted(ID, 1))
    auditor.answered(0, placed("one"), c.Accepted(ID, 1, replayed=True))
    auditor.asked(1, placed("one", "2"))
    auditor.answered(1, placed("one", "2"), c.Accepted(ID, 1, replayed=True))
    auditor.asked(2, placed("two"))
    auditor.answered(2, placed("two"), c.Accepted("o0000009", 1))
    auditor.asked(3, placed("three"))
    auditor.finish()
    assert [b.rule for b in auditor.breaches] == ["answers", "I6", "I5", "answers"]


def test_a_mass_cancel_that_leaves_one_out_or_takes_another():
    auditor = History().auditor
    auditor.asked(0, c.CancelOrders("main"))
    auditor.answered(0, c.CancelOrders("main"), c.Accepted())
    auditor.asked(1, c.CancelOrders("other"))
    auditor.answered(1, c.CancelOrders("other"), c.Accepted(orders=(ID,)))
    assert [b.rule for b in auditor.breaches] == ["cancel all"] * 2


def seen(history: History, *prices: int) -> None:
    for number, price in enumerate(prices):
        at = AT + number
        history.auditor.tick(Trade("BTC.PAPER", at, price, 1), at)


def test_a_stop_that_fires_too_early_too_late_or_on_nothing():
    late = History().entered()
    seen(late, 94)
    late.auditor.ticked()
    assert late.rules() == ["trigger"]
    early = History().entered()
    seen(early, 96)
    early.say(f.LegTriggered(AT, ID, STOP, "last", 96, 95))
    assert early.rules() == ["trigger"]
    blind = History().entered()
    seen(blind, 94)
    blind.say(f.LegTriggered(AT, ID, STOP, "last", 93, 95))
    assert blind.rules() == ["trigger"]


def test_a_trail_that_loosens():
    history = History(trail=5)
    history.send(ENTRY, 10)
    history.fill(ENTRY, 10, "e1", 10)
    history.say(f.LegArmed(AT, ID, STOP, 10, None, 100))
    seen(history, 104)
    history.say(f.LegArmed(AT, ID, STOP, 9, None, 101))
    assert history.rules() == ["trailing"]
    seen(history, 104, 98)
    history.say(f.LegTriggered(AT, ID, STOP, "last", 98, 98))
    assert history.rules() == ["trailing"] * 2


class Books:
    """A venue's own books, made up."""

    def __init__(self, live=(), executed=()) -> None:
        self.live, self.executed = live, executed

    def open_orders(self):
        return self.live

    def executions(self):
        return self.executed


class Open:
    def __init__(self, client_id: str, quantity: int, cum: int = 0, price=None) -> None:
        self.client_id, self.quantity, self.cum, self.price = client_id, quantity, cum, price


class Done:
    def __init__(self, client_id: str, execution: r.Execution) -> None:
        self.client_id, self.execution = client_id, execution


@pytest.mark.parametrize(
    ("live", "executed", "rule"),
    [
        ([Open("o0000009.0.1", 1)], [], "I4"),
        ([], [], "liveness"),
        ([Open(f"{ID}.0.1", 7)], [], "liveness"),
        ([Open(f"{ID}.0.1", 10)], [Done(f"{ID}.0.1", r.Execution("e1", 1, 100))], "I6"),
    ],
)
def test_books_that_do_not_agree_at_the_end(live, executed, rule):
    history = History()
    history.send(ENTRY, 10)
    history.say(f.VenueOrderAcknowledged(AT, ID, ENTRY, 1))
    history.auditor.finish([Books(live, executed)])
    assert rule in history.rules()


def test_a_stop_that_covers_less_than_is_held():
    history = History().entered()
    history.say(f.LegArmed(AT, ID, STOP, 6, 95))
    executed = [Done(f"{ID}.0.1", r.Execution("e1", 10, 100))]
    history.auditor.finish([Books([], executed)])
    assert "coverage" in history.rules()


@pytest.mark.parametrize(("near", "far", "sound"), [(1, 0, True), (4, 1, False)])
def test_targets_of_a_part_of_the_position_shrink_by_what_the_stop_has_filled(near, far, sound):
    """Targets of 4 and 2 of 10: a stop that has filled 5 leaves 1 of them, the farthest cut first,
    and not the 5 that are still held."""
    history = History()
    legs = (
        leg("entry", LegType.LIMIT, 1, price=100),
        replace(leg("near", LegType.LIMIT, -1, price=110), quantity=4),
        replace(leg("far", LegType.LIMIT, -1, price=120), quantity=2),
        leg("stop", LegType.STOP, -1, trigger_price=95),
    )
    relations = (
        Relation("oto", (0, ~1)),
        Relation("oco", (~2, 3), 0, on_partial_fill=OnPartialFill.REDUCE),
        Relation("all", (1, 2), 1),
    )
    history.auditor = Auditor()
    history.seq = 0
    terms = OrderTerms(ID, "one", "main", "", legs, ~0, relations, PolicyTerms())
    history.say(f.OrderAccepted(AT, terms))
    history.send(0, 10)
    history.fill(0, 10, "e1", 10)
    history.send(3, 5)
    history.fill(3, 5, "e2", 5)
    for number, quantity in ((1, near), (2, far)):
        if quantity:
            history.send(number, quantity)
    history.auditor.finish([Books([], [])])
    assert ("sizes" not in history.rules()) is sound


def test_an_order_filled_to_its_old_size_lives_on_when_its_amend_is_found_to_have_worked():
    history = History().entered()
    history.send(TARGET, 4)
    history.say(f.VenueOrderAcknowledged(AT, ID, TARGET, 1, "v"))
    history.say(f.VenueOrderAmending(AT, ID, TARGET, 1, 1, 10, 110, None))
    history.fill(TARGET, 4, "t1", 4)
    history.say(f.VenueOrderUnknown(AT, ID, TARGET, 1, "no answer in time"))
    history.say(f.VenueOrderFound(AT, ID, TARGET, 1, r.VenueStatus.WORKING, 10))
    executed = [Done(f"{ID}.0.1", r.Execution("e1", 10, 100))]
    executed.append(Done(f"{ID}.1.1", r.Execution("t1", 4, 110)))
    history.auditor.finish([Books([Open(f"{ID}.1.1", 10, 4)], executed)])
    assert "I4" not in history.rules()
    assert "liveness" not in history.rules()
