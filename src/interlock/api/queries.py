"""Queries: orders, fills, incidents, positions, instruments and venues, as they stand.

Decides what a caller sees of each. Invariant: what was answered before a query is in its answer,
and nothing of an account that the caller may not touch is.
"""

import base64
from typing import Any, Literal

import msgspec

from interlock.api.desk import Desk
from interlock.api.problems import ApiCode, Problem, problem
from interlock.api.route import Asked, Caller, Reply
from interlock.api.views import (
    FillView,
    IncidentView,
    OrderLine,
    OrderView,
    Page,
    leg_shown,
    shown,
)
from interlock.journal.projection import Projection
from interlock.orders.capabilities import Capabilities

LIMIT, LIMIT_MAX = 100, 1_000


class Queries:
    """Questions to one desk's tables and state."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def order(self, asked: Asked) -> Reply | Problem:
        name, accounts = asked.path["order_id"], accounts_of(asked)
        if isinstance(accounts, Problem):
            return accounts

        def whole(tables: Projection) -> OrderView | None:
            row = tables.order(name, accounts)
            if row is None:
                return None
            order_id = str(row["order_id"])
            fields: dict[str, Any] = dict(row)
            fields["placed"] = msgspec.Raw(str(row["document"]).encode())
            fields["legs"] = [leg_shown(leg) for leg in tables.legs(order_id)]
            fields["venue_orders"] = tables.venue_orders(order_id)
            fields["fills"] = tables.fills(order_id)
            fields["incidents"] = tables.incidents(order_id=order_id)
            order: OrderView = shown(fields, OrderView)
            return order

        _, order = await self._desk.read(whole)
        if order is None:
            return problem(
                ApiCode.NOT_FOUND,
                f"There is no order {name!r} that this key may see.",
                "Name it by its order_id, or by its client_order_id.",
            )
        return Reply(order)

    async def orders(self, asked: Asked) -> Reply | Problem:
        wanted = wanted_of(asked)
        if isinstance(wanted, Problem):
            return wanted
        accounts, before, limit = wanted
        query = asked.query
        filters = {name: query[name] for name in ("instrument", "status", "tag") if name in query}
        live = asked.flag("live")
        as_of, rows = await self._desk.read(
            lambda tables: tables.orders(accounts, filters, live, before, limit + 1)
        )
        return page([shown(row, OrderLine) for row in rows], limit, as_of, "order_id")

    async def fills(self, asked: Asked) -> Reply | Problem:
        return await self._events(asked, "fills", FillView)

    async def incidents(self, asked: Asked) -> Reply | Problem:
        return await self._events(asked, "incidents", IncidentView)

    async def _events(
        self, asked: Asked, table: Literal["fills", "incidents"], kind: Any
    ) -> Reply | Problem:
        wanted = wanted_of(asked)
        if isinstance(wanted, Problem):
            return wanted
        accounts, before, limit = wanted
        order_id, open_only = asked.query.get("order_id"), asked.flag("open")
        as_of, rows = await self._desk.read(
            lambda tables: tables.event_page(
                table, accounts, order_id, open_only, before, limit + 1
            )
        )
        return page([shown(row, kind) for row in rows], limit, as_of, "event_seq")

    async def positions(self, asked: Asked) -> Reply | Problem:
        accounts = accounts_of(asked)
        if isinstance(accounts, Problem):
            return accounts
        return Reply(Page(list(self._desk.positions(accounts)), self._desk.live.line.state.seq))

    async def instruments(self, asked: Asked) -> Reply:
        state = self._desk.live.line.state
        views = sorted(state.markets.values(), key=lambda view: view.grid.symbol)
        items = [
            {
                **msgspec.to_builtins(view.grid.instrument),
                "halted": view.halted,
                "delisted": view.delisted,
                "calendar": view.calendar or None,
                "last": view.grid.price_text(view.last) if view.last else None,
                "bid": view.grid.price_text(view.bid) if view.bid else None,
                "ask": view.grid.price_text(view.ask) if view.ask else None,
            }
            for view in views
        ]
        return Reply(Page(items, state.seq))

    async def venues(self, asked: Asked) -> Reply:
        """What each venue can, and so where legs wait there."""
        state = self._desk.live.line.state
        items = [
            {
                "venue": name,
                "connected": not state.down.get(name, False),
                "health": msgspec.to_builtins(self._desk.live.line.venues[name].health()),
                "capabilities": capabilities_of(can),
                "rests_at_the_venue": "limit legs, and all legs of an order with hold: venue",
                "depends_on_this_server": "every leg that waits for a trigger, unless hold: venue"
                + ("" if can.native_oco else "; relations between legs, always"),
            }
            for name, can in sorted(state.capabilities.items())
        ]
        return Reply(Page(items, state.seq))


def capabilities_of(can: Capabilities) -> dict[str, Any]:
    """Every one of them by name, also those that are as they mostly are."""
    named = msgspec.structs.asdict(can)
    return {name: msgspec.to_builtins(value) for name, value in named.items()}


def only(caller: Caller) -> tuple[str, ...] | None:
    """The accounts a caller sees; nothing for all."""
    return tuple(sorted(caller.accounts)) or None


def accounts_of(asked: Asked) -> tuple[str, ...] | Problem | None:
    """Those asked for, among those the caller may see."""
    wanted = asked.query.get("account")
    if wanted is None:
        return only(asked.caller)
    if not asked.caller.may_touch(wanted):
        return problem(ApiCode.ACCOUNT_NOT_ALLOWED, f"This key may not see the account {wanted!r}.")
    return (wanted,)


def wanted_of(asked: Asked) -> tuple[tuple[str, ...] | None, str | None, int] | Problem:
    """The accounts of a list, where it goes on, and how much of it is wanted."""
    limit = limit_of(asked)
    if isinstance(limit, Problem):
        return limit
    accounts = accounts_of(asked)
    if isinstance(accounts, Problem):
        return accounts
    before = cursor_of(asked)
    if isinstance(before, Problem):
        return before
    return accounts, before or None, limit


def limit_of(asked: Asked) -> int | Problem:
    text = asked.query.get("limit", str(LIMIT))
    if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= LIMIT_MAX:
        return int(text)
    return problem(
        ApiCode.QUERY_INVALID, f"limit is a whole number from 1 to {LIMIT_MAX}.", pointer="limit"
    )


def cursor_of(asked: Asked) -> str | Problem:
    text = asked.query.get("cursor", "")
    try:
        return base64.b64decode(text.encode("ascii"), b"-_", validate=True).decode("ascii")
    except ValueError:
        return problem(
            ApiCode.QUERY_INVALID,
            "The cursor is not one that this server gave.",
            "Begin without one.",
            pointer="cursor",
        )


def page(items: list[Any], limit: int, as_of: int, key: str) -> Reply:
    """The first ``limit``, and how to ask for the rest."""
    following = ""
    if len(items) > limit:
        items = items[:limit]
        last = str(getattr(items[-1], key))
        following = base64.urlsafe_b64encode(last.encode()).decode()
    return Reply(Page(items, as_of, following))
