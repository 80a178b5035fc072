"""What the auditor keeps of signals, each check shown to fire on a history made bad."""

import pytest

from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.legs import LegType
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.signals import Corroboration, SignalRules
from interlock.orders.terms import Atom, AtomKind, LegTerms, Logic, OrderTerms, Relation, When
from interlock.orders.ticks import Trade
from tests.worlds.test_auditor import AT, ID
from tests.worlds.test_auditor_risk import Book

SECOND = 1_000_000_000
HIGH = When((Atom(AtomKind.SIGNAL, 5 * SECOND, name="vix"),), Logic("atom", 0))
REFUSED = Reject(RejectCode.SIGNAL_REFUSED, "value", "")
TAKEN = c.Accepted()


class Story(Book):
    """A market entry that waits for a signal under a schema."""

    def __init__(self, **rules) -> None:
        super().__init__()
        self.say(f.SignalDefined(AT, "vix", SignalRules(**rules), "officer"))
        self.place(LegTerms("entry", LegType.MARKET, "BTC.PAPER", 1, 10, when=HIGH))
        self.say(f.LegArmed(AT, ID, 0, 10))

    def counts(self, value: str, at: int = AT) -> None:
        self.say(f.SignalReceived(at, "vix", value))

    def freezes(self, setting: str, figure: str, limit: str, told: bool = True, at=AT) -> None:
        detail = f"vix: {setting}"
        incident = f.IncidentOpened(at, "", f.IncidentKind.SIGNAL_FROZEN, -1, detail)
        facts = (f.SignalFrozen(at, "vix", setting, figure, limit), incident)
        self.say(*facts[: 1 + told])

    def answered(self, value: str, answer: c.Answer, between=(), source: str = "") -> None:
        command = c.Signal("vix", value, source)
        self.auditor.asked(1, command)
        self.say(*between)
        self.auditor.answered(1, command, answer)


def test_a_sound_story_breaks_nothing():
    story = Story(low="0", high="9", max_step="5", cool_s=1, calm_values=1)
    story.counts("2")
    story.freezes("high", "90", "9")
    story.say(f.SignalSound(AT + SECOND, "vix", 1, True))
    story.counts("9", AT + SECOND)
    assert story.rules() == []


@pytest.mark.parametrize("value", ["-1", "10"])
def test_a_value_outside_counts(value):
    story = Story(low="0", high="9")
    story.counts(value)
    assert story.rules() == ["signal"]


def test_a_step_that_is_too_wide_counts():
    story = Story(max_step="3")
    story.counts("2")
    story.counts("5")
    assert story.rules() == []
    story.counts("9")
    assert story.rules() == ["signal"]


def test_a_frozen_signal_counts_or_fires_or_leaves_a_condition_standing():
    story = Story(high="9")
    story.counts("6")
    story.say(f.ConditionChanged(AT, ID, 0, 1, True))
    assert story.rules() == []
    story.freezes("high", "90", "9")
    assert story.rules() == ["signal"]
    story.say(f.ConditionChanged(AT, ID, 0, 1, False))
    assert story.rules() == ["signal"]
    story.counts("7")
    story.say(f.LegTriggered(AT, ID, 0, "condition", 100))
    assert story.rules() == ["signal"] * 3


@pytest.mark.parametrize(
    ("freeze", "rules"),
    [
        (("high", "90", "9"), []),
        (("high", "8", "9"), ["signal"]),
        (("high", "90", "8"), ["signal"]),
        (("max_step", "4", "4"), ["signal"]),
        (("max_age_ms", "900", "1000"), ["signal"]),
        (("max_age_ms", "-2000", "1000"), []),
    ],
)
def test_a_signal_is_frozen_for_a_reason(freeze, rules):
    story = Story(high="9", max_step="4", max_age_ms=1000)
    story.freezes(*freeze)
    assert story.rules() == rules


def test_a_freeze_is_told():
    story = Story(high="9")
    story.freezes("high", "90", "9", told=False)
    assert story.rules() == ["signal"]


@pytest.mark.parametrize(
    ("sound", "rules"),
    [
        ((AT + 2 * SECOND, 1, False), []),
        ((AT + SECOND, 1, False), ["signal"]),
        ((AT + 2 * SECOND, 2, True), ["signal"]),
        ((AT + 2 * SECOND, 1, True), ["signal"]),
    ],
)
def test_it_is_sound_again_after_its_time_and_values(sound, rules):
    story = Story(high="9", cool_s=2, calm_values=2)
    story.freezes("high", "90", "9")
    at, count, thawed = sound
    story.say(f.SignalSound(at, "vix", count, thawed))
    assert story.rules() == rules


@pytest.mark.parametrize(("value", "rules"), [("3", []), ("2", ["signal"])])
def test_the_middle_of_a_quorum_counts(value, rules):
    story = Story(sources=("a", "b", "c"), quorum=2, max_age_ms=1000)
    story.say(f.SignalHeard(AT - 2 * SECOND, "vix", "c", "90"))
    for source, said in (("a", "2"), ("b", "4")):
        story.say(f.SignalHeard(AT, "vix", source, said))
    story.counts(value)
    assert story.rules() == rules


def test_one_source_is_no_quorum():
    story = Story(sources=("a", "b"), quorum=2, max_age_ms=1000)
    story.say(f.SignalHeard(AT, "vix", "a", "2"))
    story.counts("2")
    assert story.rules() == ["signal"]


@pytest.mark.parametrize(("price", "rules"), [(110, []), (100, ["signal"])])
def test_a_price_that_is_to_have_moved_as_well(price, rules):
    story = Story(corroborated_by=Corroboration("BTC.PAPER", 50, 5))
    for number, one in enumerate((100, price)):
        story.auditor.tick(Trade("BTC.PAPER", AT + number, one, 1), AT)
        story.auditor.ticked()
    story.counts("2")
    assert story.rules() == rules


def test_silence_freezes_while_something_waits():
    story = Story(max_age_ms=1000)
    story.counts("2")
    story.say(f.VenueConnected(AT + SECOND, "PAPER"))
    assert story.rules() == []
    story.say(f.VenueConnected(AT + SECOND + 1, "PAPER"))
    assert story.rules() == ["signal"]


@pytest.mark.parametrize(
    ("value", "answer", "between", "rules"),
    [
        ("NaN", TAKEN, (), ["signal"]),
        ("90", REFUSED, (), ["signal"]),
        ("90", TAKEN, (f.SignalFrozen(AT, "vix", "high", "90", "9"),), ["signal", "signal"]),
        ("5", REFUSED, (), ["signal"]),
        ("5", TAKEN, (f.SignalReceived(AT, "vix", "5"),), []),
    ],
)
def test_answers_are_what_the_schema_says(value, answer, between, rules):
    story = Story(high="9")
    story.answered(value, answer, between)
    assert story.rules() == rules


def test_a_stranger_is_refused():
    story = Story(sources=("a",))
    story.answered("5", TAKEN, source="b")
    assert story.rules() == ["signal"]


def test_a_position_is_not_protected_by_signals_alone():
    story = Story()
    stop = LegTerms("stop", LegType.STOP, "BTC.PAPER", -1, 10, trigger_price=90, exits=True)
    for name, when in (("o0000002", None), ("o0000003", HIGH)):
        legs = (
            LegTerms("entry", LegType.MARKET, "BTC.PAPER", 1, 10),
            LegTerms(**{k: getattr(stop, k) for k in stop.__struct_fields__} | {"when": when}),
        )
        terms = OrderTerms(name, name, "main", "", legs, ~0, (Relation("oto", (0, 1)),))
        story.say(f.OrderAccepted(AT, terms))
    assert story.rules() == ["signal"]
