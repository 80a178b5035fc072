"""The log: what is in a line, what never is, and that nobody waits for it."""

import io
import json
import logging
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from interlock.api import logs
from interlock.api.config import ConfigWrong, load
from interlock.api.logs import Log
from interlock.api.serving import Server
from tests.api.house import play
from tests.api.test_access_http import Owner
from tests.api.test_orders import body


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_refusal_is_a_line_with_all_that_finds_it_again(tmp_path: Path) -> None:
    out = io.StringIO()
    log = Log(out, "info", "json", "paper")

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        server.settings.log = log
        await client.post("/v1/orders", json=body("one"))
        refused = await client.get("/v1/orders/nobody?x=seen-by-nobody")
        assert refused.status_code == 404
        assert (await client.get("/nowhere")).status_code == 404
        log.close()
        line, strange = (one for one in lines(out) if one["event"] == "refused")
        assert line.pop("timestamp").endswith("Z") and line.pop("ms") >= 0
        assert line == {
            "event": "refused",
            "level": "info",
            "environment": "paper",
            "request_id": refused.headers["x-request-id"],
            "method": "GET",
            "path": "/v1/orders/nobody",
            "status": 404,
            "code": "NOT_FOUND",
            "who": "everybody",
            "address": "127.0.0.1",
        }
        assert (strange["path"], strange["status"]) == ("/nowhere", 404)
        assert "seen-by-nobody" not in out.getvalue()

    play(tmp_path, story, log=log)


def test_no_secret_is_in_any_line(tmp_path: Path) -> None:
    out = io.StringIO()
    log = Log(out, "debug", "json", "paper")
    secrets: list[str] = []

    async def story(server: Server, client: httpx.AsyncClient) -> None:
        owner = Owner(server, client)
        bot = await owner.key()
        session = await owner.login()
        await client.post("/v1/orders", json=body("one"), auth=bot)
        ticket = (await client.post("/v1/stream-tickets", auth=bot)).json()["ticket"]
        async with client.stream("GET", f"/v1/events?ticket={ticket}") as answer:
            assert answer.status_code == 200
        await client.post("/v1/session", json={"password": "a wrong guess"})
        secrets.extend([bot.secret, owner.password, ticket, session["Authorization"].split()[1]])

    play(tmp_path, story, log=log, entrance=False)
    log.close()
    assert len(lines(out)) >= 6 and {"answered", "refused"} <= {one["event"] for one in lines(out)}
    for secret in (*secrets, "a wrong guess"):
        assert secret not in out.getvalue()


def test_a_field_that_may_be_a_secret_is_left_out_and_text_stays_on_its_line() -> None:
    out = io.StringIO()
    log = Log(out, "info", "json")
    log.note("made", api_secret="shh", Authorization="shh", name="bot")
    log.answered(404, "", "GET", "/v1/\nfaked line\x1b[31m?q=1")
    log.close()
    made, refused = lines(out)
    assert (made["api_secret"], made["Authorization"]) == ("(left out)", "(left out)")
    assert made["name"] == "bot"
    assert refused["path"] == "/v1/?faked line?[31m"


@pytest.mark.parametrize(
    ("level", "events"),
    [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)],
)
def test_levels_choose_what_is_told(level: str, events: int) -> None:
    out = io.StringIO()
    log = Log(out, level, "text", "testnet")
    log.answered(200, "", "GET", "/v1/orders")
    log.answered(404, "NOT_FOUND", "GET", "/v1/orders/x")
    log.told("the disk is full")
    try:
        raise KeyError("a bug")
    except KeyError as error:
        log.bug("KeyError while answering GET", error)
    log.close()
    told = [line for line in out.getvalue().splitlines() if "environment=testnet" in line]
    assert len(told) == events
    assert "Traceback" in out.getvalue()


class Stuck(io.StringIO):
    """A file that takes nothing until it is let go, as a pipe that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.free.wait(20)
        return super().write(text)


def test_nobody_waits_for_a_log_that_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "WAITING_MAX", 5)
    out = Stuck()
    log = Log(out, "info", "text")
    for number in range(50):
        log.note(f"line {number}")
    out.free.set()
    log.close()
    assert "line 0" in out.getvalue() and "line 49" not in out.getvalue()
    assert "lines lost" in out.getvalue()


def test_libraries_are_heard_and_the_file_is_its_owners(tmp_path: Path) -> None:
    file = tmp_path / "interlock.log"
    log = logs.opened(str(file), "info", "json", "live")
    before = logging.getLogger().handlers[:]
    log.hear_libraries()
    try:
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
        logging.getLogger("httpx").warning("GET https://x/order?a=1&signature=beef 200")
    finally:
        logging.basicConfig(handlers=before, force=True)
    log.close()
    line, asked = map(json.loads, file.read_text().splitlines())
    assert asked["event"] == "GET https://x/order?(left out) 200"
    assert (line["library"], line["environment"]) == ("uvicorn.error", "live")
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(logs.LogUnwritable, match="cannot be written"):
        logs.opened(str(tmp_path / "no" / "x.log"), "info", "json", "live")


def test_levels_and_formats_are_known_ones(tmp_path: Path) -> None:
    for text in ('level = "loud"', 'format = "xml"'):
        (tmp_path / "config.toml").write_text(f"[log]\n{text}\n")
        with pytest.raises(ConfigWrong, match="is one of"):
            load(tmp_path / "config.toml", {})
