"""Asked about everything at once: what differs is shown as what it is, and nothing is made up."""

import asyncio
from decimal import Decimal

import pytest

from interlock.orders.requests import QueryBalances
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
        assert trader.incidents() == []

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


def test_balances_are_told_with_their_margin_to_the_digit() -> None:
    async def story(trader: Trader) -> None:
        venues = Reconciling(trader.live)
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        await trader.price("30100")
        ((told,),) = [one.balances for one in (await venues.now()).venues]
        (money,) = told.balances
        assert (told.account, money.asset, money.wallet) == ("main", "USDT", "100000.00000000")
        assert money.maintenance_margin == "1.20400000"  # 0.4 % of 0.01 at 30 100
        assert money.available_margin == "99970.84988500"
        assert Decimal(money.locked) + Decimal(money.free) == Decimal(money.wallet or "")

    play(story, hedge=True)


def test_balances_that_cannot_be_read_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.runtime.reconciling.ANSWER_S_MAX", 0.5)

    async def story(trader: Trader) -> None:
        venues = Reconciling(trader.live)
        await trader.faults({"on": "GET /fapi/v3/account", "status": 502})
        (found,) = (await venues.now()).venues
        assert (found.complete, found.balances) == (False, [])
        (found,) = (await venues.now()).venues
        assert found.complete and found.balances

    play(story)


def test_health_tells_weight_blocks_and_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(trader: Trader) -> None:
        await trader.do("set", ahead_ms=700)
        venues = Reconciling(trader.live)
        used = trader.venue.health().weight_used
        assert used is not None and used > 0
        await venues.now()
        health = trader.venue.health()
        assert health.weight_used is not None and health.weight_used > used
        assert (health.weight_limit, health.blocked_until) == (2_400, 0)
        throttled = {"status": 429, "body": '{"code":-1003,"msg":"Too many requests"}'}
        await trader.faults({"on": "GET /fapi/v3/account", **throttled})
        trader.venue.send(QueryBalances("USDM", "main"), trader.clock.now())
        await trader.until(lambda _: trader.venue.health().blocked_until > 0)

    play(story)
