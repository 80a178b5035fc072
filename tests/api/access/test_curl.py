"""The shell program of the signing page, with real curl and openssl, against a real socket."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from interlock.api.problems import Problem
from tests.api.access.desk import Clock, House

PAGE = Path(__file__).resolve().parents[3] / "docs" / "SIGNING.md"
SECONDS_MAX = 60
pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="curl or openssl is missing"
)


class Wall(Clock):
    """The real time, since the program asks the real one."""

    def __call__(self) -> int:
        return time.time_ns()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[House, str]]:
    house = House(tmp_path, Wall())
    house.access._nonces._floor -= 1_000  # the shell's clock has whole seconds

    class Listening(BaseHTTPRequestHandler):
        """Answers with the key's id, or with the problem's code."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            address = self.client_address[0]
            answer = house.let_in(headers, self.command, self.path, body, address)
            said = answer.code if isinstance(answer, Problem) else answer.key_id
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said.encode())

        do_GET = do_DELETE = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what was answered says it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listening)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield house, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
    house.access.close()


def test_what_the_page_sends_is_let_in_however_odd_its_path_and_body(served, tmp_path: Path):
    house, url = served
    (program,) = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    client = house.key(allowed_ips=["127.0.0.1"])
    for method, target, body in (
        ("POST", "/v1/orders", b'{"note": "Gr\xc3\xbc\xc3\x9fe"}\n'),
        ("GET", "/v1/orders?tag=a%20b&ids=[1-3]&set={a,b}&x=../y", b""),
        ("DELETE", "/v1/../orders/./x?", b"\x00\xff@file"),
    ):
        (tmp_path / "body").write_bytes(body)
        words = {"METHOD": method, "TARGET": target, "BODY": str(tmp_path / "body")}
        who = {"SERVER": url, "KEY": client.view.id, "SECRET": client.secret}
        env = os.environ | {"no_proxy": "*"} | words | who
        command = ["sh", "-eu", "-c", program]
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
        )
        assert done.stdout == client.view.id, (target, done.stdout, done.stderr)
