"""What is known of signals that have a schema, and how facts change it.

Decides nothing. Invariant: written by folds alone; signals without a schema are not here.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from interlock.engine.numbers import signal_units
from interlock.orders import facts as f
from interlock.orders.signals import SignalRules

STEP_NS: Final = 1_000_000_000


class SignalState:
    """One signal under a schema."""

    __slots__ = ("at", "frozen_at", "heard", "rules", "sound")

    def __init__(self, rules: SignalRules) -> None:
        self.rules = rules
        self.at = 0
        """When a value last counted."""
        self.frozen_at = 0
        """0 while it is not."""
        self.sound = 0
        """Sound values in a row since it was frozen."""
        self.heard: dict[str, tuple[int, int]] = {}
        """By source: its last value, and when."""


class Path:
    """Where a price has been, once a second, for as long as a schema asks. Volatile."""

    __slots__ = ("_keep_ns", "_seen")

    def __init__(self, keep_ns: int) -> None:
        self._keep_ns = keep_ns
        self._seen: deque[tuple[int, int]] = deque()

    def saw(self, at: int, price: int) -> None:
        if self._seen and at - self._seen[-1][0] < STEP_NS:
            return
        self._seen.append((at, price))
        while self._seen[0][0] < at - self._keep_ns:
            self._seen.popleft()

    def before(self, since: int) -> tuple[int, int] | None:
        """The lowest and highest price since then."""
        prices = [price for at, price in self._seen if at >= since]
        return (min(prices), max(prices)) if prices else None


Book = dict[str, SignalState]


def defined(book: Book, fact: f.SignalDefined) -> None:
    if fact.rules is None:
        book.pop(fact.name, None)
    else:
        book[fact.name] = SignalState(fact.rules)


def heard(book: Book, fact: f.SignalHeard) -> None:
    book[fact.name].heard[fact.source] = (_value(fact.value), fact.at)


def received(book: Book, fact: f.SignalReceived) -> None:
    known = book.get(fact.name)
    if known is not None:
        known.at = fact.at


def frozen(book: Book, fact: f.SignalFrozen) -> None:
    known = book[fact.name]
    known.frozen_at, known.sound = fact.at, 0


def sound(book: Book, fact: f.SignalSound) -> None:
    known = book[fact.name]
    known.sound = fact.count
    if fact.thawed:
        known.frozen_at = known.sound = 0


def _value(text: str) -> int:
    value = signal_units(text)
    assert isinstance(value, int), "checked before the fact was made"
    return value


FOLDS: Final[dict[type, Callable[[Book, Any], None]]] = {
    f.SignalDefined: defined,
    f.SignalHeard: heard,
    f.SignalFrozen: frozen,
    f.SignalSound: sound,
}
