"""SCENARIOS 23 to 25 and 30, D1, D8, D9, D12 to D15, D17, D19: other hands, restarts, control."""

import pytest

from interlock.orders import facts as f
from interlock.orders.commands import Accepted
from interlock.orders.instruments import Instrument, PositionMode
from interlock.orders.legs import PositionSide
from interlock.orders.rejects import RejectCode
from interlock.orders.reports import (
    Amended,
    CancelReason,
    Connection,
    InstrumentStatus,
    OpenOrder,
    OpenOrders,
    Position,
    VenueReject,
    VenueStatus,
)
from tests.scenarios.orders import bracket, exits, limit, stop
from tests.tape import SECOND, Tape


def protected(tape: Tape, quantity: str = "10", **more: object):
    order = tape.place(bracket(quantity), **more)
    tape.ack(order, "entry")
    tape.fill(order, "entry", int(quantity), "100.00")
    tape.ack(order, "target")
    return order


def position(tape: Tape, quantity: int, side: PositionSide | None = None) -> list[str]:
    tape.at += SECOND
    tape.give(Position(tape.at, "main", "BTC.PAPER", quantity, tape.at, side))
    return tape.said


def test_scenario_23_a_position_reduced_by_somebody_else_resizes_the_exits():
    tape = Tape(native_amend=True)
    order = protected(tape)
    said = position(tape, 6)
    assert "< QueryPosition" in said
    assert tape.working(order) == {"target": 10}, "said once is not enough"
    said = position(tape, 6)
    assert "< Amend target.1 to 6" in said
    tape.amended(order, "target")
    tape.trade("95.00")
    tape.canceled(order, "target")
    assert tape.submits("stop")[-1].quantity == 6


@pytest.mark.parametrize("left", [0, -5])
def test_scenario_23_a_position_closed_or_reversed_takes_the_exits_with_it(left):
    tape = Tape()
    order = protected(tape)
    position(tape, left)
    said = position(tape, left)
    assert "< Cancel target.1" in said
    tape.canceled(order, "target")
    assert order.done
    tape.trade("90.00")
    assert not tape.submits("stop"), "no exit can open a new position"
    assert "outside_close" in tape.incidents()


def test_scenario_23_a_read_older_than_a_fill_proves_nothing():
    tape = Tape()
    order = protected(tape)
    for _ in range(3):
        tape.give(Position(tape.at, "main", "BTC.PAPER", 0, tape.at - SECOND))
    assert tape.working(order) == {"target": 10}


def test_scenario_24_adopt_a_leg_canceled_by_a_person_is_no_fill_and_the_other_stays():
    tape = Tape()
    order = protected(tape)
    tape.canceled(order, "target", CancelReason.OUTSIDE)
    assert tape.leg(order, "target").state == "canceled"
    assert tape.leg(order, "target").cum == 0
    assert tape.armed(order) == ["stop"]
    assert tape.incidents() == ["outside_change"]


def test_scenario_24_restore_is_tried_once_and_not_fought_over():
    tape = Tape()
    order = protected(tape, policy={"on_outside_change": "restore"})
    said = tape.canceled(order, "target", CancelReason.OUTSIDE)
    assert "< Submit target.2 sell 10 limit @ 110.00" in said
    tape.ack(order, "target")
    said = tape.canceled(order, "target", CancelReason.OUTSIDE)
    assert not any("Submit" in line for line in said)
    assert tape.leg(order, "target").state == "canceled"


def test_scenario_24_release_lets_go_of_the_order():
    tape = Tape()
    order = protected(tape, policy={"on_outside_change": "release"})
    tape.canceled(order, "target", CancelReason.OUTSIDE)
    assert order.done
    tape.trade("90.00")
    assert not tape.submits("stop")


def test_scenario_24_a_price_changed_by_a_person_is_adopted():
    tape = Tape()
    order = protected(tape)
    tape.give(Amended(tape.at, tape.id(order, "target"), 10, 11200))
    assert tape.leg(order, "target").terms.price == 11200
    assert not any("Amend" in line and line.startswith("<") for line in tape.said)


def test_scenario_25_hedge_mode_one_sides_exit_leaves_the_others_cover_alone():
    hedge = Instrument("BTC.PAPER", "0.01", "1", position_mode=PositionMode.HEDGE)
    tape = Tape(hedge)
    long = tape.place(
        {
            "type": "bracket",
            "entry": limit("buy", "100.00", "10", id="entry", position_side="long"),
            "stop_loss": stop("sell", "95.00", id="stop"),
        }
    )
    short = tape.place(
        {
            "type": "bracket",
            "entry": limit("sell", "101.00", "10", id="entry", position_side="short"),
            "stop_loss": stop("buy", "106.00", id="stop"),
        }
    )
    tape.fill(long, "entry", 10, "100.00")
    tape.fill(short, "entry", 10, "101.00")
    tape.trade("95.00")
    (sent,) = tape.submits("stop")
    assert (sent.position_side, sent.reduce_only) == (PositionSide.LONG, False)
    tape.fill(long, "stop", 10, "95.00")
    position(tape, 0, PositionSide.LONG)
    position(tape, 0, PositionSide.LONG)
    assert tape.armed(short) == ["stop"]
    assert short.adjusted == 0
    assert tape.refuse(limit("buy", "100.00", "1")).path == "order.position_side"


def test_scenario_25_two_orders_in_one_net_position_do_not_touch_each_other():
    tape = Tape()
    one = protected(tape, "10", tag="trend")
    two = protected(tape, "20", tag="swing")
    tape.command("cancel_all", account="main", tag="trend", exposure="flatten")
    tape.canceled(one, "target")
    tape.fill(one, "close_1", 10, "100.00")
    assert one.done == "closed"
    assert tape.working(two) == {"target": 20}
    assert tape.armed(two) == ["stop"]


def test_scenario_30_flatten_closes_everything_verified_and_twice_is_once():
    tape = Tape()
    order = tape.place(bracket("10"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 6, "100.00")
    tape.ack(order, "target")
    for _ in range(2):
        answer = tape.command("close", account="main", instrument="BTC.PAPER")
        assert answer == Accepted(orders=(order.id,))
    tape.canceled(order, "entry")
    assert not tape.submits("close_1"), "nothing is closed while an exit may still fill"
    tape.canceled(order, "target")
    (sent,) = tape.submits("close_1")
    assert sent.quantity == 6
    tape.fill(order, "close_1", 6, "99.00")
    assert tape.held(order) == 0
    assert order.done == "closed"
    story = [type(x).__name__ for x in tape.facts if getattr(x, "order_id", "") == order.id]
    assert story[0] == "OrderAccepted"
    assert story[-1] == "OrderDone"
    assert story.count("OrderCanceling") == 1


def test_flatten_at_closes_at_its_time():
    tape = Tape()
    when = tape.at + 60 * SECOND
    order = protected(tape, policy={"flatten_at": when})
    said = tape.wait(61 * SECOND)
    assert "< Cancel target.1" in said
    tape.canceled(order, "target")
    assert tape.submits("close_1")[0].quantity == 10


def test_what_came_due_while_no_process_was_there_is_done_at_the_start():
    tape = Tape()
    when = tape.at + 60 * SECOND
    order = protected(tape, policy={"flatten_at": when})
    tape.at = when + SECOND
    assert "> OrderCanceling flatten" in tape.restart()
    order = tape.state.orders[order.id]
    assert "< Cancel target.1" in tape.status(order, "target", VenueStatus.WORKING)
    tape.canceled(order, "target")
    assert tape.submits("close_1")[0].quantity == 10


def test_d1_a_held_stop_waits_out_a_halt_and_goes_when_it_ends():
    tape = Tape()
    order = tape.place(exits(), policy={"hold": "engine"})
    tape.trade("100.00")
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", trading=False))
    tape.trade("94.00")
    assert not tape.submits()
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", trading=True))
    assert len(tape.submits("stop")) == 1
    assert order.claims


def test_d8_a_leg_whose_sibling_filled_while_we_were_down_goes_before_any_tick():
    tape = Tape(native_stop=True)
    order = tape.place(exits(), policy={"hold": "venue"})
    tape.ack(order, "target", "stop")
    said = tape.restart()
    order = tape.state.orders[order.id]
    assert said.count("< Query target.1") == 1
    said = tape.status(order, "target", VenueStatus.FILLED, ("t1", 100, "110.00"))
    assert not any("Submit" in line for line in said)
    said = tape.status(order, "stop", VenueStatus.WORKING)
    assert "< Cancel stop.1" in said
    tape.canceled(order, "stop")
    assert order.done == "filled"


def test_d9_children_of_a_part_filled_entry_come_back_with_their_size():
    tape = Tape()
    order = tape.place(bracket("10"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 3, "100.00")
    tape.ack(order, "target")
    tape.restart()
    order = tape.state.orders[order.id]
    tape.status(order, "entry", VenueStatus.WORKING, ("x1", 3, "100.00"))
    tape.status(order, "target", VenueStatus.WORKING)
    assert tape.working(order) == {"entry": 7, "target": 3}
    assert tape.armed(order) == ["stop"]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"tag": "trend"}, ["b", "c", "d"]),
        ({"side": "sell"}, ["a", "c", "d"]),
        ({"instrument": "ETH.PAPER"}, ["a", "b", "d"]),
        ({"account": "other"}, ["a", "b", "c"]),
        ({}, ["d"]),
    ],
)
def test_d12_and_d13_cancel_all_takes_exactly_its_set(filters, left):
    tape = Tape()
    tape.place(limit("buy", "90.00", "1", id="x"), client_order_id="a", tag="trend")
    tape.place(limit("sell", "120.00", "1", id="x"), client_order_id="b", tag="swing")
    tape.place(
        limit("buy", "90.00", "1", id="x") | {"instrument": "ETH.PAPER"}, client_order_id="c"
    )
    tape.place(limit("buy", "90.00", "1", id="x"), client_order_id="d", account="other")
    for order in tape.state.orders.sketches():
        tape.ack(order, "x")
    tape.command("cancel_all", **({"account": "main"} | filters))
    alive = [o.terms.client_order_id for o in tape.state.orders.sketches() if not o.winding]
    assert alive == left


def test_d14_a_stop_on_last_price_ignores_quotes():
    tape = Tape()
    tape.place(stop("sell", "95.00", "10", id="stop", trigger_by="last"))
    tape.trade("100.00")
    tape.quote("90.00", "90.10")
    tape.mark("90.00")
    assert not tape.submits()
    tape.trade("95.00")
    assert len(tape.submits()) == 1


@pytest.mark.parametrize(
    ("source", "move"), [("mark", "mark"), ("index", "index"), ("mid", "quote")]
)
def test_each_source_fires_its_own_stops_and_no_others(source, move):
    tape = Tape()
    tape.place(stop("sell", "95.00", "10", id="stop", trigger_by=source))
    tape.trade("90.00")
    assert not tape.submits()
    if move == "quote":
        tape.quote("94.98", "95.03")
        assert not tape.submits(), "the middle is 95.005"
        tape.quote("94.98", "95.02")
    else:
        getattr(tape, move)("95.00")
    assert len(tape.submits()) == 1


@pytest.mark.parametrize(
    ("bid", "ask"), [("", "90.00"), ("90.00", ""), ("", ""), ("91.00", "90.00"), ("90.00", "90.00")]
)
def test_d15_an_unsound_quote_fires_nothing(bid, ask):
    tape = Tape()
    tape.place(stop("sell", "95.00", "10", id="stop", trigger_by="bid_ask"))
    tape.quote("100.00", "100.10")
    tape.quote(bid, ask)
    assert not tape.submits()


def test_d15_a_stale_quote_fires_nothing():
    from interlock.orders.ticks import Quote

    tape = Tape()
    tape.place(stop("sell", "95.00", "10", id="stop", trigger_by="bid_ask"))
    tape.quote("100.00", "100.10")
    old = Quote("BTC.PAPER", tape.at, 9000, 1, 9010, 1)
    tape.at += 6 * SECOND
    tape.give(old)
    assert not tape.submits(), "it is six seconds old"
    tape.quote("100.00", "100.10")
    tape.give(Quote("BTC.PAPER", tape.at - SECOND, 9000, 1, 9010, 1))
    assert not tape.submits(), "a newer one is known"


def test_d17_an_expired_leg_never_fires():
    tape = Tape()
    ends = tape.at + 10 * SECOND
    order = tape.place(stop("sell", "95.00", "10", id="stop", time_in_force="gtd", expire_at=ends))
    tape.at = ends
    tape.trade("94.00")
    assert not tape.submits()
    assert not any(isinstance(x, f.LegTriggered) for x in tape.facts)
    assert order.done == "expired"


def test_d17_a_leg_expires_at_its_time_without_any_tick():
    tape = Tape()
    ends = tape.at + 10 * SECOND
    order = tape.place(stop("sell", "95.00", "10", id="stop", time_in_force="gtd", expire_at=ends))
    said = tape.wait(11 * SECOND)
    assert "> OrderDone expired" in said
    assert order.legs[0].state == "expired"


def test_d19_protection_needs_no_client():
    """The engine holds no notion of a client: after placing, only ticks and reports arrive."""
    tape = Tape()
    order = protected(tape)
    tape.trade("95.00")
    tape.canceled(order, "target")
    tape.fill(order, "stop", 10, "95.00")
    assert order.done == "filled"


def test_strays_with_our_ids_are_recalled_and_foreign_orders_left_alone():
    tape = Tape()
    tape.place(bracket())
    found = (
        OpenOrder("o00000zz.0.1", "main", "BTC.PAPER", 5, 0),
        OpenOrder("web_3141", "main", "BTC.PAPER", 5, 0),
    )
    tape.give(OpenOrders(tape.at, "PAPER", tape.at, found))
    cancels = [line for line in tape.said if line.startswith("< Cancel")]
    assert len(cancels) == 1
    assert "orphan" in tape.incidents()


def test_after_a_reconnect_everything_live_is_asked_about():
    tape = Tape()
    order = protected(tape)
    tape.give(Connection(tape.at, "PAPER", up=False))
    assert tape.refuse(bracket()).code is RejectCode.VENUE_DOWN
    tape.give(Connection(tape.at, "PAPER", up=True))
    assert "< Query target.1" in tape.said
    assert "< QueryOpenOrders" in tape.said
    tape.status(order, "target", VenueStatus.FILLED, ("gone", 10, "110.00"))
    assert order.done == "filled"


def test_a_phantom_fill_is_taken_back_and_the_sibling_thaws():
    tape = Tape()
    order = tape.place(exits("10"), policy={"confirm_fill_ms": 500})
    tape.ack(order, "target")
    tape.trade("100.00")
    tape.fill(order, "target", 4, "110.00", "ghost")
    assert tape.armed(order) == [], "frozen at once"
    said = tape.wait(SECOND)
    assert "< Query target.1" in said
    tape.status(order, "target", VenueStatus.WORKING)
    assert tape.leg(order, "target").cum == 4, "once is not enough"
    said = tape.wait(SECOND)
    assert "< Query target.1" in said
    tape.status(order, "target", VenueStatus.WORKING)
    assert tape.leg(order, "target").cum == 0
    assert tape.armed(order) == ["stop"]
    assert "phantom_fill" in tape.incidents()


def test_a_confirmation_window_that_ends_while_no_process_is_there_is_not_forgotten():
    """An entry whose fill is never confirmed would never recall its sibling."""
    tape = Tape()
    order = tape.place(exits("10"), policy={"confirm_fill_ms": 500})
    tape.ack(order, "target")
    tape.fill(order, "target", 10, "110.00", "real")
    tape.at += SECOND
    assert "< Query target.1" in tape.restart()
    order = tape.state.orders[order.id]
    tape.status(order, "target", VenueStatus.FILLED, ("real", 10, "110.00"))
    assert order.done == "filled"


def test_a_fill_told_twice_is_confirmed_and_shrinks_the_sibling():
    tape = Tape()
    order = tape.place(exits("10"), policy={"confirm_fill_ms": 500})
    tape.ack(order, "target")
    tape.fill(order, "target", 4, "110.00", "real")
    tape.fill(order, "target", 4, "110.00", "real")
    assert any(isinstance(x, f.FillConfirmed) for x in tape.facts)
    assert tape.armed(order) == ["stop"]
    tape.trade("95.00")
    tape.canceled(order, "target")
    assert tape.submits("stop")[-1].quantity == 6


def test_a_safety_stop_rests_at_the_venue_while_we_hold_the_stop_and_leaves_with_the_position():
    tape = Tape(native_stop=True)
    order = tape.place(bracket(), policy={"safety_stop": {"offset": "20.00"}})
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target", "safety_stop")
    (sent,) = tape.submits("safety_stop")
    assert (sent.trigger_price, sent.reduce_only, sent.quantity) == (8000, True, 10)
    said = tape.fill(order, "target", 10, "110.00")
    assert "< Cancel safety_stop.1" in said
    tape.canceled(order, "safety_stop")
    assert order.done == "filled"


def test_in_a_gap_beside_a_live_safety_stop_the_stop_goes_reduce_only():
    tape = Tape(native_stop=True)
    order = tape.place(bracket(loss="97.00"), policy={"safety_stop": {"bps": 500}})
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target", "safety_stop")
    tape.trade("94.00")
    tape.canceled(order, "target")
    assert tape.submits("stop")[-1].reduce_only
    assert tape.submits("safety_stop")[-1].reduce_only


def test_the_trader_who_cancels_the_last_exit_is_told_what_is_left_bare():
    tape = Tape()
    order = protected(tape)
    tape.command("cancel_leg", order_id=order.id, leg="stop")
    assert "naked_position" in tape.incidents()
    tape.command("cancel_leg", order_id=order.id, leg="target")
    tape.canceled(order, "target")
    assert order.done


def test_a_naked_position_is_an_open_incident():
    tape = Tape()
    order = tape.place(
        {
            "type": "bracket",
            "entry": limit("buy", "100.00", "10", id="entry"),
            "take_profit": limit("sell", "110.00", id="target"),
        },
        policy={"on_exit_reject": "alert"},
    )
    tape.fill(order, "entry", 10, "100.00")
    tape.rejected(order, "target", VenueReject.INSUFFICIENT_MARGIN)
    assert "naked_position" in tape.incidents()


def test_what_others_close_of_a_straddles_second_side_is_taken_off_that_side():
    """World 2959: it was booked as if the first side had been entered, and from then on every
    word of the venue's was compared with a position twice as far away."""
    tape = Tape()
    up = bracket(target="106.00", loss="104.00")
    up["entry"] = stop("buy", "105.00", "10", id="up")
    down = {
        "type": "bracket",
        "entry": stop("sell", "95.00", "10", id="down"),
        "stop_loss": stop("buy", "96.00", id="down_stop"),
    }
    up["stop_loss"]["id"], up["take_profit"]["id"] = "up_stop", "up_target"
    order = tape.place({"type": "oco", "legs": [up, down]})
    tape.trade("94.00")
    tape.fill(order, "down", 10, "94.00")
    for _ in range(2):
        position(tape, -4)
    assert order.adjusted == 6
    assert tape.state.net[("main", "BTC.PAPER", "")] == -4
