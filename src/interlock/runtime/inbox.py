"""The inbox: everything that happens waits here for its turn.

Decides what comes first: what venues and markets say, then requests that take risk away, then
requests that add some. Invariant: within one class nothing overtakes; a flood of placements never
delays a report or a cancel.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, get_args

from interlock.engine.inputs import Input
from interlock.orders.commands import Answer, Command, PlaceOrder, PlaceOrders, Signal

Reply = Callable[[Answer], None]


Item = tuple[Input, Reply | None]
"""One input and, for a command, where its answer goes once it is durable."""
SORTS: Final[dict[type, int]] = {
    **dict.fromkeys(get_args(Command), 1),
    PlaceOrder: 2,
    PlaceOrders: 2,
    Signal: 2,
}
"""The class of a command; everything else is what venues and markets say."""


class Inbox:
    def __init__(self) -> None:
        self._heard: deque[Item] = deque()
        self._lessens: deque[Item] = deque()
        self._adds: deque[Item] = deque()

    def __len__(self) -> int:
        return len(self._heard) + len(self._lessens) + len(self._adds)

    @property
    def heard(self) -> int:
        """What venues and markets have said and nobody has dealt with."""
        return len(self._heard)

    def put(self, what: Input, reply: Reply | None = None) -> None:
        sort = SORTS.get(type(what), 0)
        if sort == 2:
            self._adds.append((what, reply))
        elif sort == 1:
            self._lessens.append((what, reply))
        else:
            self._heard.append((what, reply))

    def take(self, commands: bool = True) -> Item | None:
        """The next input; without ``commands`` only what venues and markets say."""
        if self._heard:
            return self._heard.popleft()
        if not commands:
            return None
        if self._lessens:
            return self._lessens.popleft()
        return self._adds.popleft() if self._adds else None
