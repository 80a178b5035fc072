"""A placed tree without its sugar: branches and leaves, and what a child inherits.

Decides nothing; ``unfold`` grows it and ``accept`` reads it. Invariant: every node still knows
where in the request the trader wrote it.
"""

from msgspec import Struct

from interlock.orders.legs import Leg, PositionSide
from interlock.orders.terms import LegTerms
from interlock.orders.tree import ActivateOn, OnPartialFill


class Leaf(Struct, frozen=True):
    leg: Leg
    path: str
    name: str = ""
    """The id it gets when the trader gave none."""


class Branch(Struct, frozen=True):
    kind: str
    children: tuple["Branch | Leaf", ...]
    path: str
    id: str = ""
    on_partial_fill: OnPartialFill | None = None
    activate_on: ActivateOn = ActivateOn.EACH_FILL
    sugar: bool = False
    """It stands for a bare list of targets: its path is the list's own."""


class Place(Struct, frozen=True):
    """What a child inherits from the entry it exists for."""

    instrument: str
    side: int
    quantity: int
    position_side: PositionSide | None
    entry: LegTerms
