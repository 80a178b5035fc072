"""Risk: what is held, what covers it, how it could grow; and what an order would do if placed.

Decides how risk is summed and told. Invariant: what no stop covers is listed first, and is never
hidden in a sum.
"""

import asyncio
from typing import Any

from msgspec import Struct

from interlock.api.desk import Desk
from interlock.api.examples import PLACES
from interlock.api.orders import by_key, not_yours
from interlock.api.problems import Problem, of_reject
from interlock.api.queries import accounts_of
from interlock.api.route import Asked, Param, Reply, Route, Scope
from interlock.engine.exposure import OrderRisk, of_order, of_positions
from interlock.engine.preview import preview
from interlock.orders.commands import PlaceOrder
from interlock.orders.facts import OrderAccepted
from interlock.orders.grid import Grid
from interlock.orders.rejects import Reject
from interlock.orders.requests import SubmitVenueList, SubmitVenueOrder

SLICE = 200
"""Orders looked at in one turn of the loop."""


class RiskLine(Struct, frozen=True):
    """One order's risk in one instrument. Quantities are signed: long is above zero."""

    order_id: str
    """Empty for what is held and no live order answers for."""
    account: str
    instrument: str
    exposure: str
    covered: str
    uncovered: str
    if_all_entries_fill: tuple[str, str]
    """The lowest and the highest exposure it could come to."""
    loss_if_stopped: str
    """Money lost on the covered part if its stops are hit at their levels."""


class RiskSum(Struct, frozen=True):
    """An account's risk in one instrument, over all its orders."""

    account: str
    instrument: str
    exposure: str
    covered: str
    uncovered: str
    if_all_entries_fill: tuple[str, str]
    loss_if_stopped: str
    orders: int


class RiskView(Struct, frozen=True):
    by_account: list[RiskSum]
    orders: list[RiskLine]
    """Those with an exposure, the ones that nothing covers first; at most 1 000."""
    as_of_seq: int


class Sending(Struct, frozen=True):
    """A venue order that would be sent at once."""

    leg: str
    instrument: str
    side: str
    order_type: str
    quantity: str
    price: str | None
    trigger_price: str | None


class PreviewView(Struct, frozen=True):
    """What placing the order would do."""

    accepted: bool
    problem: Problem | None
    sends: list[Sending]
    waits: list[str]
    """Legs that would wait in this server, for a trigger or for their entry."""
    risk: list[RiskLine]
    """As if its entries filled now at most, and its stops were hit."""


class Risks:
    """Questions about risk to one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def risk(self, asked: Asked) -> Reply | Problem:
        accounts = accounts_of(asked)
        if isinstance(accounts, Problem):
            return accounts
        state = self._desk.live.line.state
        found: list[OrderRisk] = []
        ids = list(state.orders)
        for first in range(0, len(ids), SLICE):
            for order in state.orders.looked_at(ids[first : first + SLICE]):
                if not order.done and (accounts is None or order.terms.account in accounts):
                    found += of_order(state, order)
            await asyncio.sleep(0)
        left = of_positions(state, found)
        found += [one for one in left if accounts is None or one.account in accounts]
        held = sorted((one for one in found if one.exposure), key=lambda one: -one.uncovered)
        lines = [shown(one, self._grid(one.instrument)) for one in held[:1_000]]
        return Reply(RiskView(self._sums(found), lines, state.seq))

    async def preview(self, asked: Asked) -> Reply | Problem:
        place = asked.read(PlaceOrder)
        if isinstance(place, Problem):
            return place
        if not asked.caller.may_touch(place.account):
            return not_yours(place.account)
        place = by_key(place, asked.caller)
        if isinstance(place, Problem):
            return place
        live = self._desk.live
        decision, risks = preview(live.line.state, place, live.clock.now())
        if isinstance(decision.answer, Reject):
            return Reply(PreviewView(False, of_reject(decision.answer), [], [], []))
        sends: list[Sending] = []
        sent: set[int] = set()
        terms = next(fact.terms for fact in decision.facts if isinstance(fact, OrderAccepted))
        for request in decision.requests:
            parts = request.orders if isinstance(request, SubmitVenueList) else (request,)
            for part in parts:
                if isinstance(part, SubmitVenueOrder):
                    number = int(part.client_id.split(".")[1])
                    sent.add(number)
                    sends.append(self._sending(terms.legs[number].id, part))
        waits = [leg.id for number, leg in enumerate(terms.legs) if number not in sent]
        lines = [shown(one, self._grid(one.instrument)) for one in risks]
        return Reply(PreviewView(True, None, sends, waits, lines))

    def _sending(self, leg: str, part: SubmitVenueOrder) -> Sending:
        grid = self._grid(part.instrument)
        return Sending(
            leg,
            part.instrument,
            "buy" if part.side > 0 else "sell",
            part.order_type.value,
            grid.quantity_text(part.quantity),
            None if part.price is None else grid.price_text(part.price),
            None if part.trigger_price is None else grid.price_text(part.trigger_price),
        )

    def _grid(self, instrument: str) -> Grid:
        return self._desk.live.line.state.markets[instrument].grid

    def _sums(self, found: list[OrderRisk]) -> list[RiskSum]:
        sums: dict[tuple[str, str], list[int]] = {}
        for one in found:
            total = sums.setdefault((one.account, one.instrument), [0] * 7)
            values = (one.exposure, one.covered, one.uncovered, one.least, one.most)
            for place, value in enumerate((*values, one.stop_loss, bool(one.order_id))):
                total[place] += value
        out = []
        for (account, instrument), total in sorted(sums.items()):
            grid = self._grid(instrument)
            size = [grid.quantity_text(n) for n in total[:5]]
            loss = grid.money_text(total[5])
            out.append(
                RiskSum(
                    account,
                    instrument,
                    exposure=size[0],
                    covered=size[1],
                    uncovered=size[2],
                    if_all_entries_fill=(size[3], size[4]),
                    loss_if_stopped=loss,
                    orders=total[6],
                )
            )
        return out

    def routes(self) -> list[Route]:
        account: dict[str, Any] = {"type": "string"}
        return [
            Route(
                *("GET", "/v1/risk", self.risk, "Risk, the uncovered first"),
                "Per account and instrument, and per order: exposure, what live stops cover, what "
                "it comes to if every entry fills, and what is lost if every stop is hit.",
                params=(Param("account", "Only of this account", account, example="main"),),
                answer=RiskView,
                example=RISK,
                tag="Positions",
            ),
            Route(
                *("POST", "/v1/orders/preview", self.preview, "What placing would do"),
                "Refusals, what would be sent at once, what would wait, and the risk it could "
                "come to; nothing is placed.",
                scope=Scope.READ,
                body=PlaceOrder,
                bodies=PLACES,
                answer=PreviewView,
                example=None,
            ),
        ]


def shown(one: OrderRisk, grid: Grid) -> RiskLine:
    size = grid.quantity_text
    return RiskLine(
        one.order_id,
        one.account,
        one.instrument,
        size(one.exposure),
        size(one.covered),
        size(one.uncovered),
        (size(one.least), size(one.most)),
        grid.money_text(one.stop_loss),
    )


RISK: dict[str, Any] = {
    "by_account": [
        {
            "account": "main",
            "instrument": "BTCUSDT.PAPER",
            "exposure": "0.5",
            "covered": "0.5",
            "uncovered": "0",
            "if_all_entries_fill": ["0", "0.5"],
            "loss_if_stopped": "150",
            "orders": 1,
        }
    ],
    "orders": [],
    "as_of_seq": 1042,
}
