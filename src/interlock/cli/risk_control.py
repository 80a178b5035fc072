"""``interlock limits``, ``blocks`` and ``countdown``: what may be risked, and what is stopped.

Decides how they read on a line. Invariant: what is changed is named with its scope before and
after, and every change asks for the admin's password or a key with that scope.
"""

import json as text_json
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from interlock.cli.connect import ProfileName, ServerJson, Yes, reading, trading
from interlock.cli.errors import BadInput
from interlock.cli.looking import shown
from interlock.cli.text import out, plain_table, time_text
from interlock.cli.trading import ruled
from interlock.client import views

limits = App(name="limits", help="Risk limits by scope: show, set, remove.")
blocks = App(name="blocks", help="What takes no new risk, and why: list, lift.")
countdown = App(name="countdown", help="Dead-man switches: arm (or refresh), disarm, list.")

Account = Annotated[str | None, Parameter(help="Only this account.")]
Instrument = Annotated[str | None, Parameter(help="Only this instrument, such as BTCUSDT.PAPER.")]
Tag = Annotated[str | None, Parameter(help="Only this strategy.")]
Why = Annotated[str, Parameter(help="For whoever reads of it later.")]
Level = Literal["block_new", "recall_entries", "recall_all", "flatten"]


def scope_of(account: str | None, instrument: str | None, tag: str | None) -> dict[str, str]:
    named = {"account": account, "instrument": instrument, "tag": tag}
    return {name: value for name, value in named.items() if value is not None}


def scope_text(scope: dict[str, str]) -> str:
    return ", ".join(f"{word} {name}" for word, name in scope.items()) or "all"


@limits.command(name="show")
def show(*, profile: ProfileName = None, json: ServerJson = False) -> int:
    """Show every scope with limits, and each figure beside its limit.

    For example:

        interlock limits show
    """
    with reading(profile) as client:
        found = client.limits()
    if json:
        return shown(found)
    console = out()
    if not found:
        console.print("Nothing is limited. Set limits with: interlock limits set")
        return 0
    table = plain_table(console, "scope", "setting", "limit", "now")
    for one in found:
        scope = scope_text(one.scope)
        for setting, limit in one.limits.items():
            table.add_row(scope, setting, _plain(limit), figure(setting, one.figures))
            scope = ""
    console.print(table)
    return 0


def figure(setting: str, figures: dict[str, Any]) -> str:
    """What a limit is held against at this moment, where that is one figure."""
    if setting == "max_position":
        worst = [
            f"{one['instrument']} {' to '.join(one['if_all_entries_fill'])}"
            for one in figures["positions"]
        ]
        return "; ".join(worst) or "0"
    name = {
        "max_open_orders": "open_orders",
        "max_orders_per_s": "orders_last_second",
        "breaker_orders_per_s": "orders_last_second",
        "max_cancels_per_s": "cancels_last_second",
        "max_gross_notional": "gross_notional",
        "max_daily_loss": "lost_today",
        "breaker_rejects": "refused_in_a_row",
        "breaker_losses": "lost_in_a_row",
    }.get(setting)
    return "" if name is None else str(figures[name] if figures[name] is not None else "unknown")


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@limits.command(name="set")
def set_limits(
    *given: Annotated[str, Parameter(help="Limits as NAME=VALUE; docs/RISK.md lists them.")],
    file: Annotated[Path | None, Parameter(help="Limits as one JSON object, instead.")] = None,
    account: Account = None,
    instrument: Instrument = None,
    tag: Tag = None,
    only: Annotated[
        bool, Parameter(negative="", help="These and no others: what else it had goes.")
    ] = False,
    why: Why = "",
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Put a scope under these limits; what it has besides stays. NAME=none takes one away.

    For example:

        interlock limits set max_position=5 max_daily_loss=1000 --account main

        interlock limits set reduce_only=true --tag grid --why "it must wind down"

        interlock limits set max_position=none --account main
    """
    values = _read(given, file)
    scope = scope_of(account, instrument, tag)
    with trading(profile, yes) as client:

        def change() -> dict[str, Any]:
            had = [one.limits for one in client.limits() if one.scope == scope and not only]
            merged = {**(had[0] if had else {}), **values}
            wanted = {name: limit for name, limit in merged.items() if limit is not None}
            if had or wanted:
                client.set_limits(wanted or None, why, **scope)
            return wanted

        wanted = ruled(client, change)
    kept = [name for name in wanted if name not in values]
    out().print(f"limited: {scope_text(scope)}: {', '.join(wanted) or 'nothing any more'}")
    if kept:
        out().print(f"unchanged: {', '.join(kept)} (--only would take them away)")
    return 0


def _read(given: tuple[str, ...], file: Path | None) -> dict[str, Any]:
    if (file is None) is not bool(given):
        raise BadInput("Name limits as NAME=VALUE, or a file with --file; not both.")
    if file is not None:
        try:
            read = text_json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise BadInput(f"{file} cannot be read as JSON: {error}.") from error
        if not isinstance(read, dict):
            raise BadInput(f"{file} must hold one JSON object of limits.")
        return read
    values: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise BadInput(f"{one!r} is not NAME=VALUE, such as max_position=5.")
        values[name] = _value(name, value)
    return values


def _value(name: str, value: str) -> Any:
    """Decimals stay text; counts are numbers; lists are separated by commas."""
    if value == "none":
        return None
    if value in ("true", "false"):
        return value == "true"
    if name in ("instruments", "sides", "leg_types"):
        return [part for part in value.split(",") if part]
    decimals = ("quantity", "notional", "position", "loss", "margin", "starts", "level")
    if (any(word in name for word in decimals) and name not in COUNTED) or not value.isdigit():
        return value
    return int(value)


COUNTED = ("breaker_losses", "initial_margin_bps")


@limits.command(name="remove")
def remove(
    *,
    account: Account = None,
    instrument: Instrument = None,
    tag: Tag = None,
    why: Why = "",
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Take a scope's limits away; those of other scopes stay.

    For example:

        interlock limits remove --account main
    """
    scope = scope_of(account, instrument, tag)
    with trading(profile, yes) as client:
        ruled(client, lambda: client.set_limits(None, why, **scope))
    out().print(f"no longer limited: {scope_text(scope)}")
    return 0


@blocks.command(name="list")
def listed(*, profile: ProfileName = None, json: ServerJson = False) -> int:
    """List what takes no new risk now: kills, breakers, losses, countdowns, feeds, outages.

    For example:

        interlock blocks list
    """
    with reading(profile) as client:
        found = client.blocks()
    if json:
        return shown(found)
    console = out()
    if not found:
        console.print("Nothing is blocked.")
        return 0
    table = plain_table(console, "cause", "name", "level", "since", "why")
    for one in found:
        why = one.why + (" (one order may try)" if one.half_open else "")
        table.add_row(one.cause, one.name, one.level, time_text(one.at), why)
    console.print(table)
    return 0


@blocks.command(name="lift")
def lift(
    cause: Annotated[str, Parameter(help="As listed: breaker, loss, countdown, outage ...")],
    name: Annotated[str, Parameter(help="As listed.")],
    /,
    *,
    why: Why = "",
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Lift a block before its own rule does. A kill is lifted with: interlock resume.

    For example:

        interlock blocks lift breaker "tag grid" --why "the bug is mended"
    """
    with trading(profile, yes) as client:
        left = ruled(client, lambda: client.lift(cause, name, why))
    out().print(f"lifted: {cause} {name}; {len(left)} still in force")
    return 0


@countdown.command(name="arm")
def arm(
    name: Annotated[str, Parameter(help="Its name; the same again refreshes it.")],
    /,
    *,
    after_ms: Annotated[int, Parameter(help="Silence for so long pulls the scope.")],
    level: Annotated[Level, Parameter(help="How far that goes.")] = "recall_entries",
    own_key: Annotated[
        bool, Parameter(help="Only what was placed with this profile's key.", negative="")
    ] = False,
    account: Account = None,
    instrument: Instrument = None,
    tag: Tag = None,
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Arm a dead-man switch, or refresh it.

    For example:

        interlock countdown arm grid-bot --after-ms 5000 --tag grid

        interlock countdown arm my-bot --after-ms 5000 --own-key
    """
    scope = scope_of(account, instrument, tag)
    with trading(profile, yes) as client:
        armed = client.arm_countdown(name, after_ms, level, own_key, **scope)
    out().print(f"armed: {name} for {scope_text(armed.scope)}, until {time_text(armed.until)}")
    return 0


@countdown.command(name="disarm")
def disarm(
    name: Annotated[str, Parameter(help="Its name.")],
    /,
    *,
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Disarm a dead-man switch: silence means nothing any more.

    For example:

        interlock countdown disarm grid-bot
    """
    with trading(profile, yes) as client:
        client.disarm_countdown(name)
    out().print(f"disarmed: {name}")
    return 0


@countdown.command(name="list")
def armed(*, profile: ProfileName = None, json: ServerJson = False) -> int:
    """List the dead-man switches that are armed.

    For example:

        interlock countdown list
    """
    with reading(profile) as client:
        found: tuple[views.Countdown, ...] = client.countdowns()
    if json:
        return shown(found)
    console = out()
    if not found:
        console.print("No countdown is armed.")
        return 0
    table = plain_table(console, "name", "scope", "level", "until")
    for one in found:
        table.add_row(one.name, scope_text(one.scope), one.level, time_text(one.until))
    console.print(table)
    return 0
