"""Properties: whatever orders and ticks come, in whatever order, these stay true."""

from hypothesis import given, settings
from hypothesis import strategies as st
from paper_world import ACCOUNT, SYMBOL, World, order

from interlock.orders.legs import TimeInForce
from interlock.orders.reports import Filled, Report
from interlock.venues.paper.matching import MatchingModel, Queue

PRICES = st.integers(95, 105)
SIZES = st.integers(0, 8)
QUANTITIES = st.integers(1, 12)

TRADES = st.tuples(st.just("trade"), PRICES, SIZES, st.sampled_from([-1, 0, 1]))
QUOTES = st.tuples(st.just("quote"), PRICES, SIZES, PRICES, SIZES)
LIMITS = st.tuples(
    st.just("limit"),
    st.sampled_from([1, -1]),
    QUANTITIES,
    PRICES,
    st.sampled_from([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
    st.booleans(),
)
MARKETS = st.tuples(st.just("market"), st.sampled_from([1, -1]), QUANTITIES, st.booleans())
STOPS = st.tuples(st.just("stop"), st.sampled_from([1, -1]), QUANTITIES, PRICES, st.booleans())
AMENDS = st.tuples(st.just("amend"), st.integers(0, 30), QUANTITIES, PRICES)
CANCELS = st.tuples(st.just("cancel"), st.integers(0, 30))
OUTSIDE = st.tuples(st.just("outside"), st.integers(-9, 9).filter(bool), PRICES)
STORIES = st.lists(
    st.one_of(TRADES, QUOTES, LIMITS, LIMITS, MARKETS, STOPS, AMENDS, CANCELS, OUTSIDE),
    max_size=40,
)
MODELS = st.builds(MatchingModel, st.just(True), st.booleans(), st.sampled_from(list(Queue)))


def play(world: World, n: int, step: tuple[object, ...]) -> list[Report]:
    match step:
        case ("trade", int(price), int(size), int(aggressor)):
            return world.trade(price, size, aggressor)
        case ("quote", int(bid), int(bid_size), int(ask), int(ask_size)):
            return world.quote(bid, bid_size, ask, ask_size)
        case ("limit", int(side), int(quantity), int(price), tif, reduce_only):
            fields = {"price": price, "time_in_force": tif, "reduce_only": reduce_only}
            return world.send(order(f"o{n}", side, quantity, **fields))
        case ("market", int(side), int(quantity), reduce_only):
            return world.send(order(f"o{n}", side, quantity, reduce_only=reduce_only))
        case ("stop", int(side), int(quantity), int(trigger), reduce_only):
            fields = {"trigger_price": trigger, "reduce_only": reduce_only}
            return world.send(order(f"o{n}", side, quantity, **fields))
        case ("amend", int(which), int(quantity), int(price)):
            return world.amend(f"o{which}", quantity, price)
        case ("cancel", int(which)):
            return world.cancel(f"o{which}")
        case ("outside", int(signed), int(price)):
            world.venue.outside_trade(ACCOUNT, SYMBOL, signed, price, world.step())
            return world.poll()
    raise AssertionError(step)


def filled(reports: list[Report]) -> list[Filled]:
    return [report for report in reports if isinstance(report, Filled)]


@settings(max_examples=300, deadline=None)
@given(STORIES, MODELS)
def test_no_order_overfills_the_books_agree_and_exits_never_flip(
    story: list[tuple[object, ...]], model: MatchingModel
) -> None:
    world = World(model=model)
    position = 0
    for n, step in enumerate(story):
        for fill in filled(play(world, n, step)):
            done = world.venue.order(fill.client_id)
            assert done is not None
            before, position = position, position + done.side * fill.execution.quantity
            if done.submit.reduce_only:
                assert before * done.side < 0
                assert before * position >= 0
        if step[0] == "outside":
            position = world.position
        assert position == world.position
    executions = world.venue.executions()
    assert sum(e.side * e.execution.quantity for e in executions) == world.position
    for n in range(len(story)):
        done = world.venue.order(f"o{n}")
        if done is not None:
            assert done.cum == sum(fill.quantity for fill in done.fills)
            assert done.cum <= done.quantity
            assert done.open is (done in world.venue.open_orders())


@settings(max_examples=300, deadline=None)
@given(STORIES, MODELS)
def test_resting_limits_together_fill_no_more_than_the_trade_that_filled_them(
    story: list[tuple[object, ...]], model: MatchingModel
) -> None:
    world = World(model=model)
    for n, step in enumerate(story):
        reports = play(world, n, step)
        if step[0] == "trade":
            makers = [f.execution.quantity for f in filled(reports) if f.execution.maker]
            assert isinstance(step[2], int)
            assert sum(makers) <= step[2]


@settings(max_examples=200, deadline=None)
@given(STORIES)
def test_no_limit_fills_beyond_its_price(story: list[tuple[object, ...]]) -> None:
    world = World()
    limits: dict[str, int] = {}
    for n, step in enumerate(story):
        reports = play(world, n, step)
        for fill in filled(reports):
            done = world.venue.order(fill.client_id)
            assert done is not None
            if done.price is not None:
                limits[fill.client_id] = done.price
                assert (fill.execution.price - done.price) * done.side <= 0
    assert all(price in range(95, 106) for price in limits.values())


@settings(max_examples=100, deadline=None)
@given(STORIES)
def test_the_same_story_gives_the_same_reports(story: list[tuple[object, ...]]) -> None:
    first, second = World(), World()
    for n, step in enumerate(story):
        play(first, n, step)
        play(second, n, step)
    assert first.reports == second.reports
