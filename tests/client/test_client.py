"""A desk's day through the client: placed, watched, amended, canceled, closed; refused in words."""

import asyncio
from decimal import Decimal
from inspect import signature
from pathlib import Path

import pytest

from interlock import client as c
from interlock.client.asynchronous import AsyncKeys
from interlock.client.sync import Keys
from tests.client.house import BTC, House, Wire, serving, until


def entry(quantity: str = "0.5") -> dict[str, object]:
    return c.market(buy=quantity, instrument=BTC)


def test_a_bracket_is_placed_amended_and_stopped_out(tmp_path: Path) -> None:
    with serving(tmp_path) as house, house.client() as client:
        order = c.bracket(entry=entry(), take_profit=31_000, stop_loss=Decimal("29500"))
        placed = client.place(order, "one")
        assert not placed.replayed
        assert client.place(order, "one").replayed
        shown = until(lambda: client.order("one"), lambda o: len(o.fills) == 1)
        assert shown.fills[0].quantity == Decimal("0.5")
        assert {leg.leg: leg.trigger_price for leg in shown.legs}["stop_loss"] == Decimal("29500")
        (position,) = client.positions()
        assert (position.instrument, position.quantity) == (BTC, Decimal("0.5"))
        done = client.amend(placed.order_id, {"stop_loss": {"trigger_price": Decimal("29600")}})
        assert done.version == 2
        house.move(2_940_000)
        shown = until(lambda: client.order(placed.order_id), lambda o: o.done)
        assert shown.status == "filled"
        assert client.positions() == ()
        assert [fill.leg for fill in client.fills(order_id=placed.order_id)] == [
            "stop_loss",
            "entry",
        ]
        assert list(client.incidents()) == []


def test_everything_a_desk_does_in_a_day(tmp_path: Path) -> None:
    with serving(tmp_path) as house, house.client() as client:
        for n in range(3):
            client.place(c.limit(20_000 + n, buy="1", instrument=BTC), f"l{n}", tag="deep")
        client.place(c.limit("20000", buy="1", instrument=BTC), tag="other")
        assert [line.client_order_id for line in client.orders(tag="deep")] == ["l2", "l1", "l0"]
        assert client.cancel(client.order("l0").order_id).order_id
        until(lambda: client.order("l0").status, lambda status: status == "canceled")
        straddle = c.oco(
            c.stop("40000", buy="1", instrument=BTC, id="up"),
            c.stop("20000", sell="1", instrument=BTC, id="down"),
        )
        two = client.place(straddle)
        client.cancel_leg(two.order_id, "up")
        statuses = {leg.leg: leg.status for leg in client.order(two.order_id).legs}
        assert (statuses["up"], statuses["down"]) == ("canceled", "armed")
        assert len(client.cancel_all(tag="deep").orders) == 2
        wide = c.bracket(
            entry=c.limit("20000", buy="1", instrument=BTC), stop_loss=c.from_entry(bps=-500)
        )
        waiting = client.order(client.place(wide).order_id).legs[1]
        assert waiting.trigger_price == c.FromEntry(c.Distance(bps=-500))
        client.place(c.bracket(entry=entry("1"), stop_loss=c.from_entry(bps=-500)), "held")
        until(client.positions, bool)
        client.close(BTC)
        until(client.positions, lambda found: not found)
        client.signal("volatility", "0.3")
        (instrument,) = client.instruments()
        assert instrument.price_increment == Decimal("0.01")
        assert instrument.last is not None
        (venue,) = client.venues()
        assert (venue.venue, venue.health.connected) == ("PAPER", True)
        ((told,),) = [one.balances for one in client.reconcile().venues]
        assert {one.asset for one in told.balances} >= {"USDT"}
        assert client.health().environment == "paper"


def test_a_list_longer_than_a_page_is_read_to_its_end(tmp_path: Path) -> None:
    with serving(tmp_path) as house, house.client() as client:
        bodies = [
            c.placement(c.limit("20000", buy="1", instrument=BTC), f"n{n}") for n in range(250)
        ]
        batch = client.place_many(bodies)
        assert (batch.accepted, batch.refused) == (250, 0)
        names = [line.client_order_id for line in client.orders()]
        assert names == [f"n{n}" for n in reversed(range(250))]
        mixed = [bodies[0], c.placement(c.limit("x", buy="1", instrument=BTC), "bad")]
        result = client.place_many(mixed).results
        assert [(one.status, one.replayed) for one in result] == [
            ("accepted", True),
            ("refused", False),
        ]
        assert result[1].problem is not None
        assert result[1].problem.code == "BAD_NUMBER"
        with pytest.raises(c.Refused) as caught:
            client.place_many(mixed, atomic=True)
        assert caught.value.pointer.endswith("/1/order/price")


def test_a_refusal_says_code_field_rule_and_way_out(tmp_path: Path) -> None:
    with serving(tmp_path) as house:
        with house.client() as client, pytest.raises(c.Refused) as caught:
            client.place(c.limit("29900.005", buy="1", instrument=BTC))
        why = caught.value
        assert (why.code, why.status, why.pointer) == ("OFF_INCREMENT", 422, "/order/price")
        assert why.rule and why.way_out and not why.retry
        assert "OFF_INCREMENT at /order/price" in str(why)
        with house.client("read") as client, pytest.raises(c.Refused) as caught:
            client.place(entry())
        assert caught.value.code == "SCOPE_MISSING"
        stranger = c.Client(house.url, "ik_aaaaaaaaaaaaaaaa", "secret")
        with stranger, pytest.raises(c.Refused) as caught:
            stranger.positions()
        assert caught.value.code == "SIGNATURE_WRONG"


def test_an_admin_makes_lists_and_revokes_keys_and_resumes_after_a_kill(tmp_path: Path) -> None:
    with serving(tmp_path) as house, c.Client(house.url) as admin:
        with pytest.raises(c.Refused) as caught:
            admin.keys.list()
        assert caught.value.code == "UNAUTHENTICATED"
        admin.login(house.password)
        made = admin.keys.make("bot", ["read", "trade"], accounts=["main"], expires_in_days=7)
        assert [key.id for key in admin.keys.list()] == [made.key.id]
        with c.Client(house.url, made.key.id, made.secret) as bot:
            bot.place(c.limit("20000", buy="1", instrument=BTC), "one")
            killed = bot.kill(account="main", why="a drill")
            assert killed.recalled["main"]
            assert [halt.why for halt in bot.halts()] == ["a drill"]
            with pytest.raises(c.Refused) as caught:
                bot.place(c.limit("20000", buy="1", instrument=BTC), "two")
            assert caught.value.code == "TRADING_HALTED"
            admin.login(house.password)
            assert admin.resume(account="main") == ()
            bot.place(c.limit("20000", buy="1", instrument=BTC), "two")
            assert admin.keys.revoke(made.key.id).revoked_at
            with pytest.raises(c.Refused) as caught:
                bot.positions()
            assert caught.value.code == "KEY_REVOKED"
        admin.logout()


def test_the_async_client_does_the_same(tmp_path: Path) -> None:
    async def day(house: House) -> None:
        async with c.AsyncClient(house.url, *house.key()) as client:
            order = c.bracket(entry=entry(), take_profit="31000", stop_loss="29500")
            await asyncio.gather(*(client.place(order, f"o{n}") for n in range(20)))
            names = [line.client_order_id async for line in client.orders()]
            assert sorted(names) == sorted(f"o{n}" for n in range(20))
            stream = client.stream()
            first = await anext(stream)
            assert isinstance(first, c.Snapshot)
            assert len(first.orders) == 20
            await client.cancel(first.orders[0].order_id, exposure="flatten")
            async for fact in stream:
                if isinstance(fact, c.Fact) and fact.type == "OrderDone":
                    assert fact.order_id == first.orders[0].order_id
                    break
            with pytest.raises(c.Refused):
                await client.order("nobody")
        async with c.AsyncClient(house.url) as admin:
            await admin.login(house.password)
            made = await admin.keys.make("bot", ["read"])
            assert [key.name for key in await admin.keys.list()] == ["test", "bot"]
            assert (await admin.keys.revoke(made.key.id)).revoked_at

    with serving(tmp_path) as house:
        asyncio.run(asyncio.wait_for(day(house), 20))


@pytest.mark.parametrize(("one", "other"), [(c.Client, c.AsyncClient), (Keys, AsyncKeys)])
def test_both_clients_have_the_same_methods(one: type, other: type) -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(signature(method).parameters)
            for name, method in vars(kind).items()
            if not name.startswith("_")
        }

    assert methods(one) == methods(other)


def test_prices_are_told_as_decimals_and_go_on_over_another_connection(tmp_path: Path) -> None:
    with serving(tmp_path) as house:
        wire = Wire(house.server.port)
        with house.client("read", url=wire.url) as client:
            prices = client.prices(BTC)
            first = next(prices)
            assert (first.instrument, first.ask) == (BTC, Decimal("30001"))
            wire.cut()
            house.move(2_950_000)
            moved = next(price for price in prices if price.last == Decimal("29500"))
            assert moved.at > first.at and moved.mark is None
            with pytest.raises(c.Refused) as no:
                next(client.prices("NO.PAPER"))
            assert (no.value.code, no.value.pointer) == ("QUERY_INVALID", "market")
        wire.close()


def test_a_person_who_takes_a_stop_away_is_shown_what_that_means_and_asked_again(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as house, house.client() as bot:
        order = c.bracket(entry=entry(), stop_loss=Decimal("29500"))
        placed = bot.place(order, "one", policy={"cooling_off_s": 1})
        until(lambda: bot.order("one"), lambda o: len(o.fills) == 1)
        with c.Client(house.url, *house.key(), person=True) as anna:
            with pytest.raises(c.Refused) as caught:
                anna.cancel_leg(placed.order_id, "stop_loss")
            why = caught.value
            assert (why.code, why.status, why.retry) == ("COOLING_OFF", 409, True)
            thought = why.second_thought
            assert thought is not None
            (weakened,), (estimate,) = thought["weakened"], thought["estimates"]
            assert (weakened["stop"], weakened["quantity"]) == ("29500", "0.5")
            assert estimate["price"] == "30000"
            assert estimate["volatility_1h_pct"] is None  # the market has just begun

            def again() -> bool:
                try:
                    with anna.thought_over(thought["token"], "the news is out"):
                        anna.cancel_leg(placed.order_id, "stop_loss")
                except c.Refused as still:
                    assert still.code == "COOLING_OFF"
                    return False
                return True

            until(again, bool)
        legs = {leg.leg: leg.status for leg in bot.order("one").legs}
        assert legs["stop_loss"] == "canceled"


def test_a_signal_is_given_a_schema_and_held_to_it(tmp_path: Path) -> None:
    with serving(tmp_path) as house, c.Client(house.url, *house.key()) as admin:
        admin.login(house.password)
        admin.define_signal("vix", {"low": "5", "high": "90", "sources": ["desk"]})
        with house.client() as bot:
            bot.signal("vix", "20", source="desk")
            with pytest.raises(c.Refused) as caught:
                bot.signal("vix", "900", source="desk")
            assert (caught.value.code, caught.value.pointer) == ("SIGNAL_REFUSED", "/value")
            (signal,) = bot.signals()
            assert (signal.value, bool(signal.frozen_at)) == (Decimal("20"), True)
            with pytest.raises(c.Refused) as caught:
                bot.define_signal("vix", None)
            assert caught.value.code in ("SCOPE_MISSING", "UNAUTHENTICATED")
            assert [one.kind for one in bot.incidents()] == ["signal_frozen"]


def test_limits_blocks_and_a_countdown_through_the_client(tmp_path: Path) -> None:
    with serving(tmp_path) as house, c.Client(house.url, *house.key()) as admin:
        admin.login(house.password)
        (limited,) = admin.set_limits({"max_position": "1"}, "a trial", account="main")
        assert (limited.scope, limited.limits) == ({"account": "main"}, {"max_position": "1"})
        with house.client() as bot:
            with pytest.raises(c.Refused) as caught:
                bot.place(c.limit("20000", buy="2", instrument=BTC))
            breach = caught.value.breach
            assert breach is not None
            assert (breach["setting"], breach["figure"], breach["limit"]) == (
                *("max_position", "2"),
                "1",
            )
            assert bot.arm_countdown("bot", 500, tag="grid").name == "bot"
            until(bot.blocks, lambda found: [one.cause for one in found] == ["countdown"])
            assert bot.countdowns() == ()
            drilled = bot.kill(tag="grid", level="flatten", drill=True)
            assert (drilled.drill, drilled.halt) == (True, None)
            bot.arm_countdown("bot", 60_000, tag="grid")
            assert bot.blocks() == ()
            assert bot.disarm_countdown("bot") == ()
        assert admin.set_limits(None, account="main") == ()
