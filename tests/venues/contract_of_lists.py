"""The contract's cases about an entry and its exits in one list of the venue's."""

from tests.venues.stages import HIGH, LOW, Stage
from tests.venues.venue_contract import case, filled, opened, position, status

from interlock.orders.reports import Acknowledged, Canceled, CancelReason, VenueStatus
from interlock.orders.requests import SubmitVenueList


def entry_and_exits(stage: Stage) -> None:
    """A buy that rests, and two exits that wait for it in one list."""
    entry = stage.order("a", price=LOW)
    exits = stage.order("b", side=-1, price=HIGH), stage.order("c", side=-1, trigger_price="28000")
    stage.send(SubmitVenueList("list", (entry, *exits), releases=True))
    for name in ("a", "b", "c"):
        stage.until(Acknowledged, name)


@case(42, "native_oto")
def a_complete_fill_releases_what_waits_for_it(stage: Stage) -> None:
    entry_and_exits(stage)
    stage.market("28900")
    filled(stage, "a", stage.lot)
    assert sorted(opened(stage)) == [("b", stage.lot, 0), ("c", stage.lot, 0)]
    stage.market("31100")
    filled(stage, "b", stage.lot)
    assert stage.until(Canceled, "c").reason is CancelReason.OCO
    assert position(stage) == 0


@case(43, "native_oto")
def what_waits_for_an_entry_ends_with_it(stage: Stage) -> None:
    entry_and_exits(stage)
    stage.market("31100")
    assert len(opened(stage)) == 3, "they wait, wherever the market goes"
    stage.send(stage.cancel("a"))
    assert stage.until(Canceled, "a").reason is CancelReason.REQUESTED
    for name in ("b", "c"):
        assert stage.until(Canceled, name).reason is CancelReason.OCO
        assert status(stage, name).status is VenueStatus.CANCELED
    assert opened(stage) == []


@case(44, "native_oto")
def a_cancel_of_what_waits_ends_the_list(stage: Stage) -> None:
    entry_and_exits(stage)
    stage.send(stage.cancel("c"))
    assert stage.until(Canceled, "c").reason is CancelReason.REQUESTED
    for name in ("a", "b"):
        assert stage.until(Canceled, name).reason is CancelReason.OCO
    assert opened(stage) == []
