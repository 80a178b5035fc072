"""Calls: what each thing a client can ask looks like on the wire, once for both clients.

Decides paths, bodies and what may be repeated. Invariant: whatever changes something is keyed,
placed under a client order id, or never sent twice.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from interlock.client import views as v
from interlock.client.numbers import Number, number_text
from interlock.client.retrying import Call
from interlock.client.words import Node, json_ready, placement

Item = TypeVar("Item")
Limits = Mapping[str, Any]
NOTHING: dict[str, Any] = {}


class Page(Struct, Generic[Item], frozen=True):
    """Some of a list; ``next`` is the cursor of the rest, where there is more."""

    items: tuple[Item, ...]
    as_of_seq: int = 0
    next: str = ""


def read(path: str, answer: Any, **query: object) -> Call[Any]:
    return Call("GET", path, answer, worded(query), safe=True)


def page(path: str, item: Any, query: Mapping[str, object], cursor: str = "") -> Call[Any]:
    return read(path, Page[item], **query, cursor=cursor or None)


def worded(query: Mapping[str, object]) -> dict[str, str]:
    """A query without what was not said."""
    return {
        name: ("true" if value is True else str(value))
        for name, value in query.items()
        if value is not None and value is not False
    }


def encoded(body: Mapping[str, Any] | Sequence[Any]) -> bytes:
    return msgspec.json.encode(json_ready("body", body))


def given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def keyed(path: str, body: Mapping[str, Any], key: str | None) -> Call[v.Done]:
    """Carried out once, however often it is sent: by default under a key of its own making."""
    return Call("POST", path, v.Done, body=encoded(body), safe=True, key=key or str(uuid.uuid4()))


def place(order: Node, client_order_id: str | None, account: str, **more: Any) -> Call[v.Placed]:
    name = client_order_id or f"c-{uuid.uuid4().hex[:20]}"
    body = placement(order, name, account, **more)
    return Call("POST", "/v1/orders", v.Placed, body=encoded(body), safe=True)


def place_many(placements: Sequence[Node], atomic: bool) -> Call[v.Batch]:
    query = {"atomic": "true"} if atomic else {}
    body = encoded(list(placements))
    return Call("POST", "/v1/orders/batch", v.Batch, query, body, safe=True)


def preview(order: Node, account: str, **more: Any) -> Call[v.Preview]:
    body = encoded(placement(order, "preview", account, **more))
    return Call("POST", "/v1/orders/preview", v.Preview, body=body, safe=True)


def order_path(order_id: str) -> str:
    return f"/v1/orders/{quote(order_id, safe='')}"


def order(order_id: str, account: str | None) -> Call[v.Order]:
    return read(order_path(order_id), v.Order, account=account)


def amend(
    order_id: str, legs: Mapping[str, Mapping[str, Any]], if_version: int | None, key: str | None
) -> Call[v.Done]:
    body = given(legs=json_ready("legs", legs), if_version=if_version)
    return keyed(f"{order_path(order_id)}/amend", body, key)


def cancel(order_id: str, exposure: str | None, key: str | None) -> Call[v.Done]:
    return keyed(f"{order_path(order_id)}/cancel", given(exposure=exposure), key)


def cancel_leg(order_id: str, leg: str, key: str | None) -> Call[v.Done]:
    path = f"{order_path(order_id)}/legs/{quote(leg, safe='')}/cancel"
    return keyed(path, NOTHING, key)


def cancel_all(key: str | None, **filters: Any) -> Call[v.Done]:
    return keyed("/v1/orders/cancel", given(**filters), key)


def close(key: str | None, **position: Any) -> Call[v.Done]:
    return keyed("/v1/positions/close", given(**position), key)


def signal(name: str, value: Number, key: str | None, **more: Any) -> Call[v.Done]:
    body = {"value": number_text("value", value), **given(**more)}
    return keyed(f"/v1/signals/{quote(name, safe='')}", body, key)


def kill(**body: Any) -> Call[v.Killed]:
    return Call("POST", "/v1/kill", v.Killed, body=encoded(given(**body)))


def set_limits(scope: Mapping[str, str], limits: Limits | None, why: str) -> Call[Any]:
    body = encoded(given(scope=dict(scope), limits=limits and dict(limits), why=why))
    return Call("PUT", "/v1/risk/limits", Page[v.LimitedScope], body=body, safe=True, owner=True)


def define_signal(name: str, rules: Limits | None) -> Call[Any]:
    path = f"/v1/signals/{quote(name, safe='')}/rules"
    body = encoded(given(rules=rules and dict(rules)))
    return Call("PUT", path, Page[v.Signal], body=body, safe=True, owner=True)


def lift(cause: str, name: str, why: str) -> Call[Any]:
    body = encoded({"cause": cause, "name": name, "why": why})
    return Call("POST", "/v1/risk/blocks/lift", Page[v.Block], body=body, owner=True)


def countdown_path(name: str) -> str:
    return f"/v1/countdowns/{quote(name, safe='')}"


def arm(name: str, after_ms: int, scope: Mapping[str, str], level: str) -> Call[v.Countdown]:
    body = encoded({"after_ms": after_ms, "scope": dict(scope), "level": level})
    return Call("PUT", countdown_path(name), v.Countdown, body=body, safe=True)


def disarm(name: str) -> Call[Any]:
    return Call("DELETE", countdown_path(name), Page[v.Countdown], safe=True)


def reconcile() -> Call[v.Reconciliation]:
    return Call("POST", "/v1/reconcile", v.Reconciliation, safe=True)


def resume(**scope: Any) -> Call[Any]:
    body = encoded(given(**scope))
    return Call("POST", "/v1/resume", Page[v.Halt], body=body, owner=True)


def login(password: str) -> Call[v.Session]:
    return Call("POST", "/v1/session", v.Session, body=encoded({"password": password}))


def logout() -> Call[Any]:
    return Call("DELETE", "/v1/session", dict[str, bool], owner=True)


def make_key(
    name: str,
    scopes: Sequence[str],
    accounts: Sequence[str],
    allowed_ips: Sequence[str],
    days: int | None,
) -> Call[v.NewKey]:
    body = {
        "name": name,
        "scopes": list(scopes),
        "accounts": list(accounts),
        "allowed_ips": list(allowed_ips),
        **given(expires_in_days=days),
    }
    return Call("POST", "/v1/keys", v.NewKey, body=encoded(body), owner=True)


def list_keys() -> Call[Any]:
    return Call("GET", "/v1/keys", Page[v.Key], safe=True, owner=True)


def revoke_key(key_id: str) -> Call[v.Key]:
    return Call("DELETE", f"/v1/keys/{quote(key_id, safe='')}", v.Key, owner=True)


def health() -> Call[v.Health]:
    return read("/health", v.Health)


def price_query(instruments: Sequence[str]) -> dict[str, str]:
    return {"types": "market", "snapshot": "none", "market": ",".join(instruments) or "*"}


def stream_query(
    account: str | None,
    instrument: str | None,
    order_id: str | None,
    types: Sequence[str],
    snapshot: Sequence[str],
) -> dict[str, str]:
    return worded(
        {
            "account": account,
            "instrument": instrument,
            "order_id": order_id,
            "types": ",".join(types) or None,
            "snapshot": ",".join(snapshot) or None,
        }
    )
