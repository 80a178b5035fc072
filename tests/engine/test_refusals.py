"""Bad input: the refusal names the field's path, the rule it broke, and the way out."""

from typing import Any

import pytest

from interlock.orders.instruments import Instrument
from interlock.orders.rejects import RejectCode as C
from tests.scenarios.orders import bracket, limit, market, stop
from tests.tape import Tape

STRICT = Instrument("BTC.PAPER", "0.01", "0.001", min_quantity="0.002", min_notional="10")


def deep(levels: int) -> dict[str, Any]:
    tree = limit("buy", "9.00", "1")
    for _ in range(levels):
        tree = {"type": "oco", "legs": [tree, limit("buy", "8.00", "1")]}
    return tree


def wide(count: int) -> dict[str, Any]:
    return {"type": "all", "legs": [limit("buy", "9.00", "1") for _ in range(count)]}


def short(target: str, loss: str) -> dict[str, Any]:
    return {
        "type": "bracket",
        "entry": limit("sell", "100.00", "10", id="entry"),
        "take_profit": limit("buy", target, id="target"),
        "stop_loss": stop("buy", loss, id="stop"),
    }


def waits(one: str, other: str) -> dict[str, Any]:
    return market("buy", "1", id=one, when={"leg_filled": other})


PLAIN: list[tuple[dict[str, Any], C, str, str, str]] = [
    (deep(8), C.TREE_TOO_DEEP, "order" + ".legs[0]" * 8, "at most 8 deep", "Split the order."),
    (wide(33), C.TREE_TOO_WIDE, "order.legs", "at most 32 nodes", "Split the order."),
    (
        {"type": "oco", "legs": [limit("buy", "9.00", "1", id="a")] * 2},
        C.DUPLICATE_LEG_ID,
        "order.legs[1].id",
        "'a' is the id of the leg at order.legs[0] already",
        "its own id",
    ),
    (
        bracket(target="99.00"),
        C.WRONG_SIDE,
        "order.take_profit.price",
        "target of a long position lies above its entry of 100",
        "Swap target and stop",
    ),
    (
        bracket(loss="100.00"),
        C.WRONG_SIDE,
        "order.stop_loss.trigger_price",
        "stop of a long position lies below its entry of 100",
        "Swap target and stop",
    ),
    (
        short("101.00", "105.00"),
        C.WRONG_SIDE,
        "order.take_profit.price",
        "target of a short position lies below",
        "turn the sides round",
    ),
    (
        short("95.00", "99.00"),
        C.WRONG_SIDE,
        "order.stop_loss.trigger_price",
        "stop of a short position lies above",
        "turn the sides round",
    ),
    (
        bracket(target={"from_entry": {"bps": -5}}),
        C.WRONG_SIDE,
        "order.take_profit.price",
        "lies above",
        "Swap",
    ),
    (
        stop("sell", "100.00", "1"),
        C.STOP_THROUGH_MARKET,
        "order.trigger_price",
        "already through 100",
        "or a market order",
    ),
    (
        stop("buy", "100.00", "1"),
        C.STOP_THROUGH_MARKET,
        "order.trigger_price",
        "already through 100",
        "or a market order",
    ),
    (
        limit("buy", "99.995", "1"),
        C.OFF_INCREMENT,
        "order.price",
        "99.995 is not a multiple of 0.01",
        "Send 99.99 or 100",
    ),
    (
        {
            "type": "all",
            "legs": [waits("a", "b"), waits("b", "c"), waits("c", "a")],
        },
        C.RULE_CYCLE,
        "order.legs[0]",
        "a -> b -> c -> a",
        "Break the cycle",
    ),
    (
        limit("buy", "100.00", "1") | {"instrument": "GOLD.PAPER"},
        C.INSTRUMENT_UNKNOWN,
        "order.instrument",
        "No instrument 'GOLD.PAPER'",
        "Known: BTC.PAPER, ETH.PAPER",
    ),
]


@pytest.mark.parametrize(("order", "code", "path", "rule", "way_out"), PLAIN)
def test_a_bad_order_is_refused_with_path_rule_and_way_out(order, code, path, rule, way_out):
    tape = Tape()
    tape.trade("100.00")
    reject = tape.refuse(order)
    assert (reject.code, reject.path) == (code, path)
    assert rule in reject.rule
    assert way_out in reject.way_out


@pytest.mark.parametrize(
    ("order", "code", "path", "rule", "way_out"),
    [
        (
            limit("buy", "20000.00", "0.001"),
            C.QUANTITY_BELOW_MINIMUM,
            "order.quantity",
            "at least 0.002, not 0.001",
            "Send 0.002 or more",
        ),
        (
            limit("buy", "1000.00", "0.005"),
            C.NOTIONAL_BELOW_MINIMUM,
            "order.quantity",
            "0.005 at the limit of 1000 is worth 5; BTC.PAPER takes orders worth 10 up",
            "larger quantity",
        ),
        (
            bracket("0.01", entry="1010.00", target="1100.00", loss="990.00"),
            C.NOTIONAL_BELOW_MINIMUM,
            "order.stop_loss.quantity",
            "0.01 at the stop price of 990 is worth 9.9",
            "larger quantity",
        ),
        (
            {
                "type": "bracket",
                "entry": limit("buy", "20000.00", "0.003", id="entry"),
                "take_profit": [limit("sell", "21000.00", "50%"), limit("sell", "22000.00", "50%")],
            },
            C.QUANTITY_BELOW_MINIMUM,
            "order.take_profit[0].quantity",
            "at least 0.002, not 0.001",
            "0.002 or more",
        ),
    ],
)
def test_what_is_too_small_for_the_venue_is_refused_before_it_is_sent(
    order, code, path, rule, way_out
):
    reject = Tape(STRICT).refuse(order)
    assert (reject.code, reject.path) == (code, path)
    assert rule in reject.rule
    assert way_out in reject.way_out


def test_the_same_id_with_another_body_is_refused_and_with_the_same_is_answered_again():
    tape = Tape()
    first = tape.place(bracket(), client_order_id="mine")
    reject = tape.refuse(bracket("11"), client_order_id="mine")
    assert (reject.code, reject.path) == (C.DUPLICATE_ID, "client_order_id")
    assert first.id in reject.rule
    assert "new id" in reject.way_out
    assert tape.place(bracket(), client_order_id="mine") is first
    other = tape.place(bracket("11"), client_order_id="mine", account="other")
    assert other is not first, "ids belong to an account"


def test_a_refused_id_may_be_used_again():
    tape = Tape()
    tape.refuse(bracket(target="99.00"), client_order_id="mine")
    tape.place(bracket(), client_order_id="mine")


def test_a_rule_that_would_wait_for_itself_is_a_cycle():
    rules = [{"when": {"leg_filled": "entry"}, "amend": {"entry": {"price": "99.00"}}}]
    reject = Tape().refuse(bracket(), rules=rules)
    assert reject.code is C.RULE_CYCLE
    assert "entry -> entry" in reject.rule


def test_a_rule_names_legs_and_fields_that_exist():
    tape = Tape()
    rules = [{"when": {"leg_filled": "near"}, "amend": {"stop": {"trigger_price": "96.00"}}}]
    reject = tape.refuse(bracket(), rules=rules)
    assert (reject.code, reject.path) == (C.LEG_UNKNOWN, "rules[0].when.leg_filled")
    assert "entry, target, stop" in reject.way_out
    rules = [{"when": {"leg_filled": "target"}, "amend": {"stop": {"price": "96.00"}}}]
    reject = tape.refuse(bracket(), rules=rules)
    assert (reject.code, reject.path) == (C.NOT_AMENDABLE, "rules[0].amend.stop.price")


def test_off_increment_is_rounded_towards_safety_when_asked_to():
    tape = Tape()
    loose = bracket(entry="100.005", target="110.005", loss="95.005")
    assert tape.refuse(loose).path == "order.entry.price"
    order = tape.place(loose, round=True)
    prices = [(leg.terms.price, leg.terms.trigger_price) for leg in order.legs]
    assert prices == [(10_000, None), (11_001, None), (None, 9_501)], "buy lower, sell higher"


def test_exits_side_by_side_may_not_exceed_the_entry():
    reject = Tape().refuse(
        {
            "type": "bracket",
            "entry": limit("buy", "100.00", "10", id="entry"),
            "take_profit": [limit("sell", "105.00", "60%"), limit("sell", "110.00", "50%")],
        }
    )
    assert reject.code is C.SHARES_EXCEED_WHOLE
    assert reject.path.startswith("order.take_profit")


def test_a_refusal_is_a_fact_and_nothing_else_stays():
    tape = Tape()
    tape.refuse(bracket(target="99.00"), client_order_id="mine")
    assert tape.said == ["> CommandRefused"]
