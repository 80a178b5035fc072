"""One short story, with the nth append or the nth send failing, for every n."""

import msgspec
import pytest

from interlock.audit.auditor import Auditor
from interlock.journal.memory import AppendFault, MemoryJournal
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import Accepted, PlaceOrder
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Trade
from interlock.runtime.errors import RuntimeTrouble
from interlock.runtime.line import Line
from interlock.runtime.replay import Replay, Timed
from interlock.venues.paper.exchange import PaperExchange

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
BTC = Instrument("BTC.PAPER", "0.01", "1")
PLACE = msgspec.json.decode(
    b"""{"client_order_id": "one", "account": "main", "order": {"type": "bracket",
    "entry": {"type": "limit", "id": "entry", "instrument": "BTC.PAPER", "side": "buy",
              "quantity": "10", "price": "100.00"},
    "take_profit": {"type": "limit", "price": "110.00"},
    "stop_loss": {"type": "stop", "trigger_price": "95.00"}}}""",
    type=PlaceOrder,
)
PRICES = (10100, 10000, 9990, 10200, 10100, 9600, 9400, 9300, 9300, 9300)
TICKS = [Trade("BTC.PAPER", START + n * SECOND, price, 1000) for n, price in enumerate(PRICES)]


class Story:
    """Buy at 100, stopped out at 95, over a journal that may fail."""

    def __init__(self, journal: MemoryJournal) -> None:
        self.auditor = Auditor()
        self.venue = PaperExchange("PAPER", [BTC], Capabilities())
        self.journal = journal
        self.answers: list[object] = []

    def play(self) -> None:
        """Play on; after trouble the process is killed and started again from the journal."""
        ticks, told, crashed = iter(TICKS), False, 0
        replay: Replay | None = None
        while True:
            line = Line(self.journal, {"PAPER": self.venue})
            line.listeners.append(self.auditor.hear)
            try:
                line.recover()
                line.start(max(START - 1, line.now), [BTC])
                commands = [] if told else [Timed(max(START, line.now), PLACE)]
                replay = Replay(line, {"PAPER": self.venue}, commands)
                replay.run(ticks)
                self.answers += [a.answer for a in replay.answers]
                self.line = line
                return
            except (OSError, RuntimeTrouble):
                crashed += 1
                assert crashed < 5
                answers = replay.answers if replay is not None else []
                told = told or any(isinstance(a.answer, Accepted) for a in answers)
                self.journal = self.journal.crash()


@pytest.mark.parametrize("fault", list(AppendFault))
@pytest.mark.parametrize("n", range(1, 16))
def test_the_nth_append_fails_and_the_story_still_ends_well(n, fault):
    story = Story(MemoryJournal(faults={n: fault}))
    story.play()
    (order,) = story.line.state.orders.sketches()
    position = story.venue.position("main", "BTC.PAPER")
    assert position.quantity == sum(leg.terms.side * leg.cum for leg in order.legs)
    breaches = story.auditor.finish([story.venue])
    assert not breaches, breaches[0]
    assert position.quantity == 0
    assert order.done == "filled"
