"""Limits on prices and money in a world, more often than older worlds have them.

Decides what is drawn of collars, distances of stops, exposures, losses and margins on top of a plan
that is drawn already, for seeds from 3 000 000 on. Invariants: it has a ``Random`` of its own; what
is switched off is drawn all the same.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from interlock.orders import commands as c
from interlock.orders.limits import Limits, RiskScope
from interlock.sim.plan import FaultClass, Given, Plan
from interlock.sim.risks import OFFICER, RiskDraw


def with_worths(plan: Plan, without: frozenset[FaultClass]) -> Plan:
    """The plan, with limits that need prices."""
    commands = sorted(WorthDraw(plan).limits(), key=lambda given: given.at)
    return plan if FaultClass.RISK in without else replace(plan, commands=tuple(commands))


class WorthDraw(RiskDraw):
    """What is drawn for one world."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "worths")

    def limits(self) -> list[Given]:
        """Some more in limits that are there, and some of their own."""
        rng = self.rng
        out: list[Given] = []
        for given in self.plan.commands:
            command = given.command
            if isinstance(command, c.SetLimits) and command.limits is not None:
                more = self._more(command.scope)
                if self._chance(0.3):
                    limits = replace(command.limits, **more)
                    given = Given(given.at, replace(command, limits=limits))
            out.append(given)
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            scope = self.scope()
            at = self.plan.start if self._chance(0.7) else self._moment()
            limits = msgspec.convert(self._more(scope), Limits)
            out.append(Given(at, c.SetLimits(scope, limits, OFFICER)))
        return out

    def _more(self, scope: RiskScope) -> dict[str, Any]:
        rng = self.rng
        grid = self.grids[rng.choice(self.symbols)]
        size, price = rng.choice(self.sizes), self.prices.get(grid.symbol, 1000)

        def money(*permille: int) -> str:
            return grid.money_text(max(1, size * price * rng.choice(permille) // 1000))

        fields: dict[str, tuple[float, Any]] = {
            "max_price_deviation_bps": (0.3, rng.choice((5, 50, 300))),
            "min_stop_distance_bps": (0.15, rng.choice((1, 5, 10))),
            "max_stop_distance_bps": (0.25, rng.choice((10, 40, 200))),
            "max_gross_notional": (0.4, money(500, 1000, 2500, 6000)),
            "max_daily_loss": (0.4, money(1, 3, 10, 50)),
            "min_free_margin": (0.5, rng.choice(("90000", "99000", "99900", "99990"))),
            "initial_margin_bps": (0.5, rng.choice((1000, 5000))),
        }
        found = {name: value for name, (share, value) in fields.items() if self._chance(share)}
        if scope.account is None:
            found.pop("min_free_margin", None)
        return found
