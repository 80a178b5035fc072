"""Kill: stop trading for one account or for all, now and until a person resumes it.

Decides the order of things: first nothing new is taken, then what is open is recalled, then the
venues are asked whether it is gone. Invariant: the halt is durable before anything is recalled, and
cancels and closes are still taken after it.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from interlock.api.access.halt import Halt
from interlock.api.access.opening import Access
from interlock.api.desk import Desk
from interlock.api.orders import not_yours
from interlock.api.problems import ApiCode, Problem
from interlock.api.route import Asked, Budget, Reply, Route, Scope
from interlock.api.views import Page
from interlock.orders.commands import Accepted, CancelMode, CancelOrders, PlaceOrders
from interlock.runtime.emptying import Emptying, VenueEmptied

WITHIN_S: Final = 5.0
"""The answer waits so long for the venues to be empty; recalling goes on after it."""


class KillBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``account`` absent: all accounts. ``flatten``: close what is open, too."""

    account: str | None = None
    why: str = ""
    flatten: bool = False


class ResumeBody(Struct, frozen=True, forbid_unknown_fields=True):
    account: str | None = None


class Killed(Struct, frozen=True):
    """What was stopped, what is being recalled account by account, and what is left at each venue.

    Asked again, it says how far that is.
    """

    halt: Halt
    recalled: dict[str, tuple[str, ...]]
    venues: list[VenueEmptied]


HALT_EXAMPLE: dict[str, Any] = {
    "account": None,
    "at": 1_723_161_286_851_053_928,
    "by": "ik_gezdgnbvgy3tqojq",
    "why": "the strategy runs wild",
}
EMPTIED_EXAMPLE: dict[str, Any] = {
    "venue": "USDM",
    "connected": True,
    "as_of": 1_723_161_286_851_053_928,
    "complete": True,
    "protecting": ["o000001a.2.1"],
    "left": [],
    "recalled_again": 0,
}


class Killing:
    """The switch of one server."""

    def __init__(self, desk: Desk, access: Access, emptying: Emptying) -> None:
        self._desk = desk
        self._emptying = emptying
        self._access = access

    async def kill(self, asked: Asked) -> Reply | Problem:
        body = asked.read(KillBody, b"{}")
        if isinstance(body, Problem):
            return body
        if asked.caller.accounts and body.account is None:
            return not_yours("all accounts")
        if body.account is not None and not asked.caller.may_touch(body.account):
            return not_yours(body.account)
        halt = self._access.halts.halt(body.account, asked.caller.key_id, body.why)
        mode = CancelMode.FLATTEN if body.flatten else CancelMode.PROTECT
        recalled = await self._recall(body.account, mode)
        # Cancels overtake placements. Those that were let in before the halt are decided once this,
        # which waits among them, is answered; then they are recalled too.
        await self._desk.ask(PlaceOrders(()))
        for account, orders in (await self._recall(body.account, mode)).items():
            recalled[account] = tuple(dict.fromkeys((*recalled.get(account, ()), *orders)))
        return Reply(Killed(halt, recalled, await self._emptying.of(body.account, WITHIN_S)))

    async def _recall(self, account: str | None, mode: CancelMode) -> dict[str, tuple[str, ...]]:
        known = self._desk.live.line.state.orders.accounts()
        accounts = known if account is None else [account]
        answers = await self._desk.ask_all([CancelOrders(a, exposure=mode) for a in accounts])
        return {
            one: answer.orders
            for one, answer in zip(accounts, answers, strict=True)
            if isinstance(answer, Accepted) and answer.orders
        }

    async def resume(self, asked: Asked) -> Reply | Problem:
        body = asked.read(ResumeBody, b"{}")
        if isinstance(body, Problem):
            return body
        refused = self._access.halts.resume(body.account, asked.caller.key_id)
        if refused is None:
            self._emptying.stop(body.account)
        return refused or Reply(self._standing())

    async def listed(self, asked: Asked) -> Reply:
        return Reply(self._standing())

    def _standing(self) -> Page:
        return Page([msgspec.to_builtins(halt) for halt in self._access.halts.standing()], 0)

    def routes(self) -> list[Route]:
        switch: dict[str, Any] = {"budget": Budget.PROTECTING, "tag": "Kill"}
        page = {"items": [HALT_EXAMPLE], "as_of_seq": 0}
        return [
            Route(
                *("POST", "/v1/kill", self.kill, "Stop trading"),
                "Blocks new orders, ends every session and token, recalls what is open and, with "
                "`flatten`, closes positions; then asks the venues what is left, and goes on until "
                "nothing is. Lasts over restarts. Asked again it does the same.",
                **{**switch, "scope": Scope.TRADE},
                body=KillBody,
                bodies={"everything": {"why": "the strategy runs wild", "flatten": True}},
                answer=Killed,
                example={
                    "halt": HALT_EXAMPLE,
                    "recalled": {"main": ["o000001a"]},
                    "venues": [EMPTIED_EXAMPLE],
                },
            ),
            Route(
                *("POST", "/v1/resume", self.resume, "Let trading go on"),
                **{**switch, "scope": Scope.ADMIN},
                body=ResumeBody,
                bodies={"everything": {}},
                errors=(ApiCode.NOT_FOUND,),
                answer=Page,
                example={"items": [], "as_of_seq": 0},
            ),
            Route(
                *("GET", "/v1/halts", self.listed, "What is halted"),
                **switch,
                answer=Page,
                example=page,
            ),
        ]
