"""The page about access says what is in force, and the package keeps to its place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from interlock.api.access import limits, lockout, master, nonces, sessions, tickets, tokens, trail
from interlock.api.access.keyterms import DAYS_MAX, NAME_LENGTH_MAX
from interlock.api.problems import ApiCode
from interlock.api.route import Budget, Scope

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "ACCESS.md").read_text()
SIGNING = (ROOT / "docs" / "SIGNING.md").read_text()
FLAT = " ".join(PAGE.split())
MINUTE, SECOND, MB = sessions.MINUTE_NS, 10**9, 2**20


def test_the_page_is_short():
    assert PAGE.count("\n") <= 150


def test_the_figures_are_the_ones_in_force():
    for said in (
        f"a timestamp more than {nonces.WINDOW_MS // 1000} s away",
        f"over after {sessions.IDLE_NS // MINUTE} minutes without a request",
        f"after {sessions.LONGEST_NS // MINUTE // 60} hours",
        f"up to {lockout.LONGEST_S // 60} minutes",
        f"gives a token for {tokens.MINUTES} minutes",
        f"once, within {tickets.LIFE_NS // SECOND} s",
        f"1 to {NAME_LENGTH_MAX} characters",
        f"1 to {DAYS_MAX}",
        f"At {trail.BYTES_MAX // MB} MB",
        f"up to {trail.BUFFERED_MAX};",
        f"`{master.VARIABLE}`",
        f"`{master.NAME}`",
    ):
        assert said in FLAT, said
    assert lockout.FREE == 5
    assert trail.FILES_MAX == 8


def test_limits_and_scopes_are_the_ones_in_force():
    told = re.findall(r"^\| `(\w+)` \| [^|]+ \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    rates = {name: limits.Rate(int(rate), int(burst)) for name, rate, burst in told}
    assert rates == {budget.value: limits.DEFAULTS[budget] for budget in Budget}
    assert all(f"`{scope}`" in PAGE for scope in Scope)


def test_every_field_of_the_trail_is_described():
    for name in trail.Entered.__struct_fields__:
        assert f"`{name}`" in PAGE, name


def test_every_refusal_of_a_signature_is_described():
    entry = (ROOT / "src" / "interlock" / "api" / "access" / "nonces.py").read_text()
    named = set(re.findall(r"ApiCode\.(\w+)", entry)) - {"RATE_LIMITED"}
    assert named
    for code in (*named, ApiCode.SIGNATURE_WRONG, ApiCode.KEY_EXPIRED, ApiCode.IP_NOT_ALLOWED):
        assert f"`{code}`" in SIGNING, code


def test_access_knows_nothing_of_the_engine_or_the_journal():
    allowed = ("interlock.orders", "interlock.api.access", "interlock.api.problems")
    for path in (ROOT / "src" / "interlock" / "api" / "access").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("interlock"):
                assert node.module.startswith((*allowed, "interlock.api.route")), path.name
