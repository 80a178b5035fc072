"""The paper exchange passes the venue port's contract, whatever capabilities it is given."""

import pytest
from paper_world import BTC, EVERYTHING, World
from venue_contract import CASES, SYMBOL, Case, applies

from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.orders.ticks import Quote, Trade
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.port import Venue

SETS = {
    "everything": EVERYTHING,
    "plain": Capabilities(),
    "stops": Capabilities(native_stop=True, id_promise=IdPromise.UNIQUE_WHILE_OPEN),
    "amends": Capabilities(native_amend=True, reduce_only=False),
    "least": Capabilities(reduce_only=False, post_only=False, id_promise=IdPromise.NONE),
}
PLAYS = [
    pytest.param(can, one, id=f"{name}-{one}")
    for name, can in SETS.items()
    for one in CASES
    if applies(one, can)
]


class PaperStage:
    def __init__(self, can: Capabilities) -> None:
        self._paper = PaperExchange("PAPER", [BTC], can)
        self._at = 1_000
        self._paper.on_tick(Quote(SYMBOL, self.tick(), 99, 1_000, 100, 1_000))

    @property
    def venue(self) -> Venue:
        return self._paper

    def tick(self) -> int:
        self._at += 1_000
        return self._at

    def market(self, price: int) -> None:
        self._paper.on_tick(Trade(SYMBOL, self.tick(), price, 1_000_000))


@pytest.mark.parametrize(("can", "one"), PLAYS)
def test_contract(can: Capabilities, one: Case) -> None:
    one.play(PaperStage(can))


def test_every_case_is_played_by_some_set() -> None:
    assert [one.number for one in CASES] == list(range(1, len(CASES) + 1))
    assert all(any(applies(one, can) for can in SETS.values()) for one in CASES)


def test_the_name_and_the_capabilities_are_as_given() -> None:
    venue = World().venue
    assert (venue.name, venue.capabilities) == ("PAPER", EVERYTHING)
