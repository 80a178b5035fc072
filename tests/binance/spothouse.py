"""A line that trades at a double of Binance Spot."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import uvloop

from interlock.journal.memory import MemoryJournal
from interlock.orders import commands as c
from interlock.orders.capabilities import Capabilities
from interlock.orders.decoding import decode_command
from interlock.orders.rejects import Reject
from interlock.sandbox.binance.serving import HOST, KEY, SECRET
from interlock.venues.binance import link, spot
from interlock.venues.binance.settings import BinanceSettings, Environment, MarketKind
from tests.binance.house import PREFIX, Trader
from tests.sandbox.house import SYMBOL, SpotExchange

INSTRUMENT = f"{SYMBOL}.SPOT"


QUICK = msgspec.structs.replace(spot.CAPABILITIES, request_validity_ns=1_500_000_000)
"""What is lost is known to be lost sooner."""


class QuickSpot(spot.BinanceSpot):
    @property
    def capabilities(self) -> Capabilities:
        return QUICK


class SpotTrader(Trader):
    """One life of a line. ``exchange`` has the hands of everybody else."""

    exchange: SpotExchange

    def __init__(self, exchange: SpotExchange, journal: MemoryJournal) -> None:
        super().__init__(exchange, journal, hedge=False)

    def made(self) -> link.BinanceLink:
        place = f"{HOST}:{self.exchange.port}"
        prefix = f"{PREFIX}{self.exchange.fresh_starts}"  # a story's orders are its own
        settings = BinanceSettings(
            "SPOT", Environment.PAPER, "main", (SYMBOL,), prefix, place, MarketKind.SPOT
        )
        return QuickSpot(settings, KEY, SECRET, self.clock.now, self.told.append)

    def pair(self, quantity: str = "0.01", **entry: Any) -> dict[str, Any]:
        """Bought at the market; out 1 % above or 1 % below, both of them at the venue."""
        first = {"type": "market", "side": "buy", "quantity": quantity, **entry}
        target = {"type": "limit", "price": {"from_entry": {"bps": 100}}, "id": "target"}
        stop = {"type": "stop", "trigger_price": {"from_entry": {"bps": -100}}, "id": "stop"}
        return {
            "type": "bracket",
            "on_partial_fill": "cancel",
            "entry": {"instrument": INSTRUMENT, "id": "entry", **first},
            "take_profit": {**target, "hold": "venue"},
            "stop_loss": {**stop, "hold": "venue"},
        }


def command(body: dict[str, Any]) -> c.Command:
    made = decode_command(msgspec.json.encode(body))
    assert not isinstance(made, Reject), made
    return made


def ours(state: Any) -> dict[str, Any]:
    """Open orders of ours by leg: 0 is the entry, 1 the target, 2 the stop."""
    found = [one for one in state["open_orders"] if one["clientOrderId"].startswith(PREFIX)]
    return {one["clientOrderId"].split("_")[1]: one for one in found}


def has(state: Any, asset: str = "BTC") -> Decimal:
    (found,) = (one for one in state["balances"] if one["asset"] == asset)
    return Decimal(found["free"]) + Decimal(found["locked"])


def paired(state: Any) -> bool:
    return set(ours(state)) == {"1", "2"} and len(state["open_lists"]) == 1


def empty(state: Any) -> bool:
    return not ours(state)


@asynccontextmanager
async def trading(
    exchange: SpotExchange, journal: MemoryJournal | None = None
) -> AsyncIterator[SpotTrader]:
    trader = SpotTrader(exchange, journal or MemoryJournal())
    await trader.begin()
    try:
        yield trader
    finally:
        await trader.end(kill=trader.live.over)


def play(exchange: SpotExchange, story: Callable[[SpotTrader], Awaitable[None]]) -> None:
    """One story with one life."""

    async def whole() -> None:
        async with trading(exchange) as trader:
            await story(trader)

    uvloop.run(asyncio.wait_for(whole(), 60))
