"""What is said between a paper venue in a process of its own and whoever trades there.

Decides the words and how they are cut out of a stream of bytes: a length in four bytes, then that
much MessagePack of the port's own structs. Invariant: a message cut short by a death is no message,
and bytes that are none are never taken for one.
"""

import asyncio
import struct
from typing import Any, Final

import msgspec
from msgspec import Struct

from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.reports import Report
from interlock.orders.requests import Request
from interlock.orders.ticks import Tick

HOST: Final = "127.0.0.1"
MESSAGE_MAX: Final = 1 << 26
"""Bytes. The list of all open orders is the longest there is."""
_LENGTH = struct.Struct("<I")


class Garbled(ValueError):
    """What came over the wire is no message: the connection is of no more use."""


class Join(Struct, frozen=True, tag="join"):
    """From here on this connection is the trading one; an older one is closed."""


class Clock(Struct, frozen=True, tag="clock"):
    """What time is it at the venue?"""


class Welcome(Struct, frozen=True, tag="welcome"):
    """The answer to ``Join``: what time it is here, what can be traded, and how."""

    at: int
    instruments: tuple[Instrument, ...]
    capabilities: Capabilities


class Time(Struct, frozen=True, tag="time"):
    """``at`` is the venue's own clock, ns UTC."""

    at: int


ToVenue = Join | Clock | Request
FromVenue = Welcome | Time | Report | Tick

_PACK = msgspec.msgpack.Encoder()
TO_VENUE = msgspec.msgpack.Decoder(ToVenue)
FROM_VENUE = msgspec.msgpack.Decoder(FromVenue)


def framed(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def packed(message: Struct) -> bytes:
    """One message as it goes over the wire."""
    return framed(_PACK.encode(message))


def say(writer: asyncio.StreamWriter, message: Struct) -> None:
    """Write it, unless nobody is there any more."""
    if not writer.is_closing():
        writer.write(packed(message))


async def hear(reader: asyncio.StreamReader, decoder: Any) -> Any:
    """The next message, or nothing when the other end has gone, in the middle of one or not.

    Raises ``Garbled``.
    """
    try:
        head = await reader.readexactly(_LENGTH.size)
        body = await reader.readexactly(_bounded(_LENGTH.unpack(head)[0]))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return read(body, decoder)


class Cutter:
    """Cuts messages out of bytes as they come."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> list[bytes]:
        """The messages that are whole by now. Raises ``Garbled``."""
        data = self._rest + data if self._rest else data
        found, at, end = [], 0, len(data)
        while end - at >= _LENGTH.size:
            size = _bounded(_LENGTH.unpack_from(data, at)[0])
            if end - at < _LENGTH.size + size:
                break
            at += _LENGTH.size
            found.append(data[at : at + size])
            at += size
        self._rest = data[at:]
        return found


def read(body: bytes, decoder: Any) -> Any:
    """One message. Raises ``Garbled``."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Garbled(f"a message cannot be read: {error}") from error


def _bounded(size: int) -> int:
    if size > MESSAGE_MAX:
        raise Garbled(f"a message of {size} bytes was announced")
    return size
