"""What the risk gates cost: OCO pairs placed durably with no limit set, and with every one set.

Rounds with and without alternate in one process, so that both meet the same machine.
"""

import tempfile
from pathlib import Path
from typing import Any

from bench import book
from bench.place import placed
from bench.timing import ratio, spread
from interlock.orders.commands import SetLimits
from interlock.orders.legs import LegType, Side
from interlock.orders.limits import Limits, RiskScope
from interlock.runtime.collector import calm

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
    plain, plain_core = (spread(of["no limits"], "pairs/s") for of in (wall, core))
    return [
        {
            "limits": name,
            "durable": (durable := spread(wall[name], "pairs/s")),
            "per second of one core": (busy := spread(core[name], "pairs/s")),
            "ratio": ratio(durable, plain),
            "ratio by processor": ratio(busy, plain_core),
        }
        for name in CASES
    ]
