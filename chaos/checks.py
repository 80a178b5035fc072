"""After the last restart: what was promised, against the journal, the venue and the live state.

Decides whether a promise was broken. Reads the journal anew from the disk, first frame to last.
Invariant: what a check cannot see it does not pass; every breach names an order, an id or a frame.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from chaos import wire
from chaos.client import Asked, Client
from chaos.process import SETTINGS
from interlock.audit.auditor import Auditor
from interlock.engine.digest import digest, restore
from interlock.engine.evolve import evolve
from interlock.engine.state import State
from interlock.journal.frames import decode_facts
from interlock.journal.projection import NAME as PROJECTION
from interlock.journal.projection import Projection
from interlock.journal.sqlite import SqliteJournal
from interlock.orders import facts as f
from interlock.orders.commands import Accepted
from interlock.orders.ids import client_id
from interlock.orders.terms import LegTerms


class Story(Struct):
    """Everything the journal says, by what it is about."""

    auditor: Auditor
    placed: dict[str, list[str]]
    """Client order id -> ids of the orders accepted under it."""
    amended: dict[str, list[f.OrderAmended]]
    ending: dict[str, bool]
    """Order ids whose end, or a leg's, was asked for."""
    over: dict[str, bool]
    """Order ids of which at least a leg has ended."""
    refused: dict[tuple[str, str], int]
    sent: dict[str, bool]
    booked: dict[str, int]
    """Execution id -> the quantity booked for it."""
    facts: int = 0
    frames: int = 0
    starts: int = 0
    fills: int = 0
    at: int = 0
    backwards: int = 0
    """Frames whose time is before that of the frame they follow."""

    def hear(self, first_seq: int, facts: list[f.Fact], at: int) -> None:
        self.auditor.hear(first_seq, facts)
        self.frames += 1
        self.facts += len(facts)
        self.backwards += at < self.at
        self.at = at
        for fact in facts:
            self._fact(fact)

    def _fact(self, fact: f.Fact) -> None:
        match fact:
            case f.OrderAccepted():
                self.placed.setdefault(fact.terms.client_order_id, []).append(fact.terms.id)
            case f.OrderAmended(by="trader"):
                self.amended.setdefault(fact.order_id, []).append(fact)
            case f.OrderCanceling() | f.LegCanceling():
                self.ending[fact.order_id] = True
            case f.LegDone():
                self.over[fact.order_id] = True
            case f.CommandRefused():
                key = (fact.client_order_id, fact.command)
                self.refused[key] = self.refused.get(key, 0) + 1
            case f.VenueOrderSending():
                self.sent[client_id(fact.order_id, fact.leg, fact.attempt)] = True
            case f.VenueOrderFilled():
                self.fills += 1
                self.booked[fact.exec_id] = fact.quantity
            case f.FillRefuted():
                self.booked.pop(fact.exec_id, None)
            case f.EngineStarted():
                self.starts += 1


def new_story() -> Story:
    return Story(Auditor(), {}, {}, {}, {}, {}, {}, {})


def journal(
    folder: Path, client: Client, live: wire.State, shown: wire.Shown
) -> tuple[Story, list[str]]:
    """Every check on a journal whose process has stopped."""
    story, breaches = new_story(), list(client.breaches)
    opened = SqliteJournal(folder, warn=lambda what: breaches.append(f"on opening: {what}"))
    state = State(SETTINGS)
    try:
        for frame in opened.read(1):
            facts = decode_facts(frame.payload)
            for fact in facts:
                evolve(state, fact)
            story.hear(frame.first_seq, facts, frame.at)
            if frame.n == live.n:
                _same(breaches, digest(state), live.digest, f"the facts up to frame {live.n}")
        if live.n > story.frames:
            breaches.append(f"I5: the process knew {live.n} frames, the journal {story.frames}")
        _same(breaches, _from_snapshot(opened), digest(state), "the snapshot and what follows it")
        breaches += _projection(folder, opened)
    finally:
        opened.close()
    breaches += promises(client, story)
    breaches += at_venue(story, state, shown)
    if story.backwards:
        breaches.append(f"time: {story.backwards} frames are earlier than the frame before")
    return story, breaches


def after_kill(folder: Path, client: Client) -> Iterator[str]:
    """The folder as a kill left it: it opens, and holds every placement acknowledged so far."""
    opened = SqliteJournal(folder)
    names: dict[str, str] = {}
    try:
        for frame in opened.read(1):
            for fact in decode_facts(frame.payload):
                if isinstance(fact, f.OrderAccepted):
                    names[fact.terms.client_order_id] = fact.terms.id
    finally:
        opened.close()
    for one in client.asked:
        promised = one.accepted if one.kind == "place" else None
        if promised is not None and names.get(one.client_order_id) != promised.order_id:
            yield f"I5: {one.client_order_id} was acknowledged and is lost right after a kill"


def _same(breaches: list[str], one: str, other: str, what: str) -> None:
    if one != other:
        breaches.append(f"I7: {what} make another state")


def _from_snapshot(opened: SqliteJournal) -> str:
    snapshot = opened.latest_snapshot()
    assert snapshot is not None, "a graceful stop leaves a snapshot"
    state = restore(snapshot.data, SETTINGS)
    for frame in opened.read(snapshot.n + 1):
        for fact in decode_facts(frame.payload):
            evolve(state, fact)
    return digest(state)


def _projection(folder: Path, opened: SqliteJournal) -> Iterator[str]:
    """The tables as the process left them, against tables made anew."""
    began_anew: list[str] = []
    left = Projection(folder / PROJECTION, warn=began_anew.append)
    beside = folder / "projection.check.db"
    fresh = Projection(beside)
    try:
        fresh.catch_up(opened)
        if began_anew or left.tail != fresh.tail:
            yield f"projection: {began_anew or left.tail} instead of {fresh.tail}"
        for table in ("orders", "legs", "venue_orders", "fills", "incidents"):
            if _rows(folder / PROJECTION, table) != _rows(beside, table):
                yield f"projection: table {table} differs from one made anew"
    finally:
        left.close()
        fresh.close()


def _rows(path: Path, table: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
    finally:
        connection.close()


def promises(client: Client, story: Story) -> Iterator[str]:
    """Every answer is in the journal, exactly once; nothing is there that nobody asked for."""
    asked = {a.client_order_id: a for a in client.asked if a.kind == "place"}
    for name, orders in story.placed.items():
        if len(orders) > 1:
            yield f"I6: {name} was accepted {len(orders)} times: {', '.join(orders)}"
        if name not in asked or not asked[name].sent:
            yield f"I6: {name} was accepted and never asked for"
    for one in client.asked:
        if one.kind == "place":
            yield from _placement(one, story)
        elif one.kind == "amend":
            yield from _amend(one, story)
        elif one.accepted is not None and not _ended(one, one.accepted.order_id, story):
            yield f"I5: {one.kind} of {one.client_order_id} was accepted and is nowhere"


def _placement(one: Asked, story: Story) -> Iterator[str]:
    orders = story.placed.get(one.client_order_id, [])
    if one.accepted is not None:
        if one.accepted.order_id not in orders:
            yield f"I5: {one.client_order_id} was acknowledged and is not in the journal"
    elif one.answers:
        if orders:
            yield f"I6: {one.client_order_id} was refused and is in the journal"
        if not story.refused.get((one.client_order_id, "place")):
            yield f"I5: the refusal of {one.client_order_id} is not in the journal"
    elif orders:
        yield f"{one.client_order_id} is in the journal and has no answer"


def _amend(one: Asked, story: Story) -> Iterator[str]:
    """``if_version`` lets an amend in once; its price, which no other asks for, tells it apart."""
    order = (story.placed.get(one.client_order_id) or [""])[0]
    landed = [
        fact.version
        for fact in story.amended.get(order, [])
        for change in fact.changes
        if _asks_for(change.terms, one.price_units)
    ]
    if len(landed) > 1:
        yield f"I6: an amend of {one.client_order_id} landed {len(landed)} times"
    for answer in one.answers:
        if isinstance(answer, Accepted) and answer.version not in landed:
            yield f"I5: the amend of {one.client_order_id} to version {answer.version} is nowhere"


def _asks_for(terms: LegTerms, units: int) -> bool:
    return units in (terms.price, terms.trigger_price)


def _ended(one: Asked, order_id: str, story: Story) -> bool:
    """Its end was asked for, or it was over already: ending it again changes nothing."""
    return order_id in story.placed.get(one.client_order_id, []) and (
        order_id in story.ending or order_id in story.over
    )


def at_venue(story: Story, state: State, shown: wire.Shown) -> Iterator[str]:
    """The venue and the journal explain each other."""
    for breach in story.auditor.finish():
        yield str(breach)
    traded = {e.exec_id: e.quantity for e in shown.executions if e.client_id in story.sent}
    for name in sorted(traded.keys() | story.booked.keys()):
        if traded.get(name) != story.booked.get(name):
            said = f"{traded.get(name)} at the venue and is booked as {story.booked.get(name)}"
            yield f"I6: execution {name} is {said}"
    for submit in shown.submits:
        if submit.client_id not in story.sent:
            yield f"I5: {submit.client_id} reached the venue and is not in the journal"
    for name in {e.client_id for e in shown.executions} - set(story.sent):
        yield f"I4: {name} traded at the venue and is not in the journal"
    ours = {
        client_id(order.id, number, leg.venue.attempt)
        for order in state.orders.living()
        for number, leg in enumerate(order.legs)
        if leg.venue is not None
    }
    for name in sorted(ours - set(shown.open_ids)):
        yield f"I4: {name} is live by the journal and not at the venue"
    for name in sorted(set(shown.open_ids) - ours):
        yield f"I4: {name} is open at the venue and not live by the journal"
