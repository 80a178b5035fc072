"""Reconcile: ask the venues about everything now, and say what they and we do not agree on.

Decides who may ask. Invariant: asking changes nothing by itself; what the line then settles is in
the journal like everything else.
"""

from typing import Any

from interlock.api.orders import not_yours
from interlock.api.problems import ApiCode, Problem
from interlock.api.route import Asked, Budget, Reply, Route, Scope
from interlock.runtime.reconciling import Reconciliation
from interlock.runtime.reconciling import Reconciling as Venues

EXAMPLE: dict[str, Any] = {
    "venues": [
        {
            "venue": "USDM",
            "connected": True,
            "as_of": 1_723_161_286_851_053_928,
            "complete": True,
            "fills_told_to": 1_723_161_286_851_053_928,
            "open_orders": 2,
            "differences": [
                {
                    "kind": "position",
                    "what": "main BTCUSDT.USDM long",
                    "here": "0.01",
                    "there": "0.51",
                }
            ],
            "balances": [
                {
                    "account": "main",
                    "as_of": 1_723_161_286_851_053_928,
                    "balances": [
                        {
                            "asset": "USDT",
                            "free": "99684.97000000",
                            "locked": "315.03000000",
                            "wallet": "100000.00000000",
                            "available_margin": "99684.97000000",
                            "maintenance_margin": "1.20000000",
                        }
                    ],
                }
            ],
        }
    ],
    "settled": [],
}


class Reconciling:
    """Questions of one server."""

    def __init__(self, venues: Venues) -> None:
        self._venues = venues

    async def now(self, asked: Asked) -> Reply | Problem:
        if asked.caller.accounts:
            return not_yours("all accounts")
        return Reply(await self._venues.now())

    def routes(self) -> list[Route]:
        return [
            Route(
                *("POST", "/v1/reconcile", self.now, "Ask the venues about everything now"),
                "Open orders of every family, fills since the last known, positions, balances; "
                "what differs, and what was settled because of it. Nothing is concluded from what "
                "could not be read: see `complete`. For keys that may see all accounts.",
                scope=Scope.READ,
                budget=Budget.READING,
                answer=Reconciliation,
                example=EXAMPLE,
                errors=(ApiCode.ACCOUNT_NOT_ALLOWED,),
                tag="Positions",
            )
        ]
