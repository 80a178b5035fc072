"""Gating: what an order, an amend or a leg asks of the risk gates, and what their answer means.

Decides how terms become figures, and whether a leg that is due goes, waits or ends. Invariants:
nothing here stops an exit that is due; what is refused names setting, figure and limit.
"""

from typing import Final

from interlock.engine import checks, margin, protection, scope, tally
from interlock.engine.branches import Leaf
from interlock.engine.order import STOPS, Order
from interlock.engine.refusal import Refused
from interlock.engine.state import State
from interlock.orders.limits import Block, Breach, Gate
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.terms import LegTerms, OrderTerms, Span
from interlock.risk.asked import Asked, AskedLeg
from interlock.risk.book import blocked

ENTRY_ADVICE: Final = "Exits are still taken: send it as reduce_only, or close the position."
CODES: Final = {
    Gate.BLOCK: RejectCode.RISK_BLOCKED,
    Gate.ALLOWED: RejectCode.RISK_NOT_ALLOWED,
    Gate.REDUCE_ONLY: RejectCode.RISK_REDUCE_ONLY,
    Gate.ORDER_QUANTITY: RejectCode.RISK_ORDER_QUANTITY,
    Gate.ORDER_NOTIONAL: RejectCode.RISK_ORDER_NOTIONAL,
    Gate.PRICE_COLLAR: RejectCode.RISK_PRICE_COLLAR,
    Gate.STOP_DISTANCE: RejectCode.RISK_STOP_DISTANCE,
    Gate.OPEN_ORDERS: RejectCode.RISK_OPEN_ORDERS,
    Gate.POSITION: RejectCode.RISK_POSITION,
    Gate.GROSS_EXPOSURE: RejectCode.RISK_GROSS_EXPOSURE,
    Gate.DAILY_LOSS: RejectCode.RISK_DAILY_LOSS,
    Gate.MARGIN: RejectCode.RISK_MARGIN,
    Gate.RATE: RejectCode.RISK_RATE,
}
WAYS_OUT: Final = {
    Gate.BLOCK: ENTRY_ADVICE,
    Gate.ALLOWED: "Send what is allowed here, or have an admin change the limits.",
    Gate.REDUCE_ONLY: ENTRY_ADVICE,
    Gate.ORDER_QUANTITY: "Send less.",
    Gate.ORDER_NOTIONAL: "Send less, or with a price.",
    Gate.PRICE_COLLAR: "Send a price nearer to the market.",
    Gate.STOP_DISTANCE: "Move the stop.",
    Gate.OPEN_ORDERS: "Cancel an order first.",
    Gate.POSITION: "Send less, or cancel other entries first.",
    Gate.GROSS_EXPOSURE: "Send less, or reduce other positions first.",
    Gate.DAILY_LOSS: "Entries are taken again when the next day begins.",
    Gate.MARGIN: "Send less, or add margin at the venue.",
    Gate.RATE: "Send it again a second later.",
}


def reject(breach: Breach, path: str) -> Reject:
    """What a gate holds against a request, as its answer."""
    rule = f"{breach.setting} of {breach.scope} is {breach.limit}; this comes to {breach.figure}."
    if breach.gate is Gate.BLOCK:
        rule = f"No new risk is taken for {breach.scope}: {breach.setting} ({breach.figure})."
    elif breach.unknown:
        rule = (
            f"{breach.setting} of {breach.scope} is {breach.limit}, "
            "and what this comes to is not known: there is no fresh price or balance."
        )
    return Reject(CODES[breach.gate], path, rule, WAYS_OUT[breach.gate], breach)


def check_new(state: State, terms: OrderTerms, leaves: list[Leaf], at: int) -> None:
    """Refuse a new order that a gate does not let pass."""
    breach = of_new(state, terms, at)
    if breach is None:
        return
    path = "order"
    if 0 <= breach.leg < len(leaves):
        path = f"{leaves[breach.leg].path}.{breach.field}".removesuffix(".")
    raise Refused(reject(breach, path))


def of_new(state: State, terms: OrderTerms, at: int) -> Breach | None:
    """What the gates hold against a new order."""
    if state.risk.quiet:
        return None
    instruments = tally.instruments_of(terms)
    parts = tally.at_first(terms)
    if parts and state.risk.blocks:
        block = _block(state, terms, instruments, placing=True)
        if block is not None:
            return blocked(block)
    scopes = state.risk.matching(terms.account, terms.tag, instruments)
    if not scopes:
        return None
    tally.refresh(state)
    asked = Asked(terms.account, terms.tag, at, _legs(state, terms))
    asked.parts = parts
    _with_margin(state, asked, instruments[0])
    breach = state.risk.breach(scopes, asked)
    if breach is None and parts:
        margin.spend(state, asked, scopes)
    return breach


def _block(
    state: State, terms: OrderTerms, instruments: tuple[str, ...], placing: bool = False
) -> Block | None:
    """The block that entries of an order in these instruments fall under."""
    name = "" if placing else terms.id
    return state.risk.block(terms.account, terms.tag, instruments, name, placing, terms.key)


def _with_margin(state: State, asked: Asked, instrument: str) -> None:
    asked.balances = margin.known(state, asked.account, instrument, asked.at)
    asked.spent = state.risk.spent.get(asked.account, 0)


def check_amend(state: State, order: Order, legs: list[LegTerms], at: int) -> None:
    """Refuse an amend to these legs that a gate does not let pass. One that takes risk away, or
    leaves it as it is, passes whatever the figures are."""
    if state.risk.quiet:
        return
    before = order.terms
    growth = _growth(order, legs)
    if growth and state.risk.blocks:
        instruments = tuple([part[0] for part in growth])
        block = _block(state, before, instruments)
        if block is not None:
            raise Refused(reject(blocked(block), "legs"))
    terms = OrderTerms(
        *(before.id, before.client_order_id, before.account, "", tuple(legs)),
        *(before.root, before.relations, before.policy, (), before.tag),
    )
    scopes = state.risk.matching(terms.account, terms.tag, tally.instruments_of(terms))
    if not scopes:
        return
    tally.refresh(state)
    changed = [n for n, leg in enumerate(legs) if _dearer(order.legs[n].terms, leg)]
    asked = Asked(
        terms.account, terms.tag, at, [one for one in _legs(state, terms) if one.number in changed]
    )
    asked.new = False
    asked.counts = not _only_tightens(order, legs)
    asked.parts = growth
    _with_margin(state, asked, terms.legs[0].instrument)
    breach = state.risk.breach(scopes, asked)
    if breach is not None:
        name = legs[max(breach.leg, 0)].id if breach.leg >= 0 else ""
        raise Refused(reject(breach, f"legs.{name}.{breach.field}".rstrip(".") if name else "legs"))


def _growth(order: Order, legs: list[LegTerms]) -> tuple[tuple[str, str, int, int], ...]:
    """By how much the amend lets entries add more to positions than before."""
    out = []
    for number, leg in enumerate(legs):
        more = leg.quantity - order.legs[number].terms.quantity
        if more > 0 and not (leg.exits or leg.reduce_only or leg.system):
            buys, sells = (more, 0) if leg.side > 0 else (0, more)
            out.append((leg.instrument, str(leg.position_side or ""), buys, sells))
    return tuple(out)


def _only_tightens(order: Order, legs: list[LegTerms]) -> bool:
    """Whether all that an amend changes are protective stops, none of them for the weaker."""
    return all(
        order.legs[n].protective and not protection.weaker(order, n, leg)
        for n, leg in enumerate(legs)
        if leg != order.legs[n].terms
    )


def _dearer(before: LegTerms, after: LegTerms) -> bool:
    """Whether a changed leg is to be judged: an entry that is to trade more, or at a worse price,
    and any exit whose levels moved."""
    if after == before:
        return False
    if after.exits or after.reduce_only:
        return True
    old, new = before.price, after.price
    worse = isinstance(old, int) and isinstance(new, int) and (new - old) * after.side > 0
    return after.quantity > before.quantity or worse or after.trigger_price != before.trigger_price


def held_to(state: State, order: Order, number: int) -> bool:
    """Whether a block keeps an entry that works from being made larger."""
    risk, leg = state.risk, order.legs[number].terms
    if not risk.blocks or leg.exits or leg.reduce_only or leg.system:
        return False
    return _block(state, order.terms, (leg.instrument,)) is not None


def at_send(
    state: State, order: Order, number: int, quantity: int, prices: tuple[int, int], at: int
) -> Breach | Block | None:
    """What holds an entry back that is due: a block it must wait for, or a breach.

    ``prices`` are the limit and the trigger it would be sent with, 0 for none.
    """
    risk, terms = state.risk, order.terms
    leg = order.legs[number].terms
    if risk.quiet or leg.exits or leg.reduce_only or leg.system:
        return None
    if risk.blocks:
        block = _block(state, terms, (leg.instrument,))
        if block is not None:
            return block if block.waits else blocked(block)
    scopes = risk.matching(terms.account, terms.tag, (leg.instrument,))
    if not scopes:
        return None
    tally.refresh(state)
    view = state.markets[leg.instrument]
    limit, trigger = prices
    one = AskedLeg(
        *(number, view.grid, leg.type, leg.side, quantity, limit, trigger),
        *(view.reference() or 0, False),
    )
    asked = Asked(terms.account, terms.tag, at, [one])
    buys, sells = (quantity, 0) if leg.side > 0 else (0, quantity)
    asked.parts = ((leg.instrument, str(leg.position_side or ""), buys, sells),)
    asked.new, asked.counted = False, True
    _with_margin(state, asked, leg.instrument)
    asked.spent = 0  # its own part is in there
    return risk.breach(scopes, asked)


def _legs(state: State, terms: OrderTerms) -> list[AskedLeg]:
    out: list[AskedLeg] = []
    for number, leg in enumerate(terms.legs):
        if leg.system:
            continue
        view = state.markets[leg.instrument]
        price, trigger = leg.price, leg.trigger_price
        limit = price if isinstance(price, int) else 0
        level = trigger if isinstance(trigger, int) else 0
        exits = leg.exits or leg.reduce_only
        one = AskedLeg(
            *(number, view.grid, leg.type, leg.side, leg.quantity, limit, level),
            *(view.reference() or 0, exits),
        )
        if exits and leg.type in STOPS:
            _measure(state, terms, leg, one)
        out.append(one)
    return out


def _measure(state: State, terms: OrderTerms, leg: LegTerms, into: AskedLeg) -> None:
    """How far a protective stop lies from what it protects."""
    into.protects = True
    order = checks.sketch(terms)
    entry = scope.entry_of(order, into.number)
    base = checks.entry_price(state, order, entry) if entry is not None else None
    into.entry = base or into.reference
    term = leg.trail if leg.trail is not None else leg.trigger_price
    if not isinstance(term, Span):
        return
    if term.bps:
        into.away_bps = abs(term.bps)
    if into.entry:  # a trail follows, at its distance; anything else lies on its own side
        away = -abs(term.at(into.entry)) if leg.trail is not None else term.at(into.entry)
        into.trigger = max(1, into.entry - leg.side * away)
