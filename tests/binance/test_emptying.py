"""Kill: what is recalled is gone when both families say so, and nobody else's order has moved."""

import asyncio
import time
from typing import Any

import pytest

from interlock.orders import commands as c
from interlock.orders.limits import RiskScope
from interlock.runtime import emptying
from interlock.runtime.emptying import Emptying
from tests.binance.house import INSTRUMENT, Trader, empty, ours, play, protected

DEL_ORDER, DEL_ALGO = "DELETE /fapi/v1/order", "DELETE /fapi/v1/algoOrder"
OPEN_ALGOS = "GET /fapi/v1/openAlgoOrders"
UNKNOWN_503 = '{"code":-1,"msg":"Unknown error, please check your request or try again later."}'
THROTTLED = {"status": 429, "body": '{"code":-1003,"msg":"Too many requests"}'}
FAULTS: list[dict[str, Any]] = [
    {"on": DEL_ORDER, "carried": "before", "times": 4},
    {"on": DEL_ORDER, "times": 4, "skip": 2},
    {"on": DEL_ORDER, **THROTTLED},
    {"on": DEL_ALGO, "status": 503, "body": UNKNOWN_503, "times": 3},
    {"on": DEL_ALGO, "carried": "before", "times": 4},
    {"on": DEL_ALGO, **THROTTLED},
    {"on": OPEN_ALGOS, "status": 502},
]


async def crowd(trader: Trader, count: int) -> None:
    """So many of our orders rest in each family, and one of somebody else's."""
    first = {"instrument": INSTRUMENT, "side": "buy", "quantity": "0.01"}
    limits = [{"type": "limit", "price": str(29_000 - n), **first} for n in range(count)]
    stops = [
        {"type": "stop", "trigger_price": str(31_000 + n), "hold": "venue", **first}
        for n in range(count)
    ]
    for number, order in enumerate([*limits, *stops]):
        await trader.place(f"o{number}", order)
    await asyncio.to_thread(strangers, trader)
    await trader.until(
        lambda state: len(state["open_orders"]) == len(state["open_algos"]) == count + 1
    )


def strangers(trader: Trader) -> None:
    trader.exchange.order(
        *("BUY", "LIMIT", "0.5"), price="29200", timeInForce="GTC", newClientOrderId="web_1"
    )
    trader.exchange.algo("BUY", "STOP_MARKET", "31500", quantity="0.5", clientAlgoId="web_2")


def is_strangers_alone(state: Any) -> bool:
    orders = [one["clientOrderId"] for one in state["open_orders"]]
    algos = [one["clientAlgoId"] for one in state["open_algos"]]
    return (orders, algos) == (["web_1"], ["web_2"])


def test_a_kill_of_sixty_orders_of_both_families_ends_verified_empty_past_every_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story(trader: Trader) -> None:
        await crowd(trader, 30)
        checking = Emptying(trader.live)
        await trader.faults(*FAULTS)
        begun, before = time.monotonic(), (await trader.state())["requests"]
        await trader.ask(c.CancelOrders("main", exposure=c.CancelMode.FLATTEN))
        found = await checking.of(RiskScope("main"), 40)
        took = time.monotonic() - begun
        state = await trader.state()
        with capsys.disabled():
            asked = state["requests"] - before - 1
            print(f" kill of 60 orders, with faults: {took:.1f} s, {asked} requests")
        (venue,) = found
        assert (venue.done, venue.left, venue.protecting) == (True, [], [])
        assert is_strangers_alone(state)
        assert state["faults"] == []

    play(story)


def test_a_long_ban_in_the_middle_of_a_kill_is_no_storm_of_questions() -> None:
    """Found by a kill during a long ban: each question that could not be asked was answered with an
    unknown, and that with the next question, six thousand facts a second until it was over.
    """

    async def story(trader: Trader) -> None:
        await crowd(trader, 5)
        checking = Emptying(trader.live)
        before, facts = (await trader.state())["requests"], len(trader.facts)
        await trader.do("ban", ms=12_000)
        await trader.ask(c.CancelOrders("main", exposure=c.CancelMode.FLATTEN))
        (venue,) = await checking.of(RiskScope("main"), 1)
        assert (len(venue.left), venue.done) == (10, False)
        assert len(trader.facts) - facts < 100
        assert (await trader.state())["requests"] - before < 20

    play(story)


def test_exits_that_protect_a_position_stay_and_are_named_until_it_is_flattened() -> None:
    async def story(trader: Trader) -> None:
        await trader.place("first", trader.bracket())
        await trader.until(protected)
        checking = Emptying(trader.live)
        await trader.ask(c.CancelOrders("main", exposure=c.CancelMode.PROTECT))
        (venue,) = await checking.of(RiskScope(), 10)
        assert venue.done
        assert [name.split(".")[1] for name in venue.protecting] == ["1", "2"]
        assert protected(await trader.state())
        await trader.ask(c.CancelOrders("main", exposure=c.CancelMode.FLATTEN))
        await trader.until(empty)  # until then the close itself may be among what is listed
        (venue,) = await checking.of(RiskScope(), 10)
        assert (venue.done, venue.protecting) == (True, [])

    play(story, hedge=True)


def test_what_is_left_is_named_and_recalled_again_though_nobody_here_knows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An order of our mark that the line gave up on, or never knew: it goes all the same."""
    monkeypatch.setattr(emptying, "AGAIN_NS", 0)

    async def story(trader: Trader) -> None:
        await trader.faults({"on": DEL_ALGO, "status": 400, "body": '{"code":-4000}', "times": 3})
        await asyncio.to_thread(
            lambda: trader.exchange.algo(
                *("BUY", "STOP_MARKET", "33000"),
                quantity="0.5",
                clientAlgoId="itest-o0000077.2.1",
            )
        )
        checking = Emptying(trader.live)
        (venue,) = await checking.of(RiskScope("main"), 0.2)
        assert not venue.done
        (venue,) = await checking.of(RiskScope("main"), 10)
        assert venue.done
        assert venue.recalled_again >= 1
        assert not ours(await trader.state(), "open_algos")

    play(story)


def test_an_order_that_nobody_recalled_is_never_recalled_by_looking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is being sent is not known to be over; one that is placed later stays."""
    monkeypatch.setattr(emptying, "AGAIN_NS", 0)

    async def story(trader: Trader) -> None:
        entry = {"type": "limit", "price": "29000", "instrument": INSTRUMENT, "side": "buy"}
        late = {"on": "POST /fapi/v1/order", "late": True, "delay_ms": 800, "carried": "before"}
        await trader.faults(late)
        await trader.place("first", {**entry, "quantity": "0.01"})
        checking = Emptying(trader.live)
        (venue,) = await checking.of(RiskScope("main"), 0.3)
        assert (venue.done, len(venue.left)) == (False, 1)
        (venue,) = await checking.of(RiskScope("main"), 10)
        assert (venue.done, len(venue.protecting), venue.recalled_again) == (True, 1, 0)
        assert len(ours(await trader.state(), "open_orders")) == 1

    play(story)


def test_a_venue_that_cannot_be_read_is_never_called_empty() -> None:
    async def story(trader: Trader) -> None:
        checking = Emptying(trader.live)
        await trader.faults({"on": OPEN_ALGOS, "status": 502, "times": 100})
        (venue,) = await checking.of(RiskScope(), 0.5)
        assert (venue.complete, venue.done) == (False, False)
        await trader.faults()
        (venue,) = await checking.of(RiskScope(), 10)
        assert venue.done

    play(story)
