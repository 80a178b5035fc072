"""The inbox: everything that happens waits here for its turn.

Decides what comes first: what venues and markets say, then requests that take risk away, then
requests that add some. Invariant: within one class nothing overtakes; a flood of placements never
delays a report or a cancel.
"""

from collections import deque
from collections.abc import Callable

from msgspec import Struct

from interlock.engine.inputs import Input
from interlock.orders.commands import Answer, Command, PlaceOrder, Signal

Reply = Callable[[Answer], None]


class Item(Struct, frozen=True, gc=False):
    """One input and, for a command, where its answer goes once it is durable."""

    what: Input
    at: int
    reply: Reply | None = None


class Inbox:
    def __init__(self) -> None:
        self._heard: deque[Item] = deque()
        self._lessens: deque[Item] = deque()
        self._adds: deque[Item] = deque()

    def __len__(self) -> int:
        return len(self._heard) + len(self._lessens) + len(self._adds)

    def put(self, what: Input, at: int, reply: Reply | None = None) -> None:
        item = Item(what, at, reply)
        if isinstance(what, PlaceOrder | Signal):
            self._adds.append(item)
        elif isinstance(what, Command):
            self._lessens.append(item)
        else:
            self._heard.append(item)

    def take(self, commands: bool = True) -> Item | None:
        """The next input; without ``commands`` only what venues and markets say."""
        if self._heard:
            return self._heard.popleft()
        if not commands:
            return None
        if self._lessens:
            return self._lessens.popleft()
        return self._adds.popleft() if self._adds else None
