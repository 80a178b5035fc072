"""What the paper exchange refuses at the door, and what ids it has seen."""

import msgspec
import pytest
from paper_world import BTC, EVERYTHING, FOR_EVER, HEDGED, SYMBOL, World, buy, sell, told

from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.orders.instruments import Instrument, PriceBand
from interlock.orders.legs import PositionSide
from interlock.orders.reports import OrderStatus, VenueStatus
from interlock.orders.requests import SubmitVenueOrder

RULED = msgspec.structs.replace(
    BTC,
    min_quantity="2",
    max_quantity="100",
    min_notional="500",
    price_band=PriceBand(below_bps=1000, above_bps=2000),
)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


@pytest.mark.parametrize(
    ("submit", "code"),
    [
        (buy("a", 10, price=100, instrument="ETH.PAPER"), "unknown_instrument"),
        (buy("a", 1, price=100), "below_minimum"),
        (buy("a", 101, price=100), "off_increment"),
        (buy("a", 10, price=0), "off_increment"),
        (buy("a", 10, trigger_price=-5), "off_increment"),
        (buy("a", 4, price=100), "below_notional"),
        (buy("a", 4), "below_notional"),
        (buy("a", 4, trigger_price=110), "below_notional"),
        (buy("a", 10, price=121), "price_band"),
        (sell("a", 10, price=89), "price_band"),
        (buy("a", 10, price=95, position_side=LONG), "position_side"),
        (sell("a", 10, price=105, reduce_only=True), "reduce_only"),
        (buy("a", 10, post_only=True), "unsupported"),
    ],
)
def test_each_rule_of_the_instrument_has_its_refusal(submit: SubmitVenueOrder, code: str) -> None:
    world = World(RULED)
    world.trade(100, 1)
    assert told(world.send(submit)) == [f"Rejected a {code}"]
    assert world.venue.open_orders() == []


@pytest.mark.parametrize(
    "submit",
    [
        buy("a", 5, price=100),
        buy("a", 100, price=120),
        sell("a", 10, price=90),
        buy("a", 5, trigger_price=110),
    ],
)
def test_at_the_bound_an_order_is_accepted(submit: SubmitVenueOrder) -> None:
    world = World(RULED)
    world.trade(100, 1)
    assert told(world.send(submit))[0] == "Acknowledged a"


def test_the_band_is_measured_from_the_middle_until_something_trades() -> None:
    world = World(RULED)
    world.quote(99, 5, 101, 5)
    assert told(world.send(buy("a", 10, price=121))) == ["Rejected a price_band"]
    blind = World(RULED)
    assert told(blind.send(buy("a", 10, price=9999))) == ["Acknowledged a"]


def test_an_order_that_only_reduces_may_be_small_in_notional() -> None:
    world = World(RULED)
    world.trade(100, 1)
    world.hold(2)
    assert told(world.send(sell("a", 2, reduce_only=True)))[1:] == ["Filled a 2 @ 100"]


@pytest.mark.parametrize(
    "submit",
    [
        sell("a", 1, trigger_price=95),
        sell("a", 1, trigger_price=95, price=94),
        buy("a", 1, price=95, post_only=True),
        sell("a", 1, price=105, reduce_only=True),
        buy("a", 1, price=95, display_quantity=1),
    ],
)
def test_what_the_venue_lacks_is_unsupported(submit: SubmitVenueOrder) -> None:
    world = World(can=Capabilities(reduce_only=False, post_only=False))
    world.trade(100, 1)
    assert told(world.send(submit)) == ["Rejected a unsupported"]


def test_an_iceberg_is_accepted_where_there_are_icebergs() -> None:
    world = World()
    assert told(world.send(buy("a", 9, price=95, display_quantity=1))) == ["Acknowledged a"]


@pytest.mark.parametrize(
    ("submit", "code"),
    [
        (buy("a", 1, price=95), "position_side"),
        (sell("a", 1, price=105, position_side=LONG, reduce_only=True), "position_side"),
        (sell("a", 1, price=105, position_side=LONG), "reduce_only"),
        (buy("a", 1, price=95, position_side=SHORT), "reduce_only"),
    ],
)
def test_in_hedge_mode_an_order_names_a_side_and_closes_only_what_is_there(
    submit: SubmitVenueOrder, code: str
) -> None:
    assert told(World(HEDGED).send(submit)) == [f"Rejected a {code}"]


def having(promise: IdPromise) -> World:
    world = World(can=msgspec.structs.replace(EVERYTHING, id_promise=promise))
    world.trade(100, 1)
    world.send(buy("a", 1, price=90))
    return world


def test_an_id_that_is_unique_for_ever_is_refused_when_it_comes_again() -> None:
    world = having(IdPromise.UNIQUE_FOR_EVER)
    assert told(world.send(buy("a", 1, price=90))) == ["Rejected a duplicate_client_id"]
    world.cancel("a")
    assert told(world.send(buy("a", 1, price=90))) == ["Rejected a duplicate_client_id"]


def test_a_late_repeat_is_told_that_its_id_is_used() -> None:
    world = having(IdPromise.UNIQUE_FOR_EVER)
    assert told(world.send(buy("a", 1, price=90, valid_until=1))) == [
        "Rejected a duplicate_client_id"
    ]


def test_a_refused_order_has_spent_its_id_and_a_query_knows_it() -> None:
    world = having(IdPromise.UNIQUE_FOR_EVER)
    world.send(buy("b", 0))
    assert told(world.send(buy("b", 1, price=90))) == ["Rejected b duplicate_client_id"]
    (status,) = world.query("b")
    assert isinstance(status, OrderStatus)
    assert status.status is VenueStatus.REJECTED


def test_an_id_that_is_unique_while_open_may_come_again_once_done() -> None:
    world = having(IdPromise.UNIQUE_WHILE_OPEN)
    assert told(world.send(buy("a", 1, price=90))) == ["Rejected a duplicate_client_id"]
    world.cancel("a")
    assert told(world.send(buy("a", 1, price=90))) == ["Acknowledged a"]


def test_without_a_promise_the_same_id_twice_is_two_orders() -> None:
    world = having(IdPromise.NONE)
    assert told(world.send(buy("a", 1, price=90))) == ["Acknowledged a"]
    assert [order.client_id for order in world.venue.open_orders()] == ["a", "a"]


def test_an_instrument_can_be_admitted_later_and_once() -> None:
    world = World()
    ether = Instrument(symbol="ETH.PAPER", price_increment="1", quantity_increment="1")
    submit = buy("a", 1, instrument="ETH.PAPER", price=5, valid_until=FOR_EVER)
    world.venue.define(ether)
    assert told(world.send(submit)) == ["Acknowledged a"]
    world.venue.define(ether)
    assert [order.submit.instrument for order in world.venue.open_orders()] == ["ETH.PAPER"]
    assert SYMBOL != "ETH.PAPER"
