"""Flat orders take a short way; after it everything is as after the long one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.engine import flat
from interlock.engine.book import acceptance
from interlock.engine.decide import decide
from interlock.engine.digest import digest, image, restore
from interlock.engine.evolve import evolve
from interlock.engine.inputs import Decision, Define
from interlock.engine.state import State
from interlock.orders import facts as f
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import Accepted, PlaceOrder, SetLimits
from interlock.orders.instruments import Instrument
from interlock.orders.limits import Limits, RiskScope
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.ticks import Mark, Quote, Tick, Trade
from tests.tape import figures

AT = 1_700_000_000_000_000_000
BTC = Instrument(
    "BTC.PAPER",
    price_increment="0.01",
    quantity_increment="0.1",
    min_quantity="0.2",
    min_notional="10",
)
PLACE = msgspec.json.Decoder(PlaceOrder)
PRICES = st.sampled_from(["90", "98.5", "99.99", "100", "100.01", "103", "111.11", "0", "7.005"])
LEGS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["stop", "stop_limit", "market_if_touched", "limit_if_touched", "trailing_stop"]
        ),
        "instrument": st.just("BTC.PAPER"),
        "side": st.sampled_from(["buy", "sell"]),
        "quantity": st.sampled_from(["0.2", "1", "2.5", "0.1", "50%"]),
        "trigger_price": PRICES,
        "price": PRICES,
        "trail": st.sampled_from([{"ticks": 50}, {"bps": 100}, {"offset": "0.75"}]),
    },
    optional={
        "id": st.sampled_from(["a", "b", "leg_1"]),
        "trigger_by": st.sampled_from(["last", "bid_ask", "mid", "mark"]),
        "hold": st.sampled_from(["auto", "engine", "venue"]),
        "time_in_force": st.sampled_from(["gtc", "day"]),
        "reduce_only": st.booleans(),
    },
)
FIELDS = {
    "stop": ("trigger_price",),
    "stop_limit": ("trigger_price", "price"),
    "market_if_touched": ("trigger_price",),
    "limit_if_touched": ("trigger_price", "price"),
    "trailing_stop": ("trail",),
}
OCOS = st.fixed_dictionaries(
    {"type": st.just("oco"), "legs": st.lists(LEGS, min_size=2, max_size=4)},
    optional={"on_partial_fill": st.sampled_from(["reduce", "cancel"]), "id": st.just("pair")},
)
SEEN: list[Tick] = [
    Trade("BTC.PAPER", AT, 10_000, 1),
    Quote("BTC.PAPER", AT, 9_999, 5, 10_001, 5),
    Mark("BTC.PAPER", AT, 10_000),
]


def made(node: dict[str, Any]) -> dict[str, Any]:
    """The node with the fields its type has."""
    if node["type"] == "oco":
        return {**node, "legs": [made(leg) for leg in node["legs"]]}
    others = {"trigger_price", "price", "trail"} - set(FIELDS[node["type"]])
    return {name: value for name, value in node.items() if name not in others}


def world(seen: int) -> State:
    state = State()
    decide(state, Define((BTC,), (("PAPER", Capabilities()),)), AT)
    for tick in SEEN[:seen]:
        decide(state, tick, AT)
    return state


def placed(state: State, node: dict[str, Any]) -> Decision:
    body = {"client_order_id": "c", "account": "main", "order": made(node)}
    return decide(state, PLACE.decode(msgspec.json.encode(body)), AT)


def prices() -> list[Tick]:
    """A market that goes up, then far down, on every channel."""
    out: list[Tick] = []
    for step, price in enumerate([10_020, 10_120, 10_050, 11_200, 10_400, 9_700, 8_000, 600]):
        at = AT + (step + 1) * 1_000_000_000
        out.append(Trade("BTC.PAPER", at, price, 1))
        out.append(Quote("BTC.PAPER", at, price - 1, 5, price + 1, 5))
        out.append(Mark("BTC.PAPER", at, price))
    return out


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "max_order_quantity": st.sampled_from(["1", "2"]),
        "max_order_notional": st.sampled_from(["110", "250", "1000"]),
        "max_position": st.sampled_from(["1", "4"]),
        "max_gross_notional": st.sampled_from(["100", "400"]),
        "max_open_orders": st.sampled_from([0, 1]),
        "max_orders_per_s": st.sampled_from([0, 1]),
        "max_daily_loss": st.sampled_from(["0", "5"]),
        "max_price_deviation_bps": st.sampled_from([0, 100, 700]),
        "sides": st.just(("buy",)),
        "leg_types": st.just(("stop", "trailing_stop")),
        "reduce_only": st.booleans(),
    },
)


@settings(max_examples=600, deadline=None)
@given(node=st.one_of(LEGS, OCOS), seen=st.integers(0, 3), limits=st.lists(LIMITS, max_size=2))
def test_both_ways_end_in_the_same_order_and_the_same_life(node, seen, limits):
    short, long = world(seen), world(seen)
    for state in (short, long):
        for account, one in zip((None, "main"), limits, strict=False):
            scope, values = RiskScope(account), msgspec.convert(one, Limits)
            assert isinstance(decide(state, SetLimits(scope, values), AT).answer, Accepted)
    by_short = placed(short, node)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat, "accept", lambda *_: None)
        by_long = placed(long, node)
    assert by_short.answer == by_long.answer
    if not isinstance(by_short.answer, Accepted):
        return
    kinds = [type(fact) for fact in by_long.facts]
    if kinds[0] is f.OrderAccepted and set(kinds[1:]) == {f.LegArmed}:
        assert isinstance(by_short.facts[0], f.OrderAccepted)
        if len(by_short.facts) == 1:
            assert [f.OrderAccepted, *map(type, f.armed_at_once(by_short.facts[0]))] == kinds
            assert list(f.armed_at_once(by_short.facts[0])) == by_long.facts[1:]
    assert figures(short) == figures(long)
    lives = [], []
    for state, life in zip((short, long), lives, strict=True):
        for tick in prices():
            life.append(decide(state, tick, tick.at))
    assert lives[0] == lives[1]
    assert read(short) == read(long)


def read(state: State) -> list[bytes]:
    """Every order whole, but for how its body is known again."""
    replace = msgspec.structs.replace
    return [
        msgspec.msgpack.encode(replace(order, terms=replace(order.terms, digest="")))
        for order in state.orders.sketches()
    ]


def test_the_plain_pair_takes_the_short_way():
    leg = {"type": "stop", "instrument": "BTC.PAPER", "side": "sell", "quantity": "1"}
    state = world(3)
    pair = {
        "type": "oco",
        "legs": [
            {**leg, "trigger_price": "90"},
            {**leg, "type": "trailing_stop", "trail": {"ticks": 700}},
        ],
    }
    decision = placed(state, pair)
    (fact,) = decision.facts
    assert isinstance(fact, f.OrderAccepted)
    assert fact.armed == (f.Armed(9_000), f.Armed(None, 10_000))
    assert decision.encoded == state.orders.kept()[0][0] == acceptance(fact)
    assert state.orders.living() == []


@given(st.lists(st.integers(9_350, 10_900), min_size=1, max_size=6))
def test_kept_or_awake_or_restored_it_is_the_same_state(steps):
    facts: list[f.Fact] = []
    state = State()
    facts += decide(state, Define((BTC,), (("PAPER", Capabilities()),)), AT).facts
    decide(state, SEEN[0], AT)
    leg = {"type": "trailing_stop", "instrument": "BTC.PAPER", "side": "sell", "quantity": "1"}
    decision = placed(state, {**leg, "trail": {"ticks": 900}})
    facts += decision.facts
    for n, price in enumerate(steps):
        facts += decide(state, Trade("BTC.PAPER", AT + n, price, 1), AT + n).facts
    again = State()
    for fact in facts:
        evolve(again, fact)
    kept = digest(state)
    back = restore(image(state))
    assert kept == digest(again) == digest(back)
    order_id = next(iter(state.orders))
    assert state.orders[order_id].legs[0].armed == back.orders[order_id].legs[0].armed
    assert digest(state) == kept == digest(back), "looking at it changed it"
    assert digest(restore(image(state))) == kept
    mark = max(10_000, *steps) if min(steps) >= 9_350 else 0
    falls = Trade("BTC.PAPER", AT + 10, mark - 900, 1)
    kinds = [[type(x) for x in decide(s, falls, AT + 10).facts] for s in (state, again, back)]
    assert kinds[0] == kinds[1] == kinds[2]


def test_every_flat_leg_begins_with_the_same_fields():
    for kind in flat.KINDS:
        assert kind.__struct_fields__[:12] == flat.FIELDS
    assert [kind.__struct_fields__[12:] for kind in flat.KINDS] == [
        ("trigger_price",),
        ("trigger_price", "price", "escalate"),
        ("trigger_price",),
        ("trigger_price", "price", "escalate"),
        ("trail", "activation_price"),
    ]
    assert PlaceOrder.__struct_fields__ == (
        *("client_order_id", "account", "order", "policy", "rules", "tag", "round"),
        *("made_at", "max_age_ms", "key"),
    )


@pytest.mark.parametrize("age", ["waiting", "awake", "forgotten"])
def test_a_repeated_flat_order_is_known_by_its_terms(age):
    leg = {"type": "stop", "instrument": "BTC.PAPER", "side": "sell", "quantity": "1"}
    state = world(3)
    first = placed(state, {**leg, "trigger_price": "90"}).answer
    assert isinstance(first, Accepted)
    if age != "waiting":
        state.orders[first.order_id]
    if age == "forgotten":
        evolve(state, f.OrderDone(AT, first.order_id, "canceled"))
        evolve(state, f.OrderForgotten(AT, first.order_id))
        state = restore(image(state))
    decide(state, Trade("BTC.PAPER", AT, 8_000, 1), AT)
    again = placed(state, {**leg, "trigger_price": "90"}).answer
    assert again == Accepted(first.order_id, 1, replayed=True), "though the market is through now"
    same = placed(state, {**leg, "trigger_price": "90.0", "hold": "auto"}).answer
    assert same == again, "it says the same"
    for other in ({"trigger_price": "91"}, {"trigger_price": "90", "time_in_force": "day"}):
        refused = placed(state, {**leg, **other}).answer
        assert isinstance(refused, Reject)
        assert refused.code is RejectCode.DUPLICATE_ID
