"""``interlock credentials``: what venues gave for their APIs, kept sealed in the data folder.

Decides how they come in. Invariant: a key or a secret is never an argument and never printed.
"""

import getpass
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from interlock.api.access.opening import Access
from interlock.api.access.venue_credentials import Environment
from interlock.api.config import NAME
from interlock.cli.errors import BadInput
from interlock.cli.facts import Json
from interlock.cli.serve import Data, access_settings, data_folder, read_config
from interlock.cli.text import out, plain_table, time_text

credentials = App(name="credentials", help="Credentials of venues, kept sealed: set, list, remove.")
Venue = Annotated[str, Parameter(help="The venue's name, as BINANCE.")]
Which = Annotated[
    Environment | None, Parameter(help="What they are for; the configuration's when not given.")
]


@contextmanager
def opened(data: Data) -> Iterator[tuple[Access, str]]:
    """Access to the data folder, and its configured environment. A server may run meanwhile."""
    folder = data_folder(data)
    settings = read_config(folder / NAME)
    folder.mkdir(parents=True, exist_ok=True)
    access = Access(folder, os.environ, time.time_ns, access_settings(settings))
    try:
        yield access, settings.environment
    finally:
        access.close()


@credentials.command(name="set")
def keep(venue: Venue, *, environment: Which = None, data: Data = None) -> int:
    """Keep a venue's key and secret: asked for, or two lines from stdin; never arguments.

    They are sealed under the master key and never shown again. For example:

        interlock credentials set BINANCE --environment testnet

        interlock credentials set BINANCE --environment live < two-lines.txt
    """
    key, secret = asked()
    with opened(data) as (access, configured):
        try:
            kept = access.venues.keep(venue, environment or configured, key, secret)
        except ValueError as error:
            raise BadInput(f"{error}.") from error
    out().print(f"Kept sealed: {kept.venue}, for {kept.environment}.")
    return 0


@credentials.command(name="list")
def listed(*, data: Data = None, json: Json = False) -> int:
    """List which credentials are kept, without what is secret.

    interlock credentials list
    """
    with opened(data) as (access, _):
        views = access.venues.listed()
    if json:
        print(msgspec.json.encode(views).decode())
        return 0
    console = out()
    table = plain_table(console, "venue", "environment", "set", "")
    for view in views:
        at = time_text(view.set_at) if view.set_at else "-"
        table.add_row(view.venue, view.environment, at, "damaged" if view.damaged else "")
    console.print(table if views else "No credentials.")
    return 0


@credentials.command
def remove(venue: Venue, *, environment: Which = None, data: Data = None) -> int:
    """Forget a venue's credentials for one environment. Revoke them at the venue as well.

    interlock credentials remove BINANCE --environment testnet
    """
    with opened(data) as (access, configured):
        which = environment or configured
        if not access.venues.remove(venue, which):
            raise BadInput(f"There are no credentials of {venue} for {which}.")
    out().print(f"Removed: {venue}, for {which}.")
    return 0


def asked() -> tuple[str, str]:
    """Key and secret from whoever types, or from two lines of stdin."""
    if sys.stdin.isatty():
        return getpass.getpass("Key: ").strip(), getpass.getpass("Secret: ").strip()
    lines = sys.stdin.read().splitlines()
    if len(lines) < 2:
        raise BadInput("Give two lines on stdin: the key, then the secret (which may go on).")
    return lines[0].strip(), "\n".join(lines[1:]).strip()
