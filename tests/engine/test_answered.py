"""Idempotency keys: a request repeated after a lost reply is done once, for as long as promised."""

from interlock.engine.decide import decide
from interlock.engine.digest import digest, image, restore
from interlock.engine.evolve import evolve
from interlock.engine.inputs import Define
from interlock.engine.state import State
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.legs import Limit, Side, Stop
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.ticks import Trade
from interlock.orders.tree import LegChange

AT = 1_700_000_000_000_000_000
DAY = 86_400_000_000_000
BTC = Instrument("BTC.PAPER", price_increment="0.01", quantity_increment="0.001")


def world() -> tuple[State, list[f.Fact]]:
    state = State()
    facts = decide(state, Define((BTC,), (("PAPER", Capabilities()),)), AT).facts
    facts += decide(state, Trade("BTC.PAPER", AT, 10_000, 1), AT).facts
    stop = Stop(instrument="BTC.PAPER", side=Side.SELL, quantity="1", trigger_price="90")
    facts += decide(state, c.PlaceOrder("one", "main", stop), AT).facts
    return state, facts


def amend(price: str) -> c.AmendOrder:
    changes = {"leg_1": LegChange(trigger_price=price)}
    return c.AmendOrder(changes, account="main", client_order_id="one")


def keyed(command: c.Plain, digest: str, key: str = "k1", caller: str = "bot") -> c.Keyed:
    return c.Keyed(caller, key, digest, command)


def test_a_repeated_amend_is_answered_as_the_first_and_changes_nothing_again():
    state, facts = world()
    first = decide(state, keyed(amend("91"), "d1"), AT + 1)
    assert first.answer == c.Accepted(next(iter(state.orders)), 2)
    second = decide(state, keyed(amend("91"), "d1"), AT + 2)
    assert second.answer == c.Accepted(next(iter(state.orders)), 2, replayed=True)
    assert second.facts == [] and second.requests == []
    other = decide(state, keyed(amend("91"), "d1", caller="somebody else"), AT + 3)
    assert isinstance(other.answer, c.Accepted) and other.answer.version == 3
    again = State()
    for fact in [*facts, *first.facts, *other.facts]:
        evolve(again, fact)
    assert digest(again) == digest(state) == digest(restore(image(state)))


def test_another_body_under_a_used_key_is_refused():
    state, _ = world()
    decide(state, keyed(amend("91"), "d1"), AT + 1)
    answer = decide(state, keyed(amend("92"), "d2"), AT + 2).answer
    assert isinstance(answer, Reject) and answer.code is RejectCode.KEY_REUSED
    assert state.orders[next(iter(state.orders))].version == 2


def test_a_lasting_refusal_is_repeated_and_one_that_waiting_cures_is_not():
    state, _ = world()
    wrong = keyed(amend("91.001"), "d1")
    first = decide(state, wrong, AT + 1)
    assert isinstance(first.answer, Reject) and first.answer.code is RejectCode.OFF_INCREMENT
    assert decide(state, wrong, AT + 2).answer == first.answer
    assert decide(state, wrong, AT + 2).facts == []
    through = keyed(amend("101"), "d2", "k2")
    refused = decide(state, through, AT + 3).answer
    assert isinstance(refused, Reject) and refused.code is RejectCode.STOP_THROUGH_MARKET
    decide(state, Trade("BTC.PAPER", AT + 4, 10_200, 1), AT + 4)
    assert isinstance(decide(state, through, AT + 5).answer, c.Accepted)


def test_a_key_is_forgotten_after_its_time_and_only_then():
    state, _ = world()
    decide(state, keyed(amend("91"), "d1"), AT + 1)
    kept = decide(state, keyed(amend("91"), "d1"), AT + DAY).answer
    assert isinstance(kept, c.Accepted) and kept.replayed
    late = decide(state, keyed(amend("91"), "d1"), AT + 1 + DAY).answer
    assert late == c.Accepted(next(iter(state.orders)), 3)
    decide(state, keyed(amend("92"), "d2", "k2"), AT + 2 + DAY)
    assert [key for _, key in state.answered] == ["k1", "k2"]


def limit(name: str, price: str = "90") -> c.PlaceOrder:
    leg = Limit(instrument="BTC.PAPER", side=Side.BUY, quantity="1", price=price)
    return c.PlaceOrder(name, "main", leg)


def test_orders_placed_together_are_all_there_or_none():
    state, _ = world()
    before = state.seq
    bad = c.PlaceOrders((limit("a"), limit("b", "90.001"), limit("c")))
    answer = decide(state, bad, AT + 1).answer
    assert isinstance(answer, Reject)
    assert (answer.code, answer.path) == (RejectCode.OFF_INCREMENT, "orders[1].order.price")
    assert state.orders.named("main", "a") is None and state.seq == before + 1
    twice = decide(state, c.PlaceOrders((limit("a"), limit("a"))), AT + 2).answer
    assert isinstance(twice, Reject)
    assert (twice.code, twice.path) == (RejectCode.DUPLICATE_ID, "orders[1].client_order_id")
    good = c.PlaceOrders((limit("a"), limit("b"), limit("c")))
    first = decide(state, good, AT + 3)
    assert isinstance(first.answer, c.Accepted) and len(first.answer.orders) == 3
    assert len(first.requests) == 3
    again = decide(state, good, AT + 4)
    assert again.answer == c.Accepted(replayed=True, orders=first.answer.orders)
    assert again.facts == []
