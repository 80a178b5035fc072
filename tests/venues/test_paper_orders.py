"""What an order's own words do: immediacy, expiry, stops, order lists, amends and cancels."""

import pytest
from paper_world import BTC, EVERYTHING, MS, SYMBOL, World, buy, sell, told

from interlock.orders.capabilities import Capabilities
from interlock.orders.conditions import PriceSource
from interlock.orders.legs import TimeInForce
from interlock.orders.reports import (
    Amended,
    AmendRefused,
    CancelRefused,
    OrderStatus,
    Rejected,
    VenueReject,
    VenueStatus,
)

IOC, FOK, GTD = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD


def quoted(**fields: object) -> World:
    world = World(**fields)  # type: ignore[arg-type]
    world.quote(99, 5, 100, 5)
    return world


def test_immediate_or_cancel_takes_what_is_there_and_ends() -> None:
    world = quoted()
    assert told(world.send(buy("a", 8, price=100, time_in_force=IOC))) == [
        "Acknowledged a",
        "Filled a 5 @ 100",
        "Canceled a immediate cum 5",
    ]


def test_fill_or_kill_takes_all_or_nothing() -> None:
    world = quoted()
    assert told(world.send(buy("a", 6, price=100, time_in_force=FOK))) == [
        "Acknowledged a",
        "Canceled a immediate cum 0",
    ]
    assert told(world.send(buy("b", 5, price=100, time_in_force=FOK)))[1:] == ["Filled b 5 @ 100"]
    assert told(world.send(buy("c", 500, time_in_force=FOK)))[1] == "Filled c 5 @ 101"


def test_an_immediate_market_order_without_a_market_ends_unfilled() -> None:
    world = World()
    assert told(world.send(buy("a", 1, time_in_force=IOC)))[1:] == ["Canceled a immediate cum 0"]
    assert told(world.send(buy("b", 1, time_in_force=FOK)))[1:] == ["Canceled b immediate cum 0"]


def test_post_only_is_refused_when_it_would_take_and_rests_when_not() -> None:
    world = quoted()
    crossing = world.send(buy("a", 1, price=100, post_only=True))
    assert told(crossing) == ["Rejected a post_only_would_cross"]
    assert told(world.send(buy("b", 1, price=99, post_only=True))) == ["Acknowledged b"]


def test_an_order_expires_at_its_time_and_the_venue_says_when_that_will_be() -> None:
    world = quoted()
    expire_at = world.at + 10 * MS
    world.send(buy("a", 1, price=90, time_in_force=GTD, expire_at=expire_at))
    assert world.venue.next_at() == expire_at
    (expired,) = world.wait(20)
    assert told([expired]) == ["Expired a"]
    assert expired.at == expire_at
    assert world.trade(80, 5) == []


def test_an_expiry_comes_before_the_tick_of_the_same_instant() -> None:
    world = quoted()
    world.send(buy("a", 1, price=90, time_in_force=GTD, expire_at=world.at + 2 * MS))
    assert told(world.trade(80, 5)) == ["Expired a"]


def test_the_expiry_of_a_done_order_is_nothing_to_wait_for() -> None:
    world = quoted()
    world.send(buy("a", 1, price=90, time_in_force=GTD, expire_at=world.at + 10 * MS))
    world.cancel("a")
    assert world.venue.next_at() is None


def test_a_stop_becomes_a_market_order_at_its_trigger() -> None:
    world = quoted()
    assert told(world.send(sell("a", 3, trigger_price=95))) == ["Acknowledged a"]
    assert world.trade(96, 1) == []
    assert told(world.trade(95, 1)) == ["Filled a 3 @ 95"]


def test_a_stop_limit_becomes_a_limit_order() -> None:
    world = quoted()
    world.send(buy("a", 3, trigger_price=105, price=106))
    world.quote(104, 5, 108, 5)
    assert world.trade(105, 1) == []
    assert told(world.trade(106, 2)) == ["Filled a 2 @ 106"]


@pytest.mark.parametrize("side", [1, -1])
def test_each_source_fires_the_stops_that_watch_it_and_no_others(side: int) -> None:
    world = quoted()
    make = buy if side > 0 else sell
    for source in PriceSource:
        world.send(make(source.value, 1, trigger_price=100 + 10 * side, trigger_by=source))
    assert told(world.mark(100 + 10 * side))[0].startswith("Filled mark 1 @")
    assert told(world.index(100 + 10 * side))[0].startswith("Filled index 1 @")
    # The side a market order would meet is there, the middle is not yet.
    wide = (99, 110) if side > 0 else (90, 101)
    assert told(world.quote(wide[0], 5, wide[1], 5)) == [f"Filled bid_ask 1 @ {100 + 10 * side}"]
    assert told(world.quote(100 + 10 * side - 1, 5, 100 + 10 * side + 1, 5))[0].startswith(
        "Filled mid 1 @"
    )
    assert told(world.trade(100 + 10 * side, 1))[0].startswith("Filled last 1 @")


def test_the_middle_may_lie_between_increments() -> None:
    world = World()
    world.send(
        buy("buy", 1, trigger_price=101, trigger_by=PriceSource.MID),
        sell("sell", 1, trigger_price=100, trigger_by=PriceSource.MID),
    )
    assert world.quote(100, 5, 101, 5) == []
    assert told(world.quote(100, 5, 102, 5)) == ["Filled buy 1 @ 102"]
    assert told(world.quote(99, 5, 101, 5)) == ["Filled sell 1 @ 99"]


def test_a_one_sided_quote_fires_nothing() -> None:
    world = quoted()
    world.send(sell("a", 1, trigger_price=95, trigger_by=PriceSource.BID_ASK))
    assert world.quote(90, 5, 0, 0) == []
    assert told(world.quote(90, 5, 91, 5)) == ["Filled a 1 @ 90"]


def test_a_price_of_zero_fires_and_fills_nothing() -> None:
    world = quoted()
    for source in PriceSource:
        world.send(sell(source.value, 1, trigger_price=95, trigger_by=source))
    world.send(buy("limit", 1, price=95))
    assert world.mark(0) + world.index(0) + world.trade(0, 5) + world.quote(0, 0, 0, 0) == []


def test_a_stop_already_through_the_market_is_refused() -> None:
    world = World()
    world.trade(94, 1)
    assert told(world.send(sell("a", 1, trigger_price=95))) == ["Rejected a would_trigger"]
    assert told(world.send(buy("b", 1, trigger_price=94))) == ["Rejected b would_trigger"]


def test_stops_fire_nearest_first() -> None:
    world = quoted()
    world.send(sell("far", 1, trigger_price=90), sell("near", 1, trigger_price=95))
    assert told(world.trade(85, 1)) == ["Filled near 1 @ 85", "Filled far 1 @ 85"]


def test_the_first_fill_of_a_list_cancels_the_other() -> None:
    world = quoted()
    world.send_list(sell("target", 4, price=105), sell("stop", 4, trigger_price=95))
    assert told(world.trade(106, 1)) == ["Filled target 1 @ 105", "Canceled stop oco cum 0"]
    assert told(world.trade(106, 9)) == ["Filled target 3 @ 105"]


def test_the_trigger_of_a_list_cancels_the_other() -> None:
    world = quoted()
    world.send_list(sell("target", 4, price=105), sell("stop", 4, trigger_price=95, price=94))
    assert told(world.trade(95, 1)) == ["Canceled target oco cum 0", "Filled stop 4 @ 95"]


def test_one_tick_that_reaches_both_of_a_list_fills_one() -> None:
    world = quoted()
    world.send_list(sell("near", 4, price=105), sell("far", 4, price=106))
    assert told(world.trade(120, 50)) == ["Filled near 4 @ 105", "Canceled far oco cum 0"]
    world.quote(119, 5, 121, 5)
    world.send_list(sell("a", 4, trigger_price=110), sell("b", 4, trigger_price=109))
    assert told(world.trade(90, 50)) == ["Canceled b oco cum 0", "Filled a 4 @ 90"]


def test_an_order_reads_like_one() -> None:
    world = quoted()
    world.send(buy("a", 3, price=95), sell("b", 2, trigger_price=90))
    assert [repr(order) for order in world.venue.open_orders()] == [
        "<a buy 0/3 @ 95 working>",
        "<b sell 0/2 stop 90 working>",
    ]


def test_a_resume_of_what_is_not_halted_says_nothing() -> None:
    world = quoted()
    world.venue.resume(SYMBOL, world.step())
    assert world.poll() == []
    assert world.venue.now == world.at


def test_a_cancel_of_one_of_a_list_ends_both() -> None:
    world = quoted()
    world.send_list(sell("target", 4, price=105), sell("stop", 4, trigger_price=95))
    assert told(world.cancel("stop")) == [
        "Canceled stop requested cum 0",
        "Canceled target oco cum 0",
    ]


def test_a_list_is_refused_together() -> None:
    world = quoted()
    orders = sell("target", 4, price=105), sell("stop", 4, trigger_price=101)
    world.trade(100, 1)
    assert told(world.send_list(*orders)) == [
        "Rejected target would_trigger",
        "Rejected stop would_trigger",
    ]
    assert world.venue.open_orders() == []


def test_lists_are_unsupported_unless_switched_on_and_are_two_orders_of_one_instrument() -> None:
    plain = quoted(can=Capabilities(native_stop=True))
    orders = sell("target", 4, price=105), sell("stop", 4, trigger_price=95)
    assert told(plain.send_list(*orders)) == [
        "Rejected target unsupported",
        "Rejected stop unsupported",
    ]
    full = quoted()
    assert told(full.send_list(orders[0])) == ["Rejected target unsupported"]
    twice = sell("twice", 4, price=105)
    assert told(full.send_list(twice, twice))[0] == "Rejected twice unsupported"


def test_an_amended_price_may_take() -> None:
    world = quoted()
    world.send(buy("a", 3, price=95))
    reports = world.amend("a", 3, price=100)
    assert told(reports) == ["Amended a", "Filled a 3 @ 100"]
    assert reports[0] == Amended(world.at, "a", 3, 100, None, 1)


def test_a_smaller_quantity_keeps_the_place_in_the_queue_and_a_larger_one_loses_it() -> None:
    world = World()
    world.trade(105, 1)
    world.send(buy("first", 4, price=99), buy("second", 4, price=99))
    world.amend("first", 3)
    assert told(world.trade(99, 3)) == ["Filled first 3 @ 99"]
    world.send(buy("third", 4, price=99))
    world.amend("second", 5)
    assert told(world.trade(99, 4)) == ["Filled third 4 @ 99"]


def test_a_quantity_no_larger_than_what_has_filled_ends_the_order() -> None:
    world = quoted()
    world.send(buy("a", 8, price=100))
    assert told(world.amend("a", 5)) == ["Canceled a requested cum 5"]


def test_an_amended_stop_waits_at_its_new_trigger() -> None:
    world = quoted()
    world.send(sell("a", 3, trigger_price=95))
    world.amend("a", 3, trigger_price=90)
    assert world.trade(95, 1) == []
    assert told(world.trade(90, 1)) == ["Filled a 3 @ 90"]


def amend_code(world: World) -> VenueReject:
    (report,) = world.fresh
    assert isinstance(report, AmendRefused)
    return report.code


def test_amends_that_are_refused() -> None:
    world = quoted()
    world.trade(100, 1)
    world.send(buy("limit", 2, price=95, post_only=True), sell("stop", 2, trigger_price=95))
    world.amend("nobody", 1)
    assert amend_code(world) is VenueReject.UNKNOWN_ORDER
    world.amend("limit", 2, price=100)
    assert amend_code(world) is VenueReject.POST_ONLY_WOULD_CROSS
    world.amend("stop", 2, trigger_price=100)
    assert amend_code(world) is VenueReject.WOULD_TRIGGER
    world.amend("stop", 2, price=90)
    assert amend_code(world) is VenueReject.OFF_INCREMENT
    world.amend("limit", 2, trigger_price=90)
    assert amend_code(world) is VenueReject.OFF_INCREMENT
    world.amend("limit", 2, price=94, valid_until=world.at)
    assert amend_code(world) is VenueReject.TOO_LATE
    world.venue.halt(SYMBOL, world.step())
    world.poll()
    world.amend("limit", 2, price=94)
    assert amend_code(world) is VenueReject.HALTED
    world.cancel("limit")
    world.amend("limit", 2, price=94)
    assert amend_code(world) is VenueReject.ALREADY_DONE


def test_amends_are_unsupported_unless_switched_on() -> None:
    world = quoted(can=Capabilities())
    world.send(buy("a", 2, price=95))
    world.amend("a", 1)
    assert amend_code(world) is VenueReject.UNSUPPORTED


def test_a_venue_that_only_makes_quantities_smaller_takes_nothing_else() -> None:
    world = quoted(can=Capabilities(native_reduce=True))
    world.send(buy("a", 3, price=95))
    assert told(world.amend("a", 2, price=95)) == ["Amended a"]
    for quantity, price in ((2, 95), (3, 95), (1, 94)):
        world.amend("a", quantity, price=price)
        assert amend_code(world) is VenueReject.UNSUPPORTED


def test_a_cancel_says_how_much_had_filled() -> None:
    world = quoted()
    world.send(buy("a", 8, price=100))
    assert told(world.cancel("a")) == ["Canceled a requested cum 5"]


def test_a_cancel_of_what_is_done_or_unknown_is_refused() -> None:
    world = quoted()
    world.send(buy("a", 5))
    (done,) = world.cancel("a")
    assert done == CancelRefused(world.at, "a", 1, VenueReject.ALREADY_DONE)
    (unknown,) = world.cancel("b")
    assert unknown == CancelRefused(world.at, "b", 1, VenueReject.UNKNOWN_ORDER)


def test_a_query_tells_every_fill_and_an_order_never_seen_is_not_found() -> None:
    world = quoted()
    world.send(buy("a", 8, price=100))
    (status,) = world.query("a")
    order = world.venue.order("a")
    assert order is not None
    assert status == OrderStatus(
        world.at, "a", 7, VenueStatus.WORKING, world.at, 8, 100, None, tuple(order.fills)
    )
    (nothing,) = world.query("b")
    assert nothing == OrderStatus(world.at, "b", 7, VenueStatus.NOT_FOUND, world.at)


def test_a_halt_refuses_orders_fills_nothing_and_lets_cancels_through() -> None:
    world = quoted()
    world.send(buy("a", 1, price=95), sell("b", 1, trigger_price=95))
    world.venue.halt(SYMBOL, world.step())
    assert told(world.poll()) == ["InstrumentStatus"]
    assert world.venue.is_halted(SYMBOL)
    assert told(world.send(buy("c", 1))) == ["Rejected c halted"]
    assert world.trade(90, 50) == []
    assert told(world.cancel("a")) == ["Canceled a requested cum 0"]
    world.venue.resume(SYMBOL, world.step())
    assert told(world.poll()) == ["InstrumentStatus"]
    assert told(world.trade(91, 1)) == ["Filled b 1 @ 90"]


def test_a_request_that_arrives_after_its_validity_was_never_there() -> None:
    world = quoted()
    late = buy("a", 1, valid_until=world.at)
    assert told(world.send(late)) == ["Rejected a too_late"]
    (status,) = world.query("a")
    assert isinstance(status, OrderStatus)
    assert status.status is VenueStatus.NOT_FOUND
    assert told(world.send(buy("a", 1)))[0] == "Acknowledged a"


def test_the_words_of_a_refusal_name_the_rule() -> None:
    world = World(BTC, EVERYTHING)
    (refused,) = world.send(buy("a", 0))
    assert isinstance(refused, Rejected)
    assert refused.detail == "quantity 0 is below the minimum 1"
