"""The steady clock: it never goes back, follows a step forward, and runs on after a step back."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime.clock import SteadyClock

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
NOON = 1_700_000_000 * SECOND


class Watches:
    """A wall clock that can be set, and a steady one that cannot."""

    def __init__(self, not_before: int = 0) -> None:
        self.wall = NOON
        self.steady = 7 * SECOND
        self.told: list[str] = []
        self.clock = SteadyClock(
            not_before, lambda: self.wall, lambda: self.steady, self.told.append
        )

    def pass_by(self, span: int) -> int:
        self.wall += span
        self.steady += span
        return self.clock.now()


def test_it_shows_the_wall_clock():
    watches = Watches()
    assert watches.clock.now() == NOON
    assert watches.pass_by(SECOND) == NOON + SECOND
    assert watches.told == []


def test_a_step_forward_is_followed_at_once_and_told():
    watches = Watches()
    watches.wall += HOUR
    assert watches.pass_by(SECOND) == NOON + HOUR + SECOND
    (told,) = watches.told
    assert "forward by 3,600.0 s" in told


def test_after_a_step_back_time_goes_on_slower_until_the_wall_has_caught_up():
    watches = Watches()
    watches.wall -= 10 * SECOND
    assert watches.pass_by(8 * SECOND) == NOON + 7 * SECOND
    for _ in range(100):
        watches.pass_by(SECOND)
    assert watches.clock.now() == watches.wall
    (told,) = watches.told
    assert "behind" in told


def test_a_start_with_the_clock_behind_the_journal_goes_on_from_the_journal():
    watches = Watches(not_before=NOON + HOUR)
    assert watches.clock.now() == NOON + HOUR
    assert watches.pass_by(8 * SECOND) == NOON + HOUR + 7 * SECOND
    assert len(watches.told) == 1


@given(st.lists(st.tuples(st.integers(0, HOUR), st.integers(-HOUR, HOUR))))
def test_it_never_goes_back_and_never_runs_behind_the_wall(steps: list[tuple[int, int]]):
    watches = Watches()
    last = watches.clock.now()
    for passed, step in steps:
        watches.wall += step
        now = watches.pass_by(passed)
        assert now >= last
        assert now >= watches.wall
        last = now
