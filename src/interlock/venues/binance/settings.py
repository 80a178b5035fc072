"""Settings of one account at Binance, and where each environment is.

Decides which addresses an environment may have. Invariant: paper, testnet and live are three
places; none of them is reached with the name of another.
"""

from enum import StrEnum
from urllib.parse import urlsplit

from msgspec import Struct


class Environment(StrEnum):
    PAPER = "paper"
    """A double of the exchange on this machine (``interlock sandbox binance``)."""
    TESTNET = "testnet"
    LIVE = "live"


LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


class BinanceSettings(Struct, frozen=True):
    """One account. ``prefix`` marks our orders: nothing without it is ever touched."""

    name: str
    """The part of a symbol after the dot."""
    environment: Environment
    account: str
    """What orders call the account that these credentials belong to."""
    symbols: tuple[str, ...]
    """As the exchange writes them, such as BTCUSDT."""
    prefix: str
    address: str = ""
    """HOST:PORT of the double; only for paper."""

    @property
    def rest(self) -> str:
        match self.environment:
            case Environment.PAPER:
                return f"http://{self.address}"
            case Environment.TESTNET:
                return "https://demo-fapi.binance.com"
        return "https://fapi.binance.com"

    @property
    def streams(self) -> str:
        match self.environment:
            case Environment.PAPER:
                return f"ws://{self.address}"
            case Environment.TESTNET:
                return "wss://fstream.binancefuture.com"
        return "wss://fstream.binance.com"


def settings_problem(settings: BinanceSettings) -> str:
    """Why these settings cannot be used, or nothing."""
    paper = settings.environment is Environment.PAPER
    if paper and urlsplit(f"//{settings.address}").hostname not in LOOPBACK:
        return (
            f"environment paper is a double on this machine: address is HOST:PORT of loopback, "
            f"not {settings.address!r}. Start one with: interlock sandbox binance --futures PORT"
        )
    if not paper and settings.address:
        return f"environment {settings.environment} has addresses of its own; leave address empty"
    if not settings.symbols:
        return "symbols: name at least one, as in BTCUSDT"
    return ""
