"""Asked about everything at once: what differs is shown as what it is, and nothing is made up."""

import asyncio

import pytest

from interlock.runtime.reconciling import Reconciling
from tests.binance.house import INSTRUMENT, PREFIX, Trader, play, protected
from tests.sandbox.house import SYMBOL


def test_when_all_is_well_nothing_differs_and_every_fill_is_known() -> None:
    async def story(trader: Trader) -> None:
        venues = Reconciling(trader.live)
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        (found,) = (await venues.now()).venues
        assert (found.connected, found.complete, found.open_orders) == (True, True, 2)
        assert found.differences == []
        assert found.fills_told_to >= found.as_of

    play(story, hedge=True)


def test_a_position_nobody_explains_is_shown_and_not_papered_over() -> None:
    async def story(trader: Trader) -> None:
        venues = Reconciling(trader.live)
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        await trader.do("open", symbol=SYMBOL, side="BUY", quantity="0.5", position_side="LONG")
        (found,) = (await venues.now()).venues
        (difference,) = found.differences
        assert (difference.kind, difference.what) == ("position", f"main {INSTRUMENT} long")
        assert (difference.here, difference.there) == ("0.01", "0.51")
        assert trader.count("VenueOrderFilled") == 1

    play(story, hedge=True)


def test_a_fill_that_no_stream_told_is_found_and_journaled() -> None:
    """The order is over and forgotten by every stream: only the trades still know."""

    async def story(trader: Trader) -> None:
        venues = Reconciling(trader.live)
        await trader.place("first", trader.bracket(type="limit", price="29000"))
        await trader.until(lambda state: bool(state["open_orders"]))
        await trader.do("set", silent=True)
        await trader.price("28990")
        found = await venues.now()
        assert [one.type for one in found.settled] == ["VenueOrderFilled"]
        await trader.do("set", silent=False)
        await trader.until(protected)

    play(story, hedge=True)


@pytest.mark.parametrize("path", ["openOrders", "openAlgoOrders", "userTrades"])
def test_a_read_that_fails_concludes_nothing(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SCENARIOS 16."""
    monkeypatch.setattr("interlock.runtime.reconciling.ANSWER_S_MAX", 0.5)

    async def story(trader: Trader) -> None:
        venues = Reconciling(trader.live)
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        broken = {"on": f"GET /fapi/v1/{path}", "status": 502, "times": 20}
        await trader.faults(broken)
        (found,) = (await venues.now()).venues
        assert not found.complete
        assert found.differences == []
        await trader.faults()
        assert protected(await trader.state())
        assert trader.count("IncidentOpened") == 0

    play(story, hedge=True)


def test_a_stray_under_our_mark_is_named_and_recalled() -> None:
    async def story(trader: Trader) -> None:
        venues = Reconciling(trader.live)
        assert (await venues.now()).venues[0].complete  # what a start asks has been answered
        await asyncio.to_thread(
            lambda: trader.exchange.algo(
                *("BUY", "STOP_MARKET", "33000"),
                quantity="0.5",
                positionSide="LONG",
                clientAlgoId=f"{PREFIX}-o0000077.2.1",
            )
        )
        found = await venues.now()
        assert [one.kind for one in found.venues[0].differences] == ["stray"]
        await trader.heard("StrayRecalled")
        await trader.until(lambda state: not state["open_algos"])

    play(story, hedge=True)
