"""The double of Binance of ``wire``: the product's own sandbox, with a stopwatch at its wire.

``python -m bench.double``. Says its port; at its end, one line of JSON: for each order of whose
fill the user stream told, the moment before that was written to the stream and the moment at which
the cancel of its sibling had arrived, ns of the machine's monotonic clock; 0 for never.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
import uvloop

from bench.fills import order_of
from interlock.market.course import Course
from interlock.sandbox.binance import serving
from interlock.sandbox.binance.serving import Sandbox

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Stopwatch:
    """Around the application: what it writes to streams, and what arrives."""

    def __init__(self) -> None:
        self.moments: dict[str, list[int]] = {}

    def around(self, app: App) -> App:
        async def timed(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["method"] == "DELETE":
                self._arrived(scope["query_string"])

            async def sent(message: Message) -> None:
                if message["type"] == "websocket.send":
                    self._written(message.get("text") or "")
                await send(message)

            await app(scope, receive, sent)

        return timed

    def _arrived(self, query: bytes) -> None:
        now = time.monotonic_ns()
        asked = parse_qs(query.decode("ascii"))
        named = asked.get("clientAlgoId") or asked.get("origClientOrderId") or [""]
        moments = self.moments.get(order_of(named[0]))
        if moments is not None and not moments[1]:
            moments[1] = now

    def _written(self, text: str) -> None:
        if '"X":"FILLED"' in text:
            name = msgspec.json.decode(text)["o"]["c"]
            self.moments[order_of(name)] = [time.monotonic_ns(), 0]


async def main() -> None:
    stopwatch, made = Stopwatch(), serving.application
    serving.application = lambda *given: stopwatch.around(made(*given))  # type: ignore
    sandbox = Sandbox(Course(1), 0, by_hand=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sandbox.stop)
    await sandbox.run(lambda up: say(str(up.futures_port)))
    say(json.dumps(stopwatch.moments))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main())
