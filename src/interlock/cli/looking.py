"""Commands that only look: one order with its story, orders, positions, fills.

Decides how they read. Invariant: what is shown is what the server said, to the last digit.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from interlock.cli.connect import ProfileName, ServerJson, reading
from interlock.cli.errors import Exit
from interlock.cli.order_tree import tree_of
from interlock.cli.text import out, plain_table, time_text
from interlock.client import views

Account = Annotated[str | None, Parameter(help="Only of this account.")]
Limit = Annotated[int, Parameter(help="How many at most, the latest.")]


def order(
    order: Annotated[str, Parameter(help="The order's id, or its client order id.")],
    /,
    *,
    account: Account = None,
    profile: ProfileName = None,
    json: ServerJson = False,
) -> int:
    """Show one order: its tree as it stands, and its story.

    For example:

        interlock order wheat-42
    """
    with reading(profile) as client:
        found = client.order(order, account=account)
    if json:
        return shown(found)
    console = out()
    fields: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    row = {name: fields[name] for name in views.OrderLine.__struct_fields__}
    row["document"] = msgspec.json.encode(found.placed).decode()
    rest = {name: fields[name] for name in ("legs", "venue_orders", "fills", "incidents")}
    console.print(tree_of({"order": row, **rest}))
    console.print("\nIts story:")
    for at, what in story(found):
        console.print(f"  {time_text(at)}  {what}")
    return 0


def story(found: views.Order) -> list[tuple[int, str]]:
    """What happened, in its order; what happened at one moment as it must have."""
    told = [(found.accepted_at, 0, "accepted")]
    for sent in found.venue_orders:
        at = f" @ {sent.price}" if sent.price is not None else ""
        what = f"{sent.side} {sent.quantity} {sent.order_type}{at}"
        told.append((sent.sent_at, 1, f"{sent.leg}: sent to the venue: {what}"))
        if sent.status in ("canceled", "rejected", "expired"):
            why = f" ({sent.reason})" if sent.reason else ""
            told.append((sent.updated_at, 3, f"{sent.leg}: {sent.status} at the venue{why}"))
    for fill in sorted(found.fills, key=lambda fill: fill.event_seq):
        what = f"{fill.leg}: filled {fill.quantity} @ {fill.price}"
        told.append((fill.at, 2, what + (", late" if fill.late else "")))
    for one in found.incidents:
        told.append((one.opened_at, 2, f"incident {one.kind}: {one.detail}"))
        if one.closed_at is not None:
            told.append((one.closed_at, 2, f"incident {one.kind} closed: {one.outcome}"))
    if found.done_at is not None:
        why = f" ({found.reason})" if found.reason else ""
        told.append((found.done_at, 4, f"done: {found.status}{why}"))
    return [(at, what) for at, _, what in sorted(told, key=lambda one: one[:2])]


def list_orders(status: str | None, profile: str | None, json: bool, most: int) -> int:
    """``interlock orders`` without a folder."""
    with reading(profile) as client:
        found = list(islice(client.orders(status=status), most))[::-1]
    if json:
        return shown(found)
    rows = [
        (
            *(one.order_id, one.client_order_id, one.account, one.instrument, one.status),
            time_text(one.accepted_at),
            time_text(one.done_at) if one.done_at is not None else "-",
        )
        for one in found
    ]
    heads = ("order", "client id", "account", "instrument", "status", "accepted", "done")
    return table(heads, rows, "No order.")


def positions(
    *, account: Account = None, profile: ProfileName = None, json: ServerJson = False
) -> int:
    """Show the positions our fills have made.

    For example:

        interlock positions

        interlock positions --account main --json
    """
    with reading(profile) as client:
        found = client.positions(account=account)
    if json:
        return shown(found)
    rows = [(p.account, p.instrument, p.position_side or "-", str(p.quantity)) for p in found]
    return table(("account", "instrument", "side", "quantity"), rows, "No position.")


def risk(*, account: Account = None, profile: ProfileName = None, json: ServerJson = False) -> int:
    """Show what is at risk: held, covered by live stops, and lost if every stop is hit.

    What nothing covers comes first. For example:

        interlock risk

        interlock risk --account main --json
    """
    with reading(profile) as client:
        found = client.risk(account=account)
    if json:
        return shown(found)
    rows = [
        (
            *(one.account, one.instrument, one.order_id or "no live order"),
            *(str(one.exposure), str(one.covered), str(one.uncovered)),
            str(one.loss_if_stopped),
        )
        for one in found.orders
    ]
    heads = (
        "account",
        "instrument",
        "order",
        "exposure",
        "covered",
        "uncovered",
        "loss if stopped",
    )
    table(heads, rows, "Nothing is held.")
    for total in found.by_account:
        least, most = total.if_all_entries_fill
        out().print(
            f"{total.account} {total.instrument}: {total.exposure} held, {total.uncovered} of it "
            f"uncovered; if every entry fills between {least} and {most}; "
            f"{total.loss_if_stopped} lost if every stop is hit."
        )
    return 0


def fills(
    *,
    order: Annotated[str | None, Parameter(help="Only of this order, by its id.")] = None,
    account: Account = None,
    limit: Limit = 50,
    profile: ProfileName = None,
    json: ServerJson = False,
) -> int:
    """List fills, the latest last.

    For example:

        interlock fills

        interlock fills --order o000001a --json
    """
    with reading(profile) as client:
        found = list(islice(client.fills(account=account, order_id=order), limit))[::-1]
    if json:
        return shown(found)
    rows = [
        (
            *(time_text(f.at), f.order_id, f.leg, f.instrument, f.side),
            *(str(f.quantity), str(f.price), str(f.fee)),
        )
        for f in found
    ]
    heads = ("at", "order", "leg", "instrument", "side", "quantity", "price", "fee")
    return table(heads, rows, "No fill.")


def shown(found: object) -> int:
    print(msgspec.json.encode(found).decode())
    return 0


def incidents(
    *,
    account: Account = None,
    open: Annotated[
        bool, Parameter(negative="", help="Only those that are open: they wait for a person.")
    ] = False,
    limit: Limit = 50,
    profile: ProfileName = None,
    json: ServerJson = False,
) -> int:
    """List incidents, the latest last: what should not have happened, and what became of it.

    For example:

        interlock incidents --open

        interlock incidents --account main --json
    """
    with reading(profile) as client:
        found = list(islice(client.incidents(account=account, open=open), limit))[::-1]
    if json:
        return shown(found)
    rows = [
        (
            *(time_text(one.opened_at), one.kind, one.order_id or "-", one.detail),
            "open" if one.closed_at is None else one.outcome or "closed",
        )
        for one in found
    ]
    return table(("at", "kind", "order", "what", "now"), rows, "No incident.")


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], none: str) -> int:
    console = out()
    made = plain_table(console, *heads)
    for row in rows:
        made.add_row(*row)
    console.print(made if made.row_count else none)
    return 0


def reconcile(*, profile: ProfileName = None, json: ServerJson = False) -> int:
    """Ask the venues about everything now, and show what they and the server do not agree on.

    Exit code 1 when something differs, or could not be read to the end. For example:

        interlock reconcile

        interlock reconcile --json
    """
    with reading(profile) as client:
        found = client.reconcile()
    alike = all(one.complete and not one.differences for one in found.venues)
    if json:
        shown(found)
        return Exit.OK if alike else Exit.CHECK_FAILED
    console = out()
    for one in found.venues:
        read = "read to the end" if one.complete else "not read to the end: absences mean nothing"
        at = time_text(one.as_of) if one.as_of else "never"
        link = "connected" if one.connected else "not connected"
        console.print(f"{one.venue}: {link}, {one.open_orders} of our orders open, {at}, {read}")
        for difference in one.differences:
            here, there = difference.here or "nothing", difference.there or "nothing"
            console.print(f"  {difference.kind:8} {difference.what}: here {here}, there {there}")
        for told in one.balances:
            for balance in told.balances:
                console.print(f"  {told.account}: {balance_text(balance)}")
    for settled in found.settled:
        console.print(f"settled: {settled.type} {settled.what} (event {settled.event_seq})")
    return Exit.OK if alike else Exit.CHECK_FAILED


def balance_text(balance: views.Balance) -> str:
    words = [f"{balance.asset} {balance.free:f} free, {balance.locked:f} locked"]
    for name in ("wallet", "available_margin", "maintenance_margin"):
        amount = getattr(balance, name)
        if amount is not None:
            words.append(f"{name.replace('_', ' ')} {amount:f}")
    return ", ".join(words)


def venues(*, profile: ProfileName = None, json: ServerJson = False) -> int:
    """Show the venues: how each connection is, and what each venue can.

    Exit code 1 when one is not connected. For example:

        interlock venues

        interlock venues --json
    """
    with reading(profile) as client:
        found = client.venues()
    up = all(one.connected for one in found)
    if json:
        shown(found)
        return Exit.OK if up else Exit.CHECK_FAILED
    console = out()
    for one in found:
        console.print(f"{one.venue}: {health_text(one.health)}")
        for name, value in one.capabilities.items():
            text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
            console.print(f"  {name} {text}")
    return Exit.OK if up else Exit.CHECK_FAILED


def health_text(health: views.VenueHealth) -> str:
    link = "connected" if health.connected else "not connected"
    words = [f"{link} since {time_text(health.since)}" if health.since else link]
    if health.heard_at:
        words.append(f"last heard {time_text(health.heard_at)}")
    if health.clock_ahead_ms is not None:
        words.append(f"its clock {health.clock_ahead_ms} ms ahead of ours")
    if health.weight_used is not None:
        words.append(f"weight {health.weight_used} of {health.weight_limit} used in this minute")
    if health.blocked_until:
        words.append(f"takes no request before {time_text(health.blocked_until)}")
    if health.counting_down:
        words.append(f"its own countdown is armed for {', '.join(health.counting_down)}")
    return ", ".join(words)
