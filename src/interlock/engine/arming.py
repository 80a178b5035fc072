"""Putting legs into the trigger index and taking them out, as state says.

Decides which entries a waiting leg has: its own trigger, and one per price, volume or signal atom
of its condition. Called only by ``evolve``, so that a replay builds the same index. Invariant: a
leg that is not armed has nothing in the index.
"""

from heapq import heappush
from typing import Final

from interlock.engine import prices
from interlock.engine.entries import Entry, TrailEntry
from interlock.engine.order import STOPS, TRAILS, Leg, Order
from interlock.engine.state import MarketView, State
from interlock.engine.triggers import atom_key
from interlock.orders import facts as f
from interlock.orders.facts import Channel
from interlock.orders.legs import LegType
from interlock.orders.terms import Atom, AtomKind, LegTerms

ON_LAST: Final = Channel.LAST
ON_MID: Final = Channel.MID
"""Names of this module: an enum's member costs a look-up each time it is named."""
Wait = tuple[MarketView, Channel, int | None, bool | None, LegTerms]
"""One leg's market and channel, the level there and whether it waits for a rise; of a trailing
stop the watermark, and nothing for the rise."""


def waits_for_price(leg: Leg) -> bool:
    """Whether the leg has a trigger of its own besides its condition."""
    return leg.terms.type is not LegType.MARKET and not (
        leg.terms.type is LegType.LIMIT and leg.terms.when is not None
    )


def arm(state: State, order: Order, number: int) -> None:
    """Everything the leg waits for now."""
    disarm(state, order, number)
    leg = order.legs[number]
    if leg.terms.when is not None:
        for index, atom in enumerate(leg.terms.when.atoms):
            _watch(state, order, number, index, atom)
        if not leg.holds:
            return
    if waits_for_price(leg):
        _wait(state, order, number)


def _wait(state: State, order: Order, number: int) -> None:
    leg = order.legs[number]
    terms = leg.terms
    key = (order.id, number)
    entries = state.entries.setdefault(key, [])
    if terms.type in TRAILS and (leg.active or terms.activation_price is None):
        assert terms.trail is not None
        name = prices.channels_of(leg)[0]
        channel = state.channel(terms.instrument, name)
        ticks = prices.in_channel(name, terms.trail.ticks)
        selling = terms.side < 0
        entries.append(
            channel.trail(order.id, number, selling, ticks, terms.trail.bps, leg.watermark)
        )
        return
    if leg.armed_level is None:
        return
    for name in prices.channels_of(leg):
        channel = state.channel(terms.instrument, name)
        level = prices.in_channel(name, leg.armed_level)
        entries.append(channel.wait(order.id, number, level, prices.rising(leg)))


def at_once(
    state: State, fact: f.OrderAccepted, marks: tuple[int | None, ...] = ()
) -> tuple[Entry, ...]:
    """Entries for an order that begins with every leg waiting for its own price.

    ``marks`` are watermarks reached since, where there are any.
    """
    waits: list[Wait] = []
    for number, terms in enumerate(fact.terms.legs):
        name = prices.channel_of(terms.trigger_by, terms.side)
        armed = fact.armed[number]
        level = armed.trigger_price
        view = state.markets[terms.instrument]
        if level is None:
            mark = marks[number] if marks else armed.watermark
            waits.append((view, name, mark, None, terms))
        else:
            rises = (terms.type in STOPS) is (terms.side > 0)
            waits.append((view, name, level * 2 if name is ON_MID else level, rises, terms))
    return entered(waits, fact.terms.id)


def entered(waits: list[Wait], order_id: str) -> tuple[Entry, ...]:
    """The entries of an order's legs, one each, in the index from now on."""
    entries: list[Entry] = []
    number = 0
    for view, name, level, rises, terms in waits:
        channel = view.last_channel if name is ON_LAST else view.channel(name)
        if rises is not None:
            assert level is not None
            entries.append(channel.wait(order_id, number, level, rises))
        else:
            assert terms.trail is not None, "what has no level trails"
            ticks = prices.in_channel(name, terms.trail.ticks)
            selling = terms.side < 0
            entries.append(channel.trail(order_id, number, selling, ticks, terms.trail.bps, level))
        number += 1  # noqa: SIM113 - enumerate of tuples costs a tuple more
    return tuple(entries)


def _watch(state: State, order: Order, number: int, index: int, atom: Atom) -> None:
    """Wait for the moment at which the atom changes from what it is now."""
    key = atom_key(order.id, number, index)
    true_now = bool(order.legs[number].atoms >> index & 1)
    if atom.kind is AtomKind.PRICE:
        name = prices.channel_of(atom.source, order.legs[number].terms.side)
        channel = state.channel(atom.instrument, name)
        level = prices.in_channel(name, atom.level)
        rising = atom.rising != true_now
        if true_now:  # it ends one step beyond the level, on the other side
            level += -1 if atom.rising else 1
        entry = channel.wait(key[0], key[1], level, rising)
        state.entries.setdefault(key, []).append(entry)
    elif atom.kind is AtomKind.VOLUME and not true_now:
        view = state.markets[atom.instrument]
        target = order.legs[number].volume_base + atom.level
        heappush(view.volume_waits, (target, key))
        view.volume_next = view.volume_waits[0][0]
    elif atom.kind is AtomKind.SIGNAL:
        state.signal_waits.setdefault(atom.name, {})[key] = True
        if state.signal_book:
            state.risk.look_at = 1  # it may fall silent from now on


def disarm(state: State, order: Order, number: int) -> None:
    """Nothing of the leg waits any more; a trailing stop's watermark is kept on the leg."""
    leg = order.legs[number]
    keep_watermark(state, order, number)
    _drop(state, (order.id, number))
    if leg.terms.when is not None:
        for index, atom in enumerate(leg.terms.when.atoms):
            key = atom_key(order.id, number, index)
            _drop(state, key)
            if atom.kind is AtomKind.SIGNAL:
                state.signal_waits.get(atom.name, {}).pop(key, None)


def keep_watermark(state: State, order: Order, number: int) -> None:
    """Copy the index's watermark to the leg, where snapshots and the next arming find it."""
    for entry in state.entries.get((order.id, number), ()):
        if isinstance(entry, TrailEntry):
            order.legs[number].watermark = entry.channel.watermark(entry)


def _drop(state: State, key: tuple[str, int]) -> None:
    for entry in state.entries.pop(key, ()):
        entry.channel.drop(entry)


def trigger_level(state: State, order: Order, number: int) -> int | None:
    """Where the leg triggers now, in its channel's units."""
    for entry in state.entries.get((order.id, number), ()):
        level = entry.channel.level(entry)
        if level is not None:
            return level
    return None


def through(state: State, order: Order, number: int) -> tuple[Channel, int] | None:
    """Whether the market is already at or beyond what the armed leg waits for."""
    leg = order.legs[number]
    view = state.markets[leg.terms.instrument]
    for entry in state.entries.get((order.id, number), ()):
        level = entry.channel.level(entry)
        if level is None:
            continue
        for name, known in view.channels.items():
            price = view.price(name)
            if known is not entry.channel or price is None:
                continue
            if isinstance(entry, TrailEntry):
                hit = price <= level if entry.selling else price >= level
            else:
                hit = price >= level if entry.rising else price <= level
            if hit:
                return name, price
    return None


def activates(leg: Leg) -> bool:
    """Whether what the leg waits for is only its activation price."""
    return leg.terms.type in TRAILS and leg.terms.activation_price is not None and not leg.active


def is_stop(leg: Leg) -> bool:
    return leg.terms.type in STOPS
