"""The trigger index beside the state: whether it holds what a new process would put into it.

Decides by restoring the state from its own snapshot, which builds the index anew, and comparing
leg by leg. An order kept as its acceptance, brought to life, and any entry that the market touched
must have left the index as if it had been built just now. Invariant: it reads.
"""

from collections.abc import Iterator

from interlock.engine.entries import Entry, Key
from interlock.engine.state import State

Waits = dict[Key, list[tuple[str, int | None, bool]]]
"""Per leg or part of a condition: channel, level, and whether a price still finds it."""


def unlike(state: State, restored: State) -> Iterator[str]:
    """What waits otherwise in the restored state, one sentence each."""
    here, there = _waits(state), _waits(restored)
    for key in sorted({**here, **there}):
        if here.get(key, []) != there.get(key, []):
            yield f"{key} waits for {here.get(key, [])}, after a restart for {there.get(key, [])}"


def _waits(state: State) -> Waits:
    names = {
        id(channel): f"{symbol} {name}"
        for symbol, view in state.markets.items()
        for name, channel in view.channels.items()
    }
    return {
        key: sorted(
            (names[id(one.channel)], one.channel.level(one), _found(one)) for one in entries
        )
        for key, entries in state.entries.items()
        if entries
    }


def _found(entry: Entry) -> bool:
    return entry.live or entry.key in entry.channel.confirming
