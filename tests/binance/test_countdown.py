"""The exchange's own countdown behind ours: it takes what nobody watches any more, and nothing else
is made of that.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from interlock.api.access.opening import Access, AccessSettings
from interlock.api.access.passwords import Cost
from interlock.journal.memory import MemoryJournal
from interlock.orders import commands as c
from interlock.orders.limits import BlockLevel, RiskScope
from interlock.sandbox.binance.serving import HOST, KEY, SECRET
from interlock.venues.binance import link
from interlock.venues.binance.settings import BinanceSettings, Environment
from tests.api.house import serving
from tests.binance.house import INSTRUMENT, PREFIX, Quick, Trader, held, ours, protected
from tests.sandbox.house import SYMBOL, Exchange, sandbox

AFTER_MS = 1_200
ENDPOINT = "POST /fapi/v1/countdownCancelAll"
ENTRY = {"type": "limit", "instrument": INSTRUMENT, "side": "buy", "quantity": "0.01"}
FAILS = {"on": ENDPOINT, "status": 502}


def settings(exchange: Exchange, file: str, after_ms: int = AFTER_MS) -> BinanceSettings:
    place = f"{HOST}:{exchange.port}"
    where = ("USDM", Environment.PAPER, "main", (SYMBOL,), PREFIX, place)
    return BinanceSettings(*where, countdown_ms=after_ms, countdown_file=file)


class Counting(Trader):
    """One whose account's owner has chosen it; 0: has not."""

    after_ms = AFTER_MS
    file = ""

    def made(self) -> link.BinanceLink:
        chosen = settings(self.exchange, self.file, self.after_ms)
        return Quick(chosen, KEY, SECRET, self.clock.now, self.told.append)

    async def arm(self, **more: Any) -> None:
        """A client's countdown, far longer than any test."""
        arm = c.ArmCountdown("bot", 600_000, **more)
        assert isinstance(await self.ask(arm), c.Accepted)

    async def entry(self, name: str = "entry", price: str = "29000") -> None:
        await self.place(name, {**ENTRY, "id": "entry", "price": price})

    async def counted(self, armed: bool = True) -> Any:
        return await self.until(lambda state: state["countdowns"] == [SYMBOL] * armed)

    async def looked(self, times: int) -> None:
        """It has been asked so often what there is to count down."""
        asks, looks = self.venue.counted, 0

        def counted() -> frozenset[str] | None:
            nonlocal looks
            looks += 1
            return asks()

        self.venue.counted = counted
        await self.until(lambda _: looks >= times)

    def done(self, name: str) -> str:
        order_id = self.line.state.orders.named("main", name)
        order = self.line.state.orders.get(order_id or "")
        return "" if order is None else order.done


@pytest.fixture
def exchange() -> Any:
    with sandbox() as made:
        yield made


Life = Callable[..., Any]
Story = Callable[[Life], Awaitable[None]]


def play(exchange: Exchange, folder: Path, story: Story) -> None:
    """A story of lives with one journal and one folder."""
    journal = MemoryJournal()

    @asynccontextmanager
    async def life(kill: bool = False, after_ms: int = AFTER_MS) -> AsyncIterator[Counting]:
        Counting.file, Counting.after_ms = str(folder / "countdown.json"), after_ms
        trader = Counting(exchange, journal, False)
        await trader.begin()
        try:
            yield trader
        finally:
            await trader.end(kill=kill or trader.live.over)

    uvloop.run(asyncio.wait_for(story(life), 60))


def legs(state: Any, family: str = "open_orders") -> list[str]:
    return sorted(ours(state, family))


def prices(state: Any) -> list[str]:
    return sorted(one["price"] for one in state["open_orders"])


def test_a_server_that_dies_has_its_entries_pulled_and_finds_everything_as_it_should_be(
    exchange: Exchange, tmp_path: Path
) -> None:
    """The stop of the Algo Service stays; the target is back with the server, once."""

    async def story(life: Life) -> None:
        async with life(kill=True) as trader:
            await trader.place("held", trader.bracket())
            await trader.until(protected)
            await trader.arm()
            await trader.entry()
            await trader.counted()
            before = await trader.state()
            entry, target = prices(before)
            assert entry == "29000"
        state = await asyncio.to_thread(exchange.until, lambda state: not state["open_orders"])
        assert (held(state), legs(state, "open_algos")) == (["0.01"], ["2"])
        assert state["countdowns"] == []
        async with life() as trader:
            state = await trader.until(protected)
            await trader.heard("OrderDone", status="canceled")
            assert trader.done("entry") == "canceled"
            assert (prices(state), held(state)) == ([target], ["0.01"])
            assert legs(state, "open_algos") == ["2"]
            assert trader.incidents() == []
            reasons = {one.reason for one in trader.facts if type(one).__name__ == "LegDone"}
            assert reasons == {"the venue's countdown pulled it"}
            await trader.counted(False)
            await trader.price("30400")
            await trader.until(lambda state: not held(state))
            await trader.heard("OrderDone", status="filled")
            assert trader.incidents() == []

    play(exchange, tmp_path, story)


def test_a_server_that_lives_keeps_refreshing_and_nothing_is_canceled(
    exchange: Exchange, tmp_path: Path
) -> None:
    """Longer than twice its time, past an answer that fails and one that is lost."""

    async def story(life: Life) -> None:
        async with life() as trader:
            await trader.faults(
                {**FAILS, "skip": 2},
                {"on": ENDPOINT, "carried": "before", "skip": 2},
                {**FAILS, "skip": 3},
            )
            await trader.arm()
            await trader.entry()
            state = await trader.until(lambda state: not state["faults"])
            assert (prices(state), state["countdowns"]) == (["29000"], [SYMBOL])
            assert trader.venue.health().counting_down == (SYMBOL,)
            assert trader.incidents() == []

    play(exchange, tmp_path, story)


@pytest.mark.parametrize("chosen", [False, True])
def test_without_the_setting_or_a_countdown_of_ours_that_pulls_it_the_exchange_is_never_asked(
    exchange: Exchange, tmp_path: Path, chosen: bool
) -> None:
    async def story(life: Life) -> None:
        async with life(after_ms=AFTER_MS if chosen else 0) as trader:
            await trader.faults(FAILS)  # whoever asked would take it
            await trader.entry()
            await trader.until(lambda state: prices(state) == ["29000"])
            arms: list[dict[str, Any]] = [{"level": BlockLevel.BLOCK_NEW}]
            arms.append({"scope": RiskScope(tag="other")})
            for arm in arms if chosen else [{}]:
                if chosen:
                    await trader.looked(2)
                await trader.arm(**arm)
            if chosen:
                await trader.looked(2)
            await trader.venue.part()
            assert len((await trader.state())["faults"]) == 1
            assert trader.venue.health().counting_down == ()

    play(exchange, tmp_path, story)


def test_it_is_stopped_when_the_entry_has_gone_and_the_target_stays(
    exchange: Exchange, tmp_path: Path
) -> None:
    async def story(life: Life) -> None:
        async with life() as trader:
            await trader.arm()
            await trader.place("one", trader.bracket(type="limit", price="29000"))
            await trader.counted()
            await trader.price("28999")
            await trader.until(protected)
            state = await trader.counted(False)
            assert protected(state)
            assert trader.venue.health().counting_down == ()
            assert trader.incidents() == []

    play(exchange, tmp_path, story)


def test_refreshes_that_do_not_arrive_are_no_outside_hands(
    exchange: Exchange, tmp_path: Path
) -> None:
    """The stream is up and tells of it: the entry ends, the target is put back, nobody fights."""

    async def story(life: Life) -> None:
        async with life() as trader:
            await trader.place("held", trader.bracket())
            target = prices(await trader.until(protected))
            await trader.arm()
            await trader.entry()
            await trader.counted()
            await trader.faults({**FAILS, "times": 1_000})
            await trader.heard("VenueOrderCanceled", reason="countdown")
            await trader.heard("OrderDone", status="canceled")
            await trader.faults()
            state = await trader.until(protected)
            assert prices(state) == target
            await trader.counted(False)
            assert trader.done("held") == ""
            assert trader.incidents() == []

    play(exchange, tmp_path, story)


def test_a_person_who_cancels_while_it_is_armed_is_still_a_person(
    exchange: Exchange, tmp_path: Path
) -> None:
    async def story(life: Life) -> None:
        async with life() as trader:
            await trader.arm()
            await trader.entry()
            (entry,) = (await trader.counted())["open_orders"]
            by_hand = {"symbol": SYMBOL, "orderId": entry["orderId"]}
            await asyncio.to_thread(exchange.ask, "DELETE", "/fapi/v1/order", **by_hand)
            await trader.heard("IncidentOpened", kind="outside_change")
            await trader.counted(False)

    play(exchange, tmp_path, story)


def test_a_server_that_ends_as_asked_stops_it_and_leaves_what_rests(
    exchange: Exchange, tmp_path: Path
) -> None:
    """The product's own server, with credentials and all."""
    access = Access(tmp_path, {}, lambda: 1, AccessSettings(password_cost=Cost(n=16)))
    access.venues.keep("BINANCE", "paper", KEY, SECRET)
    access.close()
    chosen = settings(exchange, str(tmp_path / "countdown.json"))

    async def story() -> None:
        async with serving(tmp_path, binance=chosen) as (_, client):
            await client.put("/v1/countdowns/bot", json={"after_ms": 600_000})
            body = {
                "client_order_id": "one",
                "account": "main",
                "order": {**ENTRY, "price": "29000"},
            }
            assert (await client.post("/v1/orders", json=body)).status_code == 201
            await until(lambda state: state["countdowns"] == [SYMBOL])
            (venue,) = (await client.get("/v1/venues")).json()["items"]
            assert venue["health"]["counting_down"] == [SYMBOL]
        state = exchange.state()
        assert (prices(state), state["countdowns"]) == (["29000"], [])

    async def until(done: Callable[[Any], bool]) -> None:
        await asyncio.to_thread(exchange.until, done)

    uvloop.run(asyncio.wait_for(story(), 30))
