"""The trigger index against a naive walk over every leg, tick by tick."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.engine.trailing import span_bps
from interlock.engine.triggers import TriggerChannel


class NaiveLeg:
    """What a leg does, in the plainest words."""

    def __init__(self, kind: str, selling: bool, number: int) -> None:
        self.kind = kind
        self.selling = selling
        self.number = number
        self.wm: int | None = None

    def see(self, price: int) -> bool:
        """Take in a price; whether it triggers."""
        if self.kind == "level":
            return price <= self.number if self.selling else price >= self.number
        if self.wm is None:
            self.wm = price
        self.wm = max(self.wm, price) if self.selling else min(self.wm, price)
        size = span_bps(self.wm, self.number) if self.kind == "bps" else self.number
        return price <= self.wm - size if self.selling else price >= self.wm + size


def feed(channel: TriggerChannel, price: int) -> list[str]:
    if channel.low < price < channel.high:
        return []
    if channel.ratchets(price):
        channel.ratchet(price)
    return sorted(entry.key[0] for entry in channel.touched(price))


LEGS = st.tuples(
    st.sampled_from(["level", "ticks", "bps"]),
    st.booleans(),
    st.integers(1, 60),
    st.booleans(),
)
STEPS = st.one_of(
    st.tuples(st.just("arm"), LEGS),
    st.tuples(st.just("cancel"), st.integers(0, 200)),
    st.tuples(st.just("amend"), st.integers(0, 200)),
    st.tuples(st.just("tick"), st.integers(-25, 25)),
    st.tuples(st.just("jump"), st.integers(800, 1200)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, min_size=20, max_size=160))
def test_the_index_agrees_with_a_naive_walk(steps):
    channel = TriggerChannel()
    naive: dict[str, NaiveLeg] = {}
    entries = {}
    price, made = 1000, 0

    def arm(kind: str, selling: bool, number: int, seen: bool, wm: int | None = None) -> None:
        nonlocal made
        made += 1
        name = f"leg{made:04}"
        leg = NaiveLeg(kind, selling, number)
        if kind == "level":
            level = price - number if selling else price + number
            leg.number = level
            entries[name] = channel.wait(name, 0, level, not selling)
        else:
            leg.wm = wm if wm is not None else (price if seen else None)
            ticks, bps = (0, number) if kind == "bps" else (number, 0)
            entries[name] = channel.trail(name, 0, selling, ticks, bps, leg.wm)
        naive[name] = leg

    for what, value in steps:
        if what == "arm":
            arm(*value)
        elif what in ("cancel", "amend") and naive:
            name = sorted(naive)[value % len(naive)]
            leg = naive.pop(name)
            channel.drop(entries.pop(name))
            if what == "amend":
                arm(leg.kind, leg.selling, 1 + value % 50, False, leg.wm)
        elif what in ("tick", "jump"):
            price = max(1, price + value) if what == "tick" else value
            expected = sorted(name for name, leg in naive.items() if leg.see(price))
            assert feed(channel, price) == expected
            for name in expected:
                del naive[name], entries[name]
            for name, leg in naive.items():
                if leg.kind != "level":
                    assert channel.watermark(entries[name]) == leg.wm
    assert len(channel) == len(naive)


def test_a_quiet_price_is_between_the_bounds():
    channel = TriggerChannel()
    channel.wait("a", 0, 110, True)
    channel.wait("b", 0, 90, False)
    channel.trail("c", 0, True, 8, 0, 100)
    channel.trail("d", 0, False, 7, 0, 100)
    assert (channel.low, channel.high) == (99, 101), "both watermarks are at 100"
    channel.ratchet(104)
    assert (channel.low, channel.high) == (99, 105)
    assert [e.key[0] for e in channel.touched(107)] == ["d"]


def test_a_dropped_leg_never_fires_and_costs_no_memory_for_ever():
    channel = TriggerChannel()
    for n in range(10_000):
        entry = channel.trail(f"x{n}", 0, True, 5, 0, 100)
        channel.drop(entry)
    assert len(channel) == 0
    assert channel.touched(1) == []
    assert len(channel.falls_trail._level_heap) < 1000
