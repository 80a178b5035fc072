"""A world's time is what its loop was given: a busy machine makes it slow and never impatient."""

import asyncio
import time

from wires.patience import TURN_NS_MAX, Patience, WorldTime

HELD_UP_S = 0.2
"""The loop gets no turn for so long, as on a machine that is busy with other things."""


def test_what_a_busy_machine_takes_is_none_of_a_worlds_time() -> None:
    async def story() -> None:
        world = WorldTime()
        patience = Patience(world, HELD_UP_S / 2)
        beating = asyncio.create_task(world.beat())
        before = world.now()
        time.sleep(HELD_UP_S)  # this is the fault: it takes the loop's turn
        after = world.now()
        assert after - before <= TURN_NS_MAX
        assert world.now() > after, "two things never happen at once"
        assert not patience.over
        end = time.monotonic() + 30
        while not patience.over:  # with turns to be had, it ends
            assert time.monotonic() < end
            await asyncio.sleep(0)
        beating.cancel()

    asyncio.run(story())
