"""``interlock keys`` and ``interlock profiles``: who may talk to a server, and with what.

Decides where the admin's password comes from. Invariant: a password is never an argument, and a
secret is either printed once or saved, never both.
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

from interlock.api.access.database import NAME
from interlock.api.access.opening import Access
from interlock.cli.connect import ProfileName, ServerJson, told
from interlock.cli.errors import BadInput
from interlock.cli.profiles import (
    DEFAULT,
    Profile,
    chosen,
    load_profiles,
    profiles_file,
    save_profile,
)
from interlock.cli.serve import Data, data_folder
from interlock.cli.text import err, out, plain_table, time_text
from interlock.client import Client

PASSWORD = "INTERLOCK_ADMIN_PASSWORD"
keys = App(name="keys", help="Keys of a server: make, list, revoke. Asks for the admin password.")
Url = Annotated[str | None, Parameter(help="The server, if not the profile's.")]


@contextmanager
def admin(profile_name: str | None, url: str | None = None) -> Iterator[tuple[Client, Profile]]:
    """An admin's session at the profile's server, over at the end."""
    file = profiles_file()
    # A profile that is about to be made is not there yet: its server is then the default's.
    known = profile_name if profile_name in load_profiles(file) else None
    name, profile = chosen(known, os.environ, file)
    if url is not None:
        profile = msgspec.structs.replace(profile, url=url)
    with told(name, profile), Client(profile.url, "", "") as client:
        client.health()
        client.login(password(profile.url))
        try:
            yield client, profile
        finally:
            client.logout()


def password(url: str) -> str:
    given = os.environ.get(PASSWORD)
    if given:
        return given
    if not sys.stdin.isatty():
        raise BadInput(f"There is nobody to ask for the admin password. Set {PASSWORD}.")
    return getpass.getpass(f"Admin password of {url}: ", stream=sys.stderr)


def words(text: str | None) -> list[str]:
    return [part for part in (text or "").split(",") if part]


@keys.command
def create(
    name: str,
    /,
    *,
    scopes: Annotated[str, Parameter(help="read, trade, admin; separated by commas.")],
    accounts: Annotated[
        str | None, Parameter(help="Only these accounts, separated by commas.")
    ] = None,
    ips: Annotated[
        str | None, Parameter(help="Only from these addresses or networks, separated by commas.")
    ] = None,
    days: Annotated[int | None, Parameter(help="Expires after so many days.")] = None,
    save: Annotated[
        str | None, Parameter(help="Save the key as this profile instead of printing its secret.")
    ] = None,
    url: Url = None,
    profile: ProfileName = None,
) -> int:
    """Make a key. Its secret is shown once, or saved into a profile.

    For example:

        interlock keys create desk --scopes read,trade --save default

        interlock keys create bot --scopes trade --accounts main --ips 10.0.0.0/8 --days 30
    """
    with admin(profile or save, url) as (client, at):
        made = client.keys.make(
            name,
            words(scopes),
            accounts=words(accounts),
            allowed_ips=words(ips),
            expires_in_days=days,
        )
        environment = client.health().environment
    may = ",".join(made.key.scopes)
    if save is None:
        out().print(f"key id  {made.key.id}\nsecret  {made.secret}")
        err().print(f"{name} may {may}. The secret is shown this once.")
        return 0
    file = profiles_file()
    kept = Profile(at.url, made.key.id, made.secret, environment=environment)
    save_profile(file, save, kept)
    out().print(f"{made.key.id} ({name}) may {may}; saved as profile {save} in {file}")
    return 0


@keys.command(name="list")
def list_keys(*, url: Url = None, profile: ProfileName = None, json: ServerJson = False) -> int:
    """What keys there are and what they may do; never their secrets.

    For example:

        interlock keys list
    """
    with admin(profile, url) as (client, _):
        found = client.keys.list()
    if json:
        print(msgspec.json.encode(found).decode())
        return 0
    console = out()
    table = plain_table(
        console, "key", "name", "scopes", "accounts", "from", "expires", "last used", ""
    )
    for key in found:
        table.add_row(
            *(key.id, key.name, ",".join(key.scopes), ",".join(key.accounts) or "all"),
            ",".join(key.allowed_ips) or "anywhere",
            *(time_text(at) if at else "never" for at in (key.expires_at, key.last_used_at)),
            "revoked" if key.revoked_at else "damaged" if key.damaged else "",
        )
    console.print(table if found else "No key.")
    return 0


@keys.command
def revoke(key_id: str, /, *, url: Url = None, profile: ProfileName = None) -> int:
    """Revoke a key at once, its streams included.

    For example:

        interlock keys revoke ik_gezdgnbvgy3tqojq
    """
    with admin(profile, url) as (client, _):
        gone = client.keys.revoke(key_id)
    out().print(f"{gone.id} ({gone.name}) is revoked.")
    return 0


@keys.command
def reset_password(*, data: Data = None) -> int:
    """Give the admin of a server on this machine a new password, shown once.

    Takes no old one: whoever can write to the data folder owns the server. One that runs hears of
    it at once, and every admin's session ends.

        interlock keys reset-password --data ./desk
    """
    folder = data_folder(data)
    if not (folder / NAME).exists():
        raise BadInput(f"--data {folder}: no server has ever run there; a first start makes one.")
    access = Access(folder, os.environ, time.time_ns)
    try:
        made = access.admin.reset_password()
    finally:
        access.close()
    out().print(f"Admin password, shown this once: {made}")
    return 0


def profiles() -> int:
    """The profiles of this user: names, servers, environments and keys; never secrets.

    For example:

        interlock profiles
    """
    file = profiles_file()
    found = load_profiles(file)
    console = out()
    if not found:
        console.print(
            f"No profile in {file}. Make one with: interlock keys create NAME --scopes read,trade "
            f"--save {DEFAULT}"
        )
        return 0
    table = plain_table(console, "profile", "environment", "url", "key", "secret")
    for name, one in found.items():
        where = f"in {one.secret_env}" if one.secret_env else "saved" if one.secret else "none"
        table.add_row(name, one.environment, one.url, one.key_id or "-", where)
    console.print(table)
    return 0
