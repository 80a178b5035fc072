"""Facts on the wire: every fact has a form, and the forms read as DESIGN 2.6 says."""

import json
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from interlock.orders import facts
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import Accepted
from interlock.orders.conditions import PriceSource
from interlock.orders.facts import Channel, Fact, IncidentKind
from interlock.orders.instruments import Instrument
from interlock.orders.legs import Hold, LegType, TimeInForce
from interlock.orders.limits import Block, BlockCause, BlockLevel, Countdown, Limits, RiskScope
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.requests import VenueOrderType
from interlock.orders.sessions import Hours
from interlock.orders.signals import SignalRules
from interlock.orders.terms import (
    Atom,
    AtomKind,
    Change,
    LegTerms,
    Logic,
    OrderTerms,
    PolicyTerms,
    Relation,
    RuleChange,
    RuleTerms,
    Span,
    When,
)
from interlock.orders.tree import OnPartialFill
from interlock.orders.wire import FORMS, PLANS, FactWire

AT = 1723161286851053928
BTC = Instrument("BTCUSDT.PAPER", "0.01", "0.001")
ES = Instrument("ES.PAPER", "0.25", "1", multiplier="50")
ID = "o0000001"

ENTRY = LegTerms("entry", LegType.LIMIT, BTC.symbol, 1, 500, price=3_000_000, hold=Hold.VENUE)
TARGET = LegTerms(
    "take_profit", LegType.LIMIT, BTC.symbol, -1, 500, price=Span(bps=200), exits=True
)
STOP = LegTerms(
    "stop_loss",
    LegType.TRAILING_STOP_LIMIT,
    BTC.symbol,
    -1,
    500,
    trail=Span(ticks=15000),
    activation_price=Span(ticks=-5),
    limit_offset=Span(bps=10),
    trigger_by=PriceSource.MID,
    confirm_ns=250_000_000,
    time_in_force=TimeInForce.GTD,
    expire_at=AT,
    reduce_only=True,
    escalate_ns=3_000_000_000,
    exits=True,
    when=When(
        (
            Atom(AtomKind.PRICE, 6701, False, ES.symbol, PriceSource.BID_ASK),
            Atom(AtomKind.VOLUME, 2500),
            Atom(AtomKind.TIME, AT, False),
            Atom(AtomKind.SIGNAL, -15 * 10**17, name="mood"),
            Atom(AtomKind.LEG_FILLED, leg=1),
        ),
        Logic(
            "all",
            parts=(
                Logic("atom", 0),
                Logic("any", parts=(Logic("atom", 1), Logic("atom", 2))),
                Logic("not", parts=(Logic("atom", 3),)),
                Logic("atom", 4),
            ),
        ),
    ),
)
BRACKET = OrderTerms(
    ID,
    "wheat-42",
    "main",
    "d1",
    (ENTRY, TARGET, STOP),
    root=~0,
    relations=(
        Relation("oto", (0, ~1)),
        Relation("oco", (1, 2), parent=0, id="exits", on_partial_fill=OnPartialFill.REDUCE),
    ),
    policy=PolicyTerms(confirm_ns=5_000_000, safety_stop=Span(bps=500)),
    rules=(RuleTerms(1, (RuleChange(2, trigger_price=Span(ticks=1), quantity=250),)),),
)


STOP_DOCUMENT = {
    "type": "trailing_stop_limit",
    "id": "stop_loss",
    "instrument": "BTCUSDT.PAPER",
    "side": "sell",
    "quantity": "0.5",
    "hold": "engine",
    "trail": {"ticks": 15000},
    "activation_price": {"from_entry": {"ticks": -5}},
    "limit_offset": {"bps": 10},
    "trigger_by": "mid",
    "trigger_confirm": {"ms": 250},
    "time_in_force": "gtd",
    "expire_at": AT,
    "reduce_only": True,
    "exits": True,
    "when": {
        "all": [
            {
                "price": {
                    "instrument": "ES.PAPER",
                    "source": "bid_ask",
                    "at_or_below": "1675.25",
                }
            },
            {
                "any": [
                    {"volume": {"at_least": "2.5"}},
                    {"time": {"before": AT}},
                ]
            },
            {"not": {"signal": {"name": "mood", "at_or_above": "-1.5"}}},
            {"leg_filled": "take_profit"},
        ]
    },
    "escalate": {"after_ms": 3000, "to": "market"},
}


def told(*before: Fact) -> FactWire:
    """A wire that has seen the instruments, the bracket and ``before``."""
    wire = FactWire()
    for fact in (
        facts.InstrumentDefined(AT, BTC),
        facts.InstrumentDefined(AT, ES),
        facts.OrderAccepted(AT, BRACKET),
        *before,
    ):
        wire.learn(fact)
    return wire


def test_a_trigger_reads_as_the_design_says() -> None:
    text = told().encode(1042, facts.LegTriggered(AT, ID, 2, "last", 2_800_000, 2_800_000))
    assert text.decode() == (
        '{"event_seq":1042,"at":1723161286851053928,"type":"LegTriggered","order_id":"o0000001",'
        '"client_order_id":"wheat-42","leg":"stop_loss","source":"last","price":"28000",'
        '"trigger_price":"28000"}'
    )


def test_an_accepted_order_reads_as_its_tree() -> None:
    assert told().document(3, facts.OrderAccepted(AT, BRACKET)) == {
        "event_seq": 3,
        "at": AT,
        "type": "OrderAccepted",
        "order_id": ID,
        "client_order_id": "wheat-42",
        "account": "main",
        "order": {
            "type": "oto",
            "id": "oto#0",
            "first": {
                "type": "limit",
                "id": "entry",
                "instrument": "BTCUSDT.PAPER",
                "side": "buy",
                "quantity": "0.5",
                "hold": "venue",
                "price": "30000",
            },
            "then": {
                "type": "oco",
                "id": "exits",
                "on_partial_fill": "reduce",
                "legs": [
                    {
                        "type": "limit",
                        "id": "take_profit",
                        "instrument": "BTCUSDT.PAPER",
                        "side": "sell",
                        "quantity": "0.5",
                        "hold": "engine",
                        "price": {"from_entry": {"bps": 200}},
                        "exits": True,
                    },
                    STOP_DOCUMENT,
                ],
            },
        },
        "policy": {"safety_stop": {"bps": 500}, "confirm_fill_ms": 5},
        "rules": [
            {
                "when": {"leg_filled": "take_profit"},
                "amend": {
                    "stop_loss": {
                        "trigger_price": {"from_entry": {"ticks": 1}},
                        "quantity": "0.25",
                    }
                },
            }
        ],
        "digest": "d1",
    }


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (
            facts.LegTriggered(AT, ID, 2, "mid", 5_600_001, 5_600_000),
            {"leg": "stop_loss", "source": "mid", "price": "28000.005", "trigger_price": "28000"},
        ),
        (
            facts.LegArmed(AT, ID, 2, 500, 2_800_000, watermark=5_600_001),
            {
                "leg": "stop_loss",
                "quantity": "0.5",
                "trigger_price": "28000",
                "watermark": "28000.005",
            },
        ),
        (
            facts.TrailActivated(AT, ID, 2, 5_600_001),
            {"leg": "stop_loss", "price": "28000.005"},
        ),
        (
            facts.LegTriggered(AT, ID, 2, "condition", 2_800_001, 2_800_000),
            {
                "leg": "stop_loss",
                "source": "condition",
                "price": "28000.01",
                "trigger_price": "28000",
            },
        ),
        (
            facts.LegClaimed(AT, ID, 1, 1),
            {"leg": "take_profit", "oco": "exits"},
        ),
        (
            facts.VenueOrderSending(
                AT, ID, 0, 2, VenueOrderType.LIMIT, 1, 500, AT + 5, price=3_000_000
            ),
            {
                "leg": "entry",
                "venue_order_id": "o0000001.0.2",
                "instrument": "BTCUSDT.PAPER",
                "order_type": "limit",
                "side": "buy",
                "quantity": "0.5",
                "valid_until": AT + 5,
                "price": "30000",
                "time_in_force": "gtc",
                "reduce_only": False,
            },
        ),
        (
            facts.VenueOrderFilled(AT, ID, 0, 2, "e1", 500, 3_000_001, 500, fee=-150),
            {
                "leg": "entry",
                "venue_order_id": "o0000001.0.2",
                "instrument": "BTCUSDT.PAPER",
                "exec_id": "e1",
                "quantity": "0.5",
                "price": "30000.01",
                "cum_quantity": "0.5",
                "fee": "-0.0015",
                "confirmed": True,
                "late": False,
            },
        ),
        (
            facts.IncidentOpened(AT, ID, IncidentKind.OVERFILL, -1, "why", "on_overfill", 3),
            {"kind": "overfill", "detail": "why", "setting": "on_overfill", "quantity": "0.003"},
        ),
        (
            facts.OrderAmended(AT, ID, 2, (Change(0, ENTRY),), "trader"),
            {
                "version": 2,
                "changes": {
                    "entry": {
                        "type": "limit",
                        "id": "entry",
                        "instrument": "BTCUSDT.PAPER",
                        "side": "buy",
                        "quantity": "0.5",
                        "hold": "venue",
                        "price": "30000",
                    }
                },
                "by": "trader",
            },
        ),
    ],
)
def test_facts_of_an_order_read_in_its_instrument(fact: Fact, expected: dict[str, Any]) -> None:
    head = {"event_seq": 9, "at": AT, "type": type(fact).__name__}
    ids = {"order_id": ID, "client_order_id": "wheat-42"}
    assert told().document(9, fact) == {**head, **ids, **expected}


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (
            facts.WatermarkMoved(AT, ES.symbol, Channel.MID, 13_403),
            {"instrument": "ES.PAPER", "channel": "mid", "price": "1675.375"},
        ),
        (
            facts.WatermarkMoved(AT, ES.symbol, Channel.BID, 6_701),
            {"instrument": "ES.PAPER", "channel": "bid", "price": "1675.25"},
        ),
        (
            facts.InstrumentDefined(AT, BTC),
            {
                "instrument": {
                    "symbol": "BTCUSDT.PAPER",
                    "price_increment": "0.01",
                    "quantity_increment": "0.001",
                }
            },
        ),
        (
            facts.VenueDefined(AT, "PAPER", Capabilities(native_oco=True)),
            {"venue": "PAPER", "capabilities": {"native_oco": True}},
        ),
        (
            facts.CommandRefused(AT, "c1", "place", Reject(RejectCode.BAD_NUMBER, "order", "no")),
            {
                "client_order_id": "c1",
                "command": "place",
                "reject": {"code": "BAD_NUMBER", "path": "order", "rule": "no"},
            },
        ),
    ],
)
def test_facts_of_the_world_read_in_their_instrument(fact: Fact, expected: dict[str, Any]) -> None:
    head = {"event_seq": 9, "at": AT, "type": type(fact).__name__}
    assert told().document(9, fact) == {**head, **expected}


def test_a_leg_added_later_is_known_by_its_name() -> None:
    closing = LegTerms("flatten", LegType.MARKET, BTC.symbol, -1, 500, system="flatten")
    added = facts.LegAdded(AT, ID, 3, closing)
    document = told().document(5, added)
    assert document["leg"] == "flatten"
    assert document["terms"] == {
        "type": "market",
        "id": "flatten",
        "instrument": "BTCUSDT.PAPER",
        "side": "sell",
        "quantity": "0.5",
        "hold": "engine",
        "system": "flatten",
    }
    done = told(added).document(6, facts.LegDone(AT, ID, 3, "filled", 500))
    assert (done["leg"], done["cum_quantity"]) == ("flatten", "0.5")


def test_a_forgotten_order_reads_in_numbers() -> None:
    wire = told()
    forgotten = wire.document(7, facts.OrderForgotten(AT, ID))
    assert forgotten["client_order_id"] == "wheat-42"
    late = wire.document(8, facts.LegDone(AT, ID, 2, "filled", 500))
    assert (late["leg"], late["cum_quantity"], "client_order_id" in late) == (2, 500, False)


def example(hint: Any) -> Any:
    """Some value of a type, the smallest that is not empty."""
    if isinstance(hint, UnionType) or get_origin(hint) is UnionType:
        return example(get_args(hint)[0])
    if get_origin(hint) is tuple:
        return (example(get_args(hint)[0]),)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {
            Instrument: BTC,
            OrderTerms: BRACKET,
            LegTerms: ENTRY,
            Change: Change(0, ENTRY),
            facts.Armed: facts.Armed(3_000_000, 2_999_999),
            Capabilities: Capabilities(),
            Accepted: Accepted("o000001a", 2),
            Reject: Reject(RejectCode.MALFORMED, "order", "rule"),
            RiskScope: RiskScope("main"),
            Limits: Limits(max_position="10"),
            SignalRules: SignalRules("index points"),
            Hours: Hours(AT, AT + 1, -18_000, 10_800),
            Countdown: Countdown("bot", RiskScope("main"), 1, AT, BlockLevel.FLATTEN),
            Block: Block(BlockCause.KILL, "all", RiskScope(), BlockLevel.FLATTEN, AT),
        }[hint]
    return {int: 1, str: "text", bool: True}[hint]


@pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.__name__)
def test_every_fact_has_a_form(kind: type[Any]) -> None:
    hints = get_type_hints(kind)
    values = {field: example(hints[field]) for field in kind.__struct_fields__}
    if "order_id" in values:
        values["order_id"] = ID
    if values.get("instrument") == "text":
        values["instrument"] = BTC.symbol
    fact = kind(**values)
    assert set(kind.__struct_fields__) <= set(FORMS), "a field without a form"
    text = told().encode(1, fact)
    document = json.loads(text)
    assert document["type"] == kind.__name__
    written = set(document) | {"terms", "attempt"}
    assert written >= set(kind.__struct_fields__), "a field is not on the wire"
    assert not numbers_left(document), "a price or quantity left as a bare number"
    assert told().encode(1, fact) == text


def numbers_left(document: dict[str, Any]) -> list[str]:
    names = ("price", "trigger_price", "watermark", "quantity", "cum_quantity", "fee")
    return [name for name in names if name in document and not isinstance(document[name], str)]


def test_every_fact_of_the_union_has_a_plan() -> None:
    assert set(PLANS) == set(get_args(Fact))
