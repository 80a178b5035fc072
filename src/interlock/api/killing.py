"""Kill: stop an account, an instrument, a strategy or everything, until a person resumes it.

Decides the order of things: first nothing new is taken, then what is open is recalled, then the
venues are asked whether it is gone. Invariants: the halt is durable before anything is recalled;
cancels and closes are still taken after it; a drill changes nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from interlock.api.access.halt import Halt
from interlock.api.access.opening import Access
from interlock.api.desk import Desk
from interlock.api.limiting import rules
from interlock.api.orders import not_yours
from interlock.api.problems import ApiCode, Problem, of_reject, problem
from interlock.api.route import Asked, Budget, Reply, Route, Scope
from interlock.api.views import Page
from interlock.engine.decide import decide
from interlock.engine.flattening import held
from interlock.engine.leg import LegState
from interlock.engine.order import Order
from interlock.orders.commands import Accepted, CancelMode, Kill, Lift, PlaceOrders
from interlock.orders.limits import BlockCause, BlockLevel, RiskScope
from interlock.orders.rejects import Reject, RejectCode
from interlock.runtime import imaging
from interlock.runtime.emptying import Emptying, VenueEmptied

TEXT_LENGTH_MAX: Final = 500
WITHIN_S: Final = 5.0
"""The answer waits so long for the venues to be empty; recalling goes on after it."""


class KillBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is not named is not limited to: nothing at all stops everything."""

    account: str | None = None
    instrument: str | None = None
    tag: str | None = None
    """A strategy."""
    level: BlockLevel | None = None
    """How far it goes; ``recall_entries`` when not given."""
    why: str = ""
    flatten: bool = False
    """The same as the level ``flatten``."""
    drill: bool = False
    """Only say what it would do."""

    @property
    def scope(self) -> RiskScope:
        return RiskScope(self.account, self.instrument, self.tag)

    @property
    def goes(self) -> BlockLevel:
        return BlockLevel.FLATTEN if self.flatten else self.level or BlockLevel.RECALL_ENTRIES


class ResumeBody(Struct, frozen=True, forbid_unknown_fields=True):
    account: str | None = None
    instrument: str | None = None
    tag: str | None = None

    @property
    def scope(self) -> RiskScope:
        return RiskScope(self.account, self.instrument, self.tag)


class Closes(Struct, frozen=True):
    account: str
    instrument: str
    position_side: str
    quantity: str
    tag: str


class Killed(Struct, frozen=True):
    """What was stopped, what is being recalled account by account, and what is left at each venue.

    Asked again, it says how far that is.
    """

    scope: RiskScope
    level: BlockLevel
    halt: Halt | None
    """Of an account, or of all: nothing is taken at the door, and sessions have ended."""
    recalled: dict[str, tuple[str, ...]]
    venues: list[VenueEmptied]
    drill: bool = False
    closes: list[Closes] = []
    """Positions that ``flatten`` closes (or in a drill: would)."""


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


_DRILLED: Final = msgspec.json.Decoder(tuple[dict[str, tuple[str, ...]], list[VenueEmptied]])


def _taken(order: Order) -> bool:
    """Whether a kill takes anything of an order; one that has only exits may keep them all."""
    return (
        bool(order.done)
        or order.winding == CancelMode.FLATTEN
        or any(
            leg.canceling
            or (leg.venue is not None and leg.venue.recalled)
            or (leg.state is LegState.CANCELED and leg.end_reason == order.winding_reason)
            for leg in order.legs
        )
    )


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
        scope, level = body.scope, body.goes
        state = self._desk.live.line.state
        if scope.instrument is not None and scope.instrument not in state.markets:
            rule = f"No instrument {scope.instrument!r} is known here."
            return problem(RejectCode.INSTRUMENT_UNKNOWN, rule, "", "/instrument")
        closes = self._closes(scope) if level is BlockLevel.FLATTEN else []
        command = Kill(scope, level, asked.caller.key_id, body.why[:TEXT_LENGTH_MAX])
        if body.drill:
            return await self._drill(command, closes)
        whole = scope == RiskScope(scope.account)
        halt = None
        if whole:
            halt = self._access.halts.halt(body.account, asked.caller.key_id, body.why)
        answer = await self._desk.ask(command)
        if isinstance(answer, Reject):
            return of_reject(answer)
        if level is BlockLevel.BLOCK_NEW:
            return Reply(Killed(scope, level, halt, {}, []))
        # Cancels overtake placements. Those that were let in before the halt are decided once this,
        # which waits among them, is answered; then they are recalled too.
        await self._desk.ask(PlaceOrders(()))
        last = await self._desk.ask(command)
        orders = [*answer.orders, *(last.orders if isinstance(last, Accepted) else ())]
        venues = await self._emptying.of(scope, WITHIN_S)
        return Reply(Killed(scope, level, halt, self._by_account(orders), venues, False, closes))

    def _by_account(self, orders: Sequence[str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        book = self._desk.live.line.state.orders
        for order in book.looked_at(dict.fromkeys(orders)):
            if _taken(order):
                found.setdefault(order.terms.account, []).append(order.id)
        return {account: tuple(ids) for account, ids in sorted(found.items())}

    def _closes(self, scope: RiskScope) -> list[Closes]:
        state = self._desk.live.line.state
        return [
            Closes(account, symbol, side, state.markets[symbol].grid.quantity_text(units), tag)
            for (account, symbol, side, tag), units in held(state, scope).items()
        ]

    async def _drill(self, command: Kill, closes: list[Closes]) -> Reply | Problem:
        """The kill itself, decided in a copy of everything; what it sends goes nowhere."""
        live = self._desk.live

        def decided() -> bytes:
            answer = decide(live.line.state, command, live.clock.now()).answer
            orders = answer.orders if isinstance(answer, Accepted) else ()
            found = self._emptying.present(command.scope) if orders else []
            return msgspec.json.encode((self._by_account(orders), found))

        try:
            said = await asyncio.to_thread(imaging.beside(decided).image)
        except (imaging.ImageLost, OSError) as trouble:
            rule = f"The drill could not be held: {trouble}."
            return problem(ApiCode.INTERNAL, rule, "Nothing was changed; ask again.")
        recalled, venues = _DRILLED.decode(said)
        return Reply(Killed(command.scope, command.level, None, recalled, venues, True, closes))

    async def resume(self, asked: Asked) -> Reply | Problem:
        body = asked.read(ResumeBody, b"{}")
        if isinstance(body, Problem):
            return body
        scope = body.scope
        if not rules(asked, scope):
            return not_yours(scope.account or "all accounts")
        refused: Problem | None = None
        if scope == RiskScope(scope.account):
            refused = self._access.halts.resume(scope.account, asked.caller.key_id)
        lift = Lift(BlockCause.KILL, str(scope), asked.caller.key_id)
        answer = await self._desk.ask(lift)
        if isinstance(answer, Accepted):
            refused = None  # either of the two was in force
        elif scope != RiskScope(scope.account):
            return problem(ApiCode.NOT_FOUND, f"There is no kill of {scope}.")
        if refused is None:
            self._emptying.stop(scope)
        return refused or Reply(self._standing())

    async def listed(self, asked: Asked) -> Reply:
        return Reply(self._standing())

    def _standing(self) -> Page:
        return Page([msgspec.to_builtins(halt) for halt in self._access.halts.standing()], 0)

    def routes(self) -> list[Route]:
        switch: dict[str, Any] = {"budget": Budget.KILLING, "tag": "Kill"}
        page = {"items": [HALT_EXAMPLE], "as_of_seq": 0}
        return [
            Route(
                *("POST", "/v1/kill", self.kill, "Stop trading"),
                "Of an account, an instrument, a strategy (`tag`), or of everything. `level` says "
                "how far it goes: `block_new` takes nothing new, `recall_entries` recalls what "
                "could add risk, `recall_all` targets too, `flatten` closes positions, their "
                "protective stops last. Then the venues are asked what is left, until nothing is. "
                "Lasts over restarts; asked again it does the same. For an account or for all it "
                "ends sessions and tokens as well. `drill` only says what it would do.",
                **{**switch, "scope": Scope.TRADE},
                body=KillBody,
                bodies={
                    "everything": {"why": "the strategy runs wild", "flatten": True},
                    "strategy": {"tag": "grid", "level": "recall_all"},
                    "drill": {"account": "main", "level": "flatten", "drill": True},
                },
                answer=Killed,
                example={
                    "scope": {},
                    "level": "flatten",
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
                errors=(ApiCode.NOT_FOUND, ApiCode.ACCOUNT_NOT_ALLOWED),
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
