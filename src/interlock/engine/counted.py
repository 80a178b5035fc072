"""What a dead-man switch of ours answers for at a venue.

Decides where a venue's own countdown has something to do behind ours. Invariant: it is wanted only
for resting entries that silence would pull, and until they are gone.
"""

from interlock.engine.order import Leg
from interlock.engine.state import State
from interlock.engine.tally import covered
from interlock.orders.limits import BlockCause, BlockLevel


def counted_down(state: State, venue: str) -> frozenset[str]:
    """Instruments where entries rest at a venue that an armed countdown covers, or one that has run
    out and is still pulling them. An entry that waits for its trigger there is not counted: a
    venue's countdown does not reach it."""
    scopes = [
        one.scope
        for one in state.risk.countdowns.values()
        if one.level is not BlockLevel.BLOCK_NEW  # silence would pull nothing
    ]
    for block in state.risk.blocks.values():
        if block.cause is BlockCause.COUNTDOWN and block.level is not BlockLevel.BLOCK_NEW:
            scopes.append(block.scope)
    if not scopes:
        return frozenset()
    found: set[str] = set()
    for order in state.orders.living():
        if order.done:
            continue
        rest = {leg.terms.instrument for leg in order.legs if _rests(leg, venue)} - found
        if rest and any(covered(scope, order.terms) for scope in scopes):
            found |= rest
    return frozenset(found)


def _rests(leg: Leg, venue: str) -> bool:
    there = leg.venue
    if there is None or leg.terms.exits or there.price is None or there.trigger_price is not None:
        return False
    return leg.terms.instrument.rpartition(".")[2] == venue
