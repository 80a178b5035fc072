"""What the gates are asked about: a new order, an amend, or one leg about to be sent.

Decides nothing. Invariant: everything a gate needs is in here or in the scope's own figures.
"""

from interlock.orders.grid import Grid
from interlock.orders.legs import LegType
from interlock.orders.reports import Balance
from interlock.orders.terms import BPS
from interlock.risk.limited import Part


class AskedLeg:
    """One leg, in whole increments. 0 stands for a price there is none of."""

    __slots__ = (
        *(
            "adds",
            "away_bps",
            "entry",
            "exits",
            "grid",
            "kind",
            "limit",
            "number",
            "protects",
            "quantity",
        ),
        *("reference", "side", "trigger"),
    )

    def __init__(
        self,
        number: int,
        grid: Grid,
        kind: LegType,
        side: int,
        quantity: int,
        limit: int,
        trigger: int,
        reference: int,
        exits: bool,
    ) -> None:
        self.number = number
        self.grid = grid
        self.kind = kind
        self.side = side
        self.quantity = quantity
        self.limit = limit
        self.trigger = trigger
        self.reference = reference
        """The market's price."""
        self.exits = exits
        self.protects = False
        """A stop that exits: ``entry`` is what it is measured from."""
        self.entry = 0
        self.away_bps = -1
        """How far it lies from there, where it was asked for in basis points."""

    @property
    def price(self) -> int:
        """What it would trade at, as far as can be said: the dearer of what it names."""
        return max(self.limit, self.trigger) or self.reference

    def distance_bps(self) -> int:
        """How far a protective stop lies from its entry."""
        if self.away_bps >= 0:
            return self.away_bps
        return abs(self.entry - self.trigger) * BPS // self.entry


class Asked:
    """What wants to pass."""

    __slots__ = (
        "account",
        "at",
        "balances",
        "counted",
        "counts",
        "legs",
        "new",
        "parts",
        "spent",
        "tag",
    )

    def __init__(self, account: str, tag: str, at: int, legs: list[AskedLeg]) -> None:
        self.account = account
        self.tag = tag
        self.at = at
        self.legs = legs
        self.parts: tuple[Part, ...] = ()
        """What its entries could add to positions."""
        self.new = True
        """A new order: it counts as one."""
        self.counts = False
        """Whether an amend counts against how often one may: not one that only tightens stops."""
        self.counted = False
        """Whether ``parts`` are part of the scope's figures already."""
        self.balances: tuple[Balance, ...] | None = None
        """What the venue has left for the account, while its word is fresh."""
        self.spent = 0
        """Taken since it said so, in hundred-millionths."""
