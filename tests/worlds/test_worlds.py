"""SCENARIOS 4 and 14 and the invariants I1 to I8, over whole worlds from seeds."""

from pathlib import Path

import pytest

from interlock.orders import facts as f
from interlock.sim.__main__ import main
from interlock.sim.draw import plan_of
from interlock.sim.plan import FaultClass, decode, encode, fault_names
from interlock.sim.world import World, play

BLOCK = 50
SEEDS = Path(__file__).parents[1] / "seeds.txt"
RECIPES = Path(__file__).parent / "recipes"


def clean(seeds: range, without: tuple[FaultClass, ...] = ()) -> list[str]:
    broken = []
    for seed in seeds:
        broken += [f"seed {seed}: {b}" for b in play(plan_of(seed, without)).breaches[:1]]
    return broken


@pytest.mark.parametrize("first", range(0, 200, BLOCK))
def test_a_world_without_faults(first):
    assert not clean(range(first, first + BLOCK), tuple(FaultClass))


@pytest.mark.parametrize("first", range(0, 300, BLOCK))
def test_scenario_04_any_schedule_of_faults_comes_to_the_same_kind_of_end(first):
    without = (FaultClass.CRASHES, FaultClass.DISK)
    assert not clean(range(first, first + BLOCK), without)


@pytest.mark.parametrize("first", range(1000, 1400, BLOCK))
def test_scenario_14_a_kill_between_any_two_steps_loses_and_doubles_nothing(first):
    assert not clean(range(first, first + BLOCK))


def known_seeds() -> list[tuple[int, tuple[FaultClass, ...], str]]:
    """``seed | classes left out | what it broke``; see the head of the file."""
    out = []
    for line in SEEDS.read_text().splitlines():
        if line and not line.startswith("#"):
            seed, without, what = (part.strip() for part in line.split("|"))
            names = list(FaultClass) if without == "all" else without.split()
            out.append((int(seed), tuple(FaultClass(name) for name in names), what))
    return out


@pytest.mark.parametrize(("seed", "without", "what"), known_seeds())
def test_a_seed_that_once_failed(seed, without, what):
    outcome = play(plan_of(seed, without))
    assert not outcome.breaches, f"once: {what}; now: {outcome.breaches[0]}"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.json")), ids=lambda path: path.stem)
def test_a_small_world_that_once_failed(path):
    assert not play(decode(path.read_bytes())).breaches


def test_the_worlds_contain_what_they_are_for():
    """A world in which nothing happens proves nothing."""
    seen: dict[str, int] = {}
    restarts = 0
    for seed in range(160):
        plan = plan_of(seed)
        world = World(plan)
        facts: list[f.Fact] = []
        world.listeners.append(lambda _, more, facts=facts: facts.extend(more))
        world.run()
        restarts += world.restarts
        names = [type(fact).__name__ for fact in facts]
        names += [str(fact.kind) for fact in facts if isinstance(fact, f.IncidentOpened)]
        names += [name for venue in plan.venues for name in fault_names(venue.faults)]
        names += [f"can {n}" for v in plan.venues for n in able(v.capabilities)]
        names += ["hedge" for v in plan.venues for i in v.instruments if i.position_mode == "hedge"]
        for part in ("deeds", "clock", "kills", "full", "ambiguous", "snapshots"):
            names += [part] * len(getattr(plan, part))
        for name in names:
            seen[name] = seen.get(name, 0) + 1
    assert restarts > 60
    kinds = {
        *("LegTriggered", "LegClaimed", "ClaimReleased", "TrailActivated", "WatermarkMoved"),
        *("RuleFired", "VenueOrderUnknown", "VenueOrderFound", "VenueOrderAmended"),
        *("FillConfirmed", "FillDoubted", "FillRefuted", "LegEscalated", "LegRetrying"),
        *("ConditionChanged", "ExposureAdjusted", "InstrumentHalted", "VenueDisconnected"),
        *("double_fill", "phantom_fill", "late_fill", "exit_rejected", "outside_change"),
        *("deeds", "clock", "kills", "full", "ambiguous", "snapshots", "hedge"),
        *("can native_oco", "can native_stop", "can native_amend", "can conditional_ids"),
        *("contradict_report_permille", "lag_status_permille", "ban_permille"),
    }
    assert sorted(kinds - set(seen)) == []


def able(capabilities) -> list[str]:
    names = ("native_oco", "native_stop", "native_amend", "conditional_ids")
    return [name for name in names if getattr(capabilities, name)]


def story(seed: int) -> list[tuple[int, str, object]]:
    heard: list[tuple[int, str, object]] = []

    class Listening:
        def happened(self, at: int, kind: str, what: object) -> None:
            heard.append((at, kind, what))

    play(plan_of(seed), Listening())
    return heard


@pytest.mark.parametrize("seed", [3, 52, 233, 1017])
def test_the_same_seed_is_the_same_world(seed):
    assert story(seed) == story(seed)


@pytest.mark.parametrize("seed", [1, 52, 1017])
def test_a_recipe_is_the_same_world(seed):
    plan = plan_of(seed)
    assert decode(encode(plan)) == plan


def test_what_is_left_out_changes_nothing_else():
    whole, calm = plan_of(52), plan_of(52, list(FaultClass))
    assert (whole.ticks, whole.commands) == (calm.ticks, calm.commands)
    assert calm.kills == calm.deeds == calm.clock == calm.full == ()
    assert all(not fault_names(venue.faults) for venue in calm.venues)


def test_the_command_plays_worlds_and_counts_them(capsys):
    assert main(["--seeds", "0..3"]) == 0
    assert "3 worlds" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--seeds", "3"])
    assert main(["--seed", "7", "--print"]) == 0
    assert "answer: t1 accepted" in capsys.readouterr().out


def test_a_folder_for_recipes_is_made_or_refused(tmp_path, capsys):
    folder = tmp_path / "not" / "there"
    assert main(["--seeds", "0..2", "--recipes", str(folder)]) == 0
    assert folder.is_dir()
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(SystemExit) as refused:
        main(["--seeds", "0..2", "--recipes", str(file)])
    assert refused.value.code == 2
    assert f"--recipes {file}" in capsys.readouterr().err
