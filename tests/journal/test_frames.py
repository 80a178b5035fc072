"""Frames: the digest covers everything, and heads of payloads are counted right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from interlock.journal.frames import (
    GENESIS,
    Frame,
    decode_facts,
    digest,
    encode_facts,
    fact_count,
)

from .stories import START, facts_of

FRAME = Frame(2, 1, GENESIS, START, 5, encode_facts(facts_of(2)))


@pytest.mark.parametrize(
    "change",
    [
        {"n": 3},
        {"epoch": 2},
        {"previous": b"\1" + GENESIS[1:]},
        {"at": START + 1},
        {"first_seq": 6},
        {"payload": FRAME.payload + b"\0"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_is_under_the_digest(change: dict[str, object]) -> None:
    assert digest(structs.replace(FRAME, **change)) != digest(FRAME)


def test_bytes_cannot_move_between_previous_and_payload() -> None:
    shifted = structs.replace(
        FRAME, previous=GENESIS + FRAME.payload[:1], payload=FRAME.payload[1:]
    )
    assert digest(shifted) != digest(FRAME)


def test_the_digest_of_this_format_stays_as_it_is() -> None:
    assert (
        digest(Frame(1, 1, GENESIS, START, 1, b"\x90")).hex() == "b554967ecce9ced51a1369eeef57e525"
    )


@given(st.sampled_from([0, 1, 15, 16, 17, 300, 65_535, 65_536]))
def test_facts_are_counted_from_the_head(count: int) -> None:
    payload = encode_facts(facts_of(0) * count)
    assert fact_count(payload) == count
    assert structs.replace(FRAME, payload=payload).next_seq == 5 + count


def test_facts_come_back_as_they_went() -> None:
    assert decode_facts(FRAME.payload) == facts_of(2)


@given(st.binary(max_size=20))
def test_any_payload_can_be_counted(payload: bytes) -> None:
    assert fact_count(payload) >= 0
