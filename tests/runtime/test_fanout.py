"""Followers of the log in one process: nothing missed, nothing twice, and everybody has a turn."""

import asyncio
from itertools import pairwise

from interlock.journal.frames import Frame, encode_facts
from interlock.orders.facts import EngineStarted, Fact
from interlock.runtime.fanout import TOLD_MAX, WOKEN, Fanout


def commit(fanout: Fanout, count: int) -> None:
    first = fanout.next_seq
    facts: list[Fact] = [EngineStarted(first + n, 1) for n in range(count)]
    fanout.listen(Frame(1, 1, b"", 0, first, encode_facts(facts)), facts)


async def read(fanout: Fanout, first: int, upto: int) -> list[tuple[int, bytes]]:
    seen: list[tuple[int, bytes]] = []
    async for some in fanout.follow(first):
        assert len(some) <= TOLD_MAX
        seen += [(told.seq, told.line) for told in some]
        if seen[-1][0] >= upto:
            break
    return seen


def test_what_was_told_to_nobody_is_told_to_who_comes_later_and_then_as_it_comes() -> None:
    async def story() -> None:
        fanout = Fanout()
        commit(fanout, 250)
        following = asyncio.create_task(read(fanout, 1, 400))
        while not fanout._wakes:
            await asyncio.sleep(0)
        for _ in range(3):
            commit(fanout, 50)
            await asyncio.sleep(0)
        seen = await following
        assert [seq for seq, _ in seen] == list(range(1, 401))
        # Kept as bytes or as objects, a fact is told in the same words.
        assert all(b'"at":%d' % seq in line for seq, line in seen)

    asyncio.run(asyncio.wait_for(story(), 10))


def test_a_crowd_hears_everything_and_few_of_it_in_one_turn_of_the_loop() -> None:
    async def story() -> None:
        fanout = Fanout()
        crowd = [asyncio.create_task(read(fanout, 1, 20)) for _ in range(40)]
        while len(fanout._wakes) < 40:
            await asyncio.sleep(0)
        commit(fanout, 20)
        told = []
        while not all(one.done() for one in crowd):
            told.append(sum(one.done() for one in crowd))
            await asyncio.sleep(0)
        assert all(after - before <= WOKEN for before, after in pairwise(told))
        assert {tuple(seq for seq, _ in one.result()) for one in crowd} == {tuple(range(1, 21))}

    asyncio.run(asyncio.wait_for(story(), 10))
