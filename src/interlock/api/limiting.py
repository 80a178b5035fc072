"""Limits, blocks and countdowns: what may be risked, what is stopped, and who must keep talking.

Decides who may change what. Invariants: every change is a fact that names who made it; a key that
may touch some accounts only may stop those, and no others.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from interlock.api.desk import Desk
from interlock.api.orders import not_your_key, not_yours
from interlock.api.problems import ApiCode, Problem, of_reject, problem
from interlock.api.route import Asked, Budget, Param, Reply, Route, Scope
from interlock.api.views import Page
from interlock.engine import tally
from interlock.orders.commands import (
    ArmCountdown,
    Command,
    DisarmCountdown,
    Lift,
    SetLimits,
)
from interlock.orders.limits import (
    Block,
    BlockCause,
    BlockLevel,
    Countdown,
    Limits,
    RiskScope,
)
from interlock.orders.rejects import Reject, RejectCode
from interlock.risk.limited import Limited
from interlock.risk.money import amount_text

TEXT_LENGTH_MAX: Final = 500


class LimitsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``limits`` absent: the scope is to have none."""

    scope: RiskScope = RiskScope()
    limits: Limits | None = None
    why: str = ""


class LiftBody(Struct, frozen=True, forbid_unknown_fields=True):
    cause: BlockCause
    name: str
    why: str = ""


class CountdownBody(Struct, frozen=True, forbid_unknown_fields=True):
    after_ms: int
    scope: RiskScope = RiskScope()
    level: BlockLevel = BlockLevel.RECALL_ENTRIES


class PositionFigures(Struct, frozen=True):
    instrument: str
    position_side: str
    net: str
    if_all_entries_fill: tuple[str, str]
    """The lowest and the highest it could come to."""


class ScopeFigures(Struct, frozen=True):
    """What a scope's limits are held against, now. Money in the quote currency."""

    open_orders: int
    orders_last_second: int
    cancels_last_second: int
    gross_notional: str | None
    """Nothing where a price is missing."""
    lost_today: str | None
    """Below zero: a gain. Nothing where no loss is limited."""
    refused_in_a_row: int
    lost_in_a_row: int
    positions: list[PositionFigures]


class LimitedScope(Struct, frozen=True):
    scope: RiskScope
    limits: Limits
    figures: ScopeFigures


class Limiting:
    """Risk control at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # Limits.

    async def limits(self, asked: Asked) -> Reply:
        state = self._desk.live.line.state
        tally.refresh(state)
        at = self._desk.live.clock.now()
        items = [
            LimitedScope(one.scope, one.limits, self._figures(one, at))
            for one in state.risk.limited.values()
            if seen(asked, one.scope)
        ]
        return Reply(Page(items, state.seq))

    async def set_limits(self, asked: Asked) -> Reply | Problem:
        body = asked.read(LimitsBody)
        if isinstance(body, Problem):
            return body
        if not rules(asked, body.scope):
            return not_allowed(body.scope)
        by, why = asked.caller.key_id, body.why[:TEXT_LENGTH_MAX]
        return await self._done(asked, SetLimits(body.scope, body.limits, by, why))

    def _figures(self, one: Limited, at: int) -> ScopeFigures:
        markets = self._desk.live.line.state.markets
        positions = []
        for (instrument, side), line in sorted(one.lines.items()):
            if not (line.net or line.buys or line.sells):
                continue
            size = markets[instrument].grid.quantity_text
            worst = (size(line.net - line.sells), size(line.net + line.buys))
            positions.append(PositionFigures(instrument, side, size(line.net), worst))
        gross = one.gross()
        return ScopeFigures(
            one.open,
            one.placed.at(at),
            one.canceled.at(at),
            None if gross is None else amount_text(gross),
            amount_text(one.loss()) if one.loss_max >= 0 else None,
            max(one.breakers.refused, one.breakers.rejected),
            one.breakers.losses,
            positions,
        )

    # Blocks.

    async def blocks(self, asked: Asked) -> Reply:
        state = self._desk.live.line.state
        items = [one for one in state.risk.blocks.values() if seen(asked, one.scope)]
        return Reply(Page(items, state.seq))

    async def lift(self, asked: Asked) -> Reply | Problem:
        body = asked.read(LiftBody)
        if isinstance(body, Problem):
            return body
        known = self._desk.live.line.state.risk.blocks.get((body.cause, body.name))
        if known is not None and not rules(asked, known.scope):
            return not_allowed(known.scope)
        if body.cause is BlockCause.KILL:
            rule = "A kill is lifted with POST /v1/resume, which names its scope."
            return problem(ApiCode.QUERY_INVALID, rule, "Use that.", "/cause")
        by, why = asked.caller.key_id, body.why[:TEXT_LENGTH_MAX]
        return await self._done(asked, Lift(body.cause, body.name, by, why))

    # Countdowns.

    async def countdowns(self, asked: Asked) -> Reply:
        state = self._desk.live.line.state
        items = [one for one in state.risk.countdowns.values() if seen(asked, one.scope)]
        return Reply(Page(items, state.seq))

    async def arm(self, asked: Asked) -> Reply | Problem:
        body = asked.read(CountdownBody)
        if isinstance(body, Problem):
            return body
        if body.scope.key not in (None, asked.caller.key or None):
            return not_your_key("/scope/key")
        if not rules(asked, body.scope):
            return not_allowed(body.scope)
        name, risk = asked.path["name"], self._desk.live.line.state.risk
        # One that has run out is known by its block: to arm it again lifts that.
        known = risk.countdowns.get(name) or risk.blocks.get((BlockCause.COUNTDOWN, name))
        if known is not None and not rules(asked, known.scope):
            return not_allowed(known.scope)
        by = asked.caller.key_id
        command = ArmCountdown(name, body.after_ms, body.scope, body.level, by)
        answer = await self._desk.ask(command)
        if isinstance(answer, Reject):
            return of_reject(answer)
        armed = risk.countdowns.get(name)
        if armed is None:  # it has run out between the two lines
            return problem(ApiCode.NOT_FOUND, f"The countdown {name!r} has run out already.")
        return Reply(armed)

    async def disarm(self, asked: Asked) -> Reply | Problem:
        name = asked.path["name"]
        known = self._desk.live.line.state.risk.countdowns.get(name)
        if known is None:
            return problem(ApiCode.NOT_FOUND, f"No countdown {name!r} is armed.")
        if not rules(asked, known.scope):
            return not_allowed(known.scope)
        return await self._done(asked, DisarmCountdown(name, asked.caller.key_id))

    async def _done(self, asked: Asked, command: Command) -> Reply | Problem:
        answer = await self._desk.ask(command)
        if isinstance(answer, Reject):
            return of_reject(answer)
        if isinstance(command, SetLimits):
            return await self.limits(asked)
        if isinstance(command, Lift):
            return await self.blocks(asked)
        return await self.countdowns(asked)

    def routes(self) -> list[Route]:
        risk: dict[str, Any] = {"tag": "Risk", "answer": Page}
        changing: dict[str, Any] = {**risk, "budget": Budget.PROTECTING}
        return [
            Route(
                *("GET", "/v1/risk/limits", self.limits, "Limits, and figures against them"),
                "Scope by scope: what is limited, and what it comes to now.",
                **risk,
                example={"items": [LIMITS_EXAMPLE], "as_of_seq": 1042},
            ),
            Route(
                *("PUT", "/v1/risk/limits", self.set_limits, "Put a scope under limits"),
                "In place of those it had; without `limits`, under none. In force from the next "
                "request on, for orders that are live as well when their legs come due.",
                **changing,
                scope=Scope.ADMIN,
                body=LimitsBody,
                bodies={"account": {"scope": {"account": "main"}, "limits": SOME, "why": "new"}},
                example={"items": [LIMITS_EXAMPLE], "as_of_seq": 1042},
                errors=(RejectCode.LIMITS_INVALID, ApiCode.ACCOUNT_NOT_ALLOWED),
            ),
            Route(
                *("GET", "/v1/risk/blocks", self.blocks, "What takes no new risk, and why"),
                **risk,
                example={"items": [BLOCK_EXAMPLE], "as_of_seq": 1042},
            ),
            Route(
                *("POST", "/v1/risk/blocks/lift", self.lift, "Lift a block"),
                "A breaker, a loss, an outage or a countdown: before its own rule does.",
                **changing,
                scope=Scope.ADMIN,
                body=LiftBody,
                bodies={"breaker": {"cause": "breaker", "name": "tag grid", "why": "mended"}},
                example={"items": [], "as_of_seq": 1042},
                errors=(ApiCode.NOT_FOUND, ApiCode.ACCOUNT_NOT_ALLOWED),
            ),
            *self._countdown_routes(risk, changing),
        ]

    def _countdown_routes(self, risk: dict[str, Any], changing: dict[str, Any]) -> list[Route]:
        name = Param("name", "The countdown's name", place="path", required=True, example="grid")
        return [
            Route(
                *("GET", "/v1/countdowns", self.countdowns, "Dead-man switches that are armed"),
                **risk,
                example={"items": [COUNTDOWN_EXAMPLE], "as_of_seq": 1042},
            ),
            Route(
                *("PUT", "/v1/countdowns/{name}", self.arm, "Arm or refresh a dead-man switch"),
                "Asked again within `after_ms` it counts anew. Else its scope takes nothing new "
                "and what `level` says is pulled, until it is armed again. With the caller's own "
                "key as `scope.key` it is of what was placed with that key, which alone arms it; "
                "an admin may disarm it.",
                **{**changing, "answer": Countdown},
                scope=Scope.TRADE,
                params=(name,),
                body=CountdownBody,
                bodies={
                    "strategy": {"after_ms": 5000, "scope": {"account": "main", "tag": "g"}},
                    "own key": {"after_ms": 5000, "scope": {"key": "ik_gezdgnbvgy3tqojq"}},
                },
                example=COUNTDOWN_EXAMPLE,
                errors=(
                    *(RejectCode.LIMITS_INVALID, ApiCode.ACCOUNT_NOT_ALLOWED),
                    ApiCode.KEY_NOT_YOURS,
                ),
            ),
            Route(
                *("DELETE", "/v1/countdowns/{name}", self.disarm, "Disarm a dead-man switch"),
                **changing,
                scope=Scope.TRADE,
                params=(name,),
                example={"items": [], "as_of_seq": 1042},
                errors=(
                    *(ApiCode.NOT_FOUND, ApiCode.ACCOUNT_NOT_ALLOWED),
                    ApiCode.KEY_NOT_YOURS,
                ),
            ),
        ]


def seen(asked: Asked, scope: RiskScope) -> bool:
    """Whether a caller may know of it: what is about all accounts is about theirs too."""
    if scope.key not in (None, asked.caller.key) and Scope.ADMIN not in asked.caller.scopes:
        return False
    return scope.account is None or asked.caller.may_touch(scope.account)


def rules(asked: Asked, scope: RiskScope) -> bool:
    """Whether a caller may change what holds for a scope. What is of a key, that key may, and an
    admin."""
    if scope.key is not None and scope.key == asked.caller.key:
        return scope.account is None or asked.caller.may_touch(scope.account)
    if scope.key is not None and Scope.ADMIN not in asked.caller.scopes:
        return False
    if scope.account is None:
        return not asked.caller.accounts
    return asked.caller.may_touch(scope.account)


def not_allowed(scope: RiskScope) -> Problem:
    """Why a caller may not change what holds for a scope."""
    if scope.key is not None:
        return not_your_key("")
    return not_yours(scope.account or "all accounts")


SOME: Final[dict[str, Any]] = {"max_position": "5", "max_daily_loss": "1000"}
SCOPE: Final[dict[str, Any]] = {"account": "main"}
LIMITS_EXAMPLE: Final[dict[str, Any]] = {
    "scope": SCOPE,
    "limits": SOME,
    "figures": {
        "open_orders": 2,
        "orders_last_second": 0,
        "cancels_last_second": 0,
        "gross_notional": "30000",
        "lost_today": "12.5",
        "refused_in_a_row": 0,
        "lost_in_a_row": 1,
        "positions": [
            {
                "instrument": "BTCUSDT.PAPER",
                "position_side": "",
                "net": "0.5",
                "if_all_entries_fill": ["0.5", "1"],
            }
        ],
    },
}
BLOCK_EXAMPLE: Final[dict[str, Any]] = msgspec.to_builtins(
    Block(
        *(BlockCause.BREAKER, "tag grid", RiskScope(tag="grid"), BlockLevel.RECALL_ENTRIES),
        *(1_723_161_286_851_053_928, "interlock", "breaker_losses is 3, and this was 3"),
        until=1_723_161_346_851_053_928,
    )
)
COUNTDOWN_EXAMPLE: Final[dict[str, Any]] = msgspec.to_builtins(
    Countdown(
        *("grid", RiskScope("main", tag="g"), 5_000_000_000, 1_723_161_291_851_053_928),
        *(BlockLevel.RECALL_ENTRIES, "ik_gezdgnbvgy3tqojq"),
    )
)
