"""Malformed lines: named with file and line, or counted and passed over when asked."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.market.errors import MarketFileError
from interlock.market.readers import MarketFile

from .files import BARS, BTC, QUOTES, TRADES, UPDATES, ticks, write

BAD = [
    (TRADES, "6,x,1,buy", "price 'x' is not a number"),
    (TRADES, "6,NaN,1,buy", "price 'NaN' is not a number"),
    (TRADES, "6,1e3,1,buy", "price '1e3' is not a number"),
    (TRADES, "6,-1,1,buy", "price '-1' is not a number"),
    (TRADES, "6,1_0,1,buy", "price '1_0' is not a number"),
    (TRADES, "6,.5,1,buy", "price '.5' is not a number"),
    (TRADES, "6,,1,buy", "price is missing"),
    (TRADES, "6,0,1,buy", "the price is zero"),
    (TRADES, "6,1.005,1,buy", "price 1.005 is not a multiple of the increment 0.01"),
    (TRADES, "6,1,inf,buy", "quantity 'inf' is not a number"),
    (TRADES, "6,1,1,BID", "side 'BID' is none of buy, sell or blank"),
    (TRADES, "6,1,1", "3 columns where the header has 4"),
    (TRADES, "6,1,1,buy,", "5 columns where the header has 4"),
    (TRADES, "4,1,1,buy", "time goes back, from 5 to 4"),
    (TRADES, "1.5,1,1,buy", "the time '1.5' is not a number"),
    (TRADES, ",1,1,buy", "the time is missing"),
    (QUOTES, "6,1,1,nan,1", "price 'nan' is not a number"),
    (QUOTES, "6,1,-1,2,1", "size '-1' is not a number"),
    (BARS, "6,5,4,1,2,1", "open 5, high 4, low 1, close 2 cannot be a bar"),
    (BARS, "6,0,1,0,1,1", "open 0, high 1, low 0, close 1 cannot be a bar"),
    (BARS, "6,1,1,1,1,x", "volume 'x' is not a number"),
    (UPDATES, "6,6,z,delta,bid,1,1", "update_id 'z' is not a number"),
    (UPDATES, "6,6,9,change,bid,1,1", "kind 'change' is neither snapshot nor delta"),
    (UPDATES, "6,6,9,delta,mid,1,1", "side 'mid' is none of bid, ask or blank"),
    (UPDATES, "6,6,9,delta,bid,,1", "price is missing"),
]
GOOD = {
    TRADES: ("5,1,1,buy", "7,1,1,buy"),
    QUOTES: ("5,1,1,2,1", "7,1,1,2,1"),
    BARS: ("5,1,1,1,1,1", "7,1,1,1,1,1"),
    UPDATES: ("5,5,1,snapshot,bid,1,1", "7,7,10,delta,bid,1,2"),
}


@pytest.mark.parametrize(("header", "line", "message"), BAD, ids=[line for _, line, _ in BAD])
def test_a_bad_line_is_named(tmp_path: Path, header: str, line: str, message: str) -> None:
    before, after = GOOD[header]
    path = write(tmp_path, header, before, line, after)
    with pytest.raises(MarketFileError) as caught:
        list(MarketFile(path, BTC))
    assert caught.value.line == 3
    assert str(caught.value).startswith(f"{path}:3: {message}.")
    assert caught.value.way_out


@pytest.mark.parametrize(("header", "line", "message"), BAD, ids=[line for _, line, _ in BAD])
def test_a_bad_line_is_counted_and_changes_nothing_else(
    tmp_path: Path, header: str, line: str, message: str
) -> None:
    before, after = GOOD[header]
    market = MarketFile(write(tmp_path, header, before, line, after), BTC, skip_bad=True)
    # A bar knows how long it is from the next one only.
    assert [tick.at for tick in market] == [
        tick.at for tick in ticks(tmp_path, header, before, after)
    ]
    write(tmp_path, header, before, line, line, after)
    list(market)
    assert market.tally.skipped == 2
    assert f":3: {message}" in market.tally.first_skipped


def test_an_empty_file_and_one_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(MarketFileError, match="the file is empty"):
        MarketFile(tmp_path / "empty.csv", BTC)
    with pytest.raises(MarketFileError, match="cannot be read: No such file"):
        MarketFile(tmp_path / "none.csv", BTC)
    with pytest.raises(MarketFileError, match="cannot be read: Is a directory"):
        MarketFile(tmp_path, BTC)


def test_a_packed_file_cut_short_is_named(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n % 90 + 1}.{n % 10},1,buy\n" for n in range(20_000))
    packed = gzip.compress(f"{TRADES}\n{rows}".encode())
    path = tmp_path / "market.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(MarketFileError, match="the compressed file is damaged from here on"):
        list(MarketFile(path, BTC))
    path.write_bytes(packed[:-4] + b"\0\0\0\0")
    with pytest.raises(MarketFileError, match="damaged"):
        list(MarketFile(path, BTC))


def test_bytes_that_are_not_text_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, TRADES, "5,1,1,buy")
    path.write_bytes(path.read_bytes() + "6,1,1,größer\n".encode())
    with pytest.raises(MarketFileError, match="not ASCII"):
        list(MarketFile(path, BTC))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(st.characters(codec="ascii", exclude_characters="\r\n"))))
def test_whatever_a_line_says_it_is_skipped_or_named(tmp_path: Path, lines: list[str]) -> None:
    for header in GOOD:
        market = MarketFile(write(tmp_path, header, *lines), BTC, skip_bad=True)
        list(market)
        blank = sum(not line.strip() for line in lines)
        assert market.tally.skipped == len(lines) - blank or market.tally.rows
