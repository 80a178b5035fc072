"""A broken world is made small before it is told."""

from msgspec.structs import replace

from interlock.sim.command import broken, many
from interlock.sim.draw import plan_of
from interlock.sim.plan import Plan, decode, fault_names
from interlock.sim.shrink import shrink
from interlock.sim.swarm import tally


def rich() -> Plan:
    """A world with much in it."""
    return max((plan_of(seed) for seed in range(60)), key=lambda plan: plan.size)


def test_only_what_is_needed_stays():
    plan = rich()
    needed = plan.commands[len(plan.commands) // 2]

    def rule(other: Plan) -> str:
        return "made up" if needed in other.commands else ""

    small = shrink(plan, rule_of=rule)
    assert small.commands == (needed,)
    assert small.ticks == small.kills == small.deeds == small.clock == ()
    assert len(small.venues) == 1
    assert all(not fault_names(venue.faults) for venue in small.venues)
    assert small.size < plan.size // 5


def test_a_world_that_breaks_nothing_stays_as_it_is():
    plan = rich()
    assert shrink(plan, rule_of=lambda _: "") is plan


def test_it_stops_when_its_time_is_over():
    plan = rich()
    moments = iter(range(0, 10_000, 3))
    small = shrink(plan, seconds=10, rule_of=lambda _: "always", clock=lambda: next(moments))
    assert small.size <= plan.size


def test_a_different_breach_is_not_taken_for_the_same():
    plan = rich()

    def rule(other: Plan) -> str:
        return "one" if len(other.commands) > 2 else "another"

    assert len(shrink(plan, rule_of=rule).commands) == 3


def test_a_broken_world_leaves_a_recipe_and_a_story(tmp_path):
    said: list[str] = []
    plan = replace(plan_of(7), snapshots=(-1,), ticks=())
    broken(plan, said.append, tmp_path, seconds=1)
    recipe = decode((tmp_path / "seed-7.json").read_bytes())
    assert recipe.seed == 7
    assert any("--recipe" in line for line in said)


def test_worlds_on_two_processes_are_the_worlds_on_one():
    one, two = [], []
    assert many(range(40, 100), one.append, jobs=1, clock=lambda: 0.0) == 0
    assert many(range(40, 100), two.append, jobs=2, clock=lambda: 0.0) == 0
    assert one[-1].partition("accepted")[2] == two[-1].partition("accepted")[2]


def test_a_run_ends_when_its_minutes_are_over():
    moments = iter(range(0, 1_000_000, 40))
    said: list[str] = []
    many(range(1000), said.append, minutes=1, clock=lambda: float(next(moments)))
    assert said[-1].startswith("50 worlds")


def test_a_tally_adds_up():
    whole = tally(range(6))
    parts = tally(range(3))
    parts.add(tally(range(3, 6)))
    assert parts == whole
