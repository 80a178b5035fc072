"""Worlds with limits, switches, feeds that fail, venues that go and clients gone wrong."""

import pytest
from mutants.risk import RISK_FROM as PLANTED_FROM

from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.limits import BlockCause, BlockLevel
from interlock.sim.draw import Draw, plan_of
from interlock.sim.plan import FaultClass, decode, encode
from interlock.sim.risks import RISK_FROM
from interlock.sim.world import World
from tests.worlds.test_worlds import BLOCK, clean

RISKS = (FaultClass.RISK, FaultClass.FEEDS, FaultClass.OUTAGES, FaultClass.GONE_WRONG)


@pytest.mark.parametrize("first", range(RISK_FROM, RISK_FROM + 300, BLOCK))
def test_limits_switches_and_outages_among_all_the_other_faults(first):
    assert not clean(range(first, first + BLOCK))


@pytest.mark.parametrize("first", range(RISK_FROM + 1000, RISK_FROM + 1100, BLOCK))
def test_limits_and_switches_alone(first):
    assert not clean(range(first, first + BLOCK), tuple(k for k in FaultClass if k not in RISKS))


def test_an_older_seed_means_what_it_meant():
    assert plan_of(52) == Draw(52).plan()
    assert PLANTED_FROM == RISK_FROM


def test_a_recipe_with_risk_is_the_same_world():
    plan = next(p for p in map(plan_of, range(RISK_FROM, RISK_FROM + 50)) if p.silences)
    assert decode(encode(plan)) == plan


def test_what_is_left_out_changes_nothing_else():
    for seed in range(RISK_FROM, RISK_FROM + 20):
        whole, less = plan_of(seed), plan_of(seed, [FaultClass.RISK])
        assert less.commands == tuple(
            given for given in whole.commands if not isinstance(given.command, c.RiskControl)
        )
        assert (whole.ticks, whole.kills, whole.deeds) == (less.ticks, less.kills, less.deeds)
        calm = plan_of(seed, RISKS)
        assert calm.silences == ()
        assert calm.ticks == Draw(seed).plan().ticks


def test_the_worlds_contain_what_they_are_for():
    seen: dict[str, int] = {}
    for seed in range(RISK_FROM, RISK_FROM + 200):
        world = World(plan_of(seed))
        facts: list[f.Fact] = []
        world.listeners.append(lambda _, more, facts=facts: facts.extend(more))
        world.run()
        for name in (word for fact in facts for word in words(fact)):
            seen[name] = seen.get(name, 0) + 1
        seen["restarts"] = seen.get("restarts", 0) + world.restarts
    causes = [cause for cause in BlockCause if cause is not BlockCause.SESSION]
    wanted = {
        *(f"set {cause}" for cause in causes),
        *(f"lifted {cause}" for cause in causes),
        *(f"kill at {level}" for level in BlockLevel),
        *("half open", "limits set", "limits gone", "ran out", "disarmed", "LossDayBegan"),
        *("LegRefused", "stale_feed", "a stop rests while its feed is unfit", "restarts"),
        *("RISK_BLOCKED", "RISK_POSITION", "RISK_OPEN_ORDERS", "RISK_RATE", "RISK_ORDER_QUANTITY"),
        *("RISK_ORDER_NOTIONAL", "RISK_PRICE_COLLAR", "RISK_GROSS_EXPOSURE"),
        *("RISK_MARGIN", "BAD_NUMBER"),
    }
    assert sorted(wanted - set(seen)) == []


def words(fact: f.Fact) -> list[str]:
    match fact:
        case f.BlockSet() if fact.block.half_open:
            return ["half open"]
        case f.BlockSet():
            block = fact.block
            return [f"set {block.cause}", f"{block.cause} at {block.level}"]
        case f.BlockLifted():
            return [f"lifted {fact.cause}"]
        case f.LimitsSet():
            return ["limits set" if fact.limits is not None else "limits gone"]
        case f.CountdownDisarmed():
            return ["ran out" if fact.by == "interlock" else "disarmed"]
        case f.CommandRefused():
            return [str(fact.reject.code)]
        case f.IncidentOpened():
            return [str(fact.kind)]
        case f.OrderAmended() if fact.by == "feed":
            return ["a stop rests while its feed is unfit"]
    return [type(fact).__name__]
