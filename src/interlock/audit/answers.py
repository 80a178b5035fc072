"""I6 for commands: each is answered once, and a repeated request as it was the first time."""

from collections.abc import Iterable

import msgspec

from interlock.audit.breach import Tell
from interlock.audit.record import Record
from interlock.orders import commands as c
from interlock.orders.rejects import Reject, RejectCode

Key = tuple[str, str]


class Answers:
    """Who asked what, and what they were told."""

    def __init__(self) -> None:
        self.clients: dict[Key, str] = {}
        """Orders by account and client order id, from facts."""
        self._bodies: dict[Key, bytes] = {}
        self._asked: dict[int, c.Command] = {}
        self._live: dict[int, list[str]] = {}
        """What a mass cancel found when it was asked for."""

    def restart(self) -> None:
        """The process is gone, and with it all questions; clients will ask again."""
        self._asked.clear()

    def asked(self, number: int, command: c.Command, live: Iterable[Record]) -> None:
        self._asked[number] = command
        if isinstance(command, c.CancelOrders):
            self._live[number] = [record.id for record in live]

    def answered(
        self, tell: Tell, number: int, command: c.Command, answer: c.Answer, live: list[Record]
    ) -> None:
        if self._asked.pop(number, None) is None:
            tell("answers", f"command {number} was answered twice")
        if isinstance(command, c.PlaceOrder):
            self._placed(tell, command, answer)
        elif isinstance(command, c.AmendOrder) and isinstance(answer, c.Accepted):
            if command.if_version is not None and answer.version != command.if_version + 1:
                tell("amend", f"{answer.order_id} was not at version {command.if_version}")
        elif isinstance(command, c.CancelOrders) and isinstance(answer, c.Accepted):
            self._canceled(tell, command, answer, live, self._live.get(number, []))

    def _placed(self, tell: Tell, place: c.PlaceOrder, answer: c.Answer) -> None:
        key = (place.account, place.client_order_id)
        body = msgspec.json.encode(msgspec.structs.replace(place, key=""))
        known = self._bodies.get(key)
        if isinstance(answer, Reject):
            if answer.code is RejectCode.DUPLICATE_ID:
                if key not in self.clients or known == body:
                    tell("I6", f"{key} was refused as another body of an order that is none")
            elif known is not None:
                tell("I6", f"{key} is an order, and was refused as {answer.code}")
            return
        if self.clients.get(key) != answer.order_id:
            tell("I5", f"{key} was accepted as {answer.order_id}, which is not durable")
        if known is not None and (known != body or not answer.replayed):
            tell("I6", f"{key} was accepted twice, or with another body")
        self._bodies[key] = body

    def _canceled(
        self,
        tell: Tell,
        command: c.CancelOrders,
        answer: c.Accepted,
        records: list[Record],
        before: list[str],
    ) -> None:
        """A mass cancel takes exactly the orders that match; one just done may be left out."""
        matched = {r.id: not r.done for r in records if _matches(command, r)}
        for order_id in answer.orders:
            if order_id not in matched:
                tell("cancel all", f"{order_id} was canceled and does not match")
        for order_id, live in matched.items():
            if live and order_id in before and order_id not in answer.orders:
                tell("cancel all", f"{order_id} matches and was not canceled")

    def finish(self, tell: Tell) -> None:
        for number, command in self._asked.items():
            tell("answers", f"command {number} ({type(command).__name__}) was never answered")


def _matches(command: c.CancelOrders, record: Record) -> bool:
    legs = record.legs
    traded = [leg.instrument for leg in legs]
    return (
        record.terms.account == command.account
        and command.tag in (None, record.terms.tag)
        and (command.instrument is None or command.instrument in traded)
        and (command.side is None or legs[0].side == command.side.sign)
    )
