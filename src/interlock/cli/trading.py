"""Commands that change what is live: amend, cancel, close, kill, resume.

Decides how they read on a line. Invariant: each says its profile and environment first, and names
the order it changes by the id the server gave it.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter

from interlock.cli.connect import ProfileName, Yes, trading
from interlock.cli.errors import BadInput
from interlock.cli.keys import password
from interlock.cli.text import out
from interlock.client import Client, Refused, views

Done = TypeVar("Done")
Account = Annotated[str, Parameter(help="Whose.")]
OneOrder = Annotated[str, Parameter(help="The order's id, or its client order id.")]
Thought = Annotated[
    str, Parameter(help="The token of a request that was held back by cooling_off_s.")
]
Why = Annotated[str, Parameter(help="For whoever reads of it later.")]
Exposure = Annotated[
    Literal["protect", "flatten", "release"] | None,
    Parameter(help="What becomes of what was bought or sold; protect keeps the exits."),
]


def amend(
    order: OneOrder,
    leg: Annotated[str, Parameter(help="The leg's id, such as stop_loss.")],
    /,
    *,
    price: Annotated[str | None, Parameter(help="The new limit.")] = None,
    trigger_price: Annotated[str | None, Parameter(help="The new level of a stop.")] = None,
    quantity: Annotated[str | None, Parameter(help="The new quantity.")] = None,
    trail_bps: Annotated[int | None, Parameter(help="The new trail, in basis points.")] = None,
    if_version: Annotated[
        int | None, Parameter(help="Only if nobody changed the order since this version.")
    ] = None,
    second_thought: Thought = "",
    why: Why = "",
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Change a live leg in place.

    For example:

        interlock amend wheat-42 stop_loss --trigger-price 28500

        interlock amend wheat-42 take_profit --price 34500 --if-version 2
    """
    change: dict[str, Any] = {"price": price, "trigger_price": trigger_price, "quantity": quantity}
    if trail_bps is not None:
        change["trail"] = {"bps": trail_bps}
    change = {name: value for name, value in change.items() if value is not None}
    if not change:
        raise BadInput("Say what to change, such as --trigger-price 28500.")
    with trading(profile, yes) as client, client.thought_over(second_thought, why):
        done = client.amend(order_id(client, order), {leg: change}, if_version=if_version)
    out().print(f"amended: {done.order_id} is at version {done.version}")
    return 0


def cancel(
    order: OneOrder,
    /,
    *,
    leg: Annotated[str | None, Parameter(help="Only this leg; the others go on.")] = None,
    exposure: Exposure = None,
    second_thought: Thought = "",
    why: Why = "",
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Cancel an order, or one leg of it.

    For example:

        interlock cancel wheat-42

        interlock cancel wheat-42 --exposure flatten

        interlock cancel wheat-42 --leg take_profit
    """
    if leg is not None and exposure is not None:
        raise BadInput("--exposure is about the whole order; with --leg the others go on.")
    with trading(profile, yes) as client, client.thought_over(second_thought, why):
        name = order_id(client, order)
        if leg is None:
            client.cancel(name, exposure=exposure)
        else:
            client.cancel_leg(name, leg)
    what = name if leg is None else f"{leg} of {name}"
    out().print(f"canceling: {what}. See what became of it with: interlock order {name}")
    return 0


def close(
    instrument: Annotated[str, Parameter(help="The symbol, such as BTCUSDT.PAPER.")],
    /,
    *,
    account: Account = "main",
    position_side: Annotated[
        Literal["long", "short"] | None, Parameter(help="In hedge mode.")
    ] = None,
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Close a position with all its legs.

    For example:

        interlock close BTCUSDT.PAPER
    """
    with trading(profile, yes) as client:
        done = client.close(instrument, account=account, position_side=position_side)
    told("closing", done.orders)
    return 0


def kill(
    *,
    account: Annotated[str | None, Parameter(help="Only this account; all when not given.")] = None,
    instrument: Annotated[str | None, Parameter(help="Only this instrument.")] = None,
    tag: Annotated[str | None, Parameter(help="Only this strategy.")] = None,
    level: Annotated[
        Literal["block_new", "recall_entries", "recall_all", "flatten"] | None,
        Parameter(help="How far it goes; recall_entries when not given."),
    ] = None,
    flatten: Annotated[bool, Parameter(negative="", help="The same as --level flatten.")] = False,
    drill: Annotated[
        bool, Parameter(negative="", help="Only say what it would do; nothing changes.")
    ] = False,
    why: Annotated[str, Parameter(help="For whoever reads of it later.")] = "",
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Stop trading now, until a person resumes it. Lasts over restarts of the server.

    block_new takes nothing new; recall_entries also recalls what could add risk; recall_all targets
    too; flatten closes positions, their protective stops last.

    For example:

        interlock kill --why "the strategy runs wild"

        interlock kill --tag grid --level recall_all

        interlock kill --account main --flatten --drill
    """
    with trading(profile, yes) as client:
        killed = client.kill(
            account=account,
            instrument=instrument,
            tag=tag,
            level=level,
            why=why,
            flatten=flatten,
            drill=drill,
        )
    report(killed, whose(account, instrument, tag))
    return 0


def report(killed: views.Killed, whose: str) -> None:
    """Line by line what a kill did, or would do."""
    console = out()
    if killed.drill:
        console.print(f"drill: nothing was changed. A kill of {whose} to {killed.level}")
    else:
        console.print(f"halted: {whose}. Nothing new is taken until: interlock resume")
    word = "would recall" if killed.drill else "recalling"
    told(word, tuple(one for ids in killed.recalled.values() for one in ids))
    for one in killed.closes:
        side = f" {one.position_side}" if one.position_side else ""
        word = "would close" if killed.drill else "closing"
        console.print(f"{word}: {one.quantity} {one.instrument}{side} of {one.account}")
    for venue in killed.venues:
        flat = killed.level == "flatten"
        why = "goes last, before its position is closed" if flat else "stays"
        told(f"{venue.venue}: {why}", venue.protecting)
        if killed.drill:
            told(f"{venue.venue}: would be recalled there", venue.left)
        elif venue.left or not venue.complete:
            told(f"{venue.venue}: still there", venue.left)
            console.print(f"{venue.venue} is not known to be empty yet; ask again with: kill")
        else:
            console.print(f"{venue.venue} says that nothing else of ours is open")


def whose(account: str | None, instrument: str | None, tag: str | None) -> str:
    named = (("account", account), ("instrument", instrument), ("strategy", tag))
    return ", ".join(f"{word} {name}" for word, name in named if name) or "all accounts"


def resume(
    *,
    account: Annotated[
        str | None, Parameter(help="The halt of this account; that of all when not given.")
    ] = None,
    instrument: Annotated[str | None, Parameter(help="The kill of this instrument.")] = None,
    tag: Annotated[str | None, Parameter(help="The kill of this strategy.")] = None,
    profile: ProfileName = None,
    yes: Yes = False,
) -> int:
    """Let trading go on after a kill. Takes a key with the scope admin, or the admin password.

    For example:

        interlock resume

        interlock resume --account main
    """
    with trading(profile, yes) as client:
        left = ruled(client, lambda: client.resume(account=account, instrument=instrument, tag=tag))
    console = out()
    console.print(f"resumed: {whose(account, instrument, tag)}")
    for halt in left:
        console.print(f"still halted: {halt.account or 'all accounts'} ({halt.why or 'no reason'})")
    return 0


def ruled(client: Client, work: Callable[[], Done]) -> Done:
    """Do what takes an admin: with the key as it is, or with the password where that is refused."""
    try:
        return work()
    except Refused as why:
        if why.code not in ("SCOPE_MISSING", "UNAUTHENTICATED"):
            raise
    client.login(password("the server"))
    try:
        return work()
    finally:
        client.logout()


def order_id(client: Client, name: str) -> str:
    """The id the server gave it; a key that may not read has to give that one itself."""
    try:
        return client.order(name).order_id
    except Refused as why:
        if why.code != "SCOPE_MISSING":
            raise
        return name


def told(what: str, orders: tuple[str, ...]) -> None:
    out().print(f"{what}: {', '.join(orders) if orders else 'no order'}")
