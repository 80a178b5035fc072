"""Endings: what follows when a venue order ends otherwise than filled or recalled.

Decides between sending again, going on as a market order, giving up loudly, and letting a leg end,
as its part in the order and ``on_exit_reject`` say. Invariants: attempts are bounded; a refused
stop is never dropped while its sibling is thrown away; a lost exit is always told of (I8).
"""

from interlock.engine import firing
from interlock.engine.order import SENDS_MARKET, Order
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.legs import TimeInForce
from interlock.orders.requests import QueryPosition
from interlock.orders.tree import OnExitReject

LATER = (r.VenueReject.RATE_LIMITED, r.VenueReject.HALTED, r.VenueReject.TOO_LATE)
"""Refusals that say nothing against the order itself: it is sent again."""
LATER_MAX = 20


def after_fill(turn: Turn, order: Order, number: int) -> None:
    """A fill shows that the venue takes this leg: its refusals are forgiven."""
    for kind in (f.IncidentKind.NAKED_POSITION, f.IncidentKind.EXIT_REJECTED):
        if f"{kind}:{number}" in order.incidents:
            turn.emit(f.IncidentClosed(turn.at, order.id, kind, number, "it has filled after all"))


def after_reject(turn: Turn, order: Order, number: int, report: r.Rejected) -> None:
    """The venue refused to take the leg."""
    leg = order.legs[number]
    detail = str(report.code) + (f": {report.detail}" if report.detail else "")
    if report.code is r.VenueReject.REDUCE_ONLY:
        turn.requests.append(QueryPosition(order.terms.account, leg.terms.instrument))
    if report.code in LATER and leg.retries < LATER_MAX:
        again(turn, order, number, detail, report.retry_at)
        return
    through = report.code is r.VenueReject.WOULD_TRIGGER and leg.protective
    failed(turn, order, number, detail, at_once=through)


def failed(turn: Turn, order: Order, number: int, detail: str, at_once: bool = False) -> None:
    """The leg came back without having traded what it should."""
    leg = order.legs[number]
    if leg.terms.system:
        _system_failed(turn, order, number, detail)
        return
    if not leg.terms.exits:
        turn.emit(f.LegDone(turn.at, order.id, number, "rejected", leg.cum, detail))
        return
    policy = order.terms.policy.on_exit_reject
    if f"{f.IncidentKind.EXIT_REJECTED}:{number}" not in order.incidents:
        turn.incident(
            order, f.IncidentKind.EXIT_REJECTED, number, detail, f"on_exit_reject={policy}", 1
        )
    settings = turn.state.settings
    market = leg.escalated or (leg.triggered and leg.terms.type in SENDS_MARKET)
    if policy is OnExitReject.ALERT:
        give_up(turn, order, number, detail)
    elif market and leg.protective:
        if leg.retries < settings.market_retries_max:
            again(turn, order, number, detail)
        else:
            give_up(turn, order, number, detail)
    elif leg.protective and (
        at_once or policy is OnExitReject.MARKET or leg.retries >= settings.retries_max
    ):
        _to_market(turn, order, number, detail)
    elif leg.retries < settings.retries_max:
        again(turn, order, number, detail)
    else:
        give_up(turn, order, number, detail)


def _to_market(turn: Turn, order: Order, number: int, detail: str) -> None:
    """A stop is due that the venue was to watch: it claims as one that fires here, or its market
    order would work beside a target for the same quantity."""
    turn.emit(f.LegEscalated(turn.at, order.id, number, detail))
    firing.claim(turn, order, number)


def give_up(turn: Turn, order: Order, number: int, detail: str) -> None:
    """The leg ends refused; what it leaves bare is told by ``corrections.finish``."""
    cum = order.legs[number].cum
    turn.emit(f.LegDone(turn.at, order.id, number, "rejected", cum, f"lost: {detail}"))


def _system_failed(turn: Turn, order: Order, number: int, detail: str) -> None:
    leg = order.legs[number]
    if leg.retries < turn.state.settings.market_retries_max:
        again(turn, order, number, detail)
        return
    turn.incident(
        order,
        f.IncidentKind.FLATTEN_FAILED,
        number,
        f"{leg.terms.id}: {detail}; close it by hand",
        "market_retries_max",
        leg.terms.quantity - leg.cum,
    )
    give_up(turn, order, number, detail)


def again(
    turn: Turn, order: Order, number: int, detail: str, not_before: int | None = None
) -> None:
    """Send the leg again after a pause that doubles."""
    leg = order.legs[number]
    pause = turn.state.settings.retry_after_ns << min(leg.retries, 6)
    at = turn.at + pause if not_before is None else max(not_before, turn.at + 1)
    turn.emit(f.LegRetrying(turn.at, order.id, number, at, detail))


def after_immediate(turn: Turn, order: Order, number: int) -> None:
    """What an immediate order could not fill was canceled by the venue."""
    leg = order.legs[number]
    if leg.protective or leg.terms.system:
        if leg.escalated or leg.terms.type in SENDS_MARKET or leg.terms.system:
            failed(turn, order, number, "the market could not fill it at once")
        else:
            _to_market(turn, order, number, "unfilled at once")
        return
    reason = f"{leg.terms.time_in_force}: the rest was not to be had"
    turn.emit(f.LegDone(turn.at, order.id, number, "canceled", leg.cum, reason))


def after_expiry(turn: Turn, order: Order, number: int) -> None:
    """The venue's clock ended the leg; declared, or a loss."""
    leg = order.legs[number]
    if leg.terms.time_in_force in (TimeInForce.DAY, TimeInForce.GTD):
        reason = "lost: expired" if leg.protective else "expired at the venue"
        turn.emit(f.LegDone(turn.at, order.id, number, "expired", leg.cum, reason))
        return
    failed(turn, order, number, "the venue let it expire")


def pulled(turn: Turn, order: Order, number: int) -> None:
    """The venue's countdown took it, since it had not heard of us in time: an entry ends with that,
    as it was meant to; an exit is wanted as before, and sent again."""
    leg = order.legs[number]
    if not leg.terms.exits:
        reason = "the venue's countdown pulled it"
        turn.emit(f.LegDone(turn.at, order.id, number, "canceled", leg.cum, reason))


def amend_refused(turn: Turn, order: Order, number: int, report: r.AmendRefused) -> None:
    """The venue kept the old order; the next look amends again or replaces."""
    leg = order.legs[number]
    turn.incident(
        order,
        f.IncidentKind.AMEND_REFUSED,
        number,
        f"{leg.terms.id} stays as it was for now: {report.code}",
    )


def after_found(turn: Turn, order: Order, number: int, report: r.OrderStatus) -> None:
    """A query told how a venue order ended while we did not hear it."""
    leg = order.legs[number]
    if leg.venue is not None:
        return
    if report.reason is r.CancelReason.COUNTDOWN:
        pulled(turn, order, number)
    elif report.status is r.VenueStatus.EXPIRED:
        after_expiry(turn, order, number)
    elif report.status is r.VenueStatus.REJECTED:
        failed(turn, order, number, "refused by the venue")
