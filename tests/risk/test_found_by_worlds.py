"""What worlds from seeds found in the gates and switches, each told as it happened."""

import pytest

from interlock.orders import facts as f
from interlock.orders.commands import Accepted
from interlock.orders.rejects import RejectCode
from interlock.orders.reports import Amended
from tests.scenarios.orders import bracket, limit, market, stop
from tests.tape import SECOND, Tape

C = RejectCode
WAITING = "100.00"


def exit_by_hand(quantity: str = "1") -> dict:
    return market("sell", quantity, id="out", reduce_only=True)


def opened(tape: Tape, cool_s: int = 5) -> None:
    """A breaker that a refused request has opened, and that is half open by now."""
    tape.limits(max_order_quantity="50", breaker_rejects=1, breaker_cool_s=cool_s)
    tape.refuse(limit("buy", "90.00", "51"))
    tape.wait((cool_s + 1) * SECOND)
    (block,) = tape.state.risk.blocks.values()
    assert block.half_open


def test_an_order_that_only_exits_tries_nothing_and_closes_no_breaker():
    tape = Tape()
    order = tape.place(limit("buy", "100.00", "10", id="entry"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    opened(tape)
    out = tape.place(exit_by_hand())
    tape.fill(out, "out", 1, "100.00")
    assert out.done
    assert len(tape.state.risk.blocks) == 1
    tape.place(bracket())
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED


def test_of_orders_from_before_that_come_due_a_half_open_breaker_lets_one_go():
    tape = Tape()
    tape.trade(WAITING)
    tape.limits(max_order_quantity="50", breaker_rejects=1, breaker_cool_s=5)
    tape.limits(
        max_order_quantity="50",
        breaker_rejects=1,
        breaker_cool_s=5,
        breaker_level="block_new",
    )
    waiting = [tape.place(stop("buy", "105.00", "1", id="entry")) for _ in range(3)]
    tape.refuse(limit("buy", "90.00", "51"))
    tape.wait(6 * SECOND)
    tape.trade("106.00")
    assert len(tape.submits("entry")) == 1
    assert [bool(order.done) for order in waiting] == [False, True, True]
    tape.restart()
    assert len(tape.submits("entry")) == 1


def test_requests_that_a_block_refuses_open_no_breaker():
    tape = Tape()
    tape.limits({"account": "main"}, breaker_rejects=2)
    tape.command("kill", level="block_new", scope={"instrument": "BTC.PAPER"})
    for _ in range(3):
        assert tape.refuse(limit("buy", "90.00", "1")).code is C.RISK_BLOCKED
    assert [str(cause) for cause, _ in tape.state.risk.blocks] == ["kill"]


def test_an_exit_is_never_one_order_too_many_a_second():
    tape = Tape()
    tape.limits(max_orders_per_s=1)
    tape.place(limit("buy", "90.00", "1"))
    assert tape.refuse(limit("buy", "90.00", "1")).code is C.RISK_RATE
    tape.place(exit_by_hand())


def test_an_entry_on_its_way_back_counts_until_the_venue_says_it_is_gone():
    """Canceled and placed anew at once, both could fill."""
    tape = Tape()
    tape.limits(max_position="10")
    order = tape.place(limit("buy", "100.00", "10", id="entry"))
    tape.ack(order, "entry")
    tape.command("cancel", order_id=order.id)
    assert tape.refuse(limit("buy", "101.00", "10")).code is C.RISK_POSITION
    tape.canceled(order, "entry")
    tape.place(limit("buy", "101.00", "10"))


def test_a_block_lets_an_entry_be_made_smaller_and_not_larger():
    tape = Tape(native_amend=True)
    order = tape.place(limit("buy", "90.00", "5", id="entry"))
    tape.ack(order, "entry")
    tape.command("kill", level="block_new")
    more = tape.command("amend", order_id=order.id, legs={"entry": {"quantity": "8"}})
    assert more.code is C.RISK_BLOCKED
    less = tape.command("amend", order_id=order.id, legs={"entry": {"quantity": "3"}})
    assert isinstance(less, Accepted)


def test_an_entry_that_was_to_grow_does_not_while_a_block_stands_and_does_after_it():
    tape = Tape(native_amend=True)
    order = tape.place(limit("buy", "90.00", "5", id="entry"))
    tape.command("amend", order_id=order.id, legs={"entry": {"quantity": "8"}})
    tape.command("kill", level="block_new")
    tape.ack(order, "entry")
    assert tape.working(order) == {"entry": 5}
    assert not any(isinstance(one, f.VenueOrderAmending) for one in tape.facts)
    tape.command("lift", cause="kill", name="all", by="admin")
    tape.amended(order, "entry")
    assert tape.working(order) == {"entry": 8}


def test_a_scope_that_is_limited_late_counts_nothing_of_before():
    """What had changed and was not counted yet was counted into the new scope as well: open orders
    fell below none. The tape compares every figure with one counted anew."""
    tape = Tape()
    tape.limits({"account": "main"}, max_open_orders=5)
    order = tape.place(limit("buy", "100.00", "10", id="entry"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 4, "100.00")
    tape.limits(max_open_orders=1)
    assert tape.refuse(limit("buy", "90.00", "1")).code is C.RISK_OPEN_ORDERS


def test_flattening_takes_the_safety_stop_back_last_too():
    tape = Tape(native_stop=True)
    order = tape.place(bracket(), policy={"safety_stop": {"bps": 2000}})
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target", "safety_stop")
    tape.command("kill", level="flatten")
    recalls = [line for line in tape.said if line.startswith("< Cancel")]
    assert recalls == ["< Cancel target.1"]
    assert "< Cancel safety_stop.1" in tape.canceled(order, "target")
    tape.canceled(order, "safety_stop")
    assert [one.quantity for one in tape.submits("close_1")] == [10]


def test_a_stop_that_rests_while_its_order_is_flattened_is_not_replaced_by_a_larger_one():
    """For a moment there would be none."""
    tape = Tape(native_stop=True)
    order = tape.place(bracket(), policy={"safety_stop": {"bps": 2000}})
    tape.ack(order, "entry")
    tape.fill(order, "entry", 4, "100.00")
    tape.ack(order, "target", "safety_stop")
    tape.command("kill", level="flatten")
    said = tape.fill(order, "entry", 3, "100.00")
    assert "< Cancel safety_stop.1" not in said
    tape.canceled(order, "entry")
    said = tape.canceled(order, "target")
    assert "< Cancel safety_stop.1" in said
    tape.canceled(order, "safety_stop")
    assert [one.quantity for one in tape.submits("close_1")] == [7]


def test_what_somebody_made_larger_at_the_venue_counts_as_large_as_it_is():
    """World 2105609: an entry of 2 was made one of 4 by other hands, and its way back was open."""
    tape = Tape(native_amend=True)
    tape.limits(max_position="6")
    entry = limit("buy", "90.00", "2", id="entry")
    order = tape.place(entry, policy={"on_outside_change": "restore"})
    tape.ack(order, "entry")
    tape.give(Amended(tape.at, tape.id(order, "entry"), 4, 9000))
    refused = tape.refuse(limit("buy", "90.00", "3"))
    assert refused.breach.figure == "7"


def test_a_stop_made_smaller_covers_that_part_until_less_is_held():
    """Its trader thought twice and left 9 of 60 protected; half of it then went at the targets."""
    tape = Tape()
    tape.trade(WAITING)
    half = [limit("sell", price, "50%", id=id) for id, price in (("low", "105"), ("high", "110"))]
    order = tape.place({**bracket("60"), "take_profit": half})
    tape.ack(order, "entry")
    tape.fill(order, "entry", 60, "100.00")
    tape.ack(order, "low", "high")
    tape.command("amend", order_id=order.id, legs={"stop": {"quantity": "9"}})
    for filled, covered in ((30, 9), (20, 9), (5, 5)):
        leg = "low" if filled == 30 else "high"
        tape.fill(order, leg, filled, "110.00")
        assert (tape.armed(order), tape.leg(order, "stop").armed_quantity) == (["stop"], covered)


def test_a_day_s_loss_is_looked_at_though_something_else_is_due_only_later():
    tape = Tape()
    tape.trade(WAITING)
    tape.command("arm_countdown", name="bot", after_ms=3_600_000)
    tape.limits(max_daily_loss="20")
    order = tape.place(limit("buy", "100.00", "10", id="entry"))
    tape.ack(order, "entry")
    tape.wait(SECOND)
    tape.fill(order, "entry", 10, "100.00")
    tape.trade("97.00")
    tape.wait(2 * SECOND)
    assert "loss_limit" in tape.incidents()


def test_what_two_strategies_hold_against_each_other_is_worth_what_it_cost():
    """One sold at 110 and one bought at 100: 100 are earned, though nothing is closed by name."""
    tape = Tape()
    tape.trade(WAITING)
    tape.limits(max_daily_loss="20")
    for tag, side, price in (("a", "sell", "110.00"), ("b", "buy", "100.00")):
        order = tape.place(limit(side, price, "10", id="entry"), tag=tag)
        tape.ack(order, "entry")
        tape.fill(order, "entry", 10, price)
    (limited,) = tape.state.risk.limited.values()
    assert limited.loss() == -100 * 10**8


@pytest.mark.parametrize("away", [{"bps": -100}, {"ticks": -200}])
@pytest.mark.parametrize(("side", "near", "far"), [(1, "197.80", "180"), (-1, "202.20", "220")])
def test_the_collar_of_a_stop_limit_is_about_where_it_triggers_from_its_entry(
    away, side, near, far
):
    tape = Tape()
    tape.trade("200.00")
    tape.limits(max_price_deviation_bps=50)
    enter, leave = ("buy", "sell") if side > 0 else ("sell", "buy")
    out = {"type": "stop_limit", "id": "stop", "side": leave, "trigger_price": {"from_entry": away}}
    for price, taken in ((near, True), (far, False)):
        entry = limit(enter, "200.00", "10", id="entry")
        order = {"type": "bracket", "entry": entry, "stop_loss": {**out, "price": price}}
        assert isinstance(tape.refused_or_placed(order), Accepted) is taken
