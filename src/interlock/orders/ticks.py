"""Ticks: what a market tells us. Prices and quantities are whole increments of the instrument.

A price of 0 in a quote means that side is absent; a size of 0 means the source gives none.
"""

from msgspec import Struct

Level = tuple[int, int]
"""A price and the absolute quantity resting at it."""


class Trade(Struct, frozen=True, tag="trade", gc=False):
    instrument: str
    at: int
    price: int
    quantity: int
    aggressor: int = 0
    """+1 a buyer took, -1 a seller took, 0 not known."""


class Quote(Struct, frozen=True, tag="quote", gc=False):
    instrument: str
    at: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int

    @property
    def sound(self) -> bool:
        """Both sides there and not crossed or locked; anything else fires nothing (DESIGN 3.1)."""
        return 0 < self.bid < self.ask


class Mark(Struct, frozen=True, tag="mark", gc=False):
    instrument: str
    at: int
    price: int


class Index(Struct, frozen=True, tag="index", gc=False):
    instrument: str
    at: int
    price: int


class Depth(Struct, frozen=True, tag="depth"):
    """The visible book after an update, best levels first."""

    instrument: str
    at: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


Tick = Trade | Quote | Mark | Index | Depth
