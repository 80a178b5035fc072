"""A plan: everything that will happen in one world, drawn or written down.

Decides what can be said of a world. Invariant: a plan holds no chance but the seeds of the paper
exchanges' weather, and reads back from JSON as it was written, so that a plan is a recipe: playing
it again is the same world, and taking something out of it is a smaller one.
"""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import Command
from interlock.orders.instruments import Instrument
from interlock.orders.sessions import Hours
from interlock.orders.ticks import Tick
from interlock.venues.paper.faults import Faults

FORMAT = 1
TOLD_TO = "told to "
"""Before a key, in place of a second thought: the token that the request of that key was told."""


class FaultClass(StrEnum):
    """What may be switched off, each by its name."""

    LATENCY = "latency"
    LOSS = "loss"
    """Requests and reports that never arrive."""
    DISORDER = "disorder"
    """Reports that are repeated, reordered, or answered from a copy that is behind."""
    CONTRADICTION = "contradiction"
    FILLS = "fills"
    """Phantom fills, late fills, cancels refused because the order has just filled."""
    UNKNOWN = "unknown"
    """Requests that time out, processed or not."""
    LIMITS = "limits"
    """Rate limits, bans and refusals."""
    DISCONNECTS = "disconnects"
    HALTS = "halts"
    OUTSIDE = "outside"
    """Other hands cancel, change or close."""
    CLOCK = "clock"
    CRASHES = "crashes"
    DISK = "disk"
    """Appends that fail, for a while or ambiguously."""
    RISK = "risk"
    """Limits, kills and countdowns."""
    FEEDS = "feeds"
    """Stretches in which a market is silent to us, crossed, one-sided or elsewhere."""
    OUTAGES = "outages"
    """Connections gone for long."""
    GONE_WRONG = "gone_wrong"
    """Clients that place or amend without end, or with a nought too many."""
    SESSIONS = "sessions"
    """Markets that close and open, orders for the day, what is to be done before a close."""
    THOUGHTS = "thoughts"
    """People who take protection away, and are asked whether they mean it."""
    SIGNALS = "signals"
    """Schemas, and values that are wrong, late, or never come."""


class Given(Struct, frozen=True):
    """A command, and when its client makes it."""

    at: int
    command: Command


class Deed(Struct, frozen=True, omit_defaults=True):
    """What other hands do at a venue. ``pick`` chooses among what is there at that moment."""

    at: int
    what: str
    """``cancel``, ``amend``, ``close``, ``open``, ``halt``, ``resume``, ``delist``, ``down`` or
    ``up``."""
    venue: str
    pick: int = 0
    instrument: str = ""


class Silence(Struct, frozen=True):
    """An instrument trades on, and we hear nothing of its market."""

    instrument: str
    at: int
    until: int


class Told(Struct, frozen=True):
    """A calendar's word on when an instrument trades; a process that starts is told the last."""

    at: int
    instrument: str
    calendar: str
    hours: tuple[Hours, ...]


class ClockStep(Struct, frozen=True):
    """The server's clock jumps."""

    at: int
    by_ns: int


class Kill(Struct, frozen=True, omit_defaults=True):
    """The process dies at a point between two steps, counted over the whole world.

    ``keep`` and ``tear``: what became of a frame that was being written. ``down_ns``: how long
    until it is started again; the venue trades on meanwhile.
    """

    point: int
    keep: bool = False
    tear: bool = False
    down_ns: int = 0


class DiskFull(Struct, frozen=True):
    """Appends from number ``first`` on find no room, so many times."""

    first: int
    count: int


class Ambiguous(Struct, frozen=True):
    """Append number ``append`` answers that it does not know whether it landed."""

    append: int
    landed: bool


class VenuePlan(Struct, frozen=True, omit_defaults=True):
    name: str
    seed: int
    capabilities: Capabilities = Capabilities()
    faults: Faults = Faults()
    instruments: tuple[Instrument, ...] = ()


class Plan(Struct, frozen=True, omit_defaults=True):
    """One world."""

    seed: int
    start: int
    venues: tuple[VenuePlan, ...]
    ticks: tuple[Tick, ...] = ()
    commands: tuple[Given, ...] = ()
    deeds: tuple[Deed, ...] = ()
    clock: tuple[ClockStep, ...] = ()
    kills: tuple[Kill, ...] = ()
    full: tuple[DiskFull, ...] = ()
    ambiguous: tuple[Ambiguous, ...] = ()
    snapshots: tuple[int, ...] = ()
    """When the state is kept, so that recovery starts from it."""
    projection: bool = False
    """Whether the projection is compared with the state at the end: it takes a while."""
    forget_s: int = 0
    """How long a done order stays in memory; 0 leaves it at the usual time."""
    silences: tuple[Silence, ...] = ()
    sessions: tuple[Told, ...] = ()
    format: int = FORMAT

    @property
    def size(self) -> int:
        """How much there is to read: what minimising makes smaller."""
        faults = sum(len(fault_names(venue.faults)) for venue in self.venues)
        return (
            20 * len(self.commands)
            + 10 * (faults + len(self.kills) + len(self.full) + len(self.ambiguous))
            + 10 * (len(self.deeds) + len(self.clock) + len(self.snapshots) + len(self.silences))
            + 10 * len(self.sessions)
            + 30 * len(self.venues)
            + len(self.ticks)
        )


def fault_names(faults: Faults) -> list[str]:
    """The switches that are on."""
    usual = Faults()
    return [
        name
        for name in faults.__struct_fields__
        if (name.endswith("_permille") or name.startswith("latency"))
        and getattr(faults, name) != getattr(usual, name)
    ]


def encode(plan: Plan) -> bytes:
    """The recipe: JSON, one thing that happens per line."""
    document: dict[str, Any] = msgspec.to_builtins(plan)
    parts = []
    for name, value in document.items():
        if isinstance(value, list) and value:
            rows = ",\n".join("  " + msgspec.json.encode(row).decode() for row in value)
            parts.append(f'"{name}": [\n{rows}\n]')
        else:
            parts.append(f'"{name}": {msgspec.json.encode(value).decode()}')
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def decode(data: bytes) -> Plan:
    """A recipe read back; ``msgspec.ValidationError`` names what is wrong with it."""
    return msgspec.json.decode(data, type=Plan)
