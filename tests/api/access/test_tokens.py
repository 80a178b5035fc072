"""Tokens: for which key, for what and for how long; and forged ones."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from interlock.api.access.tokens import TokenDocument, TokenError
from interlock.api.problems import ApiCode
from interlock.api.route import Scope
from tests.api.access.desk import DAY, HOME, MINUTE, MS, START, Client, House, code

SECONDS = START // 10**9


def document(house: House, client: Client, scope: str = "") -> TokenDocument:
    found = house.access.tokens.issue(client.view.id, client.secret, HOME, scope)
    assert isinstance(found, TokenDocument), found
    return found


def test_a_key_and_its_secret_give_a_token_for_minutes(house: House):
    client = house.key("read", "trade")
    found = document(house, client)
    assert (found.token_type, found.expires_in, found.scope) == ("Bearer", 900, "read trade")
    assert client.secret not in found.access_token
    house.clock.passes(15 * MINUTE - MS)
    assert isinstance(house.access.tokens.verify(found.access_token), tuple)
    house.clock.passes(MS)
    assert code(house.access.tokens.verify(found.access_token)) == ApiCode.TOKEN_INVALID


def test_a_token_may_be_for_less_than_its_key_and_never_for_more(house: House):
    client = house.key("read", "trade")
    answer = house.access.tokens.verify(document(house, client, "read").access_token)
    assert isinstance(answer, tuple)
    assert answer[1].scopes == frozenset((Scope.READ,))
    for scope in ("admin", "read admin", "root", "READ"):
        refused = house.access.tokens.issue(client.view.id, client.secret, HOME, scope)
        assert isinstance(refused, TokenError)
        assert (refused.error, refused.status) == ("invalid_scope", 400)


def test_who_is_wrong_in_any_way_is_an_invalid_client(house: House):
    client = house.key(allowed_ips=["10.0.0.0/8"])
    revoked, expired = house.key(), house.key(expires_in_days=1)
    house.access.keys.revoke(revoked.view.id)
    house.clock.passes(DAY)
    issue = house.access.tokens.issue
    answers = [
        issue("ik_nobody", "x", HOME),
        issue(client.view.id, "wrong", "10.0.0.1"),
        issue(client.view.id, "", "10.0.0.1"),
        issue(client.view.id, client.secret + "ü\ud800", "10.0.0.1"),
        issue(client.view.id, client.secret, HOME),
        issue(revoked.view.id, revoked.secret, HOME),
        issue(expired.view.id, expired.secret, HOME),
    ]
    for answer in answers:
        assert isinstance(answer, TokenError)
        assert (answer.error, answer.status) == ("invalid_client", 401)
    assert len(set(answers[:4])) == 1
    other = issue(client.view.id, client.secret, "10.0.0.1", grant_type="password")
    assert isinstance(other, TokenError)
    assert (other.error, other.status) == ("unsupported_grant_type", 400)


def test_a_token_dies_with_its_key(house: House):
    client, short = house.key(), house.key(expires_in_days=1)
    token = document(house, client).access_token
    house.access.keys.revoke(client.view.id)
    assert code(house.access.tokens.verify(token)) == ApiCode.KEY_REVOKED
    house.clock.passes(DAY - MINUTE)
    token = document(house, short).access_token
    house.clock.passes(MINUTE)
    assert code(house.access.tokens.verify(token)) == ApiCode.KEY_EXPIRED


def test_tokens_survive_a_restart_but_not_another_master_key(house: House, tmp_path_factory):
    client = house.key()
    token = document(house, client).access_token
    house.restart()
    assert isinstance(house.access.tokens.verify(token), tuple)
    other = House(tmp_path_factory.mktemp("other"))
    assert code(other.access.tokens.verify(token)) == ApiCode.TOKEN_INVALID
    other.access.close()


def claims(client: Client, **changed: object) -> dict[str, object]:
    return {
        "iss": "interlock",
        "sub": client.view.id,
        "iat": SECONDS,
        "exp": SECONDS + 900,
        "scope": "read",
        "era": 0,
        **changed,
    }


def text(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def test_forged_tokens_are_not_the_servers(house: House):
    client = house.key()
    unsigned = f"{text({'alg': 'none'})}.{text(claims(client))}."
    others = OctKey.import_key(client.secret)
    forged = jwt.encode({"alg": "HS256"}, claims(client), others, ["HS256"])
    own = house.access.tokens._signing
    good = document(house, client).access_token.split(".")
    swapped = f"{good[0]}.{text(claims(client, scope='admin'))}.{good[2]}"
    longer = jwt.encode({"alg": "HS512"}, claims(client), own, ["HS512"])
    endless = jwt.encode({"alg": "HS256"}, claims(client, scope="x" * 4_000), own, ["HS256"])
    for token in (unsigned, forged, swapped, longer, endless, "", ".", "..", "a.b.c", "é.b.c"):
        assert code(house.access.tokens.verify(token)) == ApiCode.TOKEN_INVALID, token


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "other"},
        {"exp": "soon"},
        {"sub": None},
        {"sub": "ik_nobody"},
        {"era": 1},
        {"exp": 0},
    ],
)
def test_claims_that_do_not_hold_are_refused_even_if_signed(house: House, changed):
    client = house.key()
    own = house.access.tokens._signing
    token = jwt.encode({"alg": "HS256"}, claims(client, **changed), own, ["HS256"])
    assert code(house.access.tokens.verify(token)) == ApiCode.TOKEN_INVALID


@pytest.fixture(scope="module")
def standing(tmp_path_factory) -> House:
    return House(tmp_path_factory.mktemp("standing"))


@given(token=st.text() | st.from_regex(r"[\w-]+\.[\w-]*\.[\w-]*", fullmatch=True))
def test_any_text_is_answered(standing: House, token: str):
    assert code(standing.access.tokens.verify(token)) == ApiCode.TOKEN_INVALID
