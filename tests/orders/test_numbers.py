"""Decimal text and whole increments: every edge where a number could change on its way in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.orders.numbers import (
    DIGITS_MAX,
    UNITS_MAX,
    Decimal10,
    Increment,
    NumberFault,
    NumberProblem,
    decimal_text,
    increment,
    parse_decimal,
)

CENT = Increment(1, 2)


def fault(text: str) -> NumberFault:
    problem = parse_decimal(text)
    assert isinstance(problem, NumberProblem), f"{text!r} was read as {problem}"
    assert problem.detail
    return problem.fault


@pytest.mark.parametrize(
    ("text", "mantissa", "places"),
    [
        ("0", 0, 0),
        ("0.00", 0, 2),
        ("28000", 28_000, 0),
        ("28000.50", 2_800_050, 2),
        ("-1.5", -15, 1),
        ("0.00000001", 1, 8),
        ("007", 7, 0),
        ("1." + "0" * 39, 10**39, 39),
        ("9" * DIGITS_MAX, 10**DIGITS_MAX - 1, 0),
        ("0." + "0" * 38 + "1", 1, 39),
    ],
)
def test_plain_decimal_text_is_read_exactly(text, mantissa, places):
    assert parse_decimal(text) == Decimal10(mantissa, places)


@pytest.mark.parametrize("text", ["1e5", "1E5", "1e-8", "-2.5e3", "1.e3", "0e0"])
def test_an_exponent_is_refused_and_the_way_out_is_to_write_it_out(text):
    assert fault(text) is NumberFault.EXPONENT
    problem = parse_decimal(text)
    assert isinstance(problem, NumberProblem)
    assert "write all digits out" in problem.detail


@pytest.mark.parametrize(
    "text", ["NaN", "nan", "-nan", "sNaN", "inf", "-inf", "Infinity", "-INFINITY", "+inf"]
)
def test_not_a_number_and_infinity_are_refused_as_what_they_are(text):
    assert fault(text) is NumberFault.NOT_A_NUMBER


@pytest.mark.parametrize("text", ["-0", "-0.0", "-0.000000"])
def test_negative_zero_is_refused_with_the_zero_to_send(text):
    problem = parse_decimal(text)
    assert isinstance(problem, NumberProblem)
    assert (problem.fault, problem.nearest) == (NumberFault.NEGATIVE_ZERO, ("0",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".",
        "1.",
        ".5",
        "-.5",
        "+1",
        "--1",
        " 1",
        "1 ",
        "1 000",
        "1_000",
        "1,5",
        "1.2.3",
        "0x10",
        "½",
        "٣٤",
        "１２",
        "1\n",
        "1\x00",
        "one",
        "$5",
        "50%",
    ],
)
def test_anything_else_is_malformed(text):
    assert fault(text) is NumberFault.MALFORMED


def test_length_is_limited_and_named():
    problem = parse_decimal("1" * (DIGITS_MAX + 1))
    assert isinstance(problem, NumberProblem)
    assert problem.fault is NumberFault.TOO_LONG
    assert str(DIGITS_MAX) in problem.detail
    hostile = parse_decimal("x" * 1_000_000)
    assert isinstance(hostile, NumberProblem)
    assert len(hostile.detail) < 200, "a refusal does not repeat a hostile body"


@pytest.mark.parametrize(
    ("step", "text", "nearest"),
    [
        ("0.01", "100.005", ("100", "100.01")),
        ("0.25", "1675.3", ("1675.25", "1675.5")),
        ("0.5", "0.1", ("0", "0.5")),
        ("5", "12", ("10", "15")),
        ("0.00000001", "0.000000015", ("0.00000001", "0.00000002")),
        ("0.01", "-1.005", ("-1.01", "-1")),
        ("3", "10", ("9", "12")),
    ],
)
def test_off_increment_names_the_nearest_on_both_sides(step, text, nearest):
    found = increment(step)
    assert isinstance(found, Increment)
    problem = found.units(text)
    assert isinstance(problem, NumberProblem)
    assert problem.fault is NumberFault.OFF_INCREMENT
    assert problem.nearest == nearest
    for one in nearest:
        assert isinstance(found.units(one), int), "what is offered must be accepted"


def test_needless_zeros_do_not_make_a_number_off_increment():
    assert CENT.units("100.0100000000") == 10_001
    assert CENT.units("0100.01") == 10_001


@pytest.mark.parametrize("text", ["0", "0.00", "-0.01", "-1"])
def test_an_increment_is_above_zero(text):
    problem = increment(text)
    assert isinstance(problem, NumberProblem)
    assert "above zero" in problem.detail


@pytest.mark.parametrize("text", ["nan", "1e-2", "-0", ""])
def test_an_increment_is_a_number(text):
    assert isinstance(increment(text), NumberProblem)


def test_an_increment_drops_needless_zeros_but_no_whole_ones():
    assert increment("0.0100") == CENT
    assert increment("100") == Increment(100, 0)
    assert increment("10.0") == Increment(10, 0)


@pytest.mark.parametrize(
    ("mantissa", "places", "text"),
    [
        (0, 0, "0"),
        (0, 8, "0"),
        (1, 8, "0.00000001"),
        (-1, 2, "-0.01"),
        (-150, 2, "-1.5"),
        (100, 2, "1"),
        (15, -2, "1500"),
    ],
)
def test_text_has_no_needless_zeros_and_no_exponent(mantissa, places, text):
    assert decimal_text(mantissa, places) == text


steps = st.builds(Increment, st.integers(1, 10**6), st.integers(0, 12))
amounts = st.integers(-UNITS_MAX, UNITS_MAX)


@given(steps, amounts)
def test_units_to_text_to_units_is_exact(step, units):
    assert step.units(step.text(units)) == units


@given(st.integers(-UNITS_MAX, UNITS_MAX), st.integers(0, 9))
def test_text_to_units_to_text_is_exact(mantissa, places):
    text = decimal_text(mantissa, places)
    step = Increment(1, places)
    units = step.units(text)
    assert isinstance(units, int)
    assert step.text(units) == text


@given(steps, st.integers(-(10**15), 10**15), st.integers(0, 15))
def test_split_is_the_floor(step, mantissa, places):
    low, more = step.split(Decimal10(mantissa, places))
    scale = max(step.places, places)
    value = mantissa * 10 ** (scale - places)
    one = step.mantissa * 10 ** (scale - step.places)
    assert low * one <= value < (low + 1) * one
    assert more == (low * one != value)


@given(st.text(max_size=12))
def test_no_text_makes_it_raise_and_what_is_read_is_plain(text):
    parsed = parse_decimal(text)
    if isinstance(parsed, Decimal10):
        assert all(c in "-.0123456789" for c in text)


@pytest.mark.parametrize("text", ["1000000000000001", "-9999999999999999999999", "9" * 40])
def test_what_no_market_trades_and_64_bits_cannot_hold_is_refused(text):
    problem = Increment(1, 0).units(text)
    assert isinstance(problem, NumberProblem)
    assert problem.fault is NumberFault.TOO_LARGE
    assert "1000000000000000" in problem.detail
