"""Made-up files for the command line's tests, and ways to run it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

START = 1_704_153_600_000_000_000
SECOND = 1_000_000_000
SYMBOL = "BTC.PAPER"
INSTRUMENTS = """
[[instrument]]
symbol = "BTC.PAPER"
price_increment = "0.01"
quantity_increment = "1"
fees = { taker_bps = "10" }
"""


def at(second: float) -> int:
    return START + int(second * SECOND)


def trades(path: Path, prices: list[str], quantity: str = "100") -> Path:
    """One trade a second, from the first second on."""
    rows = [f"{at(n)},{price},{quantity},\n" for n, price in enumerate(prices, 1)]
    path.write_text("ts_ns,price,qty,side\n" + "".join(rows))
    return path


def line(second: float, **command: Any) -> str:
    return json.dumps({"at": at(second), **command}) + "\n"


def bracket(name: str = "b-1", quantity: str = "10", **more: Any) -> dict[str, Any]:
    """Buy at the market, target 110, stop 95."""
    order = {
        "type": "bracket",
        "entry": {
            "type": "market",
            "id": "entry",
            "instrument": SYMBOL,
            "side": "buy",
            "quantity": quantity,
        },
        "take_profit": {"type": "limit", "id": "target", "side": "sell", "price": "110.00"},
        "stop_loss": {"type": "stop", "id": "stop", "side": "sell", "trigger_price": "95.00"},
    }
    return {"client_order_id": name, "account": "main", "order": order, **more}


class Files:
    """A folder with a market, orders and an instruments file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.market = trades(folder / "BTC_trades.csv", ["100.00", "101.00", "103.00", "94.00"])
        self.orders = folder / "orders.jsonl"
        self.orders.write_text(line(1.5, place=bracket()))
        self.instruments = folder / "instruments.toml"
        self.instruments.write_text(INSTRUMENTS)

    def replay(self, *more: str) -> list[str]:
        """The arguments of a replay of these files."""
        return [
            *("replay", "--orders", str(self.orders), "--market", str(self.market)),
            *("--instruments", str(self.instruments), *more),
        ]


def interlock(*arguments: str, hash_seed: str = "0") -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "interlock", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
