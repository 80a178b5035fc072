"""Instruments: text to whole increments and back, minimums rounded up, fees never in our favour."""

import msgspec
import pytest
from msgspec.structs import replace

from interlock.orders.grid import MEMO_MAX, Grid
from interlock.orders.instruments import (
    Fees,
    Instrument,
    PositionMode,
    PriceBand,
    Session,
    instrument_problem,
)
from interlock.orders.numbers import NumberFault, NumberProblem

PLAIN = Instrument("BTCUSDT.PAPER", "0.01", "0.001")


def test_a_grid_counts_in_increments_both_ways():
    grid = Grid(PLAIN)
    assert grid.venue == "PAPER"
    assert grid.price_units("28000.01") == 2_800_001
    assert grid.quantity_units("0.5") == 500
    assert grid.price_text(2_800_001) == "28000.01"
    assert grid.quantity_text(500) == "0.5"


def test_money_is_price_times_quantity_times_multiplier_exactly():
    grid = Grid(Instrument("ES.PAPER", "0.25", "1", multiplier="50"))
    price, quantity = grid.price_units("4500.25"), grid.quantity_units("3")
    assert isinstance(price, int)
    assert isinstance(quantity, int)
    assert grid.money_text(price * quantity) == "675037.5"


def test_off_increment_texts_say_what_is_near():
    grid = Grid(PLAIN)
    problem = grid.price_units("28000.005")
    assert isinstance(problem, NumberProblem)
    assert problem.nearest == ("28000", "28000.01")
    problem = grid.quantity_units("0.0005")
    assert isinstance(problem, NumberProblem)
    assert problem.fault is NumberFault.OFF_INCREMENT


def test_a_problem_is_not_remembered_as_a_number_and_the_memo_is_bounded():
    grid = Grid(PLAIN)
    for _ in range(2):
        assert isinstance(grid.price_units("1.005"), NumberProblem)
    for n in range(MEMO_MAX + 10):
        assert grid.price_units(str(n)) == n * 100
    assert grid.price_units("7") == 700


@pytest.mark.parametrize(
    ("least", "units"), [("0", 1), ("0.001", 1), ("0.0011", 2), ("0.01", 10), ("1", 1000)]
)
def test_the_minimum_quantity_is_rounded_up_and_never_zero(least, units):
    assert Grid(replace(PLAIN, min_quantity=least)).min_quantity == units


def test_the_maximum_quantity_is_rounded_down():
    assert Grid(PLAIN).max_quantity is None
    assert Grid(replace(PLAIN, max_quantity="2.5009")).max_quantity == 2500


@pytest.mark.parametrize(
    ("least", "money"),
    [("0", "0"), ("10", "10"), ("10.000001", "10.00001"), ("0.000001", "0.00001")],
)
def test_the_minimum_notional_is_rounded_up_to_a_whole_unit_of_money(least, money):
    grid = Grid(replace(PLAIN, min_notional=least))
    assert grid.money_text(grid.min_notional) == money


@pytest.mark.parametrize(
    ("bps", "price", "quantity", "fee"),
    [
        ("0", 10_000, 10, 0),
        ("1", 10_000, 10, 10),
        ("2.5", 10_000, 10, 25),
        ("1", 1, 1, 1),  # a ten-thousandth of a unit still costs one
        ("0.0001", 10_000, 10, 1),
        ("-1", 10_000, 10, -10),
        ("-1", 1, 1, 0),  # a rebate below one unit is none
    ],
)
def test_fees_are_rounded_against_the_trader(bps, price, quantity, fee):
    grid = Grid(replace(PLAIN, fees=Fees(maker_bps=bps, taker_bps="7")))
    assert grid.fee(price, quantity, maker=True) == fee


def test_a_taker_pays_the_takers_rate():
    grid = Grid(replace(PLAIN, fees=Fees(maker_bps="-1", taker_bps="5")))
    assert grid.fee(10_000, 10, maker=False) == 50


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"symbol": "BTCUSDT"}, "NAME.VENUE"),
        ({"symbol": ".PAPER"}, "NAME.VENUE"),
        ({"symbol": "BTC."}, "NAME.VENUE"),
        ({"price_increment": "0"}, "price_increment"),
        ({"price_increment": "1e-2"}, "exponent"),
        ({"quantity_increment": "-1"}, "above zero"),
        ({"multiplier": "nan"}, "not a finite number"),
        ({"min_quantity": "-1"}, "min_quantity must not be negative"),
        ({"max_quantity": "lots"}, "max_quantity"),
        ({"min_notional": ""}, "min_notional"),
        ({"fees": Fees(maker_bps="free")}, "fees.maker_bps"),
        ({"fees": Fees(taker_bps="-0")}, "fees.taker_bps"),
        ({"session": Session(open=900, close=900)}, "open must be before close"),
        ({"session": Session(close=1441)}, "0 to 1440"),
        ({"session": Session(days=())}, "at least one"),
        ({"session": Session(days=(0, 1))}, "ISO weekdays"),
    ],
)
def test_an_instrument_that_makes_no_sense_says_why(changes, words):
    problem = instrument_problem(replace(PLAIN, **changes))
    assert problem is not None
    assert words in problem


def test_a_full_instrument_is_sound_and_survives_json():
    full = Instrument(
        "BTCUSDT.PAPER",
        "0.01",
        "0.001",
        min_quantity="0.001",
        max_quantity="100",
        min_notional="5",
        multiplier="1",
        price_band=PriceBand(500, 500),
        position_mode=PositionMode.HEDGE,
        fees=Fees("-0.5", "4"),
        session=Session(810, 1200, (1, 2, 3, 4, 5)),
    )
    assert instrument_problem(full) is None
    assert msgspec.json.decode(msgspec.json.encode(full), type=Instrument) == full
    with pytest.raises(msgspec.ValidationError, match="tick_size"):
        msgspec.json.decode(
            b'{"symbol":"A.B","price_increment":"1","quantity_increment":"1","tick_size":"1"}',
            type=Instrument,
        )
