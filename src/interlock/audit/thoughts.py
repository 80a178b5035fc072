"""Second thoughts: a person takes no protection away at once, and nothing else is ever held back.

Decides from what was asked, answered and written down: whether a request that surely weakens a stop
was carried out without a token that was good, whether a token was given and taken as it should, and
whether anything was delayed that takes risk away. Invariant: where it is not sure that a request
weakens anything, only the tokens are judged.
"""

from typing import Final

import msgspec

from interlock.audit.breach import Tell
from interlock.audit.limits import Records
from interlock.audit.record import STOPS, Record
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.grid import Grid
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.terms import LegTerms
from interlock.orders.tree import LegChange

OPEN_NS: Final = 600_000_000_000
Grids = dict[str, Grid]


class Thoughts:
    """Tokens, and requests under way."""

    def __init__(self) -> None:
        self._grids: Grids = {}
        self._tokens: dict[str, f.SecondThoughtAsked] = {}
        self._taken: dict[str, bool] = {}
        self._bodies: dict[str, bytes] = {}
        """What was asked when a token was first told."""
        self._under_way: dict[int, bool] = {}
        self._weakens: dict[int, str] = {}
        """Requests under way that surely weaken a stop, by number; and which."""
        self._slow: dict[int, bool] = {}
        """Requests under way that surely weaken nothing."""
        self._crowded = False
        """Requests were answered together: which of them took a token is not known."""
        self._new: dict[str, bool] = {}
        """Tokens that were taken since the last answer."""

    def restart(self) -> None:
        self.stirred()
        self._under_way.clear()

    def stirred(self) -> None:
        """Something else has come in: what was sure of requests under way is not any more."""
        self._weakens.clear()
        self._slow.clear()

    def fact(self, tell: Tell, fact: f.Fact, records: Records) -> None:
        if isinstance(fact, f.InstrumentDefined):
            self._grids[fact.instrument.symbol] = Grid(fact.instrument)
        elif isinstance(fact, f.SecondThoughtAsked):
            pause = records[fact.order_id].terms.policy.cooling_off_ns
            if not pause or fact.valid_from != fact.at + pause:
                tell("thought", f"{fact.token} is good from {fact.valid_from}, asked at {fact.at}")
            if fact.until != fact.valid_from + OPEN_NS:
                tell("thought", f"{fact.token} is good until {fact.until}")
            if fact.token in self._tokens:
                tell("thought", f"{fact.token} was given twice")
            self._tokens[fact.token] = fact
        elif isinstance(fact, f.SecondThoughtTaken):
            asked = self._tokens.get(fact.token)
            if asked is None or asked.order_id != fact.order_id:
                tell("thought", f"{fact.token} of {fact.order_id} was never given")
            elif not asked.valid_from <= fact.at <= asked.until:
                tell("thought", f"{fact.token} was taken at {fact.at}, and is not good then")
            if fact.token in self._taken:
                tell("thought", f"{fact.token} was taken twice")
            self._taken[fact.token] = self._new[fact.token] = True

    def asked(self, number: int, command: c.Command, records: Records) -> None:
        """A request is about to be taken in."""
        self._new.clear()
        self._under_way[number] = True
        self._crowded = len(self._under_way) > 1
        if self._crowded:  # one may change what the next is about
            self.stirred()
            return
        if isinstance(command, c.Keyed) and command.person:
            for record in records.values():
                if record.terms.policy.cooling_off_ns and not record.done:
                    name = _weakened(record, command.command, self._grids)
                    if name:
                        self._weakens[number] = f"{name} of {record.id}"
        if not _may_weaken(command, records, self._grids):
            self._slow[number] = True

    def answered(self, tell: Tell, number: int, command: c.Command, answer: c.Answer) -> None:
        self._under_way.pop(number, None)
        weakens = self._weakens.pop(number, "")
        slow = self._slow.pop(number, False)
        if isinstance(answer, Reject):
            if answer.code is not RejectCode.COOLING_OFF:
                return
            if slow or not (isinstance(command, c.Keyed) and command.person):
                tell("delayed", f"{command} takes no protection away, and was held back")
            elif answer.thought is not None:
                body = msgspec.json.encode(command.command)
                if self._bodies.setdefault(answer.thought.token, body) != body:
                    tell("thought", f"{answer.thought.token} is told to two requests")
            return
        if not isinstance(command, c.Keyed) or answer.replayed:
            return
        token = command.second_thought
        if weakens and token not in self._new:
            tell("thought", f"{weakens} was weakened at once: {command.command}")
        if token in self._new and not self._crowded:
            body = msgspec.json.encode(command.command)
            if self._bodies.get(token, body) != body:
                tell("thought", f"{token} was given for another request than {command.command}")


# What takes protection away


def _named(record: Record, command: c.Plain) -> bool:
    if isinstance(command, c.CancelOrders):
        return _matches(record, command)
    order_id = getattr(command, "order_id", None)
    if order_id is not None:
        return bool(order_id == record.id)
    mine = record.terms.account, record.terms.client_order_id
    return mine == (getattr(command, "account", ""), getattr(command, "client_order_id", None))


def _matches(record: Record, command: c.CancelOrders) -> bool:
    return (
        record.terms.account == command.account
        and command.tag in (None, record.terms.tag)
        and (command.side is None or record.legs[0].side == command.side.sign)
        and (
            command.instrument is None
            or any(leg.instrument == command.instrument for leg in record.legs)
        )
    )


def _weakened(record: Record, command: c.Plain, grids: Grids) -> str:
    """A stop at work that the request surely weakens."""
    if not _named(record, command):
        return ""
    for number, leg in enumerate(record.legs):
        at_work = number in record.armed or record.live(number)
        gone = number in record.ended or number in record.canceling
        if not (leg.exits and leg.type in STOPS and at_work) or gone:
            continue
        match command:
            case c.CancelLeg() if command.leg == leg.id:
                return leg.id
            case c.CancelOrder() | c.CancelOrders() if command.exposure is c.CancelMode.RELEASE:
                return leg.id
            case c.AmendOrder() if leg.id in command.legs:
                if _compared(leg, command.legs[leg.id], grids[leg.instrument]) > 0:
                    return leg.id
            case _:
                pass
    return ""


def _compared(leg: LegTerms, change: LegChange, grid: Grid) -> int:
    """What an amend makes of a stop: 1 surely weaker, -1 surely not, 0 where it is not sure."""
    known = 0
    if change.quantity is not None:
        quantity = grid.quantity_units(change.quantity)
        if not isinstance(quantity, int):
            return 0
        if quantity < leg.quantity:
            return 1
        known = -1
    if change.trail is not None:
        ticks = getattr(change.trail, "ticks", None)
        before = leg.trail.ticks if leg.trail is not None else 0
        return 1 if isinstance(ticks, int) and ticks > before > 0 else 0
    if change.trigger_price is not None:
        old, new = leg.trigger_price, change.trigger_price
        level = grid.price_units(new) if isinstance(new, str) else None
        if not isinstance(old, int) or not isinstance(level, int):
            return 0
        if (old - level) * -leg.side > 0:
            return 1
        known = -1
    others = (change.price, change.activation_price, change.limit_offset, change.when)
    return known if all(one is None for one in others) else 0


def _may_weaken(command: c.Command, records: Records, grids: Grids) -> bool:
    """Whether anything in a request could take protection away from anybody."""
    if not isinstance(command, c.Keyed) or not command.person:
        return False
    inner = command.command
    for record in records.values():
        if record.done or not record.terms.policy.cooling_off_ns or not _named(record, inner):
            continue
        stops = {leg.id: leg for leg in record.legs if leg.exits and leg.type in STOPS}
        match inner:
            case c.CancelLeg() if inner.leg in stops:
                return True
            case c.CancelOrder() | c.CancelOrders() if inner.exposure is c.CancelMode.RELEASE:
                if stops:
                    return True
            case c.AmendOrder():
                for name, change in inner.legs.items():
                    leg = stops.get(name)
                    if leg is not None and _compared(leg, change, grids[leg.instrument]) >= 0:
                        return True
            case _:
                pass
    return False
