"""Planted bugs in claims, recalls and the confirmation window."""

from mutants.bug import Bug

CLAIMS = (
    Bug(
        "a claim does not freeze nested siblings",
        "claims",
        "engine/wants.py",
        "            self.node(child, share, left, Gate(inner), growing)\n",
        "            nested = Gate(inner) if child >= 0 else gate\n"
        "            self.node(child, share, left, nested, growing)\n",
        "The other side of a breakout still fires after one side has won.",
        25,
    ),
    Bug(
        "a claim is given back before its leg is sent",
        "claims",
        "engine/reconcile.py",
        "    return not leg.triggered and leg.venue is None and leg.cum > 0",
        "    return leg.venue is None",
        "A stop that waits for its target's recall no longer keeps the target away.",
        25,
    ),
    Bug(
        "both sides due on one tick fire",
        "claims",
        "engine/firing.py",
        '                    turn.emit(f.LegDisarmed(turn.at, order.id, sibling, "frozen"))',
        "                    turn.touch(order)",
        "One wide quote over both sides of a straddle buys and sells.",
        400,
    ),
    Bug(
        "the last listed of two legs due at once wins",
        "claims",
        "engine/firing.py",
        "    return (0 if order.legs[number].protective else 1, number)",
        "    return (0 if order.legs[number].protective else 1, -number)",
        "In a gap the leg is sent that the trader put second.",
        100,
    ),
    Bug(
        "only a full fill claims",
        "claims",
        "engine/reconcile.py",
        "            if scope.fill(order, child, confirmed=True) <= 0:",
        "            if scope.fill(order, child, confirmed=True) < scope.whole(order, child):",
        "A partly filled entry leaves the other entry working.",
        50,
    ),
    Bug(
        "a claim is taken from its holder",
        "claims",
        "engine/firing.py",
        '        if order.relations[relation].kind != "oco" or relation in order.claims:',
        '        if order.relations[relation].kind != "oco":',
        "A leg that fires takes the claim from the leg that holds it.",
        25,
    ),
)

RECALLS = (
    Bug(
        "a recall is taken for granted",
        "recall races",
        "engine/sending.py",
        "                order.legs[n].venue is not None\n                or (order.legs[n].fills",
        "                order.legs[n].at_rest\n                or (order.legs[n].fills",
        "The stop is sent while the target may still fill: sold twice.",
        25,
    ),
    Bug(
        "every exit races",
        "recall races",
        "engine/sending.py",
        "        order.terms.policy.on_recall is OnRecall.RACE\n        and leg.terms.exits",
        "        leg.terms.exits",
        "Two exits are live at once though the trader chose to wait.",
        25,
    ),
    Bug(
        "a racing exit is not reduce-only",
        "recall races",
        "engine/sending.py",
        "leg.terms.reduce_only or racing or rounded or",
        "leg.terms.reduce_only or rounded or",
        "The race is lost, and the second exit opens a position the other way.",
        200,
    ),
    Bug(
        "a refused cancel is taken as gone",
        "recall races",
        "engine/booking.py",
        '                ask(turn, order, number, f"cancel refused: {report.code}")',
        "                why = r.CancelReason.REQUESTED\n"
        "                turn.emit(f.VenueOrderCanceled(at, order.id, number, attempt, why))",
        "The order that could not be canceled had filled; its sibling is sent as well.",
        25,
    ),
    Bug(
        "a refused cancel is taken as still working",
        "recall races",
        "engine/booking.py",
        '                ask(turn, order, number, f"cancel refused: {report.code}")',
        "                told = (order.id, number, attempt)\n"
        "                turn.emit(f.VenueOrderUnknown(at, *told, str(report.code)))\n"
        "                live = r.VenueStatus.WORKING\n"
        "                shape = (venue.quantity, venue.price, venue.trigger_price)\n"
        "                turn.emit(f.VenueOrderFound(at, *told, live, *shape))",
        "The recall is asked for without end, and nobody asks what became of the order.",
        100,
    ),
    Bug(
        "a late fill is ignored",
        "recall races",
        "engine/booking.py",
        "    late = not current\n",
        "    late = not current\n    if late and leg.ended:\n        return\n",
        "A fill told after the cancel is nobody's position.",
        50,
    ),
)

CONFIRMATION = (
    Bug(
        "siblings are recalled before confirmation",
        "confirmation",
        "engine/wants.py",
        "        filled = {c: scope.fill(order, c, confirmed=True) for c in relation.children}\n"
        "        total",
        "        filled = {c: scope.fill(order, c) for c in relation.children}\n        total",
        "A phantom fill takes the stop away.",
        25,
    ),
    Bug(
        "a fill is believed when it is told once",
        "confirmation",
        "engine/booking.py",
        "    confirmed = turn.state.confirm_ns(order, leg.terms.instrument) == 0",
        "    confirmed = True",
        "confirm_fill_ms does nothing.",
        25,
    ),
    Bug(
        "a refuted fill is not taken back",
        "confirmation",
        "engine/booking.py",
        '            _take_back(turn, order, number, exec_id, "and does not know the fill")',
        "            continue",
        "Exits for a position that never was.",
        25,
    ),
    Bug(
        "one answer without a fill refutes it",
        "confirmation",
        "engine/booking.py",
        "            turn.emit(f.FillDoubted(turn.at, order.id, number, attempt, exec_id))",
        '            _take_back(turn, order, number, exec_id, "once")',
        "A copy of the venue's books that is behind takes a real fill away.",
        400,
    ),
    Bug(
        "the window's end confirms",
        "confirmation",
        "engine/booking.py",
        "    turn.query(order, number, order.legs[number].fills[exec_id].attempt)",
        "    attempt = order.legs[number].fills[exec_id].attempt\n"
        "    turn.emit(f.FillConfirmed(turn.at, order.id, number, attempt, exec_id))",
        "A phantom fill is believed for want of an answer.",
        25,
    ),
)
