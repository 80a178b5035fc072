"""SCENARIOS 4 and 14 and the invariants I1 to I8, over whole worlds from seeds."""

import pytest

from interlock.orders import facts as f
from interlock.sim.__main__ import main
from interlock.sim.world import World, run

BLOCK = 20


def clean(seeds: range, faults: bool, crashes: int) -> list[str]:
    broken = []
    for seed in seeds:
        outcome = run(seed, faults, crashes)
        broken += [f"seed {seed}: {breach}" for breach in outcome.breaches]
    return broken


@pytest.mark.parametrize("first", range(0, 100, BLOCK))
def test_a_venue_without_faults(first):
    assert not clean(range(first, first + BLOCK), faults=False, crashes=0)


@pytest.mark.parametrize("first", range(0, 300, BLOCK))
def test_scenario_04_any_schedule_of_faults_comes_to_the_same_kind_of_end(first):
    assert not clean(range(first, first + BLOCK), faults=True, crashes=0)


@pytest.mark.parametrize("first", range(1000, 1300, BLOCK))
def test_scenario_14_a_kill_between_any_two_steps_loses_and_doubles_nothing(first):
    assert not clean(range(first, first + BLOCK), faults=True, crashes=3)


def test_the_worlds_contain_what_they_are_for():
    """A world in which nothing happens proves nothing."""
    seen: dict[str, int] = {}
    restarts = 0
    for seed in range(60):
        world = World(seed, faults=True, crashes=3 if seed % 2 else 0)
        for fact in world.run().facts:
            name = type(fact).__name__
            if isinstance(fact, f.IncidentOpened):
                name = str(fact.kind)
            seen[name] = seen.get(name, 0) + 1
        restarts += world.restarts
    assert restarts > 30
    for name in (
        "LegTriggered",
        "LegClaimed",
        "ClaimReleased",
        "TrailActivated",
        "WatermarkMoved",
        "RuleFired",
        "VenueOrderUnknown",
        "VenueOrderFound",
        "VenueOrderAmended",
        "FillRefuted",
        "FillConfirmed",
        "LegEscalated",
        "LegRetrying",
        "double_fill",
        "phantom_fill",
        "late_fill",
        "exit_rejected",
    ):
        assert seen.get(name), f"no {name} in sixty worlds"


@pytest.mark.parametrize("seed", [3, 1017])
def test_the_same_seed_is_the_same_world(seed):
    assert run(seed, True, 2).facts == run(seed, True, 2).facts


def test_the_command_plays_worlds_and_counts_them(capsys):
    assert main(["--seeds", "0..3", "--faults", "--crashes", "1"]) == 0
    assert "3 worlds" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--seeds", "3"])
