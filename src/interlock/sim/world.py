"""A world: a plan played with the real line, engine and journal, under one simulated clock.

Decides what happens first at one instant: what venues have said, what is due, then the market, the
clients and other hands in the plan's order. Invariants: the same plan is the same world, fact for
fact; after the plan the faults end, and everything must come to rest.
"""

from msgspec import Struct
from msgspec.structs import replace

from interlock.audit.auditor import Auditor
from interlock.audit.breach import Breach
from interlock.engine.digest import digest, image, restore
from interlock.engine.evolve import evolve
from interlock.engine.inputs import SetSessions
from interlock.engine.settings import Settings
from interlock.engine.state import State
from interlock.journal.errors import JournalError
from interlock.journal.frames import decode_facts
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import Answer, Command, Keyed
from interlock.orders.facts import Fact
from interlock.orders.rejects import Reject
from interlock.orders.reports import Report
from interlock.orders.requests import Request
from interlock.orders.ticks import Quote, Tick, Trade
from interlock.runtime.errors import RuntimeTrouble
from interlock.runtime.line import Line, Listener
from interlock.sim.compare import differences
from interlock.sim.deeds import do
from interlock.sim.figures import figures
from interlock.sim.mortal import Killed, MortalInbox, MortalJournal, MortalVenue, Points
from interlock.sim.plan import TOLD_TO, ClockStep, Deed, Plan, Told
from interlock.sim.waiting import unlike
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.faults import Faults

SECOND = 1_000_000_000
SETTLE_NS = 400 * SECOND
"""How long everything has to come to rest once the faults have ended."""
CALM_TICKS_S = (1, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 80, 80, 80)
"""Between the ticks of the calm market, one after another."""
DISK_RETRY_NS = SECOND
"""A process that stopped because the disk was full is started again after this long."""
INSTANT_ROUNDS_MAX = 2000
"""Looks at one instant. More means that line and venues talk in a circle: a bug."""
ANSWERS_MAX = 200
"""Times that venues and line answer each other without a moment passing: the same."""
BREACHES_MAX = 20
"""A world that has broken so much has said enough; it may go in circles."""
BUGS = (
    AssertionError,
    ArithmeticError,
    LookupError,
    AttributeError,
    TypeError,
    ValueError,
    RecursionError,
)
"""What the engine raises only when it is wrong."""


class Outcome(Struct):
    """What became of a world."""

    plan: Plan
    breaches: list[Breach]
    facts: int = 0
    accepted: int = 0
    restarts: int = 0
    points: int = 0
    appends: int = 0


class Listening:
    """Hears a world for a transcript. This one keeps nothing."""

    def happened(self, at: int, kind: str, what: object) -> None:
        """``kind``: ``market``, ``command``, ``answer``, ``request``, ``report``, ``fact``, ..."""


class Stuck(AssertionError):
    """Line and venues do not come to rest, or only go on breaking things."""


class World:
    """One plan being played."""

    def __init__(self, plan: Plan, listening: Listening | None = None) -> None:
        self.plan = plan
        self.now = plan.start
        self.skew = 0
        self.restarts = 0
        self.auditor = Auditor()
        self.points = Points(plan)
        self.journal = MortalJournal(self.points)
        self.line: Line | None = None
        self.listeners: list[Listener] = []
        """Others that hear the facts, of every process in turn."""
        self._told = listening.happened if listening is not None else None
        self._restart_at = plan.start
        self._cut = False
        """The connections are down because the process is."""
        self._answered: dict[int, bool] = {}
        self._asking: list[int] = []
        """Commands to be made again by their clients, by number, once the process is back."""
        self._tokens: dict[str, str] = {}
        """Second thoughts that clients were told, by the key of their request."""
        self._heard_n = 0
        self._facts = 0
        self._accepted = 0
        self.instruments = tuple(i for venue in plan.venues for i in venue.instruments)
        self.exchanges = {
            venue.name: PaperExchange(
                venue.name, venue.instruments, venue.capabilities, venue.faults, venue.seed
            )
            for venue in plan.venues
        }
        self._ports = {
            name: MortalVenue(exchange, self.points, self._clock, self._sent)
            for name, exchange in self.exchanges.items()
        }
        spell = plan.forget_s * SECOND
        self._settings = Settings(forget_after_ns=spell) if spell else Settings()
        self._known: dict[str, Capabilities] = {v.name: v.capabilities for v in plan.venues}
        self._script = _script(plan)
        self._at = 0

    # The whole of it

    def run(self) -> Outcome:
        """Faults first; then calm weather, in which everything must come to rest."""
        breaches = self.auditor.breaches
        try:
            self._play(self._script[-1][0] + SECOND if self._script else self.plan.start + SECOND)
            self._calm_down()
            self._finish()
        except BUGS as bug:
            breaches.append(Breach("bug", self.auditor.seq, where_from(bug)))
        return Outcome(
            self.plan,
            breaches,
            self._facts,
            self._accepted,
            self.restarts,
            self.points.count,
            self.points.appends,
        )

    def _calm_down(self) -> None:
        self.points.stop()
        for exchange in self.exchanges.values():
            exchange.change_faults(Faults())
            exchange.reconnect(self.now)
            for instrument in self.instruments:
                if instrument.venue == exchange.name:
                    exchange.resume(instrument.symbol, self.now)
        self._cut = False
        self._restart_at = min(self._restart_at, self.now)
        self._say("calm", None)
        self._script = _calm(self.plan, self.now)
        self._at = 0
        self._play(self.now + SETTLE_NS)

    def _finish(self) -> None:
        line = self.line
        assert line is not None, "the process is down though nothing is wrong any more"
        line.flush()
        self.auditor.finish(self.exchanges.values())
        self._check_fold(line.state, "at the end")
        if self.plan.projection:
            for difference in differences(self.journal, line.state):
                self._breach("projection", difference)
        restored = restore(image(line.state))
        if digest(restored) != digest(line.state):
            self._breach("I7", "a restored snapshot is another state")
        for difference in unlike(line.state, restored):
            self._breach("index", difference)

    # The course of time

    def _clock(self) -> int:
        return self.now

    @property
    def _server_time(self) -> int:
        return self.now + self.skew

    def _play(self, end: int) -> None:
        """Everything due up to ``end``, moment by moment."""
        rounds = 0
        while True:
            at = self._next()
            if at > end:
                break
            if at > self.now:
                self.now = at
                rounds = 0
            rounds += 1
            if rounds > INSTANT_ROUNDS_MAX:
                raise Stuck(f"{rounds} looks at one instant")
            try:
                self._moment()
            except Killed as killed:
                self._die(killed.where, killed.kill.down_ns, killed.kill.keep, killed.kill.tear)
            except (JournalError, RuntimeTrouble) as trouble:
                self._die(str(trouble), DISK_RETRY_NS)
        self.now = max(self.now, end)

    def _next(self) -> int:
        """When something happens next."""
        now = self.now
        due = self._script[self._at][0] if self._at < len(self._script) else 1 << 62
        line = self.line
        if line is None:
            return max(now, min(due, self._restart_at))
        for exchange in self.exchanges.values():
            at = exchange.next_at()
            if at is not None and at < due:
                due = at
        wake = line.next_wakeup()
        if wake is not None and wake - self.skew < due:
            due = wake - self.skew
        return max(now, due)

    def _moment(self) -> None:
        if self.line is None:
            if self._restart_at <= self.now:
                self._boot()
            elif self._at < len(self._script):
                self._while_down()
            return
        self._settle()
        if self._at < len(self._script) and self._script[self._at][0] <= self.now:
            self._at += 1
            self._happen(self._script[self._at - 1][2])
            self._settle()

    def _settle(self) -> None:
        """Venues and line talk until both are quiet at this instant."""
        line = self.line
        assert line is not None
        self._hear()
        line.run(self._server_time)
        rounds = 0
        while self._hear():
            line.run(self._server_time)
            rounds += 1
            if rounds > ANSWERS_MAX:
                raise Stuck(f"{rounds} answers at one instant")
        self.auditor.at_rest()

    def _hear(self) -> bool:
        line, now = self.line, self.now
        assert line is not None
        heard = False
        for exchange in self.exchanges.values():
            due = exchange.next_at()
            if due is None or due > now:
                continue
            for report in exchange.poll(now):
                self._report(report)
                line.put(report, self._server_time)
                heard = True
        return heard

    def _happen(self, what: object) -> None:
        line = self.line
        assert line is not None
        if isinstance(what, int):
            self._give(what)
        elif isinstance(what, Deed):
            self._deed(what)
        elif isinstance(what, ClockStep):
            self.skew += what.by_ns
            self._say("clock", what)
        elif isinstance(what, Told):
            self._say("calendar", what)
            line.put(SetSessions(what.instrument, what.calendar, what.hours), self._server_time)
        elif what is None:
            self._say("snapshot", None)
            line.snapshot()
        else:
            self._tick(what, line)  # type: ignore[arg-type]

    def _tick(self, tick: Tick, line: Line) -> None:
        self._say("market", tick)
        self.exchanges[tick.instrument.rpartition(".")[2]].on_tick(tick)
        if self._hear():  # what the venue said of it is on our side before the tick is
            line.run(self._server_time)
        if any(
            one.instrument == tick.instrument and one.at <= tick.at < one.until
            for one in self.plan.silences
        ):
            return
        if line.recovering:  # until the venues have answered, ticks are let pass
            line.tick(tick, self._server_time)
            return
        self.auditor.tick(tick, self._server_time)
        line.tick(tick, self._server_time)
        self.auditor.ticked()

    def _while_down(self) -> None:
        """The world goes on without us."""
        what = self._script[self._at][2]
        self._at += 1
        if isinstance(what, int):
            self._asking.append(what)
        elif isinstance(what, Deed):
            self._deed(what)
        elif isinstance(what, ClockStep):
            self.skew += what.by_ns
        elif what is not None and not isinstance(what, Told):
            assert isinstance(what, Tick)
            self._say("market", what)
            self.exchanges[what.instrument.rpartition(".")[2]].on_tick(what)

    def _deed(self, deed: Deed) -> None:
        self._say("deed", do(self.exchanges[deed.venue], deed, self.now))

    # Clients

    def _give(self, number: int) -> None:
        line = self.line
        assert line is not None
        command = self._with_token(self.plan.commands[number].command)

        def reply(answer: Answer) -> None:
            self._say("answer", (command, answer))
            if isinstance(command, Keyed) and isinstance(answer, Reject) and answer.thought:
                self._tokens[command.key] = answer.thought.token
            self.auditor.answered(number, command, answer)
            self._answered[number] = True
            self._accepted += type(answer).__name__ == "Accepted"

        if number not in self._asking:
            self._asking.append(number)
        self._say("command", command)
        self.auditor.asked(number, command)
        line.put(command, self._server_time, reply)

    def _with_token(self, command: Command) -> Command:
        """The command, with the token that its client was told by now."""
        if not isinstance(command, Keyed) or not command.second_thought.startswith(TOLD_TO):
            return command
        token = self._tokens.get(command.second_thought.removeprefix(TOLD_TO), "")
        return replace(command, second_thought=token)

    # The process

    def _die(self, where: str, down_ns: int, keep: bool = False, tear: bool = False) -> None:
        self._say("died", where)
        self.line = None
        self.restarts += 1
        self.journal = self.journal.crashed(keep, tear)
        self._restart_at = self.now + down_ns
        if not self._cut:  # its connections die with it; a new process makes new ones
            self._cut = True
            for exchange in self.exchanges.values():
                exchange.disconnect(self.now)

    def _boot(self) -> None:
        """Start the process on what the journal holds."""
        if self._cut:
            self._cut = False
            for exchange in self.exchanges.values():
                exchange.reconnect(self.now)
        line = Line(self.journal, self._ports, self._settings)
        line.inbox = MortalInbox(self.points)
        line.listeners.append(self._hear_facts)
        line.recover()
        self._say("started", None)
        self._tell_unheard()
        self.auditor.started()
        if line.state.seq:
            self._check_fold(line.state, "after a crash")
        line.start(self._server_time, self.instruments, self._known)
        self.auditor.begun()
        self.line = line
        last = {told.instrument: told for told in self.plan.sessions if told.at <= self.now}
        for told in last.values():
            self._happen(told)
        asking = [n for n in self._asking if n not in self._answered]
        self._asking = []
        for number in asking:
            self._give(number)

    def _tell_unheard(self) -> None:
        """Facts that were durable, though the process died before it could act on them."""
        for frame in self.journal.read(self._heard_n + 1):
            self._hear_facts(frame.first_seq, decode_facts(frame.payload))

    def _hear_facts(self, first_seq: int, facts: list[Fact]) -> None:
        self._heard_n += 1
        self._facts += len(facts)
        if self._told is not None:
            for seq, fact in enumerate(facts, first_seq):
                self._told(self.now, "fact", (seq, fact))
        self.auditor.hear(first_seq, facts)
        if len(self.auditor.breaches) > BREACHES_MAX:
            raise Stuck(f"{len(self.auditor.breaches)} breaches, and more to come")
        for listener in self.listeners:
            listener(first_seq, facts)

    def _sent(self, request: Request) -> None:
        self._say("request", request)
        self.auditor.sent(request)

    def _report(self, report: Report) -> None:
        self._say("report", report)
        self.auditor.heard(report)

    # Checks that need the engine's own state

    def _check_fold(self, state: State, when: str) -> None:
        fresh = State(self._settings)
        for frame in self.journal.read(1):
            for fact in decode_facts(frame.payload):
                evolve(fresh, fact)
        if digest(fresh) != digest(state) or fresh.net != state.net:
            self._breach("I7", f"a replayed journal is another state, {when}")
        if state.risk.limited:
            restored = restore(image(fresh), self._settings)
            if not figures(fresh) == figures(state) == figures(restored):
                self._breach("figures", f"what is counted for limits differs, {when}")

    def _breach(self, rule: str, detail: str) -> None:
        self.auditor.breaches.append(Breach(rule, self.auditor.seq, detail))

    def _say(self, kind: str, what: object) -> None:
        if self._told is not None:
            self._told(self.now, kind, what)


Event = tuple[int, int, object]
"""When, in which order, and what: a tick, a command's number, a deed, a clock step, a calendar's
word, or nothing (a snapshot)."""


def _script(plan: Plan) -> list[Event]:
    """Everything of the plan that happens at its own time."""
    out: list[Event] = [(tick.at, 1, tick) for tick in plan.ticks]
    out += [(given.at, 2, number) for number, given in enumerate(plan.commands)]
    out += [(deed.at, 3, deed) for deed in plan.deeds]
    out += [(step.at, 0, step) for step in plan.clock]
    out += [(told.at, 0, told) for told in plan.sessions]
    out += [(at, 4, None) for at in plan.snapshots]
    out.sort(key=lambda event: event[:2])
    return out


def _calm(plan: Plan, now: int) -> list[Event]:
    """A market that stands where it stopped, so that what is due can trade."""
    last = {tick.instrument: tick.price for tick in plan.ticks if isinstance(tick, Trade)}
    out: list[Event] = []
    for venue in plan.venues:
        for instrument in venue.instruments:
            price = last.get(instrument.symbol, 1000)
            at, symbol = now, instrument.symbol
            for number, apart in enumerate(CALM_TICKS_S):
                at += apart * SECOND
                out.append((at, 1, Quote(symbol, at, price - 1, 10**6, price + 1, 10**6)))
                out.append((at + 1, 1, Trade(symbol, at + 1, price, 10**6, 1 - 2 * (number % 2))))
    out.sort(key=lambda event: event[:2])
    return out


def where_from(bug: BaseException) -> str:
    """An exception in one line: what, and the innermost places."""
    places: list[str] = []
    trace = bug.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('interlock/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(bug).__name__}: {bug} ({' < '.join(reversed(places[-3:]))})"


def play(plan: Plan, listening: Listening | None = None) -> Outcome:
    """One world, from its plan to its end."""
    return World(plan, listening).run()
