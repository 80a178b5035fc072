"""Minimising: the smallest world that still breaks the same guarantee.

Decides what to leave out, greedily: half of everything first, then one thing after another, until
nothing more can go or the time is over. Invariant: what comes out breaks the same rule as what went
in; nothing is ever added.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from interlock.sim.plan import Plan, fault_names
from interlock.sim.world import play
from interlock.venues.paper.faults import Faults

PARTS = (
    "commands",
    "kills",
    "full",
    "ambiguous",
    "deeds",
    "clock",
    "snapshots",
    "silences",
    "sessions",
    "ticks",
)
"""What a plan is made of and can do with less of."""
SINGLES_MAX = 40
"""A longer part is not taken apart piece by piece."""


def broken_rule(plan: Plan) -> str:
    """The rule that this world breaks first, or nothing."""
    breaches = play(plan).breaches
    return breaches[0].rule if breaches else ""


def shrink(
    plan: Plan,
    seconds: float = 20.0,
    rule_of: Callable[[Plan], str] = broken_rule,
    clock: Callable[[], float] = time.monotonic,
) -> Plan:
    """The same breach with less around it."""
    rule = rule_of(plan)
    if not rule:
        return plan
    end = clock() + seconds
    smaller = True
    while smaller:
        smaller = False
        for other in smaller_plans(plan):
            if clock() > end:
                return plan
            if rule_of(other) == rule:
                plan, smaller = other, True
                break
    return plan


def smaller_plans(plan: Plan) -> Iterator[Plan]:
    """Everything that could be left out next, the largest pieces first."""
    if len(plan.venues) > 1:
        for number, venue in enumerate(plan.venues):
            symbols = {instrument.symbol for instrument in venue.instruments}
            rest = tuple(tick for tick in plan.ticks if tick.instrument not in symbols)
            venues = (*plan.venues[:number], *plan.venues[number + 1 :])
            deeds = tuple(deed for deed in plan.deeds if deed.venue != venue.name)
            yield replace(plan, venues=venues, ticks=rest, deeds=deeds)
    for number, venue in enumerate(plan.venues):
        if venue.faults != Faults():
            yield _with_faults(plan, number, Faults())
    for name in PARTS:
        yield from _less(plan, name)
    if plan.projection:
        yield replace(plan, projection=False)
    for number, venue in enumerate(plan.venues):
        usual = Faults()
        for name in fault_names(venue.faults):
            off = replace(venue.faults, **{name: getattr(usual, name)})
            yield _with_faults(plan, number, off)


def _less(plan: Plan, name: str) -> Iterator[Plan]:
    """One part of the plan with a piece of it gone: all, halves, quarters, and so on."""
    items: tuple[Any, ...] = getattr(plan, name)
    size = len(items)
    while size:
        if size == 1 and len(items) > SINGLES_MAX:
            return
        for start in range(0, len(items), size):
            yield replace(plan, **{name: items[:start] + items[start + size :]})
        size //= 2


def _with_faults(plan: Plan, number: int, faults: Faults) -> Plan:
    venues = list(plan.venues)
    venues[number] = replace(venues[number], faults=faults)
    return replace(plan, venues=tuple(venues))
