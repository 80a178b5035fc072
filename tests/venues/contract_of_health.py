"""The contract's cases about money, and about what is known of a connection without asking."""

from decimal import Decimal

from tests.venues.stages import ACCOUNT, HIGH, LOW, Port, RemoteStage, Stage
from tests.venues.venue_contract import case, filled, opened, resting

from interlock.orders.reports import (
    Acknowledged,
    Amended,
    AmendRefused,
    BalancesTold,
    Canceled,
    CancelReason,
    Connection,
    Rejected,
)
from interlock.orders.requests import QueryBalances, SubmitVenueList


@case(36)
def balances_are_told_as_exact_texts_and_follow_what_happens(stage: Stage) -> None:
    asked_at = stage.now()
    before = balances(stage)
    assert asked_at <= before.as_of <= before.at
    assert (before.venue, before.account) == (stage.venue.name, ACCOUNT)
    stage.send(stage.order("a", quantity=5 * stage.lot))
    filled(stage, "a", 5 * stage.lot)
    stage.market("30100")
    stage.send(stage.order("b", side=-1, quantity=5 * stage.lot))
    filled(stage, "b", 5 * stage.lot)
    stage.market("30000")
    gain = money(balances(stage)) - money(before)
    assert Decimal("4.9") < gain < Decimal("5.1")


def balances(stage: Stage) -> BalancesTold:
    asked = QueryBalances(stage.venue.name, ACCOUNT)
    found: BalancesTold = stage.answer(asked, BalancesTold)
    for one in found.balances:
        for name in ("free", "locked", "wallet", "available_margin", "maintenance_margin"):
            text = getattr(one, name)
            assert text is None or Decimal(text).is_finite(), one
    return found


def money(told: BalancesTold) -> Decimal:
    """What there is of what the instrument is priced in."""
    (found,) = [one for one in told.balances if one.asset == "USDT"]
    if found.wallet is None:
        return Decimal(found.free) + Decimal(found.locked)
    assert found.available_margin is not None and found.maintenance_margin is not None
    return Decimal(found.wallet)


@case(37)
def health_is_known_without_asking(stage: Stage) -> None:
    resting(stage, "a", price=LOW)
    health = stage.venue.health()
    assert health.connected
    assert health.since <= health.heard_at <= stage.now()
    if health.weight_limit is not None:
        assert health.weight_used is not None
        assert 0 < health.weight_used <= health.weight_limit
    assert health.blocked_until == 0


@case(38, port=Port.REMOTE)
def health_says_since_when_there_is_no_connection(stage: RemoteStage) -> None:
    began, cut_at = stage.venue.health().since, stage.now()
    stage.cut()
    stage.until(Connection, up=False)
    gone = stage.venue.health()
    assert not gone.connected
    assert began < cut_at <= gone.since <= stage.now()
    stage.until(Connection, up=True)
    back = stage.venue.health()
    assert back.connected
    assert gone.since < back.since
    assert gone.heard_at < back.heard_at
    assert back.clock_ahead_ms is not None and abs(back.clock_ahead_ms) < 500


# Lists, and what is changed in place


@case(39, "native_reduce")
def a_quantity_is_made_smaller_in_place_and_nothing_else_is(stage: Stage) -> None:
    resting(stage, "a", price=LOW, quantity=3 * stage.lot)
    stage.send(stage.amend("a", 2 * stage.lot))
    assert stage.until(Amended, "a", request=stage.asked).quantity == 2 * stage.lot
    stage.send(stage.amend("a", 4 * stage.lot))
    assert stage.until(AmendRefused, "a").request == stage.asked
    assert opened(stage) == [("a", 2 * stage.lot, 0)]


@case(40, "native_oco")
def a_list_is_refused_as_a_whole(stage: Stage) -> None:
    """None of its orders exists when one of them cannot."""
    needs_stop = stage.venue.capabilities.oco_needs_stop
    other = {"trigger_price": LOW} if needs_stop else {"price": "31200"}
    bad = stage.order("a", side=-1, price="40000")  # outside of the band
    stage.send(SubmitVenueList("bad", (bad, stage.order("b", side=-1, **other))))
    stage.until(Rejected, "a")
    stage.until(Rejected, "b")
    assert opened(stage) == []


@case(41, "native_oco")
def a_cancel_of_one_of_a_list_ends_both(stage: Stage) -> None:
    needs_stop = stage.venue.capabilities.oco_needs_stop
    other = {"trigger_price": LOW} if needs_stop else {"price": "31200"}
    two = stage.order("a", side=-1, price=HIGH), stage.order("b", side=-1, **other)
    stage.send(SubmitVenueList("list", two))
    stage.until(Acknowledged, "b")
    stage.send(stage.cancel("a"))
    assert stage.until(Canceled, "a").reason is CancelReason.REQUESTED
    assert stage.until(Canceled, "b").reason is CancelReason.OCO
    assert opened(stage) == []
