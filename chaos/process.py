"""The process that is killed: a line, its journal on disk, its venue and clients on sockets.

Decides only how the parts are put together; what is decided is the product's. Invariant: nothing
is answered from here but what the line answered.

Usage: ``python -m chaos.process FOLDER --venue PORT [--seed N]``; prints the port it listens on.
"""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from chaos import wire
from chaos.life import orphaned
from chaos.venue import INSTRUMENTS, capabilities
from interlock.engine.digest import digest
from interlock.engine.leg import LegState
from interlock.engine.settings import Settings
from interlock.journal.projection import NAME as PROJECTION
from interlock.journal.projection import Projection
from interlock.journal.sqlite import SqliteJournal, Verify
from interlock.main import guarded
from interlock.orders.commands import Answer
from interlock.orders.decoding import decode_command
from interlock.orders.rejects import Reject
from interlock.runtime.clock import SteadyClock
from interlock.runtime.line import Line
from interlock.runtime.linked import open_to, reached
from interlock.runtime.live import Live
from interlock.venues.paper.link import Link

UPKEEP_S = 0.15
RETRY_SOON_NS = 2_000_000_000
"""Time enough to look at both sides before a refused leg is sent again."""
SNAPSHOT_FRAMES = 400
"""Both far more often than in earnest, so that kills fall into them."""
SETTINGS = Settings(forget_after_ns=20_000_000_000)


class Process:
    """One life of it."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.journal = SqliteJournal(given.folder, verify=given.verify, warn=_note)
        self.offset_ns = int(given.clock_offset_ns)
        self.link = Link("PAPER", (wire.HOST, given.venue), capabilities(given.seed), self.now)
        self.line = Line(self.journal, {"PAPER": self.link}, SETTINGS)
        self.line.recover()
        self.clock = SteadyClock(self.line.now, wall=self._wall, told=_note)
        self.projection = Projection(given.folder / PROJECTION, warn=_note)
        self.line.snapshot_frames = SNAPSHOT_FRAMES

    def now(self) -> int:
        return self.clock.now()

    def _wall(self) -> int:
        return time.time_ns() + self.offset_ns

    async def run(self) -> None:
        work = (self.journal.checkpoint, lambda: self.projection.catch_up(self.journal))
        self.live = Live(self.line, self.clock, work, UPKEEP_S, _note)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.live.stop)
        alone = asyncio.create_task(orphaned())
        alone.add_done_callback(lambda _: self.live.stop())
        linked = asyncio.create_task(self.link.run())
        linked.add_done_callback(_bring_up)
        await reached(self.link)
        self.live.start(INSTRUMENTS)
        open_to(self.link, self.live)
        server = await asyncio.start_server(self._serve, wire.HOST, 0)
        _say(f"listening {server.sockets[0].getsockname()[1]}")
        await self.live.run()
        server.close()
        for task in (linked, alone):
            task.cancel()
        await asyncio.gather(linked, alone, return_exceptions=True)
        self.projection.catch_up(self.journal)
        self.projection.close()
        self.journal.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (message := await wire.hear(reader, wire.FROM_CLIENT)) is not None:
            match message:
                case wire.Ask():
                    self._ask(message, writer)
                case wire.Look():
                    self.live.between(lambda: wire.say(writer, self._state()))
                case wire.SetClock():
                    self.offset_ns = message.offset_ns
        writer.close()

    def _state(self) -> wire.State:
        self.line.flush()
        state = self.line.state
        legs = [leg for order in state.orders.living() for leg in order.legs]
        open_questions = sum(
            leg.venue is not None and (leg.state is not LegState.WORKING or leg.venue.querying)
            for leg in legs
        )
        open_questions += sum(asked > 0 for leg in legs for _, _, asked in leg.late_looks)
        now = self.now()
        open_questions += sum(  # a refused leg sent again between two looks is no rest
            leg.venue is None and not leg.ended and now < leg.not_before < now + RETRY_SOON_NS
            for leg in legs
        )
        return wire.State(self.journal.tail().n, digest(state), self.now(), open_questions)

    def _ask(self, ask: wire.Ask, writer: asyncio.StreamWriter) -> None:
        def reply(answer: Answer) -> None:
            if isinstance(answer, Reject):
                wire.say(writer, wire.Told(ask.number, refused=answer))
            else:
                wire.say(writer, wire.Told(ask.number, accepted=answer))

        command = decode_command(bytes(ask.command))
        if isinstance(command, Reject):
            reply(command)
            return
        self.live.ask(command, reply)


def _bring_up(task: asyncio.Task[None]) -> None:
    """A task that nobody waits for must not die in silence."""
    if not task.cancelled():
        task.result()


def _note(what: str) -> None:
    sys.stderr.write(f"interlock: {what}\n")
    sys.stderr.flush()


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _read(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos.process", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--venue", type=int, required=True, help="the venue's port")
    parser.add_argument("--seed", type=int, default=0, help="draws what the venue can")
    parser.add_argument("--clock-offset-ns", type=int, default=0)
    words: tuple[Verify, ...] = ("all", "tail")
    parser.add_argument("--verify", choices=words, default="tail")
    return parser.parse_args(arguments)


def main() -> int:
    given = _read()
    return guarded(lambda: asyncio.run(Process(given).run()))


if __name__ == "__main__":
    sys.exit(main())
