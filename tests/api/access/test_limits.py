"""How often: buckets that fill with time, budgets kept apart, nonces that fit in memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interlock.api.access.limits import Allowance, Limits, Rate
from interlock.api.access.nonces import Nonces
from interlock.api.problems import ApiCode
from interlock.api.route import Budget
from tests.api.access.desk import MS, SECOND, Clock, code

RATES = {
    Budget.PLACING: Rate(10, 20),
    Budget.PROTECTING: Rate(5, 5),
    Budget.KILLING: Rate(1, 3),
    Budget.READING: Rate(1, 1),
}
PLACING, PROTECTING, READING = Budget.PLACING, Budget.PROTECTING, Budget.READING


def test_a_bucket_gives_its_burst_and_then_its_rate():
    clock = Clock()
    limits = Limits(clock, RATES)
    assert [limits.take("k", PLACING).remaining for _ in range(20)] == list(range(19, -1, -1))
    refused = limits.take("k", PLACING)
    assert not refused.allowed
    assert refused == Allowance(False, 20, 0, reset_s=2, retry_after_s=1)
    clock.passes(SECOND // 10 - 1)
    assert not limits.take("k", PLACING).allowed
    clock.passes(1)
    assert limits.take("k", PLACING) == Allowance(True, 20, 0, reset_s=2, retry_after_s=0)
    clock.passes(3600 * SECOND)
    assert limits.take("k", PLACING).remaining == 19


def test_a_batch_costs_what_it_holds_and_one_too_large_waits_for_a_full_bucket():
    clock = Clock()
    limits = Limits(clock, RATES)
    assert limits.take("k", PLACING, 15).remaining == 5
    short = limits.take("k", PLACING, 6)
    assert (short.allowed, short.remaining, short.retry_after_s) == (False, 5, 1)
    assert limits.take("k", PLACING, 5).allowed
    clock.passes(2 * SECOND)
    large = limits.take("k", PLACING, 50)
    assert (large.allowed, large.remaining, large.reset_s) == (True, 0, 5)
    clock.passes(3 * SECOND)
    assert not limits.take("k", PLACING).allowed
    clock.passes(SECOND)
    assert limits.take("k", PLACING).allowed


def test_placing_never_takes_the_right_to_cancel_and_keys_do_not_share():
    limits = Limits(Clock(), RATES)
    while limits.take("k", PLACING).allowed:
        pass
    assert limits.take("k", PROTECTING).remaining == 4
    assert limits.take("k", READING).allowed
    assert limits.take("other", PLACING).allowed


def test_whatever_is_used_up_a_kill_is_still_taken():
    limits = Limits(Clock(), RATES)
    for budget in (PLACING, PROTECTING, READING):
        while limits.take("k", budget).allowed:
            pass
    assert limits.take("k", Budget.KILLING).allowed


def test_a_clock_set_back_gives_and_takes_nothing():
    clock = Clock()
    limits = Limits(clock, RATES)
    limits.take("k", READING)
    clock.passes(-3600 * SECOND)
    assert not limits.take("k", READING).allowed
    clock.passes(SECOND)
    assert limits.take("k", READING).allowed


def test_buckets_are_bounded():
    limits = Limits(Clock(), RATES, buckets_max=10)
    for number in range(100):
        limits.take(f"k{number}", READING)
    assert len(limits._buckets) == 10
    assert not limits.take("k99", READING).allowed


@given(
    steps=st.lists(st.tuples(st.integers(0, 5 * SECOND), st.integers(1, 60)), max_size=40),
)
def test_never_more_than_the_burst_and_the_rate_and_one_batch(steps: list[tuple[int, int]]):
    clock = Clock()
    limits, spent, began = Limits(clock, RATES), 0, clock()
    for ns, cost in steps:
        clock.passes(ns)
        answer = limits.take("k", PLACING, cost)
        spent += cost * answer.allowed
        assert answer.allowed == (answer.retry_after_s == 0)
        if not answer.allowed:
            clock.passes(answer.retry_after_s * SECOND)
            assert limits.take("k", PLACING, cost).allowed, "Retry-After was too short"
            spent += cost
        earned = (clock() - began) * RATES[PLACING].per_second // SECOND
        assert spent <= RATES[PLACING].burst + earned + max(0, cost - RATES[PLACING].burst)


def test_a_key_that_floods_is_refused_and_others_are_not():
    clock = Clock()
    nonces = Nonces(clock, nonces_max=100)
    now = clock() // MS
    answers = [code(nonces.remember("k", f"n{n}", now)) for n in range(150)]
    assert answers == [""] * 100 + [ApiCode.RATE_LIMITED] * 50
    assert nonces.remember("other", "n1", now) is None
    assert code(nonces.remember("k", "n1", now)) == ApiCode.NONCE_REUSED
    clock.passes(10 * SECOND)
    assert nonces.remember("k", "n100", clock() // MS) is None


def test_nonces_of_keys_that_rest_are_forgotten():
    clock = Clock()
    nonces = Nonces(clock)
    for number in range(100):
        nonces.remember("k", f"n{number}", clock() // MS)
    clock.passes(20 * SECOND)
    nonces.tidy()
    assert not nonces._seen["k"].young
    nonces.forget_key("k")
    assert not nonces._seen


@given(
    st.lists(
        st.tuples(st.integers(0, 6_000), st.integers(-5_000, 5_000), st.booleans()), max_size=60
    )
)
def test_whatever_the_pace_no_request_gets_in_twice(steps: list[tuple[int, int, bool]]):
    clock = Clock()
    nonces = Nonces(clock)
    clock.passes(60 * SECOND)
    let_in: list[tuple[str, int]] = []
    for number, (pause_ms, ahead_ms, tidy) in enumerate(steps):
        clock.passes(pause_ms * MS)
        if tidy:
            nonces.tidy()
        stamp = clock() // MS + ahead_ms
        assert nonces.outside(stamp) is None
        if nonces.remember("k", f"n{number}", stamp) is None:
            let_in.append((f"n{number}", stamp))
        for nonce, old in let_in:
            assert nonces.outside(old) or nonces.remember("k", nonce, old)
