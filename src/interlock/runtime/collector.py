"""The garbage collector, told what kind of process this is.

Decides how seldom Python looks for cycles. Orders live long and are not cyclic: looking through a
million of them finds nothing and stops everything for a tenth of a second. Invariant: cycles are
still collected, only later.
"""

import gc

YOUNG = 100_000
"""Containers made and kept before the youngest are looked through."""
MIDDLE = 50
OLD = 100


def calm() -> None:
    """Call once a state is recovered: what is there now is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
