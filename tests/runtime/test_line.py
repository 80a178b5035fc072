"""The line's promises: order of the inbox, durability before anything is said or sent, recovery."""

from pathlib import Path

import msgspec

from interlock.engine.digest import digest, image, restore
from interlock.journal.memory import MemoryJournal
from interlock.journal.sqlite import SqliteJournal
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders import requests as q
from interlock.orders.capabilities import Capabilities
from interlock.orders.instruments import Instrument
from interlock.orders.reports import (
    Acknowledged,
    Connection,
    Execution,
    Filled,
    FillsTold,
    Position,
    Report,
)
from interlock.orders.ticks import Trade
from interlock.runtime.commits import LAZY_NS_MAX
from interlock.runtime.line import RECOVERY_WAIT_NS, SWEEP_NS, SWEEPS_AFTER, Line
from interlock.sim.draw import plan_of
from interlock.sim.plan import FaultClass
from interlock.sim.world import World
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.port import VenueHealth

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
BTC = Instrument("BTC.PAPER", "0.01", "1")


class SilentVenue:
    """A venue that takes every request and says nothing until told to."""

    name = "PAPER"
    capabilities = Capabilities()

    def __init__(self, journal: MemoryJournal | SqliteJournal | None = None) -> None:
        self.sent: list[q.Request] = []
        self.frames_at_send: list[int] = []
        self.journal = journal

    def send(self, request: q.Request, at: int) -> None:
        self.sent.append(request)
        if self.journal is not None:
            self.frames_at_send.append(self.journal.tail().n)

    def poll(self, at: int) -> list[Report]:
        return []

    def next_at(self) -> int | None:
        return None

    def health(self) -> VenueHealth:
        return VenueHealth(True)


def bracket(name: str, **leg: str) -> c.PlaceOrder:
    entry = {"type": "limit", "instrument": "BTC.PAPER", "side": "buy", "quantity": "10"}
    order = {
        "type": "bracket",
        "entry": entry | {"price": "100.00"},
        "take_profit": {"type": "limit", "price": "110.00"},
        "stop_loss": {"type": "stop", "trigger_price": "95.00"},
    }
    body = {"client_order_id": name, "account": "main", "order": order}
    return msgspec.convert(body, c.PlaceOrder)


def trailing(name: str) -> c.PlaceOrder:
    leg = {
        "type": "trailing_stop",
        "instrument": "BTC.PAPER",
        "side": "sell",
        "quantity": "1",
        "trail": {"ticks": 500},
    }
    return msgspec.convert({"client_order_id": name, "account": "main", "order": leg}, c.PlaceOrder)


def started(venue: SilentVenue | PaperExchange, journal: object = None) -> Line:
    line = Line(journal or MemoryJournal(), {"PAPER": venue})  # type: ignore[arg-type]
    line.start(START, [BTC])
    return line


def test_reports_and_cancels_go_before_placements():
    line = started(SilentVenue())
    order: list[str] = []
    for n in range(3):
        line.put(bracket(f"p{n}"), START, lambda _, n=n: order.append(f"place {n}"))
    cancel = c.CancelOrder(account="main", client_order_id="p0")
    line.put(cancel, START, lambda _: order.append("cancel"))
    line.put(Trade("BTC.PAPER", START, 10000, 1), START)
    line.run(START)
    assert order == ["cancel", "place 0", "place 1", "place 2"]
    assert line.state.markets["BTC.PAPER"].last == 10000


def test_a_request_is_durable_before_it_is_answered_and_a_venue_order_before_it_is_sent(tmp_path):
    journal = SqliteJournal(tmp_path / "j")
    venue = SilentVenue(journal)
    line = started(venue, journal)
    before = journal.tail().n
    at_answer: list[int] = []
    line.put(bracket("one"), START, lambda _: at_answer.append(journal.tail().n))
    line.run(START)
    assert at_answer == [before + 1]
    assert isinstance(venue.sent[-1], q.SubmitVenueOrder)
    assert venue.frames_at_send[-1] == before + 1
    facts = [x for frame in journal.read(before + 1) for x in msgspec_facts(frame.payload)]
    assert [type(x).__name__ for x in facts] == ["OrderAccepted", "VenueOrderSending"]
    journal.close()


def msgspec_facts(payload: bytes) -> list[f.Fact]:
    from interlock.journal.frames import decode_facts

    return decode_facts(payload)


def test_one_commit_for_a_whole_micro_batch():
    journal = MemoryJournal()
    line = started(SilentVenue(), journal)
    before = journal.tail().n
    for n in range(400):
        line.put(bracket(f"p{n}"), START)
    line.run(START)
    assert journal.tail().n == before + 1


def test_watermarks_alone_wait_for_a_commit_they_can_share_but_not_for_ever():
    journal = MemoryJournal()
    line = started(SilentVenue(), journal)
    line.put(trailing("t"), START)
    line.run(START)
    before = journal.tail().n
    for n in range(10):
        line.tick(Trade("BTC.PAPER", START + n, 10000 + n, 1), START + n)
    assert journal.tail().n == before
    late = START + LAZY_NS_MAX + 10
    line.tick(Trade("BTC.PAPER", late, 10100, 1), late)
    assert journal.tail().n == before + 1


def test_a_recall_leaves_before_the_commit_and_the_order_that_replaces_it_after():
    journal = MemoryJournal()
    venue = PaperExchange("PAPER", [BTC])
    line = started(venue, journal)
    sent: list[tuple[str, int]] = []
    send = venue.send

    def watched(request: q.Request, at: int) -> None:
        sent.append((type(request).__name__, journal.tail().n))
        send(request, at)

    venue.send = watched  # type: ignore[method-assign]
    line.put(bracket("one"), START)
    line.run(START)
    for n, price in enumerate((10000, 9990, 9400)):
        at = START + (n + 1) * SECOND
        tick = Trade("BTC.PAPER", at, price, 1000)
        venue.on_tick(tick)
        while reports := venue.poll(at):
            for report in reports:
                line.put(report, at)
            line.run(at)
        line.tick(tick, at)
    cancel = next(n for name, n in sent if name == "CancelVenueOrder")
    assert journal.tail().n > cancel, "its own fact was committed after it had left"


def test_until_the_venue_has_answered_ticks_pass_and_commands_wait():
    journal = MemoryJournal()
    line = started(SilentVenue(), journal)
    line.put(bracket("one"), START)
    line.run(START)
    again = Line(journal, {"PAPER": SilentVenue()})
    assert again.recover() > 0
    again.start(START + SECOND, [BTC])
    assert again.recovering
    answers: list[object] = []
    again.put(bracket("two"), START + SECOND, answers.append)
    again.run(START + SECOND)
    again.tick(Trade("BTC.PAPER", START + SECOND, 9000, 1), START + SECOND)
    assert not answers
    assert again.state.markets["BTC.PAPER"].last == 0
    late = START + SECOND + RECOVERY_WAIT_NS
    again.run(late)
    assert len(answers) == 1, "a silent venue does not hold up everything for ever"


def test_open_orders_are_swept_for_strays_while_anything_of_ours_may_be_there():
    venue = SilentVenue()
    line = started(venue)
    line.put(bracket("one"), START)
    line.run(START)
    for n in range(1, 4):
        line.run(START + n * SWEEP_NS + n)
    sweeps = [r for r in venue.sent if isinstance(r, q.QueryOpenOrders)]
    assert len(sweeps) == 4, "one at the start, then one a minute"


def test_a_line_with_nothing_at_its_venue_wakes_for_its_last_sweeps_and_then_for_nothing():
    line = started(SilentVenue())
    for n in range(1, SWEEPS_AFTER + 1):
        assert line.next_wakeup() == START + n * SWEEP_NS
        line.run(START + n * SWEEP_NS)
    assert line.next_wakeup() is None


def test_a_position_is_asked_about_only_when_every_fill_has_been_told():
    """Found on wires: a stop filled while no server ran, and the position was told before the fill,
    twice at once; it was taken for somebody else's close, and a position lost its exits.
    """
    venue = SilentVenue()
    venue.capabilities = Capabilities(fills_since=True)
    line = started(venue)
    line.put(bracket("one"), START)
    line.run(START)
    line.put(Connection(START, "PAPER", True), START + 1)
    line.run(START + 1)
    fills = [r for r in venue.sent if isinstance(r, q.QueryFills)]
    assert len(fills) == 2, "at the start, and when the connection is there"

    def positions() -> int:
        return sum(isinstance(r, q.QueryPosition) for r in venue.sent)

    line.put(FillsTold(START + 2, "PAPER", START), START + 2)
    line.run(START + 2)
    assert positions() == 0, "that answers the older question"
    line.put(FillsTold(START + 3, "PAPER", START + 1), START + 3)
    line.run(START + 3)
    assert positions() == 1

    entry = "o0000004.0.1"
    line.put(Acknowledged(START + 4, entry, "v1"), START + 4)
    line.put(Filled(START + 4, entry, Execution("x1", 10, 10_000)), START + 4)
    line.put(Acknowledged(START + 4, "o0000004.1.1", "v2"), START + 4)
    line.run(START + 4)
    line.put(Position(START + 9, "main", "BTC.PAPER", 0, START + 9), START + 9)
    line.run(START + 9)
    fills = [r for r in venue.sent if isinstance(r, q.QueryFills)]
    assert (len(fills), positions()) == (3, 1), "a doubt asks for fills first as well"


def plan_of_calm(seed: int):
    return plan_of(seed, list(FaultClass))


def test_a_snapshot_and_the_frames_after_it_give_the_same_state(tmp_path: Path):
    for seed in range(6):
        world = World(plan_of(seed))
        world.run()
        live = world.line.state
        assert digest(restore(image(live))) == digest(live)
        world.line.snapshot()
        again = Line(world.journal, {})
        assert again.recover() == 0, "nothing was left to fold"
        assert digest(again.state) == digest(live)


def test_a_snapshot_of_another_version_is_left_and_the_facts_are_folded():
    world = World(plan_of(1))
    world.run()
    live = world.line.state
    data = msgspec.msgpack.decode(image(live))
    other = msgspec.msgpack.encode([data[0] - 1, *data[1:]])
    broken = msgspec.msgpack.encode([data[0], "other", *data[2:]])
    for old in (other, broken):
        world.journal.save_snapshot(world.journal.tail().n, old)
        again = Line(world.journal, {})
        assert again.recover() > 0
        assert digest(again.state) == digest(live)


def test_a_restored_state_goes_on_as_the_live_one_would():
    """The trigger index and timers built from a snapshot behave like those built from facts."""
    from interlock.engine.decide import decide

    plan = next(p for p in map(plan_of_calm, range(11, 99)) if len(p.commands) > 8)
    venues = {v.name: PaperExchange(v.name, v.instruments, v.capabilities) for v in plan.venues}
    line = Line(MemoryJournal(), venues)
    line.start(plan.start - 1, [i for v in plan.venues for i in v.instruments])
    half = plan.ticks[: len(plan.ticks) // 2]
    for given in plan.commands:
        if given.at < half[-1].at:
            line.put(given.command, line.state.now)
    line.run(half[0].at)
    twin = restore(image(line.state))
    for tick in half:
        one = decide(line.state, tick, tick.at)
        two = decide(twin, tick, tick.at)
        assert one.facts == two.facts
        assert one.requests == two.requests
