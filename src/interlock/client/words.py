"""Orders in a trader's words: each function gives the exact JSON of docs/ORDERS.md.

Decides how an order reads in Python. Invariant: nothing is added that was not said; what is left
out is decided by the server, as its documentation says.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from interlock.client.numbers import Number, number_text, whole

Node = dict[str, Any]
"""A leg or a relation, as JSON. Everything here gives and takes these."""
FromEntry = dict[str, Any]
"""A price relative to the average entry fill."""
Price = Number | FromEntry
PRICES = ("price", "trigger_price", "activation_price")


class LegTerms(TypedDict, total=False):
    """What any leg may say beside its price; docs/ORDERS.md says which where."""

    buy: Number | None
    """Side and quantity at once."""
    sell: Number | None
    instrument: str | None
    side: str | None
    quantity: Number | None
    """Or a share of what is exited: ``"50%"``."""
    id: str | None
    time_in_force: str | None
    expire_at: str | int | None
    post_only: bool | None
    reduce_only: bool | None
    position_side: str | None
    display_quantity: Number | None
    activation_price: Price | None
    trigger_by: str | None
    trigger_confirm: Mapping[str, int] | None
    when: Mapping[str, Any] | None
    hold: str | None
    escalate: Mapping[str, Any] | None


def distance(
    offset: Number | None = None, bps: int | None = None, ticks: int | None = None
) -> dict[str, Any]:
    """Exactly one of: in price, in basis points, in increments."""
    given = {
        **({} if offset is None else {"offset": number_text("offset", offset)}),
        **({} if bps is None else {"bps": whole("bps", bps)}),
        **({} if ticks is None else {"ticks": whole("ticks", ticks)}),
    }
    if len(given) != 1:
        raise TypeError("give exactly one of offset, bps and ticks")
    return given


def from_entry(
    *, offset: Number | None = None, bps: int | None = None, ticks: int | None = None
) -> FromEntry:
    """A price that far from the average entry: positive in the position's favour."""
    return {"from_entry": distance(offset, bps, ticks)}


def price_json(name: str, value: Price) -> str | FromEntry:
    return value if isinstance(value, dict) else number_text(name, value)


def market(**leg: Unpack[LegTerms]) -> Node:
    """At once, at whatever the market offers: ``market(buy="0.5", instrument=...)``."""
    return _leg("market", leg)


def limit(price: Price, **leg: Unpack[LegTerms]) -> Node:
    """At ``price`` or better: ``limit("29900", buy="0.5", instrument="BTCUSDT.PAPER")``."""
    return _leg("limit", leg, price=price)


def stop(trigger_price: Price, **leg: Unpack[LegTerms]) -> Node:
    """At the market once the price reaches ``trigger_price``."""
    return _leg("stop", leg, trigger_price=trigger_price)


def stop_limit(trigger_price: Price, price: Price, **leg: Unpack[LegTerms]) -> Node:
    """As a limit at ``price`` once the price reaches ``trigger_price``."""
    return _leg("stop_limit", leg, trigger_price=trigger_price, price=price)


def market_if_touched(trigger_price: Price, **leg: Unpack[LegTerms]) -> Node:
    """At the market once the price comes back to ``trigger_price``."""
    return _leg("market_if_touched", leg, trigger_price=trigger_price)


def limit_if_touched(trigger_price: Price, price: Price, **leg: Unpack[LegTerms]) -> Node:
    """As a limit at ``price`` once the price comes back to ``trigger_price``."""
    return _leg("limit_if_touched", leg, trigger_price=trigger_price, price=price)


def trailing_stop(
    *,
    offset: Number | None = None,
    bps: int | None = None,
    ticks: int | None = None,
    **leg: Unpack[LegTerms],
) -> Node:
    """At the market once the price has come back that far from its best."""
    return _leg("trailing_stop", leg, trail=distance(offset, bps, ticks))


def trailing_stop_limit(
    limit_offset: Mapping[str, Any],
    *,
    offset: Number | None = None,
    bps: int | None = None,
    ticks: int | None = None,
    **leg: Unpack[LegTerms],
) -> Node:
    """The same as a limit ``limit_offset`` beyond: ``distance(ticks=20)``."""
    trail = distance(offset, bps, ticks)
    return _leg("trailing_stop_limit", leg, trail=trail, limit_offset=dict(limit_offset))


def _leg(kind: str, leg: LegTerms, **own: Any) -> Node:
    fields: dict[str, Any] = {**leg, **own}
    said = [name for name in ("buy", "sell", "quantity") if fields.get(name) is not None]
    if len(said) > 1:
        raise TypeError(f"give one of {' and '.join(said)}")
    node: Node = {"type": kind}
    for name in said:
        quantity = number_text(name, fields.pop(name))
        if name != "quantity":
            if fields.get("side") is not None:
                raise TypeError(f"{name} says the side already")
            fields["side"] = name
        fields["quantity"] = quantity
    for name, value in fields.items():
        if value is None:
            continue
        node[name] = price_json(name, value) if name in PRICES else json_ready(name, value)
    return node


def json_ready(name: str, value: Any) -> Any:
    """What goes into JSON as it is, decimals as text; a float anywhere inside is refused."""
    if isinstance(value, Mapping):
        return {key: json_ready(f"{name}.{key}", one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(f"{name}[{n}]", one) for n, one in enumerate(value)]
    if value is None or isinstance(value, str | int):
        return value
    return number_text(name, value)


def _relation(kind: str, settings: Mapping[str, Any], **nodes: Any) -> Node:
    node: Node = {"type": kind}
    node |= {name: value for name, value in settings.items() if value is not None}
    return node | {name: value for name, value in nodes.items() if value is not None}


def oco(*legs: Node, on_partial_fill: str | None = None, id: str | None = None) -> Node:
    """One cancels other: two nodes or more, exactly one wins."""
    return _relation("oco", {"id": id, "on_partial_fill": on_partial_fill}, legs=list(legs))


def oto(first: Node, then: Node, *, activate_on: str | None = None, id: str | None = None) -> Node:
    """One triggers other: ``then`` lives for what ``first`` has filled."""
    return _relation("oto", {"id": id, "activate_on": activate_on}, first=first, then=then)


def all_of(*legs: Node, id: str | None = None) -> Node:
    """Side by side: nodes that share the exposure."""
    return _relation("all", {"id": id}, legs=list(legs))


def bracket(
    *,
    entry: Node,
    take_profit: Node | Price | Sequence[Node] | None = None,
    stop_loss: Node | Price | None = None,
    activate_on: str | None = None,
    on_partial_fill: str | None = None,
    id: str | None = None,
) -> Node:
    """An entry and its exits. A bare price is a limit as target, a stop as stop loss."""
    settings = {"id": id, "activate_on": activate_on, "on_partial_fill": on_partial_fill}
    target: Any = take_profit
    if isinstance(take_profit, Sequence) and not isinstance(take_profit, str):
        target = list(take_profit)
    elif take_profit is not None and not _is_node(take_profit):
        target = {"type": "limit", "price": price_json("take_profit", take_profit)}
    safe: Any = stop_loss
    if stop_loss is not None and not _is_node(stop_loss):
        safe = {"type": "stop", "trigger_price": price_json("stop_loss", stop_loss)}
    return _relation("bracket", settings, entry=entry, take_profit=target, stop_loss=safe)


def ladder(
    *,
    entry: Node,
    targets: Sequence[tuple[str, Price]],
    stop_loss: Node | Price | None = None,
    id: str | None = None,
) -> Node:
    """An entry, targets as (share, price), one stop: ``targets=[("50%", "31000"), ...]``."""
    legs = [limit(price, quantity=share) for share, price in targets]
    return bracket(entry=entry, take_profit=legs, stop_loss=stop_loss, id=id)


def once_filled(leg: str, amend: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A rule: when ``leg`` has filled, amend others. Break-even is
    ``once_filled("near", {"stop": {"trigger_price": from_entry(ticks=1)}})``."""
    return {"when": {"leg_filled": leg}, "amend": json_ready("amend", amend)}


def placement(
    order: Node,
    client_order_id: str,
    account: str = "main",
    *,
    policy: Mapping[str, Any] | None = None,
    rules: Sequence[Mapping[str, Any]] | None = None,
    **more: Any,
) -> Node:
    """The body that places an order: for ``place_many``, and for files."""
    body: Node = {"client_order_id": client_order_id, "account": account, "order": order}
    if policy is not None:
        body["policy"] = json_ready("policy", policy)
    if rules is not None:
        body["rules"] = json_ready("rules", list(rules))
    return body | {k: json_ready(k, v) for k, v in more.items() if v is not None}


def _is_node(value: object) -> bool:
    return isinstance(value, dict) and "type" in value
