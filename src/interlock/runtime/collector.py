"""The interpreter, told what kind of process this is.

Decides how seldom Python looks for cycles, and how soon another thread gives way. Orders live long
and are not cyclic: looking through a million of them finds nothing and stops everything for a tenth
of a second. Threads beside the loop write tables and audit records; a report must not wait for them
as long as Python lets it. Invariant: cycles are still collected, only later.
"""

import gc
import sys

YOUNG = 100_000
"""Containers made and kept before the youngest are looked through."""
MIDDLE = 50
OLD = 100


def calm() -> None:
    """Call once a state is recovered: what is there now is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


GIVE_WAY_S = 0.0005
"""A thread gives way after this long; Python's own default is ten times as much."""


def give_way() -> None:
    """Let the loop wait no longer than that for the interpreter, whatever runs beside it."""
    sys.setswitchinterval(GIVE_WAY_S)
