"""``interlock alerts``: who is told of what, and whether a message gets there.

Decides how addresses come in. Invariant: an address is never printed: it holds its own tokens.
"""

import getpass
import sys
from typing import Annotated

from cyclopts import App, Parameter

from interlock.api.alerting import channels
from interlock.api.alerting.channels import AppriseChannel, Channel, NotTold
from interlock.api.alerting.events import Events
from interlock.api.config import NAME
from interlock.cli.credentials import opened
from interlock.cli.errors import BadInput, Exit
from interlock.cli.serve import Data, alert_channels, data_folder, read_config
from interlock.cli.text import err, out, plain_table

alerts = App(name="alerts", help="Alerts to a person: channels (add, list, remove), a test.")
Name = Annotated[str, Parameter(help="What the channel is called here, as phone.")]


@alerts.command(name="add")
def add(name: Name, *, data: Data = None) -> int:
    """Keep a channel: its address, in apprise's form, is asked for or read from stdin.

    It is sealed under the master key and never shown again. A server tells it from its next start
    on. For example:

        interlock alerts add phone

        interlock alerts add desk < address.txt
    """
    url = getpass.getpass("Address: ") if sys.stdin.isatty() else sys.stdin.read()
    with opened(data) as (access, _):
        try:
            channel = AppriseChannel(name, url.strip())
            access.alert_channels.keep(name, url)
        except ValueError as error:
            raise BadInput(f"{error}.") from error
    out().print(f"Kept sealed: {name} ({channel.shown}).", markup=False)
    return 0


@alerts.command(name="remove")
def remove(name: Name, *, data: Data = None) -> int:
    """Forget a channel; a server that runs tells it until its next start.

    interlock alerts remove phone
    """
    with opened(data) as (access, _):
        if not access.alert_channels.remove(name):
            raise BadInput(f"There is no alert channel {name}.")
    out().print(f"Removed: {name}.")
    return 0


@alerts.command(name="list")
def listed(*, data: Data = None) -> int:
    """List the channels, and every event: whether it is told, how urgently, in which words.

    interlock alerts list
    """
    with opened(data) as (access, _):
        found = alert_channels(access)
    settings = read_config(data_folder(data) / NAME)
    asked = settings.alerts
    console = out()
    if found:
        table = plain_table(console, "channel", "where")
        for one in found:
            table.add_row(one.name, one.shown)
        console.print(table)
    else:
        console.print("No channels. Add one with: interlock alerts add NAME")
    table = plain_table(console, "event", "told", "first", "template")
    for event, told, first, template in Events(
        asked.events, asked.templates, settings.environment
    ).listed():
        table.add_row(event, "yes" if told else "no", "yes" if first else "", template)
    console.print(table, markup=False)
    return 0


@alerts.command(name="test")
def test(
    *,
    url: Annotated[
        str | None,
        Parameter(help="Only this address. Others on this machine can see what is typed here."),
    ] = None,
    data: Data = None,
) -> int:
    """Send a test message to every channel, now, and say which of them took it.

    For example:

        interlock alerts test

        interlock alerts test --url json://127.0.0.1:8500
    """
    with opened(data) as (access, environment):
        found = alert_channels(access) if url is None else _typed(url)
    if not found:
        raise BadInput("There are no channels. Add one with: interlock alerts add NAME")
    failed = 0
    for one in found:
        try:
            text = "This is a test. Nothing has happened."
            channels.tell(one, f"Interlock {environment}: test", text, protective=False)
            out().print(f"{one.name}: told ({one.shown})", markup=False)
        except NotTold:
            failed += 1
            err().print(f"{one.name}: not told ({one.shown})", markup=False)
    return Exit.CHECK_FAILED if failed else Exit.OK


def _typed(url: str) -> list[Channel]:
    try:
        return [AppriseChannel("typed", url)]
    except ValueError as error:
        raise BadInput(f"{error}.") from error
