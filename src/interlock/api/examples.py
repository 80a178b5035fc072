"""Examples of bodies and answers, for the documentation page.

Decides nothing. Invariant: each is a real one; a test sends every body to a server.
"""

from typing import Any

Document = dict[str, Any]
AT = 1_723_161_286_851_053_928

PLACES: dict[str, Document] = {
    "bracket": {
        "client_order_id": "wheat-42",
        "account": "main",
        "order": {
            "type": "bracket",
            "entry": {
                "type": "market",
                "instrument": "BTCUSDT.PAPER",
                "side": "buy",
                "quantity": "0.5",
            },
            "take_profit": {"type": "limit", "price": {"from_entry": {"bps": 300}}},
            "stop_loss": {"type": "stop", "trigger_price": {"from_entry": {"bps": -100}}},
        },
    },
    "oco": {
        "client_order_id": "straddle-7",
        "account": "main",
        "order": {
            "type": "oco",
            "legs": [
                {
                    "type": "stop",
                    "instrument": "BTCUSDT.PAPER",
                    "side": "buy",
                    "quantity": "0.1",
                    "trigger_price": "60000",
                },
                {
                    "type": "stop",
                    "instrument": "BTCUSDT.PAPER",
                    "side": "sell",
                    "quantity": "0.1",
                    "trigger_price": "10000",
                },
            ],
        },
    },
    "trailing": {
        "client_order_id": "trail-1",
        "account": "main",
        "order": {
            "type": "trailing_stop",
            "instrument": "BTCUSDT.PAPER",
            "side": "sell",
            "quantity": "0.1",
            "trail": {"bps": 150},
        },
    },
}
PLACED: Document = {"order_id": "o000001a", "client_order_id": "wheat-42", "version": 1}
BATCH: Document = {
    "batch_id": "b18",
    "accepted": 1,
    "refused": 1,
    "results": [
        {
            "index": 0,
            "status": "accepted",
            "client_order_id": "wheat-42",
            "order_id": "o000001a",
        },
        {
            "index": 1,
            "status": "refused",
            "client_order_id": "straddle-7",
            "problem": {
                "type": "urn:interlock:problem:off-increment",
                "title": "Off increment",
                "status": 422,
                "code": "OFF_INCREMENT",
                "detail": "A price of BTCUSDT.PAPER is a multiple of 0.01.",
                "pointer": "/order/legs/0/trigger_price",
                "way_out": "Nearest: 59999.99 or 60000.00.",
            },
        },
    ],
}
AMENDS: dict[str, Document] = {
    "move the stop": {"legs": {"stop_loss": {"trigger_price": "29500"}}, "if_version": 1},
}
CANCELS: dict[str, Document] = {
    "keep the exits": {"exposure": "protect"},
    "close what is open": {"exposure": "flatten"},
}
DONE: Document = {"order_id": "o000001a", "version": 2}
CANCEL_MANY: dict[str, Document] = {
    "all of an instrument": {"account": "main", "instrument": "BTCUSDT.PAPER"},
}
DONE_MANY: Document = {"orders": ["o000001a", "o000002c"]}
CLOSES: dict[str, Document] = {"close": {"account": "main", "instrument": "BTCUSDT.PAPER"}}
SIGNALS: dict[str, Document] = {"volatility": {"value": "0.315"}}
ORDER_LINE: Document = {
    "order_id": "o000001a",
    "client_order_id": "wheat-42",
    "account": "main",
    "tag": "",
    "instrument": "BTCUSDT.PAPER",
    "status": "working",
    "version": 1,
    "accepted_at": AT,
    "updated_at": AT,
    "done_at": None,
    "reason": "",
}
ORDER_PAGE: Document = {"items": [ORDER_LINE], "as_of_seq": 1042}
LEG: Document = {
    "leg": "stop_loss",
    "type": "stop",
    "instrument": "BTCUSDT.PAPER",
    "side": "sell",
    "quantity": "0.5",
    "cum_quantity": "0",
    "status": "armed",
    "price": None,
    "trigger_price": "29700",
    "system": "",
    "reason": "",
    "updated_at": AT,
}
FILL: Document = {
    "event_seq": 1040,
    "at": AT,
    "order_id": "o000001a",
    "leg": "entry",
    "venue_order_id": "o000001a.0.1",
    "exec_id": "PAPER-1",
    "instrument": "BTCUSDT.PAPER",
    "side": "buy",
    "quantity": "0.5",
    "price": "30000",
    "fee": "0",
    "confirmed": True,
    "late": False,
}
INCIDENT: Document = {
    "event_seq": 1044,
    "order_id": "o000001a",
    "leg": "stop_loss",
    "kind": "gap",
    "detail": "the market was beyond the stop when it could be looked at again",
    "setting": "on_gap",
    "quantity": "0.5",
    "opened_at": AT,
    "closed_at": None,
    "outcome": "",
}
ORDER: Document = {
    **ORDER_LINE,
    "placed": {"account": "main", "order": PLACES["bracket"]["order"]},
    "legs": [LEG],
    "venue_orders": [
        {
            "venue_order_id": "o000001a.0.1",
            "leg": "entry",
            "instrument": "BTCUSDT.PAPER",
            "side": "buy",
            "order_type": "market",
            "quantity": "0.5",
            "cum_quantity": "0.5",
            "price": None,
            "trigger_price": None,
            "status": "filled",
            "venue_id": "PAPER-o1",
            "reason": "",
            "sent_at": AT,
            "updated_at": AT,
        }
    ],
    "fills": [FILL],
    "incidents": [],
}
FILL_PAGE: Document = {"items": [FILL], "as_of_seq": 1042}
INCIDENT_PAGE: Document = {"items": [INCIDENT], "as_of_seq": 1044}
POSITION_PAGE: Document = {
    "items": [
        {
            "account": "main",
            "instrument": "BTCUSDT.PAPER",
            "position_side": None,
            "quantity": "0.5",
        }
    ],
    "as_of_seq": 1042,
}
INSTRUMENT_PAGE: Document = {
    "items": [
        {
            "symbol": "BTCUSDT.PAPER",
            "price_increment": "0.01",
            "quantity_increment": "0.00001",
            "halted": False,
            "delisted": False,
            "calendar": None,
            "last": "30000",
            "bid": "29999.99",
            "ask": "30000.01",
        }
    ],
    "as_of_seq": 1042,
}
VENUE_PAGE: Document = {
    "items": [
        {
            "venue": "PAPER",
            "connected": True,
            "health": {
                "connected": True,
                "since": 1_723_161_286_851_053_928,
                "heard_at": 1_723_161_286_851_053_928,
                "clock_ahead_ms": 3,
                "weight_used": 41,
                "weight_limit": 2_400,
                "blocked_until": 0,
                "counting_down": [],
            },
            "capabilities": {"native_oco": True, "native_amend": True},
            "rests_at_the_venue": "limit legs, and all legs of an order with hold: venue",
            "depends_on_this_server": "every leg that waits for a trigger, unless hold: venue",
        }
    ],
    "as_of_seq": 1042,
}
EVENTS = """\
id: 1042
event: snapshot
data: {"event_seq":1042,"orders":[],"positions":[]}

event: market
data: {"type":"market","instrument":"BTCUSDT.PAPER","at":1723161286851053928,"last":"30000",\
"last_quantity":"0.01","bid":"29999.99","bid_quantity":"1","ask":"30000.01","ask_quantity":"1",\
"mark":null,"index":null}

id: 1043
event: LegTriggered
data: {"event_seq":1043,"at":1723161286851053928,"type":"LegTriggered","order_id":"o000001a",\
"client_order_id":"wheat-42","leg":"stop_loss","source":"last","price":"28000",\
"trigger_price":"28000"}

"""
