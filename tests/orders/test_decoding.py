"""A body becomes a command or one refusal with code, path, rule and way out; nothing raises."""

import json
from typing import Any

import pytest

from interlock.orders.commands import AmendOrder, CancelOrder, PlaceOrder, Signal
from interlock.orders.decoding import INTEGER_MAX, decode_body, decode_command
from interlock.orders.rejects import Reject, RejectCode

Body = dict[str, Any]
GOOD: Body = {
    "type": "place",
    "client_order_id": "a-1",
    "account": "main",
    "order": {
        "type": "oco",
        "legs": [
            {"type": "limit", "price": "110.00", "side": "sell", "quantity": "1"},
            {"type": "stop", "trigger_price": "90.00", "side": "sell", "quantity": "1"},
        ],
    },
}


def place(order: Any, **more: Any) -> bytes:
    return json.dumps({**GOOD, "order": order, **more}).encode()


def nested(depth: int) -> Body:
    node: Body = {"type": "market"}
    for _ in range(depth):
        node = {"type": "all", "legs": [node]}
    return node


CASES = [
    ("nothing", b"", "MALFORMED", "", "truncated", ""),
    ("half", b'{"type": "pl', "MALFORMED", "", "JSON", ""),
    ("more after it", json.dumps(GOOD).encode() + b"}", "MALFORMED", "", "JSON", ""),
    ("not text", b'{"type": "cancel", "account": "\xff"}', "MALFORMED", "", "UTF-8", ""),
    ("a number that is none", b'{"type": NaN}', "MALFORMED", "", "JSON", ""),
    ("a list", b"[]", "WRONG_TYPE", "", "an object, got a list", ""),
    ("null", b"null", "WRONG_TYPE", "", "an object, got null", ""),
    ("no type", b"{}", "MISSING_FIELD", "type", "needs 'type'", "place, place_all, amend"),
    ("type unknown", b'{"type": "plcae"}', "UNKNOWN_VALUE", "type", "'plcae'", "'place'"),
    ("type no text", b'{"type": 1}', "WRONG_TYPE", "type", "text", ""),
    (
        "no id",
        b'{"type": "place", "account": "m", "order": {"type": "market"}}',
        *("MISSING_FIELD", "client_order_id", "A place needs 'client_order_id'", ""),
    ),
    (
        "field unknown at the top",
        place({"type": "market"}, polcy={}),
        *("UNKNOWN_FIELD", "polcy", "A place has no field 'polcy'", "Did you mean 'policy'?"),
    ),
    (
        "field unknown, nothing near",
        place({"type": "market", "zzz": 1}),
        *("UNKNOWN_FIELD", "order.zzz", "A market has no field", "Known: id, instrument"),
    ),
    (
        "price missing in a list",
        place({"type": "oco", "legs": [{"type": "market"}, {"type": "limit"}]}),
        *("MISSING_FIELD", "order.legs[1].price", "A limit needs 'price'", ""),
    ),
    (
        "node without type",
        place({"price": "1"}),
        *("MISSING_FIELD", "order.type", "needs 'type'", "trailing_stop"),
    ),
    (
        "leg type unknown",
        place({"type": "stoplimit", "price": "1"}),
        *("UNKNOWN_VALUE", "order.type", "'stoplimit'", "Did you mean 'stop_limit'?"),
    ),
    (
        "a field of another leg type",
        place({"type": "market", "price": "1"}),
        *("UNKNOWN_FIELD", "order.price", "A market has no field 'price'", ""),
    ),
    (
        "side unknown",
        place({"type": "market", "side": "long"}),
        *("UNKNOWN_VALUE", "order.side", "'long'", "Known: buy, sell"),
    ),
    (
        "policy value unknown",
        place({"type": "market"}, policy={"on_overfill": "flaten"}),
        *("UNKNOWN_VALUE", "policy.on_overfill", "'flaten'", "Did you mean 'flatten'?"),
    ),
    (
        "price a number",
        place({"type": "limit", "price": 1}),
        *("WRONG_TYPE", "order.price", "text or an object, got a whole number", "in quotes"),
    ),
    (
        "quantity a float",
        place({"type": "market", "quantity": 0.5}),
        *("WRONG_TYPE", "order.quantity", "got a number", "in quotes"),
    ),
    (
        "legs no list",
        place({"type": "oco", "legs": {}}),
        *("WRONG_TYPE", "order.legs", "a list, got an object", ""),
    ),
    (
        "deep inside a condition",
        place({"type": "market", "when": {"all": [{"not": {"pric": {}}}]}}),
        *("UNKNOWN_FIELD", "order.when.all[0].not.pric", "has no field", "'price'"),
    ),
    (
        "relative price",
        place({"type": "limit", "price": {"from_entry": {"bp": 1}}}),
        *("UNKNOWN_FIELD", "order.price.from_entry.bp", "has no field", "'bps'"),
    ),
    (
        "take profit as a list",
        place(
            {
                "type": "bracket",
                "entry": {"type": "market"},
                "take_profit": [{"type": "limit", "price": "1", "quantty": "1"}],
            }
        ),
        *("UNKNOWN_FIELD", "order.take_profit[0].quantty", "A limit has no", "'quantity'"),
    ),
    (
        "key of a mapping found",
        b'{"type": "amend", "legs": {"good": {}, "bad": {"price": 5}}}',
        *("WRONG_TYPE", "legs.bad.price", "got a whole number", "in quotes"),
    ),
    (
        "key of a mapping inside a rule",
        place(
            {"type": "market"},
            rules=[{"when": {"leg_filled": "a"}, "amend": {"b": {}, "c": {"prise": "1"}}}],
        ),
        *("UNKNOWN_FIELD", "rules[0].amend.c.prise", "has no field", "'price'"),
    ),
    (
        "a time beyond the journal",
        place({"type": "market", "expire_at": 10**25}),
        *("BAD_NUMBER", "order.expire_at", str(INTEGER_MAX), "nanoseconds"),
    ),
    ("too deep to read", b"[" * 100_000, "TREE_TOO_DEEP", "", "8 relations", "Flatten"),
    (
        "too deep an order to read",
        b'{"type":"place","order":' + b'{"type":"all","legs":[' * 50_000,
        *("TREE_TOO_DEEP", "", "8 relations", "Flatten"),
    ),
]


@pytest.mark.parametrize(
    ("data", "code", "path", "rule", "way_out"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_a_bad_body_is_told_where_and_what(
    data: bytes, code: str, path: str, rule: str, way_out: str
) -> None:
    found = decode_command(data)
    assert isinstance(found, Reject), found
    assert (found.code, found.path) == (RejectCode(code), path)
    assert rule in found.rule
    assert way_out in found.way_out
    assert "`" not in str(found) and "$" not in str(found)


def test_good_bodies_become_commands() -> None:
    assert isinstance(decode_command(json.dumps(GOOD).encode()), PlaceOrder)
    assert decode_command(b'{"type": "cancel", "client_order_id": "a"}') == CancelOrder(
        client_order_id="a"
    )
    assert decode_command(
        b'{"type": "signal", "name": "vix", "value": "12345678901234567890"}'
    ) == (Signal("vix", "12345678901234567890"))


def test_a_body_of_a_known_kind_needs_no_type() -> None:
    assert decode_body(b'{"legs": {}}', AmendOrder) == AmendOrder({})
    found = decode_body(b'{"type": "place", "legs": {}}', AmendOrder)
    assert isinstance(found, Reject) and found.code is RejectCode.UNKNOWN_VALUE


def test_a_deep_but_readable_tree_is_left_to_the_engine() -> None:
    assert isinstance(decode_command(place(nested(9))), PlaceOrder)


def test_no_mutilated_body_raises() -> None:
    whole = json.dumps(GOOD).encode()
    for n in range(len(whole)):
        assert isinstance(decode_command(whole[:n]), Reject)
        for byte in (b'"', b"{", b"]", b"9", b"\x00", b"\xff", b"\\"):
            decode_command(whole[:n] + byte + whole[n + 1 :])
            decode_command(whole[:n] + byte + whole[n:])
