"""A few real kills, and each named case once; ``script/chaos`` does the same at length."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from chaos.cases import CASES
from chaos.client import Client
from chaos.disks import NotAllowed
from chaos.kills import KillRun
from chaos.life import ROOT, Lives
from chaos.trial import Trial

from chaos import cases, damage, served

KILLS = 6


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trial, "settle_s", 1.0)
    monkeypatch.setattr(cases, "BUSY_S", 0.8)
    monkeypatch.setattr(damage, "TIMES", 12)
    monkeypatch.setattr(damage, "PROCESSES", 1)


def test_kills_break_no_promise(tmp_path: Path) -> None:
    async def story() -> None:
        async with Lives(tmp_path) as lives:
            trial = Trial(lives, tmp_path / "journal", 1)
            found = await KillRun(trial, lambda _: None).run(KILLS, time.monotonic() + 60)
        assert found.breaches == []
        assert found.kills == KILLS
        assert found.orders
        assert found.executions

    asyncio.run(story())


@pytest.mark.parametrize("name", CASES)
def test_a_case_breaks_no_promise(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "KILLS", 4)

    async def story() -> None:
        async with Lives(tmp_path) as lives:
            try:
                outcome = await CASES[name](lives, tmp_path, 2)
            except NotAllowed as why:
                pytest.skip(str(why))
        assert outcome.breaches == []

    asyncio.run(story())


def test_a_lost_acknowledgement_would_be_noticed(tmp_path: Path) -> None:
    """The checks see what they are for: an answer that the journal does not know."""

    async def story() -> list[str]:
        async with Lives(tmp_path) as lives:
            trial = Trial(lives, tmp_path / "journal", 3)
            await trial.open_venue()
            process = await trial.start()
            await trial.load(process, 0.4)
            await process.kill()
            _forge(trial.client)
            await trial.finish()
            return trial.breaches

    breaches = asyncio.run(story())
    assert any("was acknowledged and is not in the journal" in one for one in breaches)
    assert any("was accepted and never asked for" in one for one in breaches)


def _forge(client: Client) -> None:
    """Swap an answer, and forget that another was asked for."""
    placed = [a for a in client.asked if a.kind == "place" and a.accepted is not None]
    placed[0].client_order_id = "never"
    placed[1].sent = 0


def test_an_interrupt_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "chaos", "--only", "kills", "--kills", "50"],
        cwd=ROOT,
        env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 30
    while not list(tmp_path.rglob("journal.db")) and time.monotonic() < until:
        time.sleep(0.05)
    folders = list(tmp_path.iterdir())
    run.send_signal(2)
    assert run.wait(20) == 130
    assert len(folders) == 1
    assert list(tmp_path.iterdir()) == []
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in processes.stdout
