"""The projection: rows follow facts, once, in any batches, and a rebuild gives the same rows."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.journal.errors import JournalError, JournalUnavailable
from interlock.journal.frames import Frame, encode_facts
from interlock.journal.memory import MemoryJournal
from interlock.journal.port import AppendResult, Journal
from interlock.journal.projection import Projection, ProjectionMismatch
from interlock.orders import facts
from interlock.orders.facts import Fact, IncidentKind
from interlock.orders.ids import order_id
from interlock.orders.instruments import Instrument
from interlock.orders.legs import Hold, LegType
from interlock.orders.reports import CancelReason, VenueReject, VenueStatus
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import Change, LegTerms, OrderTerms, Relation, Span

from .stories import START

BTC = Instrument("BTCUSDT.PAPER", "0.01", "0.001")
ENTRY = LegTerms("entry", LegType.LIMIT, BTC.symbol, 1, 500, price=3_000_000, hold=Hold.VENUE)
TARGET = LegTerms("take_profit", LegType.LIMIT, BTC.symbol, -1, 500, price=Span(bps=200))
STOP = LegTerms("stop_loss", LegType.STOP, BTC.symbol, -1, 500, trigger_price=2_800_000)
MOVED = LegTerms("stop_loss", LegType.STOP, BTC.symbol, -1, 500, trigger_price=2_900_000)
FLATTEN = LegTerms("flatten", LegType.MARKET, BTC.symbol, -1, 100, system="flatten")


def story(number: int) -> list[Fact]:
    """One bracket's life with most of what can befall it: ``number`` makes it another order."""
    o, at = order_id(number), START + number
    terms = OrderTerms(
        o,
        f"wheat-{number}",
        "main" if number % 2 else "other",
        "digest",
        (ENTRY, TARGET, STOP),
        root=~0,
        relations=(Relation("oto", (0, ~1)), Relation("oco", (1, 2), parent=0)),
    )
    limit, market = VenueOrderType.LIMIT, VenueOrderType.MARKET
    return [
        facts.OrderAccepted(at, terms),
        facts.VenueOrderSending(at, o, 0, 1, limit, 1, 500, at + 9, price=3_000_000),
        facts.VenueOrderRejected(at, o, 0, 1, VenueReject.RATE_LIMITED),
        facts.LegRetrying(at, o, 0, at + 5, "rate_limited"),
        facts.VenueOrderSending(at, o, 0, 2, limit, 1, 500, at + 9, price=3_000_000),
        facts.VenueOrderAcknowledged(at, o, 0, 2, "v1"),
        facts.VenueOrderFilled(at, o, 0, 2, "e1", 300, 3_000_000, 300, fee=150),
        facts.LegArmed(at, o, 2, 300, 2_800_000),
        facts.OrderAmended(at, o, 2, (Change(2, MOVED),), "trader"),
        facts.VenueOrderFilled(at, o, 0, 2, "e2", 200, 2_999_999, 500, confirmed=False),
        facts.FillRefuted(at, o, 0, 2, "e2", 200, 2_999_999, 300),
        facts.IncidentOpened(at, o, IncidentKind.PHANTOM_FILL, 0, "e2 is not known", quantity=200),
        facts.VenueOrderFilled(at, o, 0, 2, "e3", 200, 3_000_000, 500, confirmed=False),
        facts.FillConfirmed(at, o, 0, 2, "e3"),
        facts.LegDone(at, o, 0, "filled", 500),
        facts.VenueOrderSending(at, o, 1, 1, limit, -1, 500, at + 9, price=3_060_000),
        facts.VenueOrderAcknowledged(at, o, 1, 1, "v2"),
        facts.LegTriggered(at, o, 2, "last", 2_890_000, 2_900_000),
        facts.LegClaimed(at, o, 2, 1),
        facts.VenueOrderCanceling(at, o, 1, 1, 1, "sibling claimed"),
        facts.VenueOrderUnknown(at, o, 1, 1, "no answer"),
        facts.VenueOrderFound(at, o, 1, 1, VenueStatus.WORKING, 500),
        facts.VenueOrderAmended(at, o, 1, 1, -1, 400, 3_070_000),
        facts.VenueOrderCanceled(at, o, 1, 1, CancelReason.REQUESTED),
        facts.LegDone(at, o, 1, "canceled", 0, "sibling won"),
        facts.VenueOrderSending(at, o, 2, 1, market, -1, 500, at + 9),
        facts.VenueOrderFilled(at, o, 2, 1, "e4", 500, 2_889_000, 500),
        facts.LegDone(at, o, 2, "filled", 500),
        facts.IncidentClosed(at, o, IncidentKind.PHANTOM_FILL, 0, "position agrees"),
        facts.OrderDone(at, o, "filled"),
    ]


def afterlife(number: int) -> list[Fact]:
    """A done order that a late fill brings back to life, and one that is forgotten."""
    o, at = order_id(number), START + 1_000
    return [
        facts.VenueOrderFilled(at, o, 1, 1, "e5", 100, 3_070_000, 100, late=True),
        facts.IncidentOpened(at, o, IncidentKind.DOUBLE_FILL, 1, "late", "on_overfill", 100),
        facts.LegAdded(at, o, 3, FLATTEN),
        facts.OrderCanceling(at, o, "flatten", "overfill"),
    ]


def all_facts(orders: int) -> list[Fact]:
    told: list[Fact] = [facts.InstrumentDefined(START, BTC)]
    for number in range(1, orders + 1):
        told += story(number)
    told += afterlife(1)
    return [*told, facts.OrderForgotten(START, order_id(2)), facts.VenueConnected(START, "PAPER")]


def journal_of(told: list[Fact], size: int) -> MemoryJournal:
    """A journal with ``size`` facts a frame."""
    journal = MemoryJournal()
    for start in range(0, len(told), size):
        add(journal, told[start : start + size])
    return journal


def add(journal: Journal, told: list[Fact]) -> Frame:
    tail = journal.tail()
    frame = Frame(tail.n + 1, 1, tail.hash, START, tail.next_seq, encode_facts(told))
    assert journal.append(tail.n, frame) is AppendResult.OK
    return frame


def dump(path: Path) -> list[str]:
    """All rows, as text, but for how they were cut into frames."""
    connection = sqlite3.connect(path)
    lines = [line for line in connection.iterdump() if 'INTO "meta"' not in line]
    connection.close()
    return lines


@pytest.fixture
def projection(tmp_path: Path) -> Projection:
    projection = Projection(tmp_path / "projection.db")
    projection.catch_up(journal_of(all_facts(3), 4))
    return projection


def test_an_order_reads_as_it_ended(projection: Projection) -> None:
    order = projection.order("wheat-3")
    assert order is not None
    del order["document"]
    assert order == {
        "order_id": "o0000003",
        "client_order_id": "wheat-3",
        "account": "main",
        "tag": "",
        "instrument": "BTCUSDT.PAPER",
        "status": "filled",
        "version": 2,
        "accepted_at": START + 3,
        "accepted_seq": 62,
        "updated_at": START + 3,
        "done_at": START + 3,
        "reason": "",
    }
    legs = [
        tuple(leg[name] for name in ("leg", "status", "quantity", "cum_quantity", "price"))
        for leg in projection.legs("o0000003")
    ]
    assert legs == [
        ("entry", "filled", "0.5", "0.5", "30000"),
        ("take_profit", "canceled", "0.5", "0", '{"from_entry":{"bps":200}}'),
        ("stop_loss", "filled", "0.5", "0.5", None),
    ]
    assert projection.legs("o0000003")[2]["trigger_price"] == "29000"


def test_venue_orders_read_as_they_ended(projection: Projection) -> None:
    names = ("venue_order_id", "status", "quantity", "cum_quantity", "price", "reason", "venue_id")
    found = [tuple(row[name] for name in names) for row in projection.venue_orders("o0000003")]
    assert found == [
        ("o0000003.0.1", "rejected", "0.5", "0", "30000", "rate_limited", ""),
        ("o0000003.0.2", "filled", "0.5", "0.5", "30000", "", "v1"),
        ("o0000003.1.1", "canceled", "0.4", "0", "30700", "requested", "v2"),
        ("o0000003.2.1", "filled", "0.5", "0.5", None, "", ""),
    ]


def test_a_refuted_fill_is_not_among_the_fills(projection: Projection) -> None:
    names = ("exec_id", "side", "quantity", "price", "fee", "confirmed")
    found = [tuple(row[name] for name in names) for row in projection.fills("o0000003")]
    assert found == [
        ("e1", "buy", "0.3", "30000", "0.0015", 1),
        ("e3", "buy", "0.2", "30000", "0", 1),
        ("e4", "sell", "0.5", "28890", "0", 1),
    ]
    assert [fill["exec_id"] for fill in projection.fills(limit=2)] == ["e4", "e5"]


def test_incidents_are_open_until_they_are_closed(projection: Projection) -> None:
    assert len(projection.incidents()) == 4
    assert len(projection.incidents(order_id="o0000001")) == 2
    (left,) = projection.incidents(open_only=True)
    assert (left["kind"], left["leg"], left["quantity"], left["setting"]) == (
        "double_fill",
        "take_profit",
        "0.1",
        "on_overfill",
    )
    closed = projection.incidents(order_id="o0000002")[0]
    assert (closed["closed_at"], closed["outcome"]) == (START + 2, "position agrees")


def test_a_late_fill_brings_a_done_order_back(projection: Projection) -> None:
    (order,) = projection.orders(live_only=True)
    assert (order["order_id"], order["status"], order["done_at"]) == ("o0000001", "canceling", None)
    assert [leg["leg"] for leg in projection.legs("o0000001")][3] == "flatten"


def test_orders_are_found_by_what_is_asked(projection: Projection) -> None:
    def ids(found: list[dict[str, str | int | None]]) -> list[str | int | None]:
        return [row["order_id"] for row in found]

    assert ids(projection.orders()) == ["o0000003", "o0000002", "o0000001"]
    assert ids(projection.orders(("other",))) == ["o0000002"]
    assert ids(projection.orders(("main",), {"status": "filled"})) == ["o0000003"]
    assert ids(projection.orders(filters={"instrument": "ES.PAPER"})) == []
    assert ids(projection.orders(filters={"tag": ""}, limit=1)) == ["o0000003"]
    assert projection.order("o0000002") is not None
    assert projection.order("nobody") is None


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.integers(1, 40),
    stops=st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=4),
)
def test_rows_do_not_depend_on_batches_restarts_or_repeats(
    tmp_path_factory: pytest.TempPathFactory, size: int, stops: list[tuple[int, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("projection")
    journal = journal_of(all_facts(3), size)
    frames = list(journal.read(1))
    projection = Projection(folder / "projection.db")
    for stop, restart in sorted(stops):
        assert projection.apply_all(frames[:stop]) >= 0
        assert projection.apply_all(frames[:stop]) == 0
        if restart:
            projection.close()
            projection = Projection(folder / "projection.db")
    projection.catch_up(journal)
    incremental = dump(folder / "projection.db")
    assert projection.rebuild(journal) == len(frames)
    assert dump(folder / "projection.db") == incremental
    projection.close()


def test_a_frame_applies_once(tmp_path: Path) -> None:
    journal = journal_of(all_facts(1), 5)
    projection = Projection(tmp_path / "projection.db")
    for frame in journal.read(1):
        assert projection.apply(frame)
        assert not projection.apply(frame)
    assert projection.tail == journal.tail()
    projection.close()


def test_a_frame_that_does_not_follow_changes_nothing(tmp_path: Path) -> None:
    journal = journal_of(all_facts(2), 5)
    frames = list(journal.read(1))
    projection = Projection(tmp_path / "projection.db")
    projection.apply_all(frames[:3])
    before = dump(tmp_path / "projection.db")
    with pytest.raises(ProjectionMismatch, match="frame 5 does not follow frame 3"):
        projection.apply(frames[4])
    assert dump(tmp_path / "projection.db") == before
    projection.catch_up(journal)
    assert projection.tail == journal.tail()
    projection.close()


def test_a_shorter_or_other_journal_makes_it_begin_anew(tmp_path: Path) -> None:
    warnings: list[str] = []
    projection = Projection(tmp_path / "projection.db", warn=warnings.append)
    projection.catch_up(journal_of(all_facts(2), 5))
    shorter = journal_of(all_facts(1), 9)
    projection.catch_up(shorter)
    assert "commits were lost or cut from the journal" in warnings[-1]
    assert projection.tail == shorter.tail()
    other = journal_of(all_facts(3), 2)
    projection.catch_up(other)
    assert "of another journal" in warnings[-1]
    assert projection.tail == other.tail()
    projection.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"not a database, far from it\n" * 300),
        lambda path: _sql(path, "UPDATE meta SET format=99"),
        lambda path: _sql(path, "UPDATE orders SET terms=x'00'"),
        lambda path: _sql(path, "DROP TABLE legs"),
    ],
    ids=["garbage", "format", "terms", "table"],
)
def test_a_projection_that_cannot_be_read_is_rebuilt(tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    path = tmp_path / "projection.db"
    journal = journal_of(all_facts(2), 5)
    projection = Projection(path)
    projection.catch_up(journal)
    right = dump(path)
    projection.close()
    spoil(path)
    with pytest.raises(JournalError, match="rebuild it from the journal"):
        Projection(path, read_only=True)
    warnings: list[str] = []
    projection = Projection(path, warn=warnings.append)
    assert "could not be read" in warnings[0]
    projection.catch_up(journal)
    assert dump(path) == right
    projection.close()


def test_a_reader_sees_what_the_writer_committed(tmp_path: Path) -> None:
    path = tmp_path / "projection.db"
    with pytest.raises(JournalUnavailable, match="start the server once"):
        Projection(path, read_only=True)
    projection = Projection(path)
    reader = Projection(path, read_only=True)
    assert reader.orders() == []
    projection.catch_up(journal_of(all_facts(2), 5))
    assert len(reader.orders()) == 2
    reader.close()
    projection.close()


def _sql(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def test_a_full_disk_throws_no_rows_away_and_is_caught_up_later(tmp_path: Path) -> None:
    journal = MemoryJournal()
    warned: list[str] = []
    projection = Projection(tmp_path / "projection.db", warn=warned.append)
    for number in range(1, 4):
        add(journal, story(number))
    projection.catch_up(journal)
    rows = projection.orders()
    for number in range(4, 60):
        add(journal, story(number))
    (pages,) = projection._db.execute("PRAGMA page_count").fetchone()
    projection._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalUnavailable, match="the disk is full"):
        projection.catch_up(journal)
    assert projection.orders() == rows
    projection._db.execute("PRAGMA max_page_count=100000")
    projection.catch_up(journal)
    assert len(projection.orders()) > len(rows)
    assert warned == []
    projection.close()


def test_an_order_filled_to_its_old_size_while_it_was_amended_lives_on(tmp_path: Path) -> None:
    """The fill that filled it was a phantom besides: it is neither filled nor canceled."""
    told = [facts.InstrumentDefined(START, BTC), *story(1)[:17]]
    o, at, name = order_id(1), START + 2, f"{order_id(1)}.1.1"
    told += [
        facts.VenueOrderAmending(at, o, 1, 1, 1, 600, 3_060_000),
        facts.VenueOrderFilled(at, o, 1, 1, "x1", 500, 3_060_000, 500),
    ]
    journal = journal_of(told, 5)
    projection = Projection(tmp_path / "projection.db")

    def status() -> dict[object, object]:
        projection.catch_up(journal)
        return {r["venue_order_id"]: r["status"] for r in projection.venue_orders(o)}

    assert status()[name] == "filled"
    add(journal, [facts.VenueOrderAmended(at, o, 1, 1, 1, 600, 3_060_000)])
    assert status()[name] == "working"
    add(journal, [facts.FillRefuted(at, o, 1, 1, "x1", 500, 3_060_000, 0)])
    assert status()[name] == "working"
    add(journal, [facts.VenueOrderFilled(at, o, 1, 1, "x2", 600, 3_060_000, 600)])
    add(journal, [facts.FillRefuted(at, o, 1, 1, "x2", 600, 3_060_000, 0)])
    assert status()[name] == "canceled"
    add(journal, [facts.VenueOrderFound(at, o, 1, 1, VenueStatus.WORKING, 600)])
    assert status()[name] == "working"
    projection.close()
