"""What is said over the sockets besides the paper venue's own words, in the same frames.

Decides the words between client and process (JSON, as traders send it), and what the harness asks
of the venue. Invariant: a message cut short by a death is no message.
"""

import asyncio

import msgspec
from msgspec import Raw, Struct

from interlock.orders.commands import Accepted, Answer
from interlock.orders.rejects import Reject
from interlock.orders.requests import SubmitVenueOrder
from interlock.venues.paper import wire

HOST = wire.HOST
hear = wire.hear
say_packed = wire.say


# Client to process, and back.


class Ask(Struct, frozen=True, tag="ask"):
    """One command as JSON; ``number`` comes back with the answer."""

    number: int
    command: Raw


class Look(Struct, frozen=True, tag="look"):
    """Make everything durable and say where the journal and the state stand."""


class SetClock(Struct, frozen=True, tag="set_clock"):
    """The machine's clock is set: from now on it is off by so much."""

    offset_ns: int


class Told(Struct, frozen=True, tag="told", omit_defaults=True):
    """The answer to an ``Ask``: one of the two."""

    number: int
    accepted: Accepted | None = None
    refused: Reject | None = None

    @property
    def answer(self) -> Answer:
        answer = self.accepted or self.refused
        assert answer is not None
        return answer


class State(Struct, frozen=True, tag="state"):
    """The live state after frame ``n``, by its digest; ``now`` is the process's own time.

    ``open_questions``: venue orders whose fate is being asked for, and refused ones that are
    about to be sent again.
    """

    n: int
    digest: str
    now: int
    open_questions: int


FromClient = Ask | Look | SetClock
ToClient = Told | State


# The harness to the venue, and back.


class View(Struct, frozen=True, tag="view"):
    """Show everything there is."""


class Market(Struct, frozen=True, tag="market"):
    """Let the market run or stand still."""

    on: bool


class Cut(Struct, frozen=True, tag="cut"):
    """Close the trading connection, as a network does."""


class Traded(Struct, frozen=True):
    """One execution at the venue."""

    client_id: str
    exec_id: str
    quantity: int


class Shown(Struct, frozen=True, tag="shown"):
    """The venue from inside: open orders, every execution, every submit that ever arrived."""

    open_ids: tuple[str, ...]
    executions: tuple[Traded, ...]
    submits: tuple[SubmitVenueOrder, ...]
    prices: dict[str, int]


ToVenue = wire.ToVenue | View | Market | Cut
FromVenue = wire.FromVenue | Shown

_JSON = msgspec.json.Encoder()
FROM_CLIENT = msgspec.json.Decoder(FromClient)
TO_CLIENT = msgspec.json.Decoder(ToClient)
TO_VENUE = msgspec.msgpack.Decoder(ToVenue)
FROM_VENUE = msgspec.msgpack.Decoder(FromVenue)


def say(writer: asyncio.StreamWriter, message: FromClient | ToClient) -> None:
    if not writer.is_closing():
        writer.write(wire.framed(_JSON.encode(message)))
