"""A market without end, taken up exactly where it was left."""

from itertools import islice

import pytest

from interlock.market.course import Course
from interlock.orders.ticks import Tick, Trade

ROUND = len(list(islice(Course(3)._round(0, "30000"), 10**6)))


def played(count: int) -> tuple[list[Tick], tuple[int, int, str]]:
    at = [(0, 0, "")]
    ticks = list(islice(Course(3).ticks(0, 0, "", lambda *where: at.append(where)), count))
    return ticks, at[-1]


@pytest.mark.parametrize("count", [1, 500, ROUND - 1, ROUND, ROUND + 700])
def test_it_goes_on_where_it_was_left(count: int) -> None:
    whole, _ = played(count + 400)
    _, where = played(count)
    again = list(islice(Course(3).ticks(*where, lambda *_: None), 400))
    # The last tick that was handed out has not been noted: it happens again.
    assert again == whole[count - 1 :][:400]


def test_a_round_goes_on_from_the_price_of_the_one_before() -> None:
    ticks, _ = played(ROUND + 50)
    before = next(t.price for t in reversed(ticks[:ROUND]) if isinstance(t, Trade))
    after = next(t.price for t in ticks[ROUND:] if isinstance(t, Trade))
    assert abs(after - before) < before // 100
