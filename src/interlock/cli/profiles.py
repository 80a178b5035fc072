"""Profiles: which server a command talks to, with which key, in which environment.

Decides where they lie and how they are read. Invariant: the file is its owner's alone (0600), and a
secret in it is never printed.
"""

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from platformdirs import user_config_path

from interlock.cli.errors import BadInput
from interlock.client import URL

NAME = "profiles.toml"
DEFAULT = "default"
ENVIRONMENTS = ("paper", "testnet", "live")


class Profile(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One server as one person or program knows it."""

    url: str = URL
    key_id: str = ""
    secret: str = ""
    secret_env: str = ""
    """The environment variable that has the secret, where the file shall not."""
    environment: str = "paper"

    def secret_text(self, name: str, environ: Mapping[str, str]) -> str:
        if not self.secret_env:
            return self.secret
        if self.secret_env not in environ:
            raise BadInput(
                f"profile {name}: its secret is in the environment variable {self.secret_env}, "
                "which is not set."
            )
        return environ[self.secret_env]


def profiles_file() -> Path:
    return user_config_path("interlock", appauthor=False) / NAME


def load_profiles(file: Path) -> dict[str, Profile]:
    if not file.exists():
        return {}
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise BadInput(f"{file} holds secrets and others can read it. Close it: chmod 600 {file}")
    try:
        found = msgspec.convert(tomllib.loads(file.read_text()), dict[str, Profile])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadInput(f"{file} cannot be used: {error}") from error
    for name, profile in found.items():
        if profile.environment not in ENVIRONMENTS:
            raise BadInput(
                f"{file}: environment of {name} is one of {', '.join(ENVIRONMENTS)}, not "
                f"{profile.environment!r}."
            )
    return found


def save_profile(file: Path, name: str, profile: Profile) -> None:
    """Written beside and moved into place: a file half written would lose other secrets."""
    if not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise BadInput(f"profile {name!r}: a name has letters, digits, - and _ only.")
    profiles = load_profiles(file) | {name: profile}
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text_of(profiles))
        out.flush()
        os.fsync(out.fileno())
    beside.replace(file)


def text_of(profiles: Mapping[str, Profile]) -> str:
    lines = ["# Servers and keys of the interlock command. Secrets: keep it to yourself."]
    for name, profile in profiles.items():
        lines += ["", f"[{name}]"]
        # A JSON text of ASCII is a TOML text as well.
        fields = msgspec.to_builtins(profile)
        fields = {"url": profile.url, "environment": profile.environment} | fields
        lines += [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
    return "\n".join(lines) + "\n"


def chosen(name: str | None, environ: Mapping[str, str], file: Path) -> tuple[str, Profile]:
    """The profile asked for; the environment may stand for one, wholly or in parts."""
    wanted = name or environ.get("INTERLOCK_PROFILE") or DEFAULT
    profiles = load_profiles(file)
    found = profiles.get(wanted)
    if found is None:
        if wanted != DEFAULT:
            known = ", ".join(profiles) or "none yet"
            raise BadInput(
                f"There is no profile {wanted!r} in {file}; there are: {known}. Make one with: "
                f"interlock keys create NAME --scopes read,trade --save {wanted}"
            )
        found = Profile()
    # What is named on the line is meant whole; the environment fills in where nothing is.
    if name is None:
        given = {
            field: environ[variable]
            for field, variable in (
                ("url", "INTERLOCK_URL"),
                ("key_id", "INTERLOCK_KEY_ID"),
                ("secret", "INTERLOCK_SECRET"),
            )
            if environ.get(variable)
        }
        found = msgspec.structs.replace(found, **given)
    return wanted, found
