"""The orders file: one command and its time per line.

Decides what a line may be. Invariant: nothing of a file is used before all of it has been read, so
a run never starts with half of what its trader meant.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import msgspec
from msgspec import Struct

from interlock.cli.errors import BadInput, at_line
from interlock.engine.legterms import instant
from interlock.engine.refusal import Refused
from interlock.orders import commands as c
from interlock.orders.decoding import decode_body
from interlock.orders.rejects import Reject, RejectCode
from interlock.runtime.replay import Timed

SHOWN_MAX = 10
"""Bad lines told of one by one; the rest are counted."""
KINDS: dict[str, type[Struct]] = {
    "place": c.PlaceOrder,
    "amend": c.AmendOrder,
    "cancel": c.CancelOrder,
    "cancel_leg": c.CancelLeg,
    "cancel_all": c.CancelOrders,
    "close": c.ClosePosition,
    "expire": c.ExpireOrder,
    "signal": c.Signal,
    "define_signal": c.DefineSignal,
    "set_limits": c.SetLimits,
    "kill": c.Kill,
    "lift": c.Lift,
    "arm_countdown": c.ArmCountdown,
    "disarm_countdown": c.DisarmCountdown,
}
AT = "at"
EXAMPLE = '{"at": "2026-01-05T15:30:00Z", "place": {"client_order_id": "a-1", ...}}'


class OrdersFile(Struct, frozen=True):
    commands: tuple[Timed, ...]
    skipped: tuple[str, ...] = ()
    """The messages of lines passed over, under ``skip_bad``."""


def read_orders(path: Path, skip_bad: bool = False) -> OrdersFile:
    """Every command of a file, in the order of its lines."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}.") from error
    commands: list[Timed] = []
    bad: list[str] = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        found = read_line(text, number)
        if isinstance(found, Reject):
            bad.append(at_line(path, number, str(found)))
        else:
            commands.append(found)
    if bad and not skip_bad:
        raise BadInput(_listed(bad))
    return OrdersFile(tuple(commands), tuple(bad))


def read_line(text: bytes, number: int = 0) -> Timed | Reject:
    """One line as a timed command, or what is wrong with it."""
    fields = decode_body(text, dict[str, msgspec.Raw])
    if isinstance(fields, Reject):
        return fields
    for name in fields:
        if name != AT and name not in KINDS:
            return _unknown(name)
    kinds = [name for name in fields if name != AT]
    if len(kinds) != 1:
        rule = f"A line holds exactly one command, not {len(kinds)}."
        return Reject(RejectCode.MISSING_FIELD, "", rule, f"Write {EXAMPLE}, or {_others()}.")
    if AT not in fields:
        rule = "A line needs 'at', the time its command is made."
        return Reject(RejectCode.MISSING_FIELD, AT, rule, f"Write {EXAMPLE}.")
    at = _time(bytes(fields[AT]))
    if isinstance(at, Reject):
        return at
    command = decode_body(bytes(fields[kinds[0]]), KINDS[kinds[0]])
    if isinstance(command, Reject):
        return command
    assert isinstance(command, c.Command)
    return Timed(at, command, number)


def _time(text: bytes) -> int | Reject:
    found = decode_body(text, cast("type[str | int]", str | int))
    if isinstance(found, Reject):
        return msgspec.structs.replace(
            found, path=AT, way_out="Write ISO 8601 such as 2026-01-05T15:30:00Z, or integer ns."
        )
    try:
        return instant(found, AT)
    except Refused as refused:
        return refused.reject


def _unknown(name: str) -> Reject:
    near = difflib.get_close_matches(name, [AT, *KINDS], n=1)
    return Reject(
        RejectCode.UNKNOWN_FIELD,
        name,
        f"A line has no field {name!r}.",
        f"Did you mean {near[0]!r}?" if near else f"Known: {AT}, {', '.join(KINDS)}.",
    )


def _others() -> str:
    return " or ".join(name for name in KINDS if name != "place")


def _listed(bad: Iterable[str]) -> str:
    messages = list(bad)
    shown = messages[:SHOWN_MAX]
    if len(messages) > SHOWN_MAX:
        shown.append(f"... and {len(messages) - SHOWN_MAX} more bad lines.")
    shown.append("Mend the file, or give --skip-bad to count bad lines and pass over them.")
    return "\n".join(shown)
