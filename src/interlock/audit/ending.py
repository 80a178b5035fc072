"""The end of a run: nothing left behind (I4), nothing bare (I8), and every book agrees.

Decides whether a world has come to rest: what our facts say is live is live at the venue, with the
same numbers, and nothing else is; what was executed is booked, and nothing else is.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from interlock.audit.breach import Tell
from interlock.audit.record import STOPS, Record
from interlock.audit.wire import Wire
from interlock.orders.ids import client_id
from interlock.orders.reports import Execution

TOLD = (
    "naked_position",
    "exit_rejected",
    "flatten_failed",
    "in_doubt",
    "gap",
    "outside_change",
    "outside_close",
    "dust_left",
)
"""Incidents by which a person knows that an exposure is not protected as it should be."""


class OpenAtVenue(Protocol):
    """An open order in a venue's own books."""

    @property
    def client_id(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def cum(self) -> int: ...
    @property
    def price(self) -> int | None: ...


class Executed(Protocol):
    """One execution in a venue's own books; ``client_id`` is empty for an outsider's."""

    @property
    def client_id(self) -> str: ...
    @property
    def execution(self) -> Execution: ...


class VenueBooks(Protocol):
    """What a venue knows for certain."""

    def open_orders(self) -> Sequence[OpenAtVenue]: ...
    def executions(self) -> Sequence[Executed]: ...


def settled(
    tell: Tell, records: dict[str, Record], wire: Wire, venues: Iterable[VenueBooks]
) -> None:
    """Our books against the venues'."""
    live: dict[str, OpenAtVenue] = {}
    executions: list[Executed] = []
    for venue in venues:
        live |= {order.client_id: order for order in venue.open_orders()}
        executions.extend(venue.executions())
    for name in live:
        if name not in wire.sendings:
            tell("I4", f"{name} is open at the venue and nothing explains it")
    for record in records.values():
        _attempts(tell, record, live)
    _executions(tell, records, wire, executions)


def _attempts(tell: Tell, record: Record, live: dict[str, OpenAtVenue]) -> None:
    for (leg, attempt), state in record.attempts.items():
        name = client_id(record.id, leg, attempt)
        found = live.get(name)
        if found is not None and record.done:
            tell("I4", f"{name} is still open though its order is done")
        if found is not None and not state.live:
            tell("I4", f"{name} is open at the venue but gone by our facts")
        if not state.live:
            continue
        if found is None:
            tell("liveness", f"{name} is live by our facts and unknown to the venue")
        elif state.question:
            tell("liveness", f"{name} still waits for the answer to {state.question}")
        elif (found.quantity, found.cum) != (state.quantity, state.filled):
            said = f"{state.filled} of {state.quantity}"
            tell("liveness", f"{name} has {found.cum} of {found.quantity}, we believe {said}")
        elif found.price != state.price:
            tell("liveness", f"{name} rests at {found.price}, we believe {state.price}")


def _executions(
    tell: Tell, records: dict[str, Record], wire: Wire, executions: Iterable[Executed]
) -> None:
    booked = {
        name: fill.quantity for record in records.values() for name, fill in record.fills.items()
    }
    real: dict[str, bool] = {}
    for one in executions:
        exec_id, quantity = one.execution.exec_id, one.execution.quantity
        real[exec_id] = True
        if one.client_id in wire.sendings and booked.get(exec_id) != quantity:
            said = f"{booked.get(exec_id)} instead of {quantity}"
            tell("I6", f"{exec_id} of {one.client_id} happened and is booked as {said}")
    for exec_id in booked:
        if exec_id not in real:
            tell("I6", f"{exec_id} is booked and never happened")


def bare(tell: Tell, record: Record) -> None:
    """An exposure that was to be protected is, or a person was told (I8)."""
    if record.winding in ("release", "flatten") or record.canceling:
        return
    for number, relation in enumerate(record.relations):
        if relation.kind != "oto":
            continue
        exits = record.exits(number)
        first = record.under(relation.children[0])
        if relation.activate_on == "full_fill" and not all(n in record.ended for n in first):
            continue  # the trader wants no exits before the entry is over
        held = record.guarded(number)
        stops = [n for n in exits if record.legs[n].type in STOPS]
        if held <= 0 or not stops or all(record.ended.get(n) == "filled" for n in stops):
            continue
        covered = sum(record.armed[n].quantity for n in stops if n in record.armed) + sum(
            attempt.leaves
            for (leg, _), attempt in record.attempts.items()
            if attempt.live and leg in exits
        )
        waiting = any(record.legs[n].when is not None for n in stops)
        if covered < held and not waiting and not record.told(*TOLD):
            tell("I8", f"{record.id} holds {held} and covers {covered}, untold")
