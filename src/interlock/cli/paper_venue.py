"""``interlock paper-venue``: the paper exchange in a process of its own, behind a local socket.

Decides where its memory lies and when it ends. Invariant: it listens on this machine alone; what is
said to it is neither signed nor encrypted.
"""

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import uvloop
from cyclopts import Parameter

from interlock.api.config import Market
from interlock.api.serving import PAPER
from interlock.cli.errors import BadInput, WorldTrouble
from interlock.cli.serve import Data, course_of, data_folder
from interlock.cli.text import out
from interlock.market.course import Course
from interlock.venues.paper import wire
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.memory import PaperMemory
from interlock.venues.paper.server import PaperServer


def paper_venue(
    *,
    data: Data = None,
    port: Annotated[int, Parameter(help="Port to listen on; 0 for any free one.")] = 8470,
    market: Annotated[
        str, Parameter(help="generated[:SEED], or files of recorded markets separated by commas.")
    ] = "generated:1",
    speed: Annotated[float, Parameter(help="How many times real time.")] = 1.0,
) -> int:
    """Run the paper exchange and its market in a process of its own, on this machine alone.

    A server trades there with `interlock serve --venue 127.0.0.1:8470`. Orders and executions
    outlive both: they are kept in the data folder, in venue.db.

        interlock paper-venue

        interlock paper-venue --port 9100 --market generated:7
    """
    if not 0 <= port <= 65_535:
        raise BadInput(f"port {port}: it must be from 0 to 65535.")
    if not 0.01 <= speed <= 1_000:
        raise BadInput(f"speed {speed}: it must be from 0.01 to 1000.")
    course = course_of(Market(market, speed))
    folder = data_folder(data)
    folder.mkdir(parents=True, exist_ok=True)
    uvloop.run(serve_venue(course, speed, folder / "venue.db", port))
    return 0


async def serve_venue(course: Course, speed: float, file: Path, port: int) -> None:
    """Until SIGTERM or Ctrl-C, or until the market ends with a fault."""
    exchange = PaperExchange("PAPER", course.instruments, PAPER)
    memory = PaperMemory(file)
    try:
        at = memory.recall(exchange)
        venue = PaperServer(exchange, course.instruments, time.time_ns, memory)
        server = await _listening(venue, port)
        ticks = course.ticks(at.round, at.played, at.price, venue.note)
        happening = asyncio.create_task(venue.market(ticks, speed))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, happening.cancel)
        where = f"{wire.HOST}:{server.sockets[0].getsockname()[1]}"
        out().print(f"PAPER listens on {where}.\nTrade there: interlock serve --venue {where}")
        sys.stdout.flush()
        await asyncio.wait([happening])
        server.close()
        venue.leave()
        if not happening.cancelled():
            happening.result()
    finally:
        memory.close()


async def _listening(venue: PaperServer, port: int) -> asyncio.Server:
    try:
        return await asyncio.start_server(venue.serve, wire.HOST, port)
    except OSError as error:
        raise WorldTrouble(
            f"cannot listen on {wire.HOST} port {port}: {error.strerror}. Is another venue there? "
            f"Choose a port with --port, or 0 for any free one."
        ) from error
