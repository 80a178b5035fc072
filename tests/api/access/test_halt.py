"""Halts: at once, through restarts, until a person says otherwise."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from interlock.api.access.errors import AccessUnavailable
from interlock.api.access.tokens import TokenDocument
from interlock.api.problems import ApiCode
from tests.api.access.desk import HOME, House, code


def test_a_halt_of_one_account_leaves_the_others(house: House):
    halts = house.access.halts
    assert halts.refusal("main") is None
    halts.halt("main", "se_1", "a wild algorithm")
    refused = halts.refusal("main")
    assert refused is not None
    assert (refused.code, refused.status) == (ApiCode.TRADING_HALTED, 403)
    assert "a wild algorithm" in refused.detail
    assert halts.refusal("other") is None


def test_a_halt_survives_restarts_until_it_is_resumed(house: House):
    house.access.halts.halt(None, "se_1", "fire")
    for _ in range(2):
        house.restart()
        assert code(house.access.halts.refusal("main")) == ApiCode.TRADING_HALTED
    assert house.access.halts.resume(None, "se_2") is None
    house.restart()
    assert house.access.halts.refusal("main") is None
    assert code(house.access.halts.resume(None, "se_2")) == ApiCode.NOT_FOUND


def test_resuming_all_does_not_resume_an_account_that_was_halted_by_itself(house: House):
    halts = house.access.halts
    halts.halt("main", "se_1", "")
    halts.halt(None, "se_1", "")
    assert code(halts.resume("other", "se_1")) == ApiCode.NOT_FOUND
    assert halts.resume(None, "se_1") is None
    assert halts.refusal("other") is None
    assert code(halts.refusal("main")) == ApiCode.TRADING_HALTED
    assert [halt.account for halt in halts.standing()] == ["main"]


def test_halting_twice_keeps_the_first_reason_and_needs_one_resume(house: House):
    halts = house.access.halts
    halts.halt(None, "se_1", "first")
    assert halts.halt(None, "se_2", "second").why == "first"
    era = halts.era
    house.restart()
    halts = house.access.halts
    assert [halt.why for halt in halts.standing()] == ["first"]
    assert halts.era == era
    assert halts.resume(None, "se_2") is None
    assert not halts.standing()


def test_a_halt_holds_on_a_disk_that_refuses_and_is_written_when_it_takes(house: House):
    house.access.halts._database._connection.execute("PRAGMA busy_timeout=0")
    token = house.access.admin.login(house.access.admin.reset_password(), HOME)
    assert isinstance(token, str)
    with closing(sqlite3.connect(house.folder / "access.db")) as blocking:
        blocking.execute("BEGIN IMMEDIATE")
        with pytest.raises(AccessUnavailable):
            house.access.halts.halt("main", "se_1", "fire")
        assert code(house.access.halts.refusal("main")) == ApiCode.TRADING_HALTED
        assert house.access.sessions.find(token) is None
        house.access.halts.reload()
        assert code(house.access.halts.refusal("main")) == ApiCode.TRADING_HALTED
    house.access.flush()
    house.restart()
    assert code(house.access.halts.refusal("main")) == ApiCode.TRADING_HALTED


def test_tokens_from_before_a_halt_stay_void_though_the_disk_heard_of_it_late(house: House):
    client = house.key()
    document = house.access.tokens.issue(client.view.id, client.secret, HOME)
    assert isinstance(document, TokenDocument)
    house.access.halts._database._connection.execute("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(house.folder / "access.db")) as blocking:
        blocking.execute("BEGIN IMMEDIATE")
        with pytest.raises(AccessUnavailable):
            house.access.halts.halt("main", "se_1", "fire")
    assert house.access.halts.resume("main", "se_1") is None
    house.restart()
    assert house.access.halts.refusal("main") is None
    assert code(house.access.tokens.verify(document.access_token)) == ApiCode.TOKEN_INVALID


def test_a_halt_in_another_process_is_heard_of(house: House):
    token = house.access.admin.login(house.access.admin.reset_password(), HOME)
    assert isinstance(token, str)
    other = House(house.folder, house.clock)
    other.access.halts.halt(None, "the command line", "")
    house.access.flush()
    assert code(house.access.halts.refusal("main")) == ApiCode.TRADING_HALTED
    assert house.access.sessions.find(token) is None
    house.access.halts.resume(None, "se_1")
    other.access.flush()
    assert other.access.halts.refusal("main") is None
    other.access.close()
