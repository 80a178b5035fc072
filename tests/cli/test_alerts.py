"""``interlock alerts``: addresses come in by stdin and are never shown."""

import io
from pathlib import Path

import pytest

from interlock.main import run
from tests.api.alerting.receiver import Receiver


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_channel_is_kept_sealed_listed_without_its_address_tried_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    data = ["--data", str(tmp_path)]
    with Receiver() as receiver:
        typed(monkeypatch, receiver.url + "\n")
        assert run(["alerts", "add", "desk", *data]) == 0
        assert run(["alerts", "list", *data]) == 0
        assert run(["alerts", "test", *data]) == 0
        assert receiver.heard[0]["title"] == "Interlock paper: test"
        receiver.status = 500
        monkeypatch.setattr("interlock.api.alerting.channels.ATTEMPTS", 1)
        assert run(["alerts", "test", *data]) == 1
    said = capsys.readouterr()
    assert "desk: told (JSON, json://...)" in said.out
    assert "naked_position" in said.out
    assert "desk: not told" in said.err
    assert "hush-hush" not in said.out + said.err
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hush-hush" not in kept
    assert run(["alerts", "remove", "desk", *data]) == 0
    assert run(["alerts", "remove", "desk", *data]) == 2
    assert run(["alerts", "test", *data]) == 2


@pytest.mark.parametrize(
    ("name", "url"), [("phone", "hush-hush"), ("My Phone", "json://h/hush-hush")]
)
def test_what_is_no_channel_is_refused_without_quoting_it(
    name: str,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    typed(monkeypatch, url)
    assert run(["alerts", "add", name, "--data", str(tmp_path)]) == 2
    assert "hush-hush" not in capsys.readouterr().err


def test_addresses_of_the_environment_are_channels_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with Receiver() as one, Receiver() as other:
        monkeypatch.setenv("INTERLOCK_ALERT_URLS", f"{one.url} {other.url}")
        assert run(["alerts", "test", "--data", str(tmp_path)]) == 0
        assert run(["config", "check", "--data", str(tmp_path)]) in (0, 2)
        assert len(one.heard) == len(other.heard) == 1
    said = capsys.readouterr()
    assert said.out.count("environment-") == 2
    assert "hush-hush" not in said.out + said.err
