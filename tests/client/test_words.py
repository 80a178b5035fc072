"""A trader's words against the reference: each gives the JSON that docs/ORDERS.md shows."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from interlock import client as c
from interlock.client.signing import signature

DOCS = Path(__file__).resolve().parents[2] / "docs"
BTC = "BTCUSDT.PAPER"
BLOCK = re.compile(r"^```json order\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = {
    body["client_order_id"]: body
    for body in map(json.loads, BLOCK.findall((DOCS / "ORDERS.md").read_text()))
}
TRADE: dict[str, Any] = {"instrument": BTC}

SAID = {
    "wheat-42": c.placement(
        c.bracket(
            entry=c.limit("29900", buy="0.5", instrument=BTC, id="entry"),
            take_profit=c.limit(35000, id="take_profit"),
            stop_loss=c.stop(Decimal("28000"), id="stop_loss"),
        ),
        "wheat-42",
        tag="breakout",
        policy={"on_recall": "wait", "on_overfill": "flatten"},
    ),
    "leg-market": c.placement(c.market(buy="0.1", instrument=BTC), "leg-market"),
    "leg-limit": c.placement(
        c.limit(
            "29500",
            buy="2",
            instrument=BTC,
            post_only=True,
            display_quantity=Decimal("0.25"),
            time_in_force="day",
        ),
        "leg-limit",
    ),
    "leg-stop": c.placement(
        c.stop("30500", buy="0.1", trigger_by="bid_ask", trigger_confirm={"ms": 250}, **TRADE),
        "leg-stop",
    ),
    "leg-stop-limit": c.placement(
        c.stop_limit(
            "29000",
            "28950",
            sell="0.1",
            instrument=BTC,
            reduce_only=True,
            escalate={"after_ms": 3000, "to": "market"},
        ),
        "leg-stop-limit",
    ),
    "leg-mit": c.placement(
        c.market_if_touched("29000", buy="0.1", instrument=BTC, trigger_confirm={"ticks": 3}),
        "leg-mit",
    ),
    "leg-lit": c.placement(
        c.limit_if_touched(
            "31000",
            "30990",
            sell="0.1",
            instrument=BTC,
            time_in_force="gtd",
            expire_at="2100-01-01T00:00:00Z",
        ),
        "leg-lit",
    ),
    "leg-trail": c.placement(
        c.trailing_stop(
            bps=50, sell="0.1", instrument=BTC, activation_price="31000", reduce_only=True
        ),
        "leg-trail",
    ),
    "leg-trail-limit": c.placement(
        c.trailing_stop_limit(
            c.distance(ticks=500), offset="150", sell="0.1", instrument=BTC, hold="engine"
        ),
        "leg-trail-limit",
    ),
    "from-entry": c.placement(
        c.bracket(
            entry=c.market(buy="0.1", instrument=BTC),
            take_profit=c.from_entry(bps=200),
            stop_loss=c.from_entry(offset=-300),
        ),
        "from-entry",
    ),
    "rounded": c.placement(c.limit("29900.005", buy="0.1", **TRADE), "rounded", round=True),
    "oco-exits": c.placement(
        c.oco(
            c.limit("35000", sell="0.5", instrument=BTC, id="target", reduce_only=True),
            c.stop("28000", sell="0.5", instrument=BTC, id="stop", reduce_only=True),
            id="exits",
        ),
        "oco-exits",
    ),
    "oco-entries": c.placement(
        c.oco(
            c.bracket(
                entry=c.stop("30500", buy="0.1", instrument=BTC, id="up"),
                stop_loss=c.stop(c.from_entry(bps=-100), id="up_stop"),
            ),
            c.bracket(
                entry=c.stop("29500", sell="0.1", instrument=BTC, id="down"),
                stop_loss=c.stop(c.from_entry(bps=-100), id="down_stop"),
            ),
            on_partial_fill="cancel",
        ),
        "oco-entries",
    ),
    "oto-trail": c.placement(
        c.oto(
            c.limit("29000", buy="0.5", instrument=BTC, id="entry"),
            c.trailing_stop(bps=100, id="trail"),
            activate_on="full_fill",
        ),
        "oto-trail",
    ),
    "ladder": c.placement(
        c.oto(
            c.limit("29900", buy=1, instrument=BTC, id="entry"),
            c.oco(
                c.all_of(
                    c.limit("31000", quantity="50%", id="near"),
                    c.limit("32000", quantity="30%", id="middle"),
                    c.limit("34000", quantity="20%", id="far"),
                ),
                c.stop("29000", id="stop"),
            ),
        ),
        "ladder",
    ),
    "break-even": c.placement(
        c.bracket(
            entry=c.limit("29900", buy="1", instrument=BTC),
            take_profit=[
                c.limit("31000", quantity="50%", id="near"),
                c.limit("33000", quantity="50%", id="far"),
            ],
            stop_loss=c.stop("29000", id="stop"),
        ),
        "break-even",
        rules=[c.once_filled("near", {"stop": {"trigger_price": c.from_entry(ticks=1)}})],
    ),
    "policy-dust": c.placement(
        c.ladder(
            entry=c.limit("29900", buy="1", instrument=BTC),
            targets=[("70%", "31000"), ("30%", 32000)],
        ),
        "policy-dust",
        policy={"dust": "market_with_last"},
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_what_a_trader_says_is_the_json_of_the_reference(name: str) -> None:
    assert SAID[name] == SHOWN[name]


def test_a_float_is_refused_by_the_name_it_was_given_under() -> None:
    half: Any = 0.5
    for say, name in (
        (lambda: c.market(buy=half, instrument=BTC), "buy"),
        (lambda: c.limit(half), "price"),
        (lambda: c.stop(half), "trigger_price"),
        (lambda: c.from_entry(offset=half), "offset"),
        (lambda: c.from_entry(bps=half), "bps"),
        (lambda: c.bracket(entry=c.market(), take_profit=half), "take_profit"),
        (lambda: c.bracket(entry=c.market(), stop_loss=half), "stop_loss"),
        (lambda: c.placement(c.market(), "x", policy={"safety_stop": {"offset": half}}), "policy"),
        (lambda: c.once_filled("a", {"b": {"price": half}}), "amend.b.price"),
        (lambda: c.Client().place({"type": "limit", "price": half}), "order.price"),
        (lambda: c.Client().signal("volatility", half), "value"),
    ):
        with pytest.raises(TypeError, match=re.escape(name)):
            say()
    with pytest.raises(ValueError, match="price is NaN"):
        c.limit(Decimal("NaN"))
    with pytest.raises(TypeError, match="exactly one"):
        c.trailing_stop(bps=1, ticks=1)
    with pytest.raises(TypeError, match="buy and sell"):
        c.market(buy="1", sell="1")


def test_decimals_are_sent_to_the_last_digit_and_never_with_an_exponent() -> None:
    assert c.market(buy=Decimal("1E-7"))["quantity"] == "0.0000001"
    assert c.market(buy=Decimal("1E+3"))["quantity"] == "1000"
    assert c.limit(Decimal("29900.10"))["price"] == "29900.10"


def test_signatures_are_those_of_the_published_vectors() -> None:
    vectors = json.loads((DOCS / "signing-vectors.json").read_text())
    cases = vectors["vectors"] if isinstance(vectors, dict) else vectors
    for case in cases:
        names = ("secret", "timestamp", "nonce", "method", "path")
        made = signature(*(case[name] for name in names), case["body"].encode())
        assert made == case["signature"], case
