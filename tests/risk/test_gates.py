"""The gates, one refused request each: which setting of which scope, what figure against what
limit; and what the same limit lets pass."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.limits import Breach
from interlock.orders.rejects import Reject, RejectCode
from tests.scenarios.orders import bracket, limit, market, stop
from tests.tape import SECOND, Tape

C = RejectCode
Story = Callable[[Tape], Any]


def blocked(tape: Tape) -> Any:
    tape.command("kill", level="block_new", by="officer", why="the feed looks wrong")
    return tape.refuse(limit("buy", "100.00", "1"))


def instrument_not_allowed(tape: Tape) -> Any:
    tape.limits(instruments=["ETH.PAPER"])
    return tape.refuse(limit("buy", "100.00", "1"))


def side_not_allowed(tape: Tape) -> Any:
    tape.limits(sides=["sell"])
    return tape.refuse(bracket())


def type_not_allowed(tape: Tape) -> Any:
    tape.limits(leg_types=["limit", "stop"])
    return tape.refuse(market("buy", "1"))


def entry_where_only_exits_are_taken(tape: Tape) -> Any:
    tape.limits({"account": "main"}, reduce_only=True)
    return tape.refuse(bracket())


def too_many_in_one_leg(tape: Tape) -> Any:
    tape.limits(max_order_quantity="5")
    return tape.refuse(bracket("6"))


def worth_too_much(tape: Tape) -> Any:
    tape.limits(max_order_notional="500")
    return tape.refuse(limit("buy", "100.00", "6"))


def worth_unknown(tape: Tape) -> Any:
    tape.limits(max_order_notional="500")
    return tape.refuse(market("buy", "1"))


def fat_finger(tape: Tape) -> Any:
    tape.trade("100.00")
    tape.limits(max_price_deviation_bps=500)
    return tape.refuse(limit("buy", "1000.00", "1"))


def stop_too_near(tape: Tape) -> Any:
    tape.limits(min_stop_distance_bps=600)
    return tape.refuse(bracket())  # entry 100.00, stop 95.00


def one_order_too_many(tape: Tape) -> Any:
    tape.limits(max_open_orders=1)
    tape.place(limit("buy", "100.00", "1"))
    return tape.refuse(limit("buy", "100.00", "1"))


def position_if_all_filled(tape: Tape) -> Any:
    tape.limits({"instrument": "BTC.PAPER"}, max_position="10")
    order = tape.place(limit("buy", "100.00", "4", id="entry"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 3, "100.00")
    return tape.refuse(limit("buy", "90.00", "7"))


def position_of_a_bracket(tape: Tape) -> Any:
    tape.limits(max_position="9")
    return tape.refuse(bracket("10"))


def gross_of_all_instruments(tape: Tape) -> Any:
    tape.trade("100.00")
    tape.trade("50.00", symbol="ETH.PAPER")
    tape.limits(max_gross_notional="1000")
    tape.place(limit("sell", "101.00", "6"))
    return tape.refuse(limit("buy", "49.00", "9", instrument="ETH.PAPER"))


def lost_too_much(tape: Tape) -> Any:
    tape.limits({"tag": "grid"}, max_daily_loss="50")
    order = tape.place(limit("buy", "100.00", "10", id="entry"), tag="grid")
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.trade("95.00")
    tape.wait(2 * SECOND)
    return tape.refuse(limit("buy", "90.00", "1"), tag="grid")


def lost_too_much_just_now(tape: Tape) -> Any:
    """The loss is looked at every second, and by every order before that."""
    tape.limits(max_daily_loss="50")
    order = tape.place(limit("buy", "100.00", "10", id="entry"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.trade("95.01")
    tape.trade("95.00")
    return tape.refuse(limit("buy", "90.00", "1"))


def margin_unknown(tape: Tape) -> Any:
    tape.limits({"account": "main"}, min_free_margin="100")
    return tape.refuse(limit("buy", "100.00", "1"))


def too_often(tape: Tape) -> Any:
    tape.limits(max_orders_per_s=3)
    for _ in range(3):
        tape.place(limit("buy", "100.00", "1"))
    return tape.refuse(limit("buy", "100.00", "1"))


def canceled_too_often(tape: Tape) -> Any:
    tape.limits(max_cancels_per_s=1)
    for _ in range(2):
        tape.command("cancel", order_id=tape.place(limit("buy", "100.00", "1")).id)
    return tape.refuse(limit("buy", "100.00", "1"))


def limits_that_make_no_sense(tape: Tape) -> Any:
    return tape.command("set_limits", limits={"max_position": "NaN"})


REFUSED: list[tuple[RejectCode, Story, str, tuple[str, str, str, str]]] = [
    (C.RISK_BLOCKED, blocked, "order", ("kill:all", "all", "the feed looks wrong", "block_new")),
    (
        *(C.RISK_NOT_ALLOWED, instrument_not_allowed, "order"),
        ("instruments", "all", "BTC.PAPER", "ETH.PAPER"),
    ),
    (C.RISK_NOT_ALLOWED, side_not_allowed, "order.entry", ("sides", "all", "buy", "sell")),
    (
        *(C.RISK_NOT_ALLOWED, type_not_allowed, "order"),
        ("leg_types", "all", "market", "limit, stop"),
    ),
    (
        *(C.RISK_REDUCE_ONLY, entry_where_only_exits_are_taken, "order.entry"),
        ("reduce_only", "account main", "an entry", "exits only"),
    ),
    (
        *(C.RISK_ORDER_QUANTITY, too_many_in_one_leg, "order.entry.quantity"),
        ("max_order_quantity", "all", "6", "5"),
    ),
    (
        *(C.RISK_ORDER_NOTIONAL, worth_too_much, "order.quantity"),
        ("max_order_notional", "all", "600", "500"),
    ),
    (
        *(C.RISK_ORDER_NOTIONAL, worth_unknown, "order.quantity"),
        ("max_order_notional", "all", "unknown", "500"),
    ),
    (
        *(C.RISK_PRICE_COLLAR, fat_finger, "order.price"),
        ("max_price_deviation_bps", "all", "90000 bps", "500 bps"),
    ),
    (
        *(C.RISK_STOP_DISTANCE, stop_too_near, "order.stop_loss.trigger_price"),
        ("min_stop_distance_bps", "all", "500 bps", "600 bps"),
    ),
    (C.RISK_OPEN_ORDERS, one_order_too_many, "order", ("max_open_orders", "all", "2", "1")),
    (
        *(C.RISK_POSITION, position_if_all_filled, "order.quantity"),
        ("max_position", "instrument BTC.PAPER", "11", "10"),
    ),
    (
        *(C.RISK_POSITION, position_of_a_bracket, "order.entry.quantity"),
        ("max_position", "all", "10", "9"),
    ),
    (
        *(C.RISK_GROSS_EXPOSURE, gross_of_all_instruments, "order"),
        ("max_gross_notional", "all", "1050", "1000"),
    ),
    (
        *(C.RISK_BLOCKED, lost_too_much, "order"),
        ("loss:tag grid", "tag grid", "50 lost today; max_daily_loss is 50", "recall_entries"),
    ),
    (
        *(C.RISK_DAILY_LOSS, lost_too_much_just_now, "order"),
        ("max_daily_loss", "all", "50", "50"),
    ),
    (C.RISK_MARGIN, margin_unknown, "order", ("min_free_margin", "account main", "unknown", "100")),
    (C.RISK_RATE, too_often, "order", ("max_orders_per_s", "all", "4", "3")),
    (C.RISK_RATE, canceled_too_often, "order", ("max_cancels_per_s", "all", "2", "1")),
]


@pytest.mark.parametrize(("code", "story", "path", "figures"), REFUSED)
def test_a_gate_names_setting_scope_figure_and_limit(code, story, path, figures):
    reject = story(Tape())
    assert isinstance(reject, Reject)
    breach = reject.breach
    assert isinstance(breach, Breach)
    found = (breach.setting, str(breach.scope), breach.figure, breach.limit)
    assert (reject.code, reject.path, found) == (code, path, figures)
    assert reject.way_out


def test_limits_that_make_no_sense_are_refused_naming_the_field():
    reject = limits_that_make_no_sense(Tape())
    assert (reject.code, reject.path) == (C.LIMITS_INVALID, "limits.max_position")


def test_of_two_scopes_the_tighter_decides():
    tape = Tape()
    tape.limits(max_order_quantity="10")
    tape.limits({"account": "main", "tag": "grid"}, max_order_quantity="3")
    tape.place(limit("buy", "100.00", "5"))
    refused = tape.refuse(limit("buy", "100.00", "5"), tag="grid")
    assert refused.breach.limit == "3"
    assert tape.refuse(limit("buy", "100.00", "11"), tag="grid").breach.limit in ("3", "10")


def test_what_reduces_passes_where_entries_do_not():
    tape = Tape()
    order = tape.place(limit("buy", "100.00", "10", id="entry"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.limits(reduce_only=True, max_position="5", max_open_orders=0)
    tape.command("kill", level="block_new")
    tape.place(stop("sell", "95.00", "10") | {"reduce_only": True})


def test_limits_set_while_orders_live_count_them_and_what_they_filled():
    tape = Tape()
    order = tape.place(limit("buy", "100.00", "10", id="entry"), tag="a")
    tape.ack(order, "entry")
    tape.fill(order, "entry", 4, "100.00")
    tape.place({"type": "oco", "legs": [stop("sell", "90.00", "3"), stop("buy", "120.00", "2")]})
    tape.limits(max_position="12")
    assert tape.refuse(limit("buy", "99.00", "1")).breach.figure == "13"
    tape.place(limit("sell", "130.00", "9"))
    tape.command("cancel", order_id=order.id)
    tape.canceled(order, "entry")
    tape.place(limit("buy", "99.00", "1"))


def test_an_order_that_ends_makes_room_and_one_that_revives_takes_it():
    tape = Tape()
    tape.limits(max_open_orders=1)
    order = tape.place(limit("buy", "100.00", "1", id="entry"))
    tape.ack(order, "entry")
    tape.command("cancel", order_id=order.id)
    tape.canceled(order, "entry")
    tape.place(limit("buy", "100.00", "1"))


def test_an_atomic_batch_is_judged_as_a_whole():
    tape = Tape()
    tape.limits(max_position="10")
    order = {"type": "limit", "instrument": "BTC.PAPER", "side": "buy", "price": "100.00"}
    orders = [
        {"client_order_id": f"b{n}", "account": "main", "order": order | {"quantity": "6"}}
        for n in range(2)
    ]
    refused = tape.command("place_all", orders=orders)
    assert isinstance(refused, Reject)
    assert refused.path.startswith("orders[1]")
    assert refused.breach.figure == "12"
    tape.place(limit("buy", "100.00", "10"))  # nothing of the batch stayed counted


def test_an_amend_that_grows_is_judged_and_one_that_shrinks_is_not():
    tape = Tape()
    order = tape.place(limit("buy", "100.00", "5", id="entry"))
    tape.limits(max_position="6", max_order_quantity="4")
    grown = tape.command("amend", order_id=order.id, legs={"entry": {"quantity": "7"}})
    assert (grown.code, grown.path) == (C.RISK_ORDER_QUANTITY, "legs.entry.quantity")
    for quantity in ("4", "3"):  # of 5, where 4 are allowed from now on
        shrunk = tape.command("amend", order_id=order.id, legs={"entry": {"quantity": quantity}})
        assert isinstance(shrunk, c.Accepted)


def test_tightening_a_stop_is_never_too_often_and_takes_no_size_from_the_order():
    tape = Tape()
    tape.trade("100.00")
    order = tape.place(bracket("10"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.limits(max_order_quantity="1", max_orders_per_s=0, max_position="1")
    tighter = {"stop": {"trigger_price": "97.00"}}
    assert isinstance(tape.command("amend", order_id=order.id, legs=tighter), c.Accepted)
    smaller = tape.place(limit("sell", "120.00", "10") | {"reduce_only": True})
    tape.limits(max_order_quantity="1")
    less = {"leg_1": {"quantity": "8"}}
    assert isinstance(tape.command("amend", order_id=smaller.id, legs=less), c.Accepted)


def test_a_leg_due_under_a_tightened_limit_ends_refused_and_says_why():
    tape = Tape()
    order = tape.place(stop("buy", "110.00", "5", id="entry"))
    tape.limits(max_order_quantity="4")
    said = tape.trade("111.00")
    assert not tape.submits()
    assert "> LegDone entry rejected" in said
    refused = next(x for x in tape.facts if isinstance(x, f.LegRefused))
    assert refused.reject.breach.setting == "max_order_quantity"
    assert order.done == "rejected"


def test_entries_due_all_at_once_go_out_no_faster_than_the_limit():
    tape = Tape()
    tape.limits(max_orders_per_s=100)
    for _ in range(6):
        tape.place(stop("buy", "110.00", "1", id="entry"))
    tape.limits(max_orders_per_s=2)
    tape.wait(2 * SECOND)
    tape.trade("111.00")
    sent = [len(tape.submits())]
    for _ in range(4):
        tape.wait(SECOND)
        sent.append(len(tape.submits()))
    assert sent[0] == 2
    assert sent[-1] == 6
    assert max(b - a for a, b in pairwise(sent)) <= 3


def test_exits_due_pass_every_limit():
    tape = Tape()
    order = tape.place(bracket("10"))
    tape.ack(order, "entry")
    tape.fill(order, "entry", 10, "100.00")
    tape.ack(order, "target")
    tape.limits(max_order_quantity="1", max_orders_per_s=0, reduce_only=True)
    tape.command("kill", level="block_new")
    tape.trade("94.00")
    tape.canceled(order, "target")
    assert [one.quantity for one in tape.submits("stop")] == [10]


def test_a_loss_stops_entries_at_once_and_the_next_day_frees_them():
    tape = Tape()
    tape.limits({"account": "main"}, max_daily_loss="30", day_starts="22:15")
    held = tape.place(bracket("10"))
    waiting = tape.place(limit("buy", "90.00", "1", id="entry"))
    tape.ack(held, "entry")
    tape.fill(held, "entry", 10, "100.00")
    tape.ack(held, "target")
    tape.ack(waiting, "entry")
    tape.trade("97.00")
    said = tape.wait(2 * SECOND)
    assert any("Cancel entry" in line for line in said), said
    assert tape.armed(held) == ["stop"]  # the position keeps its exits
    tape.canceled(waiting, "entry")
    assert tape.refuse(limit("buy", "90.00", "1")).code is C.RISK_BLOCKED
    tape.restart()
    tape.trade("97.00")
    assert tape.refuse(limit("buy", "90.00", "1")).code is C.RISK_BLOCKED
    tape.wait(102 * SECOND)  # the tape begins at 22:13:20
    tape.trade("97.00")
    tape.place(limit("buy", "90.00", "1"))
