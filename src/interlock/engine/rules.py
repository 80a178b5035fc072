"""Rules: amendments that make themselves when a leg has filled.

Decides whether a rule can ever apply, and what it changes when it fires. A rule fires once and
goes through the same checks as a trader's amend; refused, it is told of and the leg stays.
"""

from interlock.engine import changes, checks, conditions, scope
from interlock.engine.legterms import price_term, quantity_units, span
from interlock.engine.order import Order
from interlock.engine.refusal import Refused, refuse
from interlock.engine.state import State
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders.commands import PlaceOrder
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.terms import OrderTerms, RuleChange, RuleTerms
from interlock.orders.tree import RULES_MAX, LegChange


def compiled(state: State, place: PlaceOrder, terms: OrderTerms) -> tuple[RuleTerms, ...]:
    """The order's rules in whole increments."""
    if len(place.rules) > RULES_MAX:
        refuse(
            RejectCode.TREE_TOO_WIDE,
            "rules",
            f"An order has at most {RULES_MAX} rules (RULES_MAX).",
        )
    ids = {leg.id: number for number, leg in enumerate(terms.legs)}
    out = []
    for index, rule in enumerate(place.rules):
        path = f"rules[{index}]"
        trigger = _leg(ids, rule.when.leg_filled, f"{path}.when.leg_filled")
        if not rule.amend:
            refuse(RejectCode.RULE_INVALID, f"{path}.amend", "A rule must change something.")
        out.append(
            RuleTerms(
                trigger,
                tuple(
                    _change(state, terms, ids, name, change, f"{path}.amend.{name}")
                    for name, change in rule.amend.items()
                ),
            )
        )
    return tuple(out)


def _leg(ids: dict[str, int], name: str, path: str) -> int:
    if name not in ids:
        refuse(
            RejectCode.LEG_UNKNOWN,
            path,
            f"This order has no leg {name!r}.",
            f"Its legs are {', '.join(ids)}.",
        )
    return ids[name]


def _change(
    state: State,
    terms: OrderTerms,
    ids: dict[str, int],
    name: str,
    change: LegChange,
    path: str,
) -> RuleChange:
    number = _leg(ids, name, path)
    leg = terms.legs[number]
    grid = state.markets[leg.instrument].grid
    if change.when is not None:
        refuse(RejectCode.RULE_INVALID, f"{path}.when", "A rule can't change a condition.")
    changes.check_fields(leg, change, path)
    has_entry = scope.entry_of(checks.sketch(terms), number) is not None
    values = {
        field: price_term(grid, value, f"{path}.{field}", has_entry, None)
        for field in ("price", "trigger_price", "activation_price")
        if (value := getattr(change, field)) is not None
    }
    spans = {
        field: span(grid, value, f"{path}.{field}", False)
        for field in ("trail", "limit_offset")
        if (value := getattr(change, field)) is not None
    }
    quantity = (
        None
        if change.quantity is None
        else quantity_units(grid, change.quantity, f"{path}.quantity")
    )
    return RuleChange(
        number,
        price=values.get("price"),
        trigger_price=values.get("trigger_price"),
        trail=spans.get("trail"),
        activation_price=values.get("activation_price"),
        limit_offset=spans.get("limit_offset"),
        quantity=quantity,
    )


def fire_due(turn: Turn, order: Order) -> bool:
    """Fire every rule whose leg has filled; whether any did."""
    fired = False
    for index, rule in enumerate(order.terms.rules):
        if order.fired >> index & 1 or not conditions.leg_filled(order, rule.leg):
            continue
        fired = True
        try:
            made = [
                changes.changed(turn.state, order, c.leg, changes.values_of(c), "rule")
                for c in rule.changes
            ]
            made = changes.with_exits(order, made)
            changes.check_risk(turn.state, order, made, turn.at)
        except Refused as refused:
            _refused(turn, order, index, rule, refused.reject)
            continue
        turn.emit(f.RuleFired(turn.at, order.id, index))
        turn.emit(f.OrderAmended(turn.at, order.id, order.version + 1, tuple(made), "rule"))
    return fired


def _refused(turn: Turn, order: Order, index: int, rule: RuleTerms, reject: Reject) -> None:
    turn.emit(f.RuleFired(turn.at, order.id, index, reject))
    turn.incident(
        order, f.IncidentKind.RULE_REFUSED, rule.changes[0].leg, str(reject), f"rules[{index}]"
    )
