"""The venue port's contract: numbered cases that every venue passes, given a stage to play on.

A case names the capability it needs; a venue without it skips the case and says so. Cases use the
port alone, ``send`` and what is heard, and move the market through the stage.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from tests.venues.stages import ASK, BID, HIGH, LOW, Port, RemoteStage, SharedStage, Stage

from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.orders.instruments import PositionMode
from interlock.orders.legs import PositionSide
from interlock.orders.reports import (
    Acknowledged,
    Amended,
    AmendRefused,
    Canceled,
    CancelReason,
    CancelRefused,
    Connection,
    Filled,
    FillsTold,
    OpenOrders,
    OrderStatus,
    OutcomeUnknown,
    Position,
    Rejected,
    Report,
    VenueReject,
    VenueStatus,
)
from interlock.orders.requests import (
    QueryFills,
    QueryOpenOrders,
    SubmitVenueList,
)
from interlock.orders.ticks import Trade

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
NOT_OPEN = (VenueReject.ALREADY_DONE, VenueReject.UNKNOWN_ORDER)
"""Some venues remember what is done, and some do not tell it from what never was."""


class Case(Struct, frozen=True):
    number: int
    needs: str
    """A flag of ``Capabilities``, ``id_promise``, or empty."""
    port: Port
    """Which protocol it is about: a venue that does not implement it is not asked."""
    hedge: bool
    play: Callable[[Any], None]

    def __str__(self) -> str:
        return f"{self.number:02}_{self.play.__name__}"


CASES: list[Case] = []
Play = Callable[[Any], None]


def case(
    number: int, needs: str = "", port: Port = Port.VENUE, hedge: bool = False
) -> Callable[[Play], Play]:
    def add(play: Play) -> Play:
        assert number == len(CASES) + 1, number
        CASES.append(Case(number, needs, port, hedge, play))
        return play

    return add


def lacks(one: Case, can: Capabilities) -> str:
    """The capability that is missing for a case, or nothing."""
    if one.needs == "id_promise":
        return one.needs if can.id_promise is IdPromise.NONE else ""
    if one.hedge and not can.positions:
        return "positions"
    return "" if not one.needs or getattr(can, one.needs) else one.needs


def opened(stage: Stage) -> list[tuple[str, int, int]]:
    """Open orders as one complete list, by the case's own names."""
    listed = stage.answer(QueryOpenOrders(stage.venue.name), OpenOrders)
    assert listed.complete
    return sorted((stage.short(o.client_id), o.quantity, o.cum_quantity) for o in listed.orders)


def position(stage: Stage, side: PositionSide | None = None) -> int:
    found: Position = stage.answer(stage.query_position(), Position, position_side=side)
    return found.quantity - stage.held


def filled(stage: Stage, name: str, quantity: int) -> list[Filled]:
    """Every fill of an order, once each, when they have come to a quantity."""
    found: dict[str, Filled] = {}
    while sum(fill.execution.quantity for fill in found.values()) < quantity:
        report = stage.until(Filled, name)
        found[report.execution.exec_id] = report
    assert sum(fill.execution.quantity for fill in found.values()) == quantity
    return list(found.values())


def status(stage: Stage, name: str) -> OrderStatus:
    return stage.answer(stage.query(name), OrderStatus, name, request=stage.asked)


def resting(stage: Stage, name: str, **fields: Any) -> None:
    """An order that is open and known to be."""
    stage.send(stage.order(name, **fields))
    stage.until(Acknowledged, name)


# Submits


@case(1)
def a_resting_limit_is_acknowledged_and_nothing_else(stage: Stage) -> None:
    stage.send(stage.order("a", price=LOW))
    first = stage.until(Acknowledged, "a")
    assert first.venue_id
    stage.quiet()
    again = [report for report in stage.heard if getattr(report, "client_id", "") == stage.id("a")]
    assert all(isinstance(one, Acknowledged) and one.venue_id == first.venue_id for one in again)


@case(2)
def a_market_order_is_acknowledged_and_filled(stage: Stage) -> None:
    stage.send(stage.order("a"))
    stage.until(Acknowledged, "a")
    (fill,) = filled(stage, "a", stage.lot)
    assert stage.price(BID) <= fill.execution.price <= stage.price(ASK)
    assert not fill.execution.maker


@case(3)
def a_resting_limit_fills_at_its_price_when_the_market_trades_through_it(stage: Stage) -> None:
    resting(stage, "a", price=LOW)
    stage.market("28900")
    fills = filled(stage, "a", stage.lot)
    assert all(fill.execution.price == stage.price(LOW) for fill in fills)
    assert all(fill.execution.maker for fill in fills)


@case(4)
def partial_fills_add_up_and_a_cancel_tells_what_was_filled(stage: Stage) -> None:
    resting(stage, "a", price=LOW, quantity=5 * stage.lot)
    stage.market("28900", "0.01")
    some = stage.until(Filled, "a").execution.quantity
    stage.quiet()
    some += sum(one.execution.quantity for one in stage.all_heard(Filled, "a"))
    assert 0 < some < 5 * stage.lot
    assert opened(stage) == [("a", 5 * stage.lot, some)]
    stage.send(stage.cancel("a"))
    assert stage.until(Canceled, "a").cum_quantity == some
    known = status(stage, "a")
    assert known.status is VenueStatus.CANCELED
    assert sum(fill.quantity for fill in known.fills) == some


@case(5)
def every_refusal_has_its_own_code(stage: Stage) -> None:
    for name, code, fields in (
        ("small", VenueReject.BELOW_MINIMUM, {"quantity": 1}),
        ("cheap", VenueReject.BELOW_NOTIONAL, {"quantity": 2, "price": LOW}),
        ("off", VenueReject.PRICE_BAND, {"price": "20000"}),
        ("where", VenueReject.UNKNOWN_INSTRUMENT, {"instrument": "NOSUCH.THING"}),
    ):
        stage.send(stage.order(name, **fields))
        assert stage.until(Rejected, name).code is code, name
    assert opened(stage) == []


@case(6, "id_promise")
def the_same_open_id_again_is_refused_and_changes_nothing(stage: Stage) -> None:
    resting(stage, "a", price=LOW)
    stage.send(stage.order("a", price=LOW))
    assert stage.until(Rejected, "a").code is VenueReject.DUPLICATE_CLIENT_ID
    assert opened(stage) == [("a", stage.lot, 0)]


@case(7)
def a_submit_after_its_validity_does_nothing(stage: Stage) -> None:
    stage.send(stage.order("a", price=LOW, valid_until=1))
    assert stage.until(Rejected, "a").code is VenueReject.TOO_LATE
    assert status(stage, "a").status is VenueStatus.NOT_FOUND


@case(8, "post_only")
def a_post_only_order_that_would_take_is_refused(stage: Stage) -> None:
    stage.send(stage.order("a", price=HIGH, post_only=True))
    assert stage.until(Rejected, "a").code is VenueReject.POST_ONLY_WOULD_CROSS


@case(9, "native_stop")
def a_stop_rests_and_triggers(stage: Stage) -> None:
    resting(stage, "a", side=-1, trigger_price=LOW)
    stage.market("29100")
    assert opened(stage) == [("a", stage.lot, 0)]
    assert status(stage, "a").status is VenueStatus.WORKING
    stage.market("28900")
    filled(stage, "a", stage.lot)
    known = status(stage, "a")
    assert known.status is VenueStatus.FILLED
    assert sum(fill.quantity for fill in known.fills) == stage.lot


@case(10, "native_stop")
def a_stop_that_would_trigger_at_once_is_refused(stage: Stage) -> None:
    stage.market(LOW)
    stage.send(stage.order("a", side=-1, trigger_price="29500"))
    assert stage.until(Rejected, "a").code is VenueReject.WOULD_TRIGGER


@case(11, "native_oco")
def the_fill_of_one_of_a_list_cancels_the_other(stage: Stage) -> None:
    needs_stop = stage.venue.capabilities.oco_needs_stop
    other = {"trigger_price": LOW} if needs_stop else {"price": "31200"}
    two = stage.order("a", side=-1, price=HIGH), stage.order("b", side=-1, **other)
    stage.send(SubmitVenueList("list", two))
    stage.until(Acknowledged, "b")
    stage.market("31100")
    filled(stage, "a", stage.lot)
    assert stage.until(Canceled, "b").reason is CancelReason.OCO


# Cancels and amends


@case(12)
def a_cancel_of_an_open_order_is_confirmed(stage: Stage) -> None:
    resting(stage, "a", price=LOW)
    stage.send(stage.cancel("a"))
    report = stage.until(Canceled, "a")
    assert (report.cum_quantity, report.reason) == (0, CancelReason.REQUESTED)
    assert opened(stage) == []


@case(13, "native_stop")
def a_cancel_of_a_waiting_stop_is_confirmed(stage: Stage) -> None:
    resting(stage, "a", side=-1, trigger_price=LOW)
    stage.send(stage.cancel("a"))
    assert stage.until(Canceled, "a").reason is CancelReason.REQUESTED
    stage.market("28900")
    assert opened(stage) == []
    assert position(stage) == 0


@case(14)
def a_cancel_of_a_filled_order_is_refused(stage: Stage) -> None:
    stage.send(stage.order("a"))
    filled(stage, "a", stage.lot)
    stage.send(stage.cancel("a"))
    report = stage.until(CancelRefused, "a")
    assert report.request == stage.asked
    assert report.code in NOT_OPEN


@case(15)
def a_cancel_of_an_unknown_order_is_refused(stage: Stage) -> None:
    stage.send(stage.cancel("a"))
    assert stage.until(CancelRefused, "a").code is VenueReject.UNKNOWN_ORDER


@case(16, "native_amend")
def an_amend_is_confirmed_with_the_new_terms(stage: Stage) -> None:
    resting(stage, "a", price=LOW)
    stage.send(stage.amend("a", 2 * stage.lot, "29100"))
    report = stage.until(Amended, "a", request=stage.asked)
    assert (report.quantity, report.price) == (2 * stage.lot, stage.price("29100"))
    stage.send(stage.amend("a", stage.lot))
    assert stage.until(Amended, "a", request=stage.asked).quantity == stage.lot
    known = status(stage, "a")
    assert (known.quantity, known.price) == (stage.lot, stage.price("29100"))


@case(17, "native_amend")
def an_amend_of_a_done_order_is_refused(stage: Stage) -> None:
    stage.send(stage.order("a"))
    filled(stage, "a", stage.lot)
    stage.send(stage.amend("a", 2 * stage.lot, LOW))
    report = stage.until(AmendRefused, "a")
    assert report.request == stage.asked
    assert report.code in NOT_OPEN


# Questions


@case(18)
def a_query_tells_what_is_working_filled_canceled_and_not_found(stage: Stage) -> None:
    resting(stage, "rests", price=LOW)
    resting(stage, "gone", price=LOW)
    stage.send(stage.order("done"), stage.cancel("gone"))
    filled(stage, "done", stage.lot)
    stage.until(Canceled, "gone")
    working = status(stage, "rests")
    assert (working.status, working.quantity) == (VenueStatus.WORKING, stage.lot)
    assert working.price == stage.price(LOW)
    done = status(stage, "done")
    assert done.status is VenueStatus.FILLED
    assert sum(fill.quantity for fill in done.fills) == done.quantity == stage.lot
    assert done.as_of <= done.at
    assert status(stage, "gone").status is VenueStatus.CANCELED
    assert status(stage, "never").status is VenueStatus.NOT_FOUND


@case(19)
def a_fill_has_one_identity_whichever_way_it_is_told(stage: Stage) -> None:
    stage.send(stage.order("a"), stage.order("b", side=-1))
    told = {
        fill.execution.exec_id for name in ("a", "b") for fill in filled(stage, name, stage.lot)
    }
    asked = [fill.exec_id for name in ("a", "b") for fill in status(stage, name).fills]
    assert sorted(told) == sorted(asked)


@case(20)
def open_orders_are_listed_with_what_they_filled(stage: Stage) -> None:
    resting(stage, "a", price=LOW)
    resting(stage, "b", side=-1, price=HIGH, quantity=2 * stage.lot)
    stage.send(stage.order("done"))
    filled(stage, "done", stage.lot)
    assert opened(stage) == [("a", stage.lot, 0), ("b", 2 * stage.lot, 0)]


@case(21, "native_stop")
def open_orders_are_those_of_every_family(stage: Stage) -> None:
    resting(stage, "a", price=LOW)
    resting(stage, "b", side=-1, trigger_price=LOW)
    assert opened(stage) == [("a", stage.lot, 0), ("b", stage.lot, 0)]


@case(22, "fills_since")
def fills_since_a_moment_are_told_to_the_last(stage: Stage) -> None:
    since = stage.now()
    stage.send(stage.order("a"), stage.order("b", side=-1))
    once = {
        fill.execution.exec_id for name in ("a", "b") for fill in filled(stage, name, stage.lot)
    }
    stage.quiet()
    stage.heard.clear()
    told = stage.answer(QueryFills(stage.venue.name, since), FillsTold)
    again = [report.execution.exec_id for report in stage.heard if isinstance(report, Filled)]
    assert sorted(again) == sorted(once)
    assert told.until >= since


@case(23, "positions")
def a_position_is_signed(stage: Stage) -> None:
    stage.send(stage.order("a", side=-1))
    filled(stage, "a", stage.lot)
    assert position(stage) == -stage.lot


# Reducing


@case(24, "reduce_only")
def a_reduce_only_order_without_a_position_is_refused(stage: Stage) -> None:
    stage.send(stage.order("a", side=-1, reduce_only=True))
    assert stage.until(Rejected, "a").code is VenueReject.REDUCE_ONLY


@case(25, "reduce_only")
def a_reduce_only_order_never_flips_the_position(stage: Stage) -> None:
    stage.send(stage.order("a"))
    filled(stage, "a", stage.lot)
    stage.send(stage.order("b", side=-1, quantity=2 * stage.lot, reduce_only=True))
    filled(stage, "b", stage.lot)
    assert position(stage) == 0


@case(26, hedge=True)
def both_sides_are_held_at_once_and_told_apart(stage: Stage) -> None:
    stage.send(stage.order("a", position_side=LONG))
    stage.send(stage.order("b", side=-1, quantity=2 * stage.lot, position_side=SHORT))
    filled(stage, "a", stage.lot)
    filled(stage, "b", 2 * stage.lot)
    assert (position(stage, LONG), position(stage, SHORT)) == (stage.lot, -2 * stage.lot)


@case(27, hedge=True)
def an_exit_of_a_side_that_is_not_held_is_refused(stage: Stage) -> None:
    stage.send(stage.order("a", position_side=LONG))
    filled(stage, "a", stage.lot)
    stage.send(stage.order("b", position_side=SHORT))
    assert stage.until(Rejected, "b").code is VenueReject.REDUCE_ONLY
    assert (position(stage, LONG), position(stage, SHORT)) == (stage.lot, 0)


@case(28, hedge=True)
def an_order_without_a_side_is_refused_where_sides_are_held(stage: Stage) -> None:
    stage.send(stage.order("a"))
    assert stage.until(Rejected, "a").code is VenueReject.POSITION_SIDE


# Time


@case(29)
def a_report_is_given_once_and_never_before_its_time(stage: Stage) -> None:
    sent = stage.now()
    stage.send(stage.order("a", price=LOW))
    stage.until(Acknowledged, "a")
    stage.quiet()
    assert all(sent <= report.at <= stage.now() for report in stage.everything)
    assert stage.venue.poll(stage.now()) == []


@case(30)
def nothing_is_awaited_when_nothing_is_under_way(stage: Stage) -> None:
    resting(stage, "a", price=LOW)
    stage.quiet()
    assert stage.venue.next_at() is None


# A venue over a connection


@case(31, port=Port.REMOTE)
def instruments_come_with_their_filters(stage: RemoteStage) -> None:
    (listed,) = stage.remote.instruments
    assert listed.symbol == stage.symbol
    for name in ("price_increment", "quantity_increment", "min_quantity", "min_notional"):
        assert getattr(listed, name) == getattr(stage.instrument, name), name
    assert listed.price_band == stage.instrument.price_band
    assert listed.position_mode is PositionMode.ONE_WAY


@case(32, port=Port.REMOTE)
def ticks_of_the_market_are_told(stage: RemoteStage) -> None:
    stage.ticks.clear()
    stage.market("30100")
    stage.wait(lambda: any(isinstance(tick, Trade) for tick in stage.ticks))
    trade = next(tick for tick in stage.ticks if isinstance(tick, Trade))
    assert (trade.instrument, trade.price) == (stage.symbol, stage.price("30100"))


@case(33, port=Port.REMOTE)
def a_connection_goes_down_and_comes_back(stage: RemoteStage) -> None:
    """What rested rests on; what was asked meanwhile was not sent, or nobody knows."""
    resting(stage, "rests", price=LOW)
    resting(stage, "fills", price="29500")
    welcomes = stage.welcomes
    stage.cut()
    assert not stage.until(Connection, up=False).up
    assert not stage.remote.joined.is_set()
    stage.send(stage.order("meanwhile", price=LOW))
    stage.send(stage.cancel("rests"), stage.query("fills"))
    stage.market("29400")
    stage.until(OutcomeUnknown, "rests")
    stage.wait(lambda: stage.find(_not_sent, "meanwhile") is not None)
    stage.until(Connection, up=True)
    assert stage.remote.joined.is_set()
    assert stage.welcomes == welcomes + 1
    assert status(stage, "meanwhile").status is VenueStatus.NOT_FOUND
    assert status(stage, "rests").status is VenueStatus.WORKING
    assert not stage.all_heard(OutcomeUnknown, "fills")  # a question is met with silence
    while_away = status(stage, "fills")
    assert while_away.status is VenueStatus.FILLED
    assert sum(fill.quantity for fill in while_away.fills) == stage.lot


def _not_sent(report: Report) -> bool:
    if isinstance(report, Rejected):
        return report.code is VenueReject.RATE_LIMITED and report.retry_at is not None
    return isinstance(report, OutcomeUnknown)


# An account that other hands trade too


@case(34, port=Port.SHARED)
def orders_of_others_are_neither_told_nor_touched(stage: SharedStage) -> None:
    stage.stranger_rests()
    resting(stage, "a", price=LOW)
    assert opened(stage) == [("a", stage.lot, 0)]
    stage.send(stage.cancel("a"))
    stage.until(Canceled, "a")
    stage.quiet()
    told = [getattr(report, "client_id", stage.id("a")) for report in stage.everything]
    assert all(one.startswith(stage.id("")) for one in told)
    assert stage.stranger_still_rests()


@case(35, port=Port.SHARED)
def a_position_that_others_moved_is_told(stage: SharedStage) -> None:
    since = stage.now()
    stage.stranger_trades("0.02")
    assert stage.until(Position, quantity=stage.held + 2 * stage.lot).as_of >= since
    assert position(stage) == 2 * stage.lot
    assert not stage.all_heard(Filled)
