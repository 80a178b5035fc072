"""Outside hands: orders canceled or changed at the venue, positions closed by somebody else.

Decides how far Interlock follows a person (``on_outside_change``). Invariants: a cancel is never
taken for a fill; a restore is tried once, not fought over; exits never outlive the position they
protect, and a position is believed only when it was said twice.
"""

from msgspec.structs import replace

from interlock.engine import changes, endings, listing, scope
from interlock.engine.leg import LegState
from interlock.engine.order import Order
from interlock.engine.turn import Turn
from interlock.engine.wants import open_quantity
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.requests import QueryFills, QueryPosition
from interlock.orders.terms import Change
from interlock.orders.tree import OnOutsideChange

FILLS_BACK_NS = 60_000_000_000
"""How far back fills are asked for before a position that seems closed by others is believed."""


def canceled(turn: Turn, order: Order, number: int, report: r.Canceled) -> None:
    """A venue order is gone; by us, by the venue's rules, or by somebody else."""
    leg = order.legs[number]
    venue = leg.venue
    assert venue is not None
    before_start = venue.sent_at < turn.state.started_at
    ours = venue.recalled or (before_start and report.reason is r.CancelReason.REQUESTED)
    list_id = venue.list_id
    waited, from_list = scope.waited(order, number), venue.pending
    turn.emit(f.VenueOrderCanceled(turn.at, order.id, number, venue.attempt, report.reason))
    listing.ended(turn, order, number)
    match report.reason:
        case r.CancelReason.IMMEDIATE:
            endings.after_immediate(turn, order, number)
        case r.CancelReason.REDUCE_ONLY:
            turn.requests.append(QueryPosition(order.terms.account, leg.terms.instrument))
            if not ours:
                endings.failed(turn, order, number, "the venue says nothing is left to reduce")
        case r.CancelReason.OCO if ours or waited:
            pass
        case r.CancelReason.OCO if not leg.terms.exits:
            _by_somebody(turn, order, number)  # with an exit that waited for it, by another hand
        case r.CancelReason.OCO if from_list:
            listing.pair_ended(turn, order, number, list_id)
        case r.CancelReason.OCO:
            if not _pair_being_replaced(order, number, list_id):
                turn.emit(
                    f.LegDone(
                        turn.at, order.id, number, "canceled", leg.cum, "its pair at the venue won"
                    )
                )
        case r.CancelReason.COUNTDOWN if not ours:
            endings.pulled(turn, order, number)
        case _ if ours:
            pass
        case _ if waited:
            _told(turn, order, number)  # with its entry, whichever of the list was canceled
            released(turn, order, number)
        case _:
            _by_somebody(turn, order, number)


def released(turn: Turn, order: Order, number: int) -> None:
    """An exit that waited for its entry's complete fill filled or went, and the entry is live as
    far as we know: its end was not told, or not yet, and is asked for."""
    entry = scope.listed_entry(order, number)
    if entry >= 0:
        venue = order.legs[entry].venue
        assert venue is not None
        turn.query(order, entry, venue.attempt)


def _pair_being_replaced(order: Order, number: int, list_id: str) -> bool:
    """Whether the pair went because we took one leg back to change it, not because one won."""
    return bool(list_id) and any(
        not leg.ended and leg.cum == 0 and (leg.venue is None or leg.venue.recalled)
        for n, leg in enumerate(order.legs)
        if n != number and leg.attempts and not leg.terms.system
    )


def _by_somebody(turn: Turn, order: Order, number: int) -> None:
    leg = order.legs[number]
    policy = order.terms.policy.on_outside_change
    setting = _told(turn, order, number)
    if policy is OnOutsideChange.RESTORE and leg.restores == 0:
        turn.emit(f.LegRetrying(turn.at, order.id, number, turn.at, "restore"))
    elif policy is OnOutsideChange.RELEASE:
        turn.emit(f.OrderCanceling(turn.at, order.id, "release", setting))
    else:
        reason = "lost: canceled at the venue" if leg.protective else "canceled at the venue"
        turn.emit(f.LegDone(turn.at, order.id, number, "canceled", leg.cum, reason))


def _told(turn: Turn, order: Order, number: int) -> str:
    """Tell a person; gives the setting that decides what follows."""
    setting = f"on_outside_change={order.terms.policy.on_outside_change}"
    detail = f"{order.legs[number].terms.id} was canceled at the venue by somebody else"
    turn.incident(order, f.IncidentKind.OUTSIDE_CHANGE, number, detail, setting)
    return setting


def amended(turn: Turn, order: Order, number: int, report: r.Amended) -> None:
    """Somebody else changed a working order."""
    leg = order.legs[number]
    venue = leg.venue
    assert venue is not None
    policy = order.terms.policy.on_outside_change
    detail = f"{leg.terms.id} was changed at the venue by somebody else"
    if leg.undoes:
        detail += "; it undoes what there is to undo, no more and no less"
    turn.incident(
        order, f.IncidentKind.OUTSIDE_CHANGE, number, detail, f"on_outside_change={policy}"
    )
    turn.emit(
        f.VenueOrderAmended(
            turn.at,
            order.id,
            number,
            venue.attempt,
            -1,
            report.quantity,
            report.price,
            report.trigger_price,
        )
    )
    if policy is OnOutsideChange.RELEASE:
        turn.emit(f.OrderCanceling(turn.at, order.id, "release", f"on_outside_change={policy}"))
    elif policy is OnOutsideChange.RESTORE and leg.restores == 0:
        turn.emit(f.LegRetrying(turn.at, order.id, number, turn.at, "restore"))
    else:
        _adopt(turn, order, number, report)


def _adopt(turn: Turn, order: Order, number: int, report: r.Amended) -> None:
    leg = order.legs[number]
    if leg.undoes:
        return  # adopted, a larger one would open a position that nobody ordered
    before = sum(b.quantity for b in leg.fills.values()) - (leg.venue.cum if leg.venue else 0)
    terms = replace(leg.terms, quantity=before + report.quantity)
    if report.price is not None and leg.terms.price is not None:
        terms = replace(terms, price=report.price)
    if report.trigger_price is not None and leg.terms.trigger_price is not None:
        terms = replace(terms, trigger_price=report.trigger_price)
    made = tuple(changes.with_exits(order, [Change(number, terms)]))
    turn.emit(f.OrderAmended(turn.at, order.id, order.version + 1, made, "outside"))


def position(turn: Turn, report: r.Position) -> None:
    """The venue's word on a position: exits shrink to it once it was said twice.

    Only a position smaller than what our orders answer for matters here, and only while none of
    their requests is on its way: otherwise the two clocks can't be compared. A balance is never
    below zero, so it says nothing of what was sold to be bought back.
    """
    orders = [
        order
        for order in turn.state.orders.living()
        if order.terms.account == report.account and not order.done
    ]
    side = str(report.position_side or "")
    key = (report.instrument, side)
    shares: list[tuple[Order, int]] = []
    expected = turn.state.net.get((report.account, *key), 0)
    for order in orders:
        held = open_quantity(order, turn.at).get(key, 0)
        if held:
            shares.append((order, held))
        if order.legs[0].terms.exits:  # it exits what somebody else opened
            expected += held - scope.net(order).get(key, 0)
        if _unsettled(order, report):
            return
    owned = sum(held for _, held in shares)
    if not turn.state.capabilities_of(report.instrument).positions:
        owned = max(0, owned)
    foreign = report.quantity - expected
    missing = min(owned, max(0, -foreign)) if owned > 0 else max(owned, min(0, -foreign))
    seen = turn.state.positions_seen.get((report.account, report.instrument, side))
    doubted = bool(missing) and (seen is None or seen.quantity != report.quantity)
    if missing and not doubted and seen is not None and not _later(turn, seen, report):
        return
    if missing or seen is not None:
        turn.emit(
            f.PositionSeen(
                turn.at,
                report.account,
                report.instrument,
                report.quantity,
                report.position_side,
                doubted,
            )
        )
    if doubted:
        _ask_again(turn, report)
    elif missing:
        _shrink(turn, shares, missing)


def fills_told(turn: Turn, report: r.FillsTold) -> None:
    """Positions that were doubted before are now to be said again."""
    for seen in list(turn.state.positions_seen.values()):
        here = seen.instrument.rpartition(".")[2] == report.venue
        if here and not seen.fills_told and report.until >= seen.at:
            turn.emit(replace(seen, at=turn.at, fills_told=True))


def _later(turn: Turn, seen: f.PositionSeen, report: r.Position) -> bool:
    """Whether it was looked up after what made the first word doubtful would have been told. Two
    questions that were open together are one witness."""
    if not turn.state.capabilities_of(report.instrument).fills_since:
        return True
    return seen.fills_told and report.as_of >= seen.at


def _ask_again(turn: Turn, report: r.Position) -> None:
    """Where a venue tells its fills they come first: one of ours may have made the difference, and
    be on its way to us still. When they are told the position is asked about."""
    venue = report.instrument.rpartition(".")[2]
    if turn.state.capabilities_of(report.instrument).fills_since:
        turn.requests.append(QueryFills(venue, max(0, turn.at - FILLS_BACK_NS)))
    else:
        turn.requests.append(QueryPosition(report.account, report.instrument))


def _unsettled(order: Order, report: r.Position) -> bool:
    for leg in order.legs:
        if leg.terms.instrument != report.instrument:
            continue
        if leg.venue is not None and leg.state is not LegState.WORKING:
            return True
        if any(booked.at > report.as_of for booked in leg.fills.values()):
            return True
    return False


def _shrink(turn: Turn, shares: list[tuple[Order, int]], missing: int) -> None:
    """The newest orders give way first."""
    left = abs(missing)
    for order, held in reversed(shares):
        if left == 0:
            return
        if (held > 0) != (missing > 0):
            continue
        taken = min(left, abs(held))
        left -= taken
        instrument = order.legs[0].terms.instrument
        text = turn.state.markets[instrument].grid.quantity_text(taken)
        turn.incident(
            order,
            f.IncidentKind.OUTSIDE_CLOSE,
            -1,
            f"{text} of the position was closed by somebody else; exits shrink to what is left",
            "",
            taken,
        )
        turn.emit(
            f.ExposureAdjusted(turn.at, order.id, taken, "the venue's position is smaller, twice")
        )
        turn.touch(order)
