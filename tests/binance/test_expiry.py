"""SCENARIOS 27: legs that end at times of their own, by a clock that may be wrong, at both markets.

An exchange that knows no such end, or not that soon, is asked to cancel when it has come.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.binance import house, spothouse
from tests.binance.house import Trader
from tests.sandbox.house import SpotExchange, spot_sandbox

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
LIVES_NS = 1_500_000_000
"""How long a leg lives that is to end within a story."""
Story = Callable[[Trader], Awaitable[None]]
Play = Callable[[Story], None]


@pytest.fixture(scope="module")
def spot() -> Iterator[SpotExchange]:
    with spot_sandbox() as exchange:
        yield exchange


@pytest.fixture(params=["futures", "spot"])
def play(request: pytest.FixtureRequest) -> Play:
    if request.param == "futures":
        return house.play
    exchange: SpotExchange = request.getfixturevalue("spot")
    exchange.fresh()
    return lambda story: spothouse.play(exchange, story)


@pytest.fixture(params=[5, -5], ids=lambda wrong_s: f"{wrong_s:+}s")
def wrong_s(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """By how much this machine's clock is wrong."""
    wrong: int = request.param
    monkeypatch.setattr(Trader, "wall", staticmethod(lambda: time.time_ns() + wrong * SECOND_NS))
    return wrong


def ends(trader: Trader) -> dict[str, str]:
    at = datetime.fromtimestamp((trader.clock.now() + LIVES_NS) / SECOND_NS, UTC)
    return {"time_in_force": "gtd", "expire_at": at.isoformat().replace("+00:00", "Z")}


def instrument(trader: Trader) -> str:
    return f"BTCUSDT.{trader.venue.name}"


def entry(trader: Trader, **more: Any) -> dict[str, Any]:
    first = {"type": "limit", "price": "29900", "instrument": instrument(trader), "id": "entry"}
    return {**first, "side": "buy", "quantity": "0.01", **more}


def open_of(state: Any) -> list[dict[str, Any]]:
    """Every open order, of every family."""
    return [*state["open_orders"], *state.get("open_algos", ())]


def exits(stop: dict[str, Any], target: dict[str, Any] | None = None) -> dict[str, Any]:
    """A stop that rests at the venue, or both exits of which the target does."""
    one = {"type": "stop", "trigger_price": "29000", "id": "stop", **stop}
    if target is None:
        return {**one, "hold": "venue"}
    two = {"type": "limit", "price": "31000", "id": "target", **target}
    return {"type": "oco", "legs": [two, one]}


def test_an_entry_ends_at_its_time_and_leaves_nothing(play: Play, wrong_s: int) -> None:
    async def story(trader: Trader) -> None:
        placed = await trader.place("first", entry(trader, **ends(trader)))
        until = trader.clock.now() + LIVES_NS - SECOND_NS // 2
        await trader.until(lambda state: len(open_of(state)) == 1)
        await trader.until(lambda state: not open_of(state))
        assert trader.clock.now() >= until, "and not before"
        done = await trader.heard("OrderDone", order_id=placed.order_id)
        assert done.status == "expired"  # type: ignore[attr-defined]
        assert trader.incidents() == []

    play(story)


def test_what_an_entry_bought_before_its_end_keeps_its_stop(play: Play) -> None:
    """An exit is good until canceled, whatever its entry was."""

    async def story(trader: Trader) -> None:
        first = entry(trader, **ends(trader))
        order = {"type": "oto", "first": first, "then": exits({})}
        await trader.place("first", order)
        await trader.until(lambda state: len(open_of(state)) == 1)
        await asyncio.to_thread(trader.exchange.price, "29900", "0.004")
        await trader.heard("VenueOrderCanceled", leg=0)
        state = await trader.until(lambda state: len(open_of(state)) == 1)
        (stop,) = open_of(state)
        assert Decimal(stop.get("origQty") or stop["quantity"]) == Decimal("0.004")
        assert trader.count("OrderDone") == 0
        await trader.price("28900")
        await trader.heard("OrderDone", status="filled")
        assert trader.incidents() == []

    play(story)


def test_a_target_that_ends_leaves_the_stop_as_it_is(play: Play) -> None:
    async def story(trader: Trader) -> None:
        first = entry(trader, type="market")
        del first["price"]
        order = {"type": "oto", "first": first, "then": exits({}, ends(trader))}
        await trader.place("first", order)
        await trader.until(lambda state: len(open_of(state)) == 1)
        await trader.heard("VenueOrderCanceled", leg=1)
        await trader.until(lambda state: not open_of(state))
        assert trader.count("OrderDone") == 0
        await trader.price("28900")
        await trader.heard("LegTriggered", leg=2)
        await trader.heard("OrderDone", status="filled")
        assert trader.incidents() == []

    play(story)


def test_a_stop_that_ends_leaves_a_position_that_a_person_is_told_of(play: Play) -> None:
    """As it was declared; but never silently."""

    async def story(trader: Trader) -> None:
        first = entry(trader, type="market")
        del first["price"]
        order = {"type": "oto", "first": first, "then": exits(ends(trader))}
        await trader.place("first", order)
        await trader.until(lambda state: len(open_of(state)) == 1)
        await trader.until(lambda state: not open_of(state))
        await trader.heard("IncidentOpened", kind="naked_position")

    play(story)


def test_a_day_leg_ends_with_its_day_and_the_stop_does_not(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions of these markets end at midnight UTC; here that is in a moment. The exchange's own
    clock is hours away from this one.
    """
    left = DAY_NS - time.time_ns() % DAY_NS - 4 * SECOND_NS
    monkeypatch.setattr(Trader, "wall", staticmethod(lambda: time.time_ns() + left))

    async def story(trader: Trader) -> None:
        day = {"time_in_force": "day"}
        order = {"type": "oto", "first": entry(trader, **day), "then": exits({})}
        await trader.place("first", order)
        other = entry(trader, id="other", price="29000", **day)
        await trader.place("second", other)
        await trader.until(lambda state: len(open_of(state)) == 2)
        await trader.price("29800")
        await trader.until(lambda state: len(open_of(state)) == 2)
        await trader.heard("OrderDone", status="expired")
        assert trader.clock.now() % DAY_NS < DAY_NS // 2, "midnight has passed"
        state = await trader.state()
        assert len(open_of(state)) == 1, "the stop"
        await trader.price("28900")
        await trader.heard("OrderDone", status="filled")

    play(story)


@pytest.mark.parametrize("ahead_s", [0, 5])
def test_an_end_that_the_exchange_keeps_itself_is_told_in_its_own_time(ahead_s: int) -> None:
    async def story(trader: Trader) -> None:
        at = trader.clock.now() // SECOND_NS + 3_600
        till = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
        await trader.place("first", entry(trader, time_in_force="gtd", expire_at=till))
        (order,) = open_of(await trader.until(lambda state: len(open_of(state)) == 1))
        assert order["timeInForce"] == "GTD"
        assert abs(order["goodTillDate"] - (at + ahead_s) * 1_000) <= 1_000

    async def whole(trader: Trader) -> None:
        await trader.do("set", ahead_ms=ahead_s * 1_000)
        await trader.do("cut")
        await trader.heard("VenueConnected")
        await story(trader)

    house.play(whole)
