"""Who is let in: signatures, sessions, tokens and tickets, and every way to fake one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.api.access.sessions import IDLE_NS, LONGEST_NS
from interlock.api.access.tokens import TokenDocument
from interlock.api.problems import ApiCode, Problem, status_of
from interlock.api.route import Caller, Scope
from tests.api.access.desk import DAY, HOME, MINUTE, MS, SECOND, Client, House, code


def bearer(house: House, client: Client) -> str:
    document = house.access.tokens.issue(client.view.id, client.secret, HOME)
    assert isinstance(document, TokenDocument)
    return f"Bearer {document.access_token}"


def session(house: House) -> str:
    token = house.access.admin.login(house.access.admin.reset_password(), HOME)
    assert isinstance(token, str)
    return f"Session {token}"


def test_a_signed_request_is_its_keys(house: House):
    client = house.key("read", "trade", accounts=["main"])
    caller = client.asks()
    assert caller == Caller(
        client.view.id, frozenset((Scope.READ, Scope.TRADE)), frozenset(("main",))
    )


def test_a_request_without_any_proof_is_told_how_to_give_one(house: House):
    answer = house.let_in({})
    assert code(answer) == ApiCode.UNAUTHENTICATED
    assert status_of(code(answer)) == 401


def test_a_replay_is_refused_as_long_as_its_timestamp_is_good(house: House):
    client = house.key()
    headers = client.headers(ahead_ms=5_000)
    assert not code(house.let_in(headers))
    for _ in range(10):
        assert code(house.let_in(headers)) == ApiCode.NONCE_REUSED
        client.asks()  # other requests make the generations turn
        house.clock.passes(SECOND)
    assert code(house.let_in(headers)) == ApiCode.NONCE_REUSED  # exactly at the window's end
    house.clock.passes(MS)
    assert code(house.let_in(headers)) == ApiCode.TIMESTAMP_OUTSIDE_WINDOW


def test_a_replay_after_a_restart_is_refused(house: House):
    headers = house.key().headers()
    assert not code(house.let_in(headers))
    house.clock.passes(SECOND)
    house.restart()
    assert code(house.let_in(headers)) == ApiCode.TIMESTAMP_OUTSIDE_WINDOW


def test_a_replay_after_the_clock_was_set_back_is_refused(house: House):
    client = house.key()
    headers = client.headers()
    assert not code(house.let_in(headers))
    for _ in range(3):
        house.clock.passes(MINUTE)
        assert not code(client.asks())
    house.clock.passes(-3 * MINUTE)
    assert code(house.let_in(headers)) == ApiCode.TIMESTAMP_OUTSIDE_WINDOW


def test_a_replay_after_an_idle_time_and_a_clock_set_back_is_refused(house: House):
    headers = house.key().headers()
    assert not code(house.let_in(headers))
    house.clock.passes(MINUTE)
    house.access.flush()
    house.clock.passes(-MINUTE)
    assert code(house.let_in(headers)) == ApiCode.TIMESTAMP_OUTSIDE_WINDOW


@pytest.mark.parametrize("ahead_ms", [-5_001, 5_001, -86_400_000, 86_400_000])
def test_a_timestamp_outside_the_window_is_refused(house: House, ahead_ms: int):
    client = house.key()
    house.clock.passes(DAY)
    assert code(client.asks(ahead_ms=ahead_ms)) == ApiCode.TIMESTAMP_OUTSIDE_WINDOW


@pytest.mark.parametrize("ahead_ms", [-5_000, 0, 5_000])
def test_a_timestamp_inside_the_window_is_taken(house: House, ahead_ms: int):
    client = house.key()
    house.clock.passes(DAY)
    assert not code(client.asks(ahead_ms=ahead_ms))


@pytest.mark.parametrize("timestamp", ["", "now", "-5", "1.5", "9" * 16, "٣٣٣", "1\n2", " 18"])
def test_a_timestamp_that_is_none_is_refused(house: House, timestamp: str):
    headers = house.key().headers() | {"x-interlock-timestamp": timestamp}
    assert code(house.let_in(headers)) == ApiCode.UNAUTHENTICATED


@pytest.mark.parametrize("nonce", ["short", "n" * 65, "with space", "line\nbreak-", "ünïcödé-x"])
def test_a_nonce_that_is_none_is_refused(house: House, nonce: str):
    assert code(house.key().asks(nonce=nonce)) == ApiCode.UNAUTHENTICATED


def test_a_wrong_signature_burns_no_nonce(house: House):
    headers = house.key().headers()
    forged = headers | {"x-interlock-signature": "0" * 64}
    assert code(house.let_in(forged)) == ApiCode.SIGNATURE_WRONG
    assert not code(house.let_in(headers))


def test_an_unknown_key_and_a_wrong_signature_get_the_very_same_answer(house: House):
    client = house.key()
    forged = client.headers() | {"x-interlock-signature": "0" * 64}
    unknown = client.headers() | {"x-interlock-key": "ik_aaaaaaaaaaaaaaaa"}
    assert house.let_in(forged) == house.let_in(unknown)
    assert code(house.let_in(unknown)) == ApiCode.SIGNATURE_WRONG


def test_a_stranger_does_not_learn_that_a_key_was_revoked_or_where_it_may_be_used(house: House):
    revoked, bound = house.key(), house.key(allowed_ips=["10.0.0.0/8"])
    house.access.keys.revoke(revoked.view.id)
    for client in (revoked, bound):
        forged = client.headers() | {"x-interlock-signature": "0" * 64}
        assert code(house.let_in(forged)) == ApiCode.SIGNATURE_WRONG


def test_a_revoked_key_lets_nobody_in_from_then_on(house: House):
    client, cut = house.key(), []
    house.access.keys.on_revoked.append(cut.append)
    assert not code(client.asks())
    house.access.keys.revoke(client.view.id)
    assert cut == [client.view.id]
    assert code(client.asks()) == ApiCode.KEY_REVOKED
    house.restart()
    assert code(client.asks()) == ApiCode.KEY_REVOKED


def test_an_expired_key_lets_nobody_in(house: House):
    client = house.key(expires_in_days=1)
    house.clock.passes(DAY - MS)
    assert not code(client.asks())
    house.clock.passes(MS)
    assert code(client.asks()) == ApiCode.KEY_EXPIRED


@pytest.mark.parametrize(
    ("allowed", "address", "taken"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("::ffff:192.0.2.0/120", "192.0.2.200", True),
        ("192.0.2.0/24", "192.0.3.1", False),
        ("0.0.0.0/0", "8.8.8.8", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("::/0", "192.0.2.7", False),
        ("2001:db8::/32", "2001:db8:1::7", True),
        ("2001:db8::/32", "2001:db9::7", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("192.0.2.7", "", False),
        ("192.0.2.7", "192.0.2.7, 10.0.0.1", False),
        ("192.0.2.7", "192.0.2.07", False),
        ("192.0.2.7", "a socket", False),
    ],
)
def test_a_key_is_used_from_where_it_may(house: House, allowed: str, address: str, taken: bool):
    answer = house.key(allowed_ips=[allowed]).asks(address=address)
    assert code(answer) == ("" if taken else ApiCode.IP_NOT_ALLOWED)


@pytest.fixture(scope="module")
def standing(tmp_path_factory) -> House:
    """One desk for all examples of a property; none of them changes it."""
    return House(tmp_path_factory.mktemp("standing"))


@pytest.fixture(scope="module")
def standing_client(standing: House) -> Client:
    return standing.key()


PARTS = st.sampled_from(("method", "path", "body", "timestamp", "nonce", "signature", "key"))


@given(part=PARTS, place=st.integers(0, 200), new=st.integers(1, 127))
def test_any_single_change_of_anything_signed_is_refused(
    standing: House, standing_client: Client, part: str, place: int, new: int
):
    method, path, body = "POST", "/v1/orders?a=%20b&c=d", b'{"price": "30000.01"}'
    headers = standing_client.headers(method, path, body)
    if part == "body":
        at = place % len(body)
        body = body[:at] + bytes((body[at] ^ new,)) + body[at + 1 :]
    elif part == "method":
        method = changed(method, place, new)
    elif part == "path":
        path = changed(path, place, new)
    else:
        headers[f"x-interlock-{part}"] = changed(headers[f"x-interlock-{part}"], place, new)
    assert isinstance(standing.let_in(headers, method, path, body), Problem)


def changed(text: str, place: int, new: int) -> str:
    at = place % len(text)
    return text[:at] + chr(ord(text[at]) ^ new) + text[at + 1 :]


@given(
    headers=st.dictionaries(
        st.sampled_from(
            (
                *("authorization", "x-interlock-key", "x-interlock-timestamp"),
                *("x-interlock-nonce", "x-interlock-signature"),
            )
        ),
        st.text() | st.sampled_from(("Session x", "Bearer a.b.c", "1800000000000", "nonce-0001")),
    ),
    method=st.text(),
    path=st.text(),
    body=st.binary(),
    address=st.text(),
)
def test_whatever_is_sent_is_answered(standing: House, headers, method, path, body, address):
    answer = standing.let_in(headers, method, path, body, address)
    assert isinstance(answer, Problem)
    assert answer.status == 401


def test_parts_cannot_be_shifted_from_one_line_to_the_next(house: House):
    """Path and method with line breaks would make the same text of other requests."""
    client = house.key()
    headers = client.headers(method="POST\n/v1/orders", path="x")
    for method, path in (("POST\n/v1/orders", "x"), ("POST", "/v1/orders\nx")):
        assert code(house.let_in(headers, method, path)) == ApiCode.SIGNATURE_WRONG


def test_a_session_may_everything_until_it_is_idle_or_too_long(house: House):
    headers = {"authorization": session(house)}
    caller = house.let_in(headers)
    assert isinstance(caller, Caller)
    assert caller.session
    assert caller.scopes == frozenset(Scope)
    for _ in range(LONGEST_NS // (IDLE_NS - MINUTE)):
        house.clock.passes(IDLE_NS - MINUTE)
        assert not code(house.let_in(headers))
    house.clock.passes(IDLE_NS - MINUTE)
    assert code(house.let_in(headers)) == ApiCode.UNAUTHENTICATED


def test_an_idle_session_is_over(house: House):
    headers = {"authorization": session(house)}
    house.clock.passes(IDLE_NS)
    assert code(house.let_in(headers)) == ApiCode.UNAUTHENTICATED


def test_a_token_without_the_secret_can_do_nothing(house: House):
    client, thief = house.key(), house.key()
    token = bearer(house, client)
    assert code(house.let_in({"authorization": token})) == ApiCode.UNAUTHENTICATED
    headers = thief.headers() | {"authorization": token}
    assert code(house.let_in(headers)) == ApiCode.TOKEN_INVALID
    del headers["x-interlock-key"]
    assert code(house.let_in(headers)) == ApiCode.SIGNATURE_WRONG


def test_a_token_with_its_keys_signature_lets_in_with_and_without_the_keys_name(house: House):
    client = house.key()
    token = bearer(house, client)
    assert client.view.id == house.let_in(client.headers() | {"authorization": token}).key_id
    headers = client.headers() | {"authorization": token}
    del headers["x-interlock-key"]
    assert client.view.id == house.let_in(headers).key_id


def test_a_token_for_less_lets_in_for_less(house: House):
    client = house.key("read", "trade")
    document = house.access.tokens.issue(client.view.id, client.secret, HOME, "read")
    assert isinstance(document, TokenDocument)
    token = f"Bearer {document.access_token}"
    caller = house.let_in(client.headers() | {"authorization": token})
    assert isinstance(caller, Caller)
    assert caller.scopes == frozenset((Scope.READ,))


def test_a_halt_ends_sessions_tokens_and_tickets_but_not_keys(house: House):
    client = house.key()
    token, person = bearer(house, client), {"authorization": session(house)}
    ticket = house.access.entry.ticket(client.asks())
    house.access.halts.halt(None, "se_1", "fire")
    house.access.halts.resume(None, "se_1")
    assert code(house.let_in(client.headers() | {"authorization": token})) == ApiCode.TOKEN_INVALID
    assert code(house.let_in(person)) == ApiCode.UNAUTHENTICATED
    assert code(house.access.entry.redeem(ticket, HOME)) == ApiCode.UNAUTHENTICATED
    assert not code(client.asks())
    new = bearer(house, client)
    assert not code(house.let_in(client.headers() | {"authorization": new}))
    house.restart()
    house.clock.passes(MS)
    old = client.headers() | {"authorization": token}
    assert code(house.let_in(old)) == ApiCode.TOKEN_INVALID
    assert not code(house.let_in(client.headers() | {"authorization": new}))


def test_a_ticket_lets_in_once_and_soon(house: House):
    entry, client = house.access.entry, house.key()
    caller = client.asks()
    ticket = entry.ticket(caller)
    assert entry.redeem(ticket, HOME) == caller
    assert code(entry.redeem(ticket, HOME)) == ApiCode.UNAUTHENTICATED
    late = entry.ticket(caller)
    house.clock.passes(30 * SECOND)
    assert code(entry.redeem(late, HOME)) == ApiCode.UNAUTHENTICATED
    assert code(entry.redeem("nonsense \ud800", HOME)) == ApiCode.UNAUTHENTICATED


def test_a_ticket_is_worth_no_more_than_what_it_was_given_for(house: House):
    entry, client = house.access.entry, house.key(allowed_ips=[HOME])
    ticket = entry.ticket(client.asks())
    assert code(entry.redeem(ticket, "198.51.100.1")) == ApiCode.IP_NOT_ALLOWED
    ticket = entry.ticket(client.asks())
    house.access.keys.revoke(client.view.id)
    assert code(entry.redeem(ticket, HOME)) == ApiCode.KEY_REVOKED
    person = house.let_in({"authorization": session(house)})
    ticket = entry.ticket(person)
    house.access.sessions.end_all()
    assert code(entry.redeem(ticket, HOME)) == ApiCode.UNAUTHENTICATED


def test_a_stream_is_asked_again_whether_it_may_go_on(house: House):
    entry, client = house.access.entry, house.key(expires_in_days=1)
    caller = client.asks()
    assert entry.refusal(caller, HOME) is None
    house.clock.passes(DAY)
    assert code(entry.refusal(caller, HOME)) == ApiCode.KEY_EXPIRED
    gone = Caller("ik_gone", frozenset())
    assert code(entry.refusal(gone, HOME)) == ApiCode.KEY_REVOKED
