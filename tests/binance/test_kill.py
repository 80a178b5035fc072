"""``POST /v1/kill`` through the product's own server process, on a bad day at the exchange."""

import pytest
from bench.killing import played, rehearsal


@pytest.mark.parametrize("market", ["futures", "spot"])
def test_a_kill_ends_verified_empty_past_a_429_a_503_and_lost_replies(market: str) -> None:
    """Regular orders, such as wait for a trigger, on Spot pairs too; a stranger's order stays."""
    with rehearsal(market) as one:
        figures = played(one, 24, faults=True)
        (venue,) = one.client.kill(flatten=True).venues
        assert (venue.complete, venue.left, venue.protecting) == (True, (), ())
        assert figures["requests"] < 150
        (halt,) = one.client.halts()
        assert halt.account is None
