"""Lists in a world: venues that hold an entry with its exits, and orders that ask for it.

Decides what is drawn on top of a plan that is drawn already, for seeds from ``LISTS_FROM`` on.
Invariant: it has a ``Random`` of its own and comes after everything else, so that an older seed
means what it meant.
"""

from random import Random
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from interlock.orders import commands as c
from interlock.orders.grid import Grid
from interlock.orders.instruments import PositionMode
from interlock.orders.ticks import Trade
from interlock.orders.tree import LegChange
from interlock.sim.plan import Given, Plan

LISTS_FROM: Final = 4_000_000
"""The first seed whose venues may take an entry and its exits as one list."""
MS: Final = 1_000_000
PLACE = msgspec.json.Decoder(c.PlaceOrder)


def with_lists(plan: Plan) -> Plan:
    """The plan, with venues that can and orders that want it."""
    draw = ListDraw(plan)
    venues = tuple(
        replace(
            venue,
            capabilities=replace(
                venue.capabilities, native_oto=True, native_oco=True, native_stop=True
            ),
        )
        if not venue.capabilities.conditional_ids
        else venue
        for venue in plan.venues
    )
    commands = sorted([*plan.commands, *draw.orders()], key=lambda given: given.at)
    return replace(plan, venues=venues, commands=tuple(commands))


class ListDraw:
    """What is drawn for one world."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = Random(f"lists {plan.seed}")
        self.grids = [
            Grid(one)
            for venue in plan.venues
            for one in venue.instruments
            if one.position_mode is PositionMode.ONE_WAY
        ]
        self.end = max(tick.at for tick in plan.ticks)

    def orders(self) -> list[Given]:
        rng = self.rng
        out: list[Given] = []
        for number in range(rng.choice((1, 2, 3, 4)) if self.grids else 0):
            span = max(2, (self.end - self.plan.start) * 3 // 4 // MS)
            at = self.plan.start + rng.randrange(1, span) * MS
            grid = rng.choice(self.grids)
            place = self._place(f"l{number + 1}", grid, self._price(grid.symbol, at))
            out.append(Given(at, place))
            for _ in range(rng.choice((0, 0, 1, 1, 2))):
                later = at + rng.randrange(1, 30_000) * MS
                out.append(Given(later, self._meddle(place, grid, self._price(grid.symbol, at))))
        return out

    def _price(self, symbol: str, at: int) -> int:
        price = 0
        for tick in self.plan.ticks:
            if isinstance(tick, Trade) and tick.instrument == symbol:
                if price and tick.at > at:
                    break
                price = tick.price
        return price

    def _place(self, name: str, grid: Grid, price: int) -> c.PlaceOrder:
        """A bracket by the venue's rule; near enough to the market that most of them trade."""
        rng = self.rng
        step, side = max(1, price // 1000), rng.choice((1, -1))
        enter = max(3, price - side * rng.randrange(-2, 6) * step)
        target = max(2, enter + side * rng.randrange(1, 15) * step)
        stop = max(1, enter - side * rng.randrange(1, 15) * step)
        quantity = grid.quantity_text(max(grid.min_quantity, 1) * rng.choice((1, 4, 10, 40)))
        text = grid.price_text
        exits: dict[str, Any] = {
            "take_profit": {"type": "limit", "id": "target", "price": text(target)},
            "stop_loss": {
                "type": "stop",
                "id": "stop",
                "trigger_price": text(stop),
                "hold": "venue",
            },
        }
        if rng.random() < 0.2:
            exits["stop_loss"] |= {"type": "stop_limit", "price": text(max(1, stop - side * step))}
        if rng.random() < 0.3:
            del exits[rng.choice(("take_profit", "stop_loss"))]
        entry = {
            "type": "limit",
            "id": "entry",
            "instrument": grid.symbol,
            "side": "buy" if side > 0 else "sell",
            "quantity": quantity,
            "price": text(enter),
        }
        order: dict[str, Any] = {
            "type": "bracket",
            "on_partial_fill": "cancel",
            "activate_on": "full_fill",
            "entry": entry,
            **exits,
        }
        policy = {
            "on_overfill": rng.choice(("flatten", "flatten", "alert", "keep")),
            "on_outside_change": rng.choice(("adopt", "restore", "release")),
        }
        body = {"client_order_id": name, "account": "main", "order": order, "policy": policy}
        return PLACE.decode(msgspec.json.encode(body))

    def _meddle(self, place: c.PlaceOrder, grid: Grid, price: int) -> c.Command:
        rng = self.rng
        account, name = place.account, place.client_order_id
        what = rng.randrange(6)
        if what == 0:
            mode = rng.choice(list(c.CancelMode))
            return c.CancelOrder(account, client_order_id=name, exposure=mode)
        leg = rng.choice(("entry", "target", "stop"))
        if what == 1:
            return c.CancelLeg(leg, account, client_order_id=name)
        if what == 2:
            return c.ClosePosition(account, grid.symbol)
        moved = grid.price_text(max(1, price + rng.randrange(-8, 9) * max(1, price // 1000)))
        field = "trigger_price" if leg == "stop" else "price"
        if leg == "entry" and rng.random() < 0.3:
            more = max(grid.min_quantity, 1) * rng.choice((1, 6, 30))
            field, moved = "quantity", grid.quantity_text(more)
        change = msgspec.convert({field: moved}, LegChange)
        return c.AmendOrder({leg: change}, account, client_order_id=name)
