"""The line: one inbox, one writer, and the turn - decide, append, commit, act.

Decides when facts are made durable and when requests leave. Invariants (I5): a venue order is in
the journal before it is sent; a request is durable before it is answered. Recalls alone may leave
before the commit: they are safe to repeat, and they are what makes a race short.

The line is synchronous and owns no clock. Replay drives it with simulated time, a server with
real time.
"""

import gc
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import astuple

from interlock.engine.decide import decide, decide_tick, next_wakeup
from interlock.engine.digest import OtherImage, image, restore
from interlock.engine.evolve import evolve
from interlock.engine.inputs import Define, Input, Start, Wakeup
from interlock.engine.order import NEVER
from interlock.engine.settings import Settings
from interlock.engine.state import State
from interlock.journal.frames import Frame, decode_facts
from interlock.journal.port import Journal
from interlock.orders.capabilities import Capabilities
from interlock.orders.facts import Fact
from interlock.orders.instruments import Instrument
from interlock.orders.reports import Connection, FillsTold
from interlock.orders.requests import (
    CancelVenueOrder,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryPosition,
    Request,
)
from interlock.orders.ticks import Tick
from interlock.runtime.commits import Batch, Commits
from interlock.runtime.inbox import Inbox, Reply
from interlock.venues.port import Venue

BATCH_MAX = 500
"""Inputs decided on before their facts are committed together."""
RECOVERY_WAIT_NS = 10_000_000_000
"""A venue that stays silent this long after a start no longer holds up everything else."""
SWEEP_NS = 60_000_000_000
"""Between two looks at all open orders of a venue, for strays."""
SWEEPS_AFTER = 3
"""Sweeps that follow the last request, when nothing of ours is live any more."""
FILLS_MARGIN_NS = 60_000_000_000
"""Fills are asked for from a little before the last one known: clocks differ, books lag."""
SNAPSHOT_FRAMES = 20_000

Listener = Callable[[int, list[Fact]], None]
"""Hears the event_seq of the first fact and the facts, after their commit."""
FrameListener = Callable[[Frame, list[Fact]], None]
"""The same for whoever wants the bytes too."""


class Line:
    """One journal's writer."""

    def __init__(
        self,
        journal: Journal,
        venues: Mapping[str, Venue],
        settings: Settings | None = None,
        listeners: Iterable[Listener] = (),
        frame_listeners: Iterable[FrameListener] = (),
    ) -> None:
        self.journal = journal
        self.venues = venues
        self.settings = settings
        self.inbox = Inbox()
        self.state = State(settings)
        self.listeners = list(listeners)
        self.frame_listeners = list(frame_listeners)
        self.now = 0
        self.recovering_until = 0
        self._asked: dict[str, bool] = {}
        """Client ids asked about at the start, until the venue has answered."""
        self.commits = Commits(journal)
        self._sweep_at = NEVER
        self._sweeps_left = 0
        self.snapshot_frames = SNAPSHOT_FRAMES
        self._told_to: dict[str, int] = {}
        """Up to when each venue has told all fills, ns UTC."""
        self._fills_asked: dict[str, int] = {}
        """When each venue was last asked for fills."""
        self._snapshot_n = 0

    # Starting.

    def recover(self) -> int:
        """Rebuild the state from snapshot and journal; how many facts were folded."""
        collecting = gc.isenabled()
        gc.disable()  # millions of objects that all stay: looking for garbage only costs
        try:
            return self._recover()
        finally:
            if collecting:
                gc.enable()

    def _recover(self) -> int:
        snapshot = self.journal.latest_snapshot()
        after = 0
        if snapshot is not None:
            try:
                self.state = restore(snapshot.data, self.settings)
                after = snapshot.n
            except OtherImage:
                after = 0  # another version made it: the frames hold everything it held
        self._snapshot_n = after
        count = 0
        for frame in self.journal.read(after + 1):
            for fact in decode_facts(frame.payload):
                evolve(self.state, fact)
                count += 1
        self.now = self.state.now
        return count

    def start(
        self,
        at: int,
        instruments: Iterable[Instrument] = (),
        capabilities: Mapping[str, Capabilities] | None = None,
    ) -> None:
        """Begin: define the world, and ask the venues about everything in doubt.

        Until they have answered, ticks are let pass and commands wait.
        """
        self.now = max(self.now, at)
        known = capabilities or {name: v.capabilities for name, v in self.venues.items()}
        self._turn(Define(tuple(instruments), tuple(sorted(known.items()))), at, None)
        self._told_to = dict.fromkeys(self.venues, max(0, self.state.now - FILLS_MARGIN_NS))
        self._turn(Start(self.state.epoch + 1), at, None)
        for name in self.venues:
            self._ask_rest(name)
        asked = self.commits.requests
        self._asked = {r.client_id: True for r in asked if hasattr(r, "client_id")}
        self.recovering_until = at + RECOVERY_WAIT_NS if self._asked else 0
        self._commit()
        self._expect_sweeps()

    def _expect_sweeps(self) -> None:
        self._sweeps_left = SWEEPS_AFTER
        if self._sweep_at == NEVER and self.venues:
            self._sweep_at = self.now + SWEEP_NS

    @property
    def recovering(self) -> bool:
        return bool(self._asked) and self.now < self.recovering_until

    # Working.

    def put(self, what: Input, at: int, reply: Reply | None = None) -> None:
        self.inbox.put(what, reply)

    def tick(self, tick: Tick, at: int) -> bool:
        """A tick straight to its turn: what waits in the inbox has been dealt with.

        False for a tick that changed nothing.
        """
        if not self.look(tick, at):
            return False
        if self.commits.due(at):
            self._commit()
        return True

    def look(self, tick: Tick, at: int) -> bool:
        """``tick`` without the commit, for whoever writes batches himself."""
        if self._asked and self.recovering:
            return False
        decision = decide_tick(self.state, tick, at)
        if not decision.facts and not decision.requests:
            return False
        self.now = max(self.now, at)
        self._after(decision.facts, decision.requests, None)
        return True

    def run(self, at: int) -> None:
        """Work off the inbox and whatever is due, in micro-batches."""
        while True:
            self.work(at, BATCH_MAX)
            if not self.commits.due(at):
                break
            self._commit()
        self.sweep(at)

    def work(self, at: int, most: int) -> int:
        """Decide on up to ``most`` inputs and on what is due, and gather what follows; how many
        inputs there were.
        """
        self.now = max(self.now, at)
        count = 0
        while count < most:
            item = self.inbox.take(not (self._asked and self.recovering))
            if item is None:
                break
            self._turn(item[0], at, item[1])
            count += 1
        due = next_wakeup(self.state)
        if due is not None and due <= at:
            self._turn(Wakeup(), at, None)
        return count

    def sweep(self, at: int) -> None:
        """Ask every venue for all its open orders, when it is time to."""
        if at >= self._sweep_at:
            self._sweep(at)

    def _sweep(self, at: int) -> None:
        """Ask every venue for all its open orders; rest when nothing of ours can be there."""
        self._sweeps_left -= 1
        live = any(leg.venue for order in self.state.orders.living() for leg in order.legs)
        self._sweep_at = at + SWEEP_NS if live or self._sweeps_left > 0 else NEVER
        for name in self.venues:
            self._send(QueryOpenOrders(name))
            self._ask_rest(name)

    def told_to(self, name: str) -> int:
        """Up to when a venue has told all fills, less a margin; ns UTC."""
        return self._told_to.get(name, 0)

    def _ask_rest(self, name: str) -> None:
        """What no question about orders tells, where it can be asked for: every fill since all of
        them were told, and then what is held wherever an order of ours is, as others may have
        closed it. A position says nothing beside books that lack a fill: fills come first.
        """
        can = self.state.capabilities.get(name)
        if can is not None and can.fills_since:
            self._fills_asked[name] = self.now
            self._send(QueryFills(name, self.told_to(name)))

    def _fills_told(self, told: FillsTold) -> None:
        self._told_to[told.venue] = max(0, told.until - FILLS_MARGIN_NS)
        if told.until < self._fills_asked.get(told.venue, 0):
            return  # the last question is still open
        where: dict[tuple[str, str], bool] = {}
        for order in self.state.orders.living():
            if not order.done:
                where[order.terms.account, order.legs[0].terms.instrument] = True
        for account, symbol in where:
            if symbol.rpartition(".")[2] == told.venue:
                self._send(QueryPosition(account, symbol))

    def next_wakeup(self) -> int | None:
        """When ``run`` must be called even if nothing arrives."""
        due = next_wakeup(self.state)
        due = self._sweep_at if due is None else min(due, self._sweep_at)
        if self.recovering:
            due = min(due, self.recovering_until)
        return None if due == NEVER else due

    def flush(self) -> None:
        """Make everything said so far durable."""
        self._commit()

    def snapshot(self) -> None:
        """Keep the state, so that the next start need not read everything."""
        self._commit()
        n = self.commits.tail.n
        self.journal.save_snapshot(n, image(self.state))
        self.snapshot_begun(n)

    def snapshot_begun(self, n: int) -> None:
        """A snapshot as of frame ``n`` is kept, or under way: the next is due long after it."""
        self._snapshot_n = n

    def _turn(self, what: Input, at: int, reply: Reply | None) -> None:
        if self._asked and hasattr(what, "client_id"):
            self._asked.pop(what.client_id, None)
        facts, requests, answer, encoded = astuple(decide(self.state, what, at))
        self._after(facts, requests, encoded)
        if isinstance(what, Connection) and what.up:
            self._ask_rest(what.venue)
        elif isinstance(what, FillsTold):
            self._fills_told(what)
        if reply is not None and answer is not None:
            self.commits.replies.append((reply, answer))

    def _after(self, facts: list[Fact], requests: list[Request], encoded: bytes | None) -> None:
        if facts:
            self.commits.add(facts, encoded, self.state.now)
        for request in requests:
            if isinstance(request, CancelVenueOrder):
                self._send(request)  # of an order that is there: it was acknowledged, or asked for
            elif isinstance(request, QueryPosition) and self._tells_fills(request.instrument):
                self._ask_rest(request.instrument.rpartition(".")[2])
            else:
                self.commits.requests.append(request)

    def _tells_fills(self, instrument: str) -> bool:
        can = self.state.capabilities.get(instrument.rpartition(".")[2])
        return can is not None and can.fills_since

    def _commit(self) -> None:
        batch = self.commits.seal(self.state.now)
        self.commits.write(batch)
        self.landed(batch)
        if batch.frame is not None and self.snapshot_due:
            self.snapshot()

    def landed(self, batch: Batch) -> None:
        """The batch is durable: tell everybody, and let go what waited for it."""
        frame = batch.frame
        if frame is not None:
            self.commits.landed()
            for listener in self.listeners:
                listener(frame.first_seq, batch.facts)
            for frame_listener in self.frame_listeners:
                frame_listener(frame, batch.facts)
        for request in batch.requests:
            self._send(request)
        for reply, answer in batch.replies:
            reply(answer)

    @property
    def snapshot_due(self) -> bool:
        """Whether so much was journaled that a start would take long without a new snapshot."""
        return self.commits.tail.n - self._snapshot_n >= self.snapshot_frames

    def _send(self, request: Request) -> None:
        if isinstance(request, QueryOpenOrders | QueryFills | QueryBalances):
            name = request.venue
        elif hasattr(request, "orders"):
            name = request.orders[0].instrument.rpartition(".")[2]
        else:
            name = request.instrument.rpartition(".")[2]
        venue = self.venues.get(name)
        if not isinstance(request, QueryOpenOrders | QueryFills | QueryPosition | QueryBalances):
            self._expect_sweeps()
        if venue is not None:
            venue.send(request, self.now)
