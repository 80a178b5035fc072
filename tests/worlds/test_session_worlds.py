"""Worlds from seed 3 000 000 on: markets that close, people asked twice, signals, prices."""

import pytest
from mutants.sessions import SESSIONS_FROM as PLANTED_FROM

from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.limits import BlockCause
from interlock.sim.draw import Draw, plan_of
from interlock.sim.plan import FaultClass, decode, encode
from interlock.sim.risks import with_risk
from interlock.sim.sessions import SESSIONS_FROM
from interlock.sim.world import World
from tests.worlds.test_risk_worlds import words
from tests.worlds.test_worlds import BLOCK, clean

DRAWN = (FaultClass.SESSIONS, FaultClass.THOUGHTS, FaultClass.SIGNALS)


@pytest.mark.parametrize("first", range(SESSIONS_FROM, SESSIONS_FROM + 100, BLOCK))
def test_sessions_among_all_the_other_faults(first):
    assert not clean(range(first, first + BLOCK))


@pytest.mark.parametrize("seed", [2_000_000, 2_345_678, 2_999_999])
def test_an_older_seed_means_what_it_meant(seed):
    plan = plan_of(seed)
    assert plan == with_risk(Draw(seed).plan(), frozenset())
    assert not plan.sessions
    assert PLANTED_FROM == SESSIONS_FROM


@pytest.mark.parametrize("kind", DRAWN)
def test_what_is_left_out_changes_nothing_else(kind):
    for seed in range(SESSIONS_FROM, SESSIONS_FROM + 10):
        whole, less = plan_of(seed), plan_of(seed, [kind])
        people = [g for g in whole.commands if isinstance(g.command, c.Keyed)]
        kept = [g for g in less.commands if isinstance(g.command, c.Keyed)]
        assert kept == ([] if kind is FaultClass.THOUGHTS else people)
        assert less.sessions == (() if kind is FaultClass.SESSIONS else whole.sessions)
        values = [g for g in whole.commands if isinstance(g.command, c.DefineSignal)]
        kept = [g for g in less.commands if isinstance(g.command, c.DefineSignal)]
        assert kept == ([] if kind is FaultClass.SIGNALS else values)
        assert (whole.ticks, whole.kills) == (less.ticks, less.kills)


def test_a_recipe_with_sessions_is_the_same_world():
    plan = next(p for p in map(plan_of, range(SESSIONS_FROM, SESSIONS_FROM + 50)) if p.sessions)
    assert decode(encode(plan)) == plan


def test_without_them_the_world_is_one_that_was_drawn_before():
    for seed in range(SESSIONS_FROM, SESSIONS_FROM + 10):
        base, off = Draw(seed).plan(), frozenset((*DRAWN, FaultClass.RISK))
        assert plan_of(seed, off) == (base if seed % 2 else with_risk(base, off))


def test_the_worlds_contain_what_they_are_for():
    seen: dict[str, int] = {}
    for seed in range(SESSIONS_FROM, SESSIONS_FROM + 80):
        plan = plan_of(seed)
        world = World(plan)
        facts: list[f.Fact] = []
        world.listeners.append(lambda _, more, facts=facts: facts.extend(more))
        world.run()
        names = [word for fact in facts for word in words(fact)]
        names += [f"deed {deed.what}" for deed in plan.deeds]
        names += ["restart in a session"] * (world.restarts if plan.sessions else 0)
        names += [
            "a leg for the day"
            for given in plan.commands
            if isinstance(given.command, c.PlaceOrder) and "day" in str(given.command.order)
        ]
        for name in names:
            seen[name] = seen.get(name, 0) + 1
    wanted = {
        *("SessionsSet", f"set {BlockCause.SESSION}", f"lifted {BlockCause.SESSION}"),
        *("session at block_new", "session at recall_entries", "session at flatten"),
        *("SESSION_UNKNOWN", "INSTRUMENT_DELISTED", "delisted", "flatten_missed"),
        *("SecondThoughtAsked", "SecondThoughtTaken"),
        *("RISK_STOP_DISTANCE", "set loss", "RISK_PRICE_COLLAR", "RISK_GROSS_EXPOSURE"),
        *(
            "RISK_MARGIN",
            "SignalDefined",
            "SignalHeard",
            "SignalFrozen",
            "SignalSound",
            "SIGNAL_REFUSED",
        ),
        *("a leg for the day", "restart in a session", "deed delist", "deed halt"),
    }
    assert sorted(wanted - set(seen)) == []
