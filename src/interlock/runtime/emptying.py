"""Emptying: whether what was recalled is gone, asked of the venues until they say so.

Decides when a recall of everything is over. Invariants: only a complete list of open orders of
every family proves that nothing is left; what is listed under our mark and should not be is named
and recalled again; an order that is not ours is never touched.
"""

import asyncio
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from interlock.engine.order import Leg
from interlock.engine.tally import covered
from interlock.orders.ids import client_id
from interlock.orders.limits import RiskScope
from interlock.orders.reports import OpenOrder, OpenOrders, Report
from interlock.orders.requests import CancelVenueOrder, QueryOpenOrders
from interlock.runtime.live import Live

ANSWER_S_MAX: Final = 15.0
"""A list that has not come by then is asked for again."""
LOOK_S: Final = 0.01
BETWEEN_S, BETWEEN_S_MAX = 0.25, 5.0
"""Between two looks: each costs a venue's budget what many recalls do."""
AGAIN_NS: Final = 3_000_000_000
"""A recall that has had no effect for so long is sent again."""


class VenueEmptied(Struct, frozen=True):
    """One venue, after its last look. ``as_of`` is when it looked, ns UTC; 0 for not yet."""

    venue: str
    connected: bool
    as_of: int
    complete: bool
    """Every family's open orders were read to the end; without it nothing is proven."""
    protecting: list[str]
    """Venue orders that stay because they protect a position (``flatten`` ends them too)."""
    left: list[str]
    """Venue orders of ours that are being recalled, or of which it is not known yet."""
    recalled_again: int

    @property
    def done(self) -> bool:
        return self.complete and not self.left


class _Look:
    """What there is to say of one venue so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked_at = 0
        self.listed: OpenOrders | None = None
        self.recalled_at: dict[str, int] = {}
        self.again = 0
        self.said = VenueEmptied(name, True, 0, False, [], [], 0)


class Emptying:
    """Of one line."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._under_way: dict[RiskScope, tuple[asyncio.Task[None], list[_Look]]] = {}
        live.on_report.append(self._hear)

    async def of(self, scope: RiskScope, within_s: float) -> list[VenueEmptied]:
        """What is left of a scope's orders after so long at most.

        Looking goes on beside until nothing is left; asked again, this says how far it is.
        """
        if scope not in self._under_way:
            looks = [_Look(name) for name in self._live.line.venues]
            begun = asyncio.create_task(self._until_empty(scope, looks))
            self._under_way[scope] = begun, looks
        task, looks = self._under_way[scope]
        for look in looks:
            look.said = replace(look.said, complete=False)  # it may have been empty before this
        await asyncio.wait([task], timeout=within_s)
        if task.done() and not task.cancelled():
            task.result()
        return [look.said for look in looks]

    def present(self, scope: RiskScope) -> list[VenueEmptied]:
        """What a scope has at each venue as far as is known here, without asking anybody."""
        out = []
        for name in self._live.line.venues:
            ours = self._ours(name, scope)
            stays = sorted(one for one, leg in ours.items() if _stays(leg))
            goes = sorted(one for one, leg in ours.items() if not _stays(leg))
            up = not self._live.line.state.down.get(name, False)
            out.append(VenueEmptied(name, up, 0, False, stays, goes, 0))
        return out

    def stop(self, scope: RiskScope) -> None:
        """Look no more after this scope: it may trade again."""
        if scope in self._under_way:
            self._under_way[scope][0].cancel()

    def end(self) -> None:
        """Look no more: the next life goes on recalling what its journal says."""
        for task, _ in self._under_way.values():
            task.cancel()

    async def _until_empty(self, scope: RiskScope, looks: list[_Look]) -> None:
        between = BETWEEN_S
        try:
            while not self._live.over:
                await self._looked([look for look in looks if not look.said.done])
                for look in looks:
                    if not look.said.done:
                        self._judge(look, scope)
                if all(look.said.done for look in looks):
                    return
                await asyncio.sleep(between)
                between = min(BETWEEN_S_MAX, 2 * between)
        finally:
            self._under_way.pop(scope, None)

    async def _looked(self, looks: list[_Look]) -> None:
        """Ask each venue for its open orders, and wait for the lists."""
        loop, line = asyncio.get_running_loop(), self._live.line
        for look in looks:
            look.asked_at, look.listed = self._live.clock.now(), None
            line.venues[look.name].send(QueryOpenOrders(look.name), look.asked_at)
        end = loop.time() + ANSWER_S_MAX
        while loop.time() < end and any(
            look.listed is None and not line.state.down.get(look.name) for look in looks
        ):
            await asyncio.sleep(LOOK_S)

    def _hear(self, report: Report) -> None:
        if isinstance(report, OpenOrders):
            for _, looks in self._under_way.values():
                for look in looks:
                    if look.name == report.venue and report.as_of >= look.asked_at:
                        look.listed = report

    def _judge(self, look: _Look, scope: RiskScope) -> None:
        """Say what is left, and recall again what has been there for too long."""
        now, listed = self._live.clock.now(), look.listed
        ours = self._ours(look.name, scope)
        stays = {name for name, leg in ours.items() if _stays(leg)}
        leaving = set(ours) - stays
        for one in () if listed is None else listed.orders:
            if scope.account not in (None, one.account) or one.client_id in stays:
                continue
            if scope.instrument not in (None, one.instrument):
                continue
            if (scope.tag, scope.key) != (None, None) and one.client_id not in ours:
                continue  # a strategy's or a key's are known; a stray is found by the sweep
            leaving.add(one.client_id)
            leg = ours.get(one.client_id)
            if leg is None or (leg.venue is not None and leg.venue.recalled):
                self._again(look, one, now)
        look.said = VenueEmptied(
            look.name,
            not self._live.line.state.down.get(look.name, False),
            0 if listed is None else listed.as_of,
            listed is not None and listed.complete,
            sorted(stays),
            sorted(leaving),
            look.again,
        )

    def _ours(self, name: str, scope: RiskScope) -> dict[str, Leg]:
        """The legs of living orders that have a venue order there, by its client id."""
        state = self._live.line.state
        found: dict[str, Leg] = {}
        for order in state.orders.living():
            if not covered(scope, order.terms):
                continue
            for number, leg in enumerate(order.legs):
                if leg.venue is None or leg.terms.instrument.rpartition(".")[2] != name:
                    continue
                found[client_id(order.id, number, leg.venue.attempt)] = leg
        return found

    def _again(self, look: _Look, one: OpenOrder, now: int) -> None:
        """It is safe to repeat: what is gone is refused, and that is asked about."""
        first = look.recalled_at.setdefault(one.client_id, now)
        if now - first >= AGAIN_NS:
            look.recalled_at[one.client_id] = now
            look.again += 1
            recall = CancelVenueOrder(one.client_id, one.account, one.instrument, 0)
            self._live.line.venues[look.name].send(recall, now)


def _stays(leg: Leg) -> bool:
    """It rests, and nobody has recalled it although everything that may go was."""
    return leg.venue is not None and leg.at_rest and not leg.venue.recalled
