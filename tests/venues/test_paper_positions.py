"""Positions: what fills do to them, and what may never happen to them."""

from fractions import Fraction

import msgspec
import pytest
from paper_world import ACCOUNT, BTC, HEDGED, MS, SYMBOL, World, buy, sell, told

from interlock.orders.instruments import Fees
from interlock.orders.legs import PositionSide
from interlock.orders.reports import Amended, Position
from interlock.venues.paper.accounts import PaperPosition

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def quoted(world: World) -> World:
    world.quote(99, 5, 100, 5)
    return world


def test_a_reduce_only_exit_walks_the_levels_shrinks_and_never_flips() -> None:
    world = World()
    world.depth([(99, 2), (98, 2), (97, 9)], [(100, 5)])
    world.hold(5)
    assert told(world.send(sell("exit", 9, reduce_only=True))) == [
        "Acknowledged exit",
        "Filled exit 2 @ 99",
        "Filled exit 2 @ 98",
        "Filled exit 1 @ 97",
        "Canceled exit reduce_only cum 5",
    ]
    assert world.position == 0


def test_a_resting_reduce_only_order_is_clipped_when_the_position_has_shrunk() -> None:
    world = quoted(World())
    world.hold(5)
    world.send(sell("exit", 5, price=105, reduce_only=True))
    world.hold(-3)
    assert told(world.trade(106, 50)) == ["Filled exit 2 @ 105", "Canceled exit reduce_only cum 2"]
    assert world.position == 0


def test_a_resting_reduce_only_order_ends_when_nothing_is_left_to_reduce() -> None:
    world = quoted(World())
    world.hold(-5)
    world.send(buy("exit", 5, price=95, reduce_only=True))
    world.hold(5)
    assert told(world.trade(94, 50)) == ["Canceled exit reduce_only cum 0"]


def test_two_reduce_only_exits_share_one_position() -> None:
    world = quoted(World())
    world.hold(5)
    world.send(
        sell("one", 4, price=105, reduce_only=True), sell("two", 4, price=106, reduce_only=True)
    )
    assert told(world.trade(107, 50)) == [
        "Filled one 4 @ 105",
        "Filled two 1 @ 106",
        "Canceled two reduce_only cum 1",
    ]


def test_fill_or_kill_cannot_fill_more_than_there_is_to_reduce() -> None:
    from interlock.orders.legs import TimeInForce

    world = quoted(World())
    world.hold(2)
    reports = world.send(sell("a", 3, reduce_only=True, time_in_force=TimeInForce.FOK))
    assert told(reports)[1:] == ["Canceled a immediate cum 0"]


def test_without_reduce_only_a_sell_may_flip_the_position() -> None:
    world = quoted(World())
    world.hold(2, price=90)
    world.send(sell("a", 5))
    assert world.venue.position(ACCOUNT, SYMBOL) == PaperPosition(
        ACCOUNT, SYMBOL, None, quantity=-3, cost=3 * 99, realised=2 * 9
    )


def test_hedge_mode_keeps_two_positions_and_closes_no_more_than_each_holds() -> None:
    world = quoted(World(HEDGED))
    world.send(buy("long", 3, position_side=LONG), sell("short", 2, position_side=SHORT))
    assert told(world.send(sell("close", 9, position_side=LONG)))[1:] == [
        "Filled close 3 @ 99",
        "Canceled close reduce_only cum 3",
    ]
    assert [(p.position_side, p.quantity) for p in world.venue.positions()] == [
        (LONG, 0),
        (SHORT, -2),
    ]


def test_a_query_of_a_hedged_position_answers_for_each_side() -> None:
    world = quoted(World(HEDGED))
    world.send(sell("short", 2, position_side=SHORT))
    at = world.at + MS
    assert world.query_position() == [
        Position(at, ACCOUNT, SYMBOL, 0, at, LONG),
        Position(at, ACCOUNT, SYMBOL, -2, at, SHORT),
    ]


def test_fees_are_charged_by_liquidity_and_profit_is_realised_before_them() -> None:
    costly = msgspec.structs.replace(BTC, fees=Fees(maker_bps="-1", taker_bps="10"))
    world = quoted(World(costly))
    world.send(buy("in", 5))
    world.send(sell("out", 5, price=120))
    world.trade(121, 5)
    position = world.venue.position(ACCOUNT, SYMBOL)
    # 500 at 10 bps is half a unit, rounded against the trader; 600 at -1 bps is no rebate at all.
    assert (position.quantity, position.realised, position.fees) == (0, 100, 1)
    assert [e.execution.fee for e in world.venue.executions()] == [1, 0]


def test_profit_and_cost_add_up_to_the_unit_when_a_position_is_closed_in_parts() -> None:
    position = PaperPosition(ACCOUNT, SYMBOL)
    position.trade(2, 100, 0)
    position.trade(1, 101, 0)
    assert position.average_price == Fraction(301, 3)
    for _ in range(3):
        position.trade(-1, 110, 0)
    assert (position.quantity, position.cost, position.realised) == (0, 0, 330 - 301)
    assert position.average_price is None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_short_earns_what_a_long_loses(sign: int) -> None:
    position = PaperPosition(ACCOUNT, SYMBOL)
    position.trade(3 * sign, 100, 0)
    position.trade(-3 * sign, 90, 0)
    assert position.realised == -30 * sign


def test_somebody_elses_trade_changes_the_position_and_is_told() -> None:
    world = quoted(World())
    world.send(buy("a", 2))
    at = world.step()
    world.venue.outside_trade(ACCOUNT, SYMBOL, -5, 101, at)
    assert world.poll() == [Position(at, ACCOUNT, SYMBOL, -3, at)]
    assert [e.client_id for e in world.venue.executions()] == ["a", ""]


def test_somebody_elses_trade_in_hedge_mode_names_its_side() -> None:
    world = quoted(World(HEDGED))
    at = world.step()
    world.venue.outside_trade(ACCOUNT, SYMBOL, -5, 101, at, SHORT)
    assert world.poll() == [Position(at, ACCOUNT, SYMBOL, -5, at, SHORT)]


def test_somebody_else_cancels_and_changes_our_orders() -> None:
    world = quoted(World())
    world.send(buy("a", 2, price=95), buy("b", 8, price=100), sell("c", 1, price=110))
    at = world.step()
    assert world.venue.outside_cancel("a", at)
    assert world.venue.outside_amend("b", at, quantity=6, price=98)
    assert world.venue.outside_amend("b", at, quantity=5)
    assert world.venue.outside_amend("c", at, price=111)
    assert not world.venue.outside_cancel("a", at)
    assert not world.venue.outside_amend("a", at, quantity=1)
    reports = world.poll()
    assert told(reports) == [
        "Canceled a outside cum 0",
        "Amended b",
        "Canceled b outside cum 5",
        "Amended c",
    ]
    assert reports[1] == Amended(at, "b", 6, 98)
    assert reports[3] == Amended(at, "c", 1, 111)
