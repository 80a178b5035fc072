"""The admin's password: shown once, guessed in vain, changed and reset; and its sessions."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from interlock.api.access.lockout import ADDRESSES_MAX, FREE, LONGEST_S, Lockout
from interlock.api.access.passwords import Cost, fits, hashed
from interlock.api.access.sessions import OPEN_MAX, Sessions
from interlock.api.problems import ApiCode, Problem
from tests.api.access.desk import DAY, HOME, SECOND, Clock, House, code

THERE = "198.51.100.9"


def logged_in(house: House, password: str, address: str = HOME) -> str:
    token = house.access.admin.login(password, address)
    assert isinstance(token, str), token
    return token


def test_the_first_password_is_made_once_and_lets_in(house: House):
    password = house.access.admin.first_password()
    assert password is not None
    assert len(password) >= 20
    assert house.access.admin.first_password() is None
    house.restart()
    assert house.access.admin.first_password() is None
    token = logged_in(house, password)
    assert not code(house.let_in({"authorization": f"Session {token}"}))


def test_before_there_is_a_password_nobody_logs_in(house: House):
    for password in ("", "None", "scrypt"):
        assert code(house.access.admin.login(password, HOME)) == ApiCode.UNAUTHENTICATED


def test_logging_out_ends_this_session_alone(house: House):
    password = house.access.admin.reset_password()
    one, two = logged_in(house, password), logged_in(house, password)
    assert house.access.admin.logout(one)
    assert not house.access.admin.logout(one)
    assert house.access.sessions.find(one) is None
    assert house.access.sessions.find(two) is not None


def test_after_five_wrong_passwords_even_the_right_one_waits_longer_each_time(house: House):
    admin = house.access.admin
    password = admin.reset_password()
    for _ in range(FREE):
        assert code(admin.login("wrong", THERE)) == ApiCode.UNAUTHENTICATED
    for wait in (1, 2, 4, 8):
        assert code(admin.login(password, THERE)) == ApiCode.RATE_LIMITED
        house.clock.passes(wait * SECOND - 1)
        assert code(admin.login(password, THERE)) == ApiCode.RATE_LIMITED
        house.clock.passes(1)
        assert code(admin.login("wrong", THERE)) == ApiCode.UNAUTHENTICATED
    logged_in(house, password, HOME)  # from elsewhere it is heard all the while
    house.clock.passes(16 * SECOND)
    logged_in(house, password, THERE)
    for _ in range(FREE):
        assert code(admin.login("wrong", THERE)) == ApiCode.UNAUTHENTICATED


def test_the_wait_has_an_end_and_failures_are_forgotten_after_a_day():
    clock = Clock()
    lockout = Lockout(clock)
    for _ in range(80):
        clock.passes(lockout.attempt(THERE) * SECOND)
    lockout.attempt(THERE)
    assert lockout.attempt(THERE) == LONGEST_S
    clock.passes(DAY + LONGEST_S * SECOND)
    assert [lockout.attempt(THERE) for _ in range(FREE)] == [0] * FREE


def test_a_network_of_ipv6_is_one_address_and_a_mapped_ipv4_is_that_ipv4():
    lockout = Lockout(Clock())
    for host in range(FREE):
        assert lockout.attempt(f"2001:db8::{host}") == 0
    assert lockout.attempt("2001:db8::ffff") > 0
    assert lockout.attempt("2001:db8:0:1::1") == 0
    for _ in range(FREE):
        lockout.attempt("192.0.2.1")
    assert lockout.attempt("::ffff:192.0.2.1") > 0
    assert lockout.attempt("192.0.2.2") == 0


def test_failures_of_many_addresses_take_bounded_memory():
    lockout = Lockout(Clock())
    for number in range(ADDRESSES_MAX + 100):
        lockout.attempt(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(lockout._failures) == ADDRESSES_MAX


def test_many_guesses_at_once_are_as_many_guesses(house: House):
    house.access.admin.reset_password()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: house.access.admin.login("x", THERE), range(40)))
    assert [code(one) for one in answers].count(ApiCode.UNAUTHENTICATED) == FREE


def test_a_new_password_ends_every_session_and_the_old_one(house: House):
    admin, ended = house.access.admin, []
    house.access.sessions.on_ended.append(ended.append)
    old = admin.reset_password()
    tokens = [logged_in(house, old) for _ in range(3)]
    assert code(admin.change_password("wrong", "a new password", HOME)) == ApiCode.UNAUTHENTICATED
    short = admin.change_password(old, "too short", HOME)
    assert isinstance(short, Problem)
    assert short.pointer == "/new_password"
    assert all(house.access.sessions.find(token) for token in tokens)
    assert admin.change_password(old, "a new pässword", HOME) is None
    assert not any(house.access.sessions.find(token) for token in tokens)
    assert len(ended) == 3
    assert code(admin.login(old, HOME)) == ApiCode.UNAUTHENTICATED
    logged_in(house, "a new pässword")
    house.restart()
    logged_in(house, "a new pässword")


def test_guessing_the_old_password_in_a_stolen_session_is_locked_out_too(house: House):
    house.access.admin.reset_password()
    answers = [
        house.access.admin.change_password("guess", "long enough now", THERE)
        for _ in range(FREE + 1)
    ]
    assert code(answers[-1]) == ApiCode.RATE_LIMITED


def test_who_owns_the_machine_resets_the_password_under_a_running_server(house: House):
    token = logged_in(house, house.access.admin.reset_password())
    command = House(house.folder, house.clock)
    password = command.access.admin.reset_password()
    command.access.close()
    house.access.flush()
    assert house.access.sessions.find(token) is None
    logged_in(house, password)


@pytest.mark.parametrize(
    "kept",
    ["", "x", "scrypt$16$8$1$$", "scrypt$0$8$1$AA==$AA==", "scrypt$a$b$c$d$e", "$" * 5, None]
    + [f"scrypt${n}$8$1$AAAA$" + "A" * 43 + "=" for n in (-1, 3, 2**62, 10**30)],
)
def test_a_damaged_hash_fits_no_password(house: House, kept: str | None):
    house.access.admin.reset_password()
    with closing(sqlite3.connect(house.folder / "access.db")) as db, db:
        db.execute("UPDATE meta SET value=? WHERE key='admin_password'", (kept or 7,))
    house.restart()
    for password in ("", "x", "7"):
        assert code(house.access.admin.login(password, HOME)) in (
            ApiCode.UNAUTHENTICATED,
            ApiCode.RATE_LIMITED,
        )
    logged_in(house, house.access.admin.reset_password(), THERE)


def test_a_hash_keeps_its_own_cost():
    kept = hashed("a password", Cost(n=32, r=4))
    assert kept.startswith("scrypt$32$4$1$")
    assert "a password" not in kept
    assert fits("a password", kept)
    assert not fits("a Password", kept)
    assert hashed("a password", Cost(n=32, r=4)) != kept


def test_an_endless_password_is_not_hashed(house: House):
    house.access.admin.reset_password()
    assert code(house.access.admin.login("x" * 10**6, HOME)) == ApiCode.UNAUTHENTICATED


def test_sessions_are_bounded_and_the_one_idle_for_longest_makes_room():
    clock = Clock()
    sessions, ended = Sessions(clock), []
    sessions.on_ended.append(ended.append)
    tokens = []
    for _ in range(OPEN_MAX):
        tokens.append(sessions.open(HOME))
        clock.passes(SECOND)
    assert sessions.find(tokens[0]) is not None
    sessions.open(HOME)
    assert sessions.find(tokens[0]) is not None
    assert sessions.find(tokens[1]) is None
    assert len(ended) == 1
