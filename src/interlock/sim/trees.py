"""Random but sensible orders: what traders place, in every shape the words allow.

Decides the orders of a simulated world from a ``Random``. Invariant: the same ``Random`` gives the
same orders, and every order is one that a trader could mean.
"""

from random import Random
from typing import Any

from interlock.orders.capabilities import Capabilities
from interlock.orders.grid import Grid
from interlock.orders.instruments import PositionMode

Body = dict[str, Any]
PLAIN = Capabilities()
SECOND = 1_000_000_000


class TreeMaker:
    """Orders for one instrument around its price."""

    def __init__(
        self,
        rng: Random,
        grid: Grid,
        able: Capabilities = PLAIN,
        others: tuple[Grid, ...] = (),
        at: int = 0,
        sources: tuple[str, ...] = ("last",),
    ) -> None:
        self.rng = rng
        self.grid = grid
        self.able = able
        self.others = others
        """Instruments that may be watched, or traded as a hedge, beside the main one."""
        self.at = at
        self.sources = sources
        self.count = 0
        self.plain = False
        """Whether the order at hand has no policy: the engine keeps such ones in its own way."""

    def place(self, price: int, scale: int) -> Body:
        """One placement around ``price``; ``scale`` is a usual move in increments."""
        self.count += 1
        rng = self.rng
        makers = (
            self.bracket,
            self.bracket,
            self.ladder,
            self.straddle,
            self.two_brackets,
            self.trailing,
            self.single,
            self.chain,
            self.nested,
            self.pair,
            self.hedged,
            self.exits,
        )
        self.plain = False
        order, rules = makers[rng.randrange(len(makers))](price, max(4, scale))
        body: Body = {"client_order_id": f"t{self.count}", "account": "main", "order": order}
        policy = self.policy(scale)
        if self.hedge:
            self.take_sides(order)
        if policy and not self.plain:
            body["policy"] = policy
        if rules:
            body["rules"] = rules
        return body

    def policy(self, scale: int) -> Body:
        rng = self.rng
        out: Body = {}
        if rng.random() < 0.2:
            out["hold"] = "engine"
        if rng.random() < 0.2:
            out["on_recall"] = "race"
        if rng.random() < 0.3:
            out["on_overfill"] = rng.choice(["flatten", "alert", "keep"])
        if rng.random() < 0.2:
            out["on_exit_reject"] = rng.choice(["market", "alert", "retry_then_market"])
        if rng.random() < 0.15:
            out["confirm_fill_ms"] = rng.choice([50, 500])
        if rng.random() < 0.15:
            out["dust"] = rng.choice(["round_up_reduce_only", "market_with_last"])
        if rng.random() < 0.3:
            out["on_outside_change"] = rng.choice(["adopt", "restore", "release"])
        if rng.random() < 0.1:
            out["on_gap"] = "hold_and_alert"
        if rng.random() < 0.1 and self.able.native_stop and self.able.reduce_only:
            out["safety_stop"] = {"bps": 2000}
        if rng.random() < 0.05 and self.at:
            out["flatten_at"] = self.at + rng.randrange(5, 60) * SECOND
        if not self.able.reduce_only:
            out.pop("on_recall", None)
        return out

    @property
    def hedge(self) -> bool:
        return self.grid.instrument.position_mode is PositionMode.HEDGE

    def take_sides(self, node: Body) -> None:
        """In hedge mode entries say which side they open; exits inherit it."""
        if "instrument" in node and "side" in node:
            node["position_side"] = "long" if node["side"] == "buy" else "short"
        for inner in node.values():
            for one in inner if isinstance(inner, list) else [inner]:
                if isinstance(one, dict):
                    self.take_sides(one)

    def dress(self, leg: Body, price: int, scale: int) -> Body:
        """What some legs have besides: a source, a confirmation, a condition, a way out."""
        rng = self.rng
        kind = leg["type"]
        if "trigger_price" in leg or "trail" in leg:
            if rng.random() < 0.2:
                leg["trigger_by"] = rng.choice(self.sources)
            if rng.random() < 0.1:
                leg["trigger_confirm"] = rng.choice([{"ticks": 2}, {"ms": 700}])
        if rng.random() < 0.12:
            leg["when"] = self.condition(price, scale)
        if kind in ("stop_limit", "limit_if_touched") and rng.random() < 0.5:
            leg["escalate"] = {"after_ms": rng.choice([300, 3000])}
        if kind == "limit" and rng.random() < 0.1 and self.able.post_only:
            leg["post_only"] = True
        whole = not str(leg.get("quantity", "%")).endswith("%")
        if kind == "limit" and rng.random() < 0.1 and whole:
            leg["display_quantity"] = self.grid.quantity_text(self.grid.min_quantity)
        if rng.random() < 0.05 and kind in ("stop", "stop_limit") and self.able.native_stop:
            leg["hold"] = "venue"
        return leg

    def condition(self, price: int, scale: int, depth: int = 0) -> Body:
        """A price, a signal, a time, a volume; or some of these together."""
        rng = self.rng
        draw = rng.randrange(4 if depth else 6)
        if draw == 0:
            grid = rng.choice((self.grid, *self.others)) if self.others else self.grid
            way = rng.choice(["at_or_above", "at_or_below"])
            text = self.text(price + rng.choice((-1, 1)) * self.far(scale))
            return {"price": {"instrument": grid.symbol, way: text}}
        if draw == 1:
            return {"signal": {"name": "mood", "at_or_above": rng.choice(["0", "5", "-2"])}}
        if draw == 2:
            return {"time": {"at_or_after": self.at + rng.randrange(1, 30) * SECOND}}
        if draw == 3:
            volume = self.grid.quantity_text(self.grid.min_quantity * rng.choice((1, 50, 400)))
            return {"volume": {"at_least": volume}}
        parts = [self.condition(price, scale, 1), self.condition(price, scale, 1)]
        return {rng.choice(["all", "any"]): parts} if draw == 4 else {"not": parts[0]}

    def quantity(self) -> str:
        least = self.grid.min_quantity
        return self.grid.quantity_text(least * self.rng.choice([1, 2, 3, 5, 10, 17, 40]))

    def far(self, scale: int) -> int:
        return max(2, int(scale * self.rng.choice([1, 2, 3, 5, 8]) // 2))

    def text(self, price: int) -> str:
        return self.grid.price_text(max(1, price))

    def entry(self, side: int, price: int, scale: int) -> Body:
        rng = self.rng
        leg: Body = {
            "id": "entry",
            "instrument": self.grid.symbol,
            "side": "buy" if side > 0 else "sell",
            "quantity": self.quantity(),
        }
        kind = rng.choice(["market", "limit", "limit", "stop", "market_if_touched"])
        leg["type"] = kind
        if kind == "limit":
            leg["price"] = self.text(price - side * rng.randrange(0, self.far(scale)))
            if rng.random() < 0.2:
                leg["time_in_force"] = rng.choice(["ioc", "day", "fok", "gtd"])
                if leg["time_in_force"] == "gtd":
                    leg["expire_at"] = self.at + rng.randrange(2, 60) * SECOND
        elif kind == "stop":
            leg["trigger_price"] = self.text(price + side * self.far(scale))
        elif kind == "market_if_touched":
            leg["trigger_price"] = self.text(price - side * self.far(scale))
        return self.dress(leg, price, scale) if self.at else leg

    def base(self, leg: Body, price: int) -> int:
        """The price the entry is about, for its exits' sides."""
        text = leg.get("price") or leg.get("trigger_price")
        if text is None:
            return price
        units = self.grid.price_units(text)
        assert isinstance(units, int)
        return units

    def stop(self, side: int, base: int, scale: int) -> Body:
        """A protective stop for a position of ``side``."""
        rng = self.rng
        leg: Body = {"id": "stop", "side": "sell" if side > 0 else "buy"}
        kind = rng.choice(["stop", "stop", "stop_limit", "trailing_stop"])
        if kind == "trailing_stop" and self.at and rng.random() < 0.3:
            kind = "trailing_stop_limit"
            leg["limit_offset"] = {"ticks": self.far(scale)}
        leg["type"] = kind
        distance = self.far(scale)
        if kind.startswith("trailing"):
            leg["trail"] = rng.choice([{"ticks": distance}, {"bps": rng.choice([1, 20, 100])}])
            if rng.random() < 0.3:
                leg["activation_price"] = self.text(base + side * self.far(scale))
            return self.dress(leg, base, scale) if self.at else leg
        if rng.random() < 0.3:
            leg["trigger_price"] = {"from_entry": {"ticks": -distance}}
        else:
            leg["trigger_price"] = self.text(base - side * distance)
        if kind == "stop_limit":
            leg["price"] = self.text(base - side * (distance + self.far(scale) // 2))
            leg["escalate"] = {"after_ms": rng.choice([500, 5000]), "to": "market"}
        if rng.random() < 0.15:
            leg["trigger_confirm"] = rng.choice([{"ticks": 2}, {"ms": 200}])
        return self.dress(leg, base, scale) if self.at else leg

    def target(self, side: int, base: int, scale: int, name: str = "target") -> Body:
        rng = self.rng
        leg: Body = {"id": name, "side": "sell" if side > 0 else "buy", "type": "limit"}
        price = self.text(base + side * self.far(scale))
        if rng.random() < 0.2:
            leg["type"] = "limit_if_touched"
            leg["trigger_price"] = price
            leg["price"] = price
        elif rng.random() < 0.3:
            leg["price"] = {"from_entry": {"ticks": self.far(scale)}}
        else:
            leg["price"] = price
        return self.dress(leg, base, scale) if self.at else leg

    def bracket(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        side = self.rng.choice([1, -1])
        entry = self.entry(side, price, scale)
        base = self.base(entry, price)
        order: Body = {"type": "bracket", "entry": entry}
        if self.rng.random() < 0.9:
            order["stop_loss"] = self.stop(side, base, scale)
        if self.rng.random() < 0.9 or "stop_loss" not in order:
            order["take_profit"] = self.target(side, base, scale)
        if self.rng.random() < 0.3:
            order["activate_on"] = self.rng.choice(["first_fill", "full_fill"])
        return order, []

    def ladder(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        side = self.rng.choice([1, -1])
        entry = self.entry(side, price, scale)
        entry["quantity"] = self.grid.quantity_text(self.grid.min_quantity * 20)
        base = self.base(entry, price)
        shares = self.rng.choice([["50%", "30%", "20%"], ["50%", "50%"], ["40%", "20%"]])
        targets = []
        for number, share in enumerate(shares):
            leg = {
                "id": f"target_{number + 1}",
                "type": "limit",
                "side": "sell" if side > 0 else "buy",
                "quantity": share,
                "price": self.text(base + side * (number + 1) * self.far(scale)),
            }
            targets.append(leg)
        rules: list[Body] = []
        if self.rng.random() < 0.6:
            change = {"stop": {"trigger_price": {"from_entry": {"ticks": 1}}}}
            rules.append({"when": {"leg_filled": "target_1"}, "amend": change})
        stop = self.stop(side, base, scale)
        if stop["type"].startswith("trailing"):
            rules = []
        return (
            {"type": "bracket", "entry": entry, "take_profit": targets, "stop_loss": stop},
            rules,
        )

    def straddle(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        distance, size = self.far(scale), self.quantity()
        self.plain = distance % 4 != 0
        legs: list[Body] = []
        for name, side in (("up", 1), ("down", -1)):
            legs.append(
                {
                    "id": name,
                    "type": "stop",
                    "instrument": self.grid.symbol,
                    "side": "buy" if side > 0 else "sell",
                    "quantity": size,
                    "trigger_price": self.text(price + side * distance),
                }
            )
            if distance % 3 == 0:  # a breakout from wherever the market turns
                legs[-1] |= {"type": "trailing_stop", "trail": {"ticks": distance}}
                legs[-1].pop("trigger_price")
            legs[-1]["trigger_by"] = self.sources[distance % len(self.sources)]
        return {"type": "oco", "legs": legs}, []

    def two_brackets(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        legs = []
        for number, side in enumerate((1, -1)):
            entry = self.entry(side, price, scale)
            if entry["type"] == "market":
                entry["type"] = "limit"
                entry["price"] = self.text(price - side * self.far(scale))
            entry.pop("time_in_force", None)
            entry["id"] = f"entry_{number}"
            base = self.base(entry, price)
            stop = self.stop(side, base, scale) | {"id": f"stop_{number}"}
            target = self.target(side, base, scale, f"target_{number}")
            legs.append(
                {"type": "bracket", "entry": entry, "stop_loss": stop, "take_profit": target}
            )
        return {"type": "oco", "legs": legs}, []

    def trailing(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        side = self.rng.choice([1, -1])
        entry = self.entry(side, price, scale)
        trail = {
            "id": "stop",
            "type": "trailing_stop",
            "side": "sell" if side > 0 else "buy",
            "trail": {"ticks": self.far(scale)},
        }
        return {"type": "oto", "first": entry, "then": trail}, []

    def nested(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        """A breakout whose winner is a ladder under a stop and a trail, one inside another."""
        rng = self.rng
        side = rng.choice([1, -1])
        entry = self.entry(side, price, scale)
        entry["quantity"] = self.grid.quantity_text(self.grid.min_quantity * rng.choice((8, 20)))
        base = self.base(entry, price)
        out = "sell" if side > 0 else "buy"
        targets = [
            {
                "id": f"target_{n + 1}",
                "type": "limit",
                "side": out,
                "quantity": share,
                "price": self.text(base + side * (n + 1) * self.far(scale)),
            }
            for n, share in enumerate(("50%", "25%", "25%"))
        ]
        trail = {
            "id": "trail",
            "type": "trailing_stop",
            "side": out,
            "trail": {"ticks": self.far(scale)},
            "activation_price": self.text(base + side * self.far(scale)),
        }
        hard = self.stop(side, base, scale) | {"id": "hard"}
        legs: list[Body] = [{"type": "all", "legs": targets}, hard]
        if rng.random() < 0.5:
            legs.append(trail)
        then: Body = {"type": "oco", "legs": legs}
        if rng.random() < 0.3:
            then = {"type": "oco", "legs": [hard, {"type": "oco", "legs": [targets[0], trail]}]}
            targets[0].pop("quantity")
        return {"type": "oto", "first": entry, "then": then}, []

    def pair(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        """Two entries at the venue, of which one may fill: its own pair where it has one."""
        size, side = self.quantity(), self.rng.choice([1, -1])
        legs = [
            {
                "id": f"entry_{n}",
                "type": "limit",
                "instrument": self.grid.symbol,
                "side": "buy" if side > 0 else "sell",
                "quantity": size,
                "price": self.text(price - side * self.far(scale)),
                "hold": "venue",
            }
            for n in range(2)
        ]
        return {"type": "oco", "legs": legs, "on_partial_fill": "cancel"}, []

    def hedged(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        """An entry that opens something else on another market, beside its own exits."""
        order, rules = self.bracket(price, scale)
        if not self.others or self.hedge or "stop_loss" not in order:
            return order, rules
        other = self.rng.choice(self.others)
        if other.instrument.position_mode is PositionMode.HEDGE:
            return order, rules
        hedge: Body = {
            "id": "hedge",
            "type": "market",
            "instrument": other.symbol,
            "side": "sell" if order["entry"]["side"] == "buy" else "buy",
            "quantity": other.quantity_text(other.min_quantity * self.rng.choice((1, 4))),
        }
        then = {"type": "all", "legs": [order["stop_loss"], hedge]}
        return {"type": "oto", "first": order["entry"], "then": then}, []

    def exits(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        """A target and a stop for a position that is there already, if it is."""
        if self.hedge or not self.able.reduce_only:
            return self.single(price, scale)
        side = self.rng.choice([1, -1])
        shared: Body = {
            "instrument": self.grid.symbol,
            "quantity": self.quantity(),
            "reduce_only": True,
        }
        stop = self.stop(side, price, scale)
        for field in ("trigger_price", "price"):
            if isinstance(stop.get(field), dict):
                stop[field] = self.text(price - side * 2 * self.far(scale))
        target = self.target(side, price, scale)
        if isinstance(target.get("price"), dict):
            target["price"] = self.text(price + side * self.far(scale))
        return {"type": "oco", "legs": [target | shared, stop | shared]}, []

    def single(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        return self.entry(self.rng.choice([1, -1]), price, scale), []

    def chain(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        side = self.rng.choice([1, -1])
        entry = self.entry(side, price, scale)
        base = self.base(entry, price)
        second = {
            "type": "oto",
            "first": self.target(side, base, scale),
            "then": {
                "id": "again",
                "type": "limit",
                "instrument": self.grid.symbol,
                "side": entry["side"],
                "quantity": entry["quantity"],
                "price": self.text(base),
            },
        }
        return {"type": "oto", "first": entry, "then": second}, []
