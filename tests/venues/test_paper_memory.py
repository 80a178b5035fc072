"""A paper exchange that is killed comes back as it was: orders, fills, positions, spent ids."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from interlock.orders import requests as q
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.legs import TimeInForce
from interlock.orders.reports import Canceled, Filled, OrderStatus, Rejected
from interlock.orders.requests import VenueOrderType as T
from interlock.orders.ticks import Quote, Trade
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.memory import Course, PaperMemory

BTC = Instrument("BTC.PAPER", price_increment="0.01", quantity_increment="0.001")
AT = 1_700_000_000_000_000_000
LATER = AT + 60_000_000_000
SECOND = 1_000_000_000


def exchange() -> PaperExchange:
    return PaperExchange(
        "PAPER", [BTC], Capabilities(native_oco=True, native_stop=True, native_amend=True)
    )


def submit(name: str, side: int, kind: T, quantity: int = 10, **more: object) -> q.SubmitVenueOrder:
    fields: dict[str, Any] = {"valid_until": LATER, **more}
    return q.SubmitVenueOrder(name, "main", "BTC.PAPER", side, kind, quantity, **fields)


def reborn(path: Path) -> PaperExchange:
    memory = PaperMemory(path)
    again = exchange()
    memory.recall(again)
    memory.close()
    return again


def seen(paper: PaperExchange) -> list[object]:
    return [
        *(repr(order) for order in paper.open_orders()),
        *paper.executions(),
        *paper.positions(),
    ]


def test_everything_that_was_told_is_there_again(tmp_path: Path) -> None:
    paper, memory = exchange(), PaperMemory(tmp_path / "paper.db")
    paper.on_tick(Quote("BTC.PAPER", AT, 9_999, 50, 10_001, 50))
    paper.send(submit("bought", 1, T.MARKET), AT)
    paper.send(submit("limit", -1, T.LIMIT, price=10_300), AT)
    paper.send(submit("stop", -1, T.STOP, trigger_price=9_500), AT)
    pair = (submit("a", 1, T.LIMIT, price=9_000), submit("b", 1, T.STOP, trigger_price=11_000))
    paper.send(q.SubmitVenueList("pair", pair), AT)
    paper.send(submit("wrong", 1, T.LIMIT, quantity=0, price=9_000), AT)
    day = submit("day", 1, T.LIMIT, price=9_100, time_in_force=TimeInForce.GTD, expire_at=LATER)
    paper.send(day, AT)
    memory.save(paper.ledger, Course(2, 17, "99.5"))
    again = reborn(tmp_path / "paper.db")
    assert seen(again) == seen(paper)
    paper.poll(AT)
    assert PaperMemory(tmp_path / "paper.db").recall(exchange()) == Course(2, 17, "99.5")
    again.send(submit("wrong", 1, T.LIMIT, price=9_000), AT + 1)
    assert [type(r) for r in again.poll(AT + 1)] == [Rejected], "the refused id is spent"
    again.on_tick(Quote("BTC.PAPER", AT + 2, 9_399, 50, 9_401, 50))
    again.on_tick(Trade("BTC.PAPER", AT + 2, 9_400, 100, -1))
    filled = [r.client_id for r in again.poll(AT + 2) if isinstance(r, Filled)]
    assert filled == ["stop"], "the stop waits where it waited"
    again.send(q.QueryVenueOrder("bought", "main", "BTC.PAPER", 7), AT + 3)
    (status,) = again.poll(AT + 3)
    assert isinstance(status, OrderStatus) and len(status.fills) == 1
    again.send(q.CancelVenueOrder("a", "main", "BTC.PAPER", 8), AT + 4)
    gone = {r.client_id for r in again.poll(AT + 4) if isinstance(r, Canceled)}
    assert gone == {"a", "b"}, "they are still one list"
    assert [r.client_id for r in again.poll(LATER)] == ["day"], "and the day still ends"


@pytest.mark.parametrize("seed", range(10))
def test_killed_at_any_moment_what_was_told_is_there_again(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    paper, memory = exchange(), PaperMemory(tmp_path / "paper.db")
    price, at = 10_000, AT
    for n in range(120):
        at += SECOND // 10
        price = max(100, price + rng.randrange(-60, 61))
        paper.on_tick(Trade("BTC.PAPER", at, price, rng.randrange(1, 40), rng.choice((1, -1))))
        kind = rng.choice((T.LIMIT, T.STOP, T.MARKET, T.STOP_LIMIT))
        level = price + rng.randrange(-200, 200)
        numbers: dict[str, object] = {"valid_until": at + SECOND}
        if kind in (T.LIMIT, T.STOP_LIMIT):
            numbers["price"] = level
        if kind in (T.STOP, T.STOP_LIMIT):
            numbers["trigger_price"] = level + 1
        side, quantity = rng.choice((1, -1)), rng.randrange(1, 30)
        paper.send(submit(f"c{n}", side, kind, quantity, **numbers), at)
        if n % 5 == 4:
            paper.send(q.CancelVenueOrder(f"c{rng.randrange(n)}", "main", "BTC.PAPER", n), at)
        if n % 7 == 6:
            amend = q.AmendVenueOrder(
                f"c{rng.randrange(n)}", "main", "BTC.PAPER", n, 40, price - 300
            )
            paper.send(amend, at)
        memory.save(paper.ledger)
        paper.poll(at)
        if rng.random() < 0.1:
            again = reborn(tmp_path / "paper.db")
            assert seen(again) == seen(paper)
    assert len(paper.executions()) > 10


class Backwards:
    """Seals that a test can see through: the place, and the bytes the other way round."""

    def seal(self, plain: bytes, about: bytes) -> bytes:
        return b"\xc1" + about + b"|" + plain[::-1]

    def open(self, sealed: bytes, about: bytes) -> bytes:
        head = b"\xc1" + about + b"|"
        assert sealed.startswith(head)
        return sealed[len(head) :][::-1]


def test_what_is_kept_can_be_sealed_and_unsealed_again(tmp_path: Path) -> None:
    paper, path = exchange(), tmp_path / "paper.db"
    paper.on_tick(Quote("BTC.PAPER", AT, 9_999, 50, 10_001, 50))
    memory = PaperMemory(path)
    paper.send(submit("bought", 1, T.MARKET), AT)
    paper.send(submit("limit", -1, T.LIMIT, price=10_300), AT)
    paper.send(submit("wrong", 1, T.LIMIT, quantity=0, price=9_000), AT)
    memory.save(paper.ledger, Course(2, 17, "99.5"))
    memory.close()
    assert b"BTC.PAPER" in path.read_bytes()
    for sealed in (True, True, False):
        again, memory = exchange(), PaperMemory(path, Backwards(), sealed)
        assert memory.recall(again) == Course(2, 17, "99.5")
        assert seen(again) == seen(paper)
        assert again.ledger.refused.keys() == {"wrong"}
        again.send(submit(f"later-{sealed}", 1, T.LIMIT, price=9_000), AT + 1)
        memory.save(again.ledger)
        memory.close()
        assert (b"BTC.PAPER" in path.read_bytes()) is not sealed
        paper = again
