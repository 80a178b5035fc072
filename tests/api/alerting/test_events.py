"""What is told of, by which name, and in which words."""

import pytest

from interlock.api.alerting.events import DEFAULTS, AlertsWrong, Events
from interlock.orders import facts as f
from interlock.orders.incidents import IncidentKind
from interlock.orders.reports import Connection, InstrumentStatus
from tests.scenarios.orders import limit
from tests.tape import Tape


def told(tape: Tape, **switches: bool) -> list[tuple[str, str]]:
    events = Events(switches, {}, "paper")
    alerts = [events.of(n, fact, tape.state) for n, fact in enumerate(tape.facts, 1)]
    return [(one.event, one.text) for one in alerts if one is not None]


def test_every_incident_is_an_event_of_its_own_name():
    assert [kind for kind in IncidentKind if str(kind) not in DEFAULTS] == []


def test_blocks_venues_halts_and_ends_read_like_sentences():
    tape = Tape()
    order = tape.place(limit("buy", "90.00", "1", id="entry"))
    tape.ack(order, "entry")
    tape.command("kill", by="officer", why="a test")
    tape.canceled(order, "entry")
    tape.give(Connection(tape.at, "PAPER", up=False, detail="it went away"))
    tape.give(Connection(tape.at, "PAPER", up=True))
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", False, "BREAK"))
    tape.give(InstrumentStatus(tape.at, "BTC.PAPER", True))
    name = order.terms.client_order_id
    assert told(tape, order_done=True) == [
        ("block_set", "No new risk: kill: all (recall_entries). a test"),
        ("killed", "all: a test"),
        ("order_done", f"main {name}: canceled."),
        ("venue_down", "PAPER is disconnected. it went away"),
        ("venue_up", "PAPER is connected."),
        ("instrument_halted", "BTC.PAPER is halted. BREAK"),
        ("instrument_resumed", "BTC.PAPER trades again."),
    ]
    assert [event for event, _ in told(tape, killed=False)][:2] == ["block_set", "venue_down"]


def test_an_incident_names_its_order_and_the_trader_s_own_words_for_it():
    tape = Tape()
    order = tape.place(limit("buy", "90.00", "1", id="entry"), client_order_id="wheat-42")
    opened = f.IncidentOpened(tape.at, order.id, IncidentKind.OVERFILL, 0, "1 too many", "", 1)
    events = Events({}, {"overfill": "{account}/{client_order_id}/{leg}: {detail} {by}"}, "live")
    alert = events.of(7, opened, tape.state)
    assert alert is not None
    assert (alert.text, alert.title) == (
        "main/wheat-42/entry: 1 too many",
        "Interlock live: overfill, 2023-11-14 22:13:20 UTC",
    )
    assert (alert.subject, alert.protective, alert.seq) == (order.id, True, 7)


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{pirce}", "pirce"),
        ("{}", "{}"),
        ("{account.secret}", "account.secret"),
        ("{detail[0]}", "detail[0]"),
        ("{detail:>10}", "detail"),
        ("{detail!r}", "detail"),
        ("{detail", "no template"),
    ],
)
def test_a_template_that_names_what_there_is_not_is_refused_by_name(template: str, names: str):
    with pytest.raises(AlertsWrong) as refused:
        Events({}, {"killed": template}, "paper")
    assert "alerts.templates.killed" in str(refused.value)
    assert names in str(refused.value)


def test_an_event_that_there_is_not_is_refused_with_the_nearest():
    with pytest.raises(AlertsWrong, match=r"alerts.events.order_dnoe.*Did you mean order_done"):
        Events({"order_dnoe": True}, {}, "paper")
