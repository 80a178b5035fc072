"""A countdown of a key: silence pulls what was placed with that key, and nothing else."""

from typing import Any

import pytest

from interlock.orders import facts as f
from interlock.orders.commands import Accepted, CancelMode
from interlock.orders.rejects import Reject, RejectCode
from tests.risk.test_lookout import blocks, held, working
from tests.scenarios.orders import bracket, limit, stop
from tests.tape import MS, SECOND, Tape

MINE, THEIRS = "ik_mine", "ik_theirs"


def arm(tape: Tape, name: str = "bot", key: str = MINE, **more: Any) -> Accepted | Reject:
    armed = {"name": name, "after_ms": 1000, "scope": {"key": key}, "by": key, **more}
    return tape.command("arm_countdown", **armed)


def canceled(said: list[str]) -> list[str]:
    return [line for line in said if line.startswith("< Cancel")]


def test_silence_pulls_the_keys_own_entries_and_leaves_its_exits_and_everybody_elses():
    tape = Tape()
    position, entry = held(tape, key=MINE), working(tape, key=MINE)
    other, nobodys = working(tape, key=THEIRS), working(tape)
    arm(tape)
    assert not tape.wait(900 * MS)
    assert canceled(tape.wait(200 * MS)) == ["< Cancel entry.1"]
    assert entry.winding == CancelMode.PROTECT
    assert tape.working(position) == {"target": 10}
    assert tape.armed(position) == ["stop"]
    assert tape.working(other) == tape.working(nobodys) == {"entry": 1}
    assert tape.refuse(limit("buy", "90.00", "1"), key=MINE).code is RejectCode.RISK_BLOCKED
    working(tape, key=THEIRS)
    tape.canceled(entry, "entry")
    arm(tape)  # its client is back
    assert blocks(tape) == []
    working(tape, key=MINE)


def test_an_entry_that_waits_here_is_neither_sent_nor_made_larger_after_it():
    tape = Tape()
    waiting = tape.place(stop("buy", "105.00", "1", id="entry"), key=MINE)
    arm(tape, level="block_new")
    tape.wait(1100 * MS)
    larger = {"entry": {"quantity": "2"}}
    answer = tape.command("amend", order_id=waiting.id, legs=larger)
    assert isinstance(answer, Reject) and answer.code is RejectCode.RISK_BLOCKED
    tape.trade("106.00")
    assert not tape.submits()
    assert any(isinstance(fact, f.LegRefused) for fact in tape.facts)


def test_flatten_closes_what_its_live_orders_hold_and_no_position_that_has_no_key():
    tape = Tape()
    mine, other = held(tape, key=MINE), held(tape, key=THEIRS)
    arm(tape, level="flatten")
    tape.wait(1100 * MS)
    assert (mine.winding, other.winding) == ("flatten", "")
    assert not any(order.startswith("flatten:") for order in tape.state.orders)
    assert tape.working(other) == {"target": 10}


def test_a_name_is_the_keys_until_it_is_disarmed_armed_or_run_out():
    tape = Tape()
    arm(tape)
    refused = arm(tape, key=THEIRS)
    assert isinstance(refused, Reject) and refused.path == "name"
    assert isinstance(tape.command("arm_countdown", name="bot", after_ms=900), Reject)
    tape.wait(1100 * MS)
    assert blocks(tape) == ["countdown:bot"]
    assert isinstance(arm(tape, key=THEIRS), Reject)  # it would lift what stands for another
    assert blocks(tape) == ["countdown:bot"]
    arm(tape)
    tape.command("disarm_countdown", name="bot", by="admin")
    assert isinstance(arm(tape, key=THEIRS), Accepted)


@pytest.mark.parametrize("plain", [True, False])
def test_the_same_body_with_another_key_is_the_same_order(plain: bool):
    tape = Tape()
    body = stop("buy", "105.00", "1", id="entry") if plain else bracket("1")
    order = tape.place(body, client_order_id="one", key=MINE)
    again = tape.refused_or_placed(body, client_order_id="one", key=THEIRS)
    assert again == Accepted(order.id, 1, replayed=True)
    assert order.terms.key == MINE


def test_it_lasts_over_a_restart_and_no_limit_is_of_a_key():
    tape = Tape()
    entry, other = working(tape, key=MINE), working(tape, key=THEIRS)
    arm(tape)
    tape.at += 5 * SECOND
    tape.restart()
    entry, other = tape.state.orders[entry.id], tape.state.orders[other.id]
    assert (entry.winding, other.winding) == (CancelMode.PROTECT, "")
    limits = {"scope": {"key": MINE}, "limits": {"max_open_orders": 1}}
    answer = tape.command("set_limits", **limits)
    assert isinstance(answer, Reject) and answer.path == "scope.key"
