"""Small market files made up on the spot."""

import gzip
from pathlib import Path

from interlock.market.readers import MarketFile
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Tick

BTC = Instrument("BTCUSDT.PAPER", "0.01", "0.001")
TRADES = "ts_ns,price,qty,side"
QUOTES = "ts_ns,bid,bid_size,ask,ask_size"
BARS = "ts_ns,open,high,low,close,volume"
UPDATES = "ts_ns,exch_ts_ns,update_id,kind,side,price,qty"
MINUTE = 60_000_000_000


def write(folder: Path, *lines: str, name: str = "market.csv") -> Path:
    """A file of lines; gzip when its name says so."""
    path = folder / name
    text = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def ticks(folder: Path, *lines: str, skip_bad: bool = False) -> list[Tick]:
    return list(MarketFile(write(folder, *lines), BTC, skip_bad))
