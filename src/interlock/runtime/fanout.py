"""Fan-out: committed facts as lines of JSON, for whoever follows the log.

Decides what is kept at hand for followers and when one is too slow. Invariant: a follower gets
every fact from where it asked, in order, without a gap or a repeat, or is told to begin anew; and
none of them ever keeps the writer waiting.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from itertools import islice
from typing import Final

from msgspec import Struct

from interlock.journal.frames import Frame, decode_facts
from interlock.orders.facts import Fact, OrderAccepted, OrderForgotten
from interlock.orders.wire import FactWire

KEPT_MAX: Final = 100_000
"""Facts kept at hand; who comes back after more have passed begins anew."""
TRIMMED: Final = 1_000
"""Facts let go of together, when more than ``KEPT_MAX`` are at hand."""
WOKEN: Final = 2
"""Followers that are told something in one turn of the loop,"""
TOLD_MAX: Final = 100
"""and how many facts at most."""
BEHIND_MAX: Final = 50_000
"""A live follower further behind than this is cut off: it can come back and go on."""


class Told(Struct, frozen=True, gc=False):
    """One fact for followers: its JSON, and what filters ask of it."""

    seq: int
    kind: str
    line: bytes
    account: str
    instrument: str
    order_id: str


class TooSlow(Exception):
    """The follower reads slower than things happen."""


class Fanout:
    """Hears every commit of one line. ``listen`` is among the line's ``frame_listeners``."""

    def __init__(self) -> None:
        self._wire = FactWire()
        self._accounts: dict[str, tuple[str, str]] = {}
        """Order id -> account and first instrument, of every order the wire knows."""
        self._kept: list[Told] = []
        """One after the other, without a gap: the last ``KEPT_MAX``, and a few before them."""
        self._fresh: deque[tuple[int, int, list[Fact] | bytes]] = deque()
        """Commits that nobody has turned into lines yet: first seq, how many facts, and the facts,
        or the frame's bytes while nobody follows. A hundred thousand facts as objects would be
        looked through by the garbage collector, and let go all at once.
        """
        self._waiting = 0
        """Facts among them."""
        self._wakes: dict[asyncio.Event, None] = {}
        self._to_wake: dict[asyncio.Event, None] = {}
        """Followers whose turn is still to come, in the order it comes."""
        self.next_seq = 1
        self.knows = False
        """Whether names are known: not at first, nor after much happened that nobody followed."""

    def learn(self, wire: FactWire, orders: dict[str, tuple[str, str]], next_seq: int) -> None:
        """Everything there was up to ``next_seq``: names, and each order's account and instrument.

        What has been noted from ``next_seq`` on is kept.
        """
        self._wire, self._accounts = wire, orders
        self._kept.clear()
        while self._fresh and self._fresh[0][0] < next_seq:
            self._waiting -= self._fresh.popleft()[1]
        self.knows = True

    def listen(self, frame: Frame, facts: list[Fact]) -> None:
        """Only noted here: turning facts into text is left to those who follow."""
        first_seq, count = frame.first_seq, len(facts)
        self.next_seq = first_seq + count
        self._fresh.append((first_seq, count, facts if self._wakes else frame.payload))
        self._waiting += count
        if self._wakes:
            self._call(self._wakes)
        elif self._waiting > KEPT_MAX:
            # Nobody has followed for long: names are learned anew when somebody does.
            self._fresh.clear()
            self._kept.clear()
            self._waiting = 0
            self.knows = False

    def _call(self, followers: dict[asyncio.Event, None]) -> None:
        if not self._to_wake:
            asyncio.get_running_loop().call_soon(self._wake_some)
        self._to_wake |= followers

    def _wake_some(self) -> None:
        """A few in each turn of the loop: a crowd that reads must not keep the line waiting. What
        is said until a follower's turn comes reaches it all at once.
        """
        for news in list(islice(self._to_wake, WOKEN)):
            del self._to_wake[news]
            news.set()
        if self._to_wake:
            asyncio.get_running_loop().call_soon(self._wake_some)

    def digest(self, most: int = 1_000) -> bool:
        """Turn some of what is noted into lines; whether there is more."""
        while self._fresh and most > 0:
            first, count, facts = self._fresh.popleft()
            for offset, fact in enumerate(
                facts if isinstance(facts, list) else decode_facts(facts)
            ):
                self._kept.append(self._told(first + offset, fact))
            most -= count
            self._waiting -= count
        if len(self._kept) >= KEPT_MAX + TRIMMED:
            del self._kept[:-KEPT_MAX]
        return bool(self._fresh)

    @property
    def oldest(self) -> int:
        """The first event_seq at hand."""
        if self._kept:
            return self._kept[0].seq
        return self._fresh[0][0] if self._fresh else self.next_seq

    async def follow(self, from_seq: int) -> AsyncIterator[list[Told]]:
        """Facts from ``from_seq`` on, some at a time, as they come.

        ``from_seq`` must be at hand or still to come. Raises ``TooSlow`` for a follower that has
        fallen too far behind.
        """
        news = asyncio.Event()
        self._wakes[news] = None
        try:
            while True:
                while self.digest():
                    await asyncio.sleep(0)
                if from_seq < self.oldest or self.next_seq - from_seq > BEHIND_MAX:
                    raise TooSlow
                start = from_seq - self.oldest
                some = self._kept[start : start + TOLD_MAX]
                if some:
                    from_seq = some[-1].seq + 1
                    news.clear()
                    yield some
                    if from_seq < self.next_seq:
                        self._call({news: None})
                    await news.wait()
                elif not self._fresh:
                    news.clear()
                    await news.wait()
        finally:
            self._wakes.pop(news, None)
            self._to_wake.pop(news, None)

    def _told(self, seq: int, fact: Fact) -> Told:
        if isinstance(fact, OrderAccepted):
            terms = fact.terms
            self._accounts[terms.id] = (terms.account, terms.legs[0].instrument)
        order_id = getattr(fact, "order_id", "")
        account, instrument = self._accounts.get(order_id, ("", ""))
        own = getattr(fact, "instrument", "")
        told = Told(
            seq,
            type(fact).__name__,
            self._wire.encode(seq, fact),
            account or getattr(fact, "account", ""),
            (own if isinstance(own, str) else own.symbol) or instrument,
            order_id,
        )
        if isinstance(fact, OrderForgotten):
            self._accounts.pop(order_id, None)
        return told
