"""From a committed fact to a real webhook: beside the line, once, and across restarts."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from interlock.api.alerting import alerts as alerts_module
from interlock.api.alerting import channels as channels_module
from interlock.api.alerting.channels import AppriseChannel, Channel, opened
from interlock.api.config import AlertsPart
from interlock.api.serving import Server
from interlock.journal.errors import JournalUnavailable
from tests.api.alerting.receiver import Receiver
from tests.api.house import play

KILL = {"level": "block_new", "why": "a test"}
QUIET = AlertsPart(events={"started": False})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts_module, "AGAIN_S", 0.1)
    monkeypatch.setattr(alerts_module, "END_S", 0.2)
    monkeypatch.setattr(channels_module, "ATTEMPTS", 1)


def hook(receiver: Receiver, name: str = "desk") -> Channel:
    return AppriseChannel(name, receiver.url)


async def kill(client: httpx.AsyncClient, tag: str) -> None:
    answer = await client.post("/v1/kill", json={**KILL, "tag": tag})
    assert answer.status_code == 200, answer.text


async def heard(receiver: Receiver, count: int) -> None:
    await asyncio.to_thread(receiver.until, lambda: len(receiver.heard) >= count)


def test_a_kill_is_told_to_a_webhook_and_not_again_after_a_restart(tmp_path: Path):
    with Receiver() as receiver:

        async def story(server: Server, client: httpx.AsyncClient) -> None:
            await kill(client, "grid")
            await heard(receiver, 2)

        async def later(server: Server, client: httpx.AsyncClient) -> None:
            await kill(client, "other")
            await heard(receiver, 4)

        play(tmp_path, story, channels=[hook(receiver)], alerts=QUIET)
        play(tmp_path, later, channels=[hook(receiver)], alerts=QUIET)
        assert receiver.texts == [
            "No new risk: kill: tag grid (block_new). a test",
            "tag grid: a test",
            "No new risk: kill: tag other (block_new). a test",
            "tag other: a test",
        ]
        assert receiver.heard[0]["title"].startswith("Interlock paper: block_set, 20")
        assert receiver.heard[0]["type"] == "failure"


def test_what_no_channel_took_is_told_by_the_next_process(tmp_path: Path):
    with Receiver() as receiver:
        receiver.status = 503

        async def story(server: Server, client: httpx.AsyncClient) -> None:
            await kill(client, "grid")
            await asyncio.to_thread(receiver.until, lambda: receiver.asked >= 2)

        async def later(server: Server, client: httpx.AsyncClient) -> None:
            receiver.status = 200
            await heard(receiver, 2)

        play(tmp_path, story, channels=[hook(receiver)], alerts=QUIET)
        assert receiver.heard == []
        play(tmp_path, later, channels=[hook(receiver)], alerts=QUIET)
        assert sorted(receiver.texts) == [
            "No new risk: kill: tag grid (block_new). a test",
            "tag grid: a test",
        ]


def test_what_happened_while_there_was_no_telling_is_told_from_the_journal(tmp_path: Path):
    """As after a process that was killed before it could write how far it had told."""
    with Receiver() as receiver:

        async def nothing(server: Server, client: httpx.AsyncClient) -> None:
            pass

        async def untold(server: Server, client: httpx.AsyncClient) -> None:
            await kill(client, "grid")

        async def later(server: Server, client: httpx.AsyncClient) -> None:
            await heard(receiver, 2)

        play(tmp_path, nothing, channels=[hook(receiver)], alerts=QUIET)
        play(tmp_path, untold)
        play(tmp_path, later, channels=[hook(receiver), hook(receiver, "new")], alerts=QUIET)
        assert len(receiver.texts) == 2  # once: a channel that is new begins with what is new


def test_a_channel_that_hangs_keeps_neither_the_line_nor_the_end_waiting(tmp_path: Path):
    with Receiver() as slow, Receiver() as quick:
        slow.may_answer.clear()

        async def story(server: Server, client: httpx.AsyncClient) -> None:
            for number in range(20):
                await asyncio.wait_for(kill(client, f"s{number}"), 2)
            await heard(quick, 20)
            assert slow.heard == []
            assert (await client.get("/health")).status_code == 200

        play(
            tmp_path,
            story,
            channels=[hook(slow, "slow"), hook(quick, "quick")],
            alerts=AlertsPart(events={"started": False}, per_minute=100),
        )


def test_switches_and_templates_decide_what_is_told(tmp_path: Path):
    asked = AlertsPart(
        events={"killed": False, "block_lifted": True},
        templates={"block_set": "{level} by {by}: {detail}", "started": "up in {environment}"},
    )
    with Receiver() as receiver:

        async def story(server: Server, client: httpx.AsyncClient) -> None:
            await kill(client, "grid")
            await heard(receiver, 2)

        play(tmp_path, story, channels=[hook(receiver)], alerts=asked)
        assert receiver.texts == ["up in paper", "block_new by everybody: a test"]


def test_an_address_is_never_shown_or_logged(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with Receiver() as receiver:
        receiver.status = 500
        (channel,) = opened({}, receiver.url)
        with pytest.raises(channels_module.NotTold) as said:
            channels_module.tell(channel, "title", "text", True)
    for text in (caplog.text, repr(said.value), channel.name, channel.shown):
        assert "hush-hush" not in text
    with pytest.raises(ValueError, match="alert channel phone") as refused:
        AppriseChannel("phone", "nonsense://hush-hush")
    assert "hush-hush" not in str(refused.value)


def test_a_file_that_is_damaged_begins_anew_and_is_told_of(tmp_path: Path):
    (tmp_path / "alerts.json").write_text("{")
    with Receiver() as receiver:

        async def story(server: Server, client: httpx.AsyncClient) -> None:
            await kill(client, "grid")
            await heard(receiver, 2)

        play(tmp_path, story, channels=[hook(receiver)], alerts=QUIET)


def test_a_message_reaches_a_mailbox(tmp_path: Path):
    """E-mail as well: a real SMTP conversation on loopback."""
    mails: list[Any] = []

    class Box:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            mails.append(envelope.content)
            return "250 kept"

    with Receiver() as free:
        port = free.port
    mailbox = Controller(Box(), hostname="127.0.0.1", port=port)
    mailbox.start()
    try:
        url = f"mailto://127.0.0.1:{port}?from=desk@example.com&to=trader@example.com&mode=insecure"
        channels_module.tell(AppriseChannel("mail", url), "Interlock: killed", "all", True)
    finally:
        mailbox.stop()
    assert b"Subject: Interlock: killed" in mails[0]


def test_the_loss_of_the_journal_is_told_though_it_can_be_no_fact(tmp_path: Path):
    with Receiver() as receiver:

        async def story(server: Server, client: httpx.AsyncClient) -> None:
            def full(expected_n: int, frame: object) -> None:
                raise JournalUnavailable("the disk is full")

            server.line.journal.append = full  # type: ignore[method-assign,assignment]
            with pytest.raises(httpx.HTTPError):
                (await client.post("/v1/kill", json=KILL)).raise_for_status()

        with pytest.raises(JournalUnavailable):
            play(tmp_path, story, channels=[hook(receiver)], alerts=QUIET)
        (text,) = receiver.texts
        assert "the disk is full" in text and "exits stay" in text
