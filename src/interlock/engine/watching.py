"""Watching: what a tick does.

Decides which legs a price makes due, and in which order they are looked at. Invariants: a zero,
one-sided, crossed, locked or stale price fires nothing; on one tick a protective stop comes before
a target, else the leg listed first; a tick that triggers nothing changes nothing but the view.
"""

from heapq import heappop

from interlock.engine import arming, feeds, firing
from interlock.engine.entries import Entry, LevelEntry, Touched, TrailEntry
from interlock.engine.order import NEVER, TRAILS, Order
from interlock.engine.state import MarketView
from interlock.engine.triggers import TriggerChannel, split_atom
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.facts import Channel
from interlock.orders.ticks import Depth, Index, Mark, Quote, Tick, Trade

Touch = tuple[Order, int, Entry | None, Channel, int]
"""An order, its leg (or atom), what was touched (nothing for a volume), and the price there is."""


def watch(turn: Turn, tick: Tick) -> None:
    """Take in one tick."""
    view = turn.state.markets.get(tick.instrument)
    if view is None or turn.at - tick.at > turn.state.settings.stale_after_ns:
        return
    if view.feed is not None:
        feeds.seen(turn, view, view.feed, tick)
    if isinstance(tick, Trade):
        if tick.at < view.last_at or tick.price <= 0:
            return
        view.last_at = tick.at
        view.last = tick.price
        view.volume += tick.quantity
        touches = look(turn, view, Channel.LAST, tick.price)
        if view.volume >= view.volume_next:
            touches += _volume(turn, view)
        fire_all(turn, touches)
    elif isinstance(tick, Quote):
        quote(turn, view, tick.at, tick.bid, tick.ask)
    elif isinstance(tick, Depth):
        if tick.bids and tick.asks:
            quote(turn, view, tick.at, tick.bids[0][0], tick.asks[0][0])
    elif isinstance(tick, (Mark, Index)):
        if tick.price <= 0:
            return
        channel = Channel.MARK if isinstance(tick, Mark) else Channel.INDEX
        view.marks[channel] = tick.price
        fire_all(turn, look(turn, view, channel, tick.price))
    view.fresh = False


def quote(turn: Turn, view: MarketView, at: int, bid: int, ask: int) -> None:
    """Both sides of a sound quote; anything else only clears what was known."""
    if at < view.quote_at:
        return
    view.quote_at = at
    view.bid, view.ask = bid, ask
    if 0 < bid < ask:
        shown = ((Channel.BID, bid), (Channel.ASK, ask), (Channel.MID, bid + ask))
        fire_all(turn, [touch for name, price in shown for touch in look(turn, view, name, price)])


def look(turn: Turn, view: MarketView, name: Channel, price: int) -> list[Touch]:
    """What one price on one channel touches; the first lines are the quiet tick."""
    channel = view.channels.get(name)
    if channel is None or channel.low < price < channel.high:
        return []
    entries = confirmed(turn, channel, price)  # first: what it puts back may ratchet on this price
    if channel.ratchets(price):
        turn.emit(f.WatermarkMoved(turn.at, view.grid.symbol, name, price))
    for entry in channel.touched(price):
        if not _waits_to_confirm(turn, channel, entry):
            entries.append(entry)
    channel.bound()
    found: list[Touch] = []
    for entry in entries:
        order = turn.state.orders.get(entry.order_id)
        if order is not None:
            found.append((order, entry.leg, entry, name, price))
    return found


def fire_all(turn: Turn, touches: list[Touch]) -> None:
    """Everything one tick touched, on whatever channel, in the one right order: what it makes of
    conditions first, then the legs that are due, whether by their price or by their condition."""
    due: list[Touch] = []
    for touch in sorted(touches, key=_as_accepted):  # the order in which they will be settled
        order, code, _, name, price = touch
        turn.touched.pop(order.id, None)  # a block lifted on this tick must not send it first
        turn.touch(order)
        if code >= 0:
            due.append(touch)
            continue
        number, _ = split_atom(code)
        firing.look_again(turn, order, number)
        due.append((order, number, None, name, price))
    for touch in sorted(due, key=_rank):
        _touch(turn, *touch)


def _as_accepted(touch: Touch) -> str:
    return touch[0].id


def _rank(touch: Touch) -> tuple[str, tuple[int, int]]:
    """Orders as accepted; in an order stops, then as listed."""
    return (touch[0].id, firing.rank(touch[0], touch[1]))


def _touch(
    turn: Turn, order: Order, number: int, entry: Entry | None, name: Channel, price: int
) -> None:
    if entry is None:  # its condition has changed
        firing.if_due(turn, order, number)
        return
    leg = order.legs[number]
    if not leg.armed or (leg.terms.when is not None and not leg.holds):
        return  # an earlier touch of this tick froze it, or ended its condition
    if leg.terms.type in TRAILS and isinstance(entry, LevelEntry):
        if arming.activates(leg):  # else its condition, changed by this tick, has activated it
            turn.emit(f.TrailActivated(turn.at, order.id, number, price))
        return
    level = turn.state.channel(leg.terms.instrument, name).level(entry)
    firing.fire(turn, order, number, str(name), price, level)


def _waits_to_confirm(turn: Turn, channel: TriggerChannel, entry: Entry) -> bool:
    """Whether one touch is not enough for this leg; then it is watched from now on."""
    order = turn.state.orders.get(entry.order_id)
    if order is None or entry.leg < 0:
        return False
    leg = order.legs[entry.leg]
    if leg.terms.confirm_ticks <= 1 and not leg.terms.confirm_ns:
        return False
    if arming.activates(leg):
        return False
    channel.confirming[entry.key] = Touched(entry, turn.at)
    if leg.terms.confirm_ns:
        turn.wake_at(order, turn.at + leg.terms.confirm_ns)
    return True


def confirmed(turn: Turn, channel: TriggerChannel, price: int) -> list[Entry]:
    """Legs whose touch this price confirms; a price back inside starts them over."""
    out: list[Entry] = []
    for key, touch in list(channel.confirming.items()):
        order = turn.state.orders.get(key[0])
        if order is None:
            channel.confirming.pop(key)
            continue
        terms = order.legs[key[1]].terms
        if not beyond(channel, touch.entry, price):
            channel.confirming.pop(key)
            arming.arm(turn.state, order, key[1])
            continue
        touch.times += 1
        long_enough = terms.confirm_ns and turn.at - touch.since >= terms.confirm_ns
        often_enough = terms.confirm_ticks and touch.times >= terms.confirm_ticks
        if long_enough or often_enough:
            channel.confirming.pop(key)
            out.append(touch.entry)
    return out


def beyond(channel: TriggerChannel, entry: Entry, price: int) -> bool:
    """Whether a price agrees with a touch."""
    level = channel.level(entry)
    if level is None:
        return False
    if isinstance(entry, TrailEntry):
        return price <= level if entry.selling else price >= level
    return price >= level if entry.rising else price <= level


def confirm_by_time(turn: Turn, order: Order) -> None:
    """A touch that has lasted long enough, though no further tick came."""
    for number, leg in enumerate(order.legs):
        if not (leg.armed and leg.terms.confirm_ns):
            continue
        view = turn.state.markets[leg.terms.instrument]
        for name, channel in view.channels.items():
            touch = channel.confirming.get((order.id, number))
            price = view.price(name)
            if touch is None or price is None:
                continue
            lasted = turn.at - touch.since >= leg.terms.confirm_ns
            if lasted and beyond(channel, touch.entry, price):
                channel.confirming.pop(touch.entry.key)
                channel.bound()
                level = channel.level(touch.entry)
                firing.fire(turn, order, number, str(name), price, level)
                break


def _volume(turn: Turn, view: MarketView) -> list[Touch]:
    """Volume conditions that have been reached."""
    turn.emit(f.VolumeCounted(turn.at, view.grid.symbol, view.volume))
    found: list[Touch] = []
    while view.volume_waits and view.volume_waits[0][0] <= view.volume:
        _, key = heappop(view.volume_waits)
        order = turn.state.orders.get(key[0])
        if order is not None:
            found.append((order, key[1], None, Channel.LAST, view.last))
    view.volume_next = view.volume_waits[0][0] if view.volume_waits else NEVER
    return found
