"""Second thoughts in a world: people who take protection away, and are asked whether they mean it.

Decides what is drawn of them on top of a plan that is drawn already, for seeds from 3 000 000 on.
Invariants: it has a ``Random`` of its own; what is switched off is drawn all the same. A token is
known only when it is answered: a plan names it by the key of the request that will be told it.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from interlock.orders import commands as c
from interlock.orders.tree import LegChange
from interlock.sim.plan import TOLD_TO, FaultClass, Given, Plan
from interlock.sim.risks import MS, SECOND, RiskDraw

LATE_NS: Final = 601 * SECOND
"""After that a token that is good is good no more."""
STOPS: Final = ("stop", "stop_limit", "trailing_stop", "trailing_stop_limit")


def with_thoughts(plan: Plan, without: frozenset[FaultClass]) -> Plan:
    """The plan, with people who are asked twice."""
    draw = ThoughtDraw(plan)
    cautious = draw.cautious()
    commands = sorted([*cautious, *draw.people()], key=lambda given: given.at)
    if FaultClass.THOUGHTS in without:
        return plan
    return replace(plan, commands=tuple(commands))


class ThoughtDraw(RiskDraw):
    """What is drawn for one world."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "thoughts")
        self.pauses: dict[tuple[str, str], int] = {}
        """By account and client order id: ``cooling_off_s``."""
        self.keys = 0

    def cautious(self) -> list[Given]:
        """The same commands, some of their orders with a time to think."""
        out: list[Given] = []
        for given in self.plan.commands:
            place = given.command
            if isinstance(place, c.PlaceOrder):
                key = (place.account, place.client_order_id)
                pause = self.pauses.setdefault(key, self.rng.choice((0, 0, 1, 3, 10, 25)))
                if pause:
                    policy = replace(place.policy, cooling_off_s=pause)
                    given = Given(given.at, replace(place, policy=policy))
            out.append(given)
        return out

    def people(self) -> list[Given]:
        """What people ask of these orders, and ask again: early, in time, late, or otherwise."""
        rng = self.rng
        out: list[Given] = []
        seen: dict[tuple[str, str], bool] = {}
        for given in self.places:
            place = self._place(given)
            key = (place.account, place.client_order_id)
            if key in seen or not self.pauses.get(key):
                continue
            seen[key] = True
            for _ in range(rng.choice((0, 1, 2, 2, 3))):
                at = given.at + rng.randrange(1, 25_000) * MS
                out += self._asks(place, at, self.pauses[key])
        return out

    def _asks(self, place: c.PlaceOrder, at: int, pause: int) -> list[Given]:
        rng = self.rng
        first = self._keyed(self._command(place), person=self._chance(0.9))
        out = [Given(at, first)]
        late = self._chance(0.2)
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            wait = rng.choice((pause * 500, pause * 1000 - 1, pause * 1000, pause * 1000 + 1000))
            at += max(1, wait) * MS
            kind = rng.choice(("again", "again", "again", "no token", "new key", "other", "twice"))
            one = replace(first, second_thought=f"{TOLD_TO}{first.key}", why="I mean it")
            if kind == "no token":
                one = first
            elif kind == "new key":
                one = replace(one, key=self._key())
            elif kind == "other":
                one = replace(self._keyed(self._command(place)), second_thought=one.second_thought)
            elif kind == "twice":
                out.append(Given(at, one))
                one = replace(one, key=self._key())
            out.append(Given(at, one))
        if late:
            again = replace(first, second_thought=f"{TOLD_TO}{first.key}", why="I mean it")
            out.append(Given(out[0].at + pause * SECOND + LATE_NS, again))
        return out

    def _key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def _keyed(self, command: c.Plain, person: bool = True) -> c.Keyed:
        return c.Keyed("anna", self._key(), f"d{self.keys}", command, person)

    def _command(self, place: c.PlaceOrder) -> c.Plain:
        """Mostly what takes protection away; at times what does not."""
        rng = self.rng
        whose: dict[str, Any] = {"account": place.account, "client_order_id": place.client_order_id}
        kind = rng.randrange(10)
        if kind < 2:
            return c.CancelOrder(**whose, exposure=rng.choice(list(c.CancelMode)))
        if kind == 2:
            mode = rng.choice((c.CancelMode.RELEASE, c.CancelMode.RELEASE, c.CancelMode.FLATTEN))
            return c.CancelOrders(place.account, tag=place.tag or None, exposure=mode)
        symbol, leg = self._stop(place)
        name = str(leg.get("id") or "stop")
        if kind < 5:
            return c.CancelLeg(rng.choice((name, name, "entry", "target")), **whose)
        return c.AmendOrder({name: self._change(symbol, leg)}, **whose)

    def _change(self, symbol: str, leg: dict[str, Any]) -> LegChange:
        """Farther away or nearer, smaller or larger."""
        rng = self.rng
        grid = self.grids[symbol]
        price = self.prices.get(symbol, 1000)
        text = leg.get("trigger_price")
        known = grid.price_units(text) if isinstance(text, str) else price
        level = known if isinstance(known, int) else price
        scale = max(2, level // 200)
        body: dict[str, Any] = {}
        if "trail" in leg:
            body["trail"] = {"ticks": rng.choice((2, scale, 5 * scale))}
        else:
            body["trigger_price"] = grid.price_text(max(1, level + rng.randrange(-scale, scale)))
        if self._chance(0.3):
            body = {"quantity": grid.quantity_text(grid.min_quantity * rng.choice((1, 3, 30)))}
        return msgspec.convert(body, LegChange)

    def _stop(self, place: c.PlaceOrder) -> tuple[str, dict[str, Any]]:
        """An instrument of the order, and one of its stops."""
        legs = list(_legs(msgspec.to_builtins(place.order)))
        symbol = next(one["instrument"] for one in legs if "instrument" in one)
        stops = [one for one in legs if one["type"] in STOPS and "instrument" not in one]
        return symbol, self.rng.choice(stops or legs)


def _legs(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and "side" in node:
        yield node
    elif isinstance(node, dict | list | tuple):
        for one in node.values() if isinstance(node, dict) else node:
            yield from _legs(one)
