"""A strategy gone wrong is stopped within its limits: breakers, countdowns, feeds, venues gone."""

from typing import Any

from interlock.orders import facts as f
from interlock.orders.instruments import Instrument
from interlock.orders.limits import BlockCause, BlockLevel
from interlock.orders.rejects import RejectCode
from interlock.orders.reports import Connection, InstrumentStatus, VenueReject
from tests.scenarios.orders import bracket, limit, stop, trailing
from tests.tape import BTC, MS, SECOND, Tape

C = RejectCode


def blocks(tape: Tape) -> list[str]:
    return [f"{cause}:{name}" for cause, name in tape.state.risk.blocks]


def held(tape: Tape, **more: Any):
    """A bracket whose entry has filled: the target rests, the stop is held here."""
    order = tape.place(bracket("10"), **more)
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    return order


def working(tape: Tape, **more: Any):
    order = tape.place(limit("buy", "90.00", "1", id="entry"), **more)
    tape.ack(order, "entry")
    return order


# Breakers.


def test_a_runaway_loop_of_placements_opens_the_breaker_and_is_pulled():
    tape = Tape()
    tape.limits({"tag": "loop"}, breaker_orders_per_s=5)
    for _ in range(6):
        working(tape, tag="loop")
    assert blocks(tape) == ["breaker:tag loop"]
    assert sum("Cancel entry" in line for line in map(tape.ask, tape.requests)) == 6
    assert tape.refuse(limit("buy", "90.00", "1"), tag="loop").code is C.RISK_BLOCKED
    working(tape, tag="another")
    assert tape.incidents() == ["breaker_opened"]


def test_amends_without_end_open_it_too():
    tape = Tape()
    tape.limits(breaker_amends_per_s=3)
    order = tape.place(stop("buy", "120.00", "1", id="entry"))
    for step in range(4):
        tape.command("amend", order_id=order.id, legs={"entry": {"trigger_price": f"12{step}.50"}})
    assert blocks(tape) == ["breaker:all"]


def test_a_venue_that_refuses_entries_one_after_the_other_opens_it_and_one_success_does_not():
    tape = Tape()
    tape.limits(breaker_rejects=3)
    for number in range(5):
        order = tape.place(limit("buy", "90.00", "1", id="entry"))
        if number == 1:
            tape.ack(order, "entry")
        else:
            tape.rejected(order, "entry", VenueReject.INSUFFICIENT_MARGIN)
        assert blocks(tape) == (["breaker:all"] if number == 4 else [])


def test_requests_refused_here_in_a_row_open_it():
    tape = Tape()
    tape.limits({"account": "main"}, max_order_quantity="5", breaker_rejects=3)
    for _ in range(3):
        tape.refuse(limit("buy", "90.00", "6"))
    assert blocks(tape) == ["breaker:account main"]


def losing(tape: Tape) -> None:
    order = held(tape)
    tape.trade("94.00")
    tape.canceled(order, "target")
    tape.fill(order, "stop", 10, "94.00")
    assert order.done == "filled"
    tape.trade("100.00")


def test_losses_in_a_row_open_it_and_one_order_may_try_after_its_time():
    tape = Tape()
    tape.limits({"account": "main"}, breaker_losses=2, breaker_cool_s=60)
    losing(tape)
    assert blocks(tape) == []
    losing(tape)
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED
    tape.wait(61 * SECOND)
    tape.trade("100.00")
    probe = held(tape)
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED  # only one may try
    tape.fill(probe, "target", 10, "110.00")
    assert blocks(tape) == []
    held(tape)


def test_a_try_that_fails_opens_it_for_twice_as_long():
    tape = Tape()
    tape.limits(breaker_losses=1, breaker_cool_s=60)
    losing(tape)
    tape.wait(61 * SECOND)
    tape.trade("100.00")
    losing(tape)
    tape.wait(61 * SECOND)
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED
    tape.wait(60 * SECOND)
    tape.trade("100.00")
    held(tape)
    assert tape.incidents().count("breaker_opened") == 2


def test_an_order_that_tried_and_was_refused_opens_it_again_and_one_that_did_not_trade_counts_not():
    tape = Tape()
    tape.limits(breaker_losses=1, breaker_cool_s=60)
    losing(tape)
    tape.wait(61 * SECOND)
    tape.trade("100.00")
    idle = working(tape)
    tape.command("cancel", order_id=idle.id)
    tape.canceled(idle, "entry")
    assert "breaker:all" in blocks(tape)
    refused = tape.place(limit("buy", "90.00", "1", id="entry"))  # another may try
    tape.rejected(refused, "entry", VenueReject.INSUFFICIENT_MARGIN)
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED
    assert tape.incidents().count("breaker_opened") == 2


def test_a_breaker_survives_a_restart_and_opens_no_second_time_for_the_same_losses():
    tape = Tape()
    tape.limits(breaker_losses=1, breaker_cool_s=60)
    losing(tape)
    tape.restart()
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED
    tape.wait(61 * SECOND)
    tape.restart()
    tape.trade("100.00")
    held(tape)
    assert tape.incidents().count("breaker_opened") == 1


def test_a_halt_opens_the_breaker_that_asks_for_it_and_its_end_does_not_close_it():
    tape = Tape()
    tape.limits({"instrument": "BTC.PAPER"}, breaker_on_halt=True, breaker_cool_s=60)
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", trading=False))
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", trading=True))
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED
    tape.wait(61 * SECOND)
    tape.place(bracket())


# A client that falls silent.


def test_silence_pulls_entries_and_leaves_exits_and_its_client_may_come_back():
    tape = Tape()
    order, waiting = held(tape, tag="grid"), working(tape, tag="grid")
    other = working(tape, tag="another")
    arm = {"name": "grid-bot", "after_ms": 1000, "scope": {"tag": "grid"}, "by": "key 1"}
    tape.command("arm_countdown", **arm)
    tape.wait(900 * MS)
    tape.command("arm_countdown", **arm)  # refreshed
    assert not tape.wait(900 * MS)
    said = tape.wait(200 * MS)
    assert [line for line in said if line.startswith("< Cancel")] == ["< Cancel entry.1"]
    assert tape.working(order) == {"target": 10}
    assert tape.armed(order) == ["stop"]
    assert tape.working(other) == {"entry": 1}
    assert tape.refuse(limit("buy", "90.00", "1"), tag="grid").code is C.RISK_BLOCKED
    assert tape.incidents() == ["countdown_ran_out"]
    tape.canceled(waiting, "entry")
    tape.command("arm_countdown", **arm)
    working(tape, tag="grid")


def test_a_countdown_that_ran_out_while_no_process_was_there_runs_out_at_its_start():
    tape = Tape()
    working(tape)
    tape.command("arm_countdown", name="bot", after_ms=1000)
    tape.at += 5 * SECOND
    said = tape.restart()
    assert blocks(tape) == ["countdown:bot"]
    assert any("OrderCanceling" in line for line in said)


def test_disarmed_it_does_nothing_and_too_short_a_one_is_refused():
    tape = Tape()
    working(tape)
    tape.command("arm_countdown", name="bot", after_ms=1000)
    tape.command("disarm_countdown", name="bot")
    assert not tape.wait(5 * SECOND)
    assert tape.command("arm_countdown", name="bot", after_ms=5).code is C.LIMITS_INVALID
    assert tape.command("disarm_countdown", name="bot").code is C.LIMITS_INVALID


# Feeds.


def test_a_silent_feed_takes_no_entries_tells_of_held_stops_and_must_be_calm_to_be_believed():
    tape = Tape()
    tape.limits(feed_stale_ms=2000, feed_calm_ms=3000)
    tape.trade("100.00")
    order = held(tape)
    tape.wait(3 * SECOND)
    assert sorted(blocks(tape)) == ["feed:BTC.PAPER", "feed:ETH.PAPER"]
    assert tape.incidents() == ["stale_feed"]
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED
    for _ in range(4):
        tape.trade("100.00")
        assert "feed:BTC.PAPER" in blocks(tape)
        tape.wait(SECOND)
    tape.trade("100.00")
    assert blocks(tape) == ["feed:ETH.PAPER"]
    assert order.incidents == {}
    tape.trade("94.00")
    assert any(isinstance(x, f.LegTriggered) for x in tape.facts)


def test_an_entry_due_while_the_feed_is_unfit_waits_for_it():
    tape = Tape()
    tape.limits({"instrument": "BTC.PAPER"}, feed_stale_ms=2000, feed_calm_ms=1000)
    tape.trade("100.00")
    tape.place(stop("buy", "105.00", "1", id="entry"))
    tape.wait(3 * SECOND)
    tape.trade("106.00")
    assert not tape.submits()
    tape.wait(500 * MS)
    tape.trade("106.00")
    tape.wait(900 * MS)
    tape.trade("106.00")
    tape.wait(900 * MS)
    tape.trade("106.00")
    assert [one.quantity for one in tape.submits("entry")] == [1]


def test_crossed_one_sided_and_jumping_feeds_are_unfit():
    for quote, why in ((("101.00", "100.00"), "crossed"), (("", "100.00"), "one-sided")):
        tape = Tape()
        tape.limits({"instrument": "BTC.PAPER"}, feed_jump_bps=500)
        tape.quote("99.99", "100.01")
        tape.quote(*quote)
        assert blocks(tape) == ["feed:BTC.PAPER"]
        assert tape.refuse(limit("buy", "90.00", "1")).breach.figure == f"the feed is {why}"
    tape = Tape()
    tape.limits({"instrument": "BTC.PAPER"}, feed_jump_bps=500)
    tape.trade("100.00")
    tape.trade("104.00")
    assert not blocks(tape)
    tape.trade("110.00")
    assert tape.refuse(limit("buy", "90.00", "1")).breach.figure == "the feed is a jump of 1000 bps"


def test_on_stale_feed_safety_stop_rests_the_stop_at_the_venue_until_the_feed_is_back():
    tape = Tape(native_stop=True)
    tape.limits({"instrument": "BTC.PAPER"}, feed_stale_ms=2000, feed_calm_ms=1000)
    tape.trade("100.00")
    order = held(tape, policy={"on_stale_feed": "safety_stop"})
    tape.wait(3 * SECOND)
    assert [one.trigger_price for one in tape.submits("stop")] == [9500]
    tape.ack(order, "stop")
    assert tape.working(order) == {"target": 10, "stop": 10}
    for _ in range(4):
        tape.trade("100.00")
        tape.wait(900 * MS)
    assert not blocks(tape)
    tape.canceled(order, "stop")
    assert tape.armed(order) == ["stop"]


def test_on_stale_feed_flatten_closes_what_its_stop_no_longer_watches():
    tape = Tape()
    tape.limits({"instrument": "BTC.PAPER"}, feed_stale_ms=2000)
    tape.trade("100.00")
    order = held(tape, policy={"on_stale_feed": "flatten"})
    tape.wait(3 * SECOND)
    tape.canceled(order, "target")
    assert [one.quantity for one in tape.submits("close_1")] == [10]


def test_a_trailing_stop_cannot_rest_and_is_told_of():
    tape = Tape(native_stop=True)
    tape.limits({"instrument": "BTC.PAPER"}, feed_stale_ms=2000)
    tape.trade("100.00")
    order = tape.place(
        {
            "type": "bracket",
            "entry": limit("buy", "100.00", "10", id="entry"),
            "stop_loss": trailing("sell", "5.00", id="stop"),
        },
        policy={"on_stale_feed": "safety_stop"},
    )
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.wait(3 * SECOND)
    assert tape.incidents() == ["stale_feed"]
    assert tape.armed(order) == ["stop"]


# A venue whose stream is gone.


def test_a_venue_gone_for_too_long_has_its_entries_pulled_and_keeps_exits():
    other = Instrument("BTC.OTHER", price_increment="0.01", quantity_increment="1")
    tape = Tape(BTC, other)
    tape.limits(venue_gone_s=30)
    order, waiting = held(tape), working(tape)
    tape.give(Connection(tape.at, "PAPER", up=False))
    tape.wait(29 * SECOND)
    assert not blocks(tape)
    tape.wait(2 * SECOND)
    assert blocks(tape) == ["outage:stream of venue PAPER"]
    assert waiting.winding == "protect"
    tape.give(Connection(tape.at, "PAPER", up=True))
    assert not blocks(tape)
    assert order.legs[2].armed
    assert tape.incidents() == ["venue_gone"]


def test_kill_levels_go_from_taking_nothing_new_to_flat():
    tape = Tape()
    order, waiting = held(tape), working(tape)
    tape.command("kill", level="block_new", by="officer")
    assert tape.working(waiting) == {"entry": 1}
    tape.command("kill", level="recall_entries", by="officer")
    tape.canceled(waiting, "entry")
    assert tape.working(order) == {"target": 10}
    tape.command("kill", level="recall_all", by="officer")
    tape.canceled(order, "target")
    assert (tape.working(order), tape.armed(order)) == ({}, ["stop"])
    tape.command("kill", level="flatten", by="officer")
    assert [one.quantity for one in tape.submits("close_1")] == [10]
    block = tape.state.risk.blocks[(BlockCause.KILL, "all")]
    assert block.level is BlockLevel.FLATTEN
    tape.command("kill", level="block_new", by="officer")  # a weaker word changes nothing
    assert tape.state.risk.blocks[(BlockCause.KILL, "all")].level is BlockLevel.FLATTEN
    tape.restart()
    assert tape.refuse(bracket()).code is C.RISK_BLOCKED
    tape.command("lift", cause="kill", name="all", by="admin")
    tape.place(bracket())


def test_a_kill_of_one_strategy_leaves_the_others():
    tape = Tape()
    mine, other = working(tape, tag="a"), working(tape, tag="b")
    tape.command("kill", scope={"tag": "a"}, by="officer")
    assert (mine.winding, other.winding) == ("protect", "")
    assert tape.refuse(limit("buy", "90.00", "1"), tag="a").code is C.RISK_BLOCKED
    working(tape, tag="b")


def test_flattening_recalls_the_protective_stop_last():
    tape = Tape(native_stop=True)
    order = tape.place(
        {
            "type": "bracket",
            "entry": limit("buy", "100.00", "10", id="entry"),
            "take_profit": limit("sell", "110.00", None, id="target"),
            "stop_loss": stop("sell", "95.00", None, id="stop") | {"hold": "venue"},
        }
    )
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target", "stop")
    tape.command("kill", level="flatten", by="officer")
    assert [line for line in tape.said if "Cancel" in line and "<" in line] == ["< Cancel target.1"]
    said = tape.canceled(order, "target")
    assert "< Cancel stop.1" in said
    tape.canceled(order, "stop")
    assert [one.quantity for one in tape.submits("close_1")] == [10]


def test_flattening_closes_what_past_orders_left_and_asked_again_sends_nothing_twice():
    tape = Tape()
    order = tape.place(limit("buy", "100.00", "10", id="entry"), tag="grid")
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    assert order.done
    tape.command("kill", scope={"tag": "another"}, level="flatten")
    assert not tape.submits("close")
    tape.command("kill", scope={"tag": "grid"}, level="flatten")
    tape.command("kill", scope={"tag": "grid"}, level="flatten")
    assert [(x.side, x.quantity, x.reduce_only) for x in tape.submits("close")] == [(-1, 10, True)]
    closing = next(x for x in tape.state.orders.living() if not x.done)
    tape.fill(closing, "close", 10, "99.00")
    tape.command("kill", scope={"tag": "grid"}, level="flatten")
    assert len(tape.submits("close")) == 1


def test_what_cannot_be_closed_without_reduce_only_is_told_of():
    tape = Tape(reduce_only=False)
    order = tape.place(limit("buy", "100.00", "10", id="entry"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.command("kill", level="flatten")
    assert not tape.submits("close")
    assert tape.incidents() == ["killed", "flatten_refused"]


def test_what_is_due_at_the_instant_of_a_placement_comes_before_it():
    tape = Tape()
    tape.command("arm_countdown", name="bot", after_ms=1000)
    tape.at += SECOND
    assert tape.refuse(stop("buy", "120.00", "1")).code is C.RISK_BLOCKED
