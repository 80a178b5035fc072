"""What fills, when, and at which price: the stated matching model, one rule per story."""

from paper_world import World, buy, told


def test_a_market_order_takes_the_quoted_size_and_then_walks_one_increment_at_a_time() -> None:
    world = World()
    world.quote(99, 5, 100, 5)
    assert told(world.send(buy("a", 12))) == [
        "Acknowledged a",
        "Filled a 5 @ 100",
        "Filled a 5 @ 101",
        "Filled a 2 @ 102",
    ]
