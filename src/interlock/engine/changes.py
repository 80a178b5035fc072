"""Changes: a live order is changed in place, under the same ids.

Decides whether an amend may be, and what the leg's terms are afterwards. Checks run before
anything is touched: a refused amend leaves the leg exactly as it was. Invariant: a claimed or
frozen leg, a done leg and a stop moved through the market are refused with the reason.
"""

from typing import Any

from msgspec.structs import asdict, replace

from interlock.engine import checks, gating, legterms, prices, scope, whens
from interlock.engine.order import STOPS, Leg, Order
from interlock.engine.refusal import Refused, refuse
from interlock.engine.state import State
from interlock.engine.turn import Turn
from interlock.engine.wants import exits_of
from interlock.orders import facts as f
from interlock.orders.commands import Accepted, AmendOrder
from interlock.orders.legs import LegType
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.terms import Change, LegTerms, RuleChange
from interlock.orders.tree import LegChange

FIELDS = {
    LegType.MARKET: (),
    LegType.LIMIT: ("price",),
    LegType.STOP: ("trigger_price",),
    LegType.STOP_LIMIT: ("trigger_price", "price"),
    LegType.MARKET_IF_TOUCHED: ("trigger_price",),
    LegType.LIMIT_IF_TOUCHED: ("trigger_price", "price"),
    LegType.TRAILING_STOP: ("trail", "activation_price"),
    LegType.TRAILING_STOP_LIMIT: ("trail", "activation_price", "limit_offset"),
}
ANY = ("quantity", "when")


def amend(turn: Turn, order: Order, command: AmendOrder) -> None:
    """Change legs of a live order, all of them or none."""
    if command.if_version is not None and command.if_version != order.version:
        turn.answer = Reject(
            RejectCode.VERSION_MISMATCH,
            "if_version",
            f"The order is at version {order.version}, not {command.if_version}.",
            "Look at it again and decide anew.",
        )
        return
    if not command.legs:
        turn.answer = Reject(RejectCode.MISSING_FIELD, "legs", "An amend names a leg.")
        return
    ids = {leg.terms.id: number for number, leg in enumerate(order.legs)}
    made: list[Change] = []
    try:
        for name, change in command.legs.items():
            if name not in ids:
                refuse(
                    RejectCode.LEG_UNKNOWN,
                    f"legs.{name}",
                    f"The order has no leg {name!r}.",
                    f"Its legs are {', '.join(ids)}.",
                )
            values = read(turn.state, order, ids[name], change, f"legs.{name}")
            made.append(changed(turn.state, order, ids[name], values, "trader"))
        made = with_exits(order, made)
        check_risk(turn.state, order, made, turn.at)
    except Refused as refused:
        turn.answer = refused.reject
        return
    turn.emit(f.OrderAmended(turn.at, order.id, order.version + 1, tuple(made), "trader"))
    turn.answer = Accepted(order.id, order.version)
    turn.touch(order)


def check_risk(state: State, order: Order, made: list[Change], at: int) -> None:
    """Refuse changes that a risk gate does not let pass."""
    legs = [leg.terms for leg in order.legs]
    for change in made:
        legs[change.leg] = change.terms
    gating.check_amend(state, order, legs, at)


def with_exits(order: Order, made: list[Change]) -> list[Change]:
    """The changes, and with an entry's new quantity that of its exits: they keep their share.

    Without it an entry that grows would leave bare what its exits were not made for.
    """
    legs = [leg.terms for leg in order.legs]
    for change in made:
        legs[change.leg] = change.terms
    named = {change.leg: change for change in made}
    if all(terms.quantity == order.legs[n].terms.quantity for n, terms in enumerate(legs)):
        return made
    for number, relation in enumerate(order.relations):
        if relation.kind != "oto":
            continue
        first = relation.children[0]
        before = scope.whole(order, first)
        after = scope.whole(Order(order.terms, [Leg(terms) for terms in legs], 0), first)
        begin: dict[int, int] = {}
        for leg in exits_of(order, number) if before != after else ():
            if leg in named or order.legs[leg].ended:
                continue
            old = order.legs[leg].terms
            beside = next((r for r, one in enumerate(order.relations) if leg in one.children), -1)
            if beside < 0 or order.relations[beside].kind != "all":
                beside = -1 - leg
            start = begin.get(beside, 0)
            end = begin[beside] = start + old.quantity  # running sums: no lot is lost or added
            quantity = max(1, order.legs[leg].cum, end * after // before - start * after // before)
            legs[leg] = replace(old, quantity=quantity)
            named[leg] = Change(leg, legs[leg])
    return list(named.values())


def check_fields(leg: LegTerms, change: LegChange, path: str) -> None:
    """A change may only name what the leg's type has."""
    allowed = FIELDS[leg.type] + ANY
    for field, value in asdict(change).items():
        if value is not None and field not in allowed:
            refuse(
                RejectCode.NOT_AMENDABLE,
                f"{path}.{field}",
                f"A {leg.type} has no {field} to change.",
                f"It has {', '.join(allowed)}.",
            )


def read(state: State, order: Order, number: int, change: LegChange, path: str) -> dict[str, Any]:
    """A trader's change in whole increments."""
    leg = order.legs[number].terms
    check_fields(leg, change, path)
    grid = state.markets[leg.instrument].grid
    has_entry = scope.entry_of(order, number) is not None
    out: dict[str, Any] = {}
    for field in ("price", "trigger_price", "activation_price"):
        value = getattr(change, field)
        if value is not None:
            out[field] = legterms.price_term(grid, value, f"{path}.{field}", has_entry, None)
    for field in ("trail", "limit_offset"):
        value = getattr(change, field)
        if value is not None:
            out[field] = legterms.span(grid, value, f"{path}.{field}", False)
    if change.quantity is not None:
        out["quantity"] = legterms.quantity_units(grid, change.quantity, f"{path}.quantity")
    if change.when is not None:
        ids = {one.terms.id: n for n, one in enumerate(order.legs)}
        out["when"] = whens.compile_when(state, change.when, leg, ids, f"{path}.when")
    return out


def values_of(change: RuleChange) -> dict[str, Any]:
    """A rule's change as the fields it sets."""
    return {
        field: getattr(change, field)
        for field in change.__struct_fields__
        if field != "leg" and getattr(change, field) is not None
    }


def changed(state: State, order: Order, number: int, values: dict[str, Any], by: str) -> Change:
    """The leg's new terms, if it may have them now."""
    leg = order.legs[number]
    path = f"legs.{leg.terms.id}"
    _may_change(order, number, path)
    terms = replace(leg.terms, **values)
    grid = state.markets[terms.instrument].grid
    if "quantity" in values:
        _check_quantity(order, number, terms, path)
    if "when" in values:
        legs = [one.terms for one in order.legs]
        legs[number] = terms
        checks.cycles(replace(order.terms, legs=tuple(legs)), [])
    view = state.markets[terms.instrument]
    for field in ("price", "trigger_price"):
        level = prices.resolve(order, number, getattr(terms, field)) if field in values else None
        if level is None:
            continue
        legterms.check_band(grid, level, view.reference(), f"{path}.{field}")
        if not terms.reduce_only:
            where = "limit" if field == "price" else "stop price"
            legterms.check_notional(grid, level, terms.quantity, f"{path}.{field}", where)
        if field == "trigger_price" and terms.type in STOPS and not leg.triggered:
            channel = prices.channel_of(terms.trigger_by, terms.side)
            price = view.price(channel)
            at = prices.in_channel(channel, level)
            if price is not None and (price >= at if terms.side > 0 else price <= at):
                refuse(
                    RejectCode.STOP_THROUGH_MARKET,
                    f"{path}.{field}",
                    f"The market is at {grid.price_text(view.reference() or level)}, "
                    f"already through {grid.price_text(level)}; the leg stays as it was.",
                    "Send a level the market has not reached, or close the position.",
                )
    return Change(number, terms)


def _may_change(order: Order, number: int, path: str) -> None:
    leg = order.legs[number]
    name = leg.terms.id
    if leg.ended:
        refuse(RejectCode.LEG_DONE, path, f"{name} is {leg.state} already.")
    if order.winding or leg.canceling:
        refuse(RejectCode.LEG_DONE, path, f"{name} is being canceled.")
    if leg.terms.system:
        refuse(RejectCode.NOT_AMENDABLE, path, f"{name} is Interlock's own.")
    for relation, child in scope.chain(order, number):
        holder = order.claims.get(relation)
        if holder is None:
            continue
        if holder == number and not order.legs[holder].cum:
            refuse(
                RejectCode.LEG_CLAIMED,
                path,
                f"{name} holds the claim and is on its way to the market.",
                "Cancel it, or wait for its end.",
            )
        if holder not in scope.legs_under(order, child):
            refuse(
                RejectCode.LEG_FROZEN,
                path,
                f"{name} is frozen: {order.legs[holder].terms.id} holds the claim.",
                "Wait until the claim is released.",
            )
    if leg.triggered and leg.terms.type is not LegType.LIMIT and leg.venue is not None:
        refuse(
            RejectCode.LEG_CLAIMED,
            path,
            f"{name} has triggered and is at the venue.",
            "Cancel it, or wait for its end.",
        )


def _check_quantity(order: Order, number: int, terms: LegTerms, path: str) -> None:
    leg = order.legs[number]
    if terms.quantity < leg.cum:
        refuse(
            RejectCode.NOT_AMENDABLE,
            f"{path}.quantity",
            "More than that has filled already.",
            "Cancel the leg to stop it where it is.",
        )
    entry = scope.entry_of(order, number)
    if entry is not None and terms.exits and terms.quantity > scope.whole(order, entry):
        refuse(
            RejectCode.SHARES_EXCEED_WHOLE,
            f"{path}.quantity",
            "It would exit more than the entry brings.",
        )
