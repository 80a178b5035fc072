"""SCENARIOS 5 to 9 and D3, D6, D7, D18, D20 to D22: exits are sized from confirmed fills."""

import pytest

from interlock.orders import facts as f
from interlock.orders.instruments import Instrument
from interlock.orders.reports import CancelReason, VenueReject
from tests.scenarios.orders import bracket, exits, ladder, limit, stop
from tests.tape import BTC, Tape


def test_scenario_05_entry_partly_filled_then_canceled_leaves_exits_for_what_filled():
    tape = Tape()
    order = tape.place(bracket("100"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 30, "100.00")
    tape.command("cancel_leg", order_id=order.id, leg="entry")
    tape.canceled(order, "entry")
    tape.ack(order, "target")
    assert tape.working(order) == {"target": 30}
    assert tape.armed(order) == ["stop"]
    tape.trade("94.00")
    tape.canceled(order, "target")
    assert [s.quantity for s in tape.submits("stop")] == [30]


@pytest.mark.parametrize("activate_on", ["each_fill", "first_fill", "full_fill"])
def test_scenario_05_whatever_activates_the_exits_a_filled_part_is_never_left_bare(activate_on):
    tape = Tape()
    order = tape.place(bracket("100", activate_on=activate_on))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 30, "100.00")
    assert tape.armed(order) == ([] if activate_on == "full_fill" else ["stop"])
    tape.canceled(order, "entry", CancelReason.OUTSIDE)
    tape.ack(order, "target")
    assert tape.working(order) == {"target": 30}
    assert tape.armed(order) == ["stop"]


def test_scenario_06_a_partly_filled_target_reduces_the_stop_and_never_cancels_it():
    tape = Tape(native_stop=True, native_amend=True)
    order = tape.place(exits("100"), policy={"hold": "venue"})
    tape.ack(order, "target", "stop")
    said = tape.fill(order, "target", 40, "110.00")
    assert "< Amend stop.1 to 60" in said
    assert not any("Cancel" in line for line in said)
    tape.amended(order, "stop")
    assert tape.working(order) == {"target": 60, "stop": 60}


def test_scenario_06_a_held_stop_sells_what_the_target_left():
    tape = Tape()
    order = tape.place(exits("100"))
    tape.ack(order, "target")
    tape.fill(order, "target", 40, "110.00")
    tape.trade("95.00")
    tape.canceled(order, "target")
    assert [s.quantity for s in tape.submits("stop")] == [60]


def test_scenario_07_ten_parts_repeated_and_out_of_order_cover_what_filled():
    tape = Tape(native_amend=True)
    order = tape.place(bracket("100"))
    parts = [(f"e{n}", 10) for n in range(10)]
    for name, quantity in [*parts[5:], *parts[:7], *parts]:
        tape.fill(order, "entry", quantity, "100.00", name)
        target = tape.leg(order, "target")
        assert target.venue is not None
        if target.state == "pending_new":
            tape.ack(order, "target")
        if target.state == "pending_replace":
            tape.amended(order, "target")
        assert tape.working(order)["target"] == tape.leg(order, "entry").cum
    assert tape.leg(order, "entry").cum == 100
    assert tape.leg(order, "stop").armed


@pytest.mark.parametrize("parts", [(1,) * 10, (3, 3, 4), (7, 1, 1, 1), (2, 5, 3)])
def test_scenario_07_a_ladder_covers_exactly_what_filled_after_every_part(parts):
    tape = Tape(native_amend=True)
    order = tape.place(ladder())
    filled = 0
    for part in parts:
        tape.fill(order, "entry", part, "100.00")
        filled += part
        for _ in range(2):
            for name in ("near", "middle", "far"):
                leg = tape.leg(order, name)
                if leg.state == "pending_new":
                    tape.ack(order, name)
                if leg.state == "pending_replace":
                    tape.amend_to_last(order, name)
        working = tape.working(order)
        assert sum(working.get(name, 0) for name in ("near", "middle", "far")) == filled
    assert tape.working(order) == {"near": 5, "middle": 3, "far": 2}


def test_scenario_08_ladder_first_target_moves_the_stop_to_break_even():
    tape = Tape()
    order = tape.place(
        ladder(),
        rules=[
            {
                "when": {"leg_filled": "near"},
                "amend": {"stop": {"trigger_price": {"from_entry": {"ticks": 1}}}},
            }
        ],
    )
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "near", "middle", "far")
    assert tape.working(order) == {"near": 5, "middle": 3, "far": 2}
    tape.trade("105.00")
    tape.fill(order, "near", 5, "105.00")
    assert tape.leg(order, "stop").armed_level == 10001
    tape.trade("100.01")
    tape.canceled(order, "middle")
    tape.canceled(order, "far")
    assert [s.quantity for s in tape.submits("stop")] == [5]
    tape.fill(order, "stop", 5, "100.01")
    assert order.done == "filled"
    assert tape.held(order) == 0


def test_scenario_08_a_refused_break_even_leaves_the_stop_and_is_reported():
    tape = Tape()
    order = tape.place(
        ladder(),
        rules=[
            {
                "when": {"leg_filled": "near"},
                "amend": {"stop": {"trigger_price": {"from_entry": {"ticks": 1}}}},
            }
        ],
    )
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "near", "middle", "far")
    tape.trade("99.00")  # the market is below break-even when the target's fill is told
    tape.fill(order, "near", 5, "105.00")
    assert tape.leg(order, "stop").armed_level == 9500
    assert "rule_refused" in tape.incidents()
    tape.trade("95.00")
    tape.canceled(order, "middle")
    tape.canceled(order, "far")
    assert [s.quantity for s in tape.submits("stop")] == [5]


def test_scenario_08_a_partly_filled_stop_reduces_the_farthest_target_first():
    tape = Tape(native_stop=True, native_amend=True)
    order = tape.place(ladder(), policy={"hold": "venue"})
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "near", "middle", "far", "stop")
    said = tape.fill(order, "stop", 4, "95.00")
    assert "< Cancel far.1" in said
    assert "< Amend middle.1 to 1" in said
    assert not any("near" in line for line in said)


@pytest.mark.parametrize(
    ("price", "quantity"), [("0.00000001", "0.001"), ("0.25", "1"), ("0.0005", "100")]
)
def test_scenario_09_everything_sent_is_on_tick_and_step_and_sums_are_exact(price, quantity):
    odd = Instrument("BTC.PAPER", price_increment=price, quantity_increment=quantity)
    tape = Tape(odd)
    grid = tape.state.markets["BTC.PAPER"].grid
    whole = grid.quantity_text(7)
    entry = limit("buy", grid.price_text(1000), whole, id="entry")
    targets = [
        limit("sell", {"from_entry": {"bps": 137}}, "50%", id="near"),
        limit("sell", {"from_entry": {"bps": 333}}, "50%", id="far"),
    ]
    order = tape.place(
        {
            "type": "oto",
            "first": entry,
            "then": {
                "type": "oco",
                "legs": [
                    {"type": "all", "legs": targets},
                    stop("sell", {"from_entry": {"bps": -123}}, id="stop"),
                ],
            },
        }
    )
    tape.fill(order, "entry", 2, grid.price_text(1000))
    tape.fill(order, "entry", 5, grid.price_text(1001))
    sent = [s for s in tape.submits() if s.client_id.split(".")[1] in ("1", "2")]
    assert sum(leg.terms.quantity for leg in order.legs[1:3]) <= 7
    assert all(isinstance(s.price, int) and isinstance(s.quantity, int) for s in sent)
    # The average is 7005/7 = 1000.714; 123 bps below is 988.40, tightened up to 989.
    assert tape.leg(order, "stop").armed_level == 989


def test_d3_amending_a_part_filled_targets_price_keeps_the_stop_at_the_rest():
    tape = Tape(native_amend=True)
    order = tape.place(bracket("10"))
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.fill(order, "target", 4, "110.00")
    tape.command("amend", order_id=order.id, legs={"target": {"price": "112.00"}})
    tape.amended(order, "target")
    assert tape.working(order) == {"target": 6}
    tape.trade("95.00")
    tape.canceled(order, "target")
    assert [s.quantity for s in tape.submits("stop")] == [6]


def test_a_stop_for_part_of_the_entry_covers_that_part_from_the_first_fills_on():
    tape = Tape()
    order = tape.place(bracket("10"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 6, "100.00")
    tape.command("amend", order_id=order.id, legs={"stop": {"quantity": "3"}})
    assert tape.leg(order, "stop").armed_quantity == 3


def test_d6_an_entry_that_fills_on_after_its_stop_fired_is_covered_too():
    tape = Tape()
    order = tape.place(bracket("10"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 3, "100.00")
    tape.ack(order, "target")
    tape.trade("94.00")
    tape.canceled(order, "target")
    tape.fill(order, "stop", 3, "94.00")
    assert not order.done
    tape.fill(order, "entry", 7, "100.00")
    assert tape.submits("stop")[-1].quantity == 7, "the market is still below the stop"
    tape.fill(order, "stop", 7, "93.00")
    tape.ack(order, "target") if tape.leg(order, "target").venue else None
    if tape.leg(order, "target").venue:
        tape.canceled(order, "target")
    assert tape.held(order) == 0


def test_d7_the_first_target_reduces_the_stop_and_leaves_the_second_target():
    tape = Tape(native_stop=True, native_amend=True)
    both = {
        "type": "oco",
        "on_partial_fill": "reduce",
        "legs": [
            {
                "type": "all",
                "legs": [
                    limit("sell", "105.00", "5", id="one", reduce_only=True),
                    limit("sell", "110.00", "5", id="two", reduce_only=True),
                ],
            },
            stop("sell", "95.00", "10", id="stop", reduce_only=True, hold="venue"),
        ],
    }
    order = tape.place(both)
    tape.ack(order, "one", "two", "stop")
    said = tape.fill(order, "one", 5, "105.00")
    assert "< Amend stop.1 to 5" in said
    tape.amended(order, "stop")
    assert tape.working(order) == {"two": 5, "stop": 5}


def test_d18_a_fill_beyond_the_quantity_is_booked_in_full_and_covered():
    tape = Tape()
    order = tape.place(bracket("10"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 12, "100.00")
    assert tape.leg(order, "entry").cum == 12
    assert "overfill" in tape.incidents()
    tape.ack(order, "target")
    assert tape.working(order) == {"target": 12}
    assert tape.leg(order, "stop").armed


def test_d21_a_replayed_execution_is_counted_once():
    tape = Tape()
    order = tape.place(bracket("10"))
    for _ in range(3):
        tape.fill(order, "entry", 4, "100.00", "same")
    assert tape.leg(order, "entry").cum == 4


def test_d22_a_reduce_only_exit_the_venue_clips_ends_without_flipping():
    tape = Tape()
    order = tape.place(exits("10"))
    tape.ack(order, "target")
    tape.trade("94.00")
    tape.canceled(order, "target")
    tape.fill(order, "stop", 3, "94.00")
    tape.fill(order, "stop", 3, "93.99")
    said = tape.canceled(order, "stop", CancelReason.REDUCE_ONLY)
    assert "< QueryPosition" in said
    assert tape.leg(order, "stop").cum == 6


def test_dust_left_is_told_and_the_order_comes_to_an_end():
    coarse = Instrument("BTC.PAPER", "0.01", "1", min_quantity="5")
    tape = Tape(coarse)
    order = tape.place(exits("10"))
    tape.ack(order, "target")
    tape.fill(order, "target", 7, "110.00")
    tape.trade("94.00")
    tape.canceled(order, "target")
    assert not tape.submits("stop")
    assert "dust_left" in tape.incidents()
    assert order.done


def test_dust_rounded_up_goes_out_as_reduce_only():
    coarse = Instrument("BTC.PAPER", "0.01", "1", min_quantity="5")
    tape = Tape(coarse)
    order = tape.place(exits("10"), policy={"dust": "round_up_reduce_only"})
    tape.ack(order, "target")
    tape.fill(order, "target", 7, "110.00")
    tape.trade("94.00")
    tape.canceled(order, "target")
    (sent,) = tape.submits("stop")
    assert (sent.quantity, sent.reduce_only) == (5, True)


def test_dust_market_with_last_folds_small_targets_into_the_last_that_can_trade():
    coarse = Instrument("BTC.PAPER", "0.01", "1", min_quantity="3")
    tape = Tape(coarse)
    order = tape.place(
        {
            "type": "bracket",
            "entry": limit("buy", "100.00", "10", id="entry"),
            "take_profit": [
                limit("sell", "105.00", "4", id="near"),
                limit("sell", "110.00", "3", id="middle"),
                limit("sell", "115.00", "3", id="far"),
            ],
            "stop_loss": stop("sell", "95.00", id="stop"),
        },
        policy={"dust": "market_with_last"},
    )
    tape.ack(order, "entry")
    tape.fill(order, "entry", 8, "100.00")
    sent = {tape._leg_of(s): s.quantity for s in tape.submits() if s.side < 0}
    assert sum(sent.values()) == 8
    assert all(quantity >= 3 for quantity in sent.values())


def test_an_iceberg_is_worked_in_slices_where_the_venue_has_none():
    tape = Tape()
    order = tape.place(limit("buy", "100.00", "10", id="entry", display_quantity="4"))
    tape.ack(order, "entry")
    assert tape.submits()[-1].quantity == 4
    tape.fill(order, "entry", 4, "100.00")
    tape.fill(order, "entry", 4, "100.00")
    tape.fill(order, "entry", 2, "100.00")
    assert [s.quantity for s in tape.submits()] == [4, 4, 2]
    assert order.done == "filled"


def test_an_iceberg_goes_out_whole_where_the_venue_knows_them():
    tape = Tape(iceberg=True)
    tape.place(limit("buy", "100.00", "10", id="entry", display_quantity="4"))
    (sent,) = tape.submits()
    assert (sent.quantity, sent.display_quantity) == (10, 4)


def test_a_rejected_entry_leaves_nothing_behind():
    tape = Tape()
    order = tape.place(bracket())
    tape.rejected(order, "entry", VenueReject.INSUFFICIENT_MARGIN)
    assert order.done == "rejected"
    assert not any(isinstance(x, f.IncidentOpened) for x in tape.facts)
    assert BTC.symbol in tape.state.markets
