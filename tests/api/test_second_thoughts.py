"""The model behind a second thought, held against what it can be reckoned by hand."""

import math

from interlock.api.second_thoughts import (
    HORIZON_STEPS,
    LEAST,
    STEP_NS,
    Volatility,
    estimated,
    shortfall,
    touch,
)
from interlock.orders.rejects import Weakened
from interlock.orders.ticks import Trade

STOP = Weakened("stop", "BTC.PAPER", "sell", "2", "95", "90", "2")


def test_a_level_one_deviation_away_is_touched_one_time_in_three():
    assert round(touch(0.01, 0.01), 4) == round(2 * (1 - 0.841344746), 4)
    assert (touch(0.0, 0.01), touch(0.01, 0.0)) == (1.0, 0.0)


def test_the_worst_ends_lose_two_deviations_and_a_stop_caps_them():
    assert round(shortfall(0.01, None), 4) == 0.0206
    assert shortfall(0.01, 0.005) == 0.005
    assert shortfall(0.01, 1.0) == shortfall(0.01, None)


def test_volatility_is_of_ten_second_steps_and_needs_two_minutes():
    seen = Volatility()
    for step in range(LEAST + 1):
        for offset in (0, STEP_NS // 3):  # what comes in between changes nothing
            price = 10_000 if step % 2 else 10_100
            seen.hear(Trade("BTC.PAPER", step * STEP_NS + offset, price if not offset else 1, 1))
        assert (seen.of_step("BTC.PAPER") is None) is (step < LEAST)
    assert math.isclose(seen.of_step("BTC.PAPER") or 0.0, math.log(1.01), rel_tol=1e-9)


def test_an_estimate_says_what_moving_a_stop_changes():
    step = 0.05 / math.sqrt(HORIZON_STEPS)  # 5 % in an hour
    told = estimated(STOP, 100.0, step)
    assert (told.volatility_1h_pct, told.touch_now, told.touch_after) == (5.0, 0.3173, 0.0455)
    assert (told.shortfall_now, told.shortfall_after) == (10.0, 20.0)
    gone = estimated(Weakened("stop", "BTC.PAPER", "sell", "2", "95"), 100.0, step)
    assert (gone.touch_after, gone.shortfall_after) == (None, round(2 * 100 * 0.05 * 2.0627, 2))


def test_a_market_that_was_not_seen_is_not_estimated():
    told = estimated(STOP, 100.0, None)
    assert (told.volatility_1h_pct, told.touch_now, told.shortfall_now) == (None, None, None)
