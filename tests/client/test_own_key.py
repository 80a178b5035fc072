"""A key's own countdown through a real server: what it may, what it may not, and what is left."""

from pathlib import Path

import pytest

from interlock import client as c
from tests.client.house import BTC, House, serving, until

ENTRY = c.limit("20000", buy="1", instrument=BTC)


def refused(code: str, work: "object") -> None:
    with pytest.raises(c.Refused) as caught:
        work()  # type: ignore[operator]
    assert caught.value.code == code


def live(house: House, name: str) -> bool:
    with house.client() as looking:
        return not looking.order(name).done


def test_silence_pulls_what_the_key_placed_and_no_other_key_may_touch_its_countdown(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as house, house.client() as bot, house.client() as other:
        bot.place(ENTRY, "mine")
        (batched,) = bot.place_many([c.placement(ENTRY, "batched")]).results
        assert batched.status == "accepted"
        other.place(ENTRY, "theirs")
        armed = bot.arm_countdown("bot", 60_000, own_key=True)
        assert armed.scope == {"key": armed.by}
        assert other.countdowns() == ()
        refused("KEY_NOT_YOURS", lambda: other.disarm_countdown("bot"))
        refused("KEY_NOT_YOURS", lambda: other.arm_countdown("bot", 500))
        refused("KEY_NOT_YOURS", lambda: other.arm_countdown("new", 500, key=armed.by))
        bot.arm_countdown("bot", 500, own_key=True)
        until(bot.blocks, lambda found: [one.cause for one in found] == ["countdown"])
        until(lambda: live(house, "mine") or live(house, "batched"), lambda lives: not lives)
        assert live(house, "theirs")
        refused("RISK_BLOCKED", lambda: bot.place(ENTRY, "more"))
        other.place(ENTRY, "theirs too")
        refused("KEY_NOT_YOURS", lambda: other.arm_countdown("bot", 60_000))
        bot.arm_countdown("bot", 60_000, own_key=True)
        assert bot.blocks() == ()
        bot.place(ENTRY, "more")
        assert bot.disarm_countdown("bot") == ()


def test_a_key_of_one_account_may_arm_its_own_and_an_order_names_no_other_key(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as house:
        bound = house.key(accounts=("main",))
        with c.Client(house.url, *bound) as bot, house.client("read", "admin") as admin:
            refused("ACCOUNT_NOT_ALLOWED", lambda: bot.arm_countdown("bot", 60_000))
            assert bot.arm_countdown("bot", 60_000, own_key=True).by == bound[0]
            order_id = bot.place(ENTRY, "mine").order_id
            assert house.server.line.state.orders[order_id].terms.key == bound[0]
            body = {"client_order_id": "other", "account": "main", "order": ENTRY, "key": "ik_x"}
            answers = bot.place_many([body]).results
            assert [one.problem and one.problem.code for one in answers] == ["KEY_NOT_YOURS"]
            assert [one.name for one in admin.countdowns()] == ["bot"]
            assert admin.disarm_countdown("bot") == ()
            refused("KEY_NOT_YOURS", lambda: admin.arm_countdown("bot", 500, key=bound[0]))


def test_a_revoked_keys_countdown_goes_on_and_pulls_what_it_placed(tmp_path: Path) -> None:
    with serving(tmp_path) as house, c.Client(house.url, *house.key("admin")) as admin:
        admin.login(house.password)
        key = house.key()
        with c.Client(house.url, *key) as bot:
            bot.place(ENTRY, "mine")
            bot.arm_countdown("bot", 1_000, own_key=True)
            admin.keys.revoke(key[0])
            refused("KEY_REVOKED", lambda: bot.arm_countdown("bot", 60_000, own_key=True))
        (block,) = until(admin.blocks, bool)
        assert (block.cause, block.scope) == ("countdown", {"key": key[0]})
        until(lambda: live(house, "mine"), lambda lives: not lives)
        assert admin.lift("countdown", "bot", "its key is gone") == ()
