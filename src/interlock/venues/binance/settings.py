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


class MarketKind(StrEnum):
    """The exchange's markets."""

    FUTURES = "futures"
    SPOT = "spot"


REST = {
    (MarketKind.FUTURES, Environment.TESTNET): "https://demo-fapi.binance.com",
    (MarketKind.FUTURES, Environment.LIVE): "https://fapi.binance.com",
    (MarketKind.SPOT, Environment.TESTNET): "https://testnet.binance.vision",
    (MarketKind.SPOT, Environment.LIVE): "https://api.binance.com",
}
STREAMS = {
    (MarketKind.FUTURES, Environment.TESTNET): "wss://fstream.binancefuture.com",
    (MarketKind.FUTURES, Environment.LIVE): "wss://fstream.binance.com",
    (MarketKind.SPOT, Environment.TESTNET): "wss://stream.testnet.binance.vision",
    (MarketKind.SPOT, Environment.LIVE): "wss://stream.binance.com:9443",
}
SOCKETS = {
    (MarketKind.SPOT, Environment.TESTNET): "wss://ws-api.testnet.binance.vision/ws-api/v3",
    (MarketKind.SPOT, Environment.LIVE): "wss://ws-api.binance.com:443/ws-api/v3",
}
COUNTDOWN_S_MIN, COUNTDOWN_S_MAX = 10, 600
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

    market: MarketKind = MarketKind.FUTURES
    countdown_ms: int = 0
    """The exchange's own countdown is armed behind ours with this time; 0: never."""
    countdown_file: str = ""
    """Where it is kept when that may have run out; empty: in memory alone."""

    @property
    def rest(self) -> str:
        return self._place(REST, f"http://{self.address}")

    @property
    def streams(self) -> str:
        return self._place(STREAMS, f"ws://{self.address}")

    @property
    def socket(self) -> str:
        """The WebSocket API; only spot's is used."""
        return self._place(SOCKETS, f"ws://{self.address}/ws-api/v3")

    def _place(self, places: dict[tuple[MarketKind, Environment], str], double: str) -> str:
        if self.environment is Environment.PAPER:
            return double
        return places[self.market, self.environment]


def settings_problem(settings: BinanceSettings) -> str:
    """Why these settings cannot be used, or nothing."""
    paper = settings.environment is Environment.PAPER
    if paper and urlsplit(f"//{settings.address}").hostname not in LOOPBACK:
        return (
            f"environment paper is a double on this machine: address is HOST:PORT of loopback, "
            f"not {settings.address!r}. Start one with: "
            f"interlock sandbox binance --{settings.market} PORT"
        )
    if not paper and settings.address:
        return f"environment {settings.environment} has addresses of its own; leave address empty"
    if not settings.symbols:
        return "symbols: name at least one, as in BTCUSDT"
    return countdown_problem(settings.countdown_ms, len(settings.symbols))


def countdown_problem(after_ms: int, symbols: int) -> str:
    """Why a countdown cannot be kept up for so many symbols, or nothing."""
    if not after_ms:
        return ""
    least = max(COUNTDOWN_S_MIN, 3 * symbols)  # three refreshes of weight 10, a quarter of 2 400
    if least * 1_000 <= after_ms <= COUNTDOWN_S_MAX * 1_000:
        return ""
    return (
        f"countdown_s is {after_ms // 1_000}; it is 0 (never), or {least} to {COUNTDOWN_S_MAX} "
        f"with {symbols} symbols: each is refreshed three times in it, and that costs request "
        "weight. Set it within that, or trade fewer symbols"
    )
