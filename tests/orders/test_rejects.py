"""Every refusal: one worked bad request per code, and each names field, rule and way out."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from interlock.engine.inputs import SetSessions
from interlock.orders.commands import PlaceOrder
from interlock.orders.decoding import decode_command
from interlock.orders.instruments import Instrument, PriceBand
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.reports import Connection, InstrumentStatus
from interlock.orders.tree import LEGS_MAX, RULES_MAX, WIDTH_MAX
from tests.risk.test_gates import REFUSED, limits_that_make_no_sense
from tests.risk.test_signals import out_of_bounds
from tests.risk.test_thoughts import asks
from tests.risk.test_thoughts import held as held_stop
from tests.scenarios.orders import bracket, exits, limit, market, stop, trailing
from tests.tape import SECOND, Tape

C = RejectCode

LEG = limit("buy", "100.00", "10", id="leg")
BODY: dict[str, Any] = {"type": "place", "client_order_id": "c", "account": "main", "order": LEG}


def decoded(body: object) -> Reject:
    """The refusal of a body by its shape alone."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = decode_command(data)
    assert isinstance(found, Reject), found
    return found


SHAPES: list[tuple[RejectCode, object, str]] = [
    (C.MALFORMED, b'{"type": "place",', ""),
    (C.MALFORMED, b"\xff\xfe", ""),
    (C.UNKNOWN_FIELD, BODY | {"order": LEG | {"stop_price": "95.00"}}, "order.stop_price"),
    (C.UNKNOWN_FIELD, BODY | {"policy": {"on_luck": "keep"}}, "policy.on_luck"),
    (
        C.MISSING_FIELD,
        BODY | {"order": {"type": "oco", "legs": [LEG, {"type": "limit", "side": "buy"}]}},
        "order.legs[1].price",
    ),
    (C.WRONG_TYPE, BODY | {"order": LEG | {"price": 100}}, "order.price"),
    (C.WRONG_TYPE, BODY | {"order": LEG | {"quantity": 0.5}}, "order.quantity"),
    (C.UNKNOWN_VALUE, BODY | {"order": LEG | {"side": "long"}}, "order.side"),
    (C.UNKNOWN_VALUE, BODY | {"order": LEG | {"type": "limmit"}}, "order.type"),
    (C.UNKNOWN_VALUE, {"type": "plaice"}, "type"),
]


@pytest.mark.parametrize(("code", "body", "path"), SHAPES)
def test_a_body_of_the_wrong_shape_names_the_field(code, body, path):
    reject = decoded(body)
    assert (reject.code, reject.path) == (code, path)
    assert reject.rule


def test_a_mistyped_word_is_met_with_the_nearest_that_exists():
    assert (
        "'trigger_price'"
        in decoded(BODY | {"order": stop("sell", "95.00", "1") | {"triger_price": "9"}}).way_out
    )
    assert "'limit'" in decoded(BODY | {"order": LEG | {"type": "limmit"}}).way_out


def test_a_good_body_is_a_command():
    assert isinstance(decode_command(json.dumps(BODY).encode()), PlaceOrder)


Bad = tuple[RejectCode, dict[str, Any], dict[str, Any], str]


def many(count: int) -> dict[str, Any]:
    """An ``all`` of two ``all``s with ``count`` legs in each."""
    halves = [
        {"type": "all", "legs": [limit("buy", "9.00", "1") for _ in range(count)]} for _ in range(3)
    ]
    return {"type": "all", "legs": halves}


def deep(levels: int) -> dict[str, Any]:
    tree = limit("buy", "9.00", "1")
    for _ in range(levels):
        tree = {"type": "all", "legs": [tree]}
    return tree


RULE = {"when": {"leg_filled": "target"}, "amend": {"stop": {"trigger_price": "99.00"}}}
PAIR = [market("buy", "1", id="a"), market("buy", "1", id="b")]

ORDERS: list[Bad] = [
    (C.MALFORMED, LEG, {"client_order_id": ""}, "client_order_id"),
    (C.MALFORMED, LEG, {"account": ""}, "account"),
    (C.MALFORMED, LEG | {"expire_at": 5}, {}, "order.expire_at"),
    (C.MISSING_FIELD, LEG, {"max_age_ms": 5}, "made_at"),
    (C.MISSING_FIELD, {"type": "limit", "price": "1.00", "side": "buy"}, {}, "order.instrument"),
    (C.MISSING_FIELD, limit("buy", "1.00"), {}, "order.quantity"),
    (C.MISSING_FIELD, {"type": "bracket", "entry": LEG}, {}, "order"),
    (
        C.UNKNOWN_VALUE,
        stop("sell", "95.00", "1")
        | {"type": "stop_limit", "price": "94.00", "escalate": {"after_ms": 5, "to": "moon"}},
        {},
        "order.escalate.to",
    ),
    (C.SIGNAL_TOO_OLD, LEG, {"made_at": 0, "max_age_ms": 1000}, "made_at"),
    (C.LEG_UNKNOWN, LEG | {"when": {"leg_filled": "other"}}, {}, "order.when.leg_filled"),
    (C.TREE_TOO_DEEP, deep(8), {}, "order" + ".legs[0]" * 8),
    (C.TREE_TOO_WIDE, {"type": "all", "legs": PAIR * (WIDTH_MAX // 2 + 1)}, {}, "order.legs"),
    (C.TREE_TOO_WIDE, many(LEGS_MAX // 2), {}, "order"),
    (C.TREE_TOO_WIDE, bracket(), {"rules": [RULE] * (RULES_MAX + 1)}, "rules"),
    (C.TOO_FEW_NODES, {"type": "oco", "legs": [LEG]}, {}, "order.legs"),
    (C.DUPLICATE_LEG_ID, {"type": "oco", "legs": [LEG, LEG]}, {}, "order.legs[1].id"),
    (
        C.RULE_CYCLE,
        {
            "type": "all",
            "legs": [
                PAIR[0] | {"when": {"leg_filled": "b"}},
                PAIR[1] | {"when": {"leg_filled": "a"}},
            ],
        },
        {},
        "order.legs[0]",
    ),
    (C.RULE_CYCLE, LEG | {"when": {"leg_filled": "leg"}}, {}, "order.when.leg_filled"),
    (
        C.RULE_INVALID,
        bracket(),
        {"rules": [{"when": {"leg_filled": "target"}, "amend": {}}]},
        "rules[0].amend",
    ),
    (C.CONDITION_INVALID, LEG | {"when": {}}, {}, "order.when"),
    (C.CONDITION_INVALID, LEG | {"when": {"any": []}}, {}, "order.when.any"),
    (C.NOTHING_TO_EXIT, limit("sell", "1.00", "50%"), {}, "order.quantity"),
    (C.NOTHING_TO_EXIT, limit("sell", {"from_entry": {"bps": 5}}, "1"), {}, "order.price"),
    (C.WRONG_SIDE, bracket(target="99.00"), {}, "order.take_profit.price"),
    (C.WRONG_SIDE, bracket(loss="101.00"), {}, "order.stop_loss.trigger_price"),
    (C.INSTRUMENT_UNKNOWN, LEG | {"instrument": "DOGE.PAPER"}, {}, "order.instrument"),
    (C.BAD_NUMBER, limit("buy", "1e2", "1"), {}, "order.price"),
    (C.BAD_NUMBER, limit("buy", "NaN", "1"), {}, "order.price"),
    (C.BAD_NUMBER, LEG, {"policy": {"confirm_fill_ms": -1}}, "policy.confirm_fill_ms"),
    (C.OFF_INCREMENT, limit("buy", "100.005", "1"), {}, "order.price"),
    (C.OFF_INCREMENT, limit("buy", "100.00", "1.5"), {}, "order.quantity"),
    (C.NOT_POSITIVE, limit("buy", "0", "1"), {}, "order.price"),
    (C.NOT_POSITIVE, limit("buy", "100.00", "-1"), {}, "order.quantity"),
    (C.NOT_POSITIVE, trailing("sell", "-5.00", "1"), {}, "order.trail.offset"),
    (C.QUANTITY_BELOW_MINIMUM, limit("buy", "100.00", "1"), {}, "order.quantity"),
    (C.QUANTITY_ABOVE_MAXIMUM, limit("buy", "100.00", "1001"), {}, "order.quantity"),
    (C.NOTIONAL_BELOW_MINIMUM, limit("buy", "100.00", "2"), {}, "order.quantity"),
    (C.PRICE_OUTSIDE_BAND, limit("buy", "151.00", "10"), {}, "order.price"),
    (C.SHARES_EXCEED_WHOLE, limit("sell", "1.00", "101%"), {}, "order.quantity"),
    (
        C.EXPIRED_ALREADY,
        LEG | {"time_in_force": "gtd", "expire_at": "1999-01-01T00:00:00Z"},
        {},
        "order.expire_at",
    ),
    (C.EXPIRED_ALREADY, bracket(), {"policy": {"flatten_at": 5}}, "policy.flatten_at"),
    (C.NOT_SUPPORTED, exits("10"), {"policy": {"hold": "venue"}}, "policy.hold"),
    (C.NOT_SUPPORTED, LEG, {"policy": {"on_stale_feed": "safety_stop"}}, "policy.on_stale_feed"),
    (C.STOP_THROUGH_MARKET, stop("sell", "101.00", "10"), {}, "order.trigger_price"),
]

STRICT = (
    C.QUANTITY_BELOW_MINIMUM,
    C.QUANTITY_ABOVE_MAXIMUM,
    C.NOTIONAL_BELOW_MINIMUM,
    C.PRICE_OUTSIDE_BAND,
)
"""Codes that need an instrument with limits."""


def tape_for(code: RejectCode) -> Tape:
    strict = Instrument(
        "BTC.PAPER",
        "0.01",
        "1",
        min_quantity="2",
        max_quantity="1000",
        min_notional="500",
        price_band=PriceBand(5000, 5000),
    )
    tape = Tape(strict) if code in STRICT else Tape()
    tape.trade("100.00")
    return tape


@pytest.mark.parametrize(("code", "order", "more", "path"), ORDERS)
def test_an_order_that_cannot_be_is_refused_naming_the_field(code, order, more, path):
    reject = tape_for(code).refuse(order, **more)
    assert (reject.code, reject.path) == (code, path)
    assert reject.rule.endswith(".")
    assert str(reject).startswith(f"{code} at {path}: ")


def test_the_same_bad_request_always_gets_the_same_answer():
    for code, order, more, _ in ORDERS:
        tape = tape_for(code)
        assert tape.refuse(order, **more) == tape.refuse(order, **more)


Story = Callable[[Tape], Any]


def _held(tape: Tape) -> Any:
    order = tape.place(bracket(), client_order_id="mine")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    return order


def duplicate_id(tape: Tape) -> Any:
    _held(tape)
    return tape.refuse(bracket("11"), client_order_id="mine")


def order_unknown(tape: Tape) -> Any:
    return tape.command("cancel", order_id="o0zzzzzz")


def leg_unknown(tape: Tape) -> Any:
    return tape.command("cancel_leg", order_id=_held(tape).id, leg="nope")


def version_mismatch(tape: Tape) -> Any:
    body = {"legs": {"stop": {"trigger_price": "96.00"}}, "if_version": 7}
    return tape.command("amend", order_id=_held(tape).id, **body)


def order_done(tape: Tape) -> Any:
    order = tape.place(limit("buy", "100.00", "1", id="leg"))
    tape.fill(order, "leg", 1, "100.00")
    return tape.command("cancel", order_id=order.id)


def leg_done(tape: Tape) -> Any:
    order = _held(tape)
    return tape.command("amend", order_id=order.id, legs={"entry": {"price": "99.00"}})


def leg_claimed(tape: Tape) -> Any:
    order = _held(tape)
    tape.trade("94.00")
    return tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": "90.00"}})


def leg_frozen(tape: Tape) -> Any:
    order = _held(tape)
    tape.trade("94.00")
    return tape.command("amend", order_id=order.id, legs={"target": {"price": "111.00"}})


def not_amendable(tape: Tape) -> Any:
    return tape.command("amend", order_id=_held(tape).id, legs={"stop": {"price": "90.00"}})


def halted(tape: Tape) -> Any:
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", trading=False))
    return tape.refuse(bracket())


def delisted(tape: Tape) -> Any:
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", False, "CLOSE", delisted=True))
    return tape.refuse(bracket())


def session_unknown(tape: Tape) -> Any:
    tape.give(SetSessions("BTC.PAPER", "XNYS", ()))
    return tape.refuse(limit("buy", "100.00", "1", time_in_force="day"))


def venue_down(tape: Tape) -> Any:
    tape.give(Connection(tape.at, "PAPER", up=False))
    return tape.refuse(bracket())


def bad_signal(tape: Tape) -> Any:
    return tape.command("signal", name="vix", value="high")


def key_reused(tape: Tape) -> Any:
    order = _held(tape).id
    request = {"caller": "bot", "key": "k1"}
    first = {"type": "cancel_leg", "order_id": order, "leg": "target"}
    tape.command("keyed", **request, digest="one", command=first)
    other = {"type": "cancel_leg", "order_id": order, "leg": "stop"}
    return tape.command("keyed", **request, digest="two", command=other)


def taken_away(tape: Tape) -> Any:
    order = held_stop(tape)
    return asks(tape, "cancel_leg", "k1", order_id=order.id, leg="stop")


STORIES: list[tuple[RejectCode, Story, str]] = [
    (C.DUPLICATE_ID, duplicate_id, "client_order_id"),
    (C.KEY_REUSED, key_reused, ""),
    (C.ORDER_UNKNOWN, order_unknown, "order_id"),
    (C.LEG_UNKNOWN, leg_unknown, "leg"),
    (C.BAD_NUMBER, bad_signal, "value"),
    (C.INSTRUMENT_HALTED, halted, "order.entry.instrument"),
    (C.INSTRUMENT_DELISTED, delisted, "order.entry.instrument"),
    (C.SESSION_UNKNOWN, session_unknown, "order.time_in_force"),
    (C.VENUE_DOWN, venue_down, "order"),
    (C.VERSION_MISMATCH, version_mismatch, "if_version"),
    (C.ORDER_DONE, order_done, ""),
    (C.LEG_DONE, leg_done, "legs.entry"),
    (C.LEG_CLAIMED, leg_claimed, "legs.stop"),
    (C.LEG_FROZEN, leg_frozen, "legs.target"),
    (C.NOT_AMENDABLE, not_amendable, "legs.stop.price"),
    (C.COOLING_OFF, taken_away, ""),
    (C.SIGNAL_REFUSED, out_of_bounds, "value"),
    (C.LIMITS_INVALID, limits_that_make_no_sense, "limits.max_position"),
]


@pytest.mark.parametrize(("code", "story", "path"), STORIES)
def test_a_command_at_the_wrong_moment_is_refused_naming_why(code, story, path):
    reject = story(Tape())
    assert isinstance(reject, Reject)
    assert (reject.code, reject.path) == (code, path)
    assert reject.rule


def test_every_code_is_reached_by_a_worked_request():
    worked = {code for code, *_ in (*SHAPES, *ORDERS, *STORIES, *REFUSED)}
    assert [code for code in RejectCode if code not in worked] == []


def test_codes_say_whether_the_same_request_could_do_better_later():
    transient = [code for code in RejectCode if code.transient]
    assert transient == [
        C.PRICE_OUTSIDE_BAND,
        C.STOP_THROUGH_MARKET,
        *(C.INSTRUMENT_HALTED, C.SESSION_UNKNOWN, C.VENUE_DOWN),
        *(C.RISK_BLOCKED, C.RISK_PRICE_COLLAR, C.RISK_OPEN_ORDERS, C.RISK_POSITION),
        *(C.RISK_GROSS_EXPOSURE, C.RISK_MARGIN, C.RISK_RATE),
        C.COOLING_OFF,
        C.LEG_CLAIMED,
        C.LEG_FROZEN,
    ]


def test_what_was_halted_is_taken_once_it_trades():
    tape = Tape()
    assert halted(tape).code.transient
    tape.at += SECOND
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", trading=True))
    tape.place(bracket())


def test_the_names_of_codes_are_what_is_on_the_wire():
    assert [str(code) for code in RejectCode] == [code.name for code in RejectCode]
