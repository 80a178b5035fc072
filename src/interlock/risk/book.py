"""The risk book: limits and blocks in force, and the figures they are held against.

Decides which scopes an order falls under. Invariant: written to by ``engine.evolve`` alone; every
figure can be built anew from orders and fills, so a scope may be limited at any time.
"""

from collections.abc import Iterable
from typing import Final

from interlock.orders.grid import Grid
from interlock.orders.limits import Block, BlockCause, Breach, Countdown, Gate, Limits, RiskScope
from interlock.orders.reports import Balance
from interlock.risk.asked import Asked
from interlock.risk.gates import Question, questions
from interlock.risk.holding import Holding
from interlock.risk.limited import NEVER, NONE, Bounds, Limited, Markets, Part
from interlock.risk.rate import Rate

MATCHES_MAX: Final = 4096
HoldingKey = tuple[str, str, str, str]
"""Account, instrument, position side, tag."""
NO_PARTS: Final[tuple[Part, ...]] = ()
NOBODY: Final[tuple[Limited, ...]] = ()


class RiskBook:
    """Limits, blocks, positions by strategy, and what live orders could add to them."""

    __slots__ = (
        *("_asks", "balances", "balances_at", "spent"),
        *("_bounds", "_markets", "_matches", "blocks", "counted", "countdowns"),
        *("dirty", "gone", "holdings", "limited", "look_at", "next_day", "probes"),
    )

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self.limited: dict[RiskScope, Limited] = {}
        self.blocks: dict[tuple[BlockCause, str], Block] = {}
        self.holdings: dict[HoldingKey, Holding] = {}
        self.counted: dict[str, tuple[tuple[Part, ...], bool]] = {}
        """What orders were last counted with, and whether as live; the others, as accepted."""
        self.dirty: dict[str, None] = {}
        """Orders to count anew before any figure is read."""
        self.countdowns: dict[str, Countdown] = {}
        self.probes: dict[tuple[BlockCause, str], str] = {}
        """The order that a half-open breaker lets try."""
        self.gone: dict[str, int] = {}
        """Since when a venue's stream has been gone; ns UTC."""
        self.balances: dict[tuple[str, str], tuple[int, tuple[Balance, ...]]] = {}
        """By venue and account, as the venue last said, and when; volatile."""
        self.balances_at = 0
        """When balances are asked for next; ns UTC. Volatile."""
        self.spent: dict[str, int] = {}
        """By account, what entries have taken since; volatile."""
        self.look_at = 0
        """When the guard looks next; ns UTC, 0 for never, 1 for at once. Volatile."""
        self.next_day = NEVER
        """When the first loss day of all scopes ends; ns UTC."""
        self._asks: dict[RiskScope, list[tuple[int, Question]]] = {}
        self._bounds: dict[tuple[str, str, str], tuple[Bounds, ...]] = {}
        self._matches: dict[tuple[str, str, tuple[str, ...]], tuple[Limited, ...]] = {}

    @property
    def quiet(self) -> bool:
        """Whether nothing at all is limited or blocked."""
        return not self.limited and not self.blocks

    # Limits.

    def limit(self, scope: RiskScope, limits: Limits) -> bool:
        """Put a scope under limits; whether its orders have yet to be counted."""
        self._matches.clear()
        self._bounds.clear()
        self._asks[scope] = questions(limits)
        known = self.limited.get(scope)
        if known is not None:
            known.limit(limits)
            self.days()
            return False
        new = self.limited[scope] = Limited(scope, limits, self._markets)
        for (account, instrument, side, tag), holding in self.holdings.items():
            if scope.covers(account, (instrument,), tag):
                line = new.line(instrument, side)
                line.net += holding.net
                line.basis += holding.basis
                line.realised += holding.realised
        self.days()
        return True

    def days(self) -> None:
        """Look again when the first loss day ends."""
        self.next_day = NEVER
        for one in self.limited.values():
            if one.loss_max != NONE:
                self.next_day = min(self.next_day, one.day_ends)

    def unlimit(self, scope: RiskScope) -> None:
        self._matches.clear()
        self._bounds.clear()
        self.limited.pop(scope, None)
        self._asks.pop(scope, None)
        self.days()
        if not self.limited:
            self.counted.clear()
            self.dirty.clear()

    def matching(self, account: str, tag: str, instruments: tuple[str, ...]) -> tuple[Limited, ...]:
        """The scopes with limits that cover an order."""
        if not self.limited:
            return NOBODY
        key = (account, tag, instruments)
        found = self._matches.get(key)
        if found is None:
            found = tuple(
                [
                    one
                    for one in self.limited.values()
                    if one.scope.covers(account, instruments, tag)
                ]
            )
            if len(self._matches) >= MATCHES_MAX:
                self._matches.clear()
            self._matches[key] = found
        return found

    def bounds(self, account: str, tag: str, grid: Grid) -> tuple[Bounds, ...]:
        """The limits that an order in one instrument falls under, in its increments."""
        key = (account, tag, grid.symbol)
        found = self._bounds.get(key)
        if found is None:
            scopes = self.matching(account, tag, (grid.symbol,))
            found = tuple([one.bounds(grid) for one in scopes])
            if len(self._bounds) >= MATCHES_MAX:
                self._bounds.clear()
            self._bounds[key] = found
        return found

    # Figures.

    def count(
        self,
        matching: tuple[Limited, ...],
        parts: tuple[Part, ...],
        before: tuple[Part, ...],
        opened: int,
    ) -> None:
        """An order's live entries could come to ``parts`` now, after ``before``."""
        for one in matching:
            one.open += opened
            if before:
                one.count(before, -1)
            if parts:
                one.count(parts, 1)

    def traded(self, key: HoldingKey, signed: int, price: int, fee: int) -> None:
        """A fill, or with ``signed`` and ``fee`` turned round a fill that is taken back."""
        holding = self._holding(key)
        basis, realised = holding.trade(signed, price, fee)
        self._moved(key, signed, basis, realised)

    def changed(self, key: HoldingKey, signed: int) -> None:
        """Somebody else changed a position of ours."""
        basis = self._holding(key).change(signed)
        self._moved(key, signed, basis, 0)

    def _holding(self, key: HoldingKey) -> Holding:
        found = self.holdings.get(key)
        if found is None:
            found = self.holdings[key] = Holding()
        return found

    def _moved(self, key: HoldingKey, signed: int, basis: int, realised: int) -> None:
        account, instrument, side, tag = key
        for one in self.matching(account, tag, (instrument,)):
            line = one.line(instrument, side)
            line.net += signed
            line.basis += basis
            line.realised += realised
            if one.loss_max != NONE:
                self.look_at = 1  # at once, whatever else is to be looked at later

    def sketch(self, markets: Markets) -> "RiskBook":
        """The same limits, blocks and figures, for a look at what would be."""
        out = RiskBook(markets)
        out.blocks = dict(self.blocks)
        for scope, one in self.limited.items():
            out.limit(scope, one.limits)
            new = out.limited[scope]
            for (instrument, side), line in one.lines.items():
                copied = new.line(instrument, side)
                copied.net, copied.basis, copied.realised = line.net, line.basis, line.realised
                copied.buys, copied.sells = line.buys, line.sells
            new.open = one.open
            new.begin_day(one.baseline, one.day_ends)
            new.placed, new.sent = Rate(*one.placed.image()), Rate(*one.sent.image())
            new.canceled = Rate(*one.canceled.image())
        out.probes = dict(self.probes)
        out.balances, out.spent = dict(self.balances), dict(self.spent)
        out.days()
        return out

    # Questions.

    def block(
        self,
        account: str,
        tag: str,
        instruments: tuple[str, ...],
        order_id: str = "",
        placing: bool = False,
        key: str = "",
    ) -> Block | None:
        """The block an order falls under; one that refuses before one that only makes it wait. An
        order may be placed while its market is closed. ``key`` is the one that placed it.
        """
        found: Block | None = None
        for name, block in self.blocks.items():
            if block.half_open and self.probes.get(name, order_id) == order_id:
                continue  # one order may try
            if placing and block.waits and block.cause is BlockCause.SESSION:
                continue
            covered = block.scope.covers(account, instruments, tag, key)
            if covered and (found is None or found.waits):
                found = block
        return found

    def probing(self, account: str, tag: str, instruments: tuple[str, ...], order_id: str) -> None:
        """An order was taken; where a breaker is half open, it is the one that tries."""
        for key, block in self.blocks.items():
            tries = block.half_open and key not in self.probes
            if tries and block.scope.covers(account, instruments, tag):
                self.probes[key] = order_id
                self.look_at = 1

    def breach(self, matching: Iterable[Limited], asked: Asked) -> Breach | None:
        """The first gate, in their order, that holds something against it in any scope."""
        first: Breach | None = None
        at = -1
        for one in matching:
            for place, question in self._asks[one.scope]:
                if first is not None and place >= at:
                    break
                found = question(one, asked)
                if found is not None:
                    first, at = found, place
                    break
        return first


def blocked(block: Block) -> Breach:
    """A block as the breach of the first gate."""
    setting, figure = f"{block.cause}:{block.name}", block.why or str(block.cause)
    return Breach(Gate.BLOCK, block.scope, setting, figure, str(block.level))
