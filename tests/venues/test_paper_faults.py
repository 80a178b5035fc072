"""Faults: each one strikes when it is switched on, and does to the truth only what it says."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
import pytest
from paper_world import MS, SYMBOL, World, buy, order, sell, told

from interlock.orders.reports import (
    Acknowledged,
    AmendRefused,
    Canceled,
    CancelRefused,
    Connection,
    Filled,
    InstrumentStatus,
    OrderStatus,
    OutcomeUnknown,
    Rejected,
    VenueReject,
    VenueStatus,
)
from interlock.venues.paper.faults import Faults, HaltWindow, Latency, Window

ALWAYS = 1000


def world_with(seed: int = 0, **faults: object) -> World:
    world = World(faults=Faults(**faults), seed=seed)  # type: ignore[arg-type]
    world.quote(99, 5, 100, 5)
    return world


def test_faults_are_read_from_a_configuration_and_unknown_ones_are_refused() -> None:
    text = b'{"latency_out": {"min_ns": 5, "max_ns": 9}, "lose_report_permille": 3}'
    assert msgspec.json.decode(text, type=Faults) == Faults(
        latency_out=Latency(5, 9), lose_report_permille=3
    )
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"loose_report_permille": 3}', type=Faults)


def test_a_fixed_latency_delays_the_request_and_then_the_report() -> None:
    world = world_with(latency_out=Latency(10 * MS), latency_in=Latency(5 * MS))
    assert world.send(buy("a", 1, price=90)) == []
    sent = world.at
    assert world.venue.next_at() == sent + 10 * MS
    assert world.wait(10) == []
    assert world.venue.open_orders()[0].client_id == "a"
    assert world.venue.next_at() == sent + 15 * MS
    assert world.wait(5) == [Acknowledged(sent + 15 * MS, "a", "PAPER-o1")]


def test_a_request_arrives_before_the_tick_of_the_same_instant() -> None:
    world = world_with(latency_out=Latency(MS))
    world.send(buy("a", 1, price=95))
    assert told(world.trade(94, 1)) == ["Acknowledged a", "Filled a 1 @ 95"]


def test_a_request_that_is_still_under_way_misses_the_tick() -> None:
    world = world_with(latency_out=Latency(MS + 1))
    world.send(buy("a", 1, price=95))
    assert world.trade(94, 1) == []
    assert told(world.wait(1)) == ["Acknowledged a"]


def test_a_slow_request_is_refused_after_its_validity() -> None:
    world = world_with(latency_out=Latency(10 * MS))
    world.send(buy("a", 1, valid_until=world.at + 10 * MS))
    assert told(world.wait(20)) == ["Rejected a too_late"]


def test_a_drawn_latency_keeps_the_stream_in_order() -> None:
    world = world_with(latency_in=Latency(0, 100 * MS))
    for n in range(30):
        world.send(buy(f"a{n}", 1, price=90))
    world.wait(200)
    assert told(world.reports) == [f"Acknowledged a{n}" for n in range(30)]
    assert [report.at for report in world.reports] == sorted(r.at for r in world.reports)


def test_a_drawn_latency_lets_a_cancel_overtake_its_order() -> None:
    def overtakes(seed: int) -> bool:
        world = world_with(seed, latency_out=Latency(0, 100 * MS))
        world.send(buy("a", 1, price=90))
        world.cancel("a")
        world.wait(200)
        return told(world.reports) == ["CancelRefused a unknown_order", "Acknowledged a"]

    assert any(overtakes(seed) for seed in range(20))


def test_a_lost_report_is_lost_and_the_truth_can_be_asked_for() -> None:
    world = world_with(lose_report_permille=ALWAYS)
    assert world.send(buy("a", 2)) == []
    (status,) = world.query("a")
    assert isinstance(status, OrderStatus)
    assert (status.status, status.fills[0].quantity) == (VenueStatus.FILLED, 2)


def test_a_repeated_report_comes_twice_and_the_second_is_the_same() -> None:
    world = world_with(repeat_report_permille=ALWAYS, reorder_max_ns=3 * MS)
    world.send(buy("a", 2))
    world.wait(10)
    fills = [report for report in world.reports if isinstance(report, Filled)]
    assert len(fills) == 2
    assert fills[0].execution == fills[1].execution
    assert world.position == 2


def test_a_reordered_report_comes_after_one_told_later() -> None:
    def reorders(seed: int) -> bool:
        world = world_with(seed, reorder_report_permille=500)
        world.send(buy("a", 2))
        world.wait(100)
        return told(world.reports) == ["Filled a 2 @ 100", "Acknowledged a"]

    assert any(reorders(seed) for seed in range(20))


def test_a_phantom_fill_is_told_and_known_to_no_book() -> None:
    world = world_with(phantom_fill_permille=ALWAYS)
    acknowledged, phantom = world.send(buy("a", 9, price=95))
    assert isinstance(acknowledged, Acknowledged)
    assert isinstance(phantom, Filled)
    assert 1 <= phantom.execution.quantity <= 9
    (status,) = world.query("a")
    assert isinstance(status, OrderStatus)
    assert (status.status, status.fills) == (VenueStatus.WORKING, ())
    assert (world.venue.executions(), world.position) == ([], 0)


def test_only_resting_limits_are_haunted() -> None:
    world = world_with(phantom_fill_permille=ALWAYS)
    assert told(world.send(buy("a", 1))) == ["Acknowledged a", "Filled a 1 @ 100"]
    assert told(world.send(sell("b", 1, trigger_price=90))) == ["Acknowledged b"]


def test_a_fill_that_beat_the_cancel_is_told_after_it_and_counts() -> None:
    world = world_with(late_fill_after_cancel_permille=ALWAYS)
    world.send(buy("a", 9, price=95))
    assert told(world.cancel("a")) == ["Canceled a requested cum 0"]
    held = world.position
    assert 1 <= held <= 9
    assert told(world.wait(200)) == [f"Filled a {held} @ 95"]
    (status,) = world.query("a")
    assert isinstance(status, OrderStatus)
    assert (status.status, status.fills[0].quantity) == (VenueStatus.CANCELED, held)


def test_a_cancel_that_lost_against_a_fill_is_refused() -> None:
    world = world_with(cancel_refused_filled_permille=ALWAYS)
    world.send(buy("a", 9, price=95))
    assert told(world.cancel("a")) == ["Filled a 9 @ 95", "CancelRefused a already_done"]


@pytest.mark.parametrize("fault", ["late_fill_after_cancel", "cancel_refused_filled"])
def test_no_fault_makes_an_exit_flip_the_position(fault: str) -> None:
    world = world_with(**{f"{fault}_permille": ALWAYS})
    world.hold(2)
    world.send(sell("a", 9, price=105, reduce_only=True))
    world.cancel("a")
    assert 0 <= world.position < 2


def test_a_stop_that_waits_is_canceled_without_a_fill() -> None:
    world = world_with(
        late_fill_after_cancel_permille=ALWAYS, cancel_refused_filled_permille=ALWAYS
    )
    world.send(sell("a", 9, trigger_price=95))
    assert told(world.cancel("a")) == ["Canceled a requested cum 0"]


def test_an_unknown_outcome_says_nothing_of_whether_the_order_arrived() -> None:
    arrived: list[bool] = []
    for seed in range(20):
        world = world_with(seed, unknown_outcome_permille=ALWAYS, timeout_ns=50 * MS)
        assert world.send(buy("a", 1, price=95)) == []
        assert world.wait(50) == [OutcomeUnknown(world.at, "a", "timed out")]
        fills = told(world.trade(94, 1))
        arrived.append(fills == ["Filled a 1 @ 95"])
        assert arrived[-1] or fills == []
    assert True in arrived
    assert False in arrived


def test_the_outcome_of_a_cancel_and_of_an_amend_may_be_unknown_too() -> None:
    ends: list[int] = []
    for seed in range(20):
        world = world_with(seed)
        world.send(buy("a", 5, price=95), buy("b", 5, price=95))
        world.venue.change_faults(Faults(unknown_outcome_permille=ALWAYS, timeout_ns=MS))
        assert world.cancel("a") + world.amend("b", 4) + world.wait(5) == [
            OutcomeUnknown(world.at - 5 * MS, "a", "timed out"),
            OutcomeUnknown(world.at - 4 * MS, "b", "timed out"),
        ]
        ends.append(sum(order.quantity for order in world.venue.open_orders()))
    assert set(ends) == {10, 9, 5, 4}


def test_a_lost_request_never_arrives_and_nothing_is_heard() -> None:
    world = world_with(lose_request_permille=ALWAYS)
    assert world.send(buy("a", 1)) + world.wait(10_000) == []
    (status,) = world.query("a")
    assert isinstance(status, OrderStatus)
    assert status.status is VenueStatus.NOT_FOUND


def test_a_rate_limit_refuses_every_kind_of_request_and_spends_no_id() -> None:
    world = world_with()
    world.send(buy("a", 1, price=95))
    world.venue.change_faults(Faults(rate_limit_permille=ALWAYS, retry_after_ns=7 * MS))
    (refused,) = world.send(buy("b", 1))
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.retry_at) == (VenueReject.RATE_LIMITED, world.at + 7 * MS)
    (refused_cancel,) = world.cancel("a")
    assert refused_cancel == CancelRefused(world.at, "a", 1, VenueReject.RATE_LIMITED)
    (refused_amend,) = world.amend("a", 2)
    assert isinstance(refused_amend, AmendRefused)
    assert refused_amend.code is VenueReject.RATE_LIMITED
    world.venue.change_faults(Faults())
    assert told(world.send(buy("b", 1)))[0] == "Acknowledged b"


def test_a_submit_may_be_refused_for_margin() -> None:
    world = world_with(reject_permille=ALWAYS)
    assert told(world.send(buy("a", 1))) == ["Rejected a insufficient_margin"]


def test_while_disconnected_the_venue_trades_on_and_its_reports_are_lost() -> None:
    world = world_with()
    world.send(buy("a", 5, price=95))
    down = world.step()
    world.venue.disconnect(down)
    assert world.poll() == [Connection(down, "PAPER", False)]
    assert not world.venue.connected
    assert world.trade(94, 2) == []
    assert world.query("a") == []
    assert world.send(buy("b", 1)) == [OutcomeUnknown(world.at, "b", "not connected")]
    up = world.step()
    world.venue.reconnect(up)
    world.venue.reconnect(up)
    assert world.poll() == [Connection(up, "PAPER", True), InstrumentStatus(up, SYMBOL, True)]
    (status,) = world.query("a")
    assert isinstance(status, OrderStatus)
    assert status.fills[0].quantity == 2
    assert world.venue.order("b") is None
    assert told(world.trade(94, 9)) == ["Filled a 3 @ 95"]


def test_what_is_under_way_when_the_connection_breaks_is_lost() -> None:
    world = world_with(latency_in=Latency(5 * MS))
    world.send(buy("a", 5, price=95))
    world.venue.disconnect(world.step())
    world.venue.reconnect(world.step())
    assert [type(report) for report in world.wait(10)] == [
        Connection,
        Connection,
        InstrumentStatus,
    ]


def test_disconnects_can_be_planned() -> None:
    world = World(faults=Faults(disconnects=(Window(10 * MS, 30 * MS),)))
    assert world.venue.next_at() == 10 * MS
    assert world.wait(50) == [
        Connection(10 * MS, "PAPER", False),
        Connection(30 * MS, "PAPER", True),
        InstrumentStatus(30 * MS, SYMBOL, True),
    ]


def test_halts_can_be_planned() -> None:
    world = World(faults=Faults(halts=(HaltWindow(SYMBOL, 10 * MS, 30 * MS),)))
    assert world.wait(50) == [
        InstrumentStatus(10 * MS, SYMBOL, False),
        InstrumentStatus(30 * MS, SYMBOL, True),
    ]


def test_a_tick_may_break_the_connection_or_halt_trading_for_a_while() -> None:
    world = World(faults=Faults(disconnect_permille=ALWAYS, disconnect_ns=5 * MS))
    assert world.trade(100, 1) == [Connection(world.at, "PAPER", False)]
    trades = InstrumentStatus(world.at + 5 * MS, SYMBOL, True)
    assert world.wait(5) == [Connection(world.at, "PAPER", True), trades]
    halting = World(faults=Faults(halt_permille=ALWAYS, halt_ns=5 * MS))
    assert halting.trade(100, 1) == [InstrumentStatus(halting.at, SYMBOL, False)]
    assert halting.wait(5) == [InstrumentStatus(halting.at, SYMBOL, True)]


def test_good_weather_can_return() -> None:
    world = world_with(lose_report_permille=ALWAYS)
    assert world.send(buy("a", 1)) == []
    world.venue.change_faults(Faults())
    assert told(world.send(buy("b", 1))) == ["Acknowledged b", "Filled b 1 @ 100"]


STORM = Faults(
    latency_out=Latency(0, 3 * MS),
    latency_in=Latency(MS, 4 * MS),
    lose_request_permille=50,
    lose_report_permille=50,
    repeat_report_permille=50,
    reorder_report_permille=50,
    phantom_fill_permille=50,
    late_fill_after_cancel_permille=100,
    cancel_refused_filled_permille=100,
    unknown_outcome_permille=50,
    rate_limit_permille=50,
    reject_permille=50,
    disconnect_permille=5,
    disconnect_ns=5 * MS,
    halt_permille=5,
    halt_ns=5 * MS,
)


def storm(seed: int) -> World:
    world = World(faults=STORM, seed=seed)
    story, sent = Random(seed), ["nobody"]

    def place(side: int, price: int) -> None:
        sent.append(f"o{len(sent)}")
        world.send(order(sent[-1], side, story.randint(1, 9), price=price))

    actions: list[Callable[[], object]] = [
        lambda: world.quote(story.randint(95, 99), 4, story.randint(100, 104), 4),
        lambda: world.trade(story.randint(93, 106), story.randint(0, 6)),
        lambda: place(1, story.randint(92, 100)),
        lambda: place(-1, story.randint(99, 107)),
        lambda: world.cancel(story.choice(sent[-9:])),
        lambda: world.query(story.choice(sent[-9:])),
        lambda: world.amend(story.choice(sent[-9:]), story.randint(1, 9)),
    ]
    for _ in range(400):
        story.choice(actions)()
    world.venue.change_faults(Faults())
    world.venue.reconnect(world.step())
    world.wait(10_000)
    return world


def test_the_same_seed_tells_the_same_story_and_another_seed_another() -> None:
    assert storm(7).reports == storm(7).reports
    assert storm(7).reports != storm(8).reports


@pytest.mark.parametrize("seed", range(10))
def test_through_any_storm_the_books_of_the_venue_agree(seed: int) -> None:
    world = storm(seed)
    assert any(isinstance(report, Canceled) for report in world.reports)
    executions = world.venue.executions()
    assert len({e.execution.exec_id for e in executions}) == len(executions)
    assert sum(e.side * e.execution.quantity for e in executions) == world.position
    done = [o for n in range(400) if (o := world.venue.order(f"o{n}")) is not None]
    assert all(o.cum == sum(f.quantity for f in o.fills) <= o.quantity for o in done)
    assert sum(o.cum for o in done) == sum(e.execution.quantity for e in executions)


TELL_STORM = """
from hashlib import sha256
from msgspec.json import encode
from test_paper_faults import storm
print(sha256(encode(storm(3).reports)).hexdigest())
"""


def test_the_hash_seed_of_the_process_changes_nothing() -> None:
    def digest(hash_seed: str) -> str:
        here = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parent)}
        command = [sys.executable, "-c", TELL_STORM]
        done = subprocess.run(
            command, env={**os.environ, **here}, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert digest("1") == digest("2") != ""
