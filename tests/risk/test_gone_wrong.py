"""A strategy gone wrong is stopped within its limits: stories, each with the figure it reaches."""

import pytest

from interlock.orders import facts as f
from interlock.orders import requests as q
from interlock.orders.commands import Accepted
from interlock.orders.limits import BlockCause
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.reports import VenueReject
from tests.scenarios.orders import bracket, limit, market, stop
from tests.tape import MS, SECOND, Tape

C = RejectCode
MARGIN = VenueReject.INSUFFICIENT_MARGIN


def entered(tape: Tape, **more):
    """A bracket that has bought ten: its target rests, its stop is held here."""
    order = tape.place(bracket("10"), **more)
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    return order


def sent(tape: Tape) -> list[q.SubmitVenueOrder]:
    """What went to the venue and could open something."""
    return [one for one in tape.submits() if not one.protective and not one.reduce_only]


def answers(tape: Tape, count: int, apart_ns: int, order: dict) -> list[str]:
    """What a loop is told, once for each turn."""
    said = []
    for _ in range(count):
        answer = tape.refused_or_placed(order, tag="loop")
        said.append("taken" if isinstance(answer, Accepted) else str(answer.code))
        tape.wait(apart_ns)
    return said


# A runaway loop.


def test_a_loop_of_placements_is_held_to_its_rate_and_then_stopped_by_its_breaker():
    tape = Tape()
    tape.limits({"tag": "loop"}, max_orders_per_s=10, breaker_rejects=20, breaker_cool_s=60)
    said = answers(tape, 300, 5 * MS, limit("buy", "90.00", "1"))
    assert said.count("taken") == len(sent(tape)) == 10
    assert said[10:30] == ["RISK_RATE"] * 20
    assert set(said[30:]) == {"RISK_BLOCKED"}
    assert all(order.winding == "protect" for order in tape.state.orders.living())
    assert tape.incidents() == ["breaker_opened"]


def test_a_loop_that_fills_stops_at_the_position_it_may_have():
    tape = Tape()
    tape.trade("100.00")
    tape.limits({"tag": "loop"}, max_position="7")
    bought = 0
    for _ in range(50):
        answer = tape.refused_or_placed(market("buy", "2", id="entry"), tag="loop")
        if isinstance(answer, Accepted):
            order = tape.state.orders[answer.order_id]
            tape.ack(order, "entry")
            tape.fill(order, "entry", 2, "100.00")
            bought += 2
    assert bought == 6
    assert isinstance(answer, Reject)
    assert (answer.breach.figure, answer.breach.limit) == ("8", "7")


def test_a_loop_that_cancels_and_places_anew_is_counted_with_what_is_still_at_the_venue():
    """No cancel is answered: all that was ever sent could fill."""
    tape = Tape()
    tape.limits({"tag": "loop"}, max_position="5")
    for _ in range(50):
        answer = tape.refused_or_placed(limit("buy", "90.00", "1"), tag="loop")
        if isinstance(answer, Accepted):
            tape.ack(tape.state.orders[answer.order_id], "leg_1")
            tape.command("cancel", order_id=answer.order_id)
    assert sum(one.quantity for one in sent(tape)) == 5


def test_a_loop_of_cancels_is_never_refused_and_places_nothing_new():
    tape = Tape()
    tape.limits({"tag": "loop"}, max_cancels_per_s=5)
    orders = [tape.place(limit("buy", "90.00", "1"), tag="loop") for _ in range(10)]
    for order in orders:
        assert isinstance(tape.command("cancel", order_id=order.id), Accepted)
    assert tape.refuse(limit("buy", "90.00", "1"), tag="loop").code is C.RISK_RATE
    tape.wait(2 * SECOND)
    tape.place(limit("buy", "90.00", "1"), tag="loop")


def test_amends_without_end_can_only_tighten_the_stop():
    tape = Tape()
    order = entered(tape, tag="loop")
    tape.limits({"tag": "loop"}, max_orders_per_s=3, breaker_rejects=None)
    moved = 0
    for step in range(50):
        level = f"{90 + step % 5}.00"
        answer = tape.command("amend", order_id=order.id, legs={"stop": {"trigger_price": level}})
        moved += isinstance(answer, Accepted)
    # Away to 90, then nearer to 94; from there on only 94 again, which changes nothing.
    assert moved == 5 + 9
    assert [leg.armed_level for leg in order.legs if leg.protective] == [9400]


# A fat finger, and what is no number.


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (limit("buy", "1000.00", "1"), C.RISK_PRICE_COLLAR),
        (limit("sell", "10.00", "1"), C.RISK_PRICE_COLLAR),
        (limit("buy", "100.00", "1000"), C.RISK_ORDER_QUANTITY),
        (market("buy", "51"), C.RISK_ORDER_NOTIONAL),
        (bracket("10", loss="9.50"), C.RISK_STOP_DISTANCE),
        (bracket("10", loss="99.99"), C.RISK_STOP_DISTANCE),
    ],
)
def test_a_nought_too_many_reaches_no_venue(order, code):
    tape = Tape()
    tape.trade("100.00")
    tape.limits(
        max_price_deviation_bps=500,
        max_order_quantity="100",
        max_order_notional="5000",
        min_stop_distance_bps=50,
        max_stop_distance_bps=2000,
    )
    assert tape.refuse(order).code is code
    assert not tape.requests


def test_a_nought_too_many_in_an_amend_leaves_the_order_as_it_was():
    tape = Tape(native_amend=True)
    tape.trade("100.00")
    tape.limits(max_price_deviation_bps=500, max_order_quantity="100")
    order = tape.place(limit("buy", "99.00", "10", id="entry"))
    tape.ack(order, "entry")
    before = len(tape.requests)
    for change in ({"price": "990.00"}, {"quantity": "1000"}):
        assert isinstance(tape.command("amend", order_id=order.id, legs={"entry": change}), Reject)
    assert len(tape.requests) == before
    assert tape.working(order) == {"entry": 10}


@pytest.mark.parametrize("value", ["NaN", "nan", "inf", "-Infinity", "", "1e", "0x10"])
def test_a_signal_that_is_no_number_is_refused_and_fires_nothing(value):
    tape = Tape()
    tape.place(market("buy", "1", when={"signal": {"name": "mood", "at_or_above": "5"}}))
    assert tape.command("signal", name="mood", value=value).code is C.BAD_NUMBER
    assert not tape.requests
    tape.command("signal", name="mood", value="5")
    assert len(tape.submits()) == 1


# A bot that dies.


def test_a_bot_dies_and_its_entries_go_while_its_position_stays_protected():
    tape = Tape()
    order = entered(tape, tag="bot")
    waiting = tape.place(limit("buy", "90.00", "5", id="entry"), tag="bot")
    tape.ack(waiting, "entry")
    hidden = tape.place(stop("buy", "120.00", "5", id="entry"), tag="bot")
    arm = {"name": "bot", "after_ms": 3000, "scope": {"tag": "bot"}, "by": "bot"}
    for _ in range(5):
        tape.command("arm_countdown", **arm)
        tape.wait(2 * SECOND)
    assert waiting.winding == ""
    tape.wait(2 * SECOND)  # nothing more comes
    assert (waiting.winding, hidden.done) == ("protect", "canceled")
    tape.canceled(waiting, "entry")
    tape.trade("125.00")
    assert len(sent(tape)) == 2  # the two that were sent while it lived
    assert (tape.working(order), tape.armed(order)) == ({"target": 10}, ["stop"])
    tape.restart()
    order = tape.state.orders[order.id]
    tape.trade("94.00")
    tape.canceled(order, "target")
    assert [one.quantity for one in tape.submits("stop")] == [10]
    tape.command("arm_countdown", **arm)  # it is back
    tape.place(limit("buy", "90.00", "1"), tag="bot")


def test_a_bot_dies_with_its_server_and_is_found_dead_when_that_comes_back():
    tape = Tape()
    waiting = tape.place(limit("buy", "90.00", "5", id="entry"))
    tape.ack(waiting, "entry")
    tape.command("arm_countdown", name="bot", after_ms=3000, level="flatten")
    tape.at += 60 * SECOND
    tape.restart()
    assert tape.state.orders[waiting.id].winding == "flatten"
    assert tape.incidents() == ["countdown_ran_out"]


# A stale feed.


@pytest.mark.parametrize(
    ("policy", "resting", "closed"),
    [("alert", [], []), ("safety_stop", [9500], []), ("flatten", [], [10])],
)
def test_a_feed_falls_silent_while_a_stop_is_held_by_it(policy, resting, closed):
    tape = Tape(native_stop=True)
    tape.trade("100.00")
    tape.limits({"instrument": "BTC.PAPER"}, feed_stale_ms=2000, feed_calm_ms=1000)
    order = entered(tape, policy={"on_stale_feed": policy})
    tape.place(stop("buy", "105.00", "1", id="late"))
    tape.wait(3 * SECOND)
    assert tape.incidents()[0] == "stale_feed"
    assert [one.trigger_price for one in tape.submits("stop")] == resting
    if policy == "flatten":
        tape.canceled(order, "target")
    assert [one.quantity for one in tape.submits("close_1")] == closed
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED
    tape.trade("106.00")  # one price after the silence proves nothing
    assert not tape.submits("late")


# Margin that vanishes.


def test_an_entry_refused_for_margin_is_not_sent_again():
    tape = Tape()
    order = tape.place(bracket())
    said = tape.rejected(order, "entry", MARGIN)
    said += tape.wait(600 * SECOND)
    assert not [line for line in said if line.startswith("< Submit")]
    assert order.done == "rejected"
    assert not any(isinstance(fact, f.VenueDisconnected | f.VenueConnected) for fact in tape.facts)


def test_a_strategy_without_margin_is_stopped_by_its_breaker_and_may_try_once_later():
    tape = Tape()
    tape.limits({"tag": "grid"}, breaker_rejects=3, breaker_cool_s=60)
    tries = 0
    for _ in range(20):
        answer = tape.refused_or_placed(limit("buy", "90.00", "1", id="entry"), tag="grid")
        if isinstance(answer, Accepted):
            tries += 1
            tape.rejected(tape.state.orders[answer.order_id], "entry", MARGIN)
    assert tries == 3
    tape.wait(61 * SECOND)
    order = tape.place(limit("buy", "90.00", "1", id="entry"), tag="grid")
    assert tape.refuse(limit("buy", "90.00", "1"), tag="grid").code is C.RISK_BLOCKED
    tape.ack(order, "entry")
    assert (BlockCause.BREAKER, "tag grid") in tape.state.risk.blocks


def test_an_exit_refused_for_margin_is_tried_a_few_times_ever_more_slowly_and_then_told_of():
    tape = Tape()
    order = entered(tape)
    tape.trade("94.00")
    tape.canceled(order, "target")
    moments = [tape.at]
    for _ in range(40):
        if tape.leg(order, "stop").venue is None:
            break
        tape.rejected(order, "stop", MARGIN)
        before = len(tape.submits("stop"))
        for _ in range(1200):
            if len(tape.submits("stop")) > before or tape.leg(order, "stop").ended:
                break
            tape.wait(100 * MS)
        moments.append(tape.at)
    count = len(tape.submits("stop"))
    assert 2 <= count <= 20
    assert tape.leg(order, "stop").ended
    assert {"exit_rejected", "naked_position"} <= set(tape.incidents())
    assert moments[2] - moments[1] > moments[1] - moments[0]
    assert not any(isinstance(one, f.VenueDisconnected) for one in tape.facts)


# A day that loses.


def test_a_losing_day_ends_where_its_limit_is_and_the_next_one_begins_anew():
    tape = Tape()
    tape.limits({"tag": "grid"}, max_daily_loss="120", day_starts="22:30")
    lost = 0
    for _ in range(10):
        answer = tape.refused_or_placed(bracket("10"), tag="grid")
        if isinstance(answer, Reject):
            break
        order = tape.state.orders[answer.order_id]
        tape.ack(order, "entry")
        tape.fill(order, "entry", 10, "100.00")
        tape.ack(order, "target")
        tape.trade("95.00")
        tape.canceled(order, "target")
        tape.fill(order, "stop", 10, "95.00")
        tape.trade("100.00")
        lost += 50
    assert lost == 150  # the order that went over it was the last
    assert answer.code is C.RISK_BLOCKED  # at once, whatever is to be looked at later
    tape.wait(2 * SECOND)
    assert tape.refuse(bracket(), tag="grid").code is C.RISK_BLOCKED
    tape.wait(20 * 60 * SECOND)  # 22:13:20 when it began
    tape.trade("100.00")
    tape.place(bracket(), tag="grid")
