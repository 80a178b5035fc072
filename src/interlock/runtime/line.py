"""The line: one inbox, one writer, and the turn - decide, append, commit, act.

Decides when facts are made durable and when requests leave. Invariants (I5): a venue order is in
the journal before it is sent; a request is durable before it is answered. Recalls alone may leave
before the commit: they are safe to repeat, and they are what makes a race short.

The line is synchronous and owns no clock. Replay drives it with simulated time, a server with
real time.
"""

import gc
from collections.abc import Callable, Iterable, Mapping

from msgspec import Raw

from interlock.engine.decide import decide, decide_tick, next_wakeup
from interlock.engine.digest import OtherImage, image, restore
from interlock.engine.evolve import evolve
from interlock.engine.inputs import Decision, Define, Input, Start, Wakeup
from interlock.engine.order import NEVER
from interlock.engine.settings import Settings
from interlock.engine.state import State
from interlock.journal.frames import Frame, decode_facts, encode_facts
from interlock.journal.port import AppendResult, Journal, settle
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import Answer
from interlock.orders.facts import Fact, OrderAccepted, VolumeCounted, WatermarkMoved
from interlock.orders.instruments import Instrument
from interlock.orders.requests import CancelVenueOrder, QueryOpenOrders, Request
from interlock.orders.ticks import Tick
from interlock.runtime.errors import JournalFenced, JournalUnwritten
from interlock.runtime.inbox import Inbox, Reply
from interlock.venues.port import Venue

BATCH_MAX = 500
"""Inputs decided on before their facts are committed together."""
LAZY_FACTS_MAX = 256
LAZY_NS_MAX = 500_000_000
"""Watermarks and volume alone wait this long for a commit they can share."""
RECOVERY_WAIT_NS = 10_000_000_000
"""A venue that stays silent this long after a start no longer holds up everything else."""
SWEEP_NS = 60_000_000_000
"""Between two looks at all open orders of a venue, for strays."""
SWEEPS_AFTER = 3
"""Sweeps that follow the last request, when nothing of ours is live any more."""
SNAPSHOT_FRAMES = 20_000
APPEND_TRIES = 3
"""An append that proved not to have landed is made again this often."""
EPOCH = 1
"""Of this writer. A journal of one machine has one writer for ever."""

Listener = Callable[[int, list[Fact]], None]
"""Hears the event_seq of the first fact and the facts, after their commit."""


class Line:
    """One journal's writer."""

    def __init__(
        self,
        journal: Journal,
        venues: Mapping[str, Venue],
        settings: Settings | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.journal = journal
        self.venues = venues
        self.settings = settings
        self.inbox = Inbox()
        self.state = State(settings)
        self.listeners = list(listeners)
        self.now = 0
        self.recovering_until = 0
        self._asked: dict[str, bool] = {}
        """Client ids asked about at the start, until the venue has answered."""
        self._pending: list[Fact] = []
        self._pending_since = 0
        self._tail = journal.tail()
        self._sweep_at = NEVER
        self._sweeps_left = 0
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
        self._turn(Define(tuple(instruments), tuple(sorted(known.items()))), at, None, [])
        asked: list[Request] = []
        self._turn(Start(self.state.epoch + 1), at, None, asked)
        self._commit()
        self._asked = {r.client_id: True for r in asked if hasattr(r, "client_id")}
        self.recovering_until = at + RECOVERY_WAIT_NS if self._asked else 0
        self._act(asked)
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
        if self._asked and self.recovering:
            return False
        decision = decide_tick(self.state, tick, at)
        if not decision.facts and not decision.requests:
            return False
        self.now = max(self.now, at)
        requests: list[Request] = []
        self._after(decision, requests)
        self._finish(requests, [])
        return True

    def run(self, at: int) -> None:
        """Work off the inbox and whatever is due, in micro-batches."""
        self.now = max(self.now, at)
        while True:
            requests: list[Request] = []
            replies: list[tuple[Reply, Answer]] = []
            for _ in range(BATCH_MAX):
                item = self.inbox.take(not (self._asked and self.recovering))
                if item is None:
                    break
                self._turn(item[0], at, item[1], requests, replies)
            due = next_wakeup(self.state)
            if due is not None and due <= at:
                self._turn(Wakeup(), at, None, requests)
            if not requests and not replies and not self._must_commit(at):
                break
            self._finish(requests, replies)
        if at >= self._sweep_at:
            self._sweep(at)

    def _sweep(self, at: int) -> None:
        """Ask every venue for all its open orders; rest when nothing of ours can be there."""
        self._sweeps_left -= 1
        live = any(leg.venue for order in self.state.orders.living() for leg in order.legs)
        self._sweep_at = at + SWEEP_NS if live or self._sweeps_left > 0 else NEVER
        self._act([QueryOpenOrders(name) for name in self.venues])

    def next_wakeup(self) -> int | None:
        """When ``run`` must be called even if nothing arrives."""
        due = next_wakeup(self.state)
        if self._sweep_at != NEVER:
            due = self._sweep_at if due is None else min(due, self._sweep_at)
        if self._asked and self.recovering:
            due = self.recovering_until if due is None else min(due, self.recovering_until)
        if self._sweep_at and self.venues:
            # Strays and lost fills are looked for in a silent market too.
            due = self._sweep_at if due is None else min(due, self._sweep_at)
        return due

    def flush(self) -> None:
        """Make everything said so far durable."""
        self._commit()

    def snapshot(self) -> None:
        """Keep the state, so that the next start need not read everything."""
        self._commit()
        self.journal.save_snapshot(self._tail.n, image(self.state))
        self._snapshot_n = self._tail.n

    def _turn(
        self,
        what: Input,
        at: int,
        reply: Reply | None,
        requests: list[Request],
        replies: list[tuple[Reply, Answer]] | None = None,
    ) -> None:
        if self._asked and hasattr(what, "client_id"):
            self._asked.pop(what.client_id, None)
        decision = decide(self.state, what, at)
        self._after(decision, requests)
        if reply is not None and decision.answer is not None and replies is not None:
            replies.append((reply, decision.answer))

    def _after(self, decision: Decision, requests: list[Request]) -> None:
        if decision.facts:
            if not self._pending:
                self._pending_since = self.state.now
            self._pending.extend(decision.facts)
        for request in decision.requests:
            if isinstance(request, CancelVenueOrder):
                self._send(request)
            else:
                requests.append(request)

    def _must_commit(self, at: int) -> bool:
        if not self._pending:
            return False
        if len(self._pending) >= LAZY_FACTS_MAX or at - self._pending_since >= LAZY_NS_MAX:
            return True
        return not all(isinstance(f, WatermarkMoved | VolumeCounted) for f in self._pending)

    def _finish(self, requests: list[Request], replies: list[tuple[Reply, Answer]]) -> None:
        if requests or replies or self._must_commit(self.now):
            self._commit()
        self._act(requests)
        for reply, answer in replies:
            reply(answer)

    def _commit(self) -> None:
        facts = self._pending
        if not facts:
            return
        tail = self._tail
        frame = Frame(
            tail.n + 1, EPOCH, tail.hash, self.state.now, tail.next_seq, self._encoded(facts)
        )
        result = AppendResult.AMBIGUOUS
        for _ in range(APPEND_TRIES):
            result = self.journal.append(tail.n, frame)
            if result is not AppendResult.AMBIGUOUS:
                break
            result = settle(self.journal, frame)
            if result is AppendResult.OK or self.journal.tail().n != tail.n:
                break  # it landed after all, or somebody else's frame did
        if result is not AppendResult.OK and self.journal.tail().n == tail.n:
            raise JournalUnwritten(
                f"the journal could not be written: frame {frame.n} failed {APPEND_TRIES} times on "
                f"its way to the disk. What was not answered is not promised; check the disk."
            )
        if result is not AppendResult.OK:
            raise JournalFenced(f"frame {frame.n} was refused: another writer has the journal")
        self._tail = self.journal.tail()
        self._pending = []
        for listener in self.listeners:
            listener(frame.first_seq, facts)
        if self._tail.n - self._snapshot_n >= SNAPSHOT_FRAMES:
            self.snapshot()

    def _encoded(self, facts: list[Fact]) -> bytes:
        """A frame's payload; acceptances that the state keeps as bytes are not encoded twice."""
        parts: list[Fact | Raw] = []
        orders = self.state.orders
        for fact in facts:
            data = orders.acceptance(fact.terms.id) if type(fact) is OrderAccepted else None
            parts.append(fact if data is None else Raw(data))
        return encode_facts(parts)

    def _act(self, requests: list[Request]) -> None:
        for request in requests:
            self._send(request)

    def _send(self, request: Request) -> None:
        if isinstance(request, QueryOpenOrders):
            name = request.venue
        elif hasattr(request, "orders"):
            name = request.orders[0].instrument.rpartition(".")[2]
        else:
            name = request.instrument.rpartition(".")[2]
        venue = self.venues.get(name)
        if not isinstance(request, QueryOpenOrders):
            self._expect_sweeps()
        if venue is not None:
            venue.send(request, self.now)
