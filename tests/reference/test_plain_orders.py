"""The same leg wins at the same trade and price as in the independent reference."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from interlock.audit.auditor import Auditor
from interlock.journal.memory import MemoryJournal
from interlock.market.generator import generate
from interlock.market.inference import infer
from interlock.market.readers import MarketFile
from interlock.orders import facts as f
from interlock.orders.commands import PlaceOrder
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Trade
from interlock.runtime.line import Line
from interlock.runtime.replay import Replay, Timed
from interlock.venues.paper.exchange import PaperExchange
from tests.reference.plain import Won, exit_of, trail_of

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "trades"
FILES = sorted(RECORDED.glob("*.csv.gz"))
TRADES_MAX = 20_000
ORDERS = 60
SYMBOL = Instrument("BTCUSDT.PAPER", price_increment="0.01", quantity_increment="0.00001")


def made_up(seed: int) -> tuple[Instrument, list[Trade]]:
    ticks = generate(seed, 40, SYMBOL)
    return SYMBOL, [tick for tick in ticks if isinstance(tick, Trade)][:TRADES_MAX]


def recorded(path: Path) -> tuple[Instrument, list[Trade]]:
    instrument = infer("DATA.PAPER", [path]).instrument
    trades = islice(MarketFile(path, instrument), TRADES_MAX)
    return instrument, [tick for tick in trades if isinstance(tick, Trade)]


class Case:
    """One plain order placed right after a trade, and what the reference says of it."""

    def __init__(self, rng: Random, grid: Grid, trades: list[Trade], number: int) -> None:
        self.index = rng.randrange(1, len(trades) * 3 // 4)
        # Placed after the last trade of its instant, so that both see the same trades.
        while trades[self.index + 1].at == trades[self.index].at:
            self.index += 1
        price = trades[self.index].price
        self.at = trades[self.index].at
        self.side = rng.choice([1, -1])
        scale = max(3, price // 1000)
        low = rng.randrange(1, 6 * scale)
        high = rng.randrange(1, 6 * scale)
        stop, target = price - self.side * low, price + self.side * high
        self.kind = rng.choice(["stop", "oco", "bracket", "trail_ticks", "trail_bps"])
        entry_side, exit_side = ("buy", "sell") if self.side > 0 else ("sell", "buy")
        quantity = grid.quantity_text(grid.min_quantity)
        base: dict[str, Any] = {
            "instrument": grid.symbol,
            "side": exit_side,
            "quantity": quantity,
        }
        stop_leg = base | {
            "type": "stop",
            "id": "stop",
            "trigger_price": grid.price_text(max(1, stop)),
        }
        target_leg = base | {
            "type": "limit",
            "id": "target",
            "price": grid.price_text(max(1, target)),
        }
        after = self.index + 1
        both = {"type": "oco", "on_partial_fill": "reduce", "legs": [target_leg, stop_leg]}
        if self.kind == "stop":
            self.order, self.expected = stop_leg, exit_of(trades, after, self.side, stop, None)
        elif self.kind == "oco":
            self.order, self.expected = both, exit_of(trades, after, self.side, stop, target)
        elif self.kind == "bracket":
            entry = base | {"type": "market", "id": "entry", "side": entry_side}
            self.order = {
                "type": "bracket",
                "entry": entry,
                "take_profit": target_leg,
                "stop_loss": stop_leg,
            }
            self.expected = exit_of(trades, after, self.side, stop, target)
        else:
            bps = rng.randrange(1, 80) if self.kind == "trail_bps" else 0
            trail = {"bps": bps} if bps else {"ticks": low}
            self.order = base | {"type": "trailing_stop", "id": "trail", "trail": trail}
            self.expected = trail_of(trades, after, price, self.side, low, bps)
        body = {"client_order_id": f"c{number}", "account": "main", "order": self.order}
        self.place = msgspec.convert(body, PlaceOrder)


def play(instrument: Instrument, trades: list[Trade], cases: list[Case]) -> dict[str, Won]:
    """What the product does: who won, per client order id."""
    venue = PaperExchange("PAPER", [instrument])
    line = Line(MemoryJournal(), {"PAPER": venue})
    auditor, heard = Auditor(), []
    line.listeners += [auditor.hear, lambda _, facts: heard.extend(facts)]
    line.start(trades[0].at - 1, [instrument])
    commands = [Timed(case.at, case.place) for case in cases]
    Replay(line, {"PAPER": venue}, commands).run(iter(trades))
    assert not auditor.finish()
    won: dict[str, Won] = {}
    names: dict[str, f.OrderAccepted] = {}
    for fact in heard:
        if isinstance(fact, f.OrderAccepted):
            names[fact.order_id] = fact
        elif isinstance(fact, f.VenueOrderFilled):
            terms = names[fact.order_id].terms
            leg = terms.legs[fact.leg].id
            if leg != "entry":
                won.setdefault(terms.client_order_id, Won(leg, fact.at, fact.price))
    return won


def agree(instrument: Instrument, trades: list[Trade], seed: int) -> None:
    rng = Random(seed)
    grid = Grid(instrument)
    cases = [Case(rng, grid, trades, number) for number in range(ORDERS)]
    won = play(instrument, trades, cases)
    decided = 0
    for number, case in enumerate(cases):
        assert won.get(f"c{number}") == case.expected, (case.kind, case.order, case.at)
        decided += case.expected is not None
    assert decided > ORDERS // 4, "too few orders came to an end to prove anything"


@pytest.mark.parametrize("seed", range(4))
def test_made_up_markets(seed):
    agree(*made_up(seed), seed)


if FILES:  # recorded markets lie beside the project, or nowhere

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_recorded_markets(path):
        agree(*recorded(path), 7)
