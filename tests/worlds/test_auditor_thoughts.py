"""What the auditor keeps of second thoughts, each check shown to fire on a history made bad."""

import msgspec
import pytest

from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.rejects import Reject, RejectCode, SecondThought
from interlock.orders.reports import Acknowledged
from tests.worlds.test_auditor import AT, ID
from tests.worlds.test_auditor import History as Bracket
from tests.worlds.test_auditor_risk import BTC

SECOND = 1_000_000_000
PAUSE = 10 * SECOND
KEYED = {"type": "keyed", "caller": "anna", "key": "k", "digest": "d", "person": True}
DECODER = msgspec.json.Decoder(c.Command)


class Thinking(Bracket):
    """A bracket whose entry has filled, and whose trader is asked twice."""

    def __init__(self) -> None:
        super().__init__(cooling_off_ns=PAUSE)
        self.number = 0
        self.say(f.InstrumentDefined(AT, BTC))
        self.entered()

    def asks(self, answer: c.Answer, token: str = "", between=(), **body) -> None:
        person = body.pop("person", True)
        inner = {"order_id": ID, **body}
        whole = {**KEYED, "second_thought": token, "person": person, "command": inner}
        command = DECODER.decode(msgspec.json.encode(whole))
        self.number += 1
        self.auditor.asked(self.number, command)
        self.say(*between)
        self.auditor.answered(self.number, command, answer)


def held_back(token: str = "t1") -> Reject:
    thought = SecondThought(token, ID, AT + PAUSE, AT + PAUSE + 600 * SECOND)
    return Reject(RejectCode.COOLING_OFF, "", "", thought=thought)


def given(at: int = AT, pause: int = PAUSE) -> f.SecondThoughtAsked:
    return f.SecondThoughtAsked(
        at, ID, "t1", "d", at + pause, at + pause + 600 * SECOND, "anna", "it weakens stop"
    )


def taken(at: int, token: str = "t1") -> f.SecondThoughtTaken:
    return f.SecondThoughtTaken(at, ID, token, "anna")


CANCEL = {"type": "cancel_leg", "leg": "stop"}
RELEASE = {"type": "cancel", "exposure": "release"}
SMALLER = {"type": "amend", "legs": {"stop": {"quantity": "4"}}}
FARTHER = {"type": "amend", "legs": {"stop": {"trigger_price": "80"}}}
NEARER = {"type": "amend", "legs": {"stop": {"trigger_price": "97"}}}
OVER = {"type": "cancel", "exposure": "flatten"}
ENTRY_GOES = {"type": "cancel_leg", "leg": "entry"}
DONE = c.Accepted(ID, 2)


@pytest.mark.parametrize("body", [CANCEL, RELEASE, SMALLER, FARTHER])
def test_a_person_weakens_a_stop_at_once(body):
    story = Thinking()
    story.asks(DONE, **body)
    assert story.rules() == ["thought"]


@pytest.mark.parametrize("body", [CANCEL, RELEASE, SMALLER, FARTHER])
def test_a_program_may_and_a_person_who_thought_may(body):
    story = Thinking()
    story.asks(DONE, person=False, **body)
    story = Thinking()
    story.asks(held_back(), between=[given()], **body)
    story.asks(DONE, token="t1", between=[taken(AT + PAUSE)], **body)
    assert story.rules() == []


@pytest.mark.parametrize("body", [NEARER, OVER, ENTRY_GOES])
def test_what_takes_risk_away_is_not_held_back(body):
    story = Thinking()
    story.asks(DONE, **body)
    assert story.rules() == []
    story.asks(held_back(), **body)
    assert story.rules() == ["delayed"]


def test_a_program_is_not_held_back():
    story = Thinking()
    story.asks(held_back(), person=False, **CANCEL)
    assert story.rules() == ["delayed"]


@pytest.mark.parametrize(
    ("facts", "rules"),
    [
        ([given(), taken(AT + PAUSE)], []),
        ([given(), taken(AT + PAUSE - 1)], ["thought"]),
        ([given(), taken(AT + PAUSE + 601 * SECOND)], ["thought"]),
        ([given(), taken(AT + PAUSE), taken(AT + PAUSE)], ["thought"]),
        ([given(), given()], ["thought"]),
        ([given(pause=SECOND)], ["thought"]),
        ([taken(AT + PAUSE)], ["thought"]),
    ],
)
def test_a_token_is_good_once_in_its_time(facts, rules):
    story = Thinking()
    story.say(*facts)
    assert story.rules() == rules


def test_a_token_is_good_for_one_request():
    story = Thinking()
    story.asks(held_back(), between=[given()], **SMALLER)
    story.asks(DONE, token="t1", between=[taken(AT + PAUSE)], **CANCEL)
    assert story.rules() == ["thought"]


def test_what_is_not_sure_is_not_judged():
    story = Thinking()
    command = DECODER.decode(msgspec.json.encode({**KEYED, "command": {"order_id": ID, **CANCEL}}))
    story.auditor.asked(1, command)
    story.auditor.heard(Acknowledged(AT, f"{ID}.0.1", "v"))
    story.auditor.answered(1, command, DONE)
    assert story.rules() == []
