"""Holdings: what fills have made of one position, and what it has earned.

Decides realised profit by average cost. Invariant: ``realised - basis`` is the cash that changed
hands, whatever the order of fills, so that equity needs no history; whole money units only.
"""


class Holding:
    """A position: signed quantity, what it cost, and what was earned on what was closed."""

    __slots__ = ("basis", "net", "realised")

    def __init__(self, net: int = 0, basis: int = 0, realised: int = 0) -> None:
        self.net = net
        self.basis = basis
        """Signed like ``net``, in the instrument's money units."""
        self.realised = realised
        """Less all fees."""

    def trade(self, signed: int, price: int, fee: int) -> tuple[int, int]:
        """Count a fill; by how much ``basis`` and ``realised`` changed."""
        if not self.net or (self.net > 0) is (signed > 0):
            basis, realised = signed * price, -fee
        else:
            size = abs(self.net)
            closed = min(abs(signed), size)
            part = self._part(closed)
            sign = 1 if signed > 0 else -1
            basis = (signed - sign * closed) * price - part
            realised = -sign * closed * price - part - fee
        self.net += signed
        self.basis += basis
        self.realised += realised
        return basis, realised

    def change(self, signed: int) -> int:
        """Somebody else changed the position, at a price nobody knows: what goes, goes at cost.

        By how much ``basis`` changed.
        """
        basis = 0
        if self.net and (self.net > 0) is not (signed > 0):
            basis = -self._part(min(abs(signed), abs(self.net)))
        self.net += signed
        self.basis += basis
        return basis

    def _part(self, closed: int) -> int:
        """The cost of a part, signed like ``basis``."""
        part = abs(self.basis) * closed // abs(self.net)
        return part if self.basis > 0 else -part
