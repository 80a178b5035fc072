"""A webhook's receiver, real HTTP on loopback: it writes down what it is told."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Listens from ``with`` on; ``status`` is what it answers."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.heard: list[dict[str, Any]] = []
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        outer = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                outer.may_answer.wait(20)
                if outer.status == 200:
                    outer.heard.append(json.loads(body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Hook)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hush-hush"

    @property
    def texts(self) -> list[str]:
        return [one["message"] for one in self.heard]

    def until(self, done: Callable[[], bool], seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, (self.asked, self.texts)
            time.sleep(0.01)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
