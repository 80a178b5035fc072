"""Readers: every kind of file becomes ticks in whole increments, in time's order."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.market.depth import LEVELS, BookSide
from interlock.market.errors import MarketFileError
from interlock.market.inference import infer
from interlock.market.lines import Kind, read_header
from interlock.market.readers import MarketFile, merge
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Depth, Quote, Tick, Trade

from .files import BARS, BTC, MINUTE, QUOTES, TRADES, UPDATES, ticks, write

S = BTC.symbol
BID_ASK_BARS = "ts_ns,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close"
SNAPSHOTS = "ts_ns,bid1,bid1_size,ask1,ask1_size,bid2,bid2_size,ask2,ask2_size"


def test_trades(tmp_path: Path) -> None:
    assert ticks(
        tmp_path, TRADES, "5,30000.01,0.5,buy", "5,29999.00000000,0.02000000,sell", "6,1,0,"
    ) == [
        Trade(S, 5, 3_000_001, 500, 1),
        Trade(S, 5, 2_999_900, 20, -1),
        Trade(S, 6, 100, 0, 0),
    ]


def test_more_columns_in_any_order(tmp_path: Path) -> None:
    assert ticks(tmp_path, "venue,price,ts_ns,qty,side,cond", "P,181.52,7,2.5,,20!") == [
        Trade(S, 7, 18_152, 2_500, 0)
    ]


def test_volume_finer_than_the_increment_is_cut(tmp_path: Path) -> None:
    assert ticks(tmp_path, TRADES, "5,1,0.00199999999999999999,buy", "6,1,0.0009,") == [
        Trade(S, 5, 100, 1, 1),
        Trade(S, 6, 100, 0, 0),
    ]


def test_quotes(tmp_path: Path) -> None:
    assert ticks(tmp_path, QUOTES, "5,1.01,2,1.02,3", "6,1.01,,1.02,", "7,,,1,5", "8,2,1,1,1") == [
        Quote(S, 5, 101, 2_000, 102, 3_000),
        Quote(S, 6, 101, 0, 102, 0),
        Quote(S, 7, 0, 0, 100, 5_000),
        Quote(S, 8, 200, 1_000, 100, 1_000),
    ]


def test_wide_rows_of_levels(tmp_path: Path) -> None:
    assert ticks(tmp_path, SNAPSHOTS, "5,1,2,1.1,3,0.9,1,1.2,0", "6,1,2,1.1,3,,,1.2,4") == [
        Depth(S, 5, ((100, 2_000), (90, 1_000)), ((110, 3_000),)),
        Depth(S, 6, ((100, 2_000),), ((110, 3_000), (120, 4_000))),
    ]


def test_a_book_is_kept_from_its_updates(tmp_path: Path) -> None:
    found = ticks(
        tmp_path,
        UPDATES,
        "1,1,8,delta,bid,5,1",  # Before the snapshot: part of it already.
        "2,2,10,snapshot,bid,1.00,2",
        "2,2,10,snapshot,bid,0.90,1",
        "2,2,10,snapshot,ask,1.10,3",
        "3,3,10,delta,bid,1.00,9",  # Not after the snapshot.
        "4,4,11,delta,bid,1.00,0.00000000",
        "4,4,11,delta,ask,1.05,1",
        "5,5,12,delta,,,",
        "6,6,13,delta,bid,0.90,1",  # Nothing new.
        "7,7,14,delta,ask,1.10,0",
        "8,8,20,snapshot,bid,0.50,1",
    )
    assert found == [
        Depth(S, 2, ((100, 2_000), (90, 1_000)), ((110, 3_000),)),
        Depth(S, 4, ((90, 1_000),), ((105, 1_000), (110, 3_000))),
        Depth(S, 7, ((90, 1_000),), ((105, 1_000),)),
        Depth(S, 8, ((50, 1_000),), ()),
    ]


def test_changes_far_from_the_market_are_no_ticks(tmp_path: Path) -> None:
    levels = [f"1,1,1,snapshot,ask,{price},1" for price in range(100, 100 + LEVELS)]
    found = ticks(tmp_path, UPDATES, *levels, "2,2,2,delta,ask,500,1", "3,3,3,delta,ask,119,2")
    assert [tick.at for tick in found] == [1, 3]
    assert isinstance(found[1], Depth)
    assert found[1].asks[-1] == (11_900, 2_000)


def test_a_book_side_agrees_with_a_sorted_dict() -> None:
    chance = random.Random(3)
    for sign in (1, -1):
        side, plain = BookSide(sign), dict[int, int]()
        for _ in range(3_000):
            before = side.best()
            price, size = chance.randrange(1, 80), chance.choice([0, 0, 1, 2])
            changed = side.set(price, size)
            plain[price] = size
            levels = sorted(((p, s) for p, s in plain.items() if s), reverse=sign > 0)
            assert side.best() == tuple(levels[:LEVELS])
            assert changed == (side.best() != before)


@pytest.mark.parametrize(
    ("position", "bar", "prices"),
    [
        (1, "10,14,8,12", [1000, 800, 1400, 1200]),
        (1, "12,14,8,10", [1200, 800, 1400, 1000]),
        (-1, "10,14,8,12", [1000, 1400, 800, 1200]),
        (-1, "12,14,8,10", [1200, 1400, 800, 1000]),
        (0, "10,14,8,12", [1000, 800, 1400, 1200]),
        (0, "10,14,8,10", [1000, 800, 1400, 1000]),
        (0, "12,14,8,10", [1200, 1400, 800, 1000]),
    ],
)
def test_a_bar_comes_in_the_worse_order(
    tmp_path: Path, position: int, bar: str, prices: list[int]
) -> None:
    path = write(tmp_path, BARS, f"0,{bar},0.011")
    trades = list(MarketFile(path, BTC, worse=lambda symbol: position * (symbol == S)))
    step = MINUTE // 4
    assert [(t.at, t.price) for t in trades if isinstance(t, Trade)] == [
        (n * step, price) for n, price in enumerate(prices)
    ]
    assert [t.quantity for t in trades if isinstance(t, Trade)] == [2, 2, 2, 5]


def test_the_position_is_asked_when_the_extreme_is_due(tmp_path: Path) -> None:
    """A fill at the open makes the rest of the same bar come in the worse order."""
    path = write(tmp_path, BARS, "0,10,14,8,9,1")
    position = [0]
    prices = []
    for tick in merge([MarketFile(path, BTC, worse=lambda _: position[0]), []]):
        assert isinstance(tick, Trade)
        prices.append(tick.price)
        position[0] = 1
    assert prices == [1000, 800, 1400, 900]


def test_bid_and_ask_bars_become_quotes(tmp_path: Path) -> None:
    path = write(tmp_path, BID_ASK_BARS, f"{MINUTE},10,14,8,12,11,15,9,13")
    step = MINUTE // 4
    assert list(MarketFile(path, BTC, worse=lambda _: -1)) == [
        Quote(S, MINUTE, 1000, 0, 1100, 0),
        Quote(S, MINUTE + step, 1400, 0, 1500, 0),
        Quote(S, MINUTE + 2 * step, 800, 0, 900, 0),
        Quote(S, MINUTE + 3 * step, 1200, 0, 1300, 0),
    ]


def test_bars_closer_than_a_minute_stay_in_order(tmp_path: Path) -> None:
    bars = (f"{at},1,1,1,1,4" for at in (0, 1_000, 1_001, MINUTE))
    found = ticks(tmp_path, BARS, *bars)
    assert [tick.at for tick in found[:9]] == [0, 250, 500, 750, 1_000, 1_000, 1_000, 1_000, 1_001]
    assert [tick.at for tick in found] == sorted(tick.at for tick in found)


@pytest.mark.parametrize("name", ["market.csv", "market.csv.gz", "packed"])
def test_plain_or_packed_says_the_content_not_the_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, TRADES, "5,1,1,buy", name=name)
    if name == "packed":
        write(tmp_path, TRADES, "5,1,1,buy", name="other.gz").rename(path)
    assert list(MarketFile(path, BTC)) == [Trade(S, 5, 100, 1_000, 1)]


def test_windows_line_ends_and_a_last_line_without_one(tmp_path: Path) -> None:
    path = tmp_path / "market.csv"
    path.write_bytes(b"ts_ns,price,qty,side\r\n5,1,1,buy\r\n\r\n6,1,1,sell")
    assert [tick.at for tick in MarketFile(path, BTC)] == [5, 6]


def test_a_file_can_be_read_again(tmp_path: Path) -> None:
    market = MarketFile(write(tmp_path, TRADES, "5,1,1,buy", "4,1,1,buy"), BTC, skip_bad=True)
    assert list(market) == list(market)
    assert (market.tally.rows, market.tally.skipped) == (2, 1)


def test_files_merge_by_time_and_then_by_their_order(tmp_path: Path) -> None:
    one = write(tmp_path, TRADES, "1,1,1,", "5,1,1,", "5,2,1,", name="1.csv")
    two = write(tmp_path, QUOTES, "0,1,1,2,1", "5,1,1,2,1", "9,1,1,2,1", name="2.csv")
    first, second = MarketFile(one, BTC), MarketFile(two, BTC)

    def story(merged: Iterator[Tick]) -> list[tuple[int, str]]:
        return [(tick.at, type(tick).__name__[0]) for tick in merged]

    assert story(merge([first, second])) == [
        *((0, "Q"), (1, "T"), (5, "T"), (5, "T"), (5, "Q"), (9, "Q")),
    ]
    assert story(merge([second, first]))[2:5] == [(5, "Q"), (5, "T"), (5, "T")]
    assert story(merge([first])) == story(iter(first))
    assert list(merge([])) == []


def found_files() -> list[Path]:
    """The shared market data beside the repository, where there is any."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    return sorted(folder.glob("*/*.csv.gz"))


FILES = found_files()
if FILES:

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_real_files_read_to_their_end(path: Path) -> None:
        instrument = infer("REAL.PAPER", [path]).instrument
        market = MarketFile(path, instrument)
        last = count = 0
        for tick in market:
            assert tick.at >= last
            last = tick.at
            count += 1
        assert count
        assert market.tally.skipped == 0


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (TRADES, Kind.TRADES),
        (QUOTES, Kind.QUOTES),
        (BARS, Kind.BARS),
        (BID_ASK_BARS, Kind.BID_ASK_BARS),
        (UPDATES, Kind.UPDATES),
        (SNAPSHOTS, Kind.SNAPSHOTS),
    ],
)
def test_the_header_says_the_kind(tmp_path: Path, header: str, kind: Kind) -> None:
    assert read_header(write(tmp_path, header)).kind is kind


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("a,b,c", "not a header of market data"),
        ("time,price,side", "missing in the header: ts_ns, qty. Known headers are"),
        ("ts_ns,price,qty,side,price", "stands in the header twice"),
        (
            "ts_ns,bid1,bid1_size,ask1,ask1_size,bid2,ask2,ask2_size",
            "missing in the header: bid2_size",
        ),
    ],
)
def test_a_header_that_says_nothing_is_refused(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(MarketFileError, match=message) as caught:
        read_header(write(tmp_path, header))
    assert caught.value.line == 1


def test_an_instrument_of_another_increment(tmp_path: Path) -> None:
    quarter = Instrument("ES.PAPER", "0.25", "1")
    path = write(tmp_path, TRADES, "5,1675.25,3,buy")
    assert list(MarketFile(path, quarter)) == [Trade("ES.PAPER", 5, 6_701, 3, 1)]
    write(tmp_path, TRADES, "5,1675.30,3,buy")
    with pytest.raises(MarketFileError, match=r"1675\.30 is not a multiple of the increment 0\.25"):
        list(MarketFile(path, quarter))
