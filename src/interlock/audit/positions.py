"""What venues say of positions, and whether exits follow when others have closed one (I4).

Decides whether a position that is smaller than what our orders hold is noticed, and whether nothing
then holds more than there is. It judges only the plain case: every order of the account that lives
on that market holds the same way and opened what it holds. Invariant: a word that could not be
compared, because something of ours was on its way, is not judged.
"""

from collections.abc import Iterable

from interlock.audit.breach import Tell
from interlock.audit.record import Record
from interlock.orders import facts as f
from interlock.orders import reports as r

Key = tuple[str, str, str]
"""Account, instrument, position side."""
APART_NS = 10_000_000_000
"""A fill this near to a venue's word on a position: the two clocks can't be compared."""


class Positions:
    """What was said, until it has been dealt with."""

    def __init__(self) -> None:
        self._others = False
        """Something else than positions was heard since all was at rest."""
        self._unnoticed: dict[Key, int] = {}
        self._believed: dict[Key, int] = {}
        self._filled_at = -APART_NS

    def restart(self) -> None:
        self._unnoticed.clear()
        self._believed.clear()

    def filled(self, at: int) -> None:
        self._filled_at = max(self._filled_at, at)

    def heard(self, report: r.Report, records: Iterable[Record]) -> None:
        """A report arrives: a position that is too small must be noticed."""
        if not isinstance(report, r.Position):
            self._others = True
            return
        key = (report.account, report.instrument, str(report.position_side or ""))
        mine = [record for record in records if record.terms.account == report.account]
        held = _held(mine, key)
        if self._others or held is None or report.as_of - self._filled_at < APART_NS:
            return
        if any(_asks(record) for record in mine):
            return
        if abs(held) > _same_way(report.quantity, held):
            self._unnoticed[key] = report.quantity

    def seen(self, fact: f.PositionSeen) -> None:
        """The venue's word is written down; said twice, it is believed."""
        key = (fact.account, fact.instrument, str(fact.position_side or ""))
        self._unnoticed.pop(key, None)
        if not fact.doubted:
            self._believed[key] = fact.quantity

    def followed(self, tell: Tell, records: Iterable[Record]) -> None:
        """After a batch of facts: nothing holds more than what is believed to be there."""
        if not self._believed:
            return
        mine = list(records)
        for key, quantity in self._believed.items():
            held = _held([one for one in mine if one.terms.account == key[0]], key)
            if held is not None and abs(held) > _same_way(quantity, held):
                tell("I4", f"exits for {held} of {key[1]} stay, and {quantity} is there")
        self._believed.clear()

    def at_rest(self, tell: Tell) -> None:
        """Everything heard has been dealt with."""
        self._others = False
        for (account, instrument, _), quantity in self._unnoticed.items():
            tell("I4", f"{account} has {quantity} of {instrument}, and nobody notices")
        self._unnoticed.clear()


def _same_way(quantity: int, held: int) -> int:
    """How much of a position lies the same way as what is held."""
    return max(0, quantity if held > 0 else -quantity)


def _asks(record: Record) -> bool:
    return any(one.live and (one.question or one.asking) for one in record.attempts.values())


def _held(records: list[Record], key: Key) -> int | None:
    """What the account's living orders hold of a market, signed; nothing where that is not plain.

    Orders long done count for whether all hold the same way: what they left is there as well.
    """
    live, ways = 0, {True: False, False: False}
    for record in records:
        legs = [leg for leg in record.legs if not leg.system]
        markets = {(leg.instrument, str(leg.position_side or "")) for leg in legs}
        if key[1:] not in markets:
            continue
        if len(markets) > 1 or all(leg.exits for leg in legs):
            return None
        net = sum(leg.side * record.cum.get(n, 0) for n, leg in enumerate(record.legs))
        held = _towards_nothing(net, record.adjusted)
        if held:
            ways[held > 0] = True
            live += 0 if record.done else held
    return None if all(ways.values()) else live


def _towards_nothing(net: int, adjusted: int) -> int:
    """What is left of a holding of which others have closed a part."""
    return max(0, net - adjusted) if net > 0 else min(0, net + adjusted)
