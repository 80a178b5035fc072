"""Second thoughts: a person's request that takes protection away waits, and is asked for again.

Decides what takes protection away, and when it is carried out all the same. Invariants: a stop
that is held back from being weakened acts as ever meanwhile; nothing that reduces risk, and nothing
that a program asks, is ever delayed; every override says who and why.
"""

import hashlib
from typing import Final

import msgspec

from interlock.engine import changes, prices, winding
from interlock.engine.order import Leg, Order
from interlock.engine.protection import weaker
from interlock.engine.refusal import Refused
from interlock.engine.state import State
from interlock.engine.turn import Turn
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.documents import side_text
from interlock.orders.rejects import Reject, RejectCode, SecondThought, Weakened
from interlock.orders.terms import LegTerms

OPEN_NS: Final = 600_000_000_000
"""How long a token is good for, once it is."""
SECOND_NS: Final = 1_000_000_000
_ENCODER: Final = msgspec.msgpack.Encoder()


def hold_back(turn: Turn, keyed: c.Keyed) -> Reject | None:
    """Why a request is not carried out yet; nothing for one that is."""
    if not keyed.person:
        return None
    for order in _named(turn.state, keyed.command):
        pause = order.terms.policy.cooling_off_ns
        weakened = _weakens(turn.state, order, keyed.command) if pause else []
        if weakened:
            return _thought_over(turn, order, keyed, weakened)
    return None


def _named(state: State, command: c.Plain) -> list[Order]:
    """The live orders a request could take protection from."""
    match command:
        case c.CancelLeg() | c.AmendOrder():
            order = winding.named(state, command)
            return [] if isinstance(order, Reject) else [order]
        case c.CancelOrder() if command.exposure is c.CancelMode.RELEASE:
            order = winding.named(state, command)
            return [] if isinstance(order, Reject) else [order]
        case c.CancelOrders() if command.exposure is c.CancelMode.RELEASE:
            return [one for one in state.orders.living() if winding.matches(one, command)]
    return []


def _weakens(state: State, order: Order, command: c.Plain) -> list[Weakened]:
    """The protective stops it would move away, make smaller or take away."""
    out = []
    for number, leg in enumerate(order.legs):
        if not leg.protective or leg.ended or leg.canceling:
            continue
        name = leg.terms.id
        if isinstance(command, c.CancelLeg):
            if command.leg == name:
                out.append(_shown(state, order, number, None))
        elif isinstance(command, c.AmendOrder):
            if name in command.legs:
                after = _amended(state, order, number, command)
                if after is not None and weaker(order, number, after):
                    out.append(_shown(state, order, number, after))
        else:
            out.append(_shown(state, order, number, None))
    return out


def _amended(state: State, order: Order, number: int, command: c.AmendOrder) -> LegTerms | None:
    """The stop's terms after the amend; nothing for one that will be refused anyway."""
    change = command.legs[order.legs[number].terms.id]
    try:
        values = changes.read(state, order, number, change, "")
        return changes.changed(state, order, number, values, "trader").terms
    except Refused:
        return None


def _level(order: Order, leg: Leg, number: int, terms: LegTerms) -> int | None:
    if terms is leg.terms and leg.armed_level is not None:
        return leg.armed_level
    return prices.resolve(order, number, terms.trigger_price)


def _shown(state: State, order: Order, number: int, after: LegTerms | None) -> Weakened:
    leg = order.legs[number]
    terms = leg.terms
    grid = state.markets[terms.instrument].grid
    quantity = leg.armed_quantity or terms.quantity
    level = _level(order, leg, number, terms)
    later = None if after is None else _level(order, leg, number, after)
    kept = 0 if after is None else min(quantity, after.quantity)
    return Weakened(
        terms.id,
        terms.instrument,
        side_text(terms.side),
        grid.quantity_text(quantity),
        None if level is None else grid.price_text(level),
        None if later is None else grid.price_text(later),
        grid.quantity_text(kept),
    )


def _thought_over(
    turn: Turn, order: Order, keyed: c.Keyed, weakened: list[Weakened]
) -> Reject | None:
    """Hold it back, unless it was, and has been thought over."""
    digest = hashlib.blake2b(_ENCODER.encode(keyed.command), digest_size=8).hexdigest()
    known = [
        (token, asked)
        for token, asked in turn.state.thoughts.items()
        if asked.order_id == order.id and asked.digest == digest and turn.at <= asked.until
    ]
    if known:
        token, asked = known[-1]
        if keyed.second_thought == token and asked.valid_from <= turn.at:
            turn.emit(f.SecondThoughtTaken(turn.at, order.id, token, keyed.caller, keyed.why))
            return None
    else:
        token = f"t{turn.state.seq + 1:x}"
        valid_from = turn.at + order.terms.policy.cooling_off_ns
        names = ", ".join(one.leg for one in weakened)
        asked = f.SecondThoughtAsked(
            *(turn.at, order.id, token, digest, valid_from, valid_from + OPEN_NS),
            *(keyed.caller, f"it weakens {names}"),
        )
        turn.emit(asked)
    left = max(0, -(-(asked.valid_from - turn.at) // SECOND_NS))
    return Reject(
        RejectCode.COOLING_OFF,
        "",
        f"It would weaken what protects order {order.id} ({asked.what}), and cooling_off_s is "
        f"{order.terms.policy.cooling_off_ns // SECOND_NS}.",
        f"If you still mean it in {left} s, send it again with the second thought {token}, and why."
        if left
        else f"If you still mean it, send it again with the second thought {token}, and why.",
        thought=SecondThought(token, order.id, asked.valid_from, asked.until, tuple(weakened)),
    )
