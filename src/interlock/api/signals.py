"""Signals: their schemas, and where they stand.

Decides who may define one. Invariant: what a signal may be is an admin's word and a fact; what it
is now anybody may see who may read.
"""

from typing import Any, Final

from msgspec import Struct

from interlock.api.desk import Desk
from interlock.api.problems import ApiCode, Problem, of_reject
from interlock.api.route import Asked, Budget, Param, Reply, Route, Scope
from interlock.api.views import Page
from interlock.engine.signals import PLACES
from interlock.orders.commands import DefineSignal
from interlock.orders.numbers import decimal_text
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.signals import SignalRules


class RulesBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``rules`` absent: the signal is to have no schema."""

    rules: SignalRules | None = None


class SignalView(Struct, frozen=True):
    name: str
    value: str | None
    """The last one that counted."""
    counted_at: int
    """ns UTC; 0 where that is not kept: signals without a schema."""
    frozen_at: int
    """ns UTC; 0 while it is not frozen."""
    legs_waiting: int
    rules: SignalRules | None


class Signals:
    """The signals of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def listed(self, asked: Asked) -> Reply:
        state = self._desk.live.line.state
        items = []
        for name in sorted({*state.signals, *state.signal_book}):
            value, book = state.signals.get(name), state.signal_book.get(name)
            items.append(
                SignalView(
                    name,
                    None if value is None else decimal_text(value, PLACES),
                    0 if book is None else book.at,
                    0 if book is None else book.frozen_at,
                    len(state.signal_waits.get(name, {})),
                    None if book is None else book.rules,
                )
            )
        return Reply(Page(items, state.seq))

    async def define(self, asked: Asked) -> Reply | Problem:
        body = asked.read(RulesBody)
        if isinstance(body, Problem):
            return body
        command = DefineSignal(asked.path["name"], body.rules, asked.caller.key_id)
        answer = await self._desk.ask(command)
        if isinstance(answer, Reject):
            return of_reject(answer)
        return await self.listed(asked)

    def routes(self) -> list[Route]:
        page = {"items": [EXAMPLE], "as_of_seq": 1042}
        name = Param("name", "The signal's name", place="path", required=True, example="vix")
        return [
            Route(
                *("GET", "/v1/signals", self.listed, "Signals, their schemas, what is frozen"),
                answer=Page,
                example=page,
                tag="Risk",
            ),
            Route(
                *("PUT", "/v1/signals/{name}/rules", self.define, "Give a signal a schema"),
                "In place of the one it had; without `rules`, none.",
                scope=Scope.ADMIN,
                budget=Budget.PROTECTING,
                params=(name,),
                body=RulesBody,
                bodies={"bounds": {"rules": {"low": "5", "high": "90", "max_step": "10"}}},
                answer=Page,
                example=page,
                errors=(RejectCode.LIMITS_INVALID, ApiCode.SCOPE_MISSING),
                tag="Risk",
            ),
        ]


EXAMPLE: Final[dict[str, Any]] = {
    "name": "vix",
    "value": "21.5",
    "counted_at": 1_723_161_286_851_053_928,
    "frozen_at": 0,
    "legs_waiting": 2,
    "rules": {"unit": "index points", "low": "5", "high": "90", "max_step": "10"},
}
