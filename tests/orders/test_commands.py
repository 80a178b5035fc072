"""The design's JSON decodes straight into the words and encodes back to the same."""

import json
from typing import Any

import msgspec
import pytest

from interlock.orders.commands import (
    AmendOrder,
    CancelLeg,
    CancelMode,
    CancelOrder,
    CancelOrders,
    ClosePosition,
    Command,
    ExpireOrder,
    PlaceOrder,
    Signal,
)
from interlock.orders.legs import FromEntry, Limit, LimitIfTouched, Side, Stop
from interlock.orders.tree import Oco, OnPartialFill, Oto

COMMAND = msgspec.json.Decoder(Command)

DESIGN: dict[str, Any] = {
    "client_order_id": "wheat-42",
    "account": "main",
    "order": {
        "type": "oto",
        "first": {
            "type": "limit",
            "id": "entry",
            "instrument": "BTCUSDT.PAPER",
            "side": "buy",
            "quantity": "0.5",
            "price": "30000",
        },
        "activate_on": "first_fill",
        "then": {
            "type": "oco",
            "on_partial_fill": "reduce",
            "legs": [
                {"type": "limit", "id": "take_profit", "side": "sell", "price": "35000"},
                {
                    "type": "stop",
                    "id": "stop_loss",
                    "side": "sell",
                    "trigger_price": "28000",
                    "trigger_by": "mark",
                },
            ],
        },
    },
    "policy": {"hold": "engine", "on_recall": "race", "on_overfill": "alert"},
}
"""DESIGN 2.1, with other values where it spells out a default: defaults are not written."""

A_LEG = {"type": "limit", "instrument": "A.B", "side": "buy", "quantity": "1", "price": "2"}

LEGS: list[dict[str, Any]] = [
    {"type": "market", "side": "buy", "quantity": "1", "position_side": "short"},
    A_LEG | {"post_only": True, "display_quantity": "0.1", "hold": "engine"},
    {"type": "stop", "trigger_price": "5", "trigger_by": "bid_ask", "quantity": "50%"},
    {
        "type": "stop_limit",
        "trigger_price": "5",
        "price": "4",
        "escalate": {"after_ms": 3000, "to": "market"},
        "trigger_confirm": {"ms": 250},
    },
    {"type": "market_if_touched", "trigger_price": "5", "trigger_confirm": {"ticks": 3}},
    {"type": "limit_if_touched", "trigger_price": "5", "price": {"from_entry": {"bps": -20}}},
    {"type": "trailing_stop", "trail": {"offset": "150"}, "activation_price": "9"},
    {
        "type": "trailing_stop_limit",
        "trail": {"bps": 50},
        "limit_offset": {"ticks": 3},
        "time_in_force": "gtd",
        "expire_at": "2030-01-01T00:00:00Z",
        "reduce_only": True,
    },
]

CONDITIONS: list[dict[str, Any]] = [
    {"price": {"instrument": "A.B", "source": "index", "at_or_above": "5"}},
    {"volume": {"at_least": "5"}},
    {"time": {"before": 1_700_000_000_000_000_000}},
    {"signal": {"name": "vix", "at_or_below": "-2.5"}},
    {"leg_filled": "entry"},
    {"not": {"leg_filled": "entry"}},
    {"all": [{"leg_filled": "a"}, {"any": [{"leg_filled": "b"}, {"leg_filled": "c"}]}]},
]

RELATIONS: list[dict[str, Any]] = [
    {"type": "oco", "legs": [A_LEG, A_LEG], "on_partial_fill": "cancel", "id": "pair"},
    {"type": "oto", "first": A_LEG, "then": A_LEG, "activate_on": "full_fill"},
    {"type": "all", "legs": [A_LEG]},
    {"type": "bracket", "entry": A_LEG, "take_profit": [A_LEG, A_LEG], "stop_loss": A_LEG},
    {"type": "bracket", "entry": A_LEG, "take_profit": A_LEG, "on_partial_fill": "reduce"},
    {
        "type": "oco",
        "legs": [
            {"type": "bracket", "entry": A_LEG, "stop_loss": A_LEG},
            {"type": "oto", "first": A_LEG, "then": {"type": "all", "legs": [A_LEG, A_LEG]}},
        ],
    },
]


def place(order: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "place", "client_order_id": "c", "account": "main", "order": order, **more}


def round_trip(body: dict[str, Any]) -> Any:
    """Decode, encode, and demand the very same document."""
    command = COMMAND.decode(json.dumps(body))
    assert json.loads(msgspec.json.encode(command)) == body
    return command


def test_the_designs_order_decodes_into_the_words_and_back():
    command = round_trip({"type": "place"} | DESIGN)
    assert isinstance(command, PlaceOrder)
    tree = command.order
    assert isinstance(tree, Oto)
    assert isinstance(tree.first, Limit)
    assert (tree.first.side, tree.first.quantity, tree.first.price) == (Side.BUY, "0.5", "30000")
    assert isinstance(tree.then, Oco)
    assert tree.then.on_partial_fill is OnPartialFill.REDUCE
    stop = tree.then.legs[1]
    assert isinstance(stop, Stop)
    assert stop.trigger_price == "28000"


def test_a_place_body_needs_no_type_when_it_is_read_as_one():
    command = msgspec.json.decode(json.dumps(DESIGN), type=PlaceOrder)
    assert json.loads(msgspec.json.encode(command)) == {"type": "place"} | DESIGN


def test_what_is_left_out_is_the_default_and_defaults_are_not_written():
    spelt = place(A_LEG, policy={"hold": "auto", "on_recall": "wait", "on_overfill": "flatten"})
    assert COMMAND.decode(json.dumps(spelt)) == COMMAND.decode(json.dumps(place(A_LEG)))


@pytest.mark.parametrize("leg", LEGS, ids=lambda leg: leg["type"])
def test_every_leg_type_round_trips(leg):
    round_trip(place(leg))


@pytest.mark.parametrize("when", CONDITIONS, ids=lambda when: next(iter(when)))
def test_every_condition_round_trips(when):
    round_trip(place({"type": "market", "side": "buy", "quantity": "1", "when": when}))


@pytest.mark.parametrize("tree", RELATIONS)
def test_every_relation_round_trips(tree):
    round_trip(place(tree))


def test_a_price_from_the_entry_is_its_own_word():
    command = COMMAND.decode(json.dumps(place(LEGS[5])))
    assert isinstance(command, PlaceOrder)
    assert isinstance(command.order, LimitIfTouched)
    assert isinstance(command.order.price, FromEntry)


def test_every_policy_setting_round_trips():
    policy = {
        "hold": "venue",
        "on_recall": "race",
        "on_overfill": "keep",
        "on_exit_reject": "alert",
        "on_outside_change": "restore",
        "on_gap": "hold_and_alert",
        "on_stale_feed": "flatten",
        "dust": "market_with_last",
        "confirm_fill_ms": 200,
        "safety_stop": {"bps": 500},
        "cooling_off_s": 60,
        "flatten_at": "2030-01-01T21:00:00Z",
    }
    command = round_trip(place(A_LEG, policy=policy))
    assert set(policy) == set(command.policy.__struct_fields__)


def test_rules_round_trip():
    rule = {
        "when": {"leg_filled": "near"},
        "amend": {"stop": {"trigger_price": {"from_entry": {"ticks": 1}}, "quantity": "1"}},
    }
    round_trip(place(A_LEG, rules=[rule], tag="trend", made_at=5, max_age_ms=10, round=True))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"type": "amend", "legs": {"stop": {"trail": {"ticks": 5}}}, "if_version": 3}, AmendOrder),
        ({"type": "cancel", "order_id": "o0000001", "exposure": "flatten"}, CancelOrder),
        ({"type": "cancel_leg", "leg": "stop", "client_order_id": "a"}, CancelLeg),
        ({"type": "cancel_all", "account": "main", "side": "buy", "tag": "x"}, CancelOrders),
        ({"type": "close", "account": "main", "instrument": "A.B"}, ClosePosition),
        ({"type": "expire", "order_id": "o0000001"}, ExpireOrder),
        ({"type": "signal", "name": "vix", "value": "31.5"}, Signal),
    ],
)
def test_every_other_command_round_trips(body, kind):
    assert type(round_trip(body)) is kind


def test_a_cancel_protects_unless_it_says_otherwise():
    command = COMMAND.decode(b'{"type":"cancel","order_id":"o0000001"}')
    assert isinstance(command, CancelOrder)
    assert command.exposure is CancelMode.PROTECT


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (place(A_LEG) | {"colour": "red"}, "colour"),
        (place(A_LEG | {"stop_price": "5"}), "stop_price"),
        (place(A_LEG | {"trigger_price": "5"}), "trigger_price"),
        (place({"type": "oco", "legs": [A_LEG], "one": 1}), "one"),
        (place(A_LEG, policy={"on_luck": "x"}), "on_luck"),
        (place(A_LEG | {"when": {"moon": "full"}}), "moon"),
    ],
)
def test_an_unknown_field_is_refused_and_named(body, field):
    with pytest.raises(msgspec.ValidationError, match=field):
        COMMAND.decode(json.dumps(body))


@pytest.mark.parametrize(
    "body",
    [
        place(A_LEG | {"price": 2}),
        place(A_LEG | {"quantity": 1.5}),
        place(A_LEG | {"side": "long"}),
        place({"type": "iceberg"}),
        place({"type": "limit", "side": "buy"}),
        {"type": "conjure"},
    ],
)
def test_numbers_are_text_and_words_are_known(body):
    with pytest.raises(msgspec.ValidationError):
        COMMAND.decode(json.dumps(body))
