"""The documents are true: every order in them is placed, every command run, every word is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from interlock.api.alerting.events import FIELDS, MILD, PLAIN
from interlock.api.config import AlertsPart
from interlock.cli.demo_serve import served
from interlock.cli.text import err
from interlock.engine.settings import Settings
from interlock.engine.triggers import ATOMS_MAX
from interlock.orders import commands as c
from interlock.orders import conditions, instruments, legs, tree
from interlock.orders.capabilities import Capabilities
from interlock.orders.decoding import decode_command
from interlock.orders.facts import Fact
from interlock.orders.instruments import Instrument, PositionMode
from interlock.orders.rejects import Reject, RejectCode
from tests.api.alerting.receiver import Receiver
from tests.tape import Tape

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
ORDERS = (DOCS / "ORDERS.md").read_text()
SEMANTICS = (DOCS / "SEMANTICS.md").read_text()
BLOCK = re.compile(r"^```json ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REHEARSED = re.compile(r"^```sh (spot )?rehears(?:al|ed)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVED = re.compile(r"^```(sh|python) server\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND_SECONDS_MAX = 120

BLOCKS = [(match[1].split(), match[2]) for match in BLOCK.finditer(ORDERS)]


def world() -> Tape:
    """A venue that can everything, and the market at 30000."""
    tape = Tape(
        Instrument("BTCUSDT.PAPER", "0.01", "0.001", min_quantity="0.001"),
        Instrument("ETHUSDT.PAPER", "0.01", "0.01"),
        Instrument("BTCPERP.PAPER", "0.1", "0.001", position_mode=PositionMode.HEDGE),
        native_stop=True,
        native_amend=True,
        iceberg=True,
    )
    for symbol, price in (("BTCUSDT", "30000"), ("ETHUSDT", "2000"), ("BTCPERP", "30000")):
        tape.trade(price, symbol=f"{symbol}.PAPER")
    return tape


def body_of(mark: list[str], text: str) -> dict[str, Any]:
    """A block as a command: marks are ``order``, ``command KIND`` and ``refused CODE [KIND]``."""
    if mark[0] == "command":
        kind = mark[1]
    else:
        kind = mark[2] if len(mark) > 2 else "place"
    return {"type": kind, **json.loads(text)}


def answered(tape: Tape, body: dict[str, Any]) -> c.Answer:
    command = decode_command(json.dumps(body).encode())
    if isinstance(command, Reject):
        return command
    tape.give(command)
    assert tape.answer is not None
    return tape.answer


def test_every_order_of_the_reference_is_taken_or_refused_as_it_says():
    tape = world()
    for mark, text in BLOCKS:
        body = body_of(mark, text)
        answer = answered(tape, body)
        if mark[0] == "refused":
            assert isinstance(answer, Reject), f"accepted, though marked {mark}: {text}"
            assert answer.code == mark[1], f"{answer}\n{text}"
            assert answer.path
        else:
            assert isinstance(answer, c.Accepted), f"{answer}\n{text}"
            assert not answer.replayed, f"two blocks share an id: {text}"


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(keys(one) for one in value.values()))
    return set().union(*(keys(one) for one in value)) if isinstance(value, list) else set()


def types(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["type"]} if isinstance(value.get("type"), str) else set()
        return own.union(*(types(one) for one in value.values()))
    return set().union(*(types(one) for one in value)) if isinstance(value, list) else set()


TAKEN = [body_of(mark, text) for mark, text in BLOCKS if mark[0] != "refused"]
WORDS = set().union(*(keys(body) for body in TAKEN))


def test_every_relation_and_leg_type_has_a_worked_order():
    wanted = {kind.__struct_config__.tag for kind in get_args(tree.Node)}
    assert wanted <= set().union(*(types(body) for body in TAKEN))


def test_every_command_has_a_worked_example():
    wanted = {kind.__struct_config__.tag for kind in get_args(c.Command)}
    assert wanted == {body["type"] for body in TAKEN}


def test_every_policy_setting_has_a_section_with_a_worked_order():
    for setting in tree.Policy.__struct_fields__:
        section = re.search(rf"^### `{setting}`\n(.*?)(?=^##)", ORDERS, re.MULTILINE | re.DOTALL)
        assert section, f"no section about {setting}"
        assert f'"{setting}"' in section[1], f"no worked JSON with {setting}"


@pytest.mark.parametrize(
    "kind",
    [
        *get_args(tree.Node),
        *get_args(c.Command),
        tree.Policy,
        tree.LegChange,
        conditions.Condition,
        conditions.PriceWatch,
        conditions.VolumeWatch,
        conditions.TimeWatch,
        conditions.SignalWatch,
        legs.Distance,
        instruments.Instrument,
        instruments.Fees,
        instruments.PriceBand,
        instruments.Session,
    ],
)
def test_every_field_is_described(kind):
    missing = [
        name
        for name in kind.__struct_encode_fields__
        if f"`{name}`" not in ORDERS and name not in WORDS
    ]
    assert missing == [], f"{kind.__name__} has fields that docs/ORDERS.md does not know"


@pytest.mark.parametrize(
    "words",
    [
        tree.OnRecall,
        tree.OnOverfill,
        tree.OnExitReject,
        tree.OnOutsideChange,
        tree.OnGap,
        tree.OnStaleFeed,
        tree.Dust,
        tree.ActivateOn,
        tree.OnPartialFill,
        legs.Hold,
        legs.TimeInForce,
        legs.PositionSide,
        conditions.PriceSource,
        c.CancelMode,
        instruments.PositionMode,
        RejectCode,
    ],
)
def test_every_word_is_described(words: type[StrEnum]):
    assert [word for word in words if f"`{word}`" not in ORDERS] == []


def test_the_limits_are_the_ones_in_force():
    for name, limit in (
        ("relations one inside another", tree.DEPTH_MAX),
        ("nodes under one relation", tree.WIDTH_MAX),
        ("legs in an order", tree.LEGS_MAX),
        ("rules in an order", tree.RULES_MAX),
        ("things one condition looks at", ATOMS_MAX),
    ):
        assert f"| {name} | {limit} |" in ORDERS


def test_transient_codes_are_the_marked_ones():
    marked = set(re.findall(r"`([A-Z_]+)` \*", ORDERS))
    assert marked == {code.name for code in RejectCode if code.transient}


def test_facts_named_in_the_documents_exist():
    known = {kind.__name__ for kind in get_args(Fact)}
    known |= {"PlaceOrder", "OrderTerms", "EngineStarted"}
    text = "".join(path.read_text() for path in DOCS.glob("*.md"))
    named = set(re.findall(r"`((?:Order|Leg|VenueOrder|Incident|Claim)[A-Z]\w+)`", text))
    assert named <= known


def test_every_incident_the_engine_opens_is_described():
    sources = "".join(path.read_text() for path in (ROOT / "src/interlock/engine").glob("*.py"))
    opened = {name.lower() for name in re.findall(r"IncidentKind\.([A-Z_]+)", sources)}
    section = SEMANTICS.split("## 6. Incidents")[1].split("\n## ")[0]
    assert opened == set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))


def test_the_engines_settings_are_described_with_their_defaults():
    told = re.findall(r"^\| `(\w+)` \| (\d+) ?(ms|s)? \|", SEMANTICS, re.MULTILINE)
    units = {"": 1, "ms": 1_000_000, "s": 1_000_000_000}
    settings = {name: int(number) * units[unit] for name, number, unit in told}
    assert settings == msgspec.structs.asdict(Settings())


def test_capabilities_are_described_in_the_paper_exchanges_model():
    text = (DOCS / "PAPER_EXCHANGE.md").read_text()
    abilities = [name for name in Capabilities.__struct_fields__ if name.startswith("native_")]
    assert [name for name in abilities if name not in text] == []


def test_every_decision_has_its_three_parts():
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [path.name[:4] for path in decisions]
    assert numbers == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        headings = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path.name


def test_every_dependency_is_explained_and_no_other():
    explained = re.findall(r"^\| ([a-z][\w-]+) \|", (DOCS / "DEPENDENCIES.md").read_text(), re.M)
    project = (ROOT / "pyproject.toml").read_text()
    lists = re.findall(r"^(?:dependencies|dev) = \[(.*?)\]$", project, re.MULTILINE | re.DOTALL)
    declared = re.findall(r'"([\w-]+)>=', " ".join(lists))
    assert sorted(explained) == sorted(["library", *declared])
    pins = (ROOT / "constraints.txt").read_text()
    assert [name for name in declared if f"{name}==" not in pins] == []


def commands_of(path: Path) -> list[str]:
    """Lines of ``sh`` blocks; what sets up or checks the whole house is not run inside a test."""
    blocks = [block.replace("\\\n", " ") for block in SHELL.findall(path.read_text())]
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "script/"))]


def test_the_readmes_commands_run_as_they_stand(tmp_path):
    """In their order, in a folder of their own that sees the repository's files."""
    for name in ("examples", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    commands = commands_of(ROOT / "README.md")
    assert commands
    for command in commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert done.stdout or " > " in command, f"{command} said nothing"


def script_of(path: Path) -> str:
    """The blocks that need a server, in their order, as one shell script."""
    parts = []
    for language, text in SERVED.findall(path.read_text()):
        parts.append(text if language == "sh" else f"python - <<'END'\n{text}END\n")
    return "".join(parts)


@pytest.mark.parametrize("name", ["README.md", "docs/CLIENT.md", "docs/RISK.md"])
def test_what_needs_a_server_runs_against_one_as_it_stands(name: str, tmp_path: Path):
    missing = [tool for tool in ("curl", "openssl") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{missing} missing")
    with served(1, 1.0, err()) as (url, password):
        begun = int(time.time())
        env = {k: v for k, v in os.environ.items() if not k.startswith("INTERLOCK_")} | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "INTERLOCK_URL": url,
            "INTERLOCK_ADMIN_PASSWORD": password,
            "no_proxy": "*",
        }
        while int(time.time()) == begun:  # the shell signs in whole seconds, not before the start
            time.sleep(0.01)
        done = subprocess.run(
            ["sh", "-eux", "-c", script_of(ROOT / name)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


@pytest.mark.parametrize(
    ("market", "port", "name"), [("", "18001", "USDM"), ("spot ", "18000", "SPOT")]
)
def test_the_rehearsal_at_a_double_of_binance_runs_as_it_stands(
    market: str, port: str, name: str, tmp_path: Path
):
    """Both servers begin in the background: what follows waits for them, as a person would."""
    text = (DOCS / "BINANCE.md").read_text()
    documents = re.findall(r"^with `(\S+)`[^`]*```json\n(.*?)^```$", text, re.M | re.S)
    for file, document in documents:
        (tmp_path / file).write_text(document)
    begin, then = (block for of, block in REHEARSED.findall(text) if of == market)
    up = f"until curl -fs http://127.0.0.1:{port}/sandbox/state > /dev/null; do sleep 0.1; done\n"
    begun = "until grep -q 'shown this once' server.txt; do sleep 0.1; done\n"
    password = "INTERLOCK_ADMIN_PASSWORD=$(sed -n 's/.*shown this once: //p' server.txt)\n"
    known = "export INTERLOCK_ADMIN_PASSWORD INTERLOCK_URL=http://127.0.0.1:18002\n"
    first, rest = begin.split("&\n", 1)
    script = first + "&\n" + up + rest + begun + password + known + then
    said = played(script, (port, "18002"), tmp_path)
    assert "stop_loss" in said and f"{name}: connected" in said, said


def test_the_double_begins_and_is_acted_on_as_its_document_says(tmp_path: Path):
    text = (DOCS / "SANDBOX.md").read_text()
    begin, act = re.findall(r"^```sh doubled?\n(.*?)^```$", text, re.M | re.S)
    up = "until curl -fs http://127.0.0.1:18001/sandbox/state > /dev/null; do sleep 0.1; done\n"
    said = played(begin + up + act, ("18000", "18001"), tmp_path)
    assert '"done":"price"' in said and '"asset":"BTC","free":"1.00000000"' in said, said


def test_channels_of_alerts_are_kept_listed_and_tried_as_their_document_says(tmp_path: Path):
    (script,) = re.findall(
        r"^```sh alerted\n(.*?)^```$", (DOCS / "ALERTS.md").read_text(), re.M | re.S
    )
    with Receiver() as receiver:
        said = played(script.replace("8500", str(receiver.port)), (), tmp_path)
    assert receiver.texts == ["This is a test. Nothing has happened."] * 2
    assert "desk: told" in said and "typed: told" in said, said


def test_the_settings_and_events_of_alerts_are_described_as_they_are():
    text = (DOCS / "ALERTS.md").read_text()
    told = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`|(\d+)) \| ", text, re.MULTILINE)
    have = {name: default or number for name, default, number in told}
    asked = msgspec.to_builtins(AlertsPart())
    assert have == {name: json.dumps(value) for name, value in asked.items()}
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (yes)? ?\| ", text, re.MULTILINE)
    assert {name: (on == "yes", first == "yes") for name, on, first in rows} == {
        name: one[1:] for name, one in PLAIN.items()
    }
    assert [field for field in FIELDS if f"`{field}`" not in text] == []
    mild = re.search(r"every incident but (.*?)\. They", text.replace("\n", " "))
    assert mild and set(re.findall(r"`(\w+)`", mild[1])) == set(MILD)


def played(script: str, ports: tuple[str, ...], folder: Path) -> str:
    """What a script says, on free ports instead of its own; whatever it began is ended."""
    for one in ports:
        script = script.replace(one, free_port())
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "no_proxy": "*"}
    env = {k: v for k, v in os.environ.items() if not k.startswith("INTERLOCK_")} | path
    env["XDG_CONFIG_HOME"] = str(folder / "config")
    with (folder / "told.txt").open("w") as told:
        shell = subprocess.Popen(
            ["sh", "-eux", "-c", script],
            cwd=folder,
            env=env,
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            shell.wait(COMMAND_SECONDS_MAX)
        finally:
            with suppress(ProcessLookupError):  # all of it has ended by itself
                os.killpg(shell.pid, signal.SIGTERM)
    said = (folder / "told.txt").read_text()
    assert shell.returncode == 0, said
    return said


def test_the_scripts_that_the_readme_names_are_there():
    named = re.findall(r"^script/\w+", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {"script/demo", "script/test"} <= set(named)
    for name in named:
        assert os.access(ROOT / name, os.X_OK), f"{name} cannot be run"


def test_decoding_the_reference_goes_both_ways():
    decoder = msgspec.json.Decoder(c.Command)
    for body in TAKEN:
        command = decoder.decode(json.dumps(body))
        assert decoder.decode(msgspec.json.encode(command)) == command
