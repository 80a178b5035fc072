"""Credentials of venues on the command line: typed or piped, listed without themselves, removed."""

import io
import sys
from pathlib import Path

import pytest

from interlock.main import run

Capture = pytest.CaptureFixture[str]
KEY, SECRET = "the-venues-own-key", "nobody-may-read-this"


def said(capsys: Capture, folder: Path, *arguments: str, code: int = 0) -> str:
    got = run(["credentials", *arguments, "--data", str(folder)])
    told = capsys.readouterr()
    text = told.out + told.err
    assert got == code, text
    assert KEY not in text and SECRET not in text
    return text


def test_they_are_piped_in_listed_and_removed(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n{SECRET}\n"))
    kept = said(capsys, tmp_path, "set", "BINANCE", "--environment", "testnet")
    assert kept == "Kept sealed: BINANCE, for testnet.\n"
    listed = said(capsys, tmp_path, "list")
    assert "BINANCE" in listed and "testnet" in listed
    assert '"environment":"testnet"' in said(capsys, tmp_path, "list", "--json")
    wrong = said(capsys, tmp_path, "remove", "BINANCE", code=2)
    assert "no credentials of BINANCE for paper" in wrong
    said(capsys, tmp_path, "remove", "BINANCE", "--environment", "testnet")
    assert said(capsys, tmp_path, "list") == "No credentials.\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_they_are_typed_unseen(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter((KEY, SECRET))
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    assert "for paper" in said(capsys, tmp_path, "set", "BINANCE")


def test_they_are_no_arguments_and_never_empty(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (("--key", "x"), ("--secret", "x"), ("x", "y")):
        said(capsys, tmp_path, "set", "BINANCE", *arguments, code=2)
    for text in ("", f"{KEY}\n", f"{KEY}\n\n", f"\n{SECRET}\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        said(capsys, tmp_path, "set", "BINANCE", code=2)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n{SECRET}\n"))
    said(capsys, tmp_path, "set", "BINANCE", "--environment", "prod", code=2)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n{SECRET}\n"))
    assert "capitals" in said(capsys, tmp_path, "set", "binance", code=2)
