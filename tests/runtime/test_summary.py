"""The summary of a run: held against the venue's own books, and exact where it can be."""

from fractions import Fraction

import msgspec
import pytest

from interlock.orders import facts as f
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.runtime.summary import AVERAGE_PLACES, Holding, Summary, fraction_text
from interlock.sim.draw import plan_of
from interlock.sim.plan import FaultClass, Plan
from interlock.sim.world import World


def lively() -> list[Plan]:
    """Calm worlds with one plain instrument, in which something happens."""
    out = []
    for seed in range(400):
        plan = plan_of(seed, list(FaultClass))
        instruments = [i for venue in plan.venues for i in venue.instruments]
        if len(instruments) == 1 and instruments[0].position_mode == "one_way":
            plan = msgspec.structs.replace(plan, deeds=())
            world = World(plan)
            world.run()
            venue = world.exchanges[plan.venues[0].name]
            if len(venue.executions()) > 5:
                out.append(plan)
        if len(out) == 12:
            break
    return out


LIVELY = lively()


@pytest.mark.parametrize("plan", LIVELY, ids=lambda plan: str(plan.seed))
def test_quantities_fees_and_profit_are_those_of_the_venues_books(plan: Plan) -> None:
    world = World(plan)
    summary = Summary()
    world.listeners.append(summary.hear)
    world.run()
    symbol = plan.venues[0].instruments[0]
    grid = Grid(symbol)
    by_order: dict[str, list[tuple[int, int, int]]] = {}
    for done in world.exchanges[symbol.venue].executions():
        order_id = done.client_id.partition(".")[0]
        execution = done.execution
        row = (done.side * execution.quantity, execution.price, execution.fee)
        by_order.setdefault(order_id, []).append(row)
    assert by_order, "a world without a single fill proves nothing"
    for order_id, rows in by_order.items():
        track = summary.orders[order_id]
        held = sum(signed for signed, _, _ in rows)
        assert track.exposure == abs(held)
        assert track.fees.get(symbol.symbol, 0) == sum(fee for _, _, fee in rows)
        if held == 0:
            earned = -sum(signed * price for signed, price, _ in rows)
            assert track.holdings[symbol.symbol].realised == earned
    for result in summary.results():
        legs = [grid.quantity_units(leg.filled.quantity) for leg in result.legs]
        entered = grid.quantity_units(result.entry.quantity)
        exited = grid.quantity_units(result.exit.quantity)
        undone = grid.quantity_units(result.correction.quantity)
        whole = [n for n in (*legs, entered, exited, undone) if isinstance(n, int)]
        assert len(whole) == len(legs) + 3
        assert sum(whole[:-3]) == sum(whole[-3:])


def test_a_fill_taken_back_takes_its_fee_with_it() -> None:
    world = World(LIVELY[0])
    heard: list[f.Fact] = []
    world.listeners.append(lambda _, facts: heard.extend(facts))
    world.run()
    last = max(n for n, fact in enumerate(heard) if isinstance(fact, f.VenueOrderFilled))
    fill = heard[last]
    assert isinstance(fill, f.VenueOrderFilled)
    before, after = Summary(), Summary()
    before.hear(1, heard[:last])
    refuted = f.FillRefuted(
        fill.at, fill.order_id, fill.leg, fill.attempt, fill.exec_id, fill.quantity, fill.price, 0
    )
    after.hear(1, [*heard[:last], with_fee(fill), refuted])
    one, other = before.orders[fill.order_id], after.orders[fill.order_id]
    assert one.exposure == other.exposure
    assert sum(one.fees.values()) == sum(other.fees.values())
    assert [leg.cum for leg in one.legs] == [leg.cum for leg in other.legs]


def with_fee(fill: f.VenueOrderFilled) -> f.VenueOrderFilled:
    """The same fill with a fee, which the made-up instrument does not charge."""
    return f.VenueOrderFilled(
        *(fill.at, fill.order_id, fill.leg, fill.attempt, fill.exec_id),
        *(fill.quantity, fill.price, fill.cum_quantity, 77),
    )


def test_a_holding_closes_at_its_average_and_may_turn_around() -> None:
    holding = Holding()
    holding.trade(2, 100)
    holding.trade(1, 101)
    holding.trade(-4, 110)
    assert holding.quantity == -1
    assert holding.realised == 3 * 110 - 301
    assert holding.cost == 110
    holding.trade(1, 100)
    assert (holding.quantity, holding.realised) == (0, 39)


def test_text_is_exact_where_there_is_an_end_and_near_where_there_is_none() -> None:
    assert fraction_text(Fraction(1, 8), 10) == "0.125"
    assert fraction_text(Fraction(-2, 3), AVERAGE_PLACES) == "-0.66666667"
    assert fraction_text(Fraction(5), 0) == "5"


def test_nothing_happened() -> None:
    summary = Summary()
    summary.hear(1, [f.InstrumentDefined(1, Instrument("A.B", "1", "1"))])
    assert summary.results() == []
