"""Every planted bug still applies; the runner tells a survivor; two bugs are caught for real."""

import ast

import msgspec
import pytest
from mutants.__main__ import main
from mutants.bug import Bug, NotPlantable, planted
from mutants.table import BUGS
from mutants.trial import SOURCE, try_out

HARMLESS = Bug(
    "another word in a reason",
    "claims",
    "engine/reconcile.py",
    '"a sibling holds the claim", "frozen")',
    '"another has the claim", "frozen")',
    "Nothing.",
    3,
)
AREAS = ("claims", "sizing", "recovery", "recall races", "trailing", "ladder arithmetic")
MORE_AREAS = ("idempotency", "confirmation")
QUICK = ("a fill is believed when it is told once", "every exit races")


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_an_edit_applies_once_and_is_python(bug):
    after = planted(bug, SOURCE)
    assert after != (SOURCE / bug.path).read_text()
    ast.parse(after)


def test_every_area_has_its_bugs_and_no_name_comes_twice():
    assert len(BUGS) >= 20
    assert {bug.area for bug in BUGS} >= {*AREAS, *MORE_AREAS}
    assert len({bug.name for bug in BUGS}) == len(BUGS)


@pytest.mark.parametrize("path", ["engine/reconcile.py", "engine/nothing.py"])
def test_an_edit_that_no_longer_applies_is_told(path):
    gone = msgspec.structs.replace(HARMLESS, path=path, old="words that nobody wrote")
    with pytest.raises(NotPlantable):
        planted(gone, SOURCE)
    verdict = try_out(gone)
    assert not verdict.caught
    assert gone.name in verdict.detail


def test_a_survivor_is_a_failure(capsys):
    assert main(["--json"], (HARMLESS,)) == 1
    told = msgspec.json.decode(capsys.readouterr().out)
    assert [(bug["caught_by"], bug["bound"]) for bug in told["bugs"]] == [("", 3)]


def test_a_copy_that_does_not_run_has_caught_nothing():
    broken = msgspec.structs.replace(HARMLESS, new='"another has the claim", nobody)', seeds=1)
    broken = msgspec.structs.replace(broken, path="sim/__main__.py", old="import sys", new="sys()")
    verdict = try_out(broken)
    assert not verdict.caught
    assert verdict.detail.startswith("did not run")


def test_planted_bugs_are_caught(capsys):
    bugs = tuple(bug for bug in BUGS if bug.name in QUICK)
    small = tuple(msgspec.structs.replace(bug, seeds=25) for bug in bugs)
    assert len(small) == len(QUICK)
    assert main([], small) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in QUICK)
    assert "2 of 2 planted bugs caught" in shown
