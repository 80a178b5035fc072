"""Streams: the log of facts over SSE and WebSocket, from a snapshot or from where one left off.

Decides what a follower is shown and when it is cut off. Invariant: nobody is told a fact of an
account that his key may not see, and a key that is revoked is told nothing more.
"""

import asyncio
import difflib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from interlock.api.desk import Desk
from interlock.api.problems import ApiCode, Problem, problem
from interlock.api.queries import only
from interlock.api.route import Caller
from interlock.api.views import OrderLine, shown
from interlock.runtime.fanout import Fanout, Told, TooSlow
from interlock.runtime.prices import Prices

HEARTBEAT_S = 15.0
SLICE = 25
"""Messages to one follower in one turn of the loop: the line, and whoever has just left, get theirs
between.
"""
SNAPSHOT_ORDERS_MAX = 100_000
SHARED_MAX = 64
"""Different answers to different crowds that are kept at hand."""
_ENCODER = msgspec.json.Encoder()


class Event(Struct, frozen=True, gc=False):
    """One message of a stream. ``seq`` is where a resumed stream goes on after it, -1 for what is
    not of the log.
    """

    kind: str
    seq: int
    data: bytes


class Facts(Struct, frozen=True, gc=False):
    """Facts of a stream, some at a time."""

    some: list[Told]
    sse: bytes
    """All of them as the wire of EventSource has it: written once for all who want the same."""
    messages: list[dict[str, Any]]
    """Each as a message for a WebSocket, in the words of ASGI; not to be changed."""


class Wanted(Struct, frozen=True):
    """What a follower asked for; empty for everything it may see."""

    account: str = ""
    instrument: str = ""
    order_id: str = ""
    types: frozenset[str] = frozenset()
    snapshot: frozenset[str] = frozenset(("orders", "positions"))
    market: frozenset[str] = frozenset()
    """The instruments whose prices are told as well."""

    @property
    def prices(self) -> bool:
        return bool(self.market) or MARKET in self.types

    @property
    def only_prices(self) -> bool:
        """Nothing of the log: then nothing of it is read, and nobody is too slow for it."""
        return self.types == {MARKET} and not self.snapshot & {"orders", "positions"}

    @property
    def instruments(self) -> frozenset[str]:
        """Those of ``market``; empty for all."""
        return frozenset() if ALL in self.market else self.market

    def fits(self, told: Told, caller: Caller) -> bool:
        if told.account and not caller.may_touch(told.account):
            return False
        if not told.account and caller.accounts and told.kind in PRIVATE:
            return False
        return (
            (not self.account or told.account == self.account)
            and (not self.instrument or told.instrument == self.instrument)
            and (not self.order_id or told.order_id == self.order_id)
            and (not self.types or told.kind in self.types)
        )


MARKET = "market"
"""What prices are called among the types of a stream."""
ALL = "*"
PRIVATE = frozenset(("CommandRefused", "RequestAnswered", "StrayRecalled"))
"""Facts that name no account but are somebody's: only for keys that may see all of them."""


Alive = Callable[[Caller, str], bool]
"""Whether somebody may still be here, from this address."""


class Streams:
    """Followers of one line."""

    def __init__(self, desk: Desk, fanout: Fanout, alive: Alive, prices: Prices) -> None:
        self._desk = desk
        self._prices = prices
        self._fanout = fanout
        self._alive = alive
        self._followers: dict[tuple[Caller, str], set[asyncio.Event]] = {}
        self._shared: dict[tuple[int, int, Wanted, Caller], Facts] = {}
        self.count = 0

    def look_again(self) -> None:
        """Somebody's right to be here has ended: his streams end now."""
        for (caller, address), streams in self._followers.items():
            if not self._alive(caller, address):
                for ended in streams:
                    ended.set()

    def refusal(self, wanted: Wanted) -> Problem | None:
        """Why such a stream cannot be."""
        known = self._desk.live.line.state.markets
        strange = sorted(wanted.instruments.difference(known))
        if not strange:
            return None
        near = difflib.get_close_matches(strange[0], known, n=1)
        return problem(
            ApiCode.QUERY_INVALID,
            f"There is no market of {strange[0][:64]!r}.",
            f"Did you mean {near[0]}?" if near else "GET /v1/instruments lists them.",
            pointer="market",
        )

    async def follow(
        self, caller: Caller, address: str, wanted: Wanted, from_seq: int | None
    ) -> AsyncIterator[Event | Facts]:
        """Events for one follower, until it leaves, its key ends, or it is too slow.

        Without ``from_seq``, or with one that is not at hand any more, a snapshot comes first.
        """
        ended = asyncio.Event()
        mine = self._followers.setdefault((caller, address), set())
        mine.add(ended)
        self.count += 1
        try:
            async for event in self._events(caller, address, wanted, from_seq, ended):
                yield event
        except TooSlow:
            why = problem(
                ApiCode.TOO_SLOW,
                "This stream was read more slowly than things happen.",
                "Come back with Last-Event-ID or from_seq: it goes on where it ended.",
            )
            yield Event("cut", -1, _ENCODER.encode(why))
        finally:
            mine.discard(ended)
            if not mine:
                self._followers.pop((caller, address), None)
            self.count -= 1

    async def _events(
        self,
        caller: Caller,
        address: str,
        wanted: Wanted,
        from_seq: int | None,
        ended: asyncio.Event,
    ) -> AsyncIterator[Event | Facts]:
        if wanted.only_prices:
            from_seq = self._fanout.next_seq
            yield Event("snapshot", from_seq - 1, b'{"event_seq":%d}' % (from_seq - 1))
        elif not self._fanout.knows:
            _, names = await self._desk.read(lambda tables: tables.names())
            if not self._fanout.knows:
                self._fanout.learn(*names)
        if from_seq is None or not self._fanout.oldest <= from_seq <= self._fanout.next_seq:
            seq, snapshot = await self._snapshot(caller, wanted)
            yield Event("snapshot", seq, snapshot)
            from_seq = seq + 1
        sources: dict[str, AsyncIterator[Any]] = {}
        if not wanted.only_prices:
            sources["facts"] = self._fanout.follow(from_seq)
        if wanted.prices:
            sources[MARKET] = self._prices.follow(wanted.instruments)
        next_of: dict[str, asyncio.Future[Any]] = {}
        ending = asyncio.ensure_future(ended.wait())
        seq = from_seq - 1
        try:
            while True:
                for name in sources.keys() - next_of.keys():
                    next_of[name] = asyncio.ensure_future(anext(sources[name]))
                done, _ = await asyncio.wait(
                    [*next_of.values(), ending],
                    timeout=HEARTBEAT_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if ending.done() or not self._alive(caller, address):
                    yield Event("cut", -1, _ENCODER.encode(revoked()))
                    return
                if not done:
                    yield Event("heartbeat", seq, b'{"event_seq":%d}' % seq)
                    continue
                for name in [name for name, found in next_of.items() if found in done]:
                    some = next_of.pop(name).result()
                    if name == MARKET:
                        for line in some:
                            yield Event(MARKET, -1, line)
                        continue
                    seq = some[-1].seq
                    fitting = self._fitting(some, wanted, caller)
                    if fitting.some:
                        yield fitting
        finally:
            ending.cancel()
            for name, source in sources.items():
                await _left(next_of.get(name), source)

    def _fitting(self, some: list[Told], wanted: Wanted, caller: Caller) -> Facts:
        """What of these the follower is shown. A crowd asks for the same: it is told once."""
        key = (some[0].seq, some[-1].seq, wanted, caller)
        found = self._shared.get(key)
        if found is None:
            if len(self._shared) >= SHARED_MAX:
                self._shared.clear()
            fitting = [told for told in some if wanted.fits(told, caller)]
            lines = b"".join(sse(told.kind, told.seq, told.line) for told in fitting)
            messages = [{"type": "websocket.send", "text": told.line.decode()} for told in fitting]
            found = self._shared[key] = Facts(fitting, lines, messages)
        return found

    async def _snapshot(self, caller: Caller, wanted: Wanted) -> tuple[int, bytes]:
        """Everything live that the follower asked for, as of one event_seq."""
        accounts = (wanted.account,) if wanted.account else only(caller)
        filters = {"instrument": wanted.instrument} if wanted.instrument else {}
        seq, rows = await self._desk.read(
            lambda tables: tables.orders(accounts, filters, True, None, SNAPSHOT_ORDERS_MAX)
        )
        document: dict[str, Any] = {"event_seq": seq}
        if "orders" in wanted.snapshot:
            document["orders"] = [
                shown(row, OrderLine)
                for row in rows
                if not wanted.order_id or row["order_id"] == wanted.order_id
            ]
        if "positions" in wanted.snapshot:
            document["positions"] = self._desk.positions(accounts)
        return seq, _ENCODER.encode(document)


async def _left(following: "asyncio.Future[Any] | None", source: AsyncIterator[Any]) -> None:
    if following is not None:
        following.cancel()
        with suppress(asyncio.CancelledError, TooSlow, StopAsyncIteration):
            await following
    await source.aclose()  # type: ignore[attr-defined]


def revoked() -> Problem:
    return problem(ApiCode.KEY_REVOKED, "The key of this stream has ended.")


def sse(kind: str, seq: int, data: bytes) -> bytes:
    """One event as the wire of EventSource has it. Heartbeats are comments; only what a stream can
    go on after has an id.
    """
    if kind == "heartbeat":
        return b": heartbeat\n\n"
    told = b"event: %s\ndata: %s\n\n" % (kind.encode(), data)
    return b"id: %d\n%s" % (seq, told) if seq >= 0 else told
