"""One replay put together: paper exchanges, a line, a market, commands; played to its end.

Decides the order of a run: everything is defined before the first tick or command, and after the
last tick the faults end, so that what is on its way can settle. Invariant: the same inputs and seed
give the same journal, frame for frame.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from msgspec import Struct

from interlock.audit.auditor import Auditor
from interlock.audit.breach import Breach
from interlock.cli.errors import BadInput
from interlock.engine.digest import digest
from interlock.engine.evolve import evolve
from interlock.engine.state import State
from interlock.journal.frames import decode_facts
from interlock.journal.port import Journal
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.requests import Request
from interlock.orders.ticks import Tick
from interlock.runtime.line import Line, Listener
from interlock.runtime.replay import DRAIN_NS, Answered, Replay, Timed
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.faults import Faults

SETTLE_NS = 400_000_000_000
"""After faults, longer: a query is repeated with growing waits until it is answered."""
ADVANCE_EVERY = 8192

Advance = Callable[[int, Tick], None]


class WatchedExchange(PaperExchange):
    """The paper exchange, with the auditor looking at what reaches it."""

    auditor: Auditor | None = None

    def send(self, request: Request, at: int) -> None:
        if self.auditor is not None:
            self.auditor.sent(request)
        super().send(request, at)


class Scene(Struct, frozen=True):
    """What a run is made of, but for the market itself and the journal."""

    instruments: tuple[Instrument, ...]
    commands: tuple[Timed, ...] = ()
    faults: Faults = Faults()
    capabilities: Capabilities = Capabilities()
    seed: int = 0


class Play:
    """One run over one journal."""

    def __init__(
        self,
        scene: Scene,
        journal: Journal,
        listeners: Iterable[Listener] = (),
        auditor: Auditor | None = None,
    ) -> None:
        self.scene = scene
        self.journal = journal
        self.auditor = auditor
        self.venues = _exchanges(scene, auditor)
        heard = [] if auditor is None else [auditor.hear]
        self.line = Line(journal, self.venues, listeners=[*heard, *listeners])
        self.answers: list[Answered] = []
        self.ticks = 0
        self.began = 0
        self.now = 0

    def position_sign(self, symbol: str) -> int:
        """The sign of the net position in ``symbol``, over all accounts."""
        venue = self.venues[symbol.rpartition(".")[2]]
        net = sum(p.quantity for p in venue.positions() if p.instrument == symbol)
        return (net > 0) - (net < 0)

    def run(self, market: Iterator[Tick], advance: Advance | None = None) -> None:
        """Play the market to its end and let everything settle."""
        first = next(market, None)
        if first is None:
            raise BadInput("The market files hold no usable row: there is nothing to replay.")
        self.began = min([first.at, *(timed.at for timed in self.scene.commands)])
        self.line.start(self.began, self.scene.instruments)
        replay = Replay(
            self.line, self.venues, self.scene.commands, self._counted(advance), ADVANCE_EVERY
        )
        self.answers = replay.answers
        calm = self.scene.faults == Faults()
        replay.run(chain((first,), market), drain_ns=DRAIN_NS if calm else 0)
        if not calm:
            for venue in self.venues.values():
                venue.change_faults(Faults())
                venue.reconnect(replay.now)
            replay.run(iter(()), drain_ns=SETTLE_NS)
        self.ticks, self.now = replay.ticks, replay.now

    def breaches(self) -> list[Breach]:
        """What the auditor found, and whether the journal folds to the state that made it."""
        assert self.auditor is not None
        venues = self.venues.values()
        found = self.auditor.finish(venues)
        fresh = State()
        for frame in self.journal.read(1):
            for fact in decode_facts(frame.payload):
                evolve(fresh, fact)
        if digest(fresh) != digest(self.line.state):
            seq = self.journal.tail().next_seq - 1
            found.append(Breach("I7", seq, "the journal's facts fold to another state"))
        return found

    def _counted(self, advance: Advance | None) -> Advance:
        """Progress, and the count for one who interrupts."""

        def counted(ticks: int, tick: Tick) -> None:
            self.ticks, self.now = ticks, tick.at
            if advance is not None:
                advance(ticks, tick)

        return counted


def same_frames(one: Journal, other: Journal) -> Breach | None:
    """Whether two runs said the same, byte for byte; the first fact at which they did not."""
    if one.tail() == other.tail():
        return None
    others = other.read(1)
    seq = 1
    for frame in one.read(1):
        seq = frame.first_seq
        if frame != next(others, None):
            break
    return Breach("I7", seq, "a second run of the same inputs says something else from here on")


def _exchanges(scene: Scene, auditor: Auditor | None) -> dict[str, PaperExchange]:
    """One exchange for each venue that an instrument names; each with a seed of its own."""
    venues: dict[str, PaperExchange] = {}
    for symbol in scene.instruments:
        if symbol.venue in venues:
            continue
        mine = [i for i in scene.instruments if i.venue == symbol.venue]
        venue = WatchedExchange(
            symbol.venue, mine, scene.capabilities, scene.faults, scene.seed + len(venues)
        )
        venue.auditor = auditor
        venues[symbol.venue] = venue
    return venues
