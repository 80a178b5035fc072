"""Symbols from arguments and file names; instruments from TOML."""

from pathlib import Path

import pytest

from interlock.market.errors import MarketFileError
from interlock.market.instruments import load_instruments
from interlock.market.names import Source, parse_source, symbol_of
from interlock.orders.instruments import Fees, Instrument, PriceBand


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("binance-spot_BTCUSDT_trades_20240808-09.csv.gz", "BTCUSDT.PAPER"),
        ("binance-spot_ETHUSDT_1m_202104-06.csv.gz", "ETHUSDT.PAPER"),
        ("fxcm_GBPUSD_1m_bidask_201202.csv.gz", "GBPUSD.PAPER"),
        ("hyperliquid_BTC_l2snap20_20250126.csv.gz", "BTC.PAPER"),
        ("bybit_XRPUSDT_l2_20241201.csv.gz", "XRPUSDT.PAPER"),
        ("BTCUSDT_trades.csv", "BTCUSDT.PAPER"),
        ("EURUSD.csv", "EURUSD.PAPER"),
        ("BTCUSDT.BINANCE_quotes.csv.gz", "BTCUSDT.BINANCE"),
        ("trades.csv", "trades.PAPER"),
    ],
)
def test_a_file_name_says_its_symbol(name: str, symbol: str) -> None:
    assert symbol_of(Path("folder") / name) == symbol


@pytest.mark.parametrize(
    ("text", "symbol", "path"),
    [
        ("BTC=a.csv", "BTC.PAPER", "a.csv"),
        ("BTC.VENUE=dir/a=b.csv", "BTC.VENUE", "dir/a=b.csv"),
        ("dir/x_BTC_trades.csv", "BTC.PAPER", "dir/x_BTC_trades.csv"),
    ],
)
def test_an_argument_names_symbol_and_file(text: str, symbol: str, path: str) -> None:
    assert parse_source(text) == Source(symbol, Path(path))


def test_a_file_whose_name_has_an_equals_sign_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "BTC_day=1.csv"
    path.write_text("")
    assert parse_source(str(path)) == Source("BTC.PAPER", path)


@pytest.mark.parametrize("text", ["BTC=", "=a.csv", "a b=c.csv", "---.csv", "a.b.c=d.csv"])
def test_an_argument_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(MarketFileError):
        parse_source(text)


def load(folder: Path, text: str) -> dict[str, Instrument]:
    path = folder / "instruments.toml"
    path.write_text(text)
    return load_instruments(path)


GOOD = """
[[instrument]]
symbol = "BTCUSDT.PAPER"
price_increment = "0.01"
quantity_increment = "0.00001"
price_band = {below_bps = 500, above_bps = 500}

[[instrument]]
symbol = "ES.PAPER"
price_increment = "0.25"
quantity_increment = "1"
multiplier = "50"
[instrument.fees]
taker_bps = "2.5"
"""


def test_instruments_come_from_tables(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD) == {
        "BTCUSDT.PAPER": Instrument(
            "BTCUSDT.PAPER", "0.01", "0.00001", price_band=PriceBand(500, 500)
        ),
        "ES.PAPER": Instrument(
            "ES.PAPER", "0.25", "1", multiplier="50", fees=Fees(taker_bps="2.5")
        ),
    }


TABLE = '[[instrument]]\nsymbol = "A.B"\nprice_increment = "1"\nquantity_increment = "1"\n'


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (f'{TABLE}price_incremnt = "1"', 1, "Did you mean price_increment?"),
        (f'{TABLE}[instrument.fees]\nmakr_bps = "1"', 1, "fees.makr_bps is not a field"),
        (f"{TABLE}xyz = 1", 1, "xyz is not a field. Known: symbol,"),
        (f"{TABLE}min_quantity = 0.1", 1, 'Write min_quantity = "0.1".'),
        (f"{TABLE}max_quantity = 5", 1, 'Write max_quantity = "5".'),
        (f"\n{TABLE}\n{TABLE}", 7, "A.B is described twice"),
        (f'{TABLE}multiplier = "0"', 1, "A.B: multiplier: an increment must be above zero"),
        ('[[instrument]]\nsymbol = "A.B"', 1, "missing required field 'price_increment'"),
        (f'{TABLE}position_mode = "both"', 1, "Invalid enum value 'both'"),
        ("[[instruments]]\n", 1, "'instruments' is not known here"),
        ("", 0, "there is no [[instrument]] table"),
        ("[instrument]\n", 0, "there is no [[instrument]] table"),
        ("instrument = [1]", 0, "must be a table"),
        ("[[instrument]]\nsymbol = ", 2, "not TOML"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(MarketFileError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
    assert caught.value.line == line


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(MarketFileError, match="cannot be read"):
        load_instruments(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(MarketFileError, match="UTF-8"):
        load_instruments(tmp_path / "bytes.toml")
