"""Signals in a world: schemas, several sources, values that are wrong, late, or never come.

Decides what is drawn of them on top of a plan that is drawn already, for seeds from 3 000 000 on.
Invariants: it has a ``Random`` of its own and comes last, so that nothing else depends on it; what
is switched off is drawn all the same.
"""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from interlock.orders import commands as c
from interlock.orders.instruments import PositionMode
from interlock.orders.signals import Corroboration, SignalRules
from interlock.sim.plan import FaultClass, Given, Plan
from interlock.sim.risks import MS, OFFICER, PLACE, SECOND, RiskDraw

NAMES: Final = ("mood", "heat")
"""Orders of older worlds wait for the first as well."""
SOURCES: Final = ("a", "b", "c")


def with_signals(plan: Plan, without: frozenset[FaultClass]) -> Plan:
    """The plan, with signals that have a schema."""
    draw = SignalDraw(plan)
    found = [given for name in NAMES for given in (*draw.schemas(name), *draw.values(name))]
    commands = sorted([*plan.commands, *found, *draw.orders()], key=lambda given: given.at)
    if FaultClass.SIGNALS in without:
        return plan
    return replace(plan, commands=tuple(commands))


class SignalDraw(RiskDraw):
    """What is drawn for one world."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "signals")

    def schemas(self, name: str) -> list[Given]:
        """One when the world begins, or later; at times another, or none, after that."""
        rng = self.rng
        out: list[Given] = []
        for number in range(rng.choice((0, 1, 1, 1, 2))):
            rules = self._rules() if number == 0 or self._chance(0.7) else None
            at = self.plan.start if number == 0 and self._chance(0.8) else self._moment()
            out.append(Given(at, c.DefineSignal(name, rules, OFFICER)))
        return out

    def _rules(self) -> SignalRules:
        rng = self.rng
        sources = SOURCES if self._chance(0.5) else ()
        age = rng.choice((None, 1500, 5000, 15_000))
        quorum = rng.choice((1, 2, 2, 3)) if sources and age else 1
        move = Corroboration(rng.choice(self.symbols), rng.choice((2, 50)), rng.choice((3, 30)))
        return SignalRules(
            sources=sources,
            low="-8" if self._chance(0.6) else None,
            high="10" if self._chance(0.6) else None,
            max_step=rng.choice((None, None, "4", "9")),
            max_age_ms=age,
            quorum=quorum,
            corroborated_by=move if self._chance(0.15) else None,
            cool_s=rng.choice((0, 1, 3)),
            calm_values=rng.choice((1, 2, 3)),
        )

    def values(self, name: str) -> list[Given]:
        """What sources say: mostly sound, at times too much, no number, or from another time."""
        rng = self.rng
        out: list[Given] = []
        for source in (*SOURCES, "", "x")[: rng.choice((1, 3, 3, 4, 5))]:
            at, apart = self._moment(), rng.choice((200, 700, 3000))
            value = rng.randrange(-6, 9)
            for _ in range(rng.choice((0, 2, 4, 10))):
                at += rng.randrange(1, 2 * apart) * MS
                value = max(-7, min(9, value + rng.randrange(-3, 4)))
                text = str(value)
                if self._chance(0.07):
                    text = rng.choice(("900", "-9", "10.5", "NaN", "1e1", "", "-0"))
                made: int | None = None
                if self._chance(0.3):
                    made = at - rng.choice((0, 0, 1, 4, 20, -4, -20)) * SECOND
                out.append(Given(at, c.Signal(name, text, source, made)))
        return out

    def orders(self) -> list[Given]:
        """Orders of which a leg waits for a signal."""
        rng = self.rng
        out: list[Given] = []
        for number in range(rng.choice((0, 1, 2, 3))):
            place, at = self._simple(f"signal {number}", 1), self._moment()
            body = msgspec.to_builtins(place)
            entry = body["order"]
            entry["when"] = self._when()
            hedge = self.grids[entry["instrument"]].instrument.position_mode is PositionMode.HEDGE
            if self._chance(0.5) and not hedge:
                body["order"] = self._bracket(entry)
            out.append(Given(at, PLACE.decode(msgspec.json.encode(body))))
        return out

    def _bracket(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Its entry or its target waits for a signal; now and then its stop, which is refused."""
        rng = self.rng
        grid, buys = self.grids[entry["instrument"]], entry["side"] == "buy"
        price, side = self.prices.get(grid.symbol, 1000), "sell" if buys else "buy"
        away = max(2, price // rng.choice((30, 100))) * (1 if buys else -1)
        stop: dict[str, Any] = {"type": "stop", "id": "stop", "side": side}
        stop["trigger_price"] = grid.price_text(max(1, price - 2 * away))
        target: dict[str, Any] = {"type": "limit", "id": "target", "side": side}
        target["price"] = grid.price_text(max(1, price + 2 * away))
        if self._chance(0.5):
            target["when"] = entry.pop("when")
        if self._chance(0.1):
            stop["when"] = self._when()
        return {"type": "bracket", "entry": entry, "stop_loss": stop, "take_profit": target}

    def _when(self) -> dict[str, Any]:
        """A signal, its denial, or one of it and a time."""
        rng = self.rng
        level, way = rng.choice(("-2", "0", "2", "5")), rng.choice(("at_or_above", "at_or_below"))
        atom = {"signal": {"name": rng.choice(NAMES), way: level}}
        kind = rng.choice(("plain", "plain", "not", "any"))
        if kind == "not":
            return {"not": atom}
        if kind == "any":
            return {"any": [atom, {"time": {"at_or_after": self._moment()}}]}
        return atom
