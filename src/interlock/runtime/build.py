"""Which build of the engine this process runs.

Decides nothing. Invariant: it is read off the modules loaded, never off a setting.
"""

from interlock.engine import decide


def built() -> str:
    """``compiled`` (mypyc) or ``pure`` Python."""
    return "pure" if str(decide.__file__).endswith(".py") else "compiled"
