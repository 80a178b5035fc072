"""The venue port's contract: numbered cases that every venue passes, given a stage to play on.

A case names the capabilities it needs; a venue without them is not asked. Each case uses the port
alone - ``send`` and ``poll`` - and moves the market through the stage.
"""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.orders.reports import (
    Acknowledged,
    Amended,
    AmendRefused,
    Canceled,
    CancelReason,
    CancelRefused,
    Filled,
    OpenOrders,
    OrderStatus,
    Position,
    Rejected,
    Report,
    VenueReject,
    VenueStatus,
)
from interlock.orders.requests import (
    AmendVenueOrder,
    CancelVenueOrder,
    QueryOpenOrders,
    QueryPosition,
    QueryVenueOrder,
    SubmitVenueList,
    SubmitVenueOrder,
    VenueOrderType,
)
from interlock.venues.port import Venue

ACCOUNT = "main"
SYMBOL = "BTC.PAPER"
MARKET, LIMIT, STOP = VenueOrderType.MARKET, VenueOrderType.LIMIT, VenueOrderType.STOP


class Stage(Protocol):
    """A venue whose market stands at 99 bid, 100 asked, with plenty on both sides."""

    @property
    def venue(self) -> Venue: ...

    def tick(self) -> int:
        """The next instant."""

    def market(self, price: int) -> None:
        """Trade a lot at a price."""


class Case(Struct, frozen=True):
    number: int
    needs: str
    """A flag of ``Capabilities``, or empty."""
    play: Callable[[Stage], None]

    def __str__(self) -> str:
        return f"{self.number:02}_{self.play.__name__}"


CASES: list[Case] = []


def case(
    number: int, needs: str = ""
) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    def add(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        assert all(known.number != number for known in CASES), number
        CASES.append(Case(number, needs, play))
        return play

    return add


def applies(one: Case, can: Capabilities) -> bool:
    if one.needs == "ids":
        return can.id_promise is not IdPromise.NONE
    return not one.needs or bool(getattr(can, one.needs))


def submit(
    client_id: str,
    side: int,
    quantity: int,
    price: int | None = None,
    trigger_price: int | None = None,
    reduce_only: bool = False,
    post_only: bool = False,
    valid_until: int = 1 << 62,
) -> SubmitVenueOrder:
    kind = STOP if trigger_price is not None else MARKET if price is None else LIMIT
    return SubmitVenueOrder(
        client_id,
        ACCOUNT,
        SYMBOL,
        side,
        kind,
        quantity,
        valid_until,
        price,
        trigger_price,
        reduce_only=reduce_only,
        post_only=post_only,
    )


def ask(stage: Stage, *requests: object) -> list[Report]:
    for request in requests:
        stage.venue.send(request, stage.tick())  # type: ignore[arg-type]
    return stage.venue.poll(stage.tick())


def cancel(client_id: str) -> CancelVenueOrder:
    return CancelVenueOrder(client_id, ACCOUNT, SYMBOL, 3)


def query(client_id: str) -> QueryVenueOrder:
    return QueryVenueOrder(client_id, ACCOUNT, SYMBOL, 4)


def kinds(reports: list[Report]) -> list[type]:
    return [type(report) for report in reports]


@case(1)
def a_resting_limit_is_acknowledged_once(stage: Stage) -> None:
    (report,) = ask(stage, submit("a", 1, 5, 90))
    assert isinstance(report, Acknowledged)
    assert report.client_id == "a"
    assert report.venue_id


@case(2)
def a_market_order_is_acknowledged_and_then_filled(stage: Stage) -> None:
    reports = ask(stage, submit("a", 1, 5))
    assert kinds(reports) == [Acknowledged, Filled]
    assert isinstance(reports[1], Filled)
    assert (reports[1].execution.quantity, reports[1].execution.price) == (5, 100)


@case(3)
def a_resting_limit_fills_when_the_market_trades_through_it(stage: Stage) -> None:
    ask(stage, submit("a", 1, 5, 90))
    stage.market(89)
    (report,) = stage.venue.poll(stage.tick())
    assert isinstance(report, Filled)
    assert report.execution.price == 90
    assert report.execution.maker


@case(4)
def a_cancel_of_an_open_order_is_confirmed(stage: Stage) -> None:
    ask(stage, submit("a", 1, 5, 90))
    (report,) = ask(stage, cancel("a"))
    assert isinstance(report, Canceled)
    assert (report.cum_quantity, report.reason) == (0, CancelReason.REQUESTED)


@case(5)
def a_cancel_of_a_filled_order_is_refused(stage: Stage) -> None:
    ask(stage, submit("a", 1, 5))
    (report,) = ask(stage, cancel("a"))
    assert isinstance(report, CancelRefused)
    assert (report.request, report.code) == (3, VenueReject.ALREADY_DONE)


@case(6)
def a_cancel_of_an_unknown_order_is_refused(stage: Stage) -> None:
    (report,) = ask(stage, cancel("a"))
    assert isinstance(report, CancelRefused)
    assert report.code is VenueReject.UNKNOWN_ORDER


@case(7, "ids")
def the_same_open_id_again_is_refused_and_changes_nothing(stage: Stage) -> None:
    ask(stage, submit("a", 1, 5, 90))
    (report,) = ask(stage, submit("a", 1, 5, 90))
    assert isinstance(report, Rejected)
    assert report.code is VenueReject.DUPLICATE_CLIENT_ID
    (listed,) = ask(stage, QueryOpenOrders(stage.venue.name))
    assert isinstance(listed, OpenOrders)
    assert [order.client_id for order in listed.orders] == ["a"]


@case(8)
def a_submit_after_its_validity_does_nothing(stage: Stage) -> None:
    (report,) = ask(stage, submit("a", 1, 5, 90, valid_until=1))
    assert isinstance(report, Rejected)
    assert report.code is VenueReject.TOO_LATE
    (status,) = ask(stage, query("a"))
    assert isinstance(status, OrderStatus)
    assert status.status is VenueStatus.NOT_FOUND


@case(9)
def a_query_names_its_question_and_tells_every_fill(stage: Stage) -> None:
    ask(stage, submit("a", 1, 5))
    (status,) = ask(stage, query("a"))
    assert isinstance(status, OrderStatus)
    assert (status.request, status.status) == (4, VenueStatus.FILLED)
    assert sum(fill.quantity for fill in status.fills) == status.quantity == 5
    assert status.as_of <= status.at


@case(10)
def open_orders_are_listed_with_what_they_filled(stage: Stage) -> None:
    ask(stage, submit("a", 1, 5, 90), submit("b", -1, 4, 110), submit("c", 1, 1))
    (listed,) = ask(stage, QueryOpenOrders(stage.venue.name))
    assert isinstance(listed, OpenOrders)
    assert listed.complete
    assert [(o.client_id, o.quantity, o.cum_quantity) for o in listed.orders] == [
        ("a", 5, 0),
        ("b", 4, 0),
    ]


@case(11)
def a_position_is_signed(stage: Stage) -> None:
    ask(stage, submit("a", -1, 5))
    (position,) = ask(stage, QueryPosition(ACCOUNT, SYMBOL))
    assert isinstance(position, Position)
    assert position.quantity == -5


@case(12, "reduce_only")
def a_reduce_only_order_without_a_position_is_refused(stage: Stage) -> None:
    (report,) = ask(stage, submit("a", -1, 5, reduce_only=True))
    assert isinstance(report, Rejected)
    assert report.code is VenueReject.REDUCE_ONLY


@case(13, "reduce_only")
def a_reduce_only_order_never_flips_the_position(stage: Stage) -> None:
    ask(stage, submit("a", 1, 3), submit("b", -1, 5, reduce_only=True))
    (position,) = ask(stage, QueryPosition(ACCOUNT, SYMBOL))
    assert isinstance(position, Position)
    assert position.quantity == 0


@case(14, "post_only")
def a_post_only_order_that_would_take_is_refused(stage: Stage) -> None:
    (report,) = ask(stage, submit("a", 1, 5, 100, post_only=True))
    assert isinstance(report, Rejected)
    assert report.code is VenueReject.POST_ONLY_WOULD_CROSS


@case(15, "native_stop")
def a_stop_rests_and_fires_on_a_trade(stage: Stage) -> None:
    (acknowledged,) = ask(stage, submit("a", -1, 5, trigger_price=90))
    assert isinstance(acknowledged, Acknowledged)
    stage.market(91)
    assert stage.venue.poll(stage.tick()) == []
    stage.market(90)
    reports = stage.venue.poll(stage.tick())
    assert Filled in kinds(reports)


@case(16, "native_stop")
def a_stop_that_would_fire_at_once_is_refused(stage: Stage) -> None:
    stage.market(99)
    (report,) = ask(stage, submit("a", -1, 5, trigger_price=99))
    assert isinstance(report, Rejected)
    assert report.code is VenueReject.WOULD_TRIGGER


@case(17, "native_oco")
def the_fill_of_one_of_a_list_cancels_the_other(stage: Stage) -> None:
    ask(stage, SubmitVenueList("l", (submit("a", -1, 5, 110), submit("b", -1, 5, 120))))
    stage.market(111)
    reports = stage.venue.poll(stage.tick())
    canceled = [report for report in reports if isinstance(report, Canceled)]
    assert [(report.client_id, report.reason) for report in canceled] == [("b", CancelReason.OCO)]


@case(18, "native_amend")
def an_amend_is_confirmed_with_the_new_terms(stage: Stage) -> None:
    ask(stage, submit("a", 1, 5, 90))
    (report,) = ask(stage, AmendVenueOrder("a", ACCOUNT, SYMBOL, 6, 4, 91))
    assert isinstance(report, Amended)
    assert (report.request, report.quantity, report.price) == (6, 4, 91)


@case(19, "native_amend")
def an_amend_of_a_done_order_is_refused(stage: Stage) -> None:
    ask(stage, submit("a", 1, 5))
    (report,) = ask(stage, AmendVenueOrder("a", ACCOUNT, SYMBOL, 6, 4, 91))
    assert isinstance(report, AmendRefused)
    assert report.code is VenueReject.ALREADY_DONE


@case(20)
def a_report_is_given_once_and_never_before_its_time(stage: Stage) -> None:
    sent = stage.tick()
    stage.venue.send(submit("a", 1, 5, 90), sent)
    reports = stage.venue.poll(stage.tick())
    assert all(sent <= report.at for report in reports)
    assert stage.venue.poll(stage.tick()) == []


@case(21)
def nothing_is_awaited_when_nothing_is_under_way(stage: Stage) -> None:
    ask(stage, submit("a", 1, 5, 90))
    assert stage.venue.next_at() is None
