"""A want: what one leg should be doing, and the share of an exposure it does it for.

Decides nothing; ``wants`` does. Invariant: shares are exact fractions, never decimals.
"""

from enum import IntEnum

from msgspec import Struct

WITHOUT_END = 1 << 62


class Gate(IntEnum):
    """What the relations above let a node do."""

    OPEN = 0
    PAUSED = 1
    """A sibling's fill is being confirmed: trigger nothing, recall nothing."""
    FROZEN = 2
    """A sibling holds the claim: trigger nothing, and come back from the venue."""
    CLOSED = 3
    """It is over for this node."""


class Kind(IntEnum):
    GONE = 0
    FROZEN = 1
    PAUSED = 2
    HOLD = 3
    """Wait: for a trigger, or (quantity 0) for something to exit."""
    WORK = 4


class Want(Struct, frozen=True, gc=False):
    kind: Kind
    quantity: int = 0
    """What is still to trade, without what has filled."""


GONE = Want(Kind.GONE)


FROZEN = Want(Kind.FROZEN)


PAUSED = Want(Kind.PAUSED)


DORMANT = Want(Kind.HOLD, 0)


class Share(Struct, frozen=True, gc=False):
    """How much of a node is live: ``num`` of ``den``, its slice starting after ``offset``.

    Slices of one ``all`` are cut by running sums, so that rounding never loses or adds a lot.
    """

    num: int = 1
    den: int = 1
    offset: int = 0

    def of(self, quantity: int) -> int:
        if self.num == self.den:
            return quantity
        start = self.offset * self.num // self.den
        return (self.offset + quantity) * self.num // self.den - start


WHOLE = Share()
