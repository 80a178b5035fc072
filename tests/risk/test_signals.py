"""Signals under a schema: what breaks it freezes what waits, and never removes protection."""

from typing import Any

import pytest

from interlock.orders import facts as f
from interlock.orders.commands import Accepted
from interlock.orders.rejects import Reject, RejectCode
from tests.scenarios.orders import bracket, limit, market, stop
from tests.tape import MS, SECOND, Tape

C = RejectCode
HIGH = {"signal": {"name": "vix", "at_or_above": "30"}}


def defined(tape: Tape, **rules: Any) -> None:
    assert isinstance(tape.command("define_signal", name="vix", rules=rules), Accepted)


def says(tape: Tape, value: str, **more: Any) -> Any:
    return tape.command("signal", name="vix", value=value, **more)


def waiting(tape: Tape, when: Any = HIGH):
    return tape.place(market("buy", "1", id="entry", when=when))


def out_of_bounds(tape: Tape) -> Any:
    defined(tape, low="5", high="90")
    return says(tape, "900")


def too_large_a_step(tape: Tape) -> Any:
    defined(tape, max_step="10")
    says(tape, "20")
    return says(tape, "31")


def too_old(tape: Tape) -> Any:
    defined(tape, max_age_ms=2_000)
    return says(tape, "20", made_at=tape.at - 3 * SECOND)


def from_tomorrow(tape: Tape) -> Any:
    defined(tape, max_age_ms=2_000)
    return says(tape, "20", made_at=tape.at + 3 * SECOND)


@pytest.mark.parametrize(
    ("story", "setting", "figure"),
    [
        (out_of_bounds, "high", "900"),
        (too_large_a_step, "max_step", "11"),
        (too_old, "max_age_ms", "3000"),
        (from_tomorrow, "max_age_ms", "-3000"),
    ],
)
def test_a_value_that_breaks_its_schema_fires_nothing_and_freezes_what_waits(
    story, setting, figure
):
    tape = Tape()
    tape.trade("100.00")
    order = waiting(tape)
    refused = story(tape)
    assert (refused.code, f"{setting} of the signal vix" in refused.rule) == (
        C.SIGNAL_REFUSED,
        True,
    )
    frozen = next(x for x in tape.facts if isinstance(x, f.SignalFrozen))
    assert (frozen.setting, frozen.figure) == (setting, figure)
    (incident,) = [x for x in tape.facts if isinstance(x, f.IncidentOpened)]
    assert f"{order.id} entry waits for it" in incident.detail
    says(tape, "35", made_at=tape.at)
    assert not tape.submits()


def test_not_a_number_is_refused_before_any_schema():
    tape = Tape()
    defined(tape)
    assert says(tape, "NaN").code is C.BAD_NUMBER


def test_a_frozen_signal_counts_again_after_its_time_and_so_many_sound_values():
    tape = Tape()
    tape.trade("100.00")
    defined(tape, high="90", cool_s=10, calm_values=3)
    waiting(tape)
    says(tape, "900")
    says(tape, "35")
    tape.wait(10 * SECOND)
    says(tape, "35")
    says(tape, "35")
    assert not tape.submits()
    says(tape, "35")
    assert len(tape.submits("entry")) == 1


def test_while_it_is_frozen_a_condition_that_denies_it_does_not_hold_either():
    tape = Tape()
    tape.trade("100.00")
    defined(tape, high="90")
    both = {"all": [{"not": HIGH}, {"price": {"at_or_above": "105.00"}}]}
    waiting(tape, both)
    says(tape, "900")
    tape.trade("106.00")
    assert not tape.submits()


def test_a_signal_that_falls_silent_is_frozen_while_something_waits_for_it():
    tape = Tape()
    tape.trade("100.00")
    defined(tape, max_age_ms=5_000)
    says(tape, "20")
    tape.wait(6 * SECOND)
    assert tape.incidents() == []  # nobody waits
    says(tape, "20")
    waiting(tape)
    tape.wait(6 * SECOND)
    assert tape.incidents() == ["signal_frozen"]


def test_a_quorum_takes_the_median_of_sources_that_spoke_lately():
    tape = Tape()
    tape.trade("100.00")
    defined(tape, sources=["a", "b", "c"], quorum=3, max_age_ms=1_000)
    waiting(tape)
    says(tape, "80", source="a")
    assert says(tape, "80", source="z").code is C.SIGNAL_REFUSED
    says(tape, "10", source="b")
    assert not tape.submits()
    says(tape, "12", source="c")  # the median is 12: one source gone mad moves nothing
    assert not tape.submits()
    says(tape, "31", source="b")
    assert len(tape.submits("entry")) == 1


def test_a_value_counts_only_once_the_price_has_moved_too():
    tape = Tape()
    move = {"instrument": "BTC.PAPER", "move_bps": 100, "within_s": 30}
    defined(tape, corroborated_by=move)
    waiting(tape)
    for _ in range(3):
        tape.trade("100.00")
        tape.wait(2 * SECOND)
    says(tape, "50")
    assert not tape.submits()
    tape.trade("101.50")
    says(tape, "50")
    assert len(tape.submits("entry")) == 1


def test_a_stop_that_only_a_signal_would_arm_is_refused():
    tape = Tape()
    alone = bracket() | {"stop_loss": stop("sell", "95.00", id="stop", when=HIGH)}
    refused = tape.refuse(alone)
    assert (refused.code, refused.path) == (C.CONDITION_INVALID, "order.stop.when")
    tape.place(
        {
            "type": "oto",
            "first": limit("buy", "100.00", "10", id="entry"),
            "then": {
                "type": "oco",
                "legs": [
                    stop("sell", "95.00", id="stop"),
                    stop("sell", "98.00", id="tighter", when=HIGH),
                ],
            },
        }
    )


def test_a_schema_that_makes_no_sense_is_refused_naming_the_field():
    tape = Tape()
    for rules, path in (
        ({"low": "x"}, "rules.low"),
        ({"quorum": 2, "sources": ["a"]}, "rules.quorum"),
        ({"sources": ["a", "a"]}, "rules.sources"),
    ):
        refused = tape.command("define_signal", name="vix", rules=rules)
        assert isinstance(refused, Reject)
        assert (refused.code, refused.path) == (C.LIMITS_INVALID, path)


def test_a_schema_and_what_was_heard_survive_a_restart():
    tape = Tape()
    tape.trade("100.00")
    defined(tape, high="90", cool_s=10, calm_values=1)
    waiting(tape)
    says(tape, "900")
    tape.restart()
    says(tape, "35")
    assert not tape.submits()
    tape.wait(10 * SECOND + MS)
    tape.trade("100.00")
    says(tape, "35")
    assert len(tape.submits("entry")) == 1
