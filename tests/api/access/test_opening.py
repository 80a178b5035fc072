"""Access as a whole: what a server asks of it, from many threads, and across its lives."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from interlock.api.access.errors import AccessError, AccessUnavailable, MasterKeyMissing
from interlock.api.access.opening import LAST_USED_NS
from interlock.api.access.trail import NAME
from interlock.api.problems import ApiCode
from interlock.api.route import Budget, Caller
from tests.api.access.desk import HOME, House, code


def test_a_request_goes_in_is_counted_and_is_kept(house: House):
    client = house.key()
    access = house.access
    body, target = b'{"a": 1}', "/v1/orders?dry=1"
    caller = access.authenticate("POST", target, client.headers(body=body), body, HOME)
    assert isinstance(caller, Caller)
    assert access.take(caller, Budget.PLACING, 3).remaining == 997
    access.record(caller, HOME, "POST", target, 201, "", "r1")
    access.flush()
    (line,) = (house.folder / NAME).read_text().splitlines()
    assert json.loads(line)["who"] == client.view.id
    assert client.secret not in line
    assert "dry" not in line


def test_one_request_sent_by_many_threads_gets_in_once(house: House):
    client = house.key()
    for _ in range(20):
        headers = client.headers()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda h: house.let_in(h), [headers] * 8))
        assert sum(isinstance(answer, Caller) for answer in answers) == 1
        assert {code(answer) for answer in answers} == {"", ApiCode.NONCE_REUSED}


def test_requests_go_on_while_keys_come_and_go(house: House):
    client = house.key()

    def churn(number: int) -> None:
        house.access.keys.revoke(house.key().view.id)
        house.access.keys.flush()
        house.access.keys.reload()
        house.access.flush()

    with ThreadPoolExecutor(4) as pool:
        churning = [pool.submit(churn, number) for number in range(20)]
        while not all(one.done() for one in churning):
            assert not code(client.asks())
        for one in churning:
            one.result()
    assert len(house.access.keys.listed()) == 21


def test_a_folder_whose_master_key_went_missing_is_not_begun_anew(house: House):
    house.access.close()
    (house.folder / "master.key").rename(house.folder / "kept")
    with pytest.raises(MasterKeyMissing) as said:
        House(house.folder)
    assert isinstance(said.value, AccessError)
    assert not (house.folder / "master.key").exists()
    (house.folder / "kept").rename(house.folder / "master.key")
    house.restart_after_damage()


def test_the_trail_is_written_though_the_database_is_not(house: House):
    house.access.keys._database._connection.execute("PRAGMA busy_timeout=0")
    client = house.key()
    client.asks()
    with closing(sqlite3.connect(house.folder / "access.db")) as blocking:
        blocking.execute("BEGIN IMMEDIATE")
        house.access.record(Caller("ik_1", frozenset()), HOME, "GET", "/", 200, "", "r1")
        house.clock.passes(LAST_USED_NS)
        with pytest.raises(AccessUnavailable):
            house.access.flush()
        assert (house.folder / NAME).stat().st_size
        house.access.record(Caller("ik_1", frozenset()), HOME, "GET", "/", 200, "", "r2")
        with pytest.raises(AccessUnavailable):
            house.access.close()
        assert (house.folder / NAME).read_text().count("\n") == 2
    house.restart_after_damage()
    assert not code(client.asks())


def test_settings_reach_what_they_are_about(tmp_path: Path):
    house = House(tmp_path, window_ms=1_000, token_minutes=1)
    client = house.key()
    assert code(client.asks(ahead_ms=1_001)) == ApiCode.TIMESTAMP_OUTSIDE_WINDOW
    document = house.access.tokens.issue(client.view.id, client.secret, HOME)
    assert getattr(document, "expires_in", 0) == 60
    house.access.close()
