"""What crosses the wire: requests that leave, reports that arrive, and the facts that explain them.

Decides I5 (nothing leaves before its intent is durable), I6 (no execution is lost or counted twice,
no id is used twice), and that one venue order has one question in flight at a time.
"""

from collections.abc import Iterable

from interlock.audit.breach import Tell
from interlock.audit.record import Record
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders import requests as q
from interlock.orders.ids import client_id, parse_client_id


class Wire:
    """The auditor's own note of everything sent and heard."""

    def __init__(self) -> None:
        self.sendings: dict[str, f.VenueOrderSending] = {}
        """Intents that are durable, by client id."""
        self._amends: dict[tuple[str, int], f.VenueOrderAmending] = {}
        self._sent: dict[str, bool] = {}
        self._recalls: dict[str, bool] = {}
        self._due: dict[tuple[str, str], r.Execution] = {}
        """Executions heard, until they are booked."""
        self.refuted: dict[str, bool] = {}
        self._ends: dict[str, list[int]] = {}
        """Venue orders of which an end was heard, with the fills that were told then."""
        self._told: dict[str, int] = {}
        """How often an execution was told; an answer of the venue's counts twice."""
        self._unasked: dict[str, bool] = {}
        """What was in flight when a process began, until the venue is asked about it."""
        self._listens = False

    def restart(self, in_flight: Iterable[str] = ()) -> None:
        """What was heard and not yet acted on is lost with the process; it will be asked for."""
        self._due.clear()
        self._recalls.clear()
        self._unasked = dict.fromkeys(in_flight, True)

    # Out

    def sent(self, tell: Tell, request: q.Request) -> None:
        """A request leaves: it must be explained by a committed fact (I5)."""
        match request:
            case q.SubmitVenueList():
                for one in request.orders:
                    self._submitted(tell, one)
            case q.SubmitVenueOrder():
                self._submitted(tell, request)
            case q.AmendVenueOrder():
                intent = self._amends.get((request.client_id, request.request))
                if intent is None:
                    tell("I5", f"an amend of {request.client_id} left before it was durable")
                elif (intent.quantity, intent.price, intent.trigger_price) != (
                    request.quantity,
                    request.price,
                    request.trigger_price,
                ):
                    tell("I5", f"the amend of {request.client_id} is not the one written down")
            case q.CancelVenueOrder():
                self._recalls[request.client_id] = True
                self._unasked.pop(request.client_id, None)
            case q.QueryVenueOrder():
                self._unasked.pop(request.client_id, None)

    def _submitted(self, tell: Tell, submit: q.SubmitVenueOrder) -> None:
        name = submit.client_id
        intent = self.sendings.get(name)
        if intent is None:
            tell("I5", f"{name} was sent before its intent was durable")
            return
        if name in self._sent:
            tell("I6", f"{name} was sent twice")
        self._sent[name] = True
        wanted = (intent.side, intent.quantity, intent.order_type, intent.price)
        if (submit.side, submit.quantity, submit.order_type, submit.price) != wanted:
            tell("I5", f"{name} is not what was written down")
        if (submit.trigger_price, submit.reduce_only) != (intent.trigger_price, intent.reduce_only):
            tell("I5", f"{name} is not what was written down")

    # In

    def heard(self, report: r.Report) -> None:
        """A report arrives: its executions must be booked by the time all is quiet."""
        self._listens = True
        if isinstance(report, r.Filled):
            self._expect(report.client_id, report.execution)
            exec_id = report.execution.exec_id
            self._told[exec_id] = self._told.get(exec_id, 0) + 1
        elif isinstance(report, r.Canceled | r.Expired):
            self._ends.setdefault(report.client_id, []).append(report.cum_quantity)
        elif isinstance(report, r.Rejected):
            self._ends.setdefault(report.client_id, [])
        elif isinstance(report, r.OrderStatus):
            if report.status is not r.VenueStatus.WORKING:
                self._ends.setdefault(report.client_id, [])
            for execution in report.fills:
                self._told[execution.exec_id] = 2
                self._expect(report.client_id, execution)

    def _expect(self, name: str, execution: r.Execution) -> None:
        if name in self.sendings:
            self._due[name, execution.exec_id] = execution

    def at_rest(self, tell: Tell, records: dict[str, Record]) -> None:
        """Everything heard has been dealt with."""
        for name, exec_id in self._due:
            parsed = parse_client_id(name)
            assert parsed is not None, name
            record = records.get(parsed[0])
            known = record is None or exec_id in record.fills or exec_id in self.refuted
            if not known:
                tell("I6", f"execution {exec_id} of {name} was told and is not booked")
        self._due.clear()
        self.begun(tell)
        for name in self._recalls:
            tell("I5", f"{name} was recalled and nothing says so")
        self._recalls.clear()

    def begun(self, tell: Tell) -> None:
        """A process has started. It asks by itself about all that may be live: a venue need not
        say that a first connection is there."""
        for name in self._unasked:
            tell("I5", f"{name} was in flight when the process began, and nobody asks about it")
        self._unasked.clear()

    # Facts

    def sending(self, tell: Tell, record: Record, fact: f.VenueOrderSending) -> None:
        name = client_id(record.id, fact.leg, fact.attempt)
        if name in self.sendings:
            tell("I6", f"{name} was sent twice")
        self.sendings[name] = fact
        for (leg, attempt), state in record.attempts.items():
            if leg == fact.leg and state.live:
                tell("I6", f"{name} is sent while attempt {attempt} may be live")
            if leg == fact.leg and attempt >= fact.attempt:
                tell("I6", f"{name} comes after attempt {attempt}")

    def ended(self, tell: Tell, name: str, filled: int | None = None) -> None:
        """A venue order is said to be over: the venue must have said so."""
        if self._listens and name not in self._ends:
            tell("I4", f"{name} is held for over, and no report says so")
        elif self._listens and filled is not None and filled not in self._ends[name]:
            tell("I6", f"{name} ended with {filled} filled, and was told with {self._ends[name]}")

    def confirmed(self, tell: Tell, exec_id: str) -> None:
        """A fill is said to be confirmed: it was told twice, or found by asking."""
        if self._listens and self._told.get(exec_id, 0) < 2:
            tell("confirmation", f"{exec_id} is believed, and was told once")

    def amending(self, record: Record, fact: f.VenueOrderAmending) -> None:
        name = client_id(record.id, fact.leg, fact.attempt)
        self._amends[name, fact.request] = fact

    def recalled(self, name: str) -> None:
        self._recalls.pop(name, None)
