"""The state's digest and image: what a snapshot holds, and what two states are compared by.

Decides what belongs to the state. Invariant: a state restored from its image, or folded anew from
its facts, has the same digest; prices, timers and touches being confirmed are not part of it.
"""

import hashlib

import msgspec
from msgspec.structs import replace

from interlock.engine import arming, deadlines, feedwatch, sessions, tally
from interlock.engine.image import IMAGE_FORMAT, Image, LimitedImage, MarketImage
from interlock.engine.order import NEVER, Order
from interlock.engine.settings import Settings
from interlock.engine.signalbook import SignalState
from interlock.engine.state import MarketView, State
from interlock.orders.facts import OrderAccepted
from interlock.orders.grid import Grid
from interlock.orders.ids import order_number
from interlock.risk.holding import Holding
from interlock.risk.limited import Limited
from interlock.risk.rate import Rate


class OtherImage(ValueError):
    """The bytes are an image of another format: the facts have to be folded instead."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Image)
_ACCEPTANCE = msgspec.msgpack.Decoder(OrderAccepted)


def image(state: State) -> bytes:
    """The state as bytes, for a snapshot."""
    return _ENCODER.encode(_image(state, _plain(state, state.orders.living()), state.orders.kept()))


def digest(state: State) -> str:
    """A short name for everything the state holds, however its orders are kept."""
    hasher = hashlib.blake2b(_ENCODER.encode(_image(state, [], [])), digest_size=16)
    for order in state.orders.sketches():
        marks = state.orders.watermarks(order.id)
        for leg, mark in zip(order.legs, marks, strict=False):
            leg.watermark = mark
        for one in _plain(state, [order]):
            hasher.update(_ENCODER.encode(one))
    return hasher.hexdigest()


def _plain(state: State, orders: list[Order]) -> list[Order]:
    """Orders without what recovery asks for anew, and with watermarks as the index knows them."""
    for order in orders:
        for number, leg in enumerate(order.legs):
            if leg.armed:
                arming.keep_watermark(state, order, number)
    return [replace(order, wake=NEVER) for order in orders]


def _image(
    state: State, orders: list[Order], waiting: list[tuple[bytes, tuple[int | None, ...]]]
) -> Image:
    return Image(
        IMAGE_FORMAT,
        state.seq,
        state.now,
        state.epoch,
        state.started_at,
        [_market(view) for view in state.markets.values()],
        state.capabilities,
        state.down,
        orders,
        waiting,
        sorted(state.orders.forgotten()),
        state.signals,
        list(state.positions_seen.values()),
        [(*key, value) for key, value in state.net.items()],
        list(state.answered.values()),
        [_limited(one) for one in state.risk.limited.values()],
        list(state.risk.blocks.values()),
        [
            (*key, one.net, one.basis, one.realised)
            for key, one in sorted(state.risk.holdings.items())
        ],
        list(state.risk.countdowns.values()),
        [(*key, order_id) for key, order_id in state.risk.probes.items()],
        state.risk.gone,
        [
            (name, one.rules, one.at, one.frozen_at, one.sound, one.heard)
            for name, one in state.signal_book.items()
        ],
        list(state.thoughts.values()),
    )


def _market(view: MarketView) -> MarketImage:
    told = view.halted, view.counted, view.delisted
    return MarketImage(view.grid.instrument, *told, view.calendar, view.hours)


def _limited(one: Limited) -> LimitedImage:
    rates = (one.placed.image(), one.sent.image(), one.canceled.image())
    days = (one.baseline, one.day_ends)
    return LimitedImage(one.scope, one.limits, *rates, *days, one.breakers.image(), one.margin_low)


def restore(data: bytes, settings: Settings | None = None) -> State:
    """The state of an image, its trigger index and wake-ups built anew."""
    try:
        found = _DECODER.decode(data)
    except msgspec.ValidationError as error:
        raise OtherImage(str(error)) from error
    if found.format != IMAGE_FORMAT:
        raise OtherImage(f"an image of format {found.format}, and this is {IMAGE_FORMAT}")
    state = State(settings)
    state.seq, state.now, state.epoch = found.seq, found.now, found.epoch
    state.started_at = found.started_at
    state.capabilities = found.capabilities
    state.down = found.down
    state.signals = found.signals
    for known in found.instruments:
        symbol = known.instrument.symbol
        view = state.markets[symbol] = MarketView(Grid(known.instrument))
        view.halted, view.delisted = known.halted, known.delisted
        view.calendar, view.hours = known.calendar, known.hours
        view.counted = view.volume = known.counted
    for gone in found.forgotten:
        state.orders.remember(*gone)
    for seen in found.positions_seen:
        key = (seen.account, seen.instrument, str(seen.position_side or ""))
        state.positions_seen[key] = seen
    for account, name, side, quantity in found.net:
        state.net[(account, name, side)] = quantity
    for answered in found.answered:
        state.answered[(answered.caller, answered.key)] = answered
    for acceptance, marks in found.waiting:
        fact = _ACCEPTANCE.decode(acceptance)
        entries = arming.at_once(state, fact, marks)
        state.orders.keep(fact.terms, order_number(fact.terms.id), entries, acceptance)
    for order in found.orders:
        state.orders.add(order)
        for number, leg in enumerate(order.legs):
            if leg.armed:
                arming.arm(state, order, number)
        deadlines.schedule(state, order, state.now)
    _restore_risk(state, found)
    return state


def _restore_risk(state: State, found: Image) -> None:
    """Limits and positions as they were, and what live orders add to them counted anew."""
    risk = state.risk
    for account, instrument, side, tag, net, basis, realised in found.holdings:
        risk.holdings[(account, instrument, side, tag)] = Holding(net, basis, realised)
    for block in found.blocks:
        risk.blocks[(block.cause, block.name)] = block
    for one in found.limited:
        risk.limit(one.scope, one.limits)
        tally.begin(state, one.scope)
        limited = risk.limited[one.scope]
        limited.placed, limited.sent = Rate(*one.placed), Rate(*one.sent)
        limited.canceled = Rate(*one.canceled)
        limited.begin_day(one.baseline, one.day_ends)
        limited.breakers.restore(one.breakers)
        limited.margin_low = one.margin_low
    risk.days()
    for countdown in found.countdowns:
        risk.countdowns[countdown.name] = countdown
    for cause, name, order_id in found.probes:
        risk.probes[(cause, name)] = order_id
    risk.gone = found.gone
    for asked in found.thoughts:
        state.thoughts[asked.token] = asked
    for name, rules, at, frozen_at, sound, heard in found.signal_book:
        known = state.signal_book[name] = SignalState(rules)
        known.at, known.frozen_at, known.sound, known.heard = at, frozen_at, sound, heard
    feedwatch.watch_all(state, state.now)
    idle = risk.quiet and not risk.countdowns and not state.signal_book
    risk.look_at = 0 if idle and not sessions.any_timed(state) else 1
