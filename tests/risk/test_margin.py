"""Margin: the venue's word kept fresh, a gate before the venue refuses, and advice before that."""

from interlock.orders import facts as f
from interlock.orders.rejects import RejectCode
from interlock.orders.reports import Balance, BalancesTold, VenueReject
from interlock.orders.requests import QueryBalances
from tests.scenarios.orders import limit
from tests.tape import SECOND, Tape


def told(tape: Tape, available: str) -> None:
    balance = Balance("USDT", "0", "0", "1000", available)
    tape.give(BalancesTold(tape.at, "PAPER", "main", tape.at, (balance,)))


def limited(**more: object) -> Tape:
    tape = Tape()
    scope = {"account": "main"}
    tape.limits(scope, min_free_margin="100", initial_margin_bps=1_000, **more)
    return tape


def test_balances_are_asked_for_at_once_and_every_five_seconds():
    tape = limited()
    tape.wait(11 * SECOND)
    asked = [x for x in tape.requests if isinstance(x, QueryBalances)]
    assert asked == [QueryBalances("PAPER", "main")] * 3


def test_an_entry_that_would_leave_too_little_is_refused_before_the_venue_sees_it():
    tape = limited()
    told(tape, "250")
    refused = tape.refuse(limit("buy", "100.00", "16"))  # a tenth of 1600 leaves 90
    assert (refused.code, refused.breach.figure) == (RejectCode.RISK_MARGIN, "90")
    tape.place(limit("buy", "100.00", "10"))
    refused = tape.refuse(limit("buy", "100.00", "6"))  # the first took 100 of it
    assert refused.breach.figure == "90"
    told(tape, "250")  # the venue has not taken it: it is there again
    tape.place(limit("buy", "100.00", "6"))


def test_an_old_word_is_not_believed():
    tape = limited()
    told(tape, "250")
    tape.wait(21 * SECOND)
    assert tape.refuse(limit("buy", "100.00", "1")).breach.figure == "unknown"


def test_little_margin_is_told_of_once_with_what_to_take_off_first():
    tape = limited()
    told(tape, "5000")
    tape.trade("100.00")
    small, large = tape.place(limit("buy", "90.00", "1")), tape.place(limit("buy", "90.00", "7"))
    told(tape, "99")
    told(tape, "98")
    (incident,) = [x for x in tape.facts if isinstance(x, f.IncidentOpened)]
    assert incident.kind == "margin_low"
    assert f"{large.id} (700), {small.id} (100): cancel those first" in incident.detail
    told(tape, "101")
    told(tape, "99")
    assert tape.incidents() == ["margin_low", "margin_low"]


def test_a_margin_refusal_of_the_venue_is_an_answer_and_not_tried_again():
    tape = Tape()
    order = tape.place(limit("buy", "100.00", "1", id="entry"))
    tape.rejected(order, "entry", VenueReject.INSUFFICIENT_MARGIN)
    tape.wait(60 * SECOND)
    assert order.done == "rejected"
    assert len(tape.submits("entry")) == 1


def test_an_atomic_batch_takes_its_margin_once():
    tape = limited()
    told(tape, "250")
    order = limit("buy", "100.00", "5")
    orders = [{"client_order_id": f"b{n}", "account": "main", "order": order} for n in range(3)]
    assert len(tape.command("place_all", orders=orders).orders) == 3
    assert tape.refuse(limit("buy", "100.00", "1")).breach.figure == "90"
