"""The desk: commands of clients to the line, and their answers back.

Decides nothing about orders. Invariant: an answer is given once the facts it speaks of are durable,
and a command that the line never answered is never answered here either.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from interlock.api.views import PositionView
from interlock.journal.port import Journal
from interlock.journal.projection import Projection
from interlock.orders.commands import Answer, Command
from interlock.runtime.live import Live

Found = TypeVar("Found")


class Stopping(Exception):
    """The process ends; whatever is asked now has no answer from it."""


class Desk:
    """Between the requests of clients and one live line."""

    def __init__(self, live: Live, journal: Journal, projection: Projection) -> None:
        self.live = live
        self.journal = journal
        self.projection = projection
        self._reading = ThreadPoolExecutor(1, "tables")

    async def ask(self, command: Command) -> Answer:
        (answer,) = await self.ask_all([command])
        return answer

    async def ask_all(self, commands: list[Command]) -> list[Answer]:
        """Several commands of one kind, answered in their order; raises ``Stopping`` when there is
        no line.
        """
        loop = asyncio.get_running_loop()
        self.live.attend()
        if self.live.over:
            raise Stopping
        done: asyncio.Future[None] = loop.create_future()
        answers: list[Answer] = []

        def last(answer: Answer) -> None:
            answers.append(answer)
            if not done.done():
                done.set_result(None)

        # Commands of one class are answered in the order they were asked.
        for command in commands[:-1]:
            self.live.ask(command, answers.append)
        if commands:
            self.live.ask(commands[-1], last)
            await asyncio.wait([done, self.live.ended], return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                done.cancel()
                raise Stopping
        assert len(answers) == len(commands)
        return answers

    async def read(self, query: Callable[[Projection], Found]) -> tuple[int, Found]:
        """Ask the tables, brought up to everything durable now; the last event_seq they know.

        On a thread of its own: neither catching up nor a long answer keeps the line waiting.
        """

        def work() -> tuple[int, Found]:
            if self.projection.tail.n < wanted:
                self.projection.catch_up(self.journal)
            return self.projection.tail.next_seq - 1, query(self.projection)

        wanted = self.live.line.commits.tail.n
        return await asyncio.get_running_loop().run_in_executor(self._reading, work)

    def positions(self, accounts: tuple[str, ...] | None) -> list[PositionView]:
        """What our fills have made of each position that is not flat."""
        state = self.live.line.state
        return [
            PositionView(account, symbol, side or None, state.markets[symbol].grid.quantity_text(n))
            for (account, symbol, side), n in sorted(state.net.items())
            if n and (accounts is None or account in accounts)
        ]

    def close(self) -> None:
        self._reading.shutdown(cancel_futures=True)
