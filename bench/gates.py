"""What the risk gates cost: OCO pairs placed durably with no limit set, and with every one set.

Rounds with and without alternate in one process, so that both meet the same machine; instructions
are counted besides, where valgrind is there: they are the same on a busy machine and a quiet one.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from bench import book, instructions
from bench.place import placed
from bench.timing import ratio, spread
from interlock.orders.commands import SetLimits
from interlock.orders.legs import LegType, Side
from interlock.orders.limits import Limits, RiskScope
from interlock.orders.ticks import Trade
from interlock.runtime.collector import calm
from interlock.runtime.line import Line

BATCH = 500
PAIRS = 30_000
ROUNDS = 7
EVERY = Limits(
    max_order_quantity="1000",
    max_order_notional="100000000",
    max_position="1000000",
    max_gross_notional="1000000000000",
    max_open_orders=10_000_000,
    max_orders_per_s=10_000_000,
    max_cancels_per_s=10_000_000,
    max_daily_loss="1000000",
    max_price_deviation_bps=500,
    min_stop_distance_bps=1,
    max_stop_distance_bps=5_000,
    instruments=(book.SYMBOL,),
    sides=(Side.BUY, Side.SELL),
    leg_types=tuple(LegType),
)
"""Every gate but margin, which asks for a venue's word on balances."""
USUAL = Limits(
    max_order_quantity="1000",
    max_order_notional="100000000",
    max_position="1000000",
    max_open_orders=10_000_000,
    max_orders_per_s=10_000_000,
    max_daily_loss="1000000",
    max_price_deviation_bps=500,
)
CASES: dict[str, list[SetLimits]] = {
    "no limits": [],
    "the usual seven, one scope": [SetLimits(RiskScope("main"), USUAL)],
    "every limit, one scope": [SetLimits(RiskScope("main"), EVERY)],
    "every limit, three scopes": [
        SetLimits(scope, EVERY)
        for scope in (RiskScope(), RiskScope("main"), RiskScope(instrument=book.SYMBOL))
    ],
}


def run(quick: bool) -> list[dict[str, Any]]:
    calm()
    total = BATCH if quick else PAIRS
    wall: dict[str, list[float]] = {name: [] for name in CASES}
    core: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(1 if quick else ROUNDS):
        for name, limits in CASES.items():
            with tempfile.TemporaryDirectory() as folder:
                seconds, _, busy, _ = placed(Path(folder), BATCH, total, limits=limits)
                wall[name].append(total / seconds)
                core[name].append(total / busy)
    counts = {} if quick or shutil.which("valgrind") is None else counted()
    plain, plain_core = (spread(of["no limits"], "pairs/s") for of in (wall, core))
    return [
        {
            "limits": name,
            "durable": (durable := spread(wall[name], "pairs/s")),
            "per second of one core": (busy := spread(core[name], "pairs/s")),
            "ratio": ratio(durable, plain),
            "ratio by processor": ratio(busy, plain_core),
            **counts.get(name, {}),
        }
        for name in CASES
    ]


def counted() -> dict[str, dict[str, Any]]:
    """Instructions per pair of each case, and how many times those without limits."""
    setup = "from bench.gates import put_limits; put_limits(line, {name!r})"
    per_pair = {name: instructions.per_pair(setup.format(name=name)) for name in CASES}
    plain = per_pair["no limits"]
    return {
        name: {"instructions per pair": count, "times": round(count / plain, 3)}
        for name, count in per_pair.items()
    }


def put_limits(line: Line, name: str) -> None:
    """Give a line the limits of a case, and the price they are judged by."""
    line.tick(Trade(book.SYMBOL, book.AT, book.MID, 1), book.AT)
    for one in CASES[name]:
        line.put(one, book.AT)
