"""A server whose journal is encrypted: nothing of an order on the disk, and all else as before."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from interlock.api.access.errors import MasterKeyWrong
from interlock.api.access.master import NAME as MASTER
from interlock.client import Client, limit
from interlock.journal.errors import JournalPlain, JournalSealed
from interlock.journal.sealed_projection import NAME as TABLES
from interlock.main import run
from tests.api.house import Server, play
from tests.api.test_orders import body

Capture = pytest.CaptureFixture[str]
SECRET = "wheat-42-secret"


async def places(server: Server, client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/orders", json=body(SECRET))
    assert answer.status_code in (200, 201), answer.text
    found = await client.get(f"/v1/orders/{SECRET}")
    assert found.json()["client_order_id"] == SECRET
    assert not plain(server.settings.folder)


def plain(folder: Path) -> list[str]:
    """Files that anybody can read the order, or what it trades, in. (The trail names paths.)"""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in ("requests.jsonl", "config.toml")
        and any(word in path.read_bytes() for word in (SECRET.encode(), b"BTCUSDT", b"stop_loss"))
    ]


def test_nothing_of_an_order_is_readable_and_it_is_there_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        play(tmp_path, places, encrypt=True)
        assert plain(tmp_path) == []
        assert (tmp_path / "journal" / TABLES).exists()


def test_a_journal_begun_plain_is_encrypted_and_made_plain_again(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = str(tmp_path / "journal")
    play(tmp_path, places_plainly)
    assert plain(tmp_path)
    with pytest.raises(JournalPlain, match="interlock encrypt"):
        play(tmp_path, places, encrypt=True)
    assert run(["encrypt", journal]) == 0
    assert "Now set: journal.encrypt = true" in capsys.readouterr().out
    with pytest.raises(JournalSealed, match="interlock decrypt"):
        play(tmp_path, places)
    play(tmp_path, places, encrypt=True)
    assert plain(tmp_path) == []
    for command in (["facts", journal], ["orders", journal], ["rebuild", journal]):
        assert run(command) == 0
    assert SECRET in capsys.readouterr().out
    assert run(["encrypt", journal]) == 2
    other = tmp_path / "other.key"
    other.write_text("A" * 43 + "=")
    other.chmod(0o600)
    monkeypatch.setenv("INTERLOCK_SECRETS_KEY_FILE", str(other))
    assert run(["facts", journal]) == 3
    assert "is not the one" in capsys.readouterr().err
    monkeypatch.delenv("INTERLOCK_SECRETS_KEY_FILE")
    (tmp_path / MASTER).rename(tmp_path / "away")
    assert run(["facts", journal]) == 3
    assert "There is no master key" in capsys.readouterr().err
    (tmp_path / "away").rename(tmp_path / MASTER)
    assert run(["decrypt", journal]) == 0
    assert run(["decrypt", journal]) == 2
    play(tmp_path, places_plainly)
    assert "paper.db" in plain(tmp_path)


async def places_plainly(server: Server, client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/orders", json=body(SECRET))
    assert answer.status_code in (200, 201), answer.text


def test_another_master_key_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    play(tmp_path, places, encrypt=True)
    before = (tmp_path / "journal" / "journal.db").read_bytes()
    (tmp_path / MASTER).write_text("A" * 43 + "=")
    with pytest.raises(MasterKeyWrong):
        play(tmp_path, places, encrypt=True)
    for left in tmp_path.glob("access.db*"):
        left.unlink()  # a new one does not know better; the journal does
    with pytest.raises(JournalSealed, match="is not the one"):
        play(tmp_path, places, encrypt=True)
    assert (tmp_path / "journal" / "journal.db").read_bytes() == before


def test_a_server_killed_under_encryption_has_everything_it_answered(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "interlock", "serve", "--data", str(tmp_path), "--port", "0"]
    (tmp_path / "config.toml").write_text("[journal]\nencrypt = true\n")
    living = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert living.stdout is not None
    said = ""
    while "Ctrl-C" not in said:
        said += living.stdout.readline()
    url = said.split("API")[1].split()[0].removesuffix("/v1")
    with Client(url, "", "") as admin:
        admin.login(said.split("shown this once: ")[1].split()[0])
        made = admin.keys.make("bot", ["read", "trade"])
    with Client(url, made.key.id, made.secret) as client:
        placed = client.place(limit("1", buy="1", instrument="BTCUSDT.PAPER"), SECRET)
        assert client.order(SECRET).order_id == placed.order_id
        living.kill()
    living.wait()
    assert plain(tmp_path) == []
    listed = subprocess.run(
        [sys.executable, "-m", "interlock", "orders", str(tmp_path / "journal"), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    (order,) = json.loads(listed.stdout)
    assert (order["order_id"], order["client_order_id"]) == (placed.order_id, SECRET)


def test_orders_are_read_beside_a_running_server(tmp_path: Path, capsys: Capture) -> None:
    async def story(server: Server, client: httpx.AsyncClient) -> None:
        await places(server, client)
        look = ["orders", str(tmp_path / "journal"), "--order", SECRET]
        assert await asyncio.to_thread(run, look) == 0
        assert SECRET in capsys.readouterr().out

    play(tmp_path, story, encrypt=True)
