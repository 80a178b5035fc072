"""The table of everything that can be asked, with its documentation.

Decides names, methods, scopes and budgets. Invariant: every entry has an example of each body and
answer that really is one; a test says so.
"""

from typing import Any

from interlock.api import examples as example
from interlock.api.batch import JSON, MSGPACK, NDJSON, Batches
from interlock.api.metrics import Health
from interlock.api.orders import (
    AmendBody,
    CancelBody,
    CancelManyBody,
    CloseBody,
    Orders,
    SignalBody,
)
from interlock.api.problems import ApiCode
from interlock.api.queries import LIMIT, LIMIT_MAX, Queries
from interlock.api.route import Budget, Param, Route, Scope, Work
from interlock.api.views import BatchAnswer, Done, OrderView, Page, Placed
from interlock.orders.commands import PlaceOrder
from interlock.orders.rejects import RejectCode as R

ORDER = Param(
    "order_id",
    "The order's `order_id`, or its `client_order_id`",
    {"type": "string", "minLength": 1, "maxLength": 64},
    "path",
    True,
    "o000001a",
)
LEG = Param("leg", "The leg's id", {"type": "string", "minLength": 1}, "path", True, "stop_loss")
ACCOUNT = Param("account", "Only of this account", example="main")
WHOSE = Param("account", "Whose order, where several accounts know the client's id")
INSTRUMENT = Param("instrument", "Only with this instrument", example="BTCUSDT.PAPER")
PAGING = (
    Param(
        "limit",
        "How many at most",
        {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT},
        example=50,
    ),
    Param("cursor", "`next` of the page before"),
)
FLAG = {"type": "boolean", "default": False}
STATE = (R.ORDER_UNKNOWN, R.ORDER_DONE, R.VERSION_MISMATCH)


PLACING: dict[str, Any] = {"scope": Scope.TRADE, "budget": Budget.PLACING}
CHANGING: dict[str, Any] = {"scope": Scope.TRADE, "budget": Budget.PROTECTING, "keyed": True}


def placing_routes(orders: Orders, batches: Batches) -> list[Route]:
    return [
        Route(
            *("POST", "/v1/orders", orders.place, "Place an order"),
            "One tree of legs. The same `client_order_id` and body again is answered as the first "
            "time, with the header `Idempotent-Replay: true`, and does nothing.",
            **PLACING,
            status=201,
            body=PlaceOrder,
            bodies=example.PLACES,
            answer=Placed,
            example=example.PLACED,
            errors=(R.DUPLICATE_ID, R.OFF_INCREMENT, R.INSTRUMENT_UNKNOWN, R.VENUE_DOWN),
        ),
        Route(
            *("POST", "/v1/orders/batch", batches.place, "Place many orders"),
            "A list of placements as JSON or MessagePack, or one per line as NDJSON. Each is "
            "accepted or refused on its own, in order; with `atomic=true` all are or none is. Ask "
            "for `application/x-ndjson` in `Accept` to be told as they commit.",
            **{**PLACING, "budget": None},
            params=(Param("atomic", "All or none", FLAG),),
            body=list[PlaceOrder],
            bodies={"two": [example.PLACES["bracket"], example.PLACES["oco"]]},
            media_types=(JSON, NDJSON, MSGPACK),
            answer=BatchAnswer,
            example=example.BATCH,
            errors=(
                *(R.MALFORMED, R.OFF_INCREMENT, R.DUPLICATE_ID, R.VENUE_DOWN),
                *(ApiCode.UNSUPPORTED_MEDIA_TYPE, ApiCode.BODY_TOO_LARGE),
            ),
        ),
    ]


def changing_routes(orders: Orders) -> list[Route]:
    return [
        Route(
            *("POST", "/v1/orders/{order_id}/amend", orders.amend, "Amend an order"),
            "Change legs that are live, in place: all changes, or none.",
            **CHANGING,
            params=(ORDER, WHOSE),
            body=AmendBody,
            bodies=example.AMENDS,
            answer=Done,
            example=example.DONE,
            errors=(*STATE, R.LEG_CLAIMED, R.LEG_FROZEN, R.NOT_AMENDABLE),
        ),
        Route(
            *("POST", "/v1/orders/{order_id}/cancel", orders.cancel, "Cancel an order"),
            "`exposure` says what becomes of what it has bought or sold.",
            **CHANGING,
            params=(ORDER, WHOSE),
            body=CancelBody,
            bodies=example.CANCELS,
            answer=Done,
            example=example.DONE,
            errors=STATE[:2],
        ),
        Route(
            *("POST", "/v1/orders/{order_id}/legs/{leg}/cancel", orders.cancel_leg),
            "Cancel one leg",
            "The others go on.",
            **CHANGING,
            params=(ORDER, LEG, WHOSE),
            answer=Done,
            example=example.DONE,
            errors=(*STATE[:2], R.LEG_UNKNOWN, R.LEG_DONE),
        ),
    ]


def sweeping_routes(orders: Orders) -> list[Route]:
    return [
        Route(
            *("POST", "/v1/orders/cancel", orders.cancel_many, "Cancel all orders that match"),
            **CHANGING,
            body=CancelManyBody,
            bodies=example.CANCEL_MANY,
            answer=Done,
            example=example.DONE_MANY,
            errors=(ApiCode.ACCOUNT_NOT_ALLOWED,),
        ),
        Route(
            *("POST", "/v1/positions/close", orders.close, "Close a position with all its legs"),
            **CHANGING,
            tag="Positions",
            body=CloseBody,
            bodies=example.CLOSES,
            answer=Done,
            example=example.DONE_MANY,
            errors=(ApiCode.ACCOUNT_NOT_ALLOWED, R.INSTRUMENT_UNKNOWN),
        ),
        Route(
            *("POST", "/v1/signals/{name}", orders.signal, "Give a signal its value"),
            "A number from outside that conditions of legs may watch.",
            **PLACING,
            keyed=True,
            tag="Signals",
            params=(Param("name", "The signal's name", place="path", required=True),),
            body=SignalBody,
            bodies=example.SIGNALS,
            answer=Done,
            example={},
            errors=(R.BAD_NUMBER,),
        ),
    ]


def query_routes(queries: Queries) -> list[Route]:
    return [
        Route(
            *("GET", "/v1/orders", queries.orders, "List orders"),
            "Latest first.",
            params=(
                *(ACCOUNT, INSTRUMENT, Param("tag", "Only with this strategy tag")),
                Param("status", "Only with this status", example="working"),
                Param("live", "Only those that are not done", FLAG),
                *PAGING,
            ),
            answer=Page,
            example=example.ORDER_PAGE,
            errors=(ApiCode.QUERY_INVALID, ApiCode.ACCOUNT_NOT_ALLOWED),
        ),
        Route(
            *("GET", "/v1/orders/{order_id}", queries.order, "One order whole"),
            "As it was placed, and as it stands: legs, venue orders, fills, incidents.",
            params=(ORDER, ACCOUNT),
            answer=OrderView,
            example=example.ORDER,
            errors=(ApiCode.NOT_FOUND,),
        ),
        Route(
            *("GET", "/v1/fills", queries.fills, "List fills"),
            "Latest first.",
            params=(ACCOUNT, Param("order_id", "Only of this order"), *PAGING),
            answer=Page,
            example=example.FILL_PAGE,
            errors=(ApiCode.QUERY_INVALID,),
            tag="Positions",
        ),
        Route(
            *("GET", "/v1/incidents", queries.incidents, "List incidents"),
            "What should not have happened, and was handled or waits for a person. Latest first.",
            params=(
                *(ACCOUNT, Param("order_id", "Only of this order")),
                Param("open", "Only those that are open", FLAG),
                *PAGING,
            ),
            answer=Page,
            example=example.INCIDENT_PAGE,
            errors=(ApiCode.QUERY_INVALID,),
            tag="Positions",
        ),
    ]


def world_routes(queries: Queries) -> list[Route]:
    return [
        Route(
            *("GET", "/v1/positions", queries.positions, "Positions made by our fills"),
            params=(ACCOUNT,),
            answer=Page,
            example=example.POSITION_PAGE,
            errors=(ApiCode.ACCOUNT_NOT_ALLOWED,),
            tag="Positions",
        ),
        Route(
            *("GET", "/v1/instruments", queries.instruments, "Instruments and their markets"),
            answer=Page,
            example=example.INSTRUMENT_PAGE,
            tag="Venues",
        ),
        Route(
            *("GET", "/v1/venues", queries.venues, "Venues and what they can"),
            "Which legs rest at the venue, and which depend on this server.",
            answer=Page,
            example=example.VENUE_PAGE,
            tag="Venues",
        ),
    ]


def health_routes(health: Health) -> list[Route]:
    return [
        Route(
            *("GET", "/health", health.live, "Whether the process lives"),
            scope=None,
            tag="Health",
            answer=dict[str, str],
            example={"status": "ok", "environment": "paper"},
        ),
        Route(
            *("GET", "/ready", health.ready, "Whether it is ready for orders"),
            "503 while venues are asked what became of open orders, or are not connected.",
            scope=None,
            tag="Health",
            answer=dict[str, Any],
            example={"status": "ready", "because": []},
        ),
    ]


FOLLOWING = (
    *(ACCOUNT, INSTRUMENT, Param("order_id", "Only of this order")),
    Param(
        "types",
        "Only these facts, separated by commas; `market` for prices",
        example="LegTriggered,LegClaimed",
    ),
    Param(
        "market",
        "Prices of these instruments as well, separated by commas; `*` for all",
        example="BTCUSDT.PAPER,ETHUSDT.PAPER",
    ),
    Param(
        "snapshot",
        "What the snapshot holds: `orders`, `positions`, separated by commas; or `none`",
        example="orders,positions",
    ),
    Param(
        "from_seq",
        "Go on from this `event_seq`; without it a snapshot comes first",
        {"type": "integer", "minimum": 0},
        example=1042,
    ),
)


def stream_routes(events: Work, metrics: Work) -> list[Route]:
    return [
        Route(
            *("GET", "/v1/events", events, "Follow the log (SSE)"),
            "A snapshot of what the key may see, then every fact as it is committed, its "
            "`event_seq` as the event's id: come back with `Last-Event-ID` and nothing is missed "
            "or told twice. A comment every 15 s when nothing happens. The same over WebSocket at "
            "`/v1/stream`. A follower that reads too slowly is cut off, told why, and can go on."
            "\n\nWith `market` the latest prices come as well: events without an id, merged over "
            "a tenth of a second, and further for who reads slowly. They are not of the log.",
            params=FOLLOWING,
            errors=(ApiCode.QUERY_INVALID,),
            ticketed=True,
            media="text/event-stream",
            example=example.EVENTS,
            tag="Streams",
        ),
        Route(
            *("GET", "/metrics", metrics, "Metrics for Prometheus"),
            scope=None,
            tag="Health",
            media="text/plain",
        ),
    ]
