"""Planted bugs in recovery, durability, idempotency, and what other hands do."""

from mutants.bug import Bug

IDEMPOTENCY = (
    Bug(
        "a client order id is accepted twice",
        "idempotency",
        "engine/flat.py",
        "    if new and state.orders.named(account, client) is not None:\n        return None\n",
        "",
        "A request repeated after a timeout is a second order.",
        25,
    ),
    Bug(
        "another body under one id is a replay",
        "idempotency",
        "engine/decide.py",
        "    return accept.digest(place) == stored",
        "    return True",
        "The trader is told that an order was placed, and it was another one.",
        25,
    ),
    Bug(
        "an execution told twice is counted twice",
        "idempotency",
        "engine/booking.py",
        "    if known is not None:\n        if known.confirm_by:",
        "    if known is not None and known.confirm_by:\n        if known.confirm_by:",
        "A repeated report doubles the position and its exits.",
        25,
    ),
    Bug(
        "an unknown outcome is sent again",
        "idempotency",
        "engine/booking.py",
        '            ask(turn, order, number, report.detail or "outcome unknown")',
        "            code = r.VenueReject.RATE_LIMITED\n"
        "            told = (order.id, number, attempt, code, report.detail)\n"
        "            turn.emit(f.VenueOrderRejected(at, *told))\n"
        '            endings.again(turn, order, number, "timed out")',
        "A submit that timed out, and had arrived, is there twice.",
        50,
    ),
    Bug(
        "a retry takes the id of the attempt before",
        "idempotency",
        "engine/sending.py",
        "    attempt = leg.attempts + 1\n    valid",
        "    attempt = max(1, leg.attempts)\n    valid",
        "The venue takes the retry for the order it has refused or ended.",
        25,
    ),
)

DURABILITY = (
    Bug(
        "a request leaves before the commit",
        "durability",
        "runtime/line.py",
        "        self.commits.write(batch)\n        self.landed(batch)\n",
        "        for request in batch.requests:\n            self._send(request)\n"
        "        batch.requests = []\n"
        "        self.commits.write(batch)\n        self.landed(batch)\n",
        "After a crash an order is at the venue that nobody knows of.",
        25,
    ),
    Bug(
        "an amend leaves before the commit",
        "durability",
        "runtime/line.py",
        "            if isinstance(request, CancelVenueOrder):",
        '            if isinstance(request, CancelVenueOrder) or hasattr(request, "request"):',
        "After a crash the venue works another size than the journal says.",
        50,
    ),
    Bug(
        "an answer is given before the commit",
        "durability",
        "runtime/line.py",
        "            self.commits.replies.append((reply, answer))",
        "            reply(answer)",
        "An order that was accepted is gone after a crash.",
        25,
    ),
    Bug(
        "a doubtful append is taken for a good one",
        "durability",
        "runtime/commits.py",
        "            result = settle(journal, frame)",
        "            result = AppendResult.OK",
        "Facts that were acted on are not in the journal.",
        50,
    ),
    Bug(
        "a torn frame is kept",
        "durability",
        "journal/recovery.py",
        "        return digest(self.frame) == self.hash",
        "        return bool(self.hash)",
        "Half a batch comes back as if it were the whole.",
        25,
    ),
)

RECOVERY = (
    Bug(
        "recovery skips the frame after the snapshot",
        "recovery",
        "runtime/line.py",
        "        for frame in self.journal.read(after + 1):",
        "        for frame in self.journal.read(after + 2):",
        "The first thing that happened after the snapshot never did.",
        25,
    ),
    Bug(
        "a snapshot forgets watermarks",
        "recovery",
        "engine/digest.py",
        "                arming.keep_watermark(state, order, number)\n",
        "                pass\n",
        "After a restart a trailing stop follows from where it began.",
        400,
    ),
    Bug(
        "a snapshot forgets net positions",
        "recovery",
        "engine/digest.py",
        "        [(*key, value) for key, value in state.net.items()],",
        "        [],",
        "After a restart a position closed by hand keeps its exits.",
        50,
    ),
    Bug(
        "a snapshot forgets ids of orders long done",
        "recovery",
        "engine/digest.py",
        "        state.orders.remember(*known)",
        "        pass",
        "A request repeated after a restart is a second order.",
        25,
    ),
    Bug(
        "a counter is kept beside the facts",
        "recovery",
        "engine/endings.py",
        "    pause = turn.state.settings.retry_after_ns << min(leg.retries, 6)",
        "    leg.retries += 1\n"
        "    pause = turn.state.settings.retry_after_ns << min(leg.retries, 6)",
        "After a restart the engine is in a state that it was never in.",
        25,
    ),
    Bug(
        "the projection forgets how orders ended",
        "recovery",
        "journal/projection_rules.py",
        '        "UPDATE orders SET status=?, done_at=?, updated_at=? WHERE order_id=?",\n'
        "        (fact.status, fact.at, fact.at, fact.order_id),",
        '        "UPDATE orders SET done_at=?, updated_at=? WHERE order_id=?",\n'
        "        (fact.at, fact.at, fact.order_id),",
        "The tables show orders as working that are long done.",
        25,
    ),
)

OUTSIDE = (
    Bug(
        "a refused stop ends without a word",
        "exits lost",
        "engine/endings.py",
        "    if not leg.terms.exits:\n        turn.emit(",
        "    if not leg.terms.exits or leg.retries:\n        turn.emit(",
        "The second refusal drops the exit, whatever on_exit_reject says.",
        50,
    ),
    Bug(
        "a refusal of an exit is not told of",
        "exits lost",
        "engine/endings.py",
        '    if f"{f.IncidentKind.EXIT_REJECTED}:{number}" not in order.incidents:',
        '    if f"{f.IncidentKind.EXIT_REJECTED}:{number}" in order.incidents:',
        "on_exit_reject=alert alerts nobody.",
        25,
    ),
    Bug(
        "a cancel by others is not noticed",
        "outside hands",
        "engine/outside.py",
        "    ours = venue.recalled or (",
        "    ours = venue.recalled or report.reason is r.CancelReason.OUTSIDE or (",
        "The order a person took away at the venue is sent again.",
        25,
    ),
    Bug(
        "strays are told of and left",
        "outside hands",
        "engine/booking.py",
        "    turn.requests.append(CancelVenueOrder(stray, account, instrument, 0))",
        "    turn.touched.update({})",
        "An order that nothing explains stays at the venue.",
        100,
    ),
    Bug(
        "a mass cancel forgets its tag",
        "outside hands",
        "engine/winding.py",
        "        and (command.tag is None or order.terms.tag == command.tag)\n",
        "",
        "Canceling one strategy's orders cancels everybody's.",
        50,
    ),
)
