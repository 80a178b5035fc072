"""A venue's own countdown behind ours: what it takes, and where it is wanted."""

from typing import Any

import pytest

from interlock.engine.counted import counted_down
from interlock.orders import facts as f
from interlock.orders.reports import CancelReason, VenueStatus
from tests.risk.test_lookout import held, working
from tests.scenarios.orders import bracket, limit, stop
from tests.tape import MS, SECOND, Tape

COUNTDOWN = CancelReason.COUNTDOWN


def arm(tape: Tape, **more: Any) -> None:
    tape.command("arm_countdown", name="bot", after_ms=1000, **more)


def test_an_entry_that_it_took_ends_and_is_nobodys_doing():
    tape = Tape()
    order = working(tape)
    tape.canceled(order, "entry", COUNTDOWN)
    assert order.done == "canceled"
    assert len(tape.submits("entry")) == 1
    assert tape.incidents() == []


def test_a_target_that_it_took_is_put_back_and_the_stop_was_never_gone():
    tape = Tape()
    order = held(tape)
    tape.canceled(order, "target", COUNTDOWN)
    assert [one.quantity for one in tape.submits("target")] == [10, 10]
    tape.ack(order, "target")
    assert tape.working(order) == {"target": 10}
    assert tape.armed(order) == ["stop"]
    assert tape.incidents() == []
    tape.fill(order, "target", 10, "110.00")
    assert order.done == "filled"


def test_an_entry_that_had_filled_in_part_ends_and_its_exits_are_there_for_that_part():
    tape = Tape()
    order = tape.place(bracket("10", on_partial_fill="reduce"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 4, "100.00")
    tape.ack(order, "target")
    tape.canceled(order, "entry", COUNTDOWN)
    tape.canceled(order, "target", COUNTDOWN)
    tape.ack(order, "target")
    assert tape.working(order) == {"target": 4}
    assert tape.armed(order) == ["stop"]
    assert [one.quantity for one in tape.submits("entry")] == [10]
    assert tape.incidents() == []


def test_what_it_took_while_no_process_was_there_is_known_by_the_answer_at_the_start():
    tape = Tape()
    position, entry = held(tape), working(tape)
    tape.at += 60 * SECOND
    tape.restart()
    position, entry = tape.state.orders[position.id], tape.state.orders[entry.id]
    for order, leg in ((position, "target"), (entry, "entry")):
        tape.status(order, leg, VenueStatus.CANCELED, reason=COUNTDOWN)
    assert entry.done == "canceled"
    assert [one.quantity for one in tape.submits("target")][-1] == 10
    assert tape.submits("target")[-1].client_id.endswith(".2")
    assert tape.incidents() == []
    reasons = [one.reason for one in tape.facts if isinstance(one, f.LegDone) and one.leg == 0]
    assert reasons[-1] == "the venue's countdown pulled it"


def test_it_is_wanted_only_where_entries_rest_that_our_countdown_would_pull():
    tape = Tape(native_stop=True)
    assert counted_down(tape.state, "PAPER") == frozenset()
    held(tape, tag="grid")
    stop_there = tape.place(stop("buy", "105.00", "1", id="entry", hold="venue"), tag="grid")
    assert stop_there.legs[0].venue is not None
    tape.place(stop("buy", "106.00", "1", id="entry"), tag="grid")
    arm(tape, scope={"tag": "grid"})
    assert counted_down(tape.state, "PAPER") == frozenset()
    working(tape, tag="other")
    assert counted_down(tape.state, "PAPER") == frozenset()
    entry = working(tape, tag="grid")
    assert counted_down(tape.state, "PAPER") == {"BTC.PAPER"}
    assert counted_down(tape.state, "ELSEWHERE") == frozenset()
    tape.command("disarm_countdown", name="bot")
    assert counted_down(tape.state, "PAPER") == frozenset()
    arm(tape, scope={"tag": "grid"}, level="block_new")
    assert counted_down(tape.state, "PAPER") == frozenset()
    arm(tape, scope={"tag": "grid"})
    tape.wait(1100 * MS)  # ours has run out, and the recall is on its way
    assert counted_down(tape.state, "PAPER") == {"BTC.PAPER"}
    tape.canceled(entry, "entry")
    assert counted_down(tape.state, "PAPER") == frozenset()


@pytest.mark.parametrize(("key", "wanted"), [("mine", {"BTC.PAPER"}), ("theirs", set())])
def test_one_of_a_key_is_backed_for_that_keys_entries(key: str, wanted: set[str]):
    tape = Tape()
    order = tape.place(limit("buy", "90.00", "1", id="entry"), key="mine")
    tape.ack(order, "entry")
    arm(tape, scope={"key": key}, by=key)
    assert counted_down(tape.state, "PAPER") == wanted
