"""The figures that gates read, of a running state, a replayed and a restored one.

Decides which figures those are. Invariant: orders still to be counted are counted first, as a gate
would; nothing else is changed.
"""

from typing import Any

from interlock.engine import tally
from interlock.engine.state import State


def figures(state: State) -> dict[str, Any]:
    """What gates read, scope by scope."""
    tally.refresh(state)
    return {
        str(scope): (
            one.open,
            {
                key: (line.net, line.basis, line.realised, line.buys, line.sells)
                for key, line in sorted(one.lines.items())
                if any((line.net, line.realised, line.buys, line.sells))
            },
        )
        for scope, one in state.risk.limited.items()
    }
