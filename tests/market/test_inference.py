"""Increments inferred from decimals."""

from pathlib import Path

import pytest

from interlock.market.errors import MarketFileError
from interlock.market.inference import infer
from interlock.market.readers import MarketFile

from .files import BARS, QUOTES, TRADES, UPDATES, write

DEEP = "ts_ns,bid1,bid1_size,ask1,ask1_size"


@pytest.mark.parametrize(
    ("header", "lines", "price", "quantity"),
    [
        (TRADES, ["5,30000.01,0.5,buy"], "0.01", "0.1"),
        (TRADES, ["5,30000.00000000,0.02000000,buy"], "1", "0.01"),
        (TRADES, ["5,1,1,", "6,1.5,1,", "7,1.25,100,"], "0.01", "1"),
        (TRADES, ["5,1,0.16986283000000001,"], "1", "0.00000001"),
        (TRADES, ["5,x,y,", "6,1.5,2,"], "0.1", "1"),
        (QUOTES, ["5,1.38756,,1.387585,"], "0.000001", "1"),
        (QUOTES, ["5,,,1.5,0.25"], "0.1", "0.01"),
        (BARS, ["5,1.5,2,1,1.75,0.125"], "0.01", "0.001"),
        (UPDATES, ["5,5,1,snapshot,bid,1.5,0.01", "6,6,2,delta,,,"], "0.1", "0.01"),
        (DEEP, ["5,1.5,0.25,1.75,3"], "0.01", "0.01"),
    ],
)
def test_the_finest_decimal_in_use_is_the_increment(
    tmp_path: Path, header: str, lines: list[str], price: str, quantity: str
) -> None:
    path = write(tmp_path, header, *lines)
    inferred = infer("X.PAPER", [path])
    found = inferred.instrument
    assert (found.price_increment, found.quantity_increment) == (price, quantity)
    list(MarketFile(path, found, skip_bad=True))


def test_the_run_can_say_what_was_inferred(tmp_path: Path) -> None:
    one = write(tmp_path, TRADES, "5,1.5,1,", name="1.csv")
    two = write(tmp_path, QUOTES, "5,1.25,0.5,1.5,1", name="2.csv")
    assert infer("X.PAPER", [one, two]).note == (
        "No instruments file describes X.PAPER: its increments were inferred from the decimals of "
        "2 rows: price 0.01, quantity 0.1."
    )


def test_only_the_first_rows_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.market.inference.ROWS", 2)
    path = write(tmp_path, TRADES, "5,1,1,", "6,1,1,", "7,1.5,1.5,buy")
    inferred = infer("X.PAPER", [path])
    assert inferred.rows == 2
    with pytest.raises(MarketFileError, match=r"1\.5 is not a multiple of the increment 1"):
        list(MarketFile(path, inferred.instrument))


def test_nothing_is_inferred_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(MarketFileError, match="no row to infer"):
        infer("X.PAPER", [write(tmp_path, TRADES)])
