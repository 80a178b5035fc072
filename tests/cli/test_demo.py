"""The demonstration: the orders live through the crash, without files, network or a clock."""

import io
import re

import pytest
from rich.console import Console

from interlock.cli.demo import _Show
from interlock.cli.demo_story import CRASH_AT_NS, PACE, STRETCHES, wall_seconds
from interlock.main import run
from interlock.market.script import SECOND_NS, START_NS
from tests.cli.made_up import interlock

Capture = pytest.CaptureFixture[str]
ALL_SECONDS = sum(stretch.seconds for stretch in STRETCHES)


@pytest.fixture
def told(capsys: Capture) -> str:
    assert run(["demo", "--fast", "--plain"]) == 0
    return capsys.readouterr().out


def test_every_order_lives_through_the_crash(told: str) -> None:
    before, crash = told.split("-- flash crash")
    assert "LegTriggered" not in before
    for leg in ("bracket.stop_loss", "ladder.stop_loss", "trail.trail", "straddle.down"):
        assert re.search(rf"LegTriggered +{leg} ", crash), leg
        assert re.search(rf"VenueOrderFilled +{leg} ", crash), leg
    assert re.search(r"LegDisarmed +straddle.up reason=frozen", crash)
    assert re.search(r"OrderAmended +ladder .*by=rule", before)


def test_the_summary_tells_what_each_did_and_what_to_try(told: str) -> None:
    summary = told.rsplit("The market stood at", 1)[1]
    for order in ("bracket", "ladder", "trail", "straddle"):
        assert re.search(rf"^{order} +filled ", summary, re.MULTILINE)
    assert "incidents" not in summary
    assert "interlock replay" in summary and "interlock orders" in summary


@pytest.mark.parametrize("seed", range(6))
def test_any_seed_tells_the_same_story(seed: int, capsys: Capture) -> None:
    assert run(["demo", "--fast", "--plain", "--seed", str(seed)]) == 0
    told = capsys.readouterr().out
    assert told.count("OrderDone") == 4
    assert "IncidentOpened" not in told


def test_a_pipe_gets_lines_without_being_asked() -> None:
    done = interlock("demo")
    assert done.returncode == 0
    assert "-- flash crash" in done.stdout and "\x1b" not in done.stdout


@pytest.mark.parametrize(("width", "height"), [(150, 48), (80, 24)])
def test_the_live_view_shows_price_trees_cover_and_facts(width: int, height: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=height)
    clock = _Clock()
    show = _Show(4, console, clock.read, clock.sleep)
    show.watch(paced=True)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("BTCUSDT.PAPER", "flash crash", "straddle", "armed", "covered", "LegTriggered"):
        assert words in shown
    assert 25 < clock.now < 35


def test_the_pace_is_slow_in_the_crash_and_ends_after_half_a_minute() -> None:
    moments = [wall_seconds(START_NS + n * SECOND_NS) for n in range(ALL_SECONDS + 100)]
    assert moments == sorted(moments)
    assert moments[-1] == sum(seconds for _, seconds in PACE)
    crash = (CRASH_AT_NS - START_NS) // SECOND_NS
    assert moments[crash + 10] - moments[crash] > 10 * (moments[400] - moments[390])


class _Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
