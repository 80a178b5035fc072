"""What fills, when, and at which price: the stated matching model, one rule per story."""

import pytest
from paper_world import World, buy, sell, told

from interlock.venues.paper.matching import MatchingModel, Queue


def test_a_market_order_takes_the_quoted_size_and_then_walks_one_increment_at_a_time() -> None:
    world = World()
    world.quote(99, 5, 100, 5)
    assert told(world.send(buy("a", 12))) == [
        "Acknowledged a",
        "Filled a 5 @ 100",
        "Filled a 5 @ 101",
        "Filled a 2 @ 102",
    ]


def test_a_market_order_walks_the_depth_level_by_level() -> None:
    world = World()
    world.depth([(99, 4), (97, 6)], [(100, 3), (103, 10)])
    assert told(world.send(buy("a", 5))) == [
        "Acknowledged a",
        "Filled a 3 @ 100",
        "Filled a 2 @ 103",
    ]
    assert told(world.send(sell("b", 12))) == [
        "Acknowledged b",
        "Filled b 4 @ 99",
        "Filled b 6 @ 97",
        "Filled b 2 @ 96",
    ]


def test_what_one_order_took_is_not_offered_to_the_next_until_that_side_changes() -> None:
    world = World()
    world.quote(99, 5, 100, 5)
    world.send(buy("a", 4))
    assert told(world.send(buy("b", 2)))[1:] == ["Filled b 1 @ 100", "Filled b 1 @ 101"]
    world.quote(98, 5, 100, 5)
    assert told(world.send(buy("c", 1)))[1:] == ["Filled c 1 @ 101"]
    world.quote(98, 5, 100, 6)
    assert told(world.send(buy("d", 1)))[1:] == ["Filled d 1 @ 100"]


def test_a_size_that_is_not_given_is_no_limit() -> None:
    world = World()
    world.quote(99, 0, 100, 0)
    assert told(world.send(buy("a", 1_000_000)))[1:] == ["Filled a 1000000 @ 100"]


def test_a_huge_market_order_ends_at_the_last_assumed_level() -> None:
    world = World()
    world.quote(99, 1, 100, 1)
    fills = told(world.send(buy("a", 1_000_000)))[1:]
    assert len(fills) == 1 + 32
    assert fills[-1] == "Filled a 999968 @ 131"
    low = World()
    low.quote(3, 1, 4, 1)
    assert told(low.send(sell("b", 10)))[1:] == [
        "Filled b 1 @ 3",
        "Filled b 1 @ 2",
        "Filled b 1 @ 1",
        "Filled b 7 @ 1",
    ]


def test_a_market_order_waits_for_the_first_price() -> None:
    world = World()
    assert told(world.send(buy("a", 3))) == ["Acknowledged a"]
    assert told(world.trade(101, 1)) == ["Filled a 3 @ 101"]


def test_where_only_trades_are_known_the_last_price_takes_any_quantity() -> None:
    world = World()
    world.trade(101, 1)
    assert told(world.send(buy("a", 30)))[1:] == ["Filled a 30 @ 101"]


def test_a_taker_can_be_limited_to_the_volume_of_the_last_trade() -> None:
    world = World(model=MatchingModel(limit_taker_by_volume=True))
    world.trade(101, 2)
    assert told(world.send(buy("a", 3)))[1:] == ["Filled a 2 @ 101", "Filled a 1 @ 102"]


def test_with_only_trades_known_a_limit_must_be_better_than_the_last_price_to_take() -> None:
    world = World()
    world.trade(100, 1)
    assert told(world.send(buy("at", 1, price=100))) == ["Acknowledged at"]
    assert told(world.send(buy("above", 1, price=101)))[1:] == ["Filled above 1 @ 100"]


def test_a_trade_below_the_quoted_bid_moves_the_bid() -> None:
    world = World()
    world.quote(100, 5, 101, 5)
    world.trade(95, 1)
    assert told(world.send(sell("a", 9)))[1:] == ["Filled a 9 @ 95"]


def test_a_trade_through_some_levels_leaves_the_deeper_ones() -> None:
    world = World()
    world.depth([(100, 5), (96, 2), (94, 3)], [(101, 5)])
    world.trade(96, 1)
    assert told(world.send(sell("a", 3)))[1:] == ["Filled a 2 @ 96", "Filled a 1 @ 94"]


def test_a_quote_renews_the_best_level_before_the_deeper_ones_of_the_last_depth() -> None:
    world = World()
    world.depth([(99, 1)], [(100, 1), (101, 1), (105, 4)])
    world.quote(99, 1, 101, 2)
    assert told(world.send(buy("a", 3)))[1:] == ["Filled a 2 @ 101", "Filled a 1 @ 105"]


def test_a_crossed_quote_changes_nothing() -> None:
    world = World()
    world.quote(99, 5, 100, 5)
    assert world.quote(103, 5, 102, 5) == []
    assert world.depth([(103, 5)], [(102, 5)]) == []
    assert told(world.send(buy("a", 1)))[1:] == ["Filled a 1 @ 100"]


def test_a_marketable_limit_takes_what_is_displayed_and_rests_with_the_rest() -> None:
    world = World()
    world.quote(99, 5, 100, 5)
    assert told(world.send(buy("a", 8, price=101)))[1:] == ["Filled a 5 @ 100"]
    fills = world.trade(101, 2)
    assert told(fills) == ["Filled a 2 @ 101"]
    (resting,) = world.venue.open_orders()
    assert resting.leaves == 1
    assert [fill.maker for fill in resting.fills] == [False, True]


def test_a_trade_through_the_price_fills_for_no_more_than_it_traded() -> None:
    world = World()
    world.quote(99, 50, 101, 5)
    world.send(buy("a", 8, price=99))
    assert told(world.trade(98, 5)) == ["Filled a 5 @ 99"]
    assert told(world.trade(98, 5)) == ["Filled a 3 @ 99"]


def test_a_trade_at_the_price_fills_only_what_exceeds_the_queue_ahead() -> None:
    world = World()
    world.quote(99, 10, 101, 5)
    world.send(buy("a", 5, price=99))
    assert world.trade(99, 6) == []
    assert told(world.trade(99, 6)) == ["Filled a 2 @ 99"]
    assert told(world.trade(99, 6)) == ["Filled a 3 @ 99"]


def test_a_level_that_thins_out_shortens_the_queue() -> None:
    world = World()
    world.quote(99, 10, 101, 5)
    world.send(buy("a", 5, price=99))
    world.quote(99, 3, 101, 5)
    assert told(world.trade(99, 4)) == ["Filled a 1 @ 99"]


def test_a_best_price_that_falls_behind_ours_leaves_nobody_ahead() -> None:
    world = World()
    world.quote(99, 10, 101, 5)
    world.send(buy("a", 5, price=99))
    world.quote(98, 10, 101, 5)
    assert told(world.trade(99, 1)) == ["Filled a 1 @ 99"]


def test_depth_tells_the_queue_behind_the_best_level() -> None:
    world = World()
    world.depth([(99, 1), (98, 4)], [(101, 5)])
    world.send(buy("a", 5, price=98))
    assert told(world.trade(98, 6)) == ["Filled a 2 @ 98"]


def test_the_front_of_the_queue_is_filled_by_the_first_trade_at_the_price() -> None:
    world = World(model=MatchingModel(queue=Queue.FRONT))
    world.quote(99, 10, 101, 5)
    world.send(buy("a", 5, price=99))
    assert told(world.trade(99, 2)) == ["Filled a 2 @ 99"]


def test_the_back_of_the_queue_is_filled_only_by_trades_beyond_the_price() -> None:
    world = World(model=MatchingModel(queue=Queue.BACK))
    world.quote(99, 1, 101, 5)
    world.send(buy("a", 5, price=99))
    assert world.trade(99, 100) == []
    assert told(world.trade(98, 2)) == ["Filled a 2 @ 99"]


def test_a_buyer_taking_at_our_bid_did_not_take_from_us() -> None:
    world = World()
    world.trade(100, 1)
    world.send(buy("a", 1, price=99))
    assert world.trade(99, 1, aggressor=1) == []
    assert told(world.trade(99, 1, aggressor=-1)) == ["Filled a 1 @ 99"]


def test_one_trade_is_shared_in_price_time_order() -> None:
    world = World()
    world.trade(105, 1)
    world.send(buy("late", 4, price=99), buy("best", 4, price=100), buy("later", 4, price=99))
    assert told(world.trade(98, 10)) == [
        "Filled best 4 @ 100",
        "Filled late 4 @ 99",
        "Filled later 2 @ 99",
    ]


def test_a_trade_without_quantity_moves_the_price_and_fills_nothing() -> None:
    world = World()
    world.trade(105, 1)
    world.send(buy("a", 1, price=100))
    assert world.trade(99, 0) == []
    assert told(world.send(buy("b", 1)))[1:] == ["Filled b 1 @ 99"]


def test_without_the_volume_limit_any_touching_trade_fills_wholly() -> None:
    world = World(model=MatchingModel(limit_by_volume=False))
    world.quote(99, 3, 101, 5)
    world.send(buy("a", 50, price=99), sell("b", 50, price=102))
    assert world.trade(99, 3) == []
    assert told(world.trade(99, 1)) == ["Filled a 50 @ 99"]
    assert told(world.trade(103, 0)) == ["Filled b 50 @ 102"]


@pytest.mark.parametrize("ask", [100, 98])
def test_a_quote_that_touches_or_crosses_fills_at_our_price_up_to_its_size(ask: int) -> None:
    world = World()
    world.quote(97, 5, 105, 5)
    world.send(buy("a", 8, price=100))
    assert told(world.quote(97, 5, ask, 5)) == ["Filled a 5 @ 100"]
    assert world.quote(97, 4, ask, 5) == []
    assert told(world.quote(97, 4, ask, 0)) == ["Filled a 3 @ 100"]


def test_two_resting_orders_share_what_a_quote_displays() -> None:
    world = World()
    world.quote(97, 5, 105, 5)
    world.send(sell("a", 4, price=101), sell("b", 4, price=101))
    assert told(world.quote(101, 6, 105, 5)) == ["Filled a 4 @ 101", "Filled b 2 @ 101"]


def test_an_empty_side_offers_nothing_and_a_market_order_waits_for_it() -> None:
    world = World()
    world.quote(99, 5, 0, 0)
    assert told(world.send(buy("a", 1))) == ["Acknowledged a"]
    assert told(world.quote(99, 5, 101, 5)) == ["Filled a 1 @ 101"]


def test_a_tick_of_another_venue_is_ignored() -> None:
    from interlock.orders.ticks import Trade

    world = World()
    world.venue.on_tick(Trade("BTC.ELSEWHERE", world.step(), 100, 1))
    assert told(world.send(buy("a", 1))) == ["Acknowledged a"]
