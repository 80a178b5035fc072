"""A few worlds over the wire: faults, other hands, kills; and a world that must break does."""

import asyncio

import pytest
from wires.world import World

from interlock.venues.binance.desk import Desk

SEEDS = range(6)


def test_worlds_over_the_wire_break_nothing() -> None:
    async def all_of() -> list[list[str]]:
        outcomes = await asyncio.gather(*(World(seed).run() for seed in SEEDS))
        return [outcome.breaches for outcome in outcomes]

    assert asyncio.run(asyncio.wait_for(all_of(), 100)) == [[]] * len(SEEDS)


def test_an_adapter_that_forgets_to_cancel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: every recall is taken for done, and none is asked for."""

    async def forgets(desk: Desk, request: object) -> None:
        return None

    monkeypatch.setattr(Desk, "_cancel", forgets)
    monkeypatch.setattr("wires.world.SETTLE_S", 6.0)

    async def all_of() -> list[list[str]]:
        outcomes = await asyncio.gather(*(World(seed).run() for seed in SEEDS))
        return [outcome.breaches for outcome in outcomes]

    assert any(asyncio.run(asyncio.wait_for(all_of(), 100)))
