"""Booking: what a venue's report means for a leg.

Decides which facts a report becomes. Invariants: every execution is counted once, whenever and
however often it is told; a report that answers an older question changes nothing; an absence or a
refused cancel is a reason to ask, never an answer.
"""

from interlock.engine import endings, listing, outside, scope, strays
from interlock.engine.leg import LegState
from interlock.engine.order import Booked, Leg, Order, VenueOrder
from interlock.engine.turn import Turn
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.capabilities import IdPromise
from interlock.orders.ids import parse_client_id

LegReport = (
    r.Acknowledged
    | r.Filled
    | r.Canceled
    | r.Rejected
    | r.Expired
    | r.CancelRefused
    | r.Amended
    | r.AmendRefused
    | r.OutcomeUnknown
    | r.OrderStatus
)


def book(turn: Turn, report: LegReport) -> None:
    """Write down what a report about one venue order says."""
    parsed = parse_client_id(report.client_id)
    order = turn.state.orders.get(parsed[0]) if parsed else None
    if parsed is None or order is None or parsed[1] >= len(order.legs):
        _unexplained(turn, report, "no such order here")
        return
    _, number, attempt = parsed
    leg = order.legs[number]
    turn.touch(order)
    if isinstance(report, r.Filled):
        fill(turn, order, number, attempt, report.execution)
        return
    if isinstance(report, r.OrderStatus):
        status(turn, order, number, attempt, report)
        return
    if leg.venue is None or leg.venue.attempt != attempt:
        late = leg.venue is None or attempt < leg.venue.attempt
        if isinstance(report, r.Canceled | r.Expired) and report.cum_quantity != _booked(
            leg, attempt
        ):
            turn.query(order, number, attempt)
        elif isinstance(report, r.Canceled | r.Expired):  # of a stray: a fill may come after it
            turn.query(order, number, attempt, turn.at + turn.state.settings.late_look_ns)
        elif isinstance(report, r.CancelRefused) and report.request == 0:
            turn.query(order, number, attempt)  # a stray's recall was refused: it may have filled
        if isinstance(report, r.Acknowledged) and attempt > leg.attempts:
            _unexplained(turn, report, "an attempt we did not make")
        else:
            ignore(turn, report, "about an attempt already over" if late else "never sent")
        return
    _about_current(turn, order, number, report)


def _about_current(turn: Turn, order: Order, number: int, report: LegReport) -> None:
    leg = order.legs[number]
    venue = leg.venue
    assert venue is not None
    at, attempt = turn.at, venue.attempt
    match report:
        case r.Acknowledged():
            if not venue.acknowledged:
                turn.emit(f.VenueOrderAcknowledged(at, order.id, number, attempt, report.venue_id))
        case r.Canceled() | r.Expired():
            if report.cum_quantity != venue.cum:
                ask(turn, order, number, "its end was told with other fills than we know")
            elif isinstance(report, r.Expired):
                turn.emit(f.VenueOrderExpired(at, order.id, number, attempt))
                listing.ended(turn, order, number)
                endings.after_expiry(turn, order, number)
            else:
                outside.canceled(turn, order, number, report)
        case r.Rejected():
            _rejected(turn, order, number, report)
        case r.CancelRefused():
            if report.request == venue.request and leg.state is LegState.PENDING_CANCEL:
                ask(turn, order, number, f"cancel refused: {report.code}")
            else:
                ignore(turn, report, "answers an older question")
        case r.Amended():
            _amended(turn, order, number, report)
        case r.AmendRefused():
            if report.request == venue.request and leg.state is LegState.PENDING_REPLACE:
                turn.emit(
                    f.VenueOrderAmendRefused(
                        at, order.id, number, attempt, report.request, report.code
                    )
                )
                endings.amend_refused(turn, order, number, report)
                turn.query(order, number, attempt)
            else:
                ignore(turn, report, "answers an older question")
        case r.OutcomeUnknown() if leg.state is LegState.UNCONFIRMED and venue.querying:
            ignore(turn, report, "asked about already")  # and again in time, later and later
        case r.OutcomeUnknown():
            ask(turn, order, number, report.detail or "outcome unknown")


def ask(turn: Turn, order: Order, number: int, detail: str) -> None:
    """The leg's fate is not known: say so, and ask the venue."""
    venue = order.legs[number].venue
    assert venue is not None
    turn.emit(f.VenueOrderUnknown(turn.at, order.id, number, venue.attempt, detail))
    turn.query(order, number, venue.attempt)


def ask_again(turn: Turn, order: Order, number: int) -> None:
    """No answer to a question either: ask once more, and tell a person when it goes on."""
    venue = order.legs[number].venue
    assert venue is not None
    key = f"{f.IncidentKind.IN_DOUBT}:{number}"
    if venue.queries >= turn.state.settings.queries_alert and key not in order.incidents:
        turn.incident(
            order,
            f.IncidentKind.IN_DOUBT,
            number,
            f"the venue has not said what became of {order.legs[number].terms.id}",
            "queries_alert",
            1,
        )
    turn.query(order, number, venue.attempt)


def check_fill(turn: Turn, order: Order, number: int, exec_id: str) -> None:
    """The confirmation window of a fill is over: ask the venue whether it knows it."""
    turn.query(order, number, order.legs[number].fills[exec_id].attempt)


def fill(turn: Turn, order: Order, number: int, attempt: int, execution: r.Execution) -> None:
    """Count one execution, once."""
    leg = order.legs[number]
    known = leg.fills.get(execution.exec_id)
    if known is not None:
        if known.confirm_by:  # told a second time: that is the confirmation
            turn.emit(f.FillConfirmed(turn.at, order.id, number, attempt, execution.exec_id))
        if differs(known, execution):
            turn.query(order, number, attempt)  # one of the two reports is wrong
        return
    venue = leg.venue
    current = venue is not None and venue.attempt == attempt
    confirmed = turn.state.confirm_ns(order, leg.terms.instrument) == 0
    late = not current
    beyond = venue is not None and current and venue.cum + execution.quantity > venue.quantity
    turn.emit(
        f.VenueOrderFilled(
            turn.at,
            order.id,
            number,
            attempt,
            execution.exec_id,
            execution.quantity,
            execution.price,
            leg.cum + execution.quantity,
            execution.fee,
            confirmed,
            late,
        )
    )
    if execution.fee_quantity and not leg.terms.exits:
        reason = "the venue took its fee from what was bought"
        turn.emit(f.ExposureAdjusted(turn.at, order.id, execution.fee_quantity, reason))
    grid = turn.state.markets[leg.terms.instrument].grid
    if late:
        turn.incident(
            order,
            f.IncidentKind.LATE_FILL,
            number,
            f"{grid.quantity_text(execution.quantity)} filled after the venue order was gone",
            "",
            execution.quantity,
        )
    if leg.cum > leg.terms.quantity:
        over = min(execution.quantity, leg.cum - leg.terms.quantity)
        if not leg.terms.exits:
            turn.incident(
                order,
                f.IncidentKind.OVERFILL,
                number,
                f"{grid.quantity_text(over)} more filled than ordered; it is covered as well",
                "",
                over,
            )
    if beyond or late or leg.cum > leg.terms.quantity:
        turn.query(order, number, attempt)  # one of its fills may be a phantom
    outside.released(turn, order, number)
    endings.after_fill(turn, order, number)


def differs(booked: Booked, execution: r.Execution) -> bool:
    """Whether one execution is told with two sizes or prices."""
    return (booked.quantity, booked.price) != (execution.quantity, execution.price)


def _rejected(turn: Turn, order: Order, number: int, report: r.Rejected) -> None:
    leg = order.legs[number]
    venue = leg.venue
    assert venue is not None
    if report.code is r.VenueReject.DUPLICATE_CLIENT_ID:
        if leg.state is not LegState.WORKING:
            ask(turn, order, number, "the venue has seen this id: the first send arrived")
        return
    if venue.acknowledged and report.code is not r.VenueReject.REDUCE_ONLY:
        ignore(turn, report, "it had been acknowledged")
        ask(turn, order, number, "acknowledged, then rejected")
        return
    waited = scope.waited(order, number)
    turn.emit(
        f.VenueOrderRejected(turn.at, order.id, number, venue.attempt, report.code, report.detail)
    )
    if not waited:  # its entry goes with it, and nothing is held
        endings.after_reject(turn, order, number, report)


def _amended(turn: Turn, order: Order, number: int, report: r.Amended) -> None:
    leg = order.legs[number]
    venue = leg.venue
    assert venue is not None
    if report.request is None:
        if leg.state is LegState.PENDING_NEW:  # a change by others proves that it has arrived
            turn.emit(f.VenueOrderAcknowledged(turn.at, order.id, number, venue.attempt, ""))
        if leg.state is LegState.WORKING:
            outside.amended(turn, order, number, report)
        else:  # with a request of ours open nobody can say which of the two came last
            ask(turn, order, number, "changed by somebody else meanwhile")
        return
    asked = leg.state is LegState.PENDING_REPLACE and report.request == venue.request
    if not asked and leg.state is not LegState.UNCONFIRMED:
        ignore(turn, report, "answers an older question")
        return
    turn.emit(
        f.VenueOrderAmended(
            turn.at,
            order.id,
            number,
            venue.attempt,
            report.request,
            report.quantity,
            report.price,
            report.trigger_price,
        )
    )


def status(turn: Turn, order: Order, number: int, attempt: int, report: r.OrderStatus) -> None:
    """The answer to a question: fills are always booked; the rest only if it is the last one."""
    leg = order.legs[number]
    for execution in report.fills:
        known = leg.fills.get(execution.exec_id)
        if known is not None and differs(known, execution):
            detail = "and its own record of the fill says otherwise"  # which is the better word
            _take_back(turn, order, number, execution.exec_id, detail)
        fill(turn, order, number, attempt, execution)
    _refute_missing(turn, order, number, attempt, report)
    venue = leg.venue
    if venue is None or venue.attempt != attempt:
        _late_answer(turn, order, number, attempt, report)
        return
    if report.request <= venue.acted or not venue.querying:
        ignore(turn, report, "answers an older question")
        return
    if report.status is r.VenueStatus.NOT_FOUND:
        _not_found(turn, order, number, report)
        return
    if report.status is r.VenueStatus.WORKING and report.as_of <= venue.amending_until:
        turn.query(order, number, attempt, _not_before(turn, venue, venue.amending_until))
        return
    turn.emit(
        f.VenueOrderFound(
            turn.at,
            order.id,
            number,
            attempt,
            report.status,
            report.quantity,
            report.price,
            report.trigger_price,
        )
    )
    listing.ended(turn, order, number)
    endings.after_found(turn, order, number, report)


def _not_found(turn: Turn, order: Order, number: int, report: r.OrderStatus) -> None:
    """Proof that nothing was sent only once the request can no longer arrive."""
    leg = order.legs[number]
    venue = leg.venue
    assert venue is not None
    promise = turn.capabilities(leg).id_promise
    if report.as_of <= venue.valid_until:
        turn.query(order, number, venue.attempt, _not_before(turn, venue, venue.valid_until))
        return
    if venue.acknowledged or venue.cum or promise is IdPromise.NONE:
        key = f"{f.IncidentKind.IN_DOUBT}:{number}"
        if key not in order.incidents:
            turn.incident(
                order,
                f.IncidentKind.IN_DOUBT,
                number,
                "the venue does not know an order it may have; look there and decide",
                f"id_promise={promise}",
                1,
            )
        turn.query(order, number, venue.attempt, _not_before(turn, venue, turn.at))
        return
    turn.emit(f.VenueOrderFound(turn.at, order.id, number, venue.attempt, r.VenueStatus.NOT_FOUND))


def _late_answer(
    turn: Turn, order: Order, number: int, attempt: int, report: r.OrderStatus
) -> None:
    """About an attempt that is over. The look at it ends when the venue says that it is over, or
    knows nothing of it; while it works there it is recalled, and the look goes on: the recall, or
    the word of what filled before it, may be lost."""
    leg = order.legs[number]
    asked = [times for about, _, times in leg.late_looks if about == attempt]
    if report.status is r.VenueStatus.WORKING:
        _stray(turn, report, order)
        if not asked:
            turn.query(order, number, attempt, turn.at + turn.state.settings.query_after_ns)
    elif report.status is r.VenueStatus.NOT_FOUND and _still_late(turn, leg, attempt):
        pause = max(turn.state.settings.query_after_ns, turn.at - _last_fill(leg, attempt))
        turn.query(order, number, attempt, turn.at + pause)
    elif any(asked):
        turn.emit(
            f.VenueOrderFound(
                turn.at,
                order.id,
                number,
                attempt,
                report.status,
                report.quantity,
                report.price,
                report.trigger_price,
            )
        )


def _still_late(turn: Turn, leg: Leg, attempt: int) -> bool:
    """Whether the venue's not knowing an order that it has filled means that its answer is behind:
    it is asked again, less and less often, for as long as a late fill is looked for."""
    moment = _last_fill(leg, attempt)
    return moment > 0 and turn.at - moment < turn.state.settings.late_fill_ns


def _last_fill(leg: Leg, attempt: int) -> int:
    return max((b.at for b in leg.fills.values() if b.attempt == attempt), default=0)


def _not_before(turn: Turn, venue: VenueOrder, until: int) -> int:
    """When to ask again: after ``until`` on the venue's clock, which may be behind ours."""
    pause = turn.state.settings.query_after_ns << min(venue.queries, 5)
    return until + 1 if until >= turn.at + turn.state.settings.query_after_ns else turn.at + pause


def _refute_missing(
    turn: Turn, order: Order, number: int, attempt: int, report: r.OrderStatus
) -> None:
    """Fills of this attempt that the venue leaves out twice are phantoms; listed ones are sure.

    Once is not enough: the answer may come from a copy of its books that is behind, or our clock
    may be wrong against theirs.
    """
    leg = order.legs[number]
    listed = {execution.exec_id: True for execution in report.fills}
    for exec_id, booked in list(leg.fills.items()):
        if booked.attempt != attempt:
            continue
        if exec_id in listed:
            if booked.confirm_by or booked.doubted:
                turn.emit(f.FillConfirmed(turn.at, order.id, number, attempt, exec_id))
        elif report.status is r.VenueStatus.NOT_FOUND:
            continue
        elif not booked.doubted:
            turn.emit(f.FillDoubted(turn.at, order.id, number, attempt, exec_id))
        elif booked.at > report.as_of:
            continue  # the answer is older than the fill
        elif turn.at - booked.doubted >= turn.state.settings.query_after_ns:
            _take_back(turn, order, number, exec_id, "and does not know the fill")


def _take_back(turn: Turn, order: Order, number: int, exec_id: str, detail: str) -> None:
    leg = order.legs[number]
    booked = leg.fills[exec_id]
    turn.emit(
        f.FillRefuted(
            turn.at,
            order.id,
            number,
            booked.attempt,
            exec_id,
            booked.quantity,
            booked.price,
            leg.cum - booked.quantity,
        )
    )
    grid = turn.state.markets[leg.terms.instrument].grid
    turn.incident(
        order,
        f.IncidentKind.PHANTOM_FILL,
        number,
        f"the venue reported {grid.quantity_text(booked.quantity)} filled, {detail}",
        "confirm_fill_ms",
        booked.quantity,
    )


def _booked(leg: Leg, attempt: int) -> int:
    return sum(b.quantity for b in leg.fills.values() if b.attempt == attempt)


def ignore(turn: Turn, report: LegReport, reason: str) -> None:
    """Note a report that changes nothing."""
    turn.emit(f.ReportIgnored(turn.at, report.client_id, type(report).__name__, reason))


def _unexplained(turn: Turn, report: LegReport, reason: str) -> None:
    ignore(turn, report, reason)
    if isinstance(report, r.Filled):
        turn.emit(
            f.IncidentOpened(
                turn.at,
                "",
                f.IncidentKind.STRAY_FILL,
                -1,
                f"{report.client_id} filled, and no order here explains it",
                "",
                report.execution.quantity,
            )
        )


def _stray(turn: Turn, report: r.OrderStatus, order: Order) -> None:
    """An attempt we hold for over is live at the venue: take it back."""
    parsed = parse_client_id(report.client_id)
    assert parsed is not None
    leg = order.legs[parsed[1]]
    strays.recall(turn, report.client_id, order.terms.account, leg.terms.instrument)
