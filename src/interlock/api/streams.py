"""Streams: the log of facts over SSE and WebSocket, from a snapshot or from where one left off.

Decides what a follower is shown and when it is cut off. Invariant: nobody is told a fact of an
account that his key may not see, and a key that is revoked is told nothing more.
"""

import asyncio
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

HEARTBEAT_S = 15.0
SNAPSHOT_ORDERS_MAX = 100_000
_ENCODER = msgspec.json.Encoder()


class Event(Struct, frozen=True, gc=False):
    """One message of a stream. ``seq`` is where a resumed stream goes on after it."""

    kind: str
    seq: int
    data: bytes


class Wanted(Struct, frozen=True):
    """What a follower asked for; empty for everything it may see."""

    account: str = ""
    instrument: str = ""
    order_id: str = ""
    types: frozenset[str] = frozenset()
    snapshot: frozenset[str] = frozenset(("orders", "positions"))

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


PRIVATE = frozenset(("CommandRefused", "RequestAnswered", "StrayRecalled"))
"""Facts that name no account but are somebody's: only for keys that may see all of them."""


Alive = Callable[[Caller, str], bool]
"""Whether somebody may still be here, from this address."""


class Streams:
    """Followers of one line."""

    def __init__(self, desk: Desk, fanout: Fanout, alive: Alive) -> None:
        self._desk = desk
        self._fanout = fanout
        self._alive = alive
        self._followers: dict[tuple[Caller, str], set[asyncio.Event]] = {}
        self.count = 0

    def look_again(self) -> None:
        """Somebody's right to be here has ended: his streams end now."""
        for (caller, address), streams in self._followers.items():
            if not self._alive(caller, address):
                for ended in streams:
                    ended.set()

    async def follow(
        self, caller: Caller, address: str, wanted: Wanted, from_seq: int | None
    ) -> AsyncIterator[Event]:
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
            yield Event("cut", 0, _ENCODER.encode(why))
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
    ) -> AsyncIterator[Event]:
        if not self._fanout.knows:
            _, names = await self._desk.read(lambda tables: tables.names())
            if not self._fanout.knows:
                self._fanout.learn(*names)
        if from_seq is None or not self._fanout.oldest <= from_seq <= self._fanout.next_seq:
            seq, snapshot = await self._snapshot(caller, wanted)
            yield Event("snapshot", seq, snapshot)
            from_seq = seq + 1
        facts = self._fanout.follow(from_seq)
        following: asyncio.Future[list[Told]] | None = None
        ending = asyncio.ensure_future(ended.wait())
        seq = from_seq - 1
        try:
            while True:
                if following is None:
                    following = asyncio.ensure_future(anext(facts))
                waited: list[asyncio.Future[Any]] = [following, ending]
                done, _ = await asyncio.wait(
                    waited,
                    timeout=HEARTBEAT_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if ending.done() or not self._alive(caller, address):
                    yield Event("cut", 0, _ENCODER.encode(revoked()))
                    return
                if not done:
                    yield Event("heartbeat", seq, b'{"event_seq":%d}' % seq)
                    continue
                some, following = following.result(), None
                seq = some[-1].seq
                for told in some:
                    if wanted.fits(told, caller):
                        yield Event(told.kind, told.seq, told.line)
        finally:
            ending.cancel()
            if following is not None:
                following.cancel()
                with suppress(asyncio.CancelledError, TooSlow, StopAsyncIteration):
                    await following
            await facts.aclose()  # type: ignore[attr-defined]

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


def revoked() -> Problem:
    return problem(ApiCode.KEY_REVOKED, "The key of this stream has ended.")
