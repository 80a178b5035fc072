"""An entry and its exits as one list of the venue's: OTO and OTOCO (VENUES 1.4 to 1.6)."""

from typing import Any

import pytest

from interlock.engine.order import Order
from interlock.orders import commands as c
from interlock.orders import reports as r
from interlock.orders import requests as q
from tests.scenarios.orders import BTC, limit, stop
from tests.tape import SECOND, Tape

OCO, OUTSIDE = r.CancelReason.OCO, r.CancelReason.OUTSIDE
LISTS = {"native_oto": True, "native_oco": True, "native_stop": True, "oco_needs_stop": True}


def at_venue(**more: Any) -> dict[str, Any]:
    """Buy 10 at 100; out at 110 or 95: all of it at the venue, by the venue's own rule."""
    return {
        "type": "bracket",
        "on_partial_fill": "cancel",
        "activate_on": "full_fill",
        "entry": limit("buy", "100.00", "10", id="entry"),
        "take_profit": limit("sell", "110.00", id="target"),
        "stop_loss": stop("sell", "95.00", id="stop", hold="venue"),
        **more,
    }


def lists(tape: Tape) -> list[q.SubmitVenueList]:
    return [one for one in tape.requests if isinstance(one, q.SubmitVenueList)]


def placed(order: dict[str, Any] | None = None, **more: Any) -> tuple[Tape, Order]:
    """Accepted by the venue: the entry works, both exits wait for it there."""
    tape = Tape(**LISTS, **more)
    made = tape.place(order or at_venue())
    tape.ack(made, *(leg.terms.id for leg in made.legs))
    return tape, made


def canceled(tape: Tape, order: Order, leg: str, others: tuple[str, ...]) -> None:
    """The venue cancels a leg as we asked, and what is left of its list with it."""
    tape.canceled(order, leg)
    for other in others:
        tape.canceled(order, other, OCO)


def amend(tape: Tape, order: Order, **legs: dict[str, str]) -> c.Answer:
    return tape.command("amend", order_id=order.id, account="main", legs=legs)


def test_the_whole_order_goes_as_one_list():
    tape, _ = placed()
    (sent,) = lists(tape)
    assert (sent.releases, len(tape.submits())) == (True, 3)
    assert [tape._leg_of(one) for one in sent.orders] == ["entry", "target", "stop"]
    assert [(one.side, one.quantity) for one in sent.orders] == [(1, 10), (-1, 10), (-1, 10)]
    assert tape.wait(5 * SECOND) == []


def test_the_complete_fill_releases_the_exits_and_nothing_is_sent():
    tape, order = placed()
    tape.fill(order, "entry", 4, "100.00")
    assert tape.working(order) == {"entry": 6, "target": 10, "stop": 10}
    tape.fill(order, "entry", 6, "100.00")
    assert tape.working(order) == {"target": 10, "stop": 10}
    assert len(tape.requests) == 1
    tape.fill(order, "target", 10, "110.00")
    tape.canceled(order, "stop", OCO)
    assert (order.done, tape.incidents()) == ("filled", [])
    assert len(tape.submits()) == 3


def test_an_entry_that_ends_after_a_part_of_it_leaves_that_part_with_exits_from_here():
    """VENUES 1.4: the list's exits expire with it; SCENARIOS 5."""
    tape, order = placed()
    tape.fill(order, "entry", 3, "100.00")
    tape.command("cancel_leg", order_id=order.id, account="main", leg="entry")
    canceled(tape, order, "entry", ("target", "stop"))
    pair = lists(tape)[-1]
    assert (pair.releases, [one.quantity for one in pair.orders]) == (False, [3, 3])
    assert tape.incidents() == []


def test_an_entry_that_is_canceled_takes_its_exits_with_it_and_one_cancel_is_sent():
    tape, order = placed()
    tape.command("cancel", order_id=order.id, account="main")
    canceled(tape, order, "entry", ("target", "stop"))
    assert (order.done, tape.incidents()) == ("canceled", [])
    assert sum(isinstance(one, q.CancelVenueOrder) for one in tape.requests) == 1


def test_exits_whose_end_with_the_entry_was_not_told_are_asked_about():
    tape, order = placed()
    tape.command("cancel", order_id=order.id, account="main")
    tape.canceled(order, "entry")
    tape.wait(2 * SECOND)
    for leg in ("stop", "target"):
        tape.status(order, leg, r.VenueStatus.CANCELED)
    assert (order.done, tape.incidents()) == ("canceled", [])


@pytest.mark.parametrize("leg", ["stop", "entry"])
def test_whatever_is_moved_the_list_goes_anew_once_all_of_the_old_one_is_gone(leg: str):
    tape, order = placed()
    field = {"stop": {"trigger_price": "96.00"}, "entry": {"price": "99.00"}}[leg]
    assert isinstance(amend(tape, order, **{leg: field}), c.Accepted)
    tape.canceled(order, "entry")
    tape.canceled(order, "target", OCO)
    assert len(lists(tape)) == 1, "one of the old list may still be there"
    tape.canceled(order, "stop", OCO)
    first, again = lists(tape)
    assert again.list_id != first.list_id
    changed = {"stop": again.orders[2].trigger_price, "entry": again.orders[0].price}[leg]
    assert changed == {"stop": 9600, "entry": 9900}[leg]
    assert tape.incidents() == []


def test_a_stop_moved_after_a_part_was_bought_leaves_the_rest_to_go_alone():
    tape, order = placed()
    tape.fill(order, "entry", 3, "100.00")
    amend(tape, order, stop={"trigger_price": "96.00"})
    canceled(tape, order, "entry", ("stop", "target"))
    assert len(lists(tape)) == 1
    assert tape.working(order) == {"entry": 7}, "released by the complete fill, from here"
    tape.ack(order, "entry")
    tape.fill(order, "entry", 7, "100.00")
    pair = lists(tape)[-1]
    assert (pair.releases, [one.quantity for one in pair.orders]) == (False, [10, 10])


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_list_that_is_refused_is_no_lost_exit(first: int):
    tape = Tape(**LISTS)
    order = tape.place(at_venue())
    for leg in [*("stop", "target", "entry")[first:], *("stop", "target", "entry")[:first]]:
        tape.rejected(order, leg, r.VenueReject.INSUFFICIENT_MARGIN)
    assert (order.done, tape.incidents()) == ("rejected", [])


def test_an_exit_canceled_by_its_trader_leaves_a_list_of_the_others():
    tape, order = placed()
    tape.command("cancel_leg", order_id=order.id, account="main", leg="target")
    canceled(tape, order, "entry", ("target", "stop"))
    sent = lists(tape)[-1]
    assert [tape._leg_of(one) for one in sent.orders] == ["entry", "stop"]
    assert tape.incidents() == []


def test_a_list_refused_for_now_is_tried_again_as_a_list():
    tape = Tape(**LISTS)
    order = tape.place(at_venue())
    for leg in ("entry", "target", "stop"):
        tape.rejected(order, leg, r.VenueReject.RATE_LIMITED)
    tape.wait(SECOND)
    assert [one.releases for one in lists(tape)] == [True, True]
    assert tape.incidents() == []


def test_an_exit_that_fills_before_its_entry_was_told_is_no_excess():
    """The entry's fill is on its way, or lost: it is asked for, and nothing is sold back."""
    tape, order = placed()
    tape.fill(order, "target", 10, "110.00")
    tape.canceled(order, "stop", OCO)
    assert tape.incidents() == []
    asked = [one for one in tape.requests if isinstance(one, q.QueryVenueOrder)]
    assert [tape.id(order, "entry")] == [one.client_id for one in asked]
    tape.status(order, "entry", r.VenueStatus.FILLED, ("e1", 10, "100.00"))
    assert (order.done, tape.incidents(), tape.held(order)) == ("filled", [], 0)


def test_a_lost_reply_is_asked_about_leg_by_leg_and_sent_again_as_a_list():
    tape = Tape(**LISTS, id_promise="unique_while_open", request_validity_ns=SECOND)
    order = tape.place(at_venue())
    for leg in ("entry", "target", "stop"):
        tape.give(r.OutcomeUnknown(tape.at, tape.id(order, leg), "timed out"))
    tape.wait(2 * SECOND)
    for leg in ("stop", "entry", "target"):
        assert len(lists(tape)) == 1, "one of them may still be there"
        tape.status(order, leg, r.VenueStatus.NOT_FOUND)
    tape.wait(5 * SECOND)
    assert [one.releases for one in lists(tape)] == [True, True]
    assert tape.incidents() == []


def test_killed_after_the_fill_that_nobody_heard_the_exits_are_there_already():
    """SCENARIOS 18: that is what the list is for."""
    tape, order = placed()
    tape.restart()
    order = tape.state.orders[order.id]
    tape.status(order, "entry", r.VenueStatus.FILLED, ("e1", 10, "100.00"))
    for leg in ("target", "stop"):
        tape.status(order, leg, r.VenueStatus.WORKING)
    assert tape.working(order) == {"target": 10, "stop": 10}
    assert len(lists(tape)) == 1
    assert tape.incidents() == []


def test_a_pair_refused_at_its_release_is_sent_again_from_here():
    """VENUES pitfall: prices and balances are looked at when the exits are released."""
    tape, order = placed()
    tape.fill(order, "entry", 10, "100.00")
    tape.give(r.Expired(tape.at, tape.id(order, "target"), 0))
    tape.canceled(order, "stop", OCO)
    assert tape.incidents() == ["exit_rejected"]
    tape.wait(SECOND)
    pair = lists(tape)[-1]
    assert (pair.releases, [one.quantity for one in pair.orders]) == (False, [10, 10])


@pytest.mark.parametrize("others", [OCO, OUTSIDE])
@pytest.mark.parametrize("leg", ["entry", "stop"])
def test_somebody_cancels_one_of_the_list(leg: str, others: r.CancelReason):
    """SCENARIOS 24: it is told once, the whole list is gone, and so is the order."""
    tape, order = placed()
    tape.canceled(order, leg, OUTSIDE)
    for other in ("entry", "target", "stop"):
        if other != leg:
            tape.canceled(order, other, others)
    assert (order.done, set(tape.incidents())) == ("canceled", {"outside_change"})


def test_a_kill_of_entries_takes_the_list_back():
    tape, order = placed()
    tape.command("kill", scope={}, level="recall_entries", by="officer")
    canceled(tape, order, "entry", ("target", "stop"))
    assert (order.done, set(tape.incidents())) == ("canceled", {"killed"})


def test_one_exit_alone_is_a_list_of_two():
    order = at_venue()
    del order["take_profit"]
    tape, made = placed(order)
    (sent,) = lists(tape)
    assert [tape._leg_of(one) for one in sent.orders] == ["entry", "stop"]
    tape.fill(made, "entry", 10, "100.00")
    tape.fill(made, "stop", 10, "95.00")
    assert (made.done, tape.incidents()) == ("filled", [])


RELATIVE = {"from_entry": {"bps": 100}}


@pytest.mark.parametrize(
    "changed",
    [
        {"activate_on": "each_fill"},
        {"on_partial_fill": "reduce"},
        {"stop_loss": stop("sell", "95.00", id="stop")},
        {"take_profit": limit("sell", RELATIVE, id="target")},
        {"entry": limit("buy", "100.00", "10", id="entry", time_in_force="ioc")},
        {"entry": stop("buy", "100.00", "10", id="entry", hold="venue")},
        {"take_profit": limit("sell", "110.00", "5", id="target")},
    ],
    ids=["each fill", "reduce", "held here", "relative", "at once", "stop entry", "a part"],
)
def test_whoever_does_not_accept_the_venues_rule_gets_his_own(changed: dict[str, Any]):
    tape = Tape(**LISTS)
    tape.place(at_venue(**changed))
    assert not any(one.releases for one in lists(tape))
    assert {tape._leg_of(one) for one in tape.submits()} == {"entry"}


def test_a_venue_without_such_lists_gets_the_entry_alone():
    tape = Tape(**{**LISTS, "native_oto": False})
    tape.place(at_venue())
    assert lists(tape) == []
    assert [one.instrument for one in tape.submits()] == [BTC]
