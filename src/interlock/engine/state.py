"""The engine's state: plain data, a fold over facts, owned by nobody but ``evolve``.

Decides what is remembered. Invariant: everything here follows from the journal's facts, except
the fields of ``MarketView`` marked volatile, which the next tick brings back.
"""

from interlock.engine.book import OrderBook
from interlock.engine.entries import Entry, Key
from interlock.engine.order import NEVER, Order
from interlock.engine.settings import Settings
from interlock.engine.signalbook import Path, SignalState
from interlock.engine.triggers import TriggerChannel
from interlock.orders.capabilities import Capabilities
from interlock.orders.facts import Channel, PositionSeen, RequestAnswered, SecondThoughtAsked
from interlock.orders.grid import Grid
from interlock.orders.sessions import Hours
from interlock.risk.book import RiskBook
from interlock.risk.feed import Feed

PLAIN = Capabilities()


class MarketView:
    """What is known of one instrument's market, and what waits on it."""

    __slots__ = (
        "ask",
        "bid",
        "calendar",
        "channels",
        "counted",
        "delisted",
        "feed",
        "fresh",
        "grid",
        "halted",
        "hours",
        "last",
        "last_at",
        "last_channel",
        "marks",
        "path",
        "quote_at",
        "volume",
        "volume_next",
        "volume_waits",
    )

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.last = 0
        self.bid = 0
        self.ask = 0
        self.last_at = 0
        self.quote_at = 0
        self.marks: dict[Channel, int] = {}
        """Volatile, like all prices here: mark and index."""
        self.last_channel = TriggerChannel()
        """The last price's channel, at hand for the quiet trade."""
        self.channels: dict[Channel, TriggerChannel] = {Channel.LAST: self.last_channel}
        self.halted = False
        """Not trading now, for whatever reason."""
        self.delisted = False
        self.calendar = ""
        self.hours: tuple[Hours, ...] = ()
        """Sessions to come, where a calendar is configured."""
        self.volume = 0
        """Volatile: traded since start, never below ``counted``."""
        self.counted = 0
        self.volume_next = NEVER
        """The lowest volume that something waits for."""
        self.volume_waits: list[tuple[int, tuple[str, int]]] = []
        self.feed: Feed | None = None
        """What judges these prices, where limits ask for that; volatile."""
        self.path: Path | None = None
        """Where this price has been, where a signal must be corroborated by it; volatile."""
        self.fresh = True
        """No price since the start or the last interruption: a trigger now is a gap."""

    def channel(self, name: Channel) -> TriggerChannel:
        found = self.channels.get(name)
        if found is None:
            found = self.channels[name] = TriggerChannel()
        return found

    def price(self, channel: Channel) -> int | None:
        """The last price of a channel, if there is a sound one."""
        if channel is Channel.LAST:
            return self.last or None
        if channel is Channel.MARK or channel is Channel.INDEX:
            return self.marks.get(channel)
        if not 0 < self.bid < self.ask:
            return None
        if channel is Channel.BID:
            return self.bid
        return self.ask if channel is Channel.ASK else self.bid + self.ask

    def reference(self) -> int | None:
        """A price to value an order at: the last trade, else the middle of the quote."""
        if self.last:
            return self.last
        return (self.bid + self.ask) // 2 if 0 < self.bid < self.ask else None


class State:
    """Everything the engine knows."""

    __slots__ = (
        "answered",
        "capabilities",
        "down",
        "entries",
        "epoch",
        "known",
        "markets",
        "net",
        "now",
        "orders",
        "positions_seen",
        "risk",
        "seq",
        "settings",
        "signal_book",
        "signal_waits",
        "signals",
        "started_at",
        "thoughts",
        "timers",
    )

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.seq = 0
        """Facts so far; the next fact is ``seq + 1``."""
        self.now = 0
        self.epoch = 0
        self.started_at = 0
        """When this process began; a recall may have left just before the last one ended."""
        self.capabilities: dict[str, Capabilities] = {}
        self.down: dict[str, bool] = {}
        self.markets: dict[str, MarketView] = {}
        self.entries: dict[Key, list[Entry]] = {}
        """What each leg (or atom) of a living order has waiting in the index."""
        self.orders = OrderBook(self.entries)
        self.answered: dict[tuple[str, str], RequestAnswered] = {}
        """By caller and idempotency key, oldest first."""
        self.signals: dict[str, int] = {}
        """Last values, times ``10 ** 9``."""
        self.thoughts: dict[str, SecondThoughtAsked] = {}
        """Requests that are being thought over, by token, oldest first."""
        self.signal_book: dict[str, SignalState] = {}
        """Those that have a schema."""
        self.signal_waits: dict[str, dict[tuple[str, int], bool]] = {}
        self.net: dict[tuple[str, str, str], int] = {}
        """Signed quantity our fills have made of each (account, instrument, position side)."""
        self.positions_seen: dict[tuple[str, str, str], PositionSeen] = {}
        """A venue's word on a position that we wait to hear again."""
        self.risk = RiskBook(self.markets)
        self.timers: list[tuple[int, str]] = []
        """A heap of wake-ups asked for; derived from the orders, never journaled."""

    def capabilities_of(self, instrument: str) -> Capabilities:
        """What the instrument's venue can; a plain venue when it has not said."""
        return self.capabilities.get(self.markets[instrument].grid.venue, PLAIN)

    def confirm_ns(self, order: Order, instrument: str) -> int:
        """How long a fill is not yet believed: as the order says, and as its venue promises."""
        venue = self.capabilities_of(instrument).final_after_ns
        return max(order.terms.policy.confirm_ns, venue)

    def channel(self, instrument: str, channel: Channel) -> TriggerChannel:
        return self.markets[instrument].channel(channel)
