"""Faults: what may go wrong between us and the paper exchange, each on its own switch.

Decides when a fault strikes. Invariant: every draw comes from one ``random.Random`` made from the
seed, and a fault that is switched off draws nothing, so the same seed tells the same story.
"""

from random import Random

from msgspec import Struct

PERMILLE = 1000
MS = 1_000_000


class Latency(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How long one direction takes: ``min_ns``, or drawn evenly up to a larger ``max_ns``."""

    min_ns: int = 0
    max_ns: int = 0


class Window(Struct, frozen=True, forbid_unknown_fields=True):
    """From one instant up to another, ns UTC."""

    from_ns: int
    to_ns: int


class HaltWindow(Struct, frozen=True, forbid_unknown_fields=True):
    instrument: str
    from_ns: int
    to_ns: int


class Faults(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Every fault's switch. All off by default; chances are in thousandths."""

    latency_out: Latency = Latency()
    latency_in: Latency = Latency()
    lose_request_permille: int = 0
    lose_report_permille: int = 0
    repeat_report_permille: int = 0
    reorder_report_permille: int = 0
    reorder_max_ns: int = 50 * MS
    """The most a reordered or repeated report comes late."""
    contradict_report_permille: int = 0
    """A report is followed by one that says otherwise."""
    lag_status_permille: int = 0
    """A query is answered from a copy of the venue's books that is behind, and says so."""
    lag_status_max_ns: int = 500 * MS
    phantom_fill_permille: int = 0
    late_fill_after_cancel_permille: int = 0
    late_fill_max_ns: int = 200 * MS
    cancel_refused_filled_permille: int = 0
    unknown_outcome_permille: int = 0
    timeout_ns: int = 3000 * MS
    """How long after it was sent a request without an outcome is given up on."""
    rate_limit_permille: int = 0
    retry_after_ns: int = 1000 * MS
    ban_permille: int = 0
    """Per request: from now on, for ``ban_ns``, everything is refused or not answered."""
    ban_ns: int = 5000 * MS
    reject_permille: int = 0
    disconnects: tuple[Window, ...] = ()
    disconnect_permille: int = 0
    """Per tick."""
    disconnect_ns: int = 5000 * MS
    halts: tuple[HaltWindow, ...] = ()
    halt_permille: int = 0
    """Per tick, of the tick's instrument."""
    halt_ns: int = 5000 * MS


class Weather:
    """Draws the faults. The only place of the paper exchange with any chance in it."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self._random = Random(seed)
        self.change(faults)

    def change(self, faults: Faults) -> None:
        self.faults = faults
        self.strikes_on_ticks = bool(faults.disconnect_permille or faults.halt_permille)

    def strikes(self, permille: int) -> bool:
        return permille > 0 and self._random.randrange(PERMILLE) < permille

    def refuses(self) -> bool:
        """Whether an order is refused for no fault of its own."""
        return self.strikes(self.faults.reject_permille)

    def lag(self) -> int:
        """How far behind the copy is that answers a query."""
        if not self.strikes(self.faults.lag_status_permille):
            return 0
        return self.up_to(self.faults.lag_status_max_ns)

    def even(self) -> bool:
        """One of two, equally likely."""
        return self._random.randrange(2) == 0

    def up_to(self, most: int) -> int:
        """A number from 1 up to and including ``most``."""
        return self._random.randint(1, most) if most > 1 else 1

    def latency_out(self) -> int:
        return self._latency(self.faults.latency_out)

    def latency_in(self) -> int:
        return self._latency(self.faults.latency_in)

    def _latency(self, latency: Latency) -> int:
        if latency.max_ns <= latency.min_ns:
            return latency.min_ns
        return self._random.randint(latency.min_ns, latency.max_ns)
