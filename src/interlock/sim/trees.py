"""Random but sensible orders: what traders place, in every shape the words allow.

Decides the orders of a simulated world from a ``Random``. Invariant: the same ``Random`` gives the
same orders, and every order is one that a trader could mean.
"""

from random import Random
from typing import Any

from interlock.orders.grid import Grid

Body = dict[str, Any]


class TreeMaker:
    """Orders for one instrument around its price."""

    def __init__(self, rng: Random, grid: Grid, native_stop: bool = False) -> None:
        self.rng = rng
        self.grid = grid
        self.native_stop = native_stop
        self.count = 0

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
        )
        order, rules = makers[rng.randrange(len(makers))](price, max(4, scale))
        body: Body = {"client_order_id": f"t{self.count}", "account": "main", "order": order}
        policy = self.policy(scale)
        if policy:
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
        return out

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
                leg["time_in_force"] = rng.choice(["ioc", "day"])
        elif kind == "stop":
            leg["trigger_price"] = self.text(price + side * self.far(scale))
        elif kind == "market_if_touched":
            leg["trigger_price"] = self.text(price - side * self.far(scale))
        return leg

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
        leg["type"] = kind
        distance = self.far(scale)
        if kind == "trailing_stop":
            leg["trail"] = rng.choice([{"ticks": distance}, {"bps": rng.choice([5, 20, 100])}])
            if rng.random() < 0.3:
                leg["activation_price"] = self.text(base + side * self.far(scale))
            return leg
        if rng.random() < 0.3:
            leg["trigger_price"] = {"from_entry": {"ticks": -distance}}
        else:
            leg["trigger_price"] = self.text(base - side * distance)
        if kind == "stop_limit":
            leg["price"] = self.text(base - side * (distance + self.far(scale) // 2))
            leg["escalate"] = {"after_ms": rng.choice([500, 5000]), "to": "market"}
        if rng.random() < 0.15:
            leg["trigger_confirm"] = rng.choice([{"ticks": 2}, {"ms": 200}])
        return leg

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
        return leg

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
        if stop["type"] == "trailing_stop":
            rules = []
        return (
            {"type": "bracket", "entry": entry, "take_profit": targets, "stop_loss": stop},
            rules,
        )

    def straddle(self, price: int, scale: int) -> tuple[Body, list[Body]]:
        distance, size = self.far(scale), self.quantity()
        legs = []
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
