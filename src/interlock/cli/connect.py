"""Connecting: from a profile to a client, and from a refusal to a sentence.

Decides what a person is told before a trading command. Invariant: a command that trades says which
profile and environment it is for, and does nothing if the server is of another environment.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from cyclopts import Parameter

from interlock.cli.errors import BadInput, WorldTrouble
from interlock.cli.profiles import Profile, chosen, profiles_file
from interlock.cli.text import err
from interlock.client import Client, Garbled, Refused, Unreachable

ProfileName = Annotated[
    str | None,
    Parameter(name="--profile", help="Which server and key; else INTERLOCK_PROFILE, or default."),
]
Yes = Annotated[bool, Parameter(negative="", help="Do not ask, also where it is live.")]
ServerJson = Annotated[
    bool, Parameter(name="--json", negative="", help="JSON instead of text for people.")
]
START = "Start one with: interlock serve"
TRANSIENT = frozenset((429, 500, 503))


@contextmanager
def told(name: str, profile: Profile) -> Iterator[None]:
    """Around everything that is asked of a server: what goes wrong, as a person reads it."""
    try:
        yield
    except Refused as why:
        text = refusal_text(why)
        if why.code in ("SIGNATURE_WRONG", "UNAUTHENTICATED") and not profile.key_id:
            text += (
                f"\nThe profile {name} has no key. Make one with: interlock keys create NAME "
                f"--scopes read,trade --save {name}"
            )
        raise (WorldTrouble if why.status in TRANSIENT else BadInput)(text) from why
    except Unreachable as error:
        raise WorldTrouble(
            f"No server at {profile.url} (profile {name}): {error}. {START}, or name another one "
            "with --profile or INTERLOCK_URL."
        ) from error
    except Garbled as error:
        raise WorldTrouble(str(error)) from error


def refusal_text(why: Refused) -> str:
    """Code, field, rule and way out, each where it is looked for."""
    lines = [f"refused: {why.code}" + (f" at {why.pointer}" if why.pointer else "")]
    lines += [f"  {part}" for part in (why.rule, why.way_out) if part]
    lines += thought_lines(why.second_thought)
    if why.setting:
        lines.append(f"  It is governed by the setting {why.setting}.")
    if why.retry:
        lines.append("  The same request can do better later.")
    return "\n".join(lines)


def thought_lines(thought: dict[str, Any] | None) -> list[str]:
    """What a request that is held back would change, and how to send it all the same."""
    if thought is None:
        return []
    lines = []
    for one, guess in zip(thought["weakened"], thought["estimates"], strict=True):
        after = one.get("stop_after") or "gone"
        lines.append(f"  {one['leg']}: {one['quantity']} at {one.get('stop')}, then {after}")
        if guess.get("volatility_1h_pct") is None:
            lines.append("    too little of the market has been seen to estimate what that means")
            continue
        chances = " then ".join(
            "-" if guess.get(name) is None else f"{100 * guess[name]:.1f} %"
            for name in ("touch_now", "touch_after")
        )
        lines.append(f"    probability that it is touched within an hour: {chances}")
        lines.append(
            f"    mean loss of the worst 5 %: {guess['shortfall_now']} then "
            f"{guess['shortfall_after']}"
        )
    lines.append(f"  The model: {thought['model']}.")
    lines.append(f"  Send it again with: --second-thought {thought['token']} --why REASON")
    return lines


def client_of(name: str, profile: Profile) -> Client:
    secret = profile.secret_text(name, os.environ)
    return Client(profile.url, profile.key_id, secret, person=True)


@contextmanager
def reading(profile_name: str | None) -> Iterator[Client]:
    """A client for questions."""
    name, profile = chosen(profile_name, os.environ, profiles_file())
    with told(name, profile), client_of(name, profile) as client:
        yield client


@contextmanager
def trading(profile_name: str | None, yes: bool) -> Iterator[Client]:
    """A client for what changes something: said, checked, and asked about where it is live."""
    name, profile = chosen(profile_name, os.environ, profiles_file())
    prompt = f"[{name} {profile.environment}]"
    with told(name, profile), client_of(name, profile) as client:
        err().print(prompt)
        real = client.health().environment
        if real != profile.environment:
            raise BadInput(
                f"{prompt} The server at {profile.url} is {real}, and the profile says "
                f"{profile.environment}. Nothing was sent. Use the right profile, or correct its "
                f"environment in {profiles_file()}."
            )
        if real == "live" and not yes:
            confirm(prompt)
        yield client


def confirm(prompt: str) -> None:
    if not sys.stdin.isatty():
        raise BadInput(
            f"{prompt} This is live, and there is nobody to ask. Say --yes. Nothing was sent."
        )
    sys.stderr.write(f"{prompt} This is live. Type live to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "live":
        raise BadInput(f"{prompt} Nothing was sent.")
