"""Ids: derived from the journal, sortable, and told apart from anybody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.orders.ids import client_id, order_id, parse_client_id

LAST = 36**7 - 1


@pytest.mark.parametrize(
    ("seq", "name"), [(0, "o0000000"), (1, "o0000001"), (46, "o000001a"), (LAST, "ozzzzzzz")]
)
def test_an_order_id_is_its_sequence_number_in_base_36(seq, name):
    assert order_id(seq) == name


@given(st.integers(0, LAST), st.integers(0, LAST))
def test_order_ids_sort_as_their_orders_were_accepted(one, other):
    assert (order_id(one) < order_id(other)) == (one < other)
    assert (order_id(one) == order_id(other)) == (one == other)


def test_running_out_of_ids_is_a_crash_and_never_a_repeat():
    with pytest.raises(AssertionError, match="exhausted"):
        order_id(LAST + 1)


@given(st.integers(0, LAST), st.integers(0, 63), st.integers(1, 10**6))
def test_a_client_id_names_order_leg_and_attempt(seq, leg, attempt):
    made = client_id(order_id(seq), leg, attempt)
    assert parse_client_id(made) == (order_id(seq), leg, attempt)
    assert len(made) <= 36, "short enough for any venue"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web_3141",
        "o0000001",
        "o0000001.0",
        "o0000001.0.1.1",
        "o000001.0.1",
        "x0000001.0.1",
        "o000000A.0.1",
        "o0000001.-1.1",
        "o0000001.a.1",
        "o0000001.0.",
        "o0000001.٣.1",
        "o0000001 .0.1",
    ],
)
def test_a_foreign_id_is_not_taken_for_ours(text):
    assert parse_client_id(text) is None
