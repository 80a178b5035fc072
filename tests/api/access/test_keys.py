"""Keys: made, listed and revoked, on a disk that others write to and that may be damaged."""

from __future__ import annotations

import re
import sqlite3
import stat
from contextlib import closing
from typing import Any

import msgspec
import pytest

from interlock.api.access.errors import AccessDamaged, AccessUnavailable
from interlock.api.access.keyterms import KeyView
from interlock.api.access.opening import LAST_USED_NS
from interlock.api.problems import ApiCode, Problem
from interlock.api.route import Scope
from tests.api.access.desk import DAY, SECOND, START, House, code


def tamper(house: House, statement: str, *values: Any) -> None:
    """What somebody with the file and an editor can do."""
    with closing(sqlite3.connect(house.folder / "access.db")) as db, db:
        db.execute(statement, values)


def test_a_key_is_shown_as_it_was_agreed_and_its_secret_only_once(house: House):
    made = house.access.keys.make("bot 7", ["trade", "read", "read"], ["b", "a"], ["::1"], 30)
    assert not isinstance(made, Problem)
    view, secret = made
    assert re.fullmatch(r"ik_[a-z2-7]{16}", view.id)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)
    assert view == KeyView(
        id=view.id,
        name="bot 7",
        scopes=(Scope.READ, Scope.TRADE),
        accounts=("a", "b"),
        allowed_ips=("::1",),
        created_at=START,
        expires_at=START + 30 * DAY,
        revoked_at=0,
        last_used_at=0,
    )
    assert house.access.keys.listed() == [view]
    assert secret not in msgspec.json.encode(house.access.keys.listed()).decode()
    assert secret not in repr(house.access.keys.find(view.id))
    house.restart()
    assert house.access.keys.listed() == [view]


def test_no_secret_lies_in_the_folder(house: House):
    secrets = [house.key().secret.encode() for _ in range(3)]
    password = house.access.admin.reset_password().encode()
    for path in house.folder.iterdir():
        content = path.read_bytes()
        assert not [one for one in (*secrets, password) if one in content], path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": "x" * 65}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "\ud800"}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["read", "root"]}, "/scopes/1"),
        ({"scopes": ["READ"]}, "/scopes/0"),
        ({"accounts": ["main", ""]}, "/accounts/1"),
        ({"accounts": ["a"] * 257}, "/accounts"),
        ({"allowed_ips": ["10.0.0.0/8", "10.0.0.1/8"]}, "/allowed_ips/1"),
        ({"allowed_ips": ["10.0.0.0/33"]}, "/allowed_ips/0"),
        ({"allowed_ips": ["example.com"]}, "/allowed_ips/0"),
        ({"allowed_ips": ["fe80::1%eth0"]}, "/allowed_ips/0"),
        ({"allowed_ips": [""]}, "/allowed_ips/0"),
        ({"allowed_ips": ["::1"] * 257}, "/allowed_ips"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"expires_in_days": -1}, "/expires_in_days"),
        ({"expires_in_days": 3_651}, "/expires_in_days"),
    ],
)
def test_terms_that_cannot_be_are_refused_at_their_field(house: House, terms, pointer: str):
    answer = house.access.keys.make(**{"name": "bot", "scopes": ["read"], **terms})
    assert isinstance(answer, Problem)
    assert answer.pointer == pointer
    assert answer.status in (400, 422)
    assert house.access.keys.listed() == []


def test_the_first_and_the_last_day_are_days(house: House):
    for days in (1, 3_650):
        assert not isinstance(house.access.keys.make("x", ["read"], (), (), days), Problem)


def test_revoking_again_changes_nothing_and_an_unknown_key_is_not_found(house: House):
    client = house.key()
    first = house.access.keys.revoke(client.view.id)
    house.clock.passes(SECOND)
    assert house.access.keys.revoke(client.view.id) == first
    assert code(house.access.keys.revoke("ik_nobody")) == ApiCode.NOT_FOUND


def test_last_use_is_kept_now_and_then(house: House):
    client = house.key()
    house.clock.passes(SECOND)
    client.asks()
    used = house.clock()
    assert house.access.keys.listed()[0].last_used_at == used
    house.clock.passes(LAST_USED_NS)
    house.access.flush()
    house.restart()
    assert house.access.keys.listed()[0].last_used_at == used


def test_more_rights_written_into_the_row_shut_the_key_instead(house: House):
    client, other = house.key("read"), house.key("read")
    house.access.close()
    tamper(
        house,
        "UPDATE keys SET terms = replace(terms, '[\"read\"]', '[\"admin\"]') WHERE id=?",
        client.view.id,
    )
    house.restart_after_damage()
    assert code(client.asks()) == ApiCode.SIGNATURE_WRONG
    assert [view.damaged for view in house.access.keys.listed() if view.id == client.view.id] == [
        True
    ]
    assert not code(other.asks())


def test_a_revocation_taken_back_on_the_disk_shuts_the_key_all_the_same(house: House):
    client = house.key()
    house.access.keys.revoke(client.view.id)
    house.access.close()
    tamper(house, "UPDATE keys SET revoked_at = 0")
    house.restart_after_damage()
    assert code(client.asks()) == ApiCode.SIGNATURE_WRONG


@pytest.mark.parametrize("scope", ["admin", "read"])
def test_a_seal_moved_from_another_row_does_not_open(house: House, scope: str):
    """Not even between keys that were made alike at the same moment."""
    rich, poor = house.key(scope), house.key("read")
    house.access.close()
    tamper(
        house,
        "UPDATE keys SET sealed = (SELECT sealed FROM keys WHERE id=?) WHERE id=?",
        poor.view.id,
        rich.view.id,
    )
    house.restart_after_damage()
    poor.view = rich.view
    assert code(poor.asks()) == ApiCode.SIGNATURE_WRONG


@pytest.mark.parametrize(
    "damage",
    [
        "sealed = x''",
        "sealed = substr(sealed, 1, 20)",
        "sealed = 'text'",
        "terms = x'ff00'",
        "terms = cast(x'ff' AS TEXT)",
        "terms = '{}'",
        "revoked_at = 'x'",
        "last_used_at = 'x', sealed = x'01'",
    ],
)
def test_a_damaged_row_shuts_out_its_key_and_no_other(house: House, damage: str):
    client, other = house.key(), house.key()
    house.access.close()
    tamper(house, f"UPDATE keys SET {damage} WHERE id=?", client.view.id)
    house.restart_after_damage()
    assert code(client.asks()) == ApiCode.SIGNATURE_WRONG
    assert not code(other.asks())
    assert sum(view.damaged for view in house.access.keys.listed()) == 1
    assert not code(house.access.keys.revoke(client.view.id))


def test_another_process_of_the_machine_makes_and_revokes_keys_too(house: House):
    other, cut = House(house.folder, house.clock), []
    house.access.keys.on_revoked.append(cut.append)
    here, there = house.key(), other.key()
    assert code(house.let_in(there.headers())) == ApiCode.SIGNATURE_WRONG
    house.access.flush()
    assert not code(house.let_in(there.headers()))
    other.access.flush()
    other.access.keys.revoke(here.view.id)
    assert not code(here.asks())
    house.access.flush()
    assert code(here.asks()) == ApiCode.KEY_REVOKED
    assert cut == [here.view.id]
    other.access.close()


def test_a_key_revoked_on_a_full_disk_is_shut_out_at_once(house: House):
    client, cut = house.key(), []
    house.access.keys.on_revoked.append(cut.append)
    with closing(sqlite3.connect(house.folder / "access.db")) as blocking:
        blocking.execute("BEGIN IMMEDIATE")
        house.access.keys._database._connection.execute("PRAGMA busy_timeout=0")
        with pytest.raises(AccessUnavailable, match="held by another program"):
            house.access.keys.revoke(client.view.id)
        assert code(client.asks()) == ApiCode.KEY_REVOKED
        assert cut == [client.view.id]
    house.access.keys.reload()
    assert code(client.asks()) == ApiCode.KEY_REVOKED
    assert not code(house.access.keys.revoke(client.view.id))
    house.restart()
    assert code(client.asks()) == ApiCode.KEY_REVOKED


def test_a_file_that_is_no_database_of_ours_is_left_as_it_is(house: House):
    house.access.close()
    path = house.folder / "access.db"
    whole = path.read_bytes()
    for content in (b"x" * 8192, whole[: len(whole) // 2], whole[:100] + bytes(len(whole) - 100)):
        path.write_bytes(content)
        with pytest.raises(AccessDamaged, match="damaged"):
            House(house.folder)
        assert path.read_bytes() == content
    path.write_bytes(whole)
    house.restart_after_damage()
